// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The two rings between one worker and control, the doorbells that wake either, and what both may look at.
// A full ring drops, counts (ring_full) and goes on; it never spins.
#pragma once

#include "control/vital_signs.h"
#include "control/worker_counters.h"
#include "control/worker_messages.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace systole::control {

using EventRing = boost::lockfree::spsc_queue<WorkerEvent, boost::lockfree::capacity<2048>>;
using CommandRing = boost::lockfree::spsc_queue<WorkerCommand, boost::lockfree::capacity<512>>;

// An eventfd that is written only when the other side has said that it is about to sleep.
//   sleeper: sleeping = true; drain once more; wait on fd; sleeping = false
//   other:   push; ring()
struct Doorbell {
	int fd = -1;
	std::atomic<bool> sleeping{false};

	// After a push.
	void ring()
	{
		// The push must be visible before we look whether they sleep; they do the same the other way round.
		std::atomic_thread_fence(std::memory_order_seq_cst);
		if (!sleeping.exchange(false) || fd < 0)
			return;
		const std::uint64_t one = 1;
		// Fails only when the counter is full, and then the sleeper is already awake.
		[[maybe_unused]] const ssize_t written = write(fd, &one, sizeof(one));
	}
};

struct SessionLanes;

struct WorkerChannel {
	// As many members as WorkerConfig::members says.
	explicit WorkerChannel(std::size_t members = core::max_members) : counters(members) {}

	EventRing events;                       // written by the worker
	CommandRing commands;                   // written by control
	Doorbell bell;                          // wakes control
	Doorbell work_bell;                     // wakes a napping worker
	WorkerCounters counters;                // written by the worker
	std::atomic<std::uint64_t> watchdog{0}; // control's turn counter: stands still when control hangs
	std::atomic<bool> stop{false};          // set by control: the worker leaves its loop
	// The number of the worker's present silence (see WorkerReturned), 0: it may be heard. Written by the worker, before
	// `counters.last_turn_ns` of the same turn: who finds a young time there finds the silence that belongs to it.
	std::atomic<std::uint32_t> silence{0};
	VitalSigns *signs = nullptr;   // shared with systole-keeper; null: there is none
	SessionLanes *lanes = nullptr; // null: no sessions are synchronised, and nobody takes frames of that class
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
