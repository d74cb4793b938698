// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What every fuzz target shares: the property that must hold for any input, and the input as the types want it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace systole::fuzz {

// On whatever the input: ends the process with the sentence that is not true, which the fuzzer takes for a finding.
inline void require(bool holds, const char *sentence)
{
	if (holds)
		return;
	std::fprintf(stderr, "not true: %s\n", sentence);
	std::abort();
}

inline std::span<const std::byte> bytes_of(const std::uint8_t *data, std::size_t size)
{
	return {reinterpret_cast<const std::byte *>(data), size};
}

inline std::string_view text_of(const std::uint8_t *data, std::size_t size)
{
	return {reinterpret_cast<const char *>(data), size};
}

} // namespace systole::fuzz
