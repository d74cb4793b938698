// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Bounds-checked big-endian readers and writers. A read past the end sets a flag and yields zero; a write past the
// end sets a flag and writes nothing. The caller asks ok() once, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace systole::core {

class WireReader {
public:
	explicit WireReader(std::span<const std::byte> bytes) : m_bytes(bytes) {}

	template <typename T> T number()
	{
		static_assert(std::is_integral_v<T>);
		using U = std::make_unsigned_t<T>;
		if (!need(sizeof(T)))
			return T{};
		std::uint64_t value = 0;
		for (std::size_t i = 0; i < sizeof(T); ++i)
			value = value << 8 | std::to_integer<std::uint64_t>(m_bytes[m_at + i]);
		m_at += sizeof(T);
		return static_cast<T>(static_cast<U>(value));
	}
	template <typename Array> void bytes_into(Array &out) // array of one-byte elements
	{
		static_assert(sizeof(out[0]) == 1);
		if (!need(out.size()))
			return;
		std::memcpy(out.data(), m_bytes.data() + m_at, out.size());
		m_at += out.size();
	}
	std::span<const std::byte> take(std::size_t n)
	{
		if (!need(n))
			return {};
		const auto part = m_bytes.subspan(m_at, n);
		m_at += n;
		return part;
	}
	void skip(std::size_t n) { (void)take(n); }
	[[nodiscard]] std::size_t left() const { return m_bytes.size() - m_at; }
	[[nodiscard]] bool ok() const { return m_ok; }

private:
	bool need(std::size_t n)
	{
		m_ok = m_ok && n <= left();
		return m_ok;
	}
	std::span<const std::byte> m_bytes;
	std::size_t m_at = 0;
	bool m_ok = true;
};

class WireWriter {
public:
	explicit WireWriter(std::span<std::byte> bytes) : m_bytes(bytes) {}

	template <typename T> void number(T value)
	{
		static_assert(std::is_integral_v<T>);
		if (!need(sizeof(T)))
			return;
		const auto u = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
		for (std::size_t i = 0; i < sizeof(T); ++i)
			m_bytes[m_at + i] = static_cast<std::byte>(u >> (8 * (sizeof(T) - 1 - i)));
		m_at += sizeof(T);
	}
	template <typename Array> void bytes(const Array &in)
	{
		static_assert(sizeof(in[0]) == 1);
		if (!need(in.size()))
			return;
		if (in.size() != 0)
			std::memcpy(m_bytes.data() + m_at, in.data(), in.size());
		m_at += in.size();
	}
	[[nodiscard]] std::size_t written() const { return m_at; }
	[[nodiscard]] bool ok() const { return m_ok; }

private:
	bool need(std::size_t n)
	{
		m_ok = m_ok && n <= m_bytes.size() - m_at;
		return m_ok;
	}
	std::span<std::byte> m_bytes;
	std::size_t m_at = 0;
	bool m_ok = true;
};

} // namespace systole::core
