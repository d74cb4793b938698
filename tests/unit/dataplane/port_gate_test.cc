// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The hand-over of a port between the worker and the port keeper, step by step and with two real threads.
#include "dataplane/port_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace systole::dataplane {
namespace {

TEST(PortGate, is_closed_by_the_worker_alone_and_only_when_it_is_asked)
{
	PortGate gate(true);
	EXPECT_TRUE(gate.look());
	EXPECT_FALSE(gate.is_closed());
	gate.ask_to_close();
	EXPECT_FALSE(gate.is_closed()) << "the worker may be using the port until it has looked";
	EXPECT_FALSE(gate.look());
	EXPECT_TRUE(gate.is_closed());
	EXPECT_FALSE(gate.look());
	gate.ask_to_close();
	EXPECT_TRUE(gate.is_closed()) << "closed is closed";
	gate.open();
	EXPECT_TRUE(gate.look());
}

TEST(PortGate, one_that_begins_closed_opens)
{
	PortGate gate(false);
	EXPECT_FALSE(gate.look());
	EXPECT_TRUE(gate.is_closed());
	gate.open();
	EXPECT_TRUE(gate.look());
}

// What stands behind the gate is plain memory: were it ever touched by both, they would find each other's marks.
TEST(PortGate, two_threads_never_hold_the_port_together)
{
	constexpr int rounds = 500;
	PortGate gate(true);
	std::atomic<bool> done{false};
	std::atomic<std::uint64_t> worker_turns{0};
	std::uint64_t port = 0; // guarded by the gate
	bool met = false;
	std::thread worker([&] {
		while (!done.load(std::memory_order_relaxed)) {
			if (!gate.look())
				continue;
			met = met || port % 2 != 0;
			port += 2;
			worker_turns.fetch_add(1, std::memory_order_relaxed);
		}
	});
	for (int i = 0; i < rounds; ++i) {
		const std::uint64_t turns_before = worker_turns.load();
		while (worker_turns.load() == turns_before) // the worker has had the port in this round
			std::this_thread::yield();
		gate.ask_to_close();
		while (!gate.is_closed())
			std::this_thread::yield();
		++port; // odd while it is taken apart
		const std::uint64_t before = port;
		std::this_thread::yield();
		EXPECT_EQ(port, before) << "round " << i;
		++port;
		gate.open();
	}
	done = true;
	worker.join();
	EXPECT_FALSE(met);
}

} // namespace
} // namespace systole::dataplane
