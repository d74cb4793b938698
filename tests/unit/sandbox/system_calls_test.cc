// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a thread that has been taken over could try. Each attempt is made by a process of its own, which the filter may
// kill; the same attempt without the filter succeeds, or the test would prove nothing.
#include "control/sandbox/system_calls.h"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

namespace systole::control {
namespace {

enum class Thread { any, poll_core, control };
constexpr int succeeded = 40;

// What became of a process in which `attempt` (0 or errno) was made: "works", "killed", or the errno's name.
std::string outcome(Thread thread, const SystemCallNeeds &needs, bool confined, const std::function<int()> &attempt)
{
	const pid_t child = fork();
	if (child == 0) {
		alarm(20);
		prctl(PR_SET_DUMPABLE, 0); // killed on purpose: no core files
		int result = 0;
		std::string error;
		std::thread early([&] { // there before the filter: TSYNC must bind it
			while (confined && result == 0)
				std::this_thread::yield();
		});
		if (confined && !confine_process(needs, error))
			_exit(2);
		result = 1;
		early.join();
		std::thread([&] {
			if (confined && thread == Thread::poll_core && !confine_poll_core(error))
				_exit(2);
			if (confined && thread == Thread::control && !confine_control(error))
				_exit(2);
			const int failure = attempt();
			_exit(failure == 0 ? succeeded : failure);
		}).join();
	}
	int status = 0;
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? "killed" : "signal " + std::to_string(WTERMSIG(status));
	return WEXITSTATUS(status) == succeeded ? "works" : strerrorname_np(WEXITSTATUS(status));
}

int run_true()
{
	char path[] = "/bin/true";
	char *arguments[] = {path, nullptr};
	execv(path, arguments);
	return errno;
}

int fork_once()
{
	const pid_t child = static_cast<pid_t>(syscall(SYS_fork));
	if (child == 0)
		_exit(0);
	return child < 0 ? errno : (waitpid(child, nullptr, 0), 0);
}

std::function<int()> open_socket(int family)
{
	return [family] { return socket(family, SOCK_DGRAM, 0) < 0 ? errno : 0; };
}

int make_thread()
{
	std::thread([] {}).join();
	return 0;
}

int executable_memory()
{
	return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? errno
		       : 0;
}

int ordinary_memory()
{
	return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
													     : 0;
}

TEST(Hostile, Z9_no_thread_starts_a_program_or_a_process)
{
	for (const Thread thread : {Thread::any, Thread::poll_core, Thread::control}) {
		EXPECT_EQ(outcome(thread, {}, true, fork_once), "killed");
		EXPECT_EQ(outcome(thread, {.internet = true, .netdev_ports = true, .xdp = true}, true, run_true),
			  "killed");
	}
	EXPECT_EQ(outcome(Thread::any, {}, false, fork_once), "works");
	// /bin/true ends with 0, not with our sign of success.
	EXPECT_NE(outcome(Thread::any, {}, false, run_true), "killed");
}

TEST(Hostile, Z9_a_poll_core_opens_no_socket_and_makes_no_thread)
{
	const SystemCallNeeds everything{.internet = true, .netdev_ports = true, .xdp = true};
	for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
		EXPECT_EQ(outcome(Thread::poll_core, everything, true, open_socket(family)), "killed") << family;
	EXPECT_EQ(outcome(Thread::poll_core, everything, true, make_thread), "killed");
	EXPECT_EQ(outcome(Thread::poll_core, {}, true, ordinary_memory), "works");
}

TEST(Hostile, Z9_internet_sockets_are_only_for_threads_that_need_them)
{
	EXPECT_EQ(outcome(Thread::any, {}, true, open_socket(AF_INET)), "EPERM");
	EXPECT_EQ(outcome(Thread::any, {.internet = true}, true, open_socket(AF_INET)), "works");
	EXPECT_EQ(outcome(Thread::any, {.netdev_ports = true}, true, open_socket(AF_INET6)), "works");
	EXPECT_EQ(outcome(Thread::control, {.internet = true}, true, open_socket(AF_INET)), "EPERM");
	EXPECT_EQ(outcome(Thread::control, {}, true, open_socket(AF_NETLINK)), "works");
	EXPECT_EQ(outcome(Thread::control, {}, true, open_socket(AF_UNIX)), "works");
}

TEST(Hostile, Z9_no_memory_becomes_executable_and_nobody_is_traced)
{
	EXPECT_EQ(outcome(Thread::any, {}, false, executable_memory), "works");
	for (const Thread thread : {Thread::any, Thread::poll_core})
		EXPECT_EQ(outcome(thread, {}, true, executable_memory), "EPERM");
	EXPECT_EQ(outcome(Thread::any, {}, true, [] { return ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 ? errno : 0; }),
		  "killed");
	EXPECT_EQ(outcome(Thread::any, {}, true, [] { return setuid(getuid()) < 0 ? errno : 0; }), "killed");
	EXPECT_EQ(outcome(Thread::any, {}, true, [] { return syscall(SYS_bpf, 0, nullptr, 0) < 0 ? errno : 0; }),
		  "killed");
	EXPECT_EQ(outcome(Thread::any, {}, true, make_thread), "works");
}

TEST(SystemCalls, one_that_the_list_does_not_know_fails_without_killing)
{
	const auto ask_for_a_queue = [] { return syscall(SYS_msgget, 1234, 0) < 0 ? errno : 0; };
	EXPECT_EQ(outcome(Thread::any, {}, true, ask_for_a_queue), "EPERM");
	EXPECT_NE(outcome(Thread::any, {}, false, ask_for_a_queue), "EPERM");
}

} // namespace
} // namespace systole::control
