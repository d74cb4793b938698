// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The bytes of a probed TCP stream: a function of connection and position alone, so that the receiver can tell a lost,
// repeated or foreign byte from the right one without keeping what was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace systole::prober {

[[nodiscard]] constexpr std::uint8_t pattern_byte(std::uint32_t connection, std::uint64_t position)
{
	// The multiplier of splitmix64; the top byte of the product changes with every position.
	const std::uint64_t mixed = (position + (std::uint64_t{connection} << 40)) * 0x9e3779b97f4a7c15ULL;
	return static_cast<std::uint8_t>(mixed >> 56);
}

constexpr void fill_pattern(std::span<std::uint8_t> bytes, std::uint32_t connection, std::uint64_t position)
{
	for (std::size_t i = 0; i < bytes.size(); ++i)
		bytes[i] = pattern_byte(connection, position + i);
}

// How many of them are not those of the connection at that position.
[[nodiscard]] constexpr std::size_t wrong_bytes(std::span<const std::uint8_t> bytes, std::uint32_t connection,
						std::uint64_t position)
{
	std::size_t wrong = 0;
	for (std::size_t i = 0; i < bytes.size(); ++i)
		wrong += bytes[i] != pattern_byte(connection, position + i) ? 1U : 0U;
	return wrong;
}

} // namespace systole::prober
