// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What leaves the worker: heartbeat rounds, sealed as one burst for all peers and links, and clear handshake frames.
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
	void send_clear(const control::SendFrame &frame);

private:
	struct Pending {
		rte_mbuf *mbuf;
		core::PeerSlot slot;
		core::LinkIndex link;
	};
	static constexpr std::size_t max_round = core::max_members * core::max_links;

	[[nodiscard]] rte_mbuf *build(core::Time now, core::Duration late, Peer &peer, PeerLinkState &way, Port &port,
				      crypto::Seal &seal);
	void finish(rte_mbuf &mbuf, const crypto::Seal &seal, const Peer &peer, const core::MacAddress &mac,
		    const Port &port) const;
	void transmit(core::LinkIndex link, std::span<rte_mbuf *> frames);

	WorkerState &m_state;
	std::uint16_t m_content_length = 0;
	std::array<std::byte, control::max_beat_content> m_content{};
	std::array<crypto::Seal, max_round> m_seals;
	std::array<Pending, max_round> m_pending;
};

} // namespace systole::dataplane
