// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Starts a program that shares nothing with this process but its credentials.
//
// systoled reserves more than 100 GB of address space, is locked in memory, and its threads may be pinned to one CPU
// and run under SCHED_FIFO. A fork would copy all those page tables, and a child would inherit the CPU and the
// real-time priority: a shell script could starve a poll-mode worker. posix_spawn avoids the first, but cannot unpin
// the child, and unpinning the parent around the spawn would let the control thread wander onto a worker's CPU. So
// this is vfork by hand, with every property set in the child before exec; errors come back through shared memory.
#pragma once

#include <sys/types.h>

#include <span>

namespace systole::control {

struct SpawnResult {
	pid_t pid = -1;
	int error = 0; // errno of what failed, the exec included
};

// The child gets: its own process group, SCHED_OTHER with nice 0 on every CPU the cpuset allows, default signal
// actions, an empty signal mask, the root directory, umask 022, `input` as stdin, `output` as stdout and stderr,
// and no other descriptor but those `inherited`, under their numbers. Returns when the child has become the program,
// usually within a millisecond.
[[nodiscard]] SpawnResult spawn_detached(const char *path, char *const argv[], char *const environment[], int input,
					 int output, std::span<const int> inherited = {});

} // namespace systole::control
