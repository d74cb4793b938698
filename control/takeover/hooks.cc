// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Role hooks: the administrator's program that is told when this member changes its role.
#include "control/takeover/hooks.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

namespace systole::control {

namespace {

void close_fd(int &fd)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

std::vector<std::string> environment_of(const HookCall &call, const std::string &instance)
{
	return {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SYSTOLE_ROLE=" + call.role,
		"SYSTOLE_VCLUSTER=" + std::to_string(call.vcluster),
		"SYSTOLE_EPOCH=" + std::to_string(call.epoch),
		"SYSTOLE_REASON=" + call.reason,
		"SYSTOLE_INSTANCE=" + instance,
	};
}

SpawnResult spawn_here(const char *path, char *const environment[], int input, int output)
{
	const std::array<char *, 2> arguments{const_cast<char *>(path), nullptr};
	return spawn_detached(path, arguments.data(), environment, input, output);
}

} // namespace

std::string_view to_string(HookOutcome outcome)
{
	switch (outcome) {
	case HookOutcome::finished: return "finished";
	case HookOutcome::start_failed: return "start-failed";
	case HookOutcome::timed_out: return "timed-out";
	case HookOutcome::superseded: return "superseded";
	case HookOutcome::skipped: return "skipped";
	case HookOutcome::stopped: return "stopped";
	}
	return "unknown";
}

std::string HookResult::text() const
{
	std::string line = "hook " + call.path + " for role " + call.role;
	if (call.vcluster != 1)
		line += " of vcluster-" + std::to_string(call.vcluster);
	line += ": ";
	line.append(to_string(outcome));
	if (outcome == HookOutcome::start_failed)
		return line + ": " + std::generic_category().message(code);
	if (outcome == HookOutcome::skipped)
		return line;
	line += signal != 0 ? ", signal " + std::to_string(signal) : ", exit status " + std::to_string(exit_status);
	line += ", " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
	if (!output.empty())
		line += ", said: " + output;
	if (output_discarded > 0)
		line += " (and " + std::to_string(output_discarded) + " bytes more)";
	return line;
}

HookRunner::HookRunner(std::string instance, Done done, SpawnHook spawn)
    : m_instance(std::move(instance)), m_done(std::move(done)), m_spawn(spawn ? std::move(spawn) : &spawn_here)
{
}

HookRunner::~HookRunner()
{
	stop(m_started);
}

void HookRunner::run(HookCall call, core::Time now)
{
	if (m_waiting)
		m_done({.call = std::move(*m_waiting), .outcome = HookOutcome::skipped});
	m_waiting = std::move(call);
	if (busy())
		end(HookOutcome::superseded, now);
	else
		start(now);
}

void HookRunner::poll(core::Time now)
{
	if (!busy())
		return;
	collect_output();
	if (reap(false, now)) {
		start(now);
		return;
	}
	if (now < m_deadline)
		return;
	if (!m_ending) {
		end(HookOutcome::timed_out, now);
	} else {
		kill(-m_pid, SIGKILL);
		m_deadline = core::never; // the end is certain now, the pidfd will tell
	}
}

void HookRunner::stop(core::Time now)
{
	m_waiting.reset();
	if (!busy())
		return;
	m_current->outcome = HookOutcome::stopped;
	m_ending = true;
	kill(-m_pid, SIGKILL);
	static_cast<void>(reap(true, now));
}

void HookRunner::start(core::Time now)
{
	if (!m_waiting)
		return;
	m_current = HookResult{.call = std::move(*m_waiting), .outcome = HookOutcome::finished};
	m_waiting.reset();
	m_started = now;
	m_ending = false;

	std::vector<std::string> environment = environment_of(m_current->call, m_instance);
	std::vector<char *> environment_pointers;
	for (std::string &entry : environment)
		environment_pointers.push_back(entry.data());
	environment_pointers.push_back(nullptr);

	std::array<int, 2> pipe_fds{-1, -1};
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	SpawnResult spawned;
	if (null_fd < 0 || pipe2(pipe_fds.data(), O_CLOEXEC) != 0)
		spawned.error = errno;
	else
		spawned = m_spawn(m_current->call.path.c_str(), environment_pointers.data(), null_fd, pipe_fds[1]);
	close_fd(null_fd);
	close_fd(pipe_fds[1]);
	if (spawned.pid > 0) {
		// glibc 2.36 declares pidfd_open() without C linkage.
		m_pidfd = static_cast<int>(syscall(SYS_pidfd_open, spawned.pid, 0));
		if (m_pidfd < 0) { // out of descriptors: unable to watch it, so it must not run
			spawned.error = errno;
			kill(-spawned.pid, SIGKILL);
			waitpid(spawned.pid, nullptr, 0);
		}
	}
	if (spawned.error != 0) {
		close_fd(pipe_fds[0]);
		HookResult failed = std::move(*m_current);
		m_current.reset();
		failed.outcome = HookOutcome::start_failed;
		failed.code = spawned.error;
		m_done(failed);
		return;
	}
	m_pid = spawned.pid;
	m_output_fd = pipe_fds[0];
	fcntl(m_output_fd, F_SETFL, O_NONBLOCK);
	m_deadline = now + m_current->call.deadline;
}

void HookRunner::end(HookOutcome why, core::Time now)
{
	if (m_ending)
		return; // SIGTERM is out, its grace runs
	m_ending = true;
	m_current->outcome = why;
	m_deadline = now + grace;
	kill(-m_pid, SIGTERM);
}

// Reads on past the limit: a hook must not block on a full pipe.
void HookRunner::collect_output()
{
	std::array<char, 4096> buffer;
	constexpr int reads_at_most = 64; // a hook that prints without end must not hold the caller
	for (int i = 0; i < reads_at_most && m_output_fd >= 0; ++i) {
		const ssize_t length = read(m_output_fd, buffer.data(), buffer.size());
		if (length < 0 && errno == EAGAIN)
			return;
		if (length <= 0) {
			close_fd(m_output_fd);
			return;
		}
		const std::size_t received = static_cast<std::size_t>(length);
		const std::size_t kept = std::min(received, output_limit - m_current->output.size());
		m_current->output.append(buffer.data(), kept);
		m_current->output_discarded += received - kept;
	}
}

bool HookRunner::reap(bool wait, core::Time now)
{
	siginfo_t info{};
	const int options = WEXITED | WNOWAIT | (wait ? 0 : WNOHANG);
	int waited = 0;
	do
		waited = waitid(P_PID, static_cast<id_t>(m_pid), &info, options);
	while (waited != 0 && errno == EINTR);
	if (waited == 0 && info.si_pid == 0)
		return false; // still runs
	// While the dead leader holds its number, nobody else can have it: what is left of an ended group goes now. A hook
	// that ended by itself may leave helpers behind.
	if (waited == 0 && m_ending)
		kill(-m_pid, SIGKILL);
	waitid(P_PID, static_cast<id_t>(m_pid), &info, WEXITED | WNOHANG);
	const bool exited = info.si_code == CLD_EXITED;
	conclude(exited ? info.si_status : 0, exited ? 0 : info.si_status, now);
	return true;
}

void HookRunner::conclude(int exit_status, int signal, core::Time now)
{
	collect_output();
	close_fd(m_output_fd);
	close_fd(m_pidfd);
	m_pid = -1;
	m_deadline = core::never;
	HookResult result = std::move(*m_current);
	m_current.reset();
	result.exit_status = exit_status;
	result.signal = signal;
	result.duration = now - m_started;
	m_done(result);
}

} // namespace systole::control
