// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How a worker spends the time between two turns.
//
//   nap      adaptive: sleeps in the kernel; a command of control's ends it
//   monitor  busy, where the CPU and every port offer it (UMWAIT on the next rx descriptor): the core rests until a frame
//            comes, and its sibling gets the pipeline
//   pause    busy, where only the CPU offers it (TPAUSE): rests for a few microseconds
//   spin     busy, anywhere else
#pragma once

#include "control/core/types.h"
#include "control/ring.h"
#include "dataplane/poll_mode.h"
#include "dataplane/port.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace systole::dataplane {

enum class WaitKind : std::uint8_t { nap, monitor, pause, spin };
[[nodiscard]] std::string_view to_string(WaitKind kind);

// What the CPU and the ports offer.
struct WaitOffer {
	bool cpu_monitor = false;       // one address
	bool cpu_monitor_multi = false; // several
	bool cpu_pause = false;
	std::size_t ports = 0;
	std::size_t ports_to_monitor = 0;
};
[[nodiscard]] WaitKind choose_wait(PollMode mode, const WaitOffer &offer);
[[nodiscard]] WaitOffer offer_of(std::span<Port *const> ports);

class Waiter {
public:
	Waiter(WaitKind kind, core::Duration longest_nap, std::span<Port *const> ports, control::WorkerChannel &channel)
	    : m_kind(kind), m_longest_nap(longest_nap), m_ports(ports), m_channel(channel)
	{
	}
	// Until `wake`, or earlier. `frames_wait`: those in the lane are known and do not end it, only new ones do.
	void wait(core::Time now, core::Time wake, bool frames_wait);

private:
	void nap(core::Duration length, bool frames_wait);
	void monitor(std::uint64_t until_tsc);

	WaitKind m_kind;
	core::Duration m_longest_nap;
	std::span<Port *const> m_ports;
	control::WorkerChannel &m_channel;
};

} // namespace systole::dataplane
