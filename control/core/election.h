// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who should be primary? One pure function answers for the election, for `explain` and for `what-if`.
//
//   override off:  failover flag > failure sum > age (margin) > priority > serial
//   override on:   failover flag > failure sum > priority > age (margin) > serial
//
// Age differences up to the margin do not count. "Not older by more than the margin" is not transitive with three or
// more members, so members are not compared in pairs: each criterion in turn drops everybody who is worse than the best
// that is left, and whoever is left alone has won. Every member that knows the same facts gets the same winner.
#pragma once

#include "control/core/fixed_vector.h"
#include "control/core/types.h"

#include <cstdint>
#include <span>

namespace systole::core {

enum class Rule : std::uint8_t {
	none,
	only_member,   // nobody else is alive
	failover_flag, // EXE_FAIL_OVER is set on the other
	failure_sum,   // link-failure + pingsvr-failure is less
	uptime,        // HA age is larger by more than the margin
	priority,
	serial,
	live_primary, // there is a primary already: nothing was elected
	stopping,     // this member is shutting down
	tie_break,    // members saw it differently for too long: the higher serial has it
};

struct Candidate {
	MemberId id;
	std::uint8_t priority = 128;
	bool failover_flag = false;
	std::uint32_t failure_sum = 0;
	Time age_origin{}; // in this member's clock
};

// Who won, over whom, by which rule, and both values (failure sums, ages in seconds, priorities; 0 and 1 for flags).
struct Decision {
	Rule rule = Rule::none;
	MemberId winner;
	MemberId runner_up;
	std::int64_t winner_value = 0;
	std::int64_t runner_up_value = 0;
};

struct ElectionOptions {
	bool override_in_force = false; // any member enables it
	Duration uptime_margin{};
};

// At least one candidate, at most max_members, each id once.
[[nodiscard]] Decision elect(std::span<const Candidate> candidates, const ElectionOptions &options, Time now);

} // namespace systole::core
