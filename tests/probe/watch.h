// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Link monitors under test: what they judged, what they say, and waiting for either without sleeping longer than needed.
#pragma once

#include "control/probe/link_monitors.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace systole::control::test {

using std::chrono::milliseconds;
using Protocol = Configuration::Protocol;
using Monitor = Configuration::LinkMonitor;

// Long enough for a busy machine; nothing waits for it when all is well.
inline constexpr milliseconds patience{10'000};

inline Monitor fast_monitor(Protocol protocol, std::uint16_t port, std::vector<std::string> servers = {"127.0.0.1"})
{
	Monitor monitor;
	monitor.name = "monitor";
	monitor.protocol = protocol;
	monitor.port = port;
	monitor.addr_mode = servers.front().find(':') == std::string::npos ? Configuration::AddressMode::ipv4
									   : Configuration::AddressMode::ipv6;
	monitor.servers = std::move(servers);
	monitor.interval = milliseconds{20};
	monitor.probe_timeout = milliseconds{1000}; // of a machine with two CPUs and much to do
	monitor.failtime = 3;
	monitor.recoverytime = 3;
	return monitor;
}

class Watch {
public:
	explicit Watch(std::vector<Monitor> configured, const LinkMonitorsSettings &settings = {},
		       LinkMonitors::Judged also = {})
	    : m_count(configured.size()), m_also(std::move(also)),
	      monitors(
		      std::move(configured), [this](const MonitorVerdict &verdict) { take(verdict); }, settings)
	{
	}
	explicit Watch(const Monitor &monitor, const LinkMonitorsSettings &settings = {})
	    : Watch(std::vector{monitor}, settings)
	{
	}

	void start() { monitors.set_active(std::vector<bool>(m_count, true)); }
	[[nodiscard]] std::vector<MonitorVerdict> verdicts()
	{
		const std::lock_guard lock(m_mutex);
		return m_verdicts;
	}
	[[nodiscard]] std::string story() // "DA": died, came back
	{
		std::string story;
		for (const MonitorVerdict &verdict : verdicts())
			story += verdict.alive ? 'A' : 'D';
		return story;
	}
	[[nodiscard]] LinkMonitorStatus status(std::size_t monitor = 0) const { return monitors.status().at(monitor); }
	[[nodiscard]] LinkServerStatus server(std::size_t place = 0) const { return status().servers.at(place); }
	[[nodiscard]] static bool eventually(const std::function<bool()> &condition)
	{
		const auto end = std::chrono::steady_clock::now() + patience;
		while (!condition()) {
			if (std::chrono::steady_clock::now() > end)
				return false;
			std::this_thread::sleep_for(milliseconds{2});
		}
		return true;
	}
	[[nodiscard]] bool becomes(LinkMonitorState state)
	{
		return eventually([&] { return status().state == state; });
	}
	[[nodiscard]] bool answers(std::uint64_t replies)
	{
		return eventually([&] { return server().received >= replies; });
	}

private:
	void take(const MonitorVerdict &verdict)
	{
		{
			const std::lock_guard lock(m_mutex);
			m_verdicts.push_back(verdict);
		}
		if (m_also)
			m_also(verdict);
	}

	std::size_t m_count;
	LinkMonitors::Judged m_also;
	std::mutex m_mutex;
	std::vector<MonitorVerdict> m_verdicts;

public:
	LinkMonitors monitors; // last: its thread uses the others
};

} // namespace systole::control::test
