// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// All link monitors, on a thread of their own: sockets, names, TLS and routes never touch the control thread.
//
//   control thread                                  probe thread
//   set_active() ------------ posted -------------> monitors start and stop
//   is_current(verdict) <---- daemon posts it ----- judged(verdict), only when a monitor's state changes
//   status() <--------------- a copy -------------- after every probe
//
// A monitor that starts is presumed alive, with fresh statistics, and probes at once. One that stops says nothing more;
// what it said before, and is still on its way to control, is known by its generation.
#pragma once

#include "control/config/configuration.h"
#include "control/probe/link_monitor_status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace systole::control {

struct MonitorVerdict {
	std::size_t monitor = 0; // place in the configuration
	bool alive = true;
	std::uint64_t generation = 0;
};

struct LinkMonitorsSettings {
	std::string instance = "default"; // tells the routing tables of one instance from another's
	std::string name_servers;         // "ADDRESS:PORT,..."; empty: those of /etc/resolv.conf
};

class LinkMonitors {
public:
	// Called on the probe thread; must not block and not throw.
	using Judged = std::function<void(const MonitorVerdict &)>;

	// Nothing is probed yet; what a killed predecessor left in the routing tables is removed. The thread lives in the
	// network namespace of the caller.
	LinkMonitors(std::vector<Configuration::LinkMonitor> monitors, Judged judged,
		     const LinkMonitorsSettings &settings = {});
	~LinkMonitors();
	LinkMonitors(const LinkMonitors &) = delete;
	LinkMonitors &operator=(const LinkMonitors &) = delete;

	// One word for each monitor; those that are missing are stopped. A monitor with `status disable` never starts.
	// Control thread, as is_current().
	void set_active(const std::vector<bool> &active);
	// The monitor has been neither stopped nor started since it said that.
	[[nodiscard]] bool is_current(const MonitorVerdict &verdict) const;
	// Ends what is under way, takes the routes away and joins the thread. Nothing is judged after it.
	void stop();

	// Any thread.
	[[nodiscard]] std::vector<LinkMonitorStatus> status() const;

private:
	class Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::control
