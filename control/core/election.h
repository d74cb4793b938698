// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who should be primary? One pure function answers for the election, for `explain` and for `what-if`.
//
//   override off:  maintenance > failover flag > memory > failure sum > SSD > age (margin) > priority > serial
//   override on:   maintenance > failover flag > memory > failure sum > SSD > priority > age (margin) > serial
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
	maintenance,  // the other is in maintenance
	mem_failover, // the other is out of memory
	ssd,          // fewer failed disks
	isolated,     // nobody hears this member, and it may not act alone (`isolation`)
	handed_over,  // the primary before offered the role: it decided, not this member
	readiness,    // the other comes before it, and would lose something if it took over now
};

struct Candidate {
	MemberId id;
	std::uint8_t priority = 128;
	bool maintenance = false;
	bool failover_flag = false;
	bool mem_failover = false;
	bool ssd_failed = false;
	bool waiting = false; // its override-wait-time is not over: no live primary yields to it
	bool barred = false;  // could not claim (isolation): nobody waits for it
	bool unready = false; // gives way to who is ready, for a while: no criterion of the order
	std::uint32_t failure_sum = 0;
	Time age_origin{}; // in this member's clock
	friend bool operator==(const Candidate &, const Candidate &) = default;
};
using Candidates = FixedVector<Candidate, max_members>;

// Who won, over whom, by which rule, and both values (failure sums, ages in seconds, priorities; 0 and 1 for flags).
struct Decision {
	Rule rule = Rule::none;
	MemberId winner;
	MemberId runner_up;
	std::int64_t winner_value = 0;
	std::int64_t runner_up_value = 0;
	friend bool operator==(const Decision &, const Decision &) = default;
};

struct ElectionOptions {
	bool override_in_force = false; // any member enables it
	Duration uptime_margin{};
};

// The criteria in the order in which they are asked.
[[nodiscard]] std::span<const Rule> criteria(bool override_in_force);
// What a member has to show by a criterion: seconds for `uptime`, 0 and 1 for flags; 0 for rules that compare nothing.
[[nodiscard]] std::int64_t value_of(const Candidate &candidate, Rule rule, Time now);

// By a criterion that stands above age and priority: a live primary yields to such a member whatever the ages.
[[nodiscard]] bool healthier(const Candidate &other, const Candidate &self, Time now);

// By a criterion of health itself, which is not what an operator wants: its role does nobody good where it is.
[[nodiscard]] bool is_ill(const Candidate &primary, const Candidate &other, Time now);

// At least one candidate, at most max_members, each id once.
[[nodiscard]] Decision elect(std::span<const Candidate> candidates, const ElectionOptions &options, Time now);

} // namespace systole::core
