// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The prober's clock: CLOCK_MONOTONIC in nanoseconds, the clock of systoled's events, so that both subtract.
#pragma once

#include <cstdint>
#include <ctime>

namespace systole::prober {

inline constexpr std::int64_t ns_per_ms = 1'000'000;

[[nodiscard]] inline std::int64_t mono_ns()
{
	timespec now{};
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

} // namespace systole::prober
