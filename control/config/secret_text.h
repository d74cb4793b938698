// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A password as the configuration holds it: text that is overwritten before its memory is given back, on every path
// (destruction, assignment, move). std::string cannot do that: it leaves copies behind when it grows or moves.
// There is no way to print one; whoever needs the text asks for view() by name.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace systole::control {

class SecretText {
public:
	SecretText() = default;
	explicit SecretText(std::string_view text) : SecretText(with_capacity(text.size()))
	{
		for (const char c : text)
			append(c);
	}
	// Room for `capacity` bytes and no more: it never grows, so that there is never an old copy to forget.
	[[nodiscard]] static SecretText with_capacity(std::size_t capacity)
	{
		SecretText secret;
		secret.m_text = std::make_unique<char[]>(capacity);
		secret.m_capacity = capacity;
		return secret;
	}

	SecretText(const SecretText &other) : SecretText(other.view()) {}
	SecretText(SecretText &&other) noexcept { swap(other); }
	SecretText &operator=(SecretText other) noexcept
	{
		swap(other);
		return *this;
	}
	~SecretText()
	{
		if (m_text)
			explicit_bzero(m_text.get(), m_capacity);
	}

	void append(char c)
	{
		assert(m_size < m_capacity);
		m_text[m_size++] = c;
	}
	[[nodiscard]] std::string_view view() const { return {m_text.get(), m_size}; }
	[[nodiscard]] std::size_t size() const { return m_size; }
	[[nodiscard]] bool empty() const { return m_size == 0; }
	friend bool operator==(const SecretText &a, const SecretText &b) { return a.view() == b.view(); }

private:
	void swap(SecretText &other) noexcept
	{
		std::swap(m_text, other.m_text);
		std::swap(m_size, other.m_size);
		std::swap(m_capacity, other.m_capacity);
	}

	std::unique_ptr<char[]> m_text;
	std::size_t m_size = 0;
	std::size_t m_capacity = 0;
};

} // namespace systole::control
