// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The way a probe takes: the interface it is bound to, its source, its gateway, and what the kernel makes of them.
//
// The addresses of a traffic interface stand on its macvlan while this member is primary (control/takeover/takeover.h),
// and answers to them arrive there. So `set srcintf "port2"` means the macvlan of port2 when it is up, unless source-ip
// is an address of port2 itself; and port2 otherwise.
#pragma once

#include "control/netlink/route_socket.h"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace systole::control {

struct PathSettings {
	std::string interface;                           // empty: as the routes say
	std::optional<boost::asio::ip::address> source;  // empty: as the kernel chooses
	std::optional<boost::asio::ip::address> gateway; // empty: as the routes say
	std::uint32_t mark = 0;                          // of a gateway's probes (gateway_route.h)
};

struct ProbePath {
	std::string device; // empty: not bound to one
	unsigned device_index = 0;
	std::optional<boost::asio::ip::address> bound_source;
	std::uint32_t mark = 0;
	// As the kernel routes it now.
	boost::asio::ip::address source;
	std::optional<boost::asio::ip::address> gateway; // empty: on the link
	friend bool operator==(const ProbePath &, const ProbePath &) = default;
};

// The interface for `settings`; false: there is none, `error` says so.
[[nodiscard]] bool find_device(RouteSocket &socket, const PathSettings &settings, ProbePath &path, std::string &error);
// Asks the kernel how it would send to `destination`; fills source and gateway.
[[nodiscard]] bool find_route(RouteSocket &socket, const boost::asio::ip::address &destination, ProbePath &path,
			      std::string &error);
// Binds a socket to the way. Empty, or what failed.
[[nodiscard]] std::string bind_to_path(int fd, const ProbePath &path);

[[nodiscard]] std::string errno_text(int code);

} // namespace systole::control
