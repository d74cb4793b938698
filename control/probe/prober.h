// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One protocol towards one address: sends probes, says what became of each. Everything runs on the probe thread, and
// nothing blocks. Time limits are the caller's business: it calls expire().
#pragma once

#include "control/config/configuration.h"
#include "control/probe/path.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace systole::control {

struct ProbeTarget {
	Configuration::Protocol protocol = Configuration::Protocol::ping;
	boost::asio::ip::address address;
	std::uint16_t port = 0;
	std::string name; // as configured: for http
	ProbePath path;
	std::chrono::milliseconds timeout{500}; // what the kernel stamps later than this is too late
	std::string http_get;
	std::string http_agent;
	std::string http_match;       // empty: any good answer
	std::size_t packet_bytes = 0; // twamp
};

// A round trip time; without one the probe is lost, and the text says why. Once a probe at most, perhaps within send().
using ProbeDone =
	std::function<void(std::uint64_t sequence, std::optional<std::chrono::nanoseconds>, std::string_view error)>;

class Prober {
public:
	virtual ~Prober() = default; // nothing is said any more

	virtual void send(std::uint64_t sequence) = 0;
	// Its time is over, nothing will be said about it. What is known about the reason, often nothing.
	virtual std::string expire(std::uint64_t sequence) = 0;
};

// Nothing: the socket could not be made, `error` says why. `tls` must outlive it.
[[nodiscard]] std::unique_ptr<Prober> make_prober(boost::asio::io_context &io, boost::asio::ssl::context &tls,
						  const ProbeTarget &target, ProbeDone done, std::string &error);

// For link-local addresses the interface is part of the address.
[[nodiscard]] boost::asio::ip::address scoped_address(const ProbeTarget &target);
// An unconnected TCP socket, bound to the target's path. Empty, or what failed.
[[nodiscard]] std::string open_stream(boost::asio::ip::tcp::socket &socket, const ProbeTarget &target);

} // namespace systole::control
