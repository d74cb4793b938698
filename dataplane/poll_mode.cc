// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/poll_mode.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace systole::dataplane {

PollChoice choose_poll_mode(PollMode wanted, int cpu, std::span<const int> isolated_cpus)
{
	const bool isolated = std::find(isolated_cpus.begin(), isolated_cpus.end(), cpu) != isolated_cpus.end();
	const std::string where = "CPU " + std::to_string(cpu);
	if (wanted == PollMode::busy)
		return {PollMode::busy,
			"busy on " + where +
				(isolated
					 ? ", which is isolated"
					 : ", as configured; the CPU is not isolated, so other work will delay beats")};
	if (wanted == PollMode::adaptive)
		return {PollMode::adaptive, "adaptive on " + where + ", as configured"};
	if (isolated)
		return {PollMode::busy, "busy on " + where + ", because it is isolated"};
	return {PollMode::adaptive, "adaptive on " + where + ", because it is shared (not in isolcpus)"};
}

std::string prepare_poll_thread(PollMode mode)
{
	// Handlers run on whichever thread is at hand; they belong to control.
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, nullptr);

	std::string refused;
	if (prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL) != 0)
		refused = std::string("timer slack stays: ") + std::strerror(errno);
	if (mode != PollMode::adaptive)
		return refused;
	// 0: this thread alone. The others must stay below it.
	constexpr int priority = 50;
	const sched_param parameter{.sched_priority = priority};
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) != 0)
		refused += std::string(refused.empty() ? "" : "; ") +
			   "no real-time priority (CAP_SYS_NICE): " + std::strerror(errno) +
			   "; other work will delay beats";
	return refused;
}

std::string lock_memory()
{
	// ON_FAULT: what is touched stays. Without it every reserved stack and all of EAL's address space would be filled.
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return std::string("memory is not locked (CAP_IPC_LOCK or a larger memlock limit): ") +
		       std::strerror(errno);
	return {};
}

} // namespace systole::dataplane
