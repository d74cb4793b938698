// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Role hooks started by a thread as systoled's are: real-time and pinned to one CPU.
#include "control/takeover/hooks.h"

#include <gtest/gtest.h>

#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace systole::lab {
namespace {

TEST(HooksLab, of_a_real_time_thread_are_neither_real_time_nor_pinned)
{
	std::string pattern = (std::filesystem::temp_directory_path() / "systole-hooks-XXXXXX").string();
	const std::filesystem::path directory = mkdtemp(pattern.data());
	const std::string path = directory / "hook";
	std::ofstream(path) << "#!/bin/sh\nchrt -p $$\ntaskset -p $$\nnice\n";
	chmod(path.c_str(), 0755);

	cpu_set_t before;
	ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	const sched_param real_time{.sched_priority = 10};
	const sched_param ordinary{};
	ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	if (sched_setscheduler(0, SCHED_FIFO, &real_time) != 0) {
		std::filesystem::remove_all(directory);
		GTEST_SKIP() << "this machine gives no real-time priority, even to root";
	}
	control::HookResult result;
	control::HookRunner runner("m1", [&result](const control::HookResult &done) { result = done; });
	const auto begin = std::chrono::steady_clock::now();
	runner.run({.path = path, .role = "primary", .reason = "test"}, core::Time{});
	const auto started = std::chrono::steady_clock::now() - begin;
	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	sched_setaffinity(0, sizeof(before), &before);
	while (runner.busy()) {
		pollfd fd{runner.pidfd(), POLLIN, 0};
		ASSERT_GT(poll(&fd, 1, 20000), 0);
		runner.poll(core::Time{});
	}
	std::filesystem::remove_all(directory);
	std::printf("starting a hook held its caller for %.3f ms\n",
		    std::chrono::duration<double, std::milli>(started).count());
	EXPECT_NE(result.output.find("SCHED_OTHER"), std::string::npos) << result.output;
	EXPECT_EQ(result.output.find("affinity mask: 1\n") != std::string::npos, CPU_COUNT(&before) == 1)
		<< result.output;
	EXPECT_EQ(result.output.substr(result.output.size() - 3), "\n0\n") << result.output;
}

} // namespace
} // namespace systole::lab
