// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/traffic.h"

#include "control/prefix_of.h"
#include "control/takeover/virtual_mac.h"

#include <fmt/format.h>

#include <algorithm>

namespace systole::control {

namespace {

std::vector<IpPrefix> addresses_of(const Configuration::Interface &interface)
{
	std::vector<IpPrefix> addresses;
	if (interface.ip)
		addresses.push_back(prefix_of(*interface.ip));
	for (const auto &secondary : interface.secondaries)
		if (secondary.ip)
			addresses.push_back(prefix_of(*secondary.ip));
	if (interface.ipv6.address)
		addresses.push_back(prefix_of(*interface.ipv6.address));
	return addresses;
}

} // namespace

TakeoverSettings takeover_settings(const Configuration &configuration, const std::string &instance,
				   std::string &problem)
{
	const Configuration::Ha &ha = configuration.ha;
	std::optional<VirtualMacPrefix> prefix;
	if (ha.virtual_mac_prefix)
		prefix = VirtualMacPrefix{ha.virtual_mac_prefix->bytes, 4};

	std::vector<std::string> names;
	std::vector<std::string> heartbeat_ports;
	for (const auto &interface : configuration.interfaces)
		names.push_back(interface.name);
	for (const auto &port : ha.hbdev)
		heartbeat_ports.push_back(port.name);

	TakeoverSettings settings;
	settings.instance = instance;
	settings.gratuitous_arps = ha.gratuitous_arps;
	settings.arps = ha.arps;
	settings.arps_interval = ha.arps_interval;
	settings.vclusters.clear();
	for (const auto &vcluster : ha.effective_vclusters())
		settings.vclusters.push_back(vcluster.id);
	for (const auto &interface : configuration.interfaces) {
		auto addresses = addresses_of(interface);
		const auto place = virtual_mac_place(names, heartbeat_ports, interface.name);
		if (addresses.empty() || !place)
			continue;
		const std::uint8_t vcluster = configuration.vcluster_of(interface);
		const auto mac = virtual_mac(ha.group_id, vcluster, *place, prefix);
		if (!mac) {
			problem += (problem.empty() ? "" : ", ") + interface.name +
				   fmt::format(": no virtual MAC left (place {} in the configuration; virtual cluster "
					       "{} has room for {})",
					       *place + 1, vcluster, vcluster <= 2 ? 128 : 256);
			continue;
		}
		settings.interfaces.push_back({interface.name, *mac, std::move(addresses), vcluster});
	}
	return settings;
}

} // namespace systole::control
