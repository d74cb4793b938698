// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Hexadecimal for test vectors: what is compared is text, so that a failure shows both values.
#pragma once

#include "crypto/bytes.h"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace systole::crypto::test {

[[nodiscard]] inline std::vector<std::byte> from_hex(std::string_view text)
{
	const auto digit = [](char c) {
		const std::size_t value = std::string_view("0123456789abcdef").find(c);
		if (value == std::string_view::npos)
			throw std::invalid_argument("not a hexadecimal digit");
		return value;
	};
	std::vector<std::byte> out(text.size() / 2);
	for (std::size_t i = 0; i < out.size(); ++i)
		out[i] = static_cast<std::byte>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return out;
}

[[nodiscard]] inline std::string to_hex(Bytes bytes)
{
	std::string out;
	for (const std::byte b : bytes) {
		out += "0123456789abcdef"[std::to_integer<std::size_t>(b >> 4)];
		out += "0123456789abcdef"[std::to_integer<std::size_t>(b & std::byte{15})];
	}
	return out;
}

} // namespace systole::crypto::test
