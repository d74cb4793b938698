// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Links and addresses as the kernel describes them: what one RTM_NEWLINK or RTM_NEWADDR says, and lists of all.
#pragma once

#include "control/core/types.h"
#include "control/netlink/ip_prefix.h"
#include "control/netlink/route_socket.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

struct LinkInfo {
	std::string name;
	int index = 0;
	int base_index = 0;    // IFLA_LINK: what a macvlan or VLAN sits on; 0 = nothing
	bool base_here = true; // that base is in this network namespace
	int master_index = 0;  // bridge or bond this link belongs to; 0 = none
	bool admin_up = false; // IFF_UP
	bool running = false;  // admin up, carrier and operstate allow traffic (IFF_RUNNING)
	bool ethernet = false; // ARPHRD_ETHER
	bool loopback = false;
	std::string kind; // "macvlan", "veth", ...; empty for hardware
	std::string alias;
	core::MacAddress mac{};
};

struct AddressInfo {
	int index = 0; // of the link
	IpPrefix prefix;
};

[[nodiscard]] std::optional<LinkInfo> parse_link(const nlmsghdr &message);       // RTM_NEWLINK, RTM_DELLINK
[[nodiscard]] std::optional<AddressInfo> parse_address(const nlmsghdr &message); // RTM_NEWADDR, RTM_DELADDR

[[nodiscard]] std::error_code list_links(RouteSocket &socket, std::vector<LinkInfo> &links);
[[nodiscard]] std::error_code list_addresses(RouteSocket &socket, std::vector<AddressInfo> &addresses);
// One link by name, without a dump. Nothing when there is no such link.
[[nodiscard]] std::optional<LinkInfo> find_link(RouteSocket &socket, std::string_view name);

} // namespace systole::control
