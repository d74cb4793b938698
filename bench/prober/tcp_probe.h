// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sessions that should survive: TCP connections that send patterned data to an echo server and check every byte that
// comes back. A connection is kept when it was never broken, never wrong, and moves again after the failover.
#pragma once

#include "bench/prober/endpoint.h"
#include "bench/prober/event_loop.h"
#include "bench/prober/exchange.h"
#include "bench/prober/rota.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace systole::prober {

struct TcpReport {
	std::uint32_t total = 0;     // connections that were established in the window
	std::uint32_t connected = 0; // established now
	std::uint32_t kept = 0;
	std::uint32_t broken = 0;  // reset, timed out or closed since mark()
	std::uint32_t resets = 0;  // of those the reset ones
	std::uint32_t corrupt = 0; // wrong bytes since mark()
	std::uint32_t stalled = 0; // without progress for longer than stall_ns since mark(), whatever came of it
	std::int64_t longest_stall_ns = 0;
	std::uint64_t verified_bytes = 0;
	std::uint64_t wrong_bytes = 0;
};

class TcpProbe {
public:
	TcpProbe(EventLoop &loop, Endpoint server, std::uint32_t connections, std::int64_t interval_ns);

	// Opens again what is broken; a connection counts in the window's total once it is established.
	void mark();
	// `moving_since_ns`: a kept connection has verified bytes after this moment; 0: in its last turns.
	[[nodiscard]] TcpReport report(std::int64_t now, std::int64_t moving_since_ns) const;

private:
	enum class State { closed, connecting, established, broken, corrupt };

	struct Connection {
		std::uint32_t number = 0;
		Descriptor socket;
		State state = State::closed;
		bool was_established = false; // in this window
		bool reset = false;
		std::uint64_t sent = 0;
		std::uint64_t verified = 0;
		Exchange exchange; // of verified bytes
	};

	void open(Connection &connection);
	void handle(Connection &connection, std::uint32_t events);
	void send_some(Connection &connection);
	void receive_all(Connection &connection);
	void close(Connection &connection, State state);

	EventLoop &m_loop;
	Endpoint m_server;
	std::vector<std::unique_ptr<Connection>> m_connections;
	std::int64_t m_interval_ns;
	std::uint64_t m_verified_bytes = 0;
	std::uint64_t m_wrong_bytes = 0;
	Rota m_rota;
};

} // namespace systole::prober
