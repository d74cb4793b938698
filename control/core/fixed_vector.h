// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A vector that lives where it stands: fixed capacity, no allocation, trivially copyable when T is.
// push_back on a full vector is a programmer's error and aborts (asserts stay on in release builds).
#pragma once

#include <array>
#include <cassert>
#include <cstddef>

namespace systole::core {

template <typename T, std::size_t N> class FixedVector {
public:
	static constexpr std::size_t capacity() { return N; }
	[[nodiscard]] constexpr std::size_t size() const { return m_size; }
	[[nodiscard]] constexpr bool empty() const { return m_size == 0; }
	[[nodiscard]] constexpr bool full() const { return m_size == N; }
	constexpr void clear() { m_size = 0; }
	constexpr T &push_back(const T &value)
	{
		assert(m_size < N);
		m_items[m_size] = value;
		return m_items[m_size++];
	}
	constexpr void pop_back()
	{
		assert(m_size > 0);
		--m_size;
	}
	constexpr T &operator[](std::size_t i)
	{
		assert(i < m_size);
		return m_items[i];
	}
	constexpr const T &operator[](std::size_t i) const
	{
		assert(i < m_size);
		return m_items[i];
	}
	constexpr T *begin() { return m_items.data(); }
	constexpr T *end() { return m_items.data() + m_size; }
	constexpr const T *begin() const { return m_items.data(); }
	constexpr const T *end() const { return m_items.data() + m_size; }
	constexpr T &back() { return (*this)[m_size - 1]; }
	constexpr const T &back() const { return (*this)[m_size - 1]; }
	friend constexpr bool operator==(const FixedVector &a, const FixedVector &b)
	{
		if (a.m_size != b.m_size)
			return false;
		for (std::size_t i = 0; i < a.m_size; ++i)
			if (!(a.m_items[i] == b.m_items[i]))
				return false;
		return true;
	}

private:
	std::size_t m_size = 0;
	std::array<T, N> m_items{};
};

} // namespace systole::core
