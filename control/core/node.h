// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One member of the cluster, as a pure function of what happens to it: step(event, actions).
// Same events in, same actions out. No clock, I/O, threads, allocation, randomness or logging in here.
//
// It knows the others (sessions, links, life) and its own health; each virtual cluster decides for itself (vcluster.h).
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/handshake.h"
#include "control/core/isolation.h"
#include "control/core/member.h"
#include "control/core/memory_watch.h"
#include "control/core/types.h"
#include "control/core/vcluster.h"

namespace systole::core {

// Whether we may act. See Absent and Returned in event.h.
enum class Presence : std::uint8_t { present, absent, returning };

class Node {
public:
	explicit Node(const Config &config);

	// Appends to `actions` (the caller clears it). At most 512 actions a step.
	void step(const Event &event, Actions &actions);
	// When a Tick is due next; never earlier than the last event's time.
	[[nodiscard]] Time next_deadline() const;

	// ---- what status, explain and the simulator read
	[[nodiscard]] const Config &config() const { return m_config; }
	[[nodiscard]] std::size_t vcluster_count() const { return m_vclusters.size(); }
	// By place in Config::vclusters.
	[[nodiscard]] const VclusterState &vcluster(std::size_t place = 0) const { return m_vclusters[place].state(); }
	[[nodiscard]] const Vcluster &virtual_cluster(std::size_t place = 0) const { return m_vclusters[place]; }
	[[nodiscard]] const Vcluster *find_vcluster(std::uint8_t id) const;
	[[nodiscard]] const Members &members() const { return m_members; }
	[[nodiscard]] const Member *member(const MemberId &id) const;
	[[nodiscard]] bool primary(std::size_t place = 0) const { return vcluster(place).state == HaState::work; }
	[[nodiscard]] Presence presence() const { return m_presence; }
	[[nodiscard]] bool override_in_force(std::size_t place = 0) const;
	[[nodiscard]] std::size_t alive_peers() const;
	[[nodiscard]] const Handshake &handshake() const { return m_handshake; }
	// A live member, or this one, cannot speak GCM (has_no_aes128_gcm_sha256_member).
	[[nodiscard]] bool lacks_gcm() const;
	// Place in the order of serials, highest = 0; 0xff for a free slot. Slot 0 is this member.
	[[nodiscard]] std::uint8_t rank_of(PeerSlot slot) const;
	[[nodiscard]] bool monitor_up(std::size_t index) const { return (m_monitors_down >> index & 1U) == 0; }
	[[nodiscard]] bool maintenance() const { return m_maintenance; }
	[[nodiscard]] const MemoryWatch &memory() const { return m_memory; }
	[[nodiscard]] bool ssd_failed() const { return m_ssd_failed; }
	// Empty: no bound (docs/ISOLATION.md).
	[[nodiscard]] std::optional<Duration> dual_primary_bound(std::size_t place = 0) const;
	[[nodiscard]] bool carrier_up(std::size_t link) const { return m_carrier_up[link]; }
	[[nodiscard]] const HeartbeatContent &beat() const { return m_beat; }
	[[nodiscard]] Time started_at() const { return m_started_at; }
	[[nodiscard]] Time now() const { return m_last_now; } // of the last step
	// After Stopping: its roles are given away, or nobody takes them, and it has said goodbye.
	[[nodiscard]] bool stopped() const { return m_stopping || !m_started; }
	[[nodiscard]] bool ready() const { return m_ready; } // as it was told
	// This member (first) and every live one that is out of hello (`everybody`: hello too), as the election sees them.
	[[nodiscard]] Candidates candidates(bool everybody, std::size_t place = 0) const;

private:
	void on(Time now, const Started &event, Actions &actions);
	void on(Time now, const Tick &event, Actions &actions);
	void on(Time now, const HakeReceived &event, Actions &actions);
	void on(Time now, const KeyResult &event, Actions &actions);
	void on(Time now, const SessionConfirmed &event, Actions &actions);
	void on(Time now, const SessionWorn &event, Actions &actions);
	void on(Time now, const PasswordsChanged &event, Actions &actions);
	void on(Time now, const Rekey &event, Actions &actions);
	void on(Time now, const BeatReceived &event, Actions &actions);
	void on(Time now, const PeerLinkChanged &event, Actions &actions);
	void on(Time now, const PeerRolledBack &event, Actions &actions);
	void on(Time now, const Absent &event, Actions &actions);
	void on(Time now, const Returned &event, Actions &actions);
	void on(Time now, const MonitorChanged &event, Actions &actions);
	void on(Time now, const CarrierChanged &event, Actions &actions);
	void on(Time now, const PingMonitorChanged &event, Actions &actions);
	void on(Time now, const MemorySample &event, Actions &actions);
	void on(Time now, const SsdChanged &event, Actions &actions);
	void on(Time now, const WitnessChanged &event, Actions &actions);
	void on(Time now, const SetFailover &event, Actions &actions);
	void on(Time now, const SwitchRole &event, Actions &actions);
	void on(Time now, const SessionsTold &event, Actions &actions);
	void on(Time now, const Readiness &event, Actions &actions);
	void on(Time now, const SetMaintenance &event, Actions &actions);
	void on(Time now, const SetPriority &event, Actions &actions);
	void on(Time now, const SetOverride &event, Actions &actions);
	void on(Time now, const ResetUptime &event, Actions &actions);
	void on(Time now, const Stopping &event, Actions &actions);
	void stop(Time now, Actions &actions);
	[[nodiscard]] bool hands_over(Time now) const;

	// membership
	void session_up(Time now, const SessionUp &up, Actions &actions);
	[[nodiscard]] PeerSlot slot_for(const MemberId &id);
	void update_alive(Time now, PeerSlot slot, Actions &actions);
	void lose(Time now, PeerSlot slot, Actions &actions);
	void lose_carrier(Time now, Actions &actions);
	void restore_links(Time now, PeerSlot slot, Actions &actions);
	void set_link(Time now, PeerSlot slot, LinkIndex link, LinkHealth health, bool life, Actions &actions);

	void take_leave(Time now, PeerSlot slot, Actions &actions);
	void begin_anew(Time now, Actions &actions);
	void follow_capabilities(Time now);

	// our own absence
	void reenter_when_due(Time now, Actions &actions);

	// virtual clusters
	[[nodiscard]] Surroundings surroundings(Time now) const;
	[[nodiscard]] Scene scene(Time now, Actions &actions) const { return {surroundings(now), actions}; }
	[[nodiscard]] Vcluster *vcluster_of(std::uint8_t id);
	void renegotiate(); // something failed: the full order applies in all of them
	[[nodiscard]] Time next_wake() const;

	// beat
	void refresh_beat(Time now, Actions &actions, bool immediate);
	[[nodiscard]] HeartbeatContent make_beat(const Surroundings &surroundings) const;
	[[nodiscard]] Notice notice(NoticeKind kind, Time now) const;

	Config m_config;
	Handshake m_handshake;
	Members m_members{};
	FixedVector<Vcluster, max_vclusters> m_vclusters;
	std::uint64_t m_monitors_down = 0; // bits as in VclusterConfig::monitors
	MemoryWatch m_memory;
	bool m_ssd_failed = false;
	bool m_maintenance = false;
	std::array<bool, max_links> m_carrier_up{};
	Hostname m_hostname;
	FixedVector<MacAddress, max_links> m_macs;
	std::array<std::uint8_t, 16> m_config_checksum{};
	std::uint32_t m_packet_version = 0;
	HeartbeatContent m_beat;
	bool m_started = false;
	bool m_retiring = false; // about to stop
	bool m_stopping = false;
	bool m_ready = true;
	Time m_started_at{};
	Time m_last_now{};
	Time m_hello_until{};
	Time m_next_refresh = never;
	Time m_carrier_lost_at{}; // on every heartbeat port
	Presence m_presence = Presence::present;
	Time m_return_by = never; // returning: no longer than until then
	bool m_await_somebody = false;
	std::array<bool, max_members> m_awaited{}; // returning: alive before, and not heard since
};

} // namespace systole::core
