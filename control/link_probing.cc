// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which link monitors are probed now, and what the core hears of them.
#include "control/link_probing.h"

#include "control/probe/link_monitors.h"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace systole::control {

std::vector<bool> monitors_to_probe(const core::Config &config, Primaries primary, std::size_t monitors,
				    const std::vector<std::size_t> &counting)
{
	std::vector<bool> active(monitors, primary[0]);
	for (std::size_t index = 0; index < counting.size(); ++index) {
		active[counting[index]] = false;
		for (std::size_t place = 0; place < config.vclusters.size(); ++place)
			if (primary[place] && (config.vclusters[place].ping_monitors >> index & 1U) != 0)
				active[counting[index]] = true;
	}
	return active;
}

LinkProbing::LinkProbing(boost::asio::io_context &io, const Configuration &configuration, Feed feed)
    : m_io(io), m_configured(configuration.link_monitors), m_counting(configuration.counting_link_monitors()),
      m_feed(std::move(feed)), m_active(m_configured.size()), m_dead(m_configured.size())
{
}

LinkProbing::~LinkProbing() = default;

void LinkProbing::start(const std::string &instance)
{
	if (m_configured.empty())
		return;
	LinkMonitorsSettings settings;
	settings.instance = instance;
	m_monitors = std::make_unique<LinkMonitors>(
		m_configured,
		[this](const MonitorVerdict &verdict) {
			boost::asio::post(m_io, [this, verdict] {
				if (!m_monitors->is_current(verdict))
					return; // of before it was stopped
				m_dead[verdict.monitor] = !verdict.alive;
				tell(verdict.monitor);
			});
		},
		settings);
}

void LinkProbing::follow(const core::Node &node)
{
	if (m_monitors == nullptr)
		return;
	Primaries primary;
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		primary[place] = node.primary(place);
	std::vector<bool> active = monitors_to_probe(node.config(), primary, m_configured.size(), m_counting);
	for (std::size_t i = 0; i < active.size(); ++i)
		if (active[i] != m_active[i])
			m_dead[i] = false;
	if (active != m_active) {
		m_active = std::move(active);
		m_monitors->set_active(m_active);
	}
	// A virtual cluster that has just got its primary presumes all alive. A monitor that another one had probed here
	// before is not judged anew for its sake.
	for (std::size_t i = 0; i < m_dead.size(); ++i)
		if (m_dead[i])
			boost::asio::post(m_io, [this, i] { tell(i); });
}

void LinkProbing::tell(std::size_t monitor)
{
	const auto place = place_in_the_election(monitor);
	if (place && m_active[monitor])
		m_feed(core::PingMonitorChanged{*place, !m_dead[monitor]});
}

std::optional<std::uint8_t> LinkProbing::place_in_the_election(std::size_t monitor) const
{
	const auto found = std::find(m_counting.begin(), m_counting.end(), monitor);
	if (found == m_counting.end())
		return std::nullopt;
	return static_cast<std::uint8_t>(found - m_counting.begin());
}

void LinkProbing::stop()
{
	if (m_monitors != nullptr)
		m_monitors->stop();
}

std::vector<LinkMonitorStatus> LinkProbing::status() const
{
	return m_monitors == nullptr ? std::vector<LinkMonitorStatus>{} : m_monitors->status();
}

} // namespace systole::control
