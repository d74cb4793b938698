// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How long an adaptive worker sleeps between two turns. Pure.
//
//   own beat or deadline due      not beyond it
//   a peer's beat is expected     from just before it on: short naps, until it has come or is clearly late
//   otherwise                     long naps; whatever else comes (handshakes, bulk) waits no longer than one
//
// A beat comes an interval after the last one was seen. Looking a little earlier than that finds it most of the time, and
// each time moves the next look closer to its real arrival; when it was too early, one short nap finds it. That makes
// some six wake-ups in a 10 ms interval instead of a hundred, and wake-ups are what an idle member costs.
#pragma once

#include "control/core/types.h"

#include <algorithm>

namespace systole::dataplane {

inline constexpr core::Duration longest_nap = std::chrono::milliseconds{3};
inline constexpr core::Duration short_nap = std::chrono::microseconds{100};
inline constexpr core::Duration shortest_nap = std::chrono::microseconds{5}; // below it, turning is cheaper
inline constexpr core::Duration early = std::chrono::microseconds{20};
inline constexpr core::Duration clearly_late = std::chrono::milliseconds{1};

// When to look for a beat that is expected at `expected`.
[[nodiscard]] constexpr core::Time look_for(core::Time now, core::Time expected)
{
	if (now < expected - early)
		return expected - early;
	return now < expected + clearly_late ? now + short_nap : core::never;
}

// The longest nap that cannot be mistaken for an absence.
[[nodiscard]] constexpr core::Duration longest_nap_for(core::Duration interval, core::Duration dead)
{
	return std::min({longest_nap, interval / 2, dead / 4});
}

// How long to sleep at `now` when something is due at `wake`; zero: do not.
[[nodiscard]] constexpr core::Duration nap_length(core::Time now, core::Time wake, core::Duration longest = longest_nap)
{
	const core::Duration left = wake - now;
	return left < shortest_nap ? core::Duration::zero() : std::min(left, longest);
}

} // namespace systole::dataplane
