// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which link monitors are probed now, and what the core hears of them.
//
// Only a primary probes: a monitor that virtual clusters count is probed while this member is primary of one of them, and
// one that none counts (its verdict is for the operator alone) while it is primary of the first.
//
//   roles (Node) --> follow() --> LinkMonitors::set_active       probe thread
//   PingMonitorChanged <-- feed <-- posted to the control thread <-- verdicts
#pragma once

#include "control/config/configuration.h"
#include "control/core/event.h"
#include "control/core/node.h"
#include "control/probe/link_monitor_status.h"

#include <boost/asio/io_context.hpp>

#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace systole::control {

class LinkMonitors;

// Whether this member is primary, by place in Config::vclusters.
using Primaries = std::bitset<core::max_vclusters>;

// Whether each link monitor of the configuration is to be probed. `counting` as counting_link_monitors() gives it.
[[nodiscard]] std::vector<bool> monitors_to_probe(const core::Config &config, Primaries primary, std::size_t monitors,
						  const std::vector<std::size_t> &counting);

class LinkProbing {
public:
	using Feed = std::function<void(const core::EventBody &)>; // on the control thread, never from within a call

	LinkProbing(boost::asio::io_context &io, const Configuration &configuration, Feed feed);
	~LinkProbing();
	LinkProbing(const LinkProbing &) = delete;
	LinkProbing &operator=(const LinkProbing &) = delete;

	// Starts the probe thread; not before the instance owns its network. Nothing where nothing is configured.
	void start(const std::string &instance);
	// The roles have changed.
	void follow(const core::Node &node);
	void stop();
	[[nodiscard]] std::vector<LinkMonitorStatus> status() const;

private:
	void tell(std::size_t monitor);
	[[nodiscard]] std::optional<std::uint8_t> place_in_the_election(std::size_t monitor) const;

	boost::asio::io_context &m_io;
	std::vector<Configuration::LinkMonitor> m_configured;
	std::vector<std::size_t> m_counting; // places in m_configured
	Feed m_feed;
	std::unique_ptr<LinkMonitors> m_monitors;
	std::vector<bool> m_active;
	std::vector<bool> m_dead; // as last judged since they became active
};

} // namespace systole::control
