// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One member of the cluster, as a pure function of what happens to it: step(event, actions).
// Same events in, same actions out. No clock, I/O, threads, allocation, randomness or logging in here.
//
//                        live primary heard
//            +------------------------------------------+
//            |                                          v
//   start -> hello --- all expected, or holddown, ---> standby <----- work
//                      or the others have left hello    |  ^           |  yields: lost the election,
//                                                       |  +-----------+  or a rival primary won
//                                                       +---- wins and no live primary is heard --> work
//
// Nobody takes the role from a live primary: a primary that finds a better member steps down, and only then does
// the winner take it. Two members are primary at once only while they cannot hear each other.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/handshake.h"
#include "control/core/types.h"

namespace systole::core {

// One link to one peer, as the worker judged it.
struct LinkView {
	LinkHealth health = LinkHealth::down;
	bool life = false;
	Time last_rx{};
	// The worker's last word. It does not know of a carrier that was taken for a loss.
	LinkHealth judged_health = LinkHealth::down;
	bool judged_life = false;
};

// Another member. Slot 0 of Node's table is unused: it stands for this member.
struct Member {
	MemberId id;          // empty: slot free
	std::size_t pair = 0; // its place in the handshake's table
	SessionId session = 0;
	SessionId generation = 0; // session that began the peer's present boot
	Suite suite = Suite::none;
	std::uint8_t link_bitmap = 0;
	bool alive = false; // life on at least one link, and its words are known
	bool has_content = false;
	Time found_at{};
	Time lost_at{};
	std::uint32_t link_fails = 0;
	std::uint32_t lateness_us = 0;
	std::array<LinkView, max_links> links{};
	HeartbeatContent content;
	Time age_origin{}; // in our clock
};

// What a member last said of the virtual cluster; nullptr: nothing yet.
inline const VclusterBeat *words_of(const Member &member)
{
	return member.content.vclusters.empty() ? nullptr : &member.content.vclusters[0];
}

inline HaState state_of(const Member &member)
{
	const VclusterBeat *words = words_of(member);
	return words == nullptr ? HaState::hello : words->state;
}

inline std::uint32_t failure_sum(const VclusterBeat &words)
{
	return std::uint32_t{words.link_failure} + words.pingserver_failure;
}

inline constexpr std::uint32_t last_epoch = UINT32_MAX; // never wraps, whatever a member says

// Our own standing in one virtual cluster.
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
	bool failover_flag = false;
};

// Whether we may act. See Absent and Returned in event.h.
enum class Presence : std::uint8_t { present, absent, returning };

class Node {
public:
	explicit Node(const Config &config);

	// Appends to `actions` (the caller clears it). At most 192 actions a step.
	void step(const Event &event, Actions &actions);
	// When a Tick is due next; never earlier than the last event's time.
	[[nodiscard]] Time next_deadline() const;

	// ---- what status, explain and the simulator read
	[[nodiscard]] const Config &config() const { return m_config; }
	[[nodiscard]] const VclusterState &vcluster() const { return m_vcluster; }
	[[nodiscard]] const std::array<Member, max_members> &members() const { return m_members; }
	[[nodiscard]] const Member *member(const MemberId &id) const;
	[[nodiscard]] bool primary() const { return m_vcluster.state == HaState::work; }
	[[nodiscard]] Presence presence() const { return m_presence; }
	[[nodiscard]] bool override_in_force() const;
	[[nodiscard]] std::size_t alive_peers() const;
	[[nodiscard]] std::uint16_t link_failure() const;
	// Place in the order of serials, highest = 0; 0xff for a free slot. Slot 0 is this member.
	[[nodiscard]] std::uint8_t rank_of(PeerSlot slot) const;
	[[nodiscard]] bool monitor_up(std::size_t index) const { return m_monitor_up[index]; }
	[[nodiscard]] bool carrier_up(std::size_t link) const { return m_carrier_up[link]; }
	[[nodiscard]] const HeartbeatContent &beat() const { return m_beat; }
	[[nodiscard]] Time started_at() const { return m_started_at; }
	// This member and every live one that is out of hello (`everybody`: hello too), as the election sees them.
	[[nodiscard]] FixedVector<Candidate, max_members> candidates(bool everybody) const;

private:
	void on(Time now, const Started &event, Actions &actions);
	void on(Time now, const Tick &event, Actions &actions);
	void on(Time now, const HakeReceived &event, Actions &actions);
	void on(Time now, const KeyResult &event, Actions &actions);
	void on(Time now, const SessionConfirmed &event, Actions &actions);
	void on(Time now, const BeatReceived &event, Actions &actions);
	void on(Time now, const PeerLinkChanged &event, Actions &actions);
	void on(Time now, const PeerRolledBack &event, Actions &actions);
	void on(Time now, const Absent &event, Actions &actions);
	void on(Time now, const Returned &event, Actions &actions);
	void on(Time now, const MonitorChanged &event, Actions &actions);
	void on(Time now, const CarrierChanged &event, Actions &actions);
	void on(Time now, const SetFailover &event, Actions &actions);
	void on(Time now, const ResetUptime &event, Actions &actions);
	void on(Time now, const Stopping &event, Actions &actions);

	// membership
	void session_up(Time now, const SessionUp &up, Actions &actions);
	[[nodiscard]] PeerSlot slot_for(const MemberId &id);
	void update_alive(Time now, PeerSlot slot, Actions &actions);
	void lose(Time now, PeerSlot slot, Actions &actions);
	void lose_carrier(Time now, Actions &actions);
	void restore_links(Time now, PeerSlot slot, Actions &actions);
	void set_link(Time now, PeerSlot slot, LinkIndex link, LinkHealth health, bool life, Actions &actions);

	// our own absence
	void reenter_when_due(Time now, Actions &actions);
	[[nodiscard]] bool somebody_claimed_meanwhile() const;

	// election
	void evaluate(Time now, Actions &actions);
	void evaluate_hello(Time now, Actions &actions);
	void evaluate_standby(Time now, Actions &actions);
	void evaluate_primary(Time now, Actions &actions);
	[[nodiscard]] const Member *live_primary() const;
	[[nodiscard]] bool hears_us(const Member &other) const;
	[[nodiscard]] bool somebody_follows_another() const;
	[[nodiscard]] Decision run_election(Time now, bool everybody, Duration margin) const;
	[[nodiscard]] bool somebody_is_healthier() const;
	void become_primary(Time now, const Decision &decision, Actions &actions);
	void become_standby(Time now, const Decision &decision, const MemberId &choice, Actions &actions);
	void reset_age(Time now);

	// beat
	void refresh_beat(Time now, Actions &actions, bool immediate);
	[[nodiscard]] HeartbeatContent make_beat() const;
	[[nodiscard]] Notice notice(NoticeKind kind, Time now) const;

	Config m_config;
	Handshake m_handshake;
	std::array<Member, max_members> m_members{};
	VclusterState m_vcluster;
	std::array<bool, max_monitors> m_monitor_up{};
	std::array<bool, max_links> m_carrier_up{};
	Hostname m_hostname;
	FixedVector<MacAddress, max_links> m_macs;
	std::array<std::uint8_t, 16> m_config_checksum{};
	std::uint32_t m_packet_version = 0;
	HeartbeatContent m_beat;
	bool m_started = false;
	bool m_stopping = false;
	Time m_started_at{};
	Time m_last_now{};
	Time m_hello_until{};
	Time m_next_refresh = never;
	// An election with the full order is due although override is off: something failed.
	bool m_renegotiate = false;
	// A standby without a primary, waiting for the winner to claim; a primary with a rival that does not yield.
	Time m_orphan_since = never;
	MemberId m_successor; // whom we have just elected or yielded to: it is given time to claim
	// Won the election and did not claim in time (it follows somebody we do not hear): we claimed instead, and do not
	// yield to it before something changes, or the role would go to and fro.
	MemberId m_declined;
	Time m_rival_since = never;
	bool m_rival_seen = false;
	bool m_override_was_in_force = false;
	Time m_wake_at = never;
	Time m_carrier_lost_at{}; // on every heartbeat port
	Presence m_presence = Presence::present;
	std::uint32_t m_epoch_before = 0; // the highest we knew before
	Time m_return_by = never;         // returning: no longer than until then
	bool m_await_somebody = false;
	std::array<bool, max_members> m_awaited{}; // returning: alive before, and not heard since
};

} // namespace systole::core
