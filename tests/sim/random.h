// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The simulator's only source of chance: splitmix64, and mappings of our own to ranges. Nothing of the standard
// library's distributions, whose results differ between libraries: a seed means the same everywhere.
#pragma once

#include "control/core/types.h"

#include <cstddef>
#include <cstdint>

namespace systole::sim {

class Random {
public:
	explicit Random(std::uint64_t seed) : m_state(seed) {}

	std::uint64_t next()
	{
		m_state += 0x9e3779b97f4a7c15ULL;
		std::uint64_t z = m_state;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		return z ^ (z >> 31);
	}
	// 0 .. bound-1. The bias of the modulo is far below what a simulation could notice.
	std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
	std::size_t index(std::size_t size) { return static_cast<std::size_t>(below(size)); }
	int between(int low, int high)
	{
		return low + static_cast<int>(below(static_cast<std::uint64_t>(high - low + 1)));
	}
	core::Duration between(core::Duration low, core::Duration high)
	{
		return low + core::Duration{static_cast<std::int64_t>(
				     below(static_cast<std::uint64_t>((high - low).count() + 1)))};
	}
	bool permille(int chance) { return chance > 0 && below(1000) < static_cast<std::uint64_t>(chance); }
	template <typename T, std::size_t N> const T &pick(const T (&choices)[N]) { return choices[index(N)]; }
	template <typename Array> void fill(Array &bytes)
	{
		static_assert(sizeof(bytes[0]) == 1);
		for (auto &byte : bytes)
			byte = static_cast<std::remove_reference_t<decltype(byte)>>(next() >> 56);
	}
	// A stream of its own: what one part draws does not shift what another part draws.
	Random fork() { return Random(next()); }

private:
	std::uint64_t m_state;
};

} // namespace systole::sim
