// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/port_keeper.h"

#include "control/log.h"

#include <rte_dev.h>
#include <rte_log.h>

#include <net/if.h>
#include <pthread.h>

#include <cassert>
#include <utility>

namespace systole::dataplane {

namespace {

using control::LogApp;
using control::LogLevel;
using std::chrono::milliseconds;

constexpr auto look_interval = milliseconds{100};
constexpr auto pause_after_refusal = milliseconds{1000};
// From connect() to an answer a memif server has so long; it also keeps a server that comes and goes from being asked
// without end.
constexpr auto memif_patience = milliseconds{500};

unsigned index_of(const Device &device)
{
	return device.follows_netdev() ? if_nametoindex(device.netdev.c_str()) : 0;
}

std::string what_is_missing(const Device &device)
{
	const std::string port = "port \"" + device.port_name + "\": ";
	if (device.follows_netdev())
		return port + "the network interface \"" + device.netdev +
		       "\" was removed; waiting for one of that name";
	return port + "nobody serves the memif socket " + std::string(device.option("socket")) + "; waiting for it";
}

} // namespace

PortKeeper::PortKeeper(std::span<const Device> devices, std::span<Port *const> ports)
{
	assert(devices.size() == ports.size());
	for (std::size_t i = 0; i < ports.size(); ++i) {
		Kept kept{.device = &devices[i], .port = ports[i], .told = {}};
		kept.ifindex = index_of(devices[i]);
		kept.linkless_since = Clock::now();
		if (kept.port->gate().is_closed()) { // a memif client that came before its server
			kept.state = State::away;
			tell(kept, what_is_missing(devices[i]));
		}
		// It complains about every attempt; what there is to say is said here.
		if (devices[i].is_memif_client())
			(void)rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_EMERG);
		m_ports.push_back(std::move(kept));
	}
}

PortKeeper::~PortKeeper()
{
	{
		const std::lock_guard lock(m_mutex);
		m_stop = true;
	}
	m_wake.notify_one();
	if (m_thread.joinable())
		m_thread.join();
}

void PortKeeper::start()
{
	m_thread = std::thread([this] { run(); });
	(void)pthread_setname_np(m_thread.native_handle(), "systole-ports");
}

void PortKeeper::run()
{
	std::unique_lock lock(m_mutex);
	while (!m_wake.wait_for(lock, look_interval, [this] { return m_stop; })) {
		lock.unlock(); // opening a device takes its time, and the end may be asked for meanwhile
		look(Clock::now());
		lock.lock();
	}
}

void PortKeeper::look(Clock::time_point now)
{
	for (Kept &kept : m_ports)
		look(kept, now);
}

void PortKeeper::look(Kept &kept, Clock::time_point now)
{
	if (kept.state == State::in_use && has_fault(kept, now)) {
		kept.port->gate().ask_to_close();
		kept.state = State::leaving;
		return;
	}
	if (kept.state == State::leaving && kept.port->gate().is_closed()) {
		put_away(kept);
		kept.state = State::away;
		kept.next_try = now;
	}
	if (kept.state != State::away || now < kept.next_try)
		return;
	const Back back = bring_back(kept);
	kept.next_try = now + (back == Back::refused ? pause_after_refusal : look_interval);
	if (back != Back::yes)
		return;
	kept.state = State::in_use;
	kept.linkless_since = now;
	kept.told.clear();
	control::log(LogApp::dataplane, LogLevel::info, "port \"{}\" is in use again", kept.port->name());
}

void PortKeeper::tell(Kept &kept, const std::string &what)
{
	if (what == kept.told)
		return;
	control::log(LogApp::dataplane, LogLevel::warning, "{}", what);
	kept.told = what;
}

bool PortKeeper::has_fault(Kept &kept, Clock::time_point now)
{
	if (kept.device->follows_netdev())
		return index_of(*kept.device) != kept.ifindex;
	if (!kept.device->is_memif_client() || kept.port->has_link()) {
		kept.linkless_since = now;
		return false;
	}
	return now - kept.linkless_since > memif_patience;
}

// The worker has let go of it.
void PortKeeper::put_away(Kept &kept)
{
	tell(kept, what_is_missing(*kept.device));
	if (kept.device->follows_netdev())
		detach(kept);
}

void PortKeeper::detach(Kept &kept)
{
	kept.port->take_down();
	if (rte_eal_hotplug_remove("vdev", kept.device->ethdev.c_str()) == 0)
		kept.attached = false;
}

PortKeeper::Back PortKeeper::bring_back(Kept &kept)
{
	const Device &device = *kept.device;
	if (device.is_memif_client())
		return kept.port->start_again() ? Back::yes : Back::not_there;
	const unsigned index = index_of(device);
	if (index == 0)
		return Back::not_there;
	clean_leftovers(device);
	if (!kept.attached) {
		const std::string arguments = device.argument.substr(device.argument.find(',') + 1);
		if (rte_eal_hotplug_add("vdev", device.ethdev.c_str(), arguments.c_str()) != 0) {
			tell(kept, "port \"" + device.port_name + "\": the new interface \"" + device.netdev +
					   "\" cannot be opened; trying again");
			return Back::refused;
		}
		kept.attached = true;
	}
	std::string error;
	if (!kept.port->bring_up(error)) {
		tell(kept, error);
		detach(kept);
		return Back::refused;
	}
	kept.ifindex = index;
	return Back::yes;
}

} // namespace systole::dataplane
