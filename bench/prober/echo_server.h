// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The far end of both probes: sends every datagram and every stream byte back to where it came from.
#pragma once

#include "bench/prober/event_loop.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace systole::prober {

class EchoServer {
public:
	// Serves UDP and TCP on `port`, IPv6 and IPv4 alike.
	EchoServer(EventLoop &loop, std::uint16_t port);

private:
	struct Stream {
		Descriptor socket;
		std::vector<std::uint8_t> unsent; // while it holds bytes, nothing more is read
	};

	void echo_datagrams();
	void accept_all();
	void serve(int fd, std::uint32_t events);
	void close(int fd);

	EventLoop &m_loop;
	Descriptor m_udp;
	Descriptor m_listener;
	std::unordered_map<int, Stream> m_streams;
};

} // namespace systole::prober
