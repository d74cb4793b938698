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
#include "dataplane/beat_size.h"
#include "dataplane/deadline.h"
#include "dataplane/frame.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace systole::dataplane {

// The SA in which session frames leave for a peer on a link. A table of its own: a beat does not touch it.
struct SessionWay {
	crypto::OutboundSa *outbound = nullptr;
	core::SessionId outbound_session = 0;
	bool worn_told = false; // of this SA
};

struct alignas(64) PeerLinkState {
	bool used = false; // both sides have this link
	core::MacAddress mac{};
	crypto::OutboundSa *outbound = nullptr;
	core::SessionId outbound_session = 0;
	bool worn_told = false; // of this SA
	BeatSize size;          // of what goes out
	core::LinkLiveness liveness;
	AwayBudget away;
	std::uint64_t lost_counted = 0; // of liveness.lost_beats(), already in the counters
	bool rollback_told = false;
	core::Time last_rx{}; // any beat that was life
};

// The newest content handed up to control. A peer says the same on every link, so this stands once per peer.
class HandedBeat {
public:
	static constexpr core::Duration repeat = std::chrono::milliseconds{100};

	// Is this beat worth a place in the ring? Older ones (another link may be slower) never are.
	[[nodiscard]] bool wants(core::Time now, core::SessionId session, std::int64_t sent_ns, bool life,
				 bool since_return, std::span<const std::byte> content) const
	{
		if (m_session == 0)
			return true;
		if (sent_ns < m_sent_ns) // also of the session before a rekey
			return false;
		if (m_session != session)
			return true;
		return now - m_at >= repeat || (life && !m_life) || (since_return && !m_since_return) ||
		       content.size() != m_length || std::memcmp(content.data(), m_content.data(), m_length) != 0;
	}
	void handed(core::Time now, core::SessionId session, std::int64_t sent_ns, bool life, bool since_return,
		    std::span<const std::byte> content)
	{
		m_at = now;
		m_session = session;
		m_sent_ns = sent_ns;
		m_life = life;
		m_since_return = since_return;
		m_length = content.size();
		std::copy(content.begin(), content.end(), m_content.begin());
	}
	void forget() { m_session = 0; }

private:
	core::Time m_at{};
	core::SessionId m_session = 0; // 0 = nothing yet
	std::int64_t m_sent_ns = 0;
	bool m_life = false;
	bool m_since_return = false;
	std::size_t m_length = 0;
	std::array<std::byte, control::max_beat_content> m_content{};
};

struct Peer {
	bool started = false;
	core::SessionId generation = 0;
	AddressPair addresses;
	HandedBeat handed;
	std::array<PeerLinkState, core::max_links> links;
	std::array<SessionWay, core::max_links> session_ways;

	// Hints that a beat will soon go to this peer, or has come from it, over the link. A beat of usual length touches
	// the first three lines: what is above, and the content it is compared with.
	void prefetch_to_send(core::LinkIndex link) const
	{
		prefetch_lines(this, 1);
		prefetch_lines(&links[link], sizeof(PeerLinkState) / cache_line);
	}
	void prefetch_to_receive(core::LinkIndex link) const
	{
		prefetch_lines(this, 4);
		prefetch_lines(&links[link], sizeof(PeerLinkState) / cache_line);
	}

private:
	static constexpr std::size_t cache_line = 64;
	static void prefetch_lines(const void *from, std::size_t lines)
	{
		for (std::size_t i = 0; i < lines; ++i)
			__builtin_prefetch(static_cast<const std::byte *>(from) + i * cache_line, 1);
	}
};

using PeerTable = std::vector<Peer>; // index = PeerSlot; 0 is this member and stays empty; never resized

} // namespace systole::dataplane
