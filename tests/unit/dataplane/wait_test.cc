// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which way of waiting is taken for what the CPU and the ports offer.
#include "dataplane/waiter.h"

#include <gtest/gtest.h>

namespace systole::dataplane {
namespace {

TEST(Wait, an_adaptive_worker_naps_whatever_is_offered)
{
	const WaitOffer all{
		.cpu_monitor = true, .cpu_monitor_multi = true, .cpu_pause = true, .ports = 1, .ports_to_monitor = 1};
	EXPECT_EQ(choose_wait(PollMode::adaptive, all), WaitKind::nap);
}

TEST(Wait, a_busy_one_rests_where_the_cpu_and_every_port_allow_it)
{
	struct Row {
		WaitOffer offer;
		WaitKind kind;
	};
	const Row table[] = {
		{{.ports = 2}, WaitKind::spin},
		{{.cpu_pause = true, .ports = 2}, WaitKind::pause},
		{{.cpu_monitor = true, .cpu_pause = true, .ports = 1, .ports_to_monitor = 1}, WaitKind::monitor},
		{{.cpu_monitor = true, .cpu_pause = true, .ports = 1, .ports_to_monitor = 0}, WaitKind::pause},
		{{.cpu_monitor = true, .cpu_pause = true, .ports = 2, .ports_to_monitor = 2}, WaitKind::pause},
		{{.cpu_monitor = true, .cpu_monitor_multi = true, .ports = 2, .ports_to_monitor = 2},
		 WaitKind::monitor},
		{{.cpu_monitor = true, .cpu_monitor_multi = true, .ports = 2, .ports_to_monitor = 1}, WaitKind::spin},
		{{.cpu_monitor = true}, WaitKind::spin},
	};
	for (const Row &row : table)
		EXPECT_EQ(choose_wait(PollMode::busy, row.offer), row.kind) << &row - table;
}

} // namespace
} // namespace systole::dataplane
