// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A poll-mode worker as control/worker_messages.h describes it, over the simulated network: it beats on every link to
// every started peer it has keys for, opens what comes in, runs one core::LinkLiveness per peer and link, hands up
// what is new, and falls silent when it was away too long or control hangs. Stamps and contents are the real wire
// bytes; liveness, grid, grants, control watch and what is handed up are the real classes.
#pragma once

#include "control/core/action.h"
#include "control/core/event.h"
#include "control/core/liveness.h"
#include "dataplane/beat.h"
#include "dataplane/control_watch.h"
#include "dataplane/deadline.h"
#include "dataplane/peer_table.h"
#include "tests/sim/key_agent.h"
#include "tests/sim/packet.h"

#include <array>
#include <bitset>
#include <vector>

namespace systole::sim {

class World;

inline constexpr std::size_t ring_entries = 2048; // then beats and handshake frames are dropped; verdicts wait

// What the ring carries to control.
struct RingEntry {
	core::EventBody body;
	std::uint32_t silence = 0; // number of the silence that a Returned names
};

class Worker {
public:
	// What it hands up is appended to `ring`; `watchdog` is control's turn counter.
	Worker(World &world, std::size_t member, std::vector<RingEntry> &ring, const std::uint64_t &watchdog);

	// ---- commands
	void install_inbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys);
	void bind(core::SessionId session, core::PeerSlot slot);
	void install_outbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys);
	void remove_session(core::SessionId session);
	void start_peer(const core::StartPeerBeats &action, std::size_t peer_member);
	void stop_peer(core::PeerSlot slot) { m_peers[slot].started = false; }
	void set_mac(const core::SetPeerMac &action) { m_peers[action.slot].links[action.link].mac = action.mac; }
	void set_beat(const core::HeartbeatContent &content, bool immediate);
	void send_sealed(core::PeerSlot slot, core::LinkIndex link, const core::HakeBytes &message);
	void end_silence(std::uint32_t number);

	// ---- turns
	void take(const Packet &packet);
	// The round that is due, or one that control asked for.
	void beat();
	[[nodiscard]] core::Time next_beat() const { return m_grid.next(); }
	// A planned judgement; another may have been planned since.
	void judge_planned(SimTime at, core::PeerSlot slot, core::LinkIndex link);
	void judge_all();
	// Control's counter, seen by a worker that turns all the time.
	void see_control() { m_control_watch.look(now(), m_watchdog); }
	void watch_control();
	// It does not turn from here on ...
	void halt() { m_halted = true; }
	// ... to here. Then comes what waited in the queue, then beat() and judge_all().
	void thaw(Duration gap);

	[[nodiscard]] std::uint32_t silence() const { return m_silence; }
	[[nodiscard]] bool turns() const { return !m_halted; }
	[[nodiscard]] bool knows_hang() const { return m_control_hangs; }

private:
	struct Way {
		bool used = false;
		core::MacAddress mac{};
		bool keyed = false;
		core::SessionId session = 0;
		SaKeys keys;
		std::uint32_t sequence = 0;
		core::LinkLiveness liveness;
		dataplane::AwayBudget away;
		SimTime judge_at = sim_never; // planned,
		core::Time judge_due{};       // for this deadline
	};
	struct Peer {
		bool started = false;
		std::uint8_t member = nobody;
		core::SessionId generation = 0;
		std::array<Way, core::max_links> links{};
		dataplane::HandedBeat handed;
	};
	// A sliding window of sequence numbers (RFC 4303 3.4.3).
	class ReplaySet {
	public:
		[[nodiscard]] bool take(std::uint32_t sequence);

	private:
		static constexpr std::uint32_t size = 1024;
		std::uint32_t m_top = 0;
		std::bitset<size> m_seen;
	};
	struct Inbound {
		SaKeys keys;
		core::SessionId session = 0;
		core::PeerSlot slot = 0;
		core::LinkIndex link = 0;
		bool confirmed = false;
		ReplaySet replay;
	};

	void take_beat(const Packet &packet, const Inbound &sa);
	void take_sealed(const Packet &packet, const Inbound &sa);
	void deliver(const core::EventBody &body, std::uint32_t silence = 0) { m_ring.push_back({body, silence}); }
	void tell(core::PeerSlot slot, core::LinkIndex link);
	void judge(core::PeerSlot slot, core::LinkIndex link);
	void plan_judge(core::PeerSlot slot, core::LinkIndex link);
	void round(Duration late);
	void send(Peer &peer, core::LinkIndex link, std::uint32_t lateness_us);
	void fall_silent();
	void come_back(Duration gap);
	[[nodiscard]] core::Time now() const;

	World &m_world;
	std::size_t m_member;
	std::vector<RingEntry> &m_ring;
	const std::uint64_t &m_watchdog;
	core::LivenessTiming m_timing;
	dataplane::BeatGrid m_grid;
	dataplane::ControlWatch m_control_watch;
	std::array<Peer, core::max_members> m_peers;
	std::vector<Inbound> m_inbound;
	Packet m_scratch; // the beat being made; its content stays between beats
	std::size_t m_content_bytes = 0;
	bool m_halted = false;
	bool m_draining = false; // what waited in the queue meanwhile: all of it comes before any judgement
	bool m_extra_round = false;
	core::Time m_round_at{};
	bool m_control_hangs = false;
	core::Time m_silent_since{};
	core::Time m_returned_at{};
	std::uint32_t m_silence = 0; // the present one; 0: may be heard
	std::uint32_t m_silence_number = 0;
	std::uint32_t m_silence_to_end = 0; // told so while halted
};

} // namespace systole::sim
