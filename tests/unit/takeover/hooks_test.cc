// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Role hooks with real child processes. Deadlines pass by assignment; the only waiting is for a process to end.
#include "control/takeover/hooks.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace systole::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Hooks : public testing::Test {
protected:
	Hooks()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-hooks-XXXXXX").string();
		m_directory = mkdtemp(pattern.data());
	}
	~Hooks() override { std::filesystem::remove_all(m_directory); }

	std::string script(const std::string &name, const std::string &body)
	{
		const std::string path = m_directory / name;
		std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
		chmod(path.c_str(), 0755);
		return path;
	}
	HookCall call(const std::string &path, const std::string &role = "primary")
	{
		return {.path = path,
			.role = role,
			.vcluster = 1,
			.epoch = 7,
			.reason = "peer-lost",
			.deadline = seconds{10}};
	}
	// Lets real time pass until a hook has printed or ended, while the runner's clock stands still.
	void wait_for_event()
	{
		pollfd fds[] = {{runner.pidfd(), POLLIN, 0}, {runner.output_fd(), POLLIN, 0}};
		ASSERT_GT(::poll(fds, 2, 20000), 0) << "nothing happened in 20 s";
		runner.poll(now);
	}
	void wait_for_results(std::size_t count)
	{
		while (results.size() < count && !HasFatalFailure())
			wait_for_event();
	}

	std::filesystem::path m_directory;
	core::Time now{seconds{1000}};
	std::vector<HookResult> results;
	HookRunner runner{"m1", [this](const HookResult &result) { results.push_back(result); }};
};

TEST_F(Hooks, get_their_environment_and_their_output_is_kept)
{
	runner.run(call(script("env", "env | sort; echo oops >&2; exit 3")), now);
	EXPECT_TRUE(runner.busy());
	EXPECT_EQ(runner.next_deadline(), now + seconds{10});
	wait_for_results(1);
	EXPECT_FALSE(runner.busy());
	EXPECT_EQ(runner.next_deadline(), core::never);
	EXPECT_EQ(results[0].outcome, HookOutcome::finished);
	EXPECT_EQ(results[0].exit_status, 3);
	EXPECT_EQ(results[0].signal, 0);
	EXPECT_NE(results[0].output.find(
			  "SYSTOLE_EPOCH=7\nSYSTOLE_INSTANCE=m1\nSYSTOLE_REASON=peer-lost\nSYSTOLE_ROLE=primary\n"
			  "SYSTOLE_VCLUSTER=1\n"),
		  std::string::npos)
		<< results[0].output;
	EXPECT_NE(results[0].output.find("oops\n"), std::string::npos);
	EXPECT_EQ(results[0].output.find("HOME="), std::string::npos) << "our own environment does not leak";
}

TEST_F(Hooks, see_no_descriptor_of_ours_and_run_on_every_cpu)
{
	const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int kept_open = fcntl(null_fd, F_DUPFD, 57); // on purpose without close-on-exec
	ASSERT_EQ(kept_open, 57);
	close(null_fd);
	cpu_set_t before;
	ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	cpu_set_t one;
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
		if (CPU_ISSET(cpu, &before))
			CPU_SET(cpu, &one);
	}
	ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, nullptr);
	std::signal(SIGPIPE, SIG_IGN);

	runner.run(call(script("fds", "for f in /proc/$$/fd/*; do echo fd:${f##*/}; done; echo cpus:$(nproc); "
				      "grep -E '^Sig(Blk|Ign)' /proc/self/status; pwd")),
		   now);
	std::signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
	sched_setaffinity(0, sizeof(before), &before);
	close(kept_open);
	wait_for_results(1);
	EXPECT_NE(results[0].output.find("fd:1\n"), std::string::npos) << results[0].output;
	EXPECT_EQ(results[0].output.find("fd:57\n"), std::string::npos) << results[0].output;
	const std::string every_cpu = std::string("\ncpus:").append(std::to_string(CPU_COUNT(&before))).append("\n");
	EXPECT_NE(results[0].output.find(every_cpu), std::string::npos) << results[0].output;
	EXPECT_NE(results[0].output.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n/\n"),
		  std::string::npos)
		<< results[0].output;
}

TEST_F(Hooks, past_their_deadline_get_sigterm)
{
	runner.run(call(script("slow", "echo begun; exec sleep 1000")), now);
	wait_for_event();
	runner.poll(now + milliseconds{9999});
	EXPECT_EQ(runner.next_deadline(), now + seconds{10}) << "not a moment early";
	now += seconds{10};
	runner.poll(now);
	wait_for_results(1);
	EXPECT_EQ(results[0].outcome, HookOutcome::timed_out);
	EXPECT_EQ(results[0].signal, SIGTERM);
	EXPECT_EQ(results[0].output, "begun\n");
	EXPECT_EQ(results[0].duration, seconds{10});
}

TEST_F(Hooks, that_ignore_sigterm_get_sigkill_with_their_whole_group)
{
	runner.run(call(script("stubborn", "trap '' TERM; sleep 1000 & echo $!; wait")), now);
	wait_for_event();
	now += seconds{10};
	runner.poll(now);
	EXPECT_EQ(runner.next_deadline(), now + HookRunner::grace);
	EXPECT_TRUE(results.empty());
	now += HookRunner::grace;
	runner.poll(now);
	wait_for_results(1);
	EXPECT_EQ(results[0].outcome, HookOutcome::timed_out);
	EXPECT_EQ(results[0].signal, SIGKILL);
	const pid_t child = std::stoi(results[0].output);
	// The orphan is dead as soon as the kernel has delivered the signal; its new parent may take a moment to reap it.
	const auto alive = [child] {
		std::ifstream status("/proc/" + std::to_string(child) + "/stat");
		std::string line;
		std::getline(status, line);
		return !line.empty() && line.find(") Z") == std::string::npos;
	};
	for (int i = 0; i < 1000 && alive(); ++i)
		::poll(nullptr, 0, 5);
	EXPECT_FALSE(alive());
}

TEST_F(Hooks, of_an_old_role_end_before_those_of_the_new_role_begin)
{
	const std::string log = m_directory / "log";
	const std::string path = script(
		"ordered", "trap 'echo end $SYSTOLE_ROLE >>" + log + "; exit 0' TERM\necho begin $SYSTOLE_ROLE >>" +
				   log + "\necho ready\n[ $SYSTOLE_ROLE = last ] || while :; do sleep 0.01; done");
	runner.run(call(path, "first"), now);
	wait_for_event();
	runner.run(call(path, "middle"), now);
	runner.run(call(path, "last"), now);
	wait_for_results(3);
	EXPECT_EQ(results[0].outcome, HookOutcome::skipped);
	EXPECT_EQ(results[0].call.role, "middle");
	EXPECT_EQ(results[1].outcome, HookOutcome::superseded);
	EXPECT_EQ(results[1].call.role, "first");
	EXPECT_EQ(results[2].outcome, HookOutcome::finished);
	EXPECT_EQ(results[2].call.role, "last");
	std::ifstream in(log);
	const std::string written{std::istreambuf_iterator<char>(in), {}};
	EXPECT_EQ(written, "begin first\nend first\nbegin last\n");
}

TEST_F(Hooks, that_print_without_end_neither_block_nor_fill_memory)
{
	runner.run(call(script("loud", "head -c 300000 /dev/zero | tr '\\0' x")), now);
	wait_for_results(1);
	EXPECT_EQ(results[0].output.size(), HookRunner::output_limit);
	EXPECT_EQ(results[0].output_discarded, 300000 - HookRunner::output_limit);
}

TEST_F(Hooks, that_cannot_start_say_why)
{
	runner.run(call(m_directory / "missing"), now);
	ASSERT_EQ(results.size(), 1U);
	EXPECT_EQ(results[0].outcome, HookOutcome::start_failed);
	EXPECT_EQ(results[0].code, ENOENT);
	EXPECT_NE(results[0].text().find("missing for role primary: start-failed: No such file or directory"),
		  std::string::npos);
	const std::string path = script("not-executable", "exit 0");
	chmod(path.c_str(), 0644);
	runner.run(call(path), now);
	ASSERT_EQ(results.size(), 2U);
	EXPECT_EQ(results[1].code, EACCES);
	EXPECT_FALSE(runner.busy());
	runner.run(call(script("fine", "exit 0")), now);
	wait_for_results(3);
	EXPECT_EQ(results[2].outcome, HookOutcome::finished);
}

TEST_F(Hooks, may_leave_a_helper_that_holds_their_output)
{
	runner.run(call(script("daemon", "sleep 1000 & echo $!")), now);
	wait_for_results(1);
	EXPECT_EQ(results[0].outcome, HookOutcome::finished);
	const pid_t helper = std::stoi(results[0].output);
	EXPECT_EQ(kill(helper, SIGKILL), 0) << "a hook that ended by itself keeps its helpers";
}

TEST_F(Hooks, stop_with_the_process)
{
	runner.run(call(script("endless", "trap '' TERM; echo ready; while :; do sleep 1; done")), now);
	wait_for_event();
	runner.stop(now);
	ASSERT_EQ(results.size(), 1U);
	EXPECT_EQ(results[0].outcome, HookOutcome::stopped);
	EXPECT_EQ(results[0].signal, SIGKILL);
	EXPECT_EQ(runner.pidfd(), -1);
}

} // namespace
} // namespace systole::control
