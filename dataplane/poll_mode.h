// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How a poll core waits, and with which rights.
//
//   busy      turns without a pause. Runs as an ordinary thread: the kernel stops a SCHED_FIFO thread that never sleeps
//             for some 50 ms in every second, and on a core of its own nothing else competes anyway.
//   adaptive  naps between turns (nap.h), never past the next beat or deadline; SCHED_FIFO 50, which naps make safe.
//   automatic adaptive, unless the poll core is isolated (isolcpus=).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace systole::dataplane {

enum class PollMode : std::uint8_t { automatic, busy, adaptive };

struct PollChoice {
	PollMode mode = PollMode::adaptive; // never automatic
	std::string why;                    // one line for the log and for status
};
[[nodiscard]] PollChoice choose_poll_mode(PollMode wanted, int cpu, std::span<const int> isolated_cpus);

// Prepares the calling thread for polling: no signals, exact timers, SCHED_FIFO when adaptive.
// What the system refused, in one line; empty if nothing.
[[nodiscard]] std::string prepare_poll_thread(PollMode mode);
// Keeps the process in memory. Same convention.
[[nodiscard]] std::string lock_memory();

} // namespace systole::dataplane
