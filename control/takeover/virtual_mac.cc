// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which virtual MAC a traffic interface has.
#include "control/takeover/virtual_mac.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace systole::control {

namespace {

constexpr unsigned group_ids = 1024;
constexpr unsigned second_vcluster_offset = 0x80;
// One row for each 256 group-ids.
constexpr std::array<std::array<std::uint8_t, 4>, 4> published_prefixes{{
	{0x00, 0x09, 0x0f, 0x09},
	{0xe0, 0x23, 0xff, 0xfc},
	{0xe0, 0x23, 0xff, 0xfd},
	{0xe0, 0x23, 0xff, 0xfe},
}};
constexpr std::array<std::uint8_t, 3> local_prefix{0x02, 0x09, 0x0f};

} // namespace

std::optional<VirtualMacPrefix> VirtualMacPrefix::parse(std::string_view text)
{
	VirtualMacPrefix prefix;
	while (true) {
		if (prefix.length == prefix.bytes.size() || text.size() < 2)
			return std::nullopt;
		const auto [end, error] =
			std::from_chars(text.data(), text.data() + 2, prefix.bytes[prefix.length], 16);
		if (error != std::errc{} || end != text.data() + 2)
			return std::nullopt;
		++prefix.length;
		text.remove_prefix(2);
		if (text.empty())
			break;
		if (text.front() != ':' && text.front() != '-')
			return std::nullopt;
		text.remove_prefix(1);
	}
	if (prefix.length < 3 || (prefix.bytes[0] & 1) != 0)
		return std::nullopt;
	return prefix;
}

std::optional<core::MacAddress> virtual_mac(unsigned group_id, unsigned vcluster, unsigned place,
					    const std::optional<VirtualMacPrefix> &prefix)
{
	const unsigned places = vcluster <= 2 ? second_vcluster_offset : 256;
	if (group_id >= group_ids || vcluster < 1 || vcluster > 255 || place >= places)
		return std::nullopt;
	const auto group_low = static_cast<std::uint8_t>(group_id & 0xff);
	const auto group_high = static_cast<std::uint8_t>(group_id >> 8);
	core::MacAddress mac{};
	if (vcluster > 2) {
		std::copy(local_prefix.begin(), local_prefix.end(), mac.begin());
		if (prefix)
			std::copy_n(prefix->bytes.begin(), 3, mac.begin());
		mac[3] = group_low;
		mac[4] = static_cast<std::uint8_t>(vcluster);
		mac[5] = static_cast<std::uint8_t>(place);
		return mac;
	}
	std::copy_n(published_prefixes[group_high].begin(), 4, mac.begin());
	if (prefix) {
		mac[3] = group_high;
		std::copy_n(prefix->bytes.begin(), prefix->length, mac.begin());
	}
	mac[4] = group_low;
	mac[5] = static_cast<std::uint8_t>(place + (vcluster == 2 ? second_vcluster_offset : 0));
	return mac;
}

std::optional<unsigned> virtual_mac_place(std::span<const std::string> interfaces,
					  std::span<const std::string> heartbeat_ports, std::string_view name)
{
	const auto is_heartbeat = [heartbeat_ports](std::string_view port) {
		return std::find(heartbeat_ports.begin(), heartbeat_ports.end(), port) != heartbeat_ports.end();
	};
	unsigned place = 0;
	for (const std::string &interface : interfaces) {
		if (is_heartbeat(interface))
			continue;
		if (interface == name)
			return place;
		++place;
	}
	return std::nullopt;
}

std::string mac_text(const core::MacAddress &mac)
{
	std::array<char, 18> text{};
	std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", unsigned{mac[0]}, unsigned{mac[1]},
		      unsigned{mac[2]}, unsigned{mac[3]}, unsigned{mac[4]}, unsigned{mac[5]});
	return text.data();
}

} // namespace systole::control
