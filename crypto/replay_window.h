// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Anti-replay window of one inbound SA (RFC 4303 3.4.3), as a ring of 64-bit blocks (RFC 6479): moving the window
// clears whole blocks and never shifts bits. check() before the integrity check, commit() after it: a forged
// sequence number must not move the window.
//
//        T-W                                 T = highest accepted
//   refused | refused if seen, else accepted | accepted, and becomes T
//
// The left edge is RFC 4303's: T-W+1 is the oldest number that is still accepted. Sequence number 0 never is.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace systole::crypto {

template <std::uint32_t Width> class BasicReplayWindow {
	static_assert(Width > 0);

public:
	[[nodiscard]] bool check(std::uint32_t sequence) const
	{
		if (sequence > m_highest)
			return true;
		if (sequence == 0 || m_highest - sequence >= Width)
			return false;
		return (m_blocks[block_of(sequence)] & bit_of(sequence)) == 0;
	}

	// False if the number has been accepted since check(), as by another packet of the same burst.
	[[nodiscard]] bool commit(std::uint32_t sequence)
	{
		if (!check(sequence))
			return false;
		if (sequence > m_highest) {
			clear_between(m_highest >> block_shift, sequence >> block_shift);
			m_highest = sequence;
		}
		m_blocks[block_of(sequence)] |= bit_of(sequence);
		return true;
	}

	[[nodiscard]] std::uint32_t highest() const { return m_highest; }
	void prefetch_next() const { __builtin_prefetch(&m_blocks[block_of(m_highest + 1)], 1); }
	[[nodiscard]] static constexpr std::uint32_t width() { return Width; }

private:
	static constexpr unsigned block_shift = 6;
	// Width numbers that end in the middle of a block touch one block more than Width / 64; a power of two makes the
	// index a mask.
	static constexpr std::size_t block_count = std::bit_ceil((std::size_t{Width} + 62) / 64 + 1);

	[[nodiscard]] static std::size_t block_of(std::uint32_t sequence)
	{
		return (sequence >> block_shift) & (block_count - 1);
	}
	[[nodiscard]] static std::uint64_t bit_of(std::uint32_t sequence)
	{
		return std::uint64_t{1} << (sequence & 63);
	}
	// Clears the blocks behind `from` up to and including `to`: they still hold marks from one turn of the ring ago.
	void clear_between(std::uint32_t from, std::uint32_t to)
	{
		if (to - from >= block_count) {
			m_blocks.fill(0);
			return;
		}
		while (from != to)
			m_blocks[++from & (block_count - 1)] = 0;
	}

	std::uint32_t m_highest = 0;
	std::array<std::uint64_t, block_count> m_blocks{};
};

using ReplayWindow = BasicReplayWindow<1024>;

} // namespace systole::crypto
