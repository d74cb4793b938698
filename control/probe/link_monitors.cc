// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// All link monitors, on a thread of their own.
#include "control/probe/link_monitors.h"

#include "control/probe/gateway_route.h"
#include "control/probe/http_prober.h"
#include "control/probe/server_probe.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <ares.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace systole::control {

namespace {

using Protocol = Configuration::Protocol;

bool is_v6(const Configuration::LinkMonitor &monitor, Protocol protocol)
{
	return monitor.addr_mode == Configuration::AddressMode::ipv6 || protocol == Protocol::ping6;
}

std::uint16_t usual_port(Protocol protocol)
{
	switch (protocol) {
	case Protocol::tcp_echo:
	case Protocol::udp_echo: return 7;
	case Protocol::http: return 80;
	case Protocol::https: return 443;
	case Protocol::twamp: return 862;
	case Protocol::ping:
	case Protocol::ping6: break;
	}
	return 0;
}

template <typename Address> std::optional<boost::asio::ip::address> unless_zero(const Address &bytes)
{
	if (bytes == Address{})
		return std::nullopt;
	if constexpr (std::tuple_size_v<Address> == 4)
		return boost::asio::ip::make_address_v4(bytes);
	else
		return boost::asio::ip::make_address_v6(bytes);
}

std::optional<boost::asio::ip::address> gateway_of(const Configuration::LinkMonitor &monitor, bool v6)
{
	return v6 ? unless_zero(monitor.gateway_ip6) : unless_zero(monitor.gateway_ip);
}

std::vector<Configuration::LinkMonitorServer> servers_of(const Configuration::LinkMonitor &monitor)
{
	if (monitor.server_config == Configuration::ServerConfig::individual)
		return monitor.server_list;
	std::vector<Configuration::LinkMonitorServer> servers;
	for (const std::string &name : monitor.servers)
		servers.push_back({0, name, monitor.protocol, monitor.port, 0});
	return servers;
}

double unix_now()
{
	return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// What is known of a monitor that is not probed.
LinkMonitorStatus resting(const Configuration::LinkMonitor &monitor)
{
	LinkMonitorStatus status;
	status.name = monitor.name;
	status.state = monitor.status ? LinkMonitorState::not_probed : LinkMonitorState::disabled;
	status.shared = status.state;
	status.created_unix = unix_now();
	status.source_interface = monitor.srcintf;
	status.interval = monitor.interval;
	status.failtime = monitor.failtime;
	status.recoverytime = monitor.recoverytime;
	status.fail_weight = monitor.fail_weight;
	status.ha_priority = monitor.ha_priority;
	for (const Configuration::LinkMonitorServer &from : servers_of(monitor)) {
		LinkServerStatus &server = status.servers.emplace_back();
		server.name = from.dst;
		server.prefix_length = is_v6(monitor, from.protocol) ? 128 : 32;
		server.protocol = from.protocol;
		server.port = from.port != 0 ? from.port : usual_port(from.protocol);
		server.weight = from.weight;
		server.state = status.state;
	}
	return status;
}

// One monitor while it is probed.
class RunningMonitor {
public:
	using Told = std::function<void(LinkMonitorStatus)>;
	using Judged = std::function<void(bool alive)>;

	RunningMonitor(const ProbeContext &context, const Configuration::LinkMonitor &monitor, std::uint32_t table,
		       Told told, Judged judged)
	    : m_context(context), m_told(std::move(told)), m_judged(std::move(judged)), m_status(resting(monitor))
	{
		for (const Configuration::LinkMonitorServer &from : servers_of(monitor)) {
			const bool v6 = is_v6(monitor, from.protocol);
			auto &gateway = v6 ? m_gateway6 : m_gateway4;
			if (const auto address = gateway_of(monitor, v6); address && !gateway) {
				gateway.emplace(table, *address);
				m_status.routing_table = table;
			}
			m_servers.push_back(make_server(monitor, from, v6, gateway ? &*gateway : nullptr));
		}
	}
	~RunningMonitor()
	{
		m_servers.clear(); // its last probes are gone before their routes
		for (auto *gateway : {&m_gateway4, &m_gateway6})
			if (*gateway)
				(*gateway)->remove(m_context.routes);
	}
	RunningMonitor(const RunningMonitor &) = delete;
	RunningMonitor &operator=(const RunningMonitor &) = delete;

	void start()
	{
		for (const auto &server : m_servers)
			server->start();
	}

private:
	std::shared_ptr<ServerProbe> make_server(const Configuration::LinkMonitor &monitor,
						 const Configuration::LinkMonitorServer &from, bool v6,
						 GatewayRoute *gateway)
	{
		ServerSettings settings;
		settings.target.protocol = from.protocol;
		settings.target.port = from.port != 0 ? from.port : usual_port(from.protocol);
		settings.target.name = from.dst;
		settings.target.http_get = monitor.http_get;
		settings.target.http_agent = monitor.http_agent;
		settings.target.http_match = monitor.http_match;
		settings.target.packet_bytes = monitor.packet_size;
		settings.v6 = v6;
		settings.path.interface = monitor.srcintf;
		settings.path.source = v6 ? unless_zero(monitor.source_ip6) : unless_zero(monitor.source_ip);
		settings.path.mark = gateway != nullptr ? gateway->table() : 0;
		settings.gateway = gateway;
		settings.interval = monitor.interval;
		settings.timeout = monitor.probe_timeout;
		settings.rules = {monitor.failtime, monitor.recoverytime, monitor.probe_count};
		settings.weight = from.weight;
		const std::size_t place = m_servers.size();
		return std::make_shared<ServerProbe>(m_context, std::move(settings),
						     [this, place](bool judged) { changed(place, judged); });
	}
	void changed(std::size_t place, bool judged)
	{
		const ServerProbe &server = *m_servers[place];
		m_status.servers[place] = server.status();
		if (server.path().device_index != 0) {
			m_status.device = server.path().device;
			m_status.device_index = server.path().device_index;
		}
		bool changed_state = false;
		if (judged) {
			std::vector<ServerStanding> standings;
			for (const auto &one : m_servers)
				standings.push_back({one->is_alive(), one->weight()});
			changed_state =
				std::exchange(m_alive, monitor_is_alive(standings, m_status.fail_weight)) != m_alive;
		}
		m_status.state = m_alive ? LinkMonitorState::alive : LinkMonitorState::dead;
		m_status.shared = m_status.state;
		m_told(m_status);
		if (changed_state)
			m_judged(m_alive);
	}

	const ProbeContext &m_context;
	Told m_told;
	Judged m_judged;
	LinkMonitorStatus m_status;
	bool m_alive = true;
	std::optional<GatewayRoute> m_gateway4;
	std::optional<GatewayRoute> m_gateway6;
	std::vector<std::shared_ptr<ServerProbe>> m_servers;
};

} // namespace

class LinkMonitors::Impl {
public:
	Impl(std::vector<Configuration::LinkMonitor> monitors, Judged judged, const LinkMonitorsSettings &settings)
	    : m_monitors(std::move(monitors)), m_judged(std::move(judged)), m_settings(settings),
	      m_running(m_monitors.size()), m_generations(m_monitors.size()), m_active(m_monitors.size())
	{
		for (const Configuration::LinkMonitor &monitor : m_monitors)
			m_status.push_back(resting(monitor));
		m_thread = std::thread([this] { run(); });
	}
	~Impl() { stop(); }
	Impl(const Impl &) = delete;
	Impl &operator=(const Impl &) = delete;

	void set_active(const std::vector<bool> &active)
	{
		for (std::size_t i = 0; i < m_monitors.size(); ++i) {
			const bool wanted = i < active.size() && active[i] && m_monitors[i].status;
			if (m_active[i] == wanted)
				continue;
			m_active[i] = wanted;
			const std::uint64_t generation = ++m_generations[i];
			boost::asio::post(m_io, [this, i, wanted, generation] {
				if (wanted)
					start(i, generation);
				else
					end(i);
			});
		}
	}
	[[nodiscard]] bool is_current(const MonitorVerdict &verdict) const
	{
		return verdict.monitor < m_generations.size() && m_active[verdict.monitor] &&
		       m_generations[verdict.monitor] == verdict.generation;
	}
	void stop()
	{
		if (!m_thread.joinable())
			return;
		boost::asio::post(m_io, [this] { m_io.stop(); });
		m_thread.join();
	}
	[[nodiscard]] std::vector<LinkMonitorStatus> status() const
	{
		const std::lock_guard lock(m_mutex);
		return m_status;
	}

private:
	void run()
	{
		pthread_setname_np(pthread_self(), "systole-probes");
		sigset_t all;
		sigfillset(&all);
		pthread_sigmask(SIG_BLOCK, &all, nullptr); // signals are control's
		if (!m_routes.open())
			(void)remove_gateway_leftovers(m_routes, gateway_table_base(m_settings.instance));
		m_io.run();
		for (std::size_t i = 0; i < m_running.size(); ++i)
			end(i);
	}
	void start(std::size_t i, std::uint64_t generation)
	{
		const auto table = gateway_table_base(m_settings.instance) + static_cast<std::uint32_t>(i);
		m_running[i] = std::make_unique<RunningMonitor>(
			m_context, m_monitors[i], table,
			[this, i](LinkMonitorStatus status) { tell(i, std::move(status)); },
			[this, i, generation](bool alive) {
				m_judged({i, alive, generation});
			});
		m_running[i]->start();
	}
	void end(std::size_t i)
	{
		if (m_running[i] == nullptr)
			return;
		m_running[i].reset();
		tell(i, resting(m_monitors[i]));
	}
	void tell(std::size_t i, LinkMonitorStatus status)
	{
		const std::lock_guard lock(m_mutex);
		m_status[i] = std::move(status);
	}

	const std::vector<Configuration::LinkMonitor> m_monitors;
	const Judged m_judged;
	const LinkMonitorsSettings m_settings;

	// probe thread
	boost::asio::io_context m_io{1};
	boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{m_io.get_executor()};
	boost::asio::ssl::context m_tls = make_probe_tls();
	RouteSocket m_routes;
	const ProbeContext m_context{m_io, m_tls, m_routes, m_settings.name_servers};
	std::vector<std::unique_ptr<RunningMonitor>> m_running;

	// control thread
	std::vector<std::uint64_t> m_generations;
	std::vector<bool> m_active;
	std::thread m_thread;

	mutable std::mutex m_mutex;
	std::vector<LinkMonitorStatus> m_status;
};

LinkMonitors::LinkMonitors(std::vector<Configuration::LinkMonitor> monitors, Judged judged,
			   const LinkMonitorsSettings &settings)
    : m_impl(std::make_unique<Impl>(std::move(monitors), std::move(judged), settings))
{
}

LinkMonitors::~LinkMonitors() = default;

void LinkMonitors::set_active(const std::vector<bool> &active)
{
	m_impl->set_active(active);
}

bool LinkMonitors::is_current(const MonitorVerdict &verdict) const
{
	return m_impl->is_current(verdict);
}

void LinkMonitors::stop()
{
	m_impl->stop();
}

std::vector<LinkMonitorStatus> LinkMonitors::status() const
{
	return m_impl->status();
}

} // namespace systole::control
