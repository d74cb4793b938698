// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Counting, statistics and weights of link monitors.
#include "control/probe/verdict.h"

#include <algorithm>
#include <vector>

namespace systole::control {

using std::chrono::nanoseconds;

namespace {

template <typename Values> std::optional<Spread> spread_of(const Values &values)
{
	if (values.empty())
		return std::nullopt;
	nanoseconds sum{0};
	for (const nanoseconds value : values)
		sum += value;
	return Spread{*std::min_element(values.begin(), values.end()), *std::max_element(values.begin(), values.end()),
		      sum / static_cast<std::int64_t>(values.size())};
}

} // namespace

std::uint64_t ServerVerdict::send()
{
	m_open.emplace_back();
	return m_next++;
}

bool ServerVerdict::answered(std::uint64_t sequence, nanoseconds round_trip)
{
	return decide(sequence, round_trip);
}

bool ServerVerdict::lost(std::uint64_t sequence)
{
	return decide(sequence, std::nullopt);
}

bool ServerVerdict::decide(std::uint64_t sequence, std::optional<nanoseconds> round_trip)
{
	const std::uint64_t first_open = m_next - m_open.size();
	if (sequence < first_open || sequence >= m_next)
		return false;
	Probe &probe = m_open[static_cast<std::size_t>(sequence - first_open)];
	if (probe.decided)
		return false;
	probe = {true, round_trip};
	if (round_trip) {
		++m_received;
		if (sequence < m_last_received)
			++m_out_of_sequence;
		m_last_received = std::max(m_last_received, sequence);
	}
	const bool was_alive = m_alive;
	while (!m_open.empty() && m_open.front().decided) {
		judge(m_open.front().round_trip);
		m_open.pop_front();
	}
	return m_alive != was_alive;
}

void ServerVerdict::judge(std::optional<nanoseconds> round_trip)
{
	m_window.push_back(round_trip);
	if (m_window.size() > m_rules.probe_count)
		m_window.pop_front();
	if (round_trip) {
		m_losses = 0;
		m_replies = std::min(m_replies + 1, m_rules.recoverytime);
		if (m_replies == m_rules.recoverytime)
			m_alive = true;
	} else {
		m_replies = 0;
		m_losses = std::min(m_losses + 1, m_rules.failtime);
		if (m_losses == m_rules.failtime)
			m_alive = false;
	}
}

std::optional<Spread> ServerVerdict::latency() const
{
	std::vector<nanoseconds> values;
	for (const auto &round_trip : m_window)
		if (round_trip)
			values.push_back(*round_trip);
	return spread_of(values);
}

std::optional<Spread> ServerVerdict::jitter() const
{
	std::vector<nanoseconds> values;
	for (std::size_t i = 1; i < m_window.size(); ++i)
		if (m_window[i] && m_window[i - 1])
			values.push_back(std::chrono::abs(*m_window[i] - *m_window[i - 1]));
	return spread_of(values);
}

double ServerVerdict::loss_percent() const
{
	if (m_window.empty())
		return 0;
	const auto lost = std::count(m_window.begin(), m_window.end(), std::nullopt);
	return 100.0 * static_cast<double>(lost) / static_cast<double>(m_window.size());
}

bool monitor_is_alive(std::span<const ServerStanding> servers, unsigned fail_weight)
{
	unsigned dead_weight = 0;
	bool any_alive = servers.empty(); // nothing to lose
	for (const ServerStanding &server : servers) {
		any_alive = any_alive || server.alive;
		dead_weight += server.alive ? 0 : server.weight;
	}
	return any_alive && dead_weight <= fail_weight;
}

} // namespace systole::control
