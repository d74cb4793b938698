// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the worker knows of its peers: addresses, and per link the way out, the liveness and the figures.
// Written and read by the worker only.
#pragma once

#include "control/core/liveness.h"
#include "control/core/types.h"
#include "control/worker_messages.h"
#include "crypto/sa.h"
#include "dataplane/deadline.h"
#include "dataplane/frame.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace systole::dataplane {

struct PeerLinkState {
	bool used = false; // both sides have this link
	core::MacAddress mac{};
	crypto::OutboundSa *outbound = nullptr;
	core::SessionId outbound_session = 0;
	core::LinkLiveness liveness;
	AwayBudget away;
	std::uint64_t lost_counted = 0; // of liveness.lost_beats(), already in the counters
	bool rollback_told = false;
};

// The newest content handed up to control. A peer says the same on every link, so this stands once per peer.
class HandedBeat {
public:
	static constexpr core::Duration repeat = std::chrono::milliseconds{100};

	// Is this beat worth a place in the ring? Older ones (another link may be slower) never are.
	[[nodiscard]] bool wants(core::Time now, core::SessionId session, std::int64_t sent_ns, bool fresh,
				 std::span<const std::byte> content) const
	{
		if (m_session != session)
			return true;
		if (sent_ns < m_sent_ns)
			return false;
		return now - m_at >= repeat || (fresh && !m_fresh) || content.size() != m_length ||
		       std::memcmp(content.data(), m_content.data(), m_length) != 0;
	}
	void handed(core::Time now, core::SessionId session, std::int64_t sent_ns, bool fresh,
		    std::span<const std::byte> content)
	{
		m_at = now;
		m_session = session;
		m_sent_ns = sent_ns;
		m_fresh = fresh;
		m_length = content.size();
		std::copy(content.begin(), content.end(), m_content.begin());
	}
	void forget() { m_session = 0; }

private:
	core::Time m_at{};
	core::SessionId m_session = 0; // 0 = nothing yet
	std::int64_t m_sent_ns = 0;
	bool m_fresh = false;
	std::size_t m_length = 0;
	std::array<std::byte, control::max_beat_content> m_content{};
};

struct Peer {
	bool started = false;
	core::SessionId generation = 0;
	AddressPair addresses;
	std::array<PeerLinkState, core::max_links> links;
	HandedBeat handed;
};

using PeerTable = std::array<Peer, core::max_members>; // index = PeerSlot; 0 is this member and stays empty

} // namespace systole::dataplane
