// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Capabilities given away are gone for good, from every set. In a process of its own, for the test's others need theirs.
#include "control/sandbox/capabilities.h"

#include <gtest/gtest.h>

#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>

namespace systole::control {
namespace {

std::map<std::string, unsigned long long> capability_sets()
{
	std::map<std::string, unsigned long long> sets;
	std::ifstream status("/proc/thread-self/status");
	for (std::string line; std::getline(status, line);)
		if (line.starts_with("Cap"))
			sets[line.substr(0, 6)] = std::stoull(line.substr(line.find('\t')), nullptr, 16);
	return sets;
}

TEST(Hostile, Z3_only_what_was_asked_for_is_kept)
{
	if (geteuid() != 0)
		GTEST_SKIP() << "needs root to have something to give away";
	const pid_t child = fork();
	if (child == 0) {
		std::string error;
		if (!keep_only_capabilities(daemon_capabilities(false), error))
			_exit(1);
		const unsigned long long kept =
			1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW | 1ULL << CAP_IPC_LOCK | 1ULL << CAP_SYS_NICE;
		auto sets = capability_sets();
		if (sets["CapPrm"] != kept || sets["CapEff"] != kept || sets["CapBnd"] != kept)
			_exit(2);
		if (sets["CapInh"] != 0 || sets["CapAmb"] != 0)
			_exit(3);
		if (capabilities_text() != "NET_ADMIN NET_RAW IPC_LOCK SYS_NICE")
			_exit(4);
		// Those of the keeper are fewer still, and nothing comes back.
		if (!keep_only_capabilities(keeper_capabilities(), error) || capabilities_text() != "NET_ADMIN")
			_exit(5);
		if (!keep_only_capabilities(daemon_capabilities(true), error) || capabilities_text() != "NET_ADMIN")
			_exit(6);
		_exit(missing_capabilities(daemon_capabilities(false)) == std::vector<unsigned>{CAP_NET_RAW} ? 0 : 7);
	}
	int status = 0;
	waitpid(child, &status, 0);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
} // namespace systole::control
