// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One virtual cluster as this member lives in it: its standing, and whether to claim the role, to wait or to yield.
//
//                        live primary heard
//            +------------------------------------------+
//            |                                          v
//   start -> hello --- all expected, or holddown, ---> standby <----- work
//                      or the others have left hello    |  ^           |  yields: lost the election, a rival
//                                                       |  +-----------+  primary won, or it may not act alone
//                                                       +---- wins and no live primary is heard --> work
//
// Nobody takes the role from a live primary unasked. A primary that finds a better member, is told to switch, or stops,
// offers the role and goes on as before; the successor claims, and the old primary gives way when it hears that
// (vcluster_hand_over.cc). Where a witness's lease decides there is only one at a time: there it steps down first.
// Beyond that moment two members are primary at once only while they cannot hear each other.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/election.h"
#include "control/core/member.h"
#include "control/core/types.h"

#include <cstdint>
#include <optional>

namespace systole::core {

inline std::uint32_t failure_sum(const VclusterBeat &words)
{
	return std::uint32_t{words.link_failure} + words.pingserver_failure;
}

inline constexpr std::uint16_t monitor_weight = 50; // per failed monitored interface (mondev prio=50)
// Waiting for somebody else to claim, or for a rival to yield, is counted in dead intervals.
inline constexpr int claim_patience = 3;
inline constexpr std::uint32_t last_epoch = UINT32_MAX; // never wraps, whatever a member says

// What a virtual cluster sees of the member it lives in.
struct Surroundings {
	const Config &config;
	const Members &members;
	Time now{};
	Time hello_until{};
	std::uint64_t monitors_down = 0; // bits as in VclusterConfig::monitors
	bool maintenance = false;
	bool mem_failover = false;
	bool ssd_failed = false; // never without ssd-failover
	bool leaving = false;
	bool retiring = false; // stops as soon as somebody has taken its roles, or nobody does
	bool ready = true;     // a takeover by us would lose nothing
};
struct Scene : Surroundings { // one step
	Actions &actions;
};

enum class Witness : std::uint8_t { unknown, reachable, unreachable };

// The role goes over to another member as planned; the last one, or the one under way.
//
//   wanted ---> barrier ---> offered ---> done
//      '-----------'------------'-------> failed: this member goes on as if nothing had happened
struct HandOver {
	enum class Stage : std::uint8_t {
		none,
		wanted,  // asked for, and there is nobody yet
		barrier, // until the successor has the sessions
		offered, // until the successor claims
		let_go,  // no longer primary, until somebody claims: with a witness
		done,
		failed,
	};
	Stage stage = Stage::none;
	bool asked = false;       // execute ha failover switch
	bool told = false;        // the successor has every session there was when it was named
	bool flag_before = false; // failover_flag, as it was then
	std::uint32_t number = 0; // counts them
	std::uint32_t epoch = 0;  // our claim, offered: the successor's is above it
	MemberId successor;
	Decision decision;
	HandOverFailure failure = HandOverFailure::none;
	Time begun_at{};
	Time offered_at{};
	Time ended_at{};
	Time until{};         // patience with this stage
	Time telling_until{}; // done: the successor is told what has happened since, for so long at most

	[[nodiscard]] bool under_way() const
	{
		return stage == Stage::wanted || stage == Stage::barrier || stage == Stage::offered;
	}
};

// Our own standing.
struct VclusterState {
	std::uint8_t id = 1;
	HaState state = HaState::hello;
	HaState previous = HaState::hello;
	Time changed_at{};
	std::uint32_t epoch = 0; // highest heard of; our own claim while we are primary
	MemberId choice;         // the primary we follow, empty = none
	Decision decision;       // why
	Time decided_at{};
	Time age_origin{};
	std::uint32_t reset_count = 0;
	std::uint8_t priority = 128;
	bool override_enabled = false;
	bool failover_flag = false;
	bool waiting = false;           // override-wait-time
	bool barred = false;            // could not claim: its witness does not answer
	std::uint16_t link_failure = 0; // as the election counts it: failover-hold-time may still hold a change back
	Time hold_until = never;        // failover-hold-time
	std::uint16_t ping_failure = 0; // as the election counts it
	std::uint64_t ping_monitors_down = 0; // as they are; only a primary knows
	std::uint32_t flip_epoch = 0;         // the claim that the flip timer protects
	Time flip_until{};
	bool demoted = false; // isolated without proof of life: does not act before it has heard somebody
	Witness witness = Witness::unknown;
	Time held_until{}; // the witness's lease
	HandOver hand_over;
	// A primary that would yield to a member that is not ready, and waits for that (session-sync-wait); never: does not.
	Time put_off_since = never;
};

class Vcluster {
public:
	Vcluster() = default;
	explicit Vcluster(const VclusterConfig &config);

	// ---- what happens
	void start(const Scene &scene);
	// A peer spoke: `before` is what it said last, nullptr if that does not count any more.
	void hear(const Scene &scene, const Member &peer, const VclusterBeat *before, const VclusterBeat &words);
	void renegotiate() { m_renegotiate = true; } // something failed: the full order applies
	void readiness_changed();                    // of this member or of another
	void monitors_changed(const Scene &scene, bool somewhat_down);
	void ping_monitor_changed(const Scene &scene, std::uint8_t index, bool alive);
	void witness_changed(const Scene &scene, bool reachable, Time held_until);
	void set_failover(const Scene &scene, bool set);
	void switch_role(const Scene &scene);
	void retire(const Scene &scene); // a primary that stops: offers the role if somebody can take it
	void sessions_told(std::uint32_t number, bool rest);
	void set_priority(const Scene &scene, std::uint8_t priority);
	// What an operator has set, and the claims that are known of: that lasts also when the member begins anew.
	void restore(const VclusterState &before)
	{
		m_state.priority = before.priority;
		m_state.override_enabled = before.override_enabled;
		m_state.epoch = before.epoch;
		m_state.hand_over.number = before.hand_over.number;
	}
	void set_override(bool enabled) { m_state.override_enabled = enabled; } // override_in_force tells the record
	void reset_age(Time now);
	void stop(const Scene &scene);
	// Our own absence: nothing may be claimed; afterwards the role is as before only if nobody took it.
	void suspend(const Scene &scene);
	void forget_waits();
	// True: with the role it had.
	bool reenter(const Scene &scene);

	void evaluate(const Scene &scene);

	// ---- what it is
	[[nodiscard]] const VclusterConfig &config() const { return m_config; }
	[[nodiscard]] const VclusterState &state() const { return m_state; }
	[[nodiscard]] Time wake_at() const { return m_wake_at; }
	[[nodiscard]] VclusterBeat words(const Surroundings &scene) const;
	[[nodiscard]] bool override_in_force(const Members &members) const;
	// This member (first) and every live one that is out of hello (`everybody`: hello too), as the election sees them.
	[[nodiscard]] Candidates candidates(const Surroundings &scene, bool everybody) const;
	[[nodiscard]] const Member *live_primary(const Members &members) const;
	[[nodiscard]] Duration flip_left(Time now) const;
	// What link monitors add up to, whether or not the election counts it.
	[[nodiscard]] std::uint16_t ping_sum(const Config &config) const;
	// A monitored interface is down or a ping server that counts is dead: this member cannot prove that it works.
	[[nodiscard]] bool proof_lost(const Surroundings &scene) const;

private:
	void evaluate_hello(const Scene &scene);
	void evaluate_standby(const Scene &scene);
	void evaluate_primary(const Scene &scene);
	[[nodiscard]] bool settle_with_rivals(const Scene &scene, const Candidates &everybody);
	void become_primary(const Scene &scene, const Decision &decision, bool offered = false);
	void become_standby(const Scene &scene, const Decision &decision, const MemberId &choice,
			    bool succeeded = false);

	// ---- handing over
	void pick_successor(const Scene &scene);
	void hand_over(const Scene &scene, const Decision &decision);
	[[nodiscard]] bool can_offer(const Scene &scene, const Member &successor) const;
	void offer(const Scene &scene);
	[[nodiscard]] bool worse_off_than(const Scene &scene, const MemberId &successor) const;
	void let_go_first(const Scene &scene, const Decision &decision);
	[[nodiscard]] bool moves_sessions(const Scene &scene) const;
	[[nodiscard]] bool hand_over_waits(const Scene &scene);
	[[nodiscard]] bool takes_our_offer(const Member &other) const;
	void give_way(const Scene &scene, const Member &successor);
	void end_hand_over(const Scene &scene, HandOverFailure failure);
	[[nodiscard]] bool offers_to_us(const Scene &scene, const Member &primary) const;
	[[nodiscard]] bool may_accept(const Scene &scene, const Member &primary) const;
	void take_offer(const Scene &scene, const Member &primary);

	[[nodiscard]] Decision elect_able(const Scene &scene, Duration margin) const;
	[[nodiscard]] Decision run_election(const Scene &scene, bool everybody, Duration margin) const;
	[[nodiscard]] bool somebody_follows_another(const Scene &scene) const;
	[[nodiscard]] bool follows_us(const Scene &scene, const MemberId &id) const;
	[[nodiscard]] Candidates worth_yielding_to(const Scene &scene, const Candidates &everybody) const;
	[[nodiscard]] bool reached(std::uint16_t sum) const;

	// ---- readiness
	// Those who are ready, could claim and are no worse off than the first of the order.
	[[nodiscard]] Candidates ready_ones(const Scene &scene, const Candidates &list, const MemberId &first) const;
	// The best of them in the place of a winner who is not ready, if there is one.
	[[nodiscard]] Decision elect_ready(const Scene &scene, const Candidates &list, const Decision &decision) const;
	// Who claims; `decision` says who would by the order alone.
	[[nodiscard]] Decision prefer_ready(const Scene &scene, bool everybody, const Decision &decision) const;
	// Whom to yield to, this member if to nobody yet; `since` when that has been put off.
	[[nodiscard]] Decision put_off(const Scene &scene, const Candidates &list, const Decision &decision,
				       const ElectionOptions &options, Time since);

	void note_override(const Scene &scene);
	void note_lease(const Scene &scene);
	void settle_monitors(const Scene &scene);
	void settle(const Scene &scene);
	void follow_ping_servers(const Scene &scene);
	void set_ping_failure(const Scene &scene, std::uint16_t sum);
	void start_flip(const Scene &scene, std::uint32_t claim);
	void follow_override_wait(const Scene &scene);

	// ---- isolation
	void follow_isolation(const Scene &scene);
	[[nodiscard]] bool unheard_is_followed(const Scene &scene) const;
	[[nodiscard]] bool may_not_act(const Scene &scene, bool was_silent = false);
	[[nodiscard]] bool may_claim(const Scene &scene);
	void seek_witness(const Scene &scene, bool wanted);

	void wake(Time at) { m_wake_at = m_wake_at < at ? m_wake_at : at; }
	[[nodiscard]] Notice notice(NoticeKind kind, Time at) const;

	VclusterConfig m_config;
	VclusterState m_state;
	// An election with the full order is due although override is off.
	bool m_renegotiate = false;
	// A standby without a primary, waiting for the winner to claim; a primary with a rival that does not yield.
	Time m_orphan_since = never;
	Time m_vacant_since = never; // we know of no primary; counted once, whatever is elected meanwhile
	bool m_gave_way = false;     // the election was about who is ready
	MemberId m_successor;        // whom we have just elected or yielded to: it is given time to claim
	// Won the election and did not claim in time (it follows somebody we do not hear): we claimed instead, and do not
	// yield to it before it follows us or something changes, or the role would go to and fro.
	MemberId m_declined;
	MemberId m_retried; // was declined, and was given the role all the same when it followed us
	Time m_rival_since = never;
	bool m_rival_seen = false;
	bool m_predecessor_seen = false; // it has offered us the role, and has not let go yet
	bool m_override_was_in_force = false;
	Time m_wake_at = never;
	std::uint32_t m_epoch_before = 0; // our own absence: the highest we knew before
	MemberId m_last_primary;          // the one we followed, or yielded to, last

	Time m_flagged_at{}; // our failover flag
	bool m_flip_runs = false;
	MemberId m_flipped_from;            // the primary whose ping servers failed, and whose role we took
	bool m_record_expired = false;      // our recorded failure outlived the flip timer: the next election clears it
	bool m_booted = true;               // has not followed or been a primary since the start
	Time m_wait_until = never;          // override-wait-time
	Time m_unheard_followed_at = never; // when a live member last held one for primary that we do not hear
	Time m_accounted_since = never;     // every member that could claim hears us
	bool m_asks_witness = false;        // in this evaluation
	bool m_wants_witness = false;       // as told to the lease's keeper
	bool m_lease_was_held = false;
};

} // namespace systole::core
