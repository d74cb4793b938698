// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/network.h"

#include <algorithm>

namespace systole::sim {

namespace {
constexpr std::size_t records_kept = 256;
} // namespace

Network::Network(const Plan &plan, EventQueue &queue, Random random)
    : m_plan(plan), m_queue(queue), m_random(random), m_loss_permille(plan.network.loss_permille),
      m_straggler_permille(plan.network.straggler_permille)
{
	for (auto &from : m_open)
		for (auto &to : from)
			to.fill(true);
}

void Network::attach(std::size_t member, core::LinkIndex link, const core::MacAddress &mac)
{
	m_ports[member][link] = mac;
}

void Network::detach(std::size_t member)
{
	m_ports[member].fill(std::nullopt);
}

void Network::transmit(const Packet &packet)
{
	if (m_recording)
		record(packet);
	const bool to_all = packet.head.destination == core::broadcast_mac;
	for (std::size_t to = 0; to < m_plan.members.size(); ++to) {
		const auto &port = m_ports[to][packet.head.link];
		if (to != packet.head.sender && port && (to_all || *port == packet.head.destination))
			carry(packet, to);
	}
}

void Network::carry(const Packet &packet, std::size_t to)
{
	const NetworkPlan &plan = m_plan.network;
	if (!m_open[packet.head.sender][to][packet.head.link]) {
		++m_counts.held_by_cuts;
		return;
	}
	if (m_random.permille(m_loss_permille) || m_random.permille(m_extra_loss_permille)) {
		++m_counts.lost;
		return;
	}
	++m_counts.carried;
	const int copies = 1 + (m_random.permille(plan.duplicate_permille) ? 1 : 0);
	m_counts.duplicated += copies == 1 ? 0 : 1;
	for (int i = 0; i < copies; ++i) {
		Duration delay = plan.delay + m_random.between(Duration{}, plan.jitter);
		if (m_random.permille(m_straggler_permille))
			delay += plan.straggle;
		const SimTime arrival = m_queue.now() + delay;
		SimTime &last = m_last_arrival[packet.head.sender][to];
		m_counts.delayed += delay > plan.delay ? 1 : 0;
		m_counts.reordered += arrival < last ? 1 : 0;
		last = std::max(last, arrival);
		m_queue.put(arrival, Wake::deliver, to, m_pool.put(packet));
	}
}

void Network::inject(std::size_t member, const Packet &packet)
{
	m_queue.put(m_queue.now(), Wake::deliver, member, m_pool.put(packet));
}

void Network::set_open(std::size_t from, std::size_t to, std::size_t link, bool open)
{
	m_open[from][to][link] = open;
	bool connected = false;
	for (std::size_t l = 0; l < m_plan.links; ++l)
		connected = connected || (m_open[from][to][l] && m_open[to][from][l]);
	SimTime &since = m_connected_since[from][to];
	if (!connected)
		since = sim_never;
	else if (since == sim_never)
		since = m_queue.now();
	m_connected_since[to][from] = since;
}

bool Network::reaches(std::size_t from, std::size_t to) const
{
	for (std::size_t link = 0; link < m_plan.links; ++link)
		if (m_open[from][to][link])
			return true;
	return false;
}

void Network::set_open_pair(std::size_t a, std::size_t b, bool open)
{
	for (std::size_t link = 0; link < m_plan.links; ++link) {
		set_open(a, b, link, open);
		set_open(b, a, link, open);
	}
}

void Network::end_of_loss()
{
	m_loss_permille = 0;
	m_extra_loss_permille = 0;
	m_straggler_permille = 0;
}

void Network::record(const Packet &packet)
{
	// Every handshake message, some of the many beats.
	if (packet.head.kind != PacketHead::Kind::hake && !m_random.permille(150))
		return;
	if (m_records.size() < records_kept)
		m_records.push_back(packet);
	else
		m_records[m_next_record++ % records_kept] = packet;
}

std::optional<Packet> Network::any_recorded(Random &random) const
{
	return m_records.empty() ? std::nullopt : std::optional(m_records[random.index(m_records.size())]);
}

} // namespace systole::sim
