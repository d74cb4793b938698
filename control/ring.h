// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The two rings between one worker and control, the doorbell that wakes control, and what both may look at.
// A full ring drops, counts (ring_full) and goes on; it never spins.
#pragma once

#include "control/worker_counters.h"
#include "control/worker_messages.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace systole::control {

using EventRing = boost::lockfree::spsc_queue<WorkerEvent, boost::lockfree::capacity<2048>>;
using CommandRing = boost::lockfree::spsc_queue<WorkerCommand, boost::lockfree::capacity<512>>;

// An eventfd that is written only when control has said that it is about to sleep.
//   control: sleeping = true; drain once more; wait on fd; sleeping = false
//   worker:  push; if (sleeping.exchange(false)) write(fd)
struct Doorbell {
	int fd = -1;
	std::atomic<bool> sleeping{false};
};

struct WorkerChannel {
	EventRing events;     // written by the worker
	CommandRing commands; // written by control
	Doorbell bell;
	WorkerCounters counters;                // written by the worker
	std::atomic<std::uint64_t> watchdog{0}; // control's turn counter: stands still when control hangs
	std::atomic<bool> stop{false};          // set by control: the worker leaves its loop
};

// What control knows of one heartbeat port.
struct HeartbeatPort {
	std::string name; // as in `set hbdev`
	std::string
		netdev; // kernel interface whose carrier stands for the port's link, empty for a pure PCI or ring port
	std::string device; // devargs or PCI address given to EAL
	std::uint16_t priority = 0;
	MacAddress mac{};
};

} // namespace systole::control
