// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `set gateway-ip`: the probes of one monitor go through that gateway, whatever the machine's other routes say. They
// carry a mark, a rule leads packets with that mark to a table of their own, and the table has two routes:
//
//   ip rule:   1500: from all fwmark 0x53ab1200 lookup 1403720192 proto 83
//   ip route show table 1403720192:
//              default via GATEWAY dev PORT proto 83
//              unreachable default proto 83 metric 4278190080
//
// The second one holds when the kernel drops the first (the port went down): a probe that cannot take its gateway is
// lost, it does not take another way. mark = table = 0x53, 16 bits of the instance's name, 8 bits of the monitor's place.
//
// Everything goes with the monitor's end. What a killed predecessor left is known by the rule's protocol and table.
#pragma once

#include "control/netlink/route_socket.h"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace systole::control {

// The table of monitor 0; the others follow.
[[nodiscard]] std::uint32_t gateway_table_base(std::string_view instance);

class GatewayRoute {
public:
	GatewayRoute(std::uint32_t table, const boost::asio::ip::address &gateway);

	[[nodiscard]] std::uint32_t table() const { return m_table; }
	// Makes or confirms rule and routes; device 0: the interface on whose network the gateway is. Empty, or why not.
	[[nodiscard]] std::string install(RouteSocket &socket, unsigned device_index);
	void remove(RouteSocket &socket);

private:
	std::uint32_t m_table;
	boost::asio::ip::address m_gateway;
};

// Removes the rules and routes of an instance that nobody serves any more. Empty, or why not.
[[nodiscard]] std::string remove_gateway_leftovers(RouteSocket &socket, std::uint32_t table_base);

} // namespace systole::control
