// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Bytes, big-endian words, and the one type that holds a secret: Secret<N> keeps it in locked memory that is left out of
// core dumps, wipes it when it ends, is never copied by accident, and cannot be printed or compared with ==.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <span>
#include <utility>

namespace systole::crypto {

using Bytes = std::span<const std::byte>;

void wipe(std::span<std::byte> bytes); // zeroes in a way the compiler may not remove

// No branch and no memory access depends on the contents; different lengths are simply unequal.
[[nodiscard]] bool equal_constant_time(Bytes a, Bytes b);
void random_bytes(std::span<std::byte> out); // getrandom(2); aborts if the kernel has none

// One secret's place in locked memory (locked_memory.h), zeroed; wiped when it is given back. Throws std::bad_alloc where
// the system grants no locked memory: a secret in ordinary memory would be worse.
inline constexpr std::size_t secret_slot_bytes = 192; // the largest: the round keys of AES-128, while they are made
[[nodiscard]] std::byte *take_secret_slot();
void give_back_secret_slot(std::byte *slot) noexcept;

template <std::size_t N> class Secret {
	static_assert(N <= secret_slot_bytes);

public:
	Secret() : m_value(take_secret_slot()) {}
	explicit Secret(Bytes value) : Secret() // a deliberate copy
	{
		assert(value.size() == N);
		std::memcpy(m_value, value.data(), N);
	}
	~Secret()
	{
		if (m_value != nullptr)
			give_back_secret_slot(m_value);
	}
	Secret(const Secret &) = delete;
	Secret &operator=(const Secret &) = delete;
	// What was moved from holds nothing and has no bytes.
	Secret(Secret &&other) noexcept : m_value(std::exchange(other.m_value, nullptr)) {}
	Secret &operator=(Secret &&other) noexcept
	{
		Secret held(std::move(other)); // and what was held before ends with it
		std::swap(m_value, held.m_value);
		return *this;
	}

	[[nodiscard]] std::span<std::byte, N> span()
	{
		assert(m_value != nullptr);
		return std::span<std::byte, N>(m_value, N);
	}
	[[nodiscard]] Bytes bytes() const { return m_value == nullptr ? Bytes{} : Bytes(m_value, N); }
	[[nodiscard]] static constexpr std::size_t size() { return N; }
	void wipe()
	{
		if (m_value != nullptr)
			crypto::wipe({m_value, N});
	}

	template <typename Char>
	friend std::basic_ostream<Char> &operator<<(std::basic_ostream<Char> &, const Secret &) = delete;
	friend bool operator==(const Secret &, const Secret &) = delete; // use equal_constant_time()

private:
	std::byte *m_value;
};

inline void store_be16(std::byte *out, std::uint16_t value)
{
	out[0] = static_cast<std::byte>(value >> 8);
	out[1] = static_cast<std::byte>(value);
}
inline void store_be32(std::byte *out, std::uint32_t value)
{
	store_be16(out, static_cast<std::uint16_t>(value >> 16));
	store_be16(out + 2, static_cast<std::uint16_t>(value));
}
inline void store_be64(std::byte *out, std::uint64_t value)
{
	store_be32(out, static_cast<std::uint32_t>(value >> 32));
	store_be32(out + 4, static_cast<std::uint32_t>(value));
}
[[nodiscard]] inline std::uint16_t load_be16(const std::byte *in)
{
	return static_cast<std::uint16_t>(std::to_integer<unsigned>(in[0]) << 8 | std::to_integer<unsigned>(in[1]));
}
[[nodiscard]] inline std::uint32_t load_be32(const std::byte *in)
{
	return std::uint32_t{load_be16(in)} << 16 | load_be16(in + 2);
}
[[nodiscard]] inline std::uint64_t load_be64(const std::byte *in)
{
	return std::uint64_t{load_be32(in)} << 32 | load_be32(in + 4);
}

} // namespace systole::crypto
