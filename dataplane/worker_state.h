// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What rx, tx and the turn itself share: everything a worker owns. One thread, no locks.
#pragma once

#include "control/core/liveness.h"
#include "control/ring.h"
#include "control/session_lanes.h"
#include "crypto/esp.h"
#include "dataplane/outbox.h"
#include "dataplane/peer_table.h"
#include "dataplane/poll_mode.h"
#include "dataplane/port.h"
#include "dataplane/sa_table.h"

#include <array>
#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

namespace systole::dataplane {

struct WorkerConfig {
	std::size_t members =
		core::max_members; // size of the peer table, this member included; benchmarks ask for more
	core::Duration interval = std::chrono::milliseconds{200}; // between two heartbeat rounds
	std::uint8_t lost_threshold = 20;
	std::uint16_t ether_type = 0x8890;
	std::uint16_t session_ether_type = 0x8892;
	// Links for session frames: those of the bitmap in turn, while one of them is alive; else the first alive of the
	// order, which names every link, best first.
	std::uint8_t session_links = 0;
	std::array<core::LinkIndex, core::max_links> link_order{0, 1, 2, 3, 4, 5, 6, 7};
	PollMode poll_mode = PollMode::adaptive;
	core::Duration control_watchdog = std::chrono::seconds{12}; // `control-watchdog`
};

struct WorkerState {
	WorkerState(const WorkerConfig &worker_config, std::span<Port *const> worker_ports,
		    control::WorkerChannel &channel)
	    : config(worker_config),
	      timing(core::LivenessTiming::from(worker_config.interval, worker_config.lost_threshold)),
	      ports(worker_ports.begin(), worker_ports.end()), counters(channel.counters), outbox(channel),
	      lanes(channel.lanes), peers(config.members), inbound(config.members * SaTable::per_member)
	{
		assert(counters.peers.size() == peers.size());
		for (const Port *port : ports)
			heard.emplace_back(port->queue_frames());
	}

	void count(control::Drop drop, std::uint64_t n = 1)
	{
		control::add(counters.drops[static_cast<std::size_t>(drop)], n);
	}

	const WorkerConfig config;
	const core::LivenessTiming timing;
	const std::vector<Port *> ports; // index = LinkIndex
	std::vector<HeardOut> heard;     // index = LinkIndex
	control::WorkerCounters &counters;
	Outbox outbox;
	control::SessionLanes *const lanes; // null: nobody here takes session frames
	PeerTable peers;
	SaTable inbound;
	crypto::EspEngine esp;
	core::Time returned_at{}; // from the last absence; Time{}: there was none
};

} // namespace systole::dataplane
