// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Session frames from the lane to the ports: one burst a turn, after the beats, so that no beat ever waits for more than
// that. What has no way out is dropped by name; what the port does not take stays in the lane and is tried again, at
// first one at a time: frames sealed for nothing cost time and sequence numbers.
//
//   lane: | done | wait | done | wait | wait ...      frames for another link may overtake those of a full port
//          '-> popped       `--------'-> at most one burst
#pragma once

#include "control/session_lanes.h"
#include "crypto/esp.h"
#include "dataplane/worker_state.h"

#include <rte_mbuf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace systole::dataplane {

class SessionTx {
public:
	static constexpr std::size_t burst_frames = 32;

	explicit SessionTx(WorkerState &state) : m_state(state) {}

	// At most one burst. How many frames the ports have taken.
	std::size_t send(core::Time now);
	// Frames wait in the lane: for the next turn, or for a port that is full.
	enum class Left : std::uint8_t { nothing, more, blocked };
	[[nodiscard]] Left left() const { return m_left; }

private:
	struct Pending {
		rte_mbuf *mbuf;
		control::SessionFrame *frame;
		core::LinkIndex link;
	};

	[[nodiscard]] std::optional<core::LinkIndex> choose(const control::SessionFrame &frame);
	[[nodiscard]] bool usable(const Peer &peer, std::size_t link) const;
	[[nodiscard]] bool alive(const Peer &peer, std::size_t link) const;
	void gather(core::Time now, control::FrameLane &lane);
	void build(const Pending &item, crypto::Seal &seal);
	[[nodiscard]] std::size_t send_link(core::LinkIndex link);
	[[nodiscard]] static bool pop_done(control::FrameLane &lane);

	WorkerState &m_state;
	Left m_left = Left::nothing;
	std::size_t m_burst = burst_frames; // 1 after a port was full, then twice as many each time
	std::size_t m_next_link = 0;        // whose turn it is
	std::size_t m_count = 0;            // of the burst at hand
	bool m_blocked = false;
	std::array<crypto::Seal, burst_frames> m_seals;
	std::array<Pending, burst_frames> m_pending;
};

} // namespace systole::dataplane
