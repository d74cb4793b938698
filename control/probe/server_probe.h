// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One server of a link monitor: when it is probed, at which address and by which way, and what is known about it.
//
// A probe goes out every interval. Each has its own deadline, probe-timeout after it went out; when that passes, the loop
// gets one more turn, and as much time as this thread itself was late: what waits in a socket is read before a server
// is blamed. The way (interface, gateway, source) is looked up at the start and again while probes are lost. A name is
// looked up at the start and again while probes are lost; the address in use is kept while it is still one of the
// name's and the server is alive, so that one lost probe moves nothing.
#pragma once

#include "control/probe/gateway_route.h"
#include "control/probe/link_monitor_status.h"
#include "control/probe/name_lookup.h"
#include "control/probe/prober.h"
#include "control/probe/verdict.h"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace systole::control {

// What all servers of all monitors share. Probe thread only.
struct ProbeContext {
	boost::asio::io_context &io;
	boost::asio::ssl::context &tls;
	RouteSocket &routes;
	std::string name_servers; // see NameLookup
};

struct ServerSettings {
	ProbeTarget target; // without address and path
	bool v6 = false;
	PathSettings path;
	GatewayRoute *gateway = nullptr; // the monitor's, if it has one
	std::chrono::milliseconds interval{500};
	std::chrono::milliseconds timeout{500};
	ServerVerdict::Rules rules;
	unsigned weight = 0;
};

class ServerProbe : public std::enable_shared_from_this<ServerProbe> {
public:
	// After every change of what status() says; `judged`: the server died or came back.
	using Changed = std::function<void(bool judged)>;

	ServerProbe(const ProbeContext &context, ServerSettings settings, Changed changed);
	void start();

	[[nodiscard]] bool is_alive() const { return m_verdict.is_alive(); }
	[[nodiscard]] unsigned weight() const { return m_settings.weight; }
	[[nodiscard]] LinkServerStatus status() const;
	[[nodiscard]] const ProbePath &path() const { return m_path; }

private:
	using Clock = std::chrono::steady_clock;
	struct Probe {
		boost::asio::steady_timer deadline;
		bool sent = false;  // handed to the prober
		bool given = false; // the turn and time after the deadline
	};

	void schedule();
	void probe();
	void find_way();
	void look_up();
	void looked_up(std::vector<boost::asio::ip::address> addresses, const std::string &error);
	void use(const boost::asio::ip::address &address);
	void drop_prober();
	void arm(std::uint64_t sequence, Probe &probe);
	void deadline_passed(std::uint64_t sequence);
	void finish(std::uint64_t sequence, std::optional<std::chrono::nanoseconds> round_trip, std::string_view error);

	const ProbeContext &m_context;
	const ServerSettings m_settings;
	Changed m_changed;
	ServerVerdict m_verdict;
	boost::asio::steady_timer m_next;
	Clock::time_point m_due{};
	std::map<std::uint64_t, Probe> m_probes; // under way
	std::optional<boost::asio::ip::address> m_address;
	const bool m_is_literal;
	ProbePath m_path;
	bool m_has_way = false;
	Clock::time_point m_way_checked{};
	std::unique_ptr<NameLookup> m_lookup; // while one is under way
	Clock::time_point m_looked_up{};
	std::unique_ptr<Prober> m_prober;
	std::string m_obstacle; // why there is no prober
	std::string m_last_error;
};

} // namespace systole::control
