// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One server of a link monitor.
#include "control/probe/server_probe.h"

#include <algorithm>
#include <vector>

namespace systole::control {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

namespace {

constexpr milliseconds extra_turn{1};
constexpr milliseconds way_pause{200};      // between two looks at the way while probes are lost
constexpr milliseconds look_up_pause{1000}; // between two questions about a name

std::optional<boost::asio::ip::address> literal(const std::string &name)
{
	boost::system::error_code error;
	const auto address = boost::asio::ip::make_address(name, error);
	return error ? std::nullopt : std::optional(address);
}

LinkMonitorState state_of(bool alive)
{
	return alive ? LinkMonitorState::alive : LinkMonitorState::dead;
}

} // namespace

ServerProbe::ServerProbe(const ProbeContext &context, ServerSettings settings, Changed changed)
    : m_context(context), m_settings(std::move(settings)), m_changed(std::move(changed)), m_verdict(m_settings.rules),
      m_next(context.io), m_address(literal(m_settings.target.name)), m_is_literal(m_address.has_value())
{
	if (m_address && m_address->is_v6() != m_settings.v6) {
		m_address.reset();
		m_obstacle = m_settings.target.name + (m_settings.v6 ? " is no IPv6 address, but addr-mode is ipv6"
								     : " is an IPv6 address, but addr-mode is ipv4");
	}
}

void ServerProbe::start()
{
	m_due = Clock::now();
	if (!m_is_literal)
		look_up();
	probe();
}

void ServerProbe::schedule()
{
	// After an absence of our own the schedule goes on from now: no burst makes up for what was missed.
	m_due = std::max(m_due + m_settings.interval, Clock::now());
	m_next.expires_at(m_due);
	m_next.async_wait([weak = weak_from_this()](const boost::system::error_code &error) {
		if (const auto self = weak.lock(); self && !error)
			self->probe();
	});
}

void ServerProbe::probe()
{
	schedule();
	const Clock::time_point now = Clock::now();
	const bool is_losing = m_verdict.losses_in_a_row() > 0;
	if (!m_is_literal && !m_lookup && (is_losing || !m_address) && now - m_looked_up >= look_up_pause)
		look_up();
	if (m_address && (!m_prober || (is_losing && now - m_way_checked >= way_pause)))
		find_way();

	const std::uint64_t sequence = m_verdict.send();
	Probe &probe = m_probes.try_emplace(sequence, Probe{boost::asio::steady_timer(m_context.io)}).first->second;
	probe.deadline.expires_after(m_settings.timeout);
	arm(sequence, probe);
	if (m_prober) {
		probe.sent = true;
		m_prober->send(sequence); // may end the probe
	} else if (m_address || !m_lookup) {
		finish(sequence, std::nullopt, m_obstacle);
	} // otherwise the name is being looked up, within the probe's time
	m_changed(false);
}

// Everything that can change under a prober: interface, gateway, route, source.
void ServerProbe::find_way()
{
	m_way_checked = Clock::now();
	ProbePath path;
	std::string obstacle;
	bool has_way = find_device(m_context.routes, m_settings.path, path, obstacle);
	if (has_way && m_settings.gateway != nullptr) {
		obstacle = m_settings.gateway->install(m_context.routes, path.device_index);
		has_way = obstacle.empty();
	}
	has_way = has_way && find_route(m_context.routes, *m_address, path, obstacle);
	if (has_way && m_prober && path == m_path)
		return;
	drop_prober();
	m_path = path;
	m_has_way = has_way;
	m_obstacle = obstacle;
	if (!has_way)
		return;
	ProbeTarget target = m_settings.target;
	target.timeout = m_settings.timeout;
	target.address = *m_address;
	target.path = m_path;
	// The prober is ours and dies before us: it may have `this`.
	m_prober = make_prober(
		m_context.io, m_context.tls, target,
		[this](std::uint64_t sequence, std::optional<nanoseconds> round_trip, std::string_view error) {
			finish(sequence, round_trip, error);
		},
		m_obstacle);
}

// What it was asked is lost with it, but not yet judged: the deadlines do that.
void ServerProbe::drop_prober()
{
	m_prober.reset();
	for (auto &[sequence, probe] : m_probes)
		probe.sent = false;
}

void ServerProbe::look_up()
{
	m_looked_up = Clock::now();
	m_lookup = std::make_unique<NameLookup>(
		m_context.io, m_settings.target.name, m_settings.v6, m_context.name_servers,
		[this](std::vector<boost::asio::ip::address> addresses, const std::string &error) {
			looked_up(std::move(addresses), error);
		});
}

void ServerProbe::looked_up(std::vector<boost::asio::ip::address> addresses, const std::string &error)
{
	m_lookup.reset();
	if (addresses.empty()) {
		m_last_error = "the name " + m_settings.target.name + " does not resolve: " + error;
		if (m_address)
			return; // the old address has not become worse
		m_obstacle = m_last_error;
		std::vector<std::uint64_t> waiting;
		for (const auto &[sequence, probe] : m_probes)
			waiting.push_back(sequence);
		for (const std::uint64_t sequence : waiting)
			finish(sequence, std::nullopt, m_obstacle);
		m_changed(false);
		return;
	}
	const auto current = m_address ? std::find(addresses.begin(), addresses.end(), *m_address) : addresses.end();
	if (current == addresses.end())
		use(addresses.front());
	else if (!m_verdict.is_alive() && addresses.size() > 1)
		use(current + 1 == addresses.end() ? addresses.front() : *(current + 1));
}

void ServerProbe::use(const boost::asio::ip::address &address)
{
	const bool is_first = !m_address;
	drop_prober();
	m_address = address;
	find_way();
	if (is_first && m_prober) { // these waited for the name
		std::vector<std::uint64_t> waiting;
		for (auto &[sequence, probe] : m_probes) {
			probe.sent = true;
			waiting.push_back(sequence);
		}
		for (const std::uint64_t sequence : waiting)
			m_prober->send(sequence);
	}
	m_changed(false);
}

void ServerProbe::arm(std::uint64_t sequence, Probe &probe)
{
	probe.deadline.async_wait([weak = weak_from_this(), sequence](const boost::system::error_code &error) {
		if (const auto self = weak.lock(); self && !error)
			self->deadline_passed(sequence);
	});
}

void ServerProbe::deadline_passed(std::uint64_t sequence)
{
	const auto found = m_probes.find(sequence);
	if (found == m_probes.end())
		return;
	Probe &probe = found->second;
	if (!probe.given) {
		probe.given = true;
		const Clock::duration own_lateness = Clock::now() - probe.deadline.expiry();
		probe.deadline.expires_after(std::max<Clock::duration>(own_lateness, extra_turn));
		arm(sequence, probe);
		return;
	}
	std::string error = "no answer within " + std::to_string(m_settings.timeout.count()) + " ms";
	std::string detail = m_prober && probe.sent ? m_prober->expire(sequence) : m_obstacle;
	if (m_lookup && !m_address)
		detail = "the name " + m_settings.target.name + " is still being looked up";
	finish(sequence, std::nullopt, detail.empty() ? error : error + " (" + detail + ")");
}

void ServerProbe::finish(std::uint64_t sequence, std::optional<nanoseconds> round_trip, std::string_view error)
{
	const auto found = m_probes.find(sequence);
	if (found == m_probes.end())
		return;
	m_probes.erase(found);
	bool judged = false;
	if (round_trip) {
		judged = m_verdict.answered(sequence, *round_trip);
	} else {
		m_last_error = error;
		judged = m_verdict.lost(sequence);
	}
	m_changed(judged);
}

LinkServerStatus ServerProbe::status() const
{
	LinkServerStatus status;
	status.name = m_settings.target.name;
	if (m_address)
		status.address = m_address->to_string();
	else if (m_is_literal)
		status.address = m_settings.target.name;
	if (m_has_way) {
		status.source_ip = m_path.source.to_string();
		status.gateway = m_path.gateway ? m_path.gateway->to_string() : "";
	}
	status.prefix_length = m_settings.v6 ? 128 : 32;
	status.protocol = m_settings.target.protocol;
	status.port = m_settings.target.port;
	status.weight = m_settings.weight;
	status.state = state_of(m_verdict.is_alive());
	status.latency = m_verdict.latency();
	status.jitter = m_verdict.jitter();
	status.loss_percent = m_verdict.loss_percent();
	status.out_of_sequence = m_verdict.out_of_sequence();
	status.losses_in_a_row = m_verdict.losses_in_a_row();
	status.replies_in_a_row = m_verdict.replies_in_a_row();
	status.sent = m_verdict.sent();
	status.received = m_verdict.received();
	status.sequence_sent = m_verdict.sequence_sent();
	status.sequence_received = m_verdict.sequence_received();
	status.sequence_expected = m_verdict.sequence_expected();
	status.last_error = m_last_error;
	return status;
}

} // namespace systole::control
