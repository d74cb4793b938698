// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The simulator's own time, and each member's view of it. Members' clocks start anywhere and run a little fast or
// slow; the two kinds of time are different types, so that a member cannot be handed the wrong one.
#pragma once

#include "control/core/types.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace systole::sim {

struct SimClock {
	using rep = std::int64_t;
	using period = std::nano;
	using duration = core::Duration;
	using time_point = std::chrono::time_point<SimClock>;
	static constexpr bool is_steady = true;
};
using core::Duration;
using SimTime = SimClock::time_point;
inline constexpr SimTime sim_never = SimTime::max();
// "Long before the start": leaves room for arithmetic, unlike SimTime::min().
inline constexpr SimTime long_ago{-std::chrono::hours{1000}};

class MemberClock {
public:
	MemberClock() = default;
	MemberClock(Duration offset, int drift_ppm) : m_offset(offset), m_drift_ppm(drift_ppm) {}

	[[nodiscard]] core::Time local(SimTime at) const
	{
		const Duration t = at.time_since_epoch();
		return core::Time{t + t / 1'000'000 * m_drift_ppm + m_offset};
	}
	// The first moment at which local() is not before `at`.
	[[nodiscard]] SimTime when(core::Time at) const
	{
		if (at == core::never)
			return sim_never;
		const Duration elapsed = at.time_since_epoch() - m_offset;
		SimTime guess{elapsed - elapsed / 1'000'000 * m_drift_ppm - std::chrono::microseconds{1}};
		while (local(guess) < at)
			guess += std::max<Duration>(Duration{1}, at - local(guess));
		return guess;
	}

	[[nodiscard]] bool drifts() const { return m_drift_ppm != 0; }

private:
	Duration m_offset{};
	int m_drift_ppm = 0;
};

[[nodiscard]] constexpr double seconds_of(SimTime at)
{
	return std::chrono::duration<double>(at.time_since_epoch()).count();
}

[[nodiscard]] inline std::string in_ms(Duration duration)
{
	char text[32];
	std::snprintf(text, sizeof text, "%.1f ms", std::chrono::duration<double, std::milli>(duration).count());
	return text;
}

} // namespace systole::sim
