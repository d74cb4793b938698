// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/instance.h"

#include "control/log.h"
#include "tests/unit/api/temporary_directory.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace systole::control::test {
namespace {

TEST(Instance, names_are_what_may_stand_in_a_path)
{
	for (const char *good : {"m1", "default", "A-z_9", "x"})
		EXPECT_TRUE(is_instance_name(good)) << good;
	EXPECT_TRUE(is_instance_name(std::string(32, 'a')));
	for (const char *bad : {"", ".", "..", "a/b", "a b", "a.b", "\xc3\xa4", "a\n"})
		EXPECT_FALSE(is_instance_name(bad)) << bad;
	EXPECT_FALSE(is_instance_name(std::string(33, 'a')));
}

TEST(Instance, paths_follow_from_the_name)
{
	const InstancePaths paths = instance_paths("m1");
	EXPECT_EQ(paths.socket(), "/run/systole/m1/control.sock");
	EXPECT_EQ(paths.state_directory, "/var/lib/systole/m1");
}

TEST(Instance, the_second_one_is_refused_with_the_pid_of_the_first)
{
	const TemporaryDirectory root;
	std::string error;
	auto first = InstanceLock::take(instance_paths("m1", root.path()), error);
	ASSERT_TRUE(first) << error;
	struct stat info {};
	ASSERT_EQ(stat((root / "run/systole/m1").c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 0777U, 0750U);
	ASSERT_EQ(stat((root / "var/lib/systole/m1").c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 0777U, 0750U);

	InstanceRefusal refusal = InstanceRefusal::none;
	EXPECT_FALSE(InstanceLock::take(instance_paths("m1", root.path()), error, &refusal));
	EXPECT_EQ(refusal, InstanceRefusal::running);
	EXPECT_NE(error.find("(pid " + std::to_string(getpid()) + ")"), std::string::npos) << error;
	EXPECT_TRUE(InstanceLock::take(instance_paths("m2", root.path()), error)) << "another name is another instance";

	first.reset();
	EXPECT_TRUE(InstanceLock::take(instance_paths("m1", root.path()), error)) << error;
}

TEST(Instance, a_process_that_was_killed_leaves_no_lock_behind)
{
	const TemporaryDirectory root;
	const pid_t child = fork();
	if (child == 0) {
		std::string failure;
		const auto lock = InstanceLock::take(instance_paths("m1", root.path()), failure);
		_exit(lock ? 0 : 1);
	}
	int status = 0;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT_EQ(status, 0);
	std::string error;
	EXPECT_TRUE(InstanceLock::take(instance_paths("m1", root.path()), error)) << error;
}

TEST(Instance, what_cannot_be_made_is_said)
{
	const TemporaryDirectory root;
	std::ofstream(root / "run") << "a file";
	std::string error;
	InstanceRefusal refusal = InstanceRefusal::none;
	EXPECT_FALSE(InstanceLock::take(instance_paths("m1", root.path()), error, &refusal));
	EXPECT_EQ(refusal, InstanceRefusal::files);
	EXPECT_NE(error.find("run/systole"), std::string::npos) << error;
	EXPECT_FALSE(InstanceLock::take(instance_paths("../m1", root.path()), error, &refusal));
	EXPECT_EQ(refusal, InstanceRefusal::name);
}

TEST(Log, levels_are_set_by_word_and_by_the_products_numbers)
{
	std::string error;
	EXPECT_EQ(log_level(LogApp::hatalk), LogLevel::info);
	ASSERT_TRUE(log_set_level("hatalk", "-1", error));
	EXPECT_EQ(log_level(LogApp::hatalk), LogLevel::trace);
	ASSERT_TRUE(log_set_level("hatalk", "1", error));
	EXPECT_EQ(log_level(LogApp::hatalk), LogLevel::debug);
	ASSERT_TRUE(log_set_level("hatalk", "error", error));
	EXPECT_FALSE(log_enabled(LogApp::hatalk, LogLevel::warning));
	EXPECT_TRUE(log_enabled(LogApp::hatalk, LogLevel::error));
	EXPECT_EQ(log_level(LogApp::api), LogLevel::info) << "the others stay";
	ASSERT_TRUE(log_set_level("hatalk", "0", error));
	EXPECT_EQ(log_level(LogApp::hatalk), LogLevel::info);
	EXPECT_FALSE(log_set_level("hatalk", "loud", error));
	EXPECT_NE(error.find("debug"), std::string::npos);
	EXPECT_FALSE(log_set_level("hatalk", "-2", error));
	EXPECT_FALSE(log_set_level("nonsense", "1", error));
	EXPECT_NE(error.find("hasync"), std::string::npos);
}

TEST(Log, one_line_a_second_for_each_reason)
{
	using std::chrono::milliseconds;
	LogRateLimit limit;
	EXPECT_EQ(limit.allow("icv", milliseconds{5000}), 0U);
	EXPECT_FALSE(limit.allow("icv", milliseconds{5001}));
	EXPECT_FALSE(limit.allow("icv", milliseconds{5999}));
	EXPECT_EQ(limit.allow("replay", milliseconds{5500}), 0U);
	EXPECT_EQ(limit.allow("icv", milliseconds{6000}), 2U) << "the two that were kept back are told";
	EXPECT_EQ(limit.allow("icv", milliseconds{7000}), 0U);
	for (int i = 0; i < 10'000; ++i)
		(void)limit.allow("reason " + std::to_string(i), milliseconds{8000});
	EXPECT_FALSE(limit.allow("one more reason", milliseconds{8001})) << "reasons that do not fit share one line";
}

TEST(Log, lines_reach_stderr_and_a_level_holds_them_back)
{
	testing::internal::CaptureStderr();
	log_start();
	log(LogApp::daemon, LogLevel::info, "number {}", 7);
	log(LogApp::daemon, LogLevel::debug, "not this");
	log_stop();
	const std::string text = testing::internal::GetCapturedStderr();
	EXPECT_NE(text.find("info daemon: number 7\n"), std::string::npos) << text;
	EXPECT_EQ(text.find("not this"), std::string::npos);
}

} // namespace
} // namespace systole::control::test
