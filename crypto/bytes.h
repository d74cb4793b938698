// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Bytes, big-endian words, and the one type that holds a secret: Secret<N> wipes itself when it ends or moves away,
// is never copied by accident, and cannot be printed or compared with ==.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <span>

namespace systole::crypto {

using Bytes = std::span<const std::byte>;

void wipe(std::span<std::byte> bytes); // zeroes in a way the compiler may not remove

// No branch and no memory access depends on the contents; different lengths are simply unequal.
[[nodiscard]] bool equal_constant_time(Bytes a, Bytes b);
void random_bytes(std::span<std::byte> out); // getrandom(2); aborts if the kernel has none

template <std::size_t N> class Secret {
public:
	Secret() = default;
	explicit Secret(Bytes value) // a deliberate copy
	{
		assert(value.size() == N);
		std::memcpy(m_value.data(), value.data(), N);
	}
	~Secret() { wipe(); }
	Secret(const Secret &) = delete;
	Secret &operator=(const Secret &) = delete;
	Secret(Secret &&other) noexcept : m_value(other.m_value) { other.wipe(); }
	Secret &operator=(Secret &&other) noexcept
	{
		if (this != &other) {
			m_value = other.m_value;
			other.wipe();
		}
		return *this;
	}

	[[nodiscard]] std::span<std::byte, N> span() { return m_value; }
	[[nodiscard]] Bytes bytes() const { return m_value; }
	[[nodiscard]] static constexpr std::size_t size() { return N; }
	void wipe() { crypto::wipe(m_value); }

	template <typename Char>
	friend std::basic_ostream<Char> &operator<<(std::basic_ostream<Char> &, const Secret &) = delete;
	friend bool operator==(const Secret &, const Secret &) = delete; // use equal_constant_time()

private:
	std::array<std::byte, N> m_value{};
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
