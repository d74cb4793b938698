// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/flow_probe.h"

#include <algorithm>
#include <sys/epoll.h>

namespace systole::prober {

FlowProbe::FlowProbe(EventLoop &loop, const Endpoint &server, std::uint32_t flows)
    : m_rota(loop, flows, interval_ns, [this](std::size_t index) { send_one(index); })
{
	for (std::uint32_t i = 0; i < flows; ++i) {
		auto &flow = *m_flows.emplace_back(std::make_unique<Flow>());
		flow.socket.reset(
			checked(socket(server.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "UDP flow"));
		static_cast<void>(
			checked(connect(flow.socket.get(), server.sockaddr_pointer(), server.size), "UDP connect"));
		loop.watch(flow.socket.get(), EPOLLIN, [this, &flow](std::uint32_t) { receive_all(flow); });
	}
}

void FlowProbe::send_one(std::size_t index)
{
	auto &flow = *m_flows[index];
	const FlowDatagram datagram{.sequence = ++flow.sequence, .flow = static_cast<std::uint32_t>(index)};
	// An error is a lost request; the silence shows it.
	static_cast<void>(send(flow.socket.get(), &datagram, sizeof datagram, 0));
}

void FlowProbe::receive_all(Flow &flow)
{
	FlowDatagram datagram;
	for (int i = 0; i < 8; ++i) {
		const auto size = recv(flow.socket.get(), &datagram, sizeof datagram, 0);
		if (size < 0 && errno != EAGAIN)
			continue; // an ICMP error was reported and is thereby cleared
		if (size < 0)
			return;
		if (size != sizeof datagram || datagram.magic != flow_magic || datagram.sequence > flow.sequence)
			continue;
		if (flow.seen.seen_port == 0)
			flow.seen = datagram;
		flow.moved |=
			datagram.seen_port != flow.seen.seen_port || datagram.seen_address != flow.seen.seen_address;
		flow.exchange.progress(mono_ns());
	}
}

void FlowProbe::mark()
{
	for (auto &flow : m_flows) {
		// What the server sees now is what it must go on to see.
		if (flow->moved)
			flow->seen = {};
		flow->moved = false;
		flow->exchange.begin_window();
	}
}

FlowReport FlowProbe::report(std::int64_t now, std::int64_t moving_since_ns) const
{
	const std::int64_t since_ns = moving_since_ns != 0 ? moving_since_ns : now - 2 * interval_ns - 100 * ns_per_ms;
	FlowReport result;
	for (const auto &flow : m_flows) {
		const bool moving = flow->exchange.moved_after(since_ns);
		const std::int64_t gap_ns = flow->exchange.longest_ns(now);
		result.moving += moving ? 1 : 0;
		if (!flow->exchange.counts())
			continue;
		result.total += 1;
		result.moved += flow->moved ? 1 : 0;
		result.kept += moving && !flow->moved && gap_ns <= stall_ns ? 1 : 0;
		result.longest_gap_ns = std::max(result.longest_gap_ns, gap_ns);
	}
	return result;
}

} // namespace systole::prober
