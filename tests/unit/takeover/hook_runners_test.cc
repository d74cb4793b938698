// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Hooks of several virtual clusters run beside each other; those of one keep their order.
#include "control/takeover/hook_runners.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace systole::control {
namespace {

using std::chrono::seconds;

class HookRunnersTest : public testing::Test {
protected:
	HookRunnersTest()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-hooks-XXXXXX").string();
		m_directory = mkdtemp(pattern.data());
	}
	~HookRunnersTest() override { std::filesystem::remove_all(m_directory); }

	HookCall call(const std::string &name, const std::string &body, unsigned vcluster)
	{
		const std::string path = m_directory / name;
		std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
		chmod(path.c_str(), 0755);
		return {.path = path,
			.role = "primary",
			.vcluster = vcluster,
			.epoch = 1,
			.reason = "",
			.deadline = seconds{20}};
	}
	void wait_until_idle()
	{
		for (int turn = 0; turn < 2000 && hooks.busy(); ++turn) {
			std::this_thread::sleep_for(std::chrono::milliseconds{10});
			hooks.poll(now);
		}
		ASSERT_FALSE(hooks.busy());
	}

	std::filesystem::path m_directory;
	core::Time now{seconds{1000}};
	std::vector<HookResult> results;
	HookRunners hooks{"m1", [this](const HookResult &result) { results.push_back(result); }};
};

TEST_F(HookRunnersTest, one_virtual_clusters_hook_does_not_end_anothers)
{
	EXPECT_FALSE(hooks.busy());
	hooks.run(call("one", "sleep 0.3; echo $SYSTOLE_VCLUSTER", 1), now);
	hooks.run(call("two", "echo $SYSTOLE_VCLUSTER", 2), now);
	wait_until_idle();
	ASSERT_EQ(results.size(), 2U);
	EXPECT_EQ(results[0].output, "2\n") << "they run at the same time";
	EXPECT_EQ(results[1].output, "1\n");
	EXPECT_EQ(results[1].outcome, HookOutcome::finished);
	EXPECT_NE(results[0].text().find("for role primary of vcluster-2:"), std::string::npos) << results[0].text();
	EXPECT_NE(results[1].text().find("for role primary:"), std::string::npos) << results[1].text();
}

TEST_F(HookRunnersTest, a_new_role_of_the_same_virtual_cluster_ends_the_hook_of_the_old_one)
{
	hooks.run(call("old", "sleep 20", 2), now);
	hooks.run(call("new", "echo $SYSTOLE_VCLUSTER", 2), now);
	wait_until_idle();
	ASSERT_EQ(results.size(), 2U);
	EXPECT_EQ(results[0].outcome, HookOutcome::superseded);
	EXPECT_EQ(results[1].output, "2\n");
}

TEST_F(HookRunnersTest, a_stop_ends_them_all)
{
	hooks.run(call("one", "sleep 20", 1), now);
	hooks.run(call("two", "sleep 20", 2), now);
	hooks.stop(now);
	EXPECT_FALSE(hooks.busy());
	ASSERT_EQ(results.size(), 2U);
	EXPECT_EQ(results[0].outcome, HookOutcome::stopped);
}

} // namespace
} // namespace systole::control
