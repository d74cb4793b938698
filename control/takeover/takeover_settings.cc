// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a takeover is asked to hold.
#include "control/takeover/takeover_settings.h"

#include "control/takeover/gratuitous.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace systole::control {

std::string macvlan_name(const std::string &base)
{
	std::string name = base + "-vmac";
	if (name.size() < IFNAMSIZ)
		return name;
	// FNV-1a: the same name after every restart, whatever index the port has then.
	std::uint32_t hash = 2166136261U;
	for (char letter : base)
		hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
	std::array<char, IFNAMSIZ> text{};
	std::snprintf(text.data(), text.size(), "sv-%08x", hash);
	return text.data();
}

std::vector<IpPrefix> addresses_to_hold(const TrafficInterface &interface)
{
	std::vector<IpPrefix> addresses = interface.addresses;
	const bool any_v6 = std::any_of(addresses.begin(), addresses.end(), [](const IpPrefix &p) { return p.v6; });
	const bool any_link_local =
		std::any_of(addresses.begin(), addresses.end(), [](const IpPrefix &p) { return p.is_link_local(); });
	if (any_v6 && !any_link_local)
		addresses.push_back(link_local_address(interface.virtual_mac));
	return addresses;
}

} // namespace systole::control
