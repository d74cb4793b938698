// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
// The power intrinsics were experimental in DPDK 22.11.
#define ALLOW_EXPERIMENTAL_API 1
#include "dataplane/waiter.h"

#include "control/session_lanes.h"
#include "dataplane/nap.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_power_intrinsics.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>

namespace systole::dataplane {

namespace {

// Commands of control's are not what the CPU watches: it looks for them this often.
constexpr core::Duration longest_rest = std::chrono::microseconds{50};

bool can_be_monitored(const Port &port)
{
	rte_power_monitor_cond condition{};
	return rte_eth_get_monitor_addr(port.id(), 0, &condition) == 0;
}

} // namespace

std::string_view to_string(WaitKind kind)
{
	switch (kind) {
	case WaitKind::nap: return "napping until a beat is due or expected";
	case WaitKind::monitor: return "resting on the next rx descriptor (UMWAIT)";
	case WaitKind::pause: return "with short rests (TPAUSE)";
	case WaitKind::spin: return "spinning, neither CPU nor ports offer a rest";
	}
	return "";
}

WaitKind choose_wait(PollMode mode, const WaitOffer &offer)
{
	if (mode != PollMode::busy)
		return WaitKind::nap;
	const bool all = offer.ports != 0 && offer.ports_to_monitor == offer.ports;
	if (all && (offer.ports == 1 ? offer.cpu_monitor : offer.cpu_monitor_multi))
		return WaitKind::monitor;
	return offer.cpu_pause ? WaitKind::pause : WaitKind::spin;
}

WaitOffer offer_of(std::span<Port *const> ports)
{
	rte_cpu_intrinsics cpu{};
	rte_cpu_get_intrinsics_support(&cpu);
	WaitOffer offer;
	offer.cpu_monitor = cpu.power_monitor != 0;
	offer.cpu_monitor_multi = cpu.power_monitor_multi != 0;
	offer.cpu_pause = cpu.power_pause != 0;
	offer.ports = ports.size();
	offer.ports_to_monitor = static_cast<std::size_t>(
		std::count_if(ports.begin(), ports.end(), [](const Port *port) { return can_be_monitored(*port); }));
	return offer;
}

void Waiter::wait(core::Time now, core::Time wake, bool frames_wait)
{
	const core::Duration length = nap_length(now, wake, m_longest_nap);
	if (length == core::Duration::zero() || m_kind == WaitKind::spin)
		return;
	if (m_kind == WaitKind::nap) {
		nap(length, frames_wait);
		return;
	}
	const auto rest_ns = static_cast<std::uint64_t>(std::min(length, longest_rest).count());
	const std::uint64_t until_tsc = rte_get_tsc_cycles() + rte_get_tsc_hz() * rest_ns / 1'000'000'000U;
	if (m_kind == WaitKind::monitor)
		monitor(until_tsc);
	else
		(void)rte_power_pause(until_tsc);
}

void Waiter::nap(core::Duration length, bool frames_wait)
{
	control::Doorbell &bell = m_channel.work_bell;
	bell.sleeping.store(true);
	// The announcement must be visible before we look for the last time; the others push first and then look here.
	std::atomic_thread_fence(std::memory_order_seq_cst);
	const bool frames = !frames_wait && m_channel.lanes != nullptr && m_channel.lanes->out.front() != nullptr;
	if (m_channel.commands.read_available() == 0 && !frames && !m_channel.stop.load(std::memory_order_relaxed)) {
		const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(length.count())};
		pollfd rung{.fd = bell.fd, .events = POLLIN, .revents = 0};
		if (ppoll(&rung, 1, &timeout, nullptr) > 0) {
			std::uint64_t times = 0;
			[[maybe_unused]] const ssize_t taken = read(bell.fd, &times, sizeof(times));
		}
	}
	bell.sleeping.store(false, std::memory_order_relaxed);
}

void Waiter::monitor(std::uint64_t until_tsc)
{
	std::array<rte_power_monitor_cond, core::max_links> conditions{};
	for (std::size_t i = 0; i < m_ports.size(); ++i)
		if (!m_ports[i]->usable() || rte_eth_get_monitor_addr(m_ports[i]->id(), 0, &conditions[i]) != 0)
			return; // the port is being replaced: turn
	if (m_ports.size() == 1)
		(void)rte_power_monitor(&conditions[0], until_tsc);
	else
		(void)rte_power_monitor_multi(conditions.data(), static_cast<std::uint32_t>(m_ports.size()), until_tsc);
}

} // namespace systole::dataplane
