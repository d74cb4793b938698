// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A poll-mode worker as control/worker_messages.h describes it, over the simulated network: it beats on every link to
// every started peer it has keys for, opens what comes in, runs one core::LinkLiveness per peer and link, and hands up
// what is new. Stamps and contents are the real wire bytes.
#pragma once

#include "control/core/action.h"
#include "control/core/event.h"
#include "control/core/liveness.h"
#include "dataplane/deadline.h"
#include "tests/sim/key_agent.h"
#include "tests/sim/packet.h"

#include <array>
#include <bitset>
#include <vector>

namespace systole::sim {

class World;

class Worker {
public:
	// What it hands up is appended to `ring`.
	Worker(World &world, std::size_t member, std::vector<core::Event> &ring);

	// ---- commands
	void install_inbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys);
	void bind(core::SessionId session, core::PeerSlot slot);
	void install_outbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys);
	void remove_session(core::SessionId session);
	void start_peer(const core::StartPeerBeats &action, std::size_t peer_member);
	void stop_peer(core::PeerSlot slot) { m_peers[slot].started = false; }
	void set_mac(const core::SetPeerMac &action) { m_peers[action.slot].links[action.link].mac = action.mac; }
	void set_beat(const core::SetBeatContent &action);

	// ---- turns
	void take(const Packet &packet);
	void beat();
	void judge(core::PeerSlot slot, core::LinkIndex link);
	// A planned judgement; another may have been planned since.
	void judge_planned(SimTime at, core::PeerSlot slot, core::LinkIndex link);
	// The process was away: before what waited in the queue is taken.
	void was_away(Duration gap);
	// After that: deadlines that have passed meanwhile.
	void judge_all();

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
		SimTime judge_at = sim_never;
	};
	struct Peer {
		bool started = false;
		std::uint8_t member = nobody;
		core::SessionId generation = 0;
		std::array<Way, core::max_links> links{};
		// the content handed up last
		core::SessionId handed_session = 0;
		core::Time handed_at{};
		std::int64_t handed_sent_ns = 0;
		bool handed_fresh = false;
		std::vector<std::byte> handed;
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
	void tell(core::PeerSlot slot, core::LinkIndex link);
	void plan_judge(core::PeerSlot slot, core::LinkIndex link);
	void send(Peer &peer, core::LinkIndex link);
	[[nodiscard]] core::Time now() const;

	World &m_world;
	std::size_t m_member;
	std::vector<core::Event> &m_ring;
	core::LivenessTiming m_timing;
	std::array<Peer, core::max_members> m_peers;
	std::vector<Inbound> m_inbound;
	Packet m_scratch; // the beat being made; its content stays between beats
	std::size_t m_content_bytes = 0;
	core::Time m_silent_until{};
};

} // namespace systole::sim
