// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Link monitors as data.
#include "control/api/link_monitor_status.h"

#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <chrono>

namespace systole::control {

namespace {

using boost::json::array;
using boost::json::object;

std::string_view state_word(LinkMonitorState state)
{
	switch (state) {
	case LinkMonitorState::alive: return "alive";
	case LinkMonitorState::dead: return "dead";
	case LinkMonitorState::not_probed: return "not-probed";
	case LinkMonitorState::disabled: break;
	}
	return "disabled";
}

std::string_view protocol_word(Configuration::Protocol protocol)
{
	using Protocol = Configuration::Protocol;
	switch (protocol) {
	case Protocol::ping: return "ping";
	case Protocol::tcp_echo: return "tcp-echo";
	case Protocol::udp_echo: return "udp-echo";
	case Protocol::http: return "http";
	case Protocol::https: return "https";
	case Protocol::twamp: return "twamp";
	case Protocol::ping6: break;
	}
	return "ping6";
}

// Milliseconds; null where there is nothing to measure yet.
boost::json::value spread_json(const std::optional<Spread> &spread)
{
	if (!spread)
		return nullptr;
	const auto ms = [](std::chrono::nanoseconds time) {
		return std::chrono::duration<double, std::milli>(time).count();
	};
	return object{{"min", ms(spread->least)}, {"max", ms(spread->most)}, {"avg", ms(spread->average)}};
}

object server_json(const LinkServerStatus &server)
{
	return {{"name", printable(server.name)},
		{"address", server.address},
		{"source_ip", server.source_ip},
		{"gateway", server.gateway},
		{"prefix_length", server.prefix_length},
		{"protocol", protocol_word(server.protocol)},
		{"port", server.port},
		{"weight", server.weight},
		{"state", state_word(server.state)},
		{"latency_ms", spread_json(server.latency)},
		{"jitter_ms", spread_json(server.jitter)},
		{"loss_percent", server.loss_percent},
		{"out_of_sequence", server.out_of_sequence},
		{"fail_times", server.losses_in_a_row},
		{"recovery_times", server.replies_in_a_row},
		{"sent", server.sent},
		{"received", server.received},
		{"sequence_sent", server.sequence_sent},
		{"sequence_received", server.sequence_received},
		{"sequence_expected", server.sequence_expected},
		{"last_error", printable(server.last_error)}};
}

object monitor_json(const LinkMonitorStatus &monitor)
{
	array servers;
	for (const LinkServerStatus &server : monitor.servers)
		servers.push_back(server_json(server));
	return {{"name", printable(monitor.name)},
		{"state", state_word(monitor.state)},
		{"shared", state_word(monitor.shared)},
		{"created_unix", monitor.created_unix},
		{"source_interface", monitor.source_interface},
		{"device", monitor.device},
		{"device_index", monitor.device_index},
		{"routing_table", monitor.routing_table},
		{"interval_ms", monitor.interval.count()},
		{"failtime", monitor.failtime},
		{"recoverytime", monitor.recoverytime},
		{"fail_weight", monitor.fail_weight},
		{"ha_priority", monitor.ha_priority},
		{"servers", std::move(servers)}};
}

} // namespace

object link_monitors_status(const ApiBackend &backend)
{
	array monitors;
	for (const LinkMonitorStatus &monitor : backend.link_monitor_status())
		monitors.push_back(monitor_json(monitor));
	return {{"monitors", std::move(monitors)}};
}

} // namespace systole::control
