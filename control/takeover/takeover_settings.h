// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a takeover is asked to hold: the traffic interfaces, their virtual MACs and addresses, and how to announce them.
#pragma once

#include "control/core/types.h"
#include "control/netlink/ip_prefix.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace systole::control {

struct TrafficInterface {
	std::string base; // kernel name of the port
	core::MacAddress virtual_mac{};
	std::vector<IpPrefix> addresses;
	std::uint8_t vcluster = 1; // whose primary has the addresses
};

struct TakeoverSettings {
	std::string instance; // one word; marks our links, so that a restart knows them and no other instance's
	std::vector<TrafficInterface> interfaces;
	std::vector<std::uint8_t> vclusters{1}; // ids; one that no interface belongs to has a primary all the same
	bool gratuitous_arps = true;            // `gratuitous-arps`
	unsigned arps = 5;                      // `arps`: announcements per takeover, the first at once
	core::Duration arps_interval = std::chrono::seconds{8}; // `arps-interval`
	// Router flag of neighbour advertisements; unset: what net.ipv6.conf says about forwarding at that moment.
	std::optional<bool> router_flag;
};

// "port1-vmac"; a base name too long for that gives "sv-" and eight hexadecimal digits of it. At most 15 characters.
[[nodiscard]] std::string macvlan_name(const std::string &base);

// The configured addresses, and behind them the link-local address of the virtual MAC if there are IPv6 addresses and
// none of them is link-local: without one the kernel cannot ask for a neighbour on behalf of a forwarded packet.
[[nodiscard]] std::vector<IpPrefix> addresses_to_hold(const TrafficInterface &interface);

} // namespace systole::control
