// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Everything that a seed decides before the first event: the cluster, its network, what will go wrong and how often.
// Drawn once, printed at the top of a trace; what happens later is drawn from streams of their own.
#pragma once

#include "control/core/config.h"
#include "tests/sim/random.h"
#include "tests/sim/sim_time.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace systole::sim {

inline constexpr std::size_t max_sim_members = core::max_members;

enum class Fault : std::uint8_t {
	crash,       // power loss
	kill,        // SIGKILL of the daemon: machine, addresses and keeper stay
	stop,        // orderly exit
	restart,     // a dead member boots again, new nonce
	pause,       // SIGSTOP of the daemon for a while; its keeper goes on
	freeze,      // the whole machine for a while, with its keeper
	host_freeze, // all machines at once
	hang,        // the control thread alone; the worker goes on
	cut_link,    // both ways between two members on one link
	cut_one_way, // one direction between two members, on one link or on all
	cut_pair,    // both ways between two members on all links
	cut_switch,  // one link of everybody
	isolate,     // one member from all others
	split,       // two halves
	heal_some,   // one pair
	heal_all,
	cable,      // a direct cable, or all of them, pulled: both ends lose carrier
	loss_burst, // most packets lost for a while
	monitor,    // a monitored interface goes down or comes back
	flap,       // it does so several times in a row
	path,       // ping servers die or come back, for one member or for all
	witness,    // it cannot be reached by one member or by all, or again
	memory,     // a member runs short of memory for a while, or no more
	ssd,        // a disk fails, or has been replaced
	priority,   // what operators do
	override_flag,
	maintenance,
	failover_flag,
	reset_uptime,
};
inline constexpr std::size_t fault_kinds = 29;
[[nodiscard]] const char *name_of(Fault fault);

struct MemberPlan {
	core::Config config;
	std::uint64_t password = 0;
	MemberClock clock;
	Duration first_boot{};
	bool outsider = false; // another password or policy: never becomes part
};

// Which of the faults in the order in which they would come take place; for shrinking a failed run.
struct FaultFilter {
	bool all = true;
	std::set<std::uint32_t> kept; // number 0: the attacker
	[[nodiscard]] bool keeps(std::uint32_t number) const { return all || kept.contains(number); }
};

struct NetworkPlan {
	int loss_permille = 0;
	int duplicate_permille = 0;
	int straggler_permille = 0; // packets that take `straggle` longer, overtaken by later ones
	Duration delay{};
	Duration jitter{};
	Duration straggle{};

	[[nodiscard]] Duration longest() const { return delay + jitter + straggle; }
};

struct PlanOptions {
	Duration total = std::chrono::seconds{120};
	int members_low = 2;
	int members_high = 4;
	bool vary = true; // some seeds have up to eight members, some last for 20 to 40 minutes
	FaultFilter filter;
	bool what_if = false; // instead of faults: changes that what-if is asked about first
};

// How a run ends, once everything is healed.
enum class Ending : std::uint8_t {
	whole,
	split,   // one clean split stays
	one_way, // when all has settled, two members are cut in one direction, and stay so
};

// With a witness: a lease that nobody renews is over by then, and has been asked for again.
inline constexpr Duration lease_patience = std::chrono::milliseconds{2600};

struct Plan {
	std::uint64_t seed = 0;
	bool direct = false; // two members with cables between them, and no switch: carrier follows the other's power
	std::size_t links = 1;
	std::vector<MemberPlan> members;
	NetworkPlan network;

	std::bitset<fault_kinds> faults;
	Duration fault_gap{};  // mean time between faults, 0 = none at all
	Duration attack_gap{}; // mean time between the attacker's deeds, 0 = no attacker
	bool forger = false;   // he forges HELLOs all the time, instead of replaying
	FaultFilter filter;
	bool what_if = false;
	bool long_run = false;     // flip timers of real length; beats are few, so that it stays cheap
	Duration control_delay{};  // ring to control thread
	Duration poll_delay{};     // a worker's turn after a deadline
	bool fills = false;        // sessions are synchronised: who boots is not ready for a while
	bool falls_behind = false; // and is not ready later, now and then
	Duration probe_delay{};    // from the end of a path to the primary's verdict: failtime x interval

	// safety phase | everything healed, settling | the last cut, and what follows from it | nothing may change any more
	Duration safety{};
	Duration settle{};
	Duration aftermath{}; // zero without a last cut
	Duration hold{};
	Ending ending = Ending::whole;
	std::array<bool, max_sim_members> other_side{}; // of the lasting split
	std::size_t cut_from = 0;                       // of the lasting one-way cut
	std::size_t cut_to = 0;

	[[nodiscard]] static Plan draw(std::uint64_t seed, const PlanOptions &options);
	void only_ask(); // what_if
	[[nodiscard]] std::string text() const;
	// Members are alike in these.
	[[nodiscard]] const core::Config &common() const { return members[0].config; }
	[[nodiscard]] std::size_t vcluster_count() const { return common().vclusters.size(); }
	[[nodiscard]] const core::VclusterConfig &vcluster(std::size_t place) const
	{
		return common().vclusters[place];
	}
	// Of an id.
	[[nodiscard]] std::size_t place_of(std::uint8_t id) const;
	// " of vcluster 7" if there are several.
	[[nodiscard]] std::string vcluster_text(std::size_t place) const;
	[[nodiscard]] Duration interval() const { return common().hb_interval; }
	[[nodiscard]] Duration dead() const { return common().dead_interval(); }
	[[nodiscard]] Duration settled_at() const { return safety + settle + aftermath; }
	[[nodiscard]] Duration total() const { return settled_at() + hold; }
	// `control-watchdog`, as configured by default.
	[[nodiscard]] Duration watchdog() const
	{
		return std::max<Duration>(dead() * 3, std::chrono::milliseconds{200});
	}
	// From the loss of a primary to a claim that its proof of life, a lease or another member may hold up.
	[[nodiscard]] Duration claim_delay() const
	{
		return common().isolation_wait +
		       (common().isolation == core::Isolation::witness ? lease_patience : Duration{});
	}
	// After something has happened, all roles are where they belong: detection (a stale echo is believed for
	// hb-lost-threshold + 6 beats), hearsay, then everybody's patience.
	[[nodiscard]] Duration settling() const
	{
		const Duration ready_first = fills ? dead() * 3 : Duration{}; // was given its time in vain
		return dead() + echo_belief() + hearsay() * 2 + dead() * (4 + static_cast<int>(members.size())) +
		       claim_delay() + ready_first;
	}
	// How late anything may be that is judged in time: clocks, worker turn, ring.
	[[nodiscard]] Duration tolerance() const
	{
		return dead() / 1000 + poll_delay + control_delay + std::chrono::milliseconds{1};
	}
	// A beat that echoes an older one of ours counts as heard for so long; then as one-way, or as nothing.
	[[nodiscard]] Duration echo_belief() const { return interval() * (common().hb_lost_threshold + 6); }
	// From the first beat that says something new to everybody who hears the sender having stepped on it. A beat may
	// be lost, but not all of a dead interval; a content that was known before is handed up again after 100 ms.
	[[nodiscard]] Duration hearsay() const
	{
		return dead() + std::chrono::milliseconds{100} + network.longest() + tolerance();
	}
};

} // namespace systole::sim
