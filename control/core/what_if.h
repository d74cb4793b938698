// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// "If port2 fails, who wins?" The answer of the same function that elects, on facts changed by supposition.
//
// It says who is primary when the dust has settled: every wait (hold time, override-wait-time, session-sync-wait,
// isolation) over, every link monitor and flip timer as it is, and who is ready as it is.
#pragma once

#include "control/core/election.h"
#include "control/core/fixed_vector.h"
#include "control/core/types.h"

#include <cstdint>
#include <span>

namespace systole::core {

class Node;

enum class ChangeKind : std::uint8_t {
	link_down, // `value` monitored interfaces more
	link_up,   // `value` fewer
	ping_dead, // the sum `value` counts; a primary's only
	ping_alive,
	member_lost,
	priority,         // value
	override_enabled, // value 0/1, of one member
	failover_flag,    // value 0/1
	maintenance,      // value 0/1
	uptime_reset,
};
struct Change {
	ChangeKind kind = ChangeKind::link_down;
	MemberId member;
	std::int64_t value = 0;
};

struct Supposed {
	Candidate candidate;
	bool override_enabled = false;
	std::uint32_t link_failure = 0; // of its failure sum
	std::uint32_t ping_failure = 0;
};
struct Facts {
	FixedVector<Supposed, max_members> members; // live ones out of hello
	MemberId primary;                           // empty: nobody
	bool hold = false;                          // failover-hold-time: any change of an interface resets the age
	bool prefers_ready = false;                 // session-sync-wait
	bool flip_over = true; // no flip timer runs: what standbys have on record ends with the next election
	Duration margin{};
	Time now{};
};
// `place` as in Node::vcluster().
[[nodiscard]] Facts facts_of(const Node &node, std::size_t place = 0);

struct Outlook {
	MemberId primary;        // empty: nobody is left
	Decision decision;       // why; Rule::live_primary: nothing is elected, the incumbent stays
	bool role_moves = false; // the role goes to somebody else
};
// Changes of members that are not among the facts are ignored.
[[nodiscard]] Outlook what_if(Facts facts, std::span<const Change> changes);

} // namespace systole::core
