// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Starts a program that shares nothing with this process but its credentials.
#include "control/takeover/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>

namespace systole::control {

namespace {

constexpr unsigned long default_timer_slack_ns = 50'000; // a real-time daemon may have asked for less
constexpr int first_inherited_fd = 3;

// Of the child until it has become the program; the caller waits so long.
constexpr std::size_t stack_bytes = std::size_t{32} << 10;

// In the child: system calls only, nothing that allocates, locks or returns. Gives errno when it fails.
[[nodiscard]] int become(const char *path, char *const argv[], char *const environment[], int input, int output,
			 std::span<const int> inherited)
{
	setpgid(0, 0);
	struct sigaction fallback {};
	fallback.sa_handler = SIG_DFL;
	for (int signal = 1; signal < NSIG; ++signal)
		sigaction(signal, &fallback, nullptr); // SIGKILL, SIGSTOP and those of the C library refuse, rightly
	const sched_param no_priority{};
	if (sched_setscheduler(0, SCHED_OTHER, &no_priority) != 0)
		return errno;
	setpriority(PRIO_PROCESS, 0, 0);
	cpu_set_t everywhere;
	std::memset(&everywhere, 0xff, sizeof(everywhere)); // the kernel keeps those that exist and the cpuset allows
	if (sched_setaffinity(0, sizeof(everywhere), &everywhere) != 0)
		return errno;
	prctl(PR_SET_TIMERSLACK, default_timer_slack_ns, 0, 0, 0);
	umask(022);
	// First out of the way of 0 to 2, should the caller have had one of those closed.
	input = fcntl(input, F_DUPFD, first_inherited_fd);
	output = fcntl(output, F_DUPFD, first_inherited_fd);
	if (input < 0 || output < 0 || chdir("/") != 0 || dup2(input, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		return errno;
	if (close_range(first_inherited_fd, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return errno;
	for (const int fd : inherited)
		if (fcntl(fd, F_SETFD, 0) != 0)
			return errno;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
	execve(path, argv, environment);
	return errno;
}

struct Child {
	const char *path;
	char *const *argv;
	char *const *environment;
	int input;
	int output;
	std::span<const int> inherited;
	volatile int error;

	static int run(void *context)
	{
		auto &child = *static_cast<Child *>(context);
		child.error =
			become(child.path, child.argv, child.environment, child.input, child.output, child.inherited);
		_exit(127);
	}
};

SpawnResult spawn(Child &child, int flags)
{
	const std::unique_ptr<char[]> stack(new char[stack_bytes]);
	// No handler of ours may run in the child, where it would write into our memory.
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	// As vfork: we stand still until the child has become the program or ended.
	const pid_t pid =
		clone(&Child::run, stack.get() + stack_bytes, CLONE_VM | CLONE_VFORK | SIGCHLD | flags, &child);
	const int clone_error = errno;
	pthread_sigmask(SIG_SETMASK, &before, nullptr);
	if (pid < 0)
		return {-1, clone_error};
	return {pid, child.error};
}

} // namespace

SpawnResult spawn_detached(const char *path, char *const argv[], char *const environment[], int input, int output,
			   std::span<const int> inherited)
{
	Child child{path, argv, environment, input, output, inherited, 0};
	const SpawnResult result = spawn(child, 0);
	if (result.pid < 0 || result.error == 0)
		return result;
	while (waitpid(result.pid, nullptr, 0) < 0 && errno == EINTR) {}
	return {-1, result.error};
}

std::string program_beside(std::string_view name)
{
	std::error_code ignored;
	return (std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / name).string();
}

SpawnResult spawn_sibling(const char *path, char *const argv[], char *const environment[], int input, int output,
			  std::span<const int> inherited)
{
	Child child{path, argv, environment, input, output, inherited, 0};
	return spawn(child, CLONE_PARENT);
}

} // namespace systole::control
