// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The virtual MAC formula against the published examples, its edges, and the names and addresses derived from it.
#include "control/takeover/gratuitous.h"
#include "control/takeover/takeover_settings.h"
#include "control/takeover/virtual_mac.h"

#include <gtest/gtest.h>

namespace systole::control {
namespace {

std::string mac(unsigned group, unsigned vcluster, unsigned place, std::string_view prefix = {})
{
	std::optional<VirtualMacPrefix> parsed;
	if (!prefix.empty())
		parsed = VirtualMacPrefix::parse(prefix).value();
	const auto result = virtual_mac(group, vcluster, place, parsed);
	return result ? mac_text(*result) : "none";
}

TEST(VirtualMac, published_examples)
{
	EXPECT_EQ(mac(255, 1, 2), "00:09:0f:09:ff:02");
	EXPECT_EQ(mac(256, 1, 2), "e0:23:ff:fc:00:02");
}

TEST(VirtualMac, every_edge_of_the_group_id_ranges)
{
	EXPECT_EQ(mac(0, 1, 0), "00:09:0f:09:00:00");
	EXPECT_EQ(mac(511, 1, 0), "e0:23:ff:fc:ff:00");
	EXPECT_EQ(mac(512, 1, 0), "e0:23:ff:fd:00:00");
	EXPECT_EQ(mac(767, 1, 0), "e0:23:ff:fd:ff:00");
	EXPECT_EQ(mac(768, 1, 0), "e0:23:ff:fe:00:00");
	EXPECT_EQ(mac(1023, 1, 0), "e0:23:ff:fe:ff:00");
	EXPECT_EQ(mac(1024, 1, 0), "none");
}

TEST(VirtualMac, vcluster_two_adds_0x80)
{
	EXPECT_EQ(mac(103, 2, 0), "00:09:0f:09:67:80");
	EXPECT_EQ(mac(103, 2, 127), "00:09:0f:09:67:ff");
}

TEST(VirtualMac, vclusters_from_three_on_are_locally_administered)
{
	EXPECT_EQ(mac(103, 3, 0), "02:09:0f:67:03:00");
	EXPECT_EQ(mac(103, 30, 255), "02:09:0f:67:1e:ff");
}

TEST(VirtualMac, a_place_that_does_not_fit_gives_none)
{
	EXPECT_EQ(mac(1, 1, 127), "00:09:0f:09:01:7f");
	EXPECT_EQ(mac(1, 1, 128), "none");
	EXPECT_EQ(mac(1, 2, 128), "none");
	EXPECT_EQ(mac(1, 3, 256), "none");
	EXPECT_EQ(mac(1, 0, 0), "none");
	EXPECT_EQ(mac(1, 256, 0), "none");
}

TEST(VirtualMac, a_four_byte_prefix_replaces_the_published_one)
{
	EXPECT_EQ(mac(300, 1, 5, "02:53:59:01"), "02:53:59:01:2c:05");
	EXPECT_EQ(mac(300, 2, 5, "02-53-59-01"), "02:53:59:01:2c:85");
}

TEST(VirtualMac, a_three_byte_prefix_keeps_all_group_ids_apart)
{
	EXPECT_EQ(mac(44, 1, 5, "02:53:59"), "02:53:59:00:2c:05");
	EXPECT_EQ(mac(300, 1, 5, "02:53:59"), "02:53:59:01:2c:05");
}

TEST(VirtualMac, a_prefix_gives_its_first_three_bytes_from_vcluster_three_on)
{
	EXPECT_EQ(mac(44, 3, 5, "02:53:59:77"), "02:53:59:2c:03:05");
}

TEST(VirtualMac, prefixes_that_are_none_are_refused)
{
	for (const char *text : {"", "02", "02:53", "02:53:59:01:00", "02:53:5", "02:53:59:", "0253:59", "03:53:59",
				 "g2:53:59", "02.53.59", "-2:53:59", " 2:53:59"})
		EXPECT_FALSE(VirtualMacPrefix::parse(text)) << text;
	EXPECT_TRUE(VirtualMacPrefix::parse("E0:23:FF"));
}

TEST(VirtualMac, the_place_is_the_order_without_heartbeat_ports)
{
	const std::vector<std::string> interfaces{"hb0", "port1", "hb1", "port2"};
	const std::vector<std::string> heartbeat{"hb0", "hb1"};
	EXPECT_EQ(virtual_mac_place(interfaces, heartbeat, "port1"), 0U);
	EXPECT_EQ(virtual_mac_place(interfaces, heartbeat, "port2"), 1U);
	EXPECT_EQ(virtual_mac_place(interfaces, heartbeat, "hb1"), std::nullopt);
	EXPECT_EQ(virtual_mac_place(interfaces, heartbeat, "port9"), std::nullopt);
}

TEST(MacvlanName, is_the_base_with_a_suffix_where_it_fits_in_fifteen_characters)
{
	EXPECT_EQ(macvlan_name("port1"), "port1-vmac");
	EXPECT_EQ(macvlan_name("enp129s0f0"), "enp129s0f0-vmac");
	const std::string longer = macvlan_name("enp129s0f0np0");
	EXPECT_EQ(longer.size(), 11U);
	EXPECT_EQ(longer.substr(0, 3), "sv-");
	EXPECT_EQ(longer, macvlan_name("enp129s0f0np0"));
	EXPECT_NE(longer, macvlan_name("enp129s0f0np1"));
}

TEST(AddressesToHold, add_the_link_local_of_the_virtual_mac_when_only_global_ipv6_is_configured)
{
	TrafficInterface port{"port1", {0x00, 0x09, 0x0f, 0x09, 0x67, 0x00}, {*IpPrefix::parse("10.1.1.254/24")}};
	EXPECT_EQ(addresses_to_hold(port).size(), 1U);
	port.addresses.push_back(*IpPrefix::parse("2001:db8::fe/64"));
	ASSERT_EQ(addresses_to_hold(port).size(), 3U);
	EXPECT_EQ(addresses_to_hold(port).back().text(), "fe80::209:fff:fe09:6700/64");
	port.addresses.push_back(*IpPrefix::parse("fe80::1/64"));
	EXPECT_EQ(addresses_to_hold(port).size(), 3U);
}

} // namespace
} // namespace systole::control
