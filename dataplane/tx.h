// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What leaves the worker: heartbeat rounds, sealed in bursts over peers and links, and clear handshake frames.
#pragma once

#include "control/core/heartbeat.h"
#include "control/worker_messages.h"
#include "crypto/esp.h"
#include "dataplane/worker_state.h"

#include <array>
#include <cstdint>

namespace systole::dataplane {

class Tx {
public:
	explicit Tx(WorkerState &state) : m_state(state) {}

	void set_content(const control::SetBeat &beat);
	[[nodiscard]] bool has_content() const { return m_content_length != 0; }
	// One beat to every started peer on every link that has an outbound SA. `late`: what the stamp confesses.
	void round(core::Time now, core::Duration late);
	// The part of a round that goes to the peers in slots first .. last-1.
	void beat_to(std::size_t first, std::size_t last, core::Time now, core::Duration late);
	void send_clear(const control::SendFrame &frame);
	void send_sealed(const control::SendSealed &message);
	// What a handshake message to this peer on this link is padded to now; the receiver drops other lengths.
	[[nodiscard]] std::size_t padded_inner(core::PeerSlot slot, core::LinkIndex link) const
	{
		return m_state.peers[slot].links[link].size.for_handshake();
	}

private:
	struct Pending {
		rte_mbuf *mbuf;
		core::PeerSlot slot;
		core::LinkIndex link;
	};
	static constexpr std::size_t burst_frames = 64; // of all links together; at least max_links

	[[nodiscard]] std::size_t gather(std::size_t slot, std::size_t last);
	void build_all(core::Time now, core::Duration late);
	[[nodiscard]] rte_mbuf *build(core::Time now, core::Duration late, Peer &peer, PeerLinkState &way, Port &port,
				      crypto::Seal &seal);
	// What the port does not take is dropped: the next beat says more.
	void send(core::LinkIndex link, std::span<rte_mbuf *> frames);

	WorkerState &m_state;
	std::uint16_t m_content_length = 0;
	std::array<std::byte, control::max_beat_content> m_content{};
	std::size_t m_count = 0; // of the burst at hand
	std::array<crypto::Seal, burst_frames> m_seals;
	std::array<Pending, burst_frames> m_pending;
};

} // namespace systole::dataplane
