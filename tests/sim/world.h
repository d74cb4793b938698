// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Everything of one run, as its parts see each other: time, network, members, truth, checkers.
#pragma once

#include "tests/scenario/ideal_witness.h"
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
	Duration longest_dual{};       // two primaries that heard each other
	Duration longest_half_heard{}; // two primaries of which one heard the other
	Duration longest_owners{};     // addresses at two members after one could not be heard any more
	Duration longest_kept{};       // after the dead interval, at one that could not be heard
	Duration longest_detection{};  // last possible beat to peer-lost
	std::size_t most_actions = 0;
	std::uint64_t role_changes = 0;
	std::uint64_t taken = 0; // addresses, by keepers
	std::uint64_t steps = 0;
	std::array<std::uint64_t, fault_kinds> struck{};
	std::vector<std::uint32_t> faults; // their numbers
	NetworkCounts network;
	std::uint64_t attacks = 0;
	std::uint64_t what_ifs = 0;      // cases compared
	std::uint64_t what_if_moves = 0; // in which the role was to move
	std::uint64_t drifting = 0;      // members with a clock that drifts
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
	// One of those who know the password, and its daemon turns, decides and may be heard.
	[[nodiscard]] bool takes_part(std::size_t index) const
	{
		return !outsider(index) && m_members[index]->present();
	}

	// Something was done that may change roles.
	void cause()
	{
		m_last_deed = now();
		note_cause();
	}
	// Something was done that lets an election with the full order displace a primary; not a mere join.
	void upset()
	{
		m_last_deed = now();
		note_upset();
	}
	// The same, because a member says so: in all virtual clusters, or in one.
	void note_cause() { m_last_cause.fill(now()); }
	void note_cause(std::size_t vcluster) { m_last_cause[vcluster] = now(); }
	void note_upset()
	{
		m_last_upset.fill(now());
		note_cause();
	}
	void note_upset(std::size_t vcluster)
	{
		m_last_upset[vcluster] = now();
		note_cause(vcluster);
	}
	// A timer of the election's has ended.
	void note_timer(std::size_t vcluster)
	{
		m_last_timer[vcluster] = now();
		note_cause(vcluster);
	}
	[[nodiscard]] SimTime last_deed() const { return m_last_deed; }
	[[nodiscard]] SimTime last_cause(std::size_t vcluster) const { return m_last_cause[vcluster]; }
	[[nodiscard]] SimTime last_upset(std::size_t vcluster) const { return m_last_upset[vcluster]; }
	[[nodiscard]] SimTime last_timer(std::size_t vcluster) const { return m_last_timer[vcluster]; }

	// Everybody is frozen at once. Then what was under way goes on later by so much.
	void freeze_host(Duration length);
	[[nodiscard]] SimTime host_frozen_at() const { return m_host_frozen_at; }
	[[nodiscard]] SimTime host_frozen_until() const { return m_host_frozen_until; }
	// The end of the time before.
	[[nodiscard]] SimTime host_frozen_last() const { return m_host_frozen_last; }
	void host_thawed();
	void end_host_freeze() { m_host_frozen_until = std::min(m_host_frozen_until, now()); }
	[[nodiscard]] bool host_frozen() const { return now() < m_host_frozen_until; }

	// Of a direct cable; a switch always gives carrier.
	[[nodiscard]] bool carrier(std::size_t member, std::size_t link) const;
	// Since when a member has had no carrier on any link; never if it has.
	[[nodiscard]] SimTime no_carrier_since(std::size_t member) const { return m_no_carrier_since[member]; }
	void plug(std::size_t link, bool in);
	void carriers_changed();

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
	scenario::IdealWitness witness;
	SimTime last_loss_burst = long_ago; // when packets were last lost beyond the plan's measure
	Statistics statistics;
	core::Event event;     // of the step in hand: one for all, they are large
	core::Actions actions; // and what it wants
	std::vector<core::VclusterState> before;
	Checkers checkers;

private:
	std::vector<std::unique_ptr<Member>> m_members;
	SimTime m_last_deed = long_ago;
	std::array<SimTime, core::max_vclusters> m_last_cause{};
	std::array<SimTime, core::max_vclusters> m_last_upset{};
	std::array<SimTime, core::max_vclusters> m_last_timer{};
	SimTime m_host_frozen_at = long_ago;
	SimTime m_host_frozen_until = long_ago;
	SimTime m_host_frozen_last = long_ago;
	std::array<bool, core::max_links> m_plugged{};
	std::array<SimTime, max_sim_members> m_no_carrier_since{};
	std::optional<Failure> m_failure;
};

} // namespace systole::sim
