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
//
// Once systoled has given up the right to execve it asks systole-spawner (control/spawner/), which does this for it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>

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

// The same, but the child belongs to the parent of this process, which reaps it (CLONE_PARENT). On a failure of the exec
// `pid` is set beside `error`: only the parent can reap what came of it.
[[nodiscard]] SpawnResult spawn_sibling(const char *path, char *const argv[], char *const environment[], int input,
					int output, std::span<const int> inherited = {});

// The program of that name beside this one: in the build directory, or where both are installed.
[[nodiscard]] std::string program_beside(std::string_view name);

// Starts a program of the administrator's: path (its only argument), environment, stdin, stdout and stderr.
using SpawnHook = std::function<SpawnResult(const char *path, char *const environment[], int input, int output)>;

} // namespace systole::control
