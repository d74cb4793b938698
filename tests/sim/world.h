// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Everything of one run, as its parts see each other: time, network, members, truth, checkers.
#pragma once

#include "tests/sim/breaks.h"
#include "tests/sim/checkers.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/member.h"
#include "tests/sim/network.h"
#include "tests/sim/plan.h"
#include "tests/sim/trace.h"
#include "tests/sim/truth.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace systole::sim {

struct Failure {
	std::string checker;
	SimTime at{};
	std::string text;
};

// What a run shows besides passing.
struct Statistics {
	Duration longest_dual{};      // two primaries that heard each other
	Duration longest_detection{}; // last possible beat to peer-lost
	std::size_t most_actions = 0;
	std::uint64_t role_changes = 0;
	std::uint64_t faults = 0;
	std::uint64_t steps = 0;
};

class World {
public:
	World(const Plan &run_plan, Break what_is_broken);

	[[nodiscard]] SimTime now() const { return queue.now(); }
	[[nodiscard]] std::size_t size() const { return m_members.size(); }
	[[nodiscard]] Member &member(std::size_t index) { return *m_members[index]; }
	[[nodiscard]] const Member &member(std::size_t index) const { return *m_members[index]; }
	[[nodiscard]] std::optional<std::size_t> index_of(const core::MemberId &id) const;
	[[nodiscard]] bool outsider(std::size_t index) const { return plan.members[index].outsider; }
	// Running, not frozen, one of those who know the password.
	[[nodiscard]] bool takes_part(std::size_t index) const
	{
		return !outsider(index) && m_members[index]->running() && !m_members[index]->paused();
	}

	// Something happened that may change roles.
	void cause() { m_last_cause = now(); }
	// Something happened that lets an election with the full order displace a primary; not a mere join.
	void upset()
	{
		m_last_upset = now();
		cause();
	}
	[[nodiscard]] SimTime last_cause() const { return m_last_cause; }
	[[nodiscard]] SimTime last_upset() const { return m_last_upset; }

	// The first failure counts.
	void fail(const std::string &checker, const std::string &text);
	[[nodiscard]] const std::optional<Failure> &failure() const { return m_failure; }

	const Plan plan;
	const Break broken;
	EventQueue queue;
	Trace trace;
	Truth truth;
	Random random;
	Network network;
	SimTime last_loss_burst = long_ago; // when packets were last lost beyond the plan's measure
	Statistics statistics;
	core::Actions actions; // of the step in hand: one for all, it is large
	Checkers checkers;

private:
	std::vector<std::unique_ptr<Member>> m_members;
	SimTime m_last_cause = long_ago;
	SimTime m_last_upset = long_ago;
	std::optional<Failure> m_failure;
};

} // namespace systole::sim
