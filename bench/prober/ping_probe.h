// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Pings that should survive: ICMP echo, each with an identifier of its own that never changes. The kernel of the server
// answers; PingWatch beside it sees the identifiers that a gateway has made of them.
#pragma once

#include "bench/prober/endpoint.h"
#include "bench/prober/event_loop.h"
#include "bench/prober/exchange.h"
#include "bench/prober/rota.h"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace systole::prober {

struct PingReport {
	std::uint32_t total = 0; // that were answered before the window began
	std::uint32_t moving = 0;
	std::vector<std::uint32_t> kept; // their numbers
	std::int64_t longest_gap_ns = 0;
};

class PingProbe {
public:
	static constexpr std::int64_t interval_ns = 100 * ns_per_ms;

	// `port`: of this prober, in the payload.
	PingProbe(EventLoop &loop, const Endpoint &server, std::uint16_t port, std::uint32_t pings);

	void mark();
	// `moving_since_ns`: answered after this moment; 0: in the last turns.
	[[nodiscard]] PingReport report(std::int64_t now, std::int64_t moving_since_ns) const;

private:
	struct Ping {
		Exchange exchange;
		std::uint16_t identifier = 0;
		std::uint16_t sequence = 0;
	};

	void send_one(std::size_t index);
	void receive_all();

	Endpoint m_server;
	std::uint16_t m_port;
	Descriptor m_socket;
	std::vector<Ping> m_pings;
	Rota m_rota;
};

// At the server: whose identifier has changed since mark().
class PingWatch {
public:
	PingWatch(EventLoop &loop, std::uint16_t port);

	void mark() { m_moved.clear(); }
	[[nodiscard]] const std::set<std::uint32_t> &moved() const { return m_moved; }

private:
	void receive_all();

	std::uint16_t m_port;
	Descriptor m_socket;
	std::map<std::uint32_t, std::uint16_t> m_identifiers; // by number
	std::set<std::uint32_t> m_moved;
};

} // namespace systole::prober
