// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The announcements, byte for byte. The ICMPv6 checksums below are not from this code but from five lines of Python:
//   s = sum(struct.unpack('>%dH' % (len(p) // 2), p)); s = (s & 0xffff) + (s >> 16), twice; hex(~s & 0xffff)
// with p = source + destination + length 32 + next header 58 + the message with a zero checksum.
#include "control/takeover/gratuitous.h"

#include <gtest/gtest.h>

#include <vector>

namespace systole::control {
namespace {

constexpr core::MacAddress mac{0x00, 0x09, 0x0f, 0x09, 0x67, 0x00};

using Bytes = std::vector<std::uint8_t>;

template <std::size_t N> Bytes bytes(const std::array<std::uint8_t, N> &frame)
{
	return {frame.begin(), frame.end()};
}

TEST(GratuitousArp, is_a_broadcast_request_with_sender_and_target_the_address)
{
	Bytes expected{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x09, 0x0f, 0x09, 0x67, 0x00, 0x08, 0x06, // Ethernet
		0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,                                     // request
		0x00, 0x09, 0x0f, 0x09, 0x67, 0x00, 10,   1,    1,    254,                          // sender
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10,   1,    1,    254,                          // target
	};
	expected.resize(60); // padding is zero: nothing of our memory leaves
	EXPECT_EQ(bytes(gratuitous_arp(mac, *IpPrefix::parse("10.1.1.254/24"))), expected);
}

Bytes expected_advertisement(std::uint8_t flags, std::uint8_t checksum_high, std::uint8_t checksum_low)
{
	return {
		0x33,
		0x33,
		0x00,
		0x00,
		0x00,
		0x01,
		0x00,
		0x09,
		0x0f,
		0x09,
		0x67,
		0x00,
		0x86,
		0xdd, // Ethernet
		0x60,
		0x00,
		0x00,
		0x00,
		0x00,
		0x20,
		58,
		255, // hop limit 255
		0x20,
		0x01,
		0x0d,
		0xb8,
		0,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xfe, // from the address itself
		0xff,
		0x02,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		1, // to all nodes
		136,
		0,
		checksum_high,
		checksum_low,
		flags,
		0,
		0,
		0, //
		0x20,
		0x01,
		0x0d,
		0xb8,
		0,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0xfe, // target
		2,
		1,
		0x00,
		0x09,
		0x0f,
		0x09,
		0x67,
		0x00, // target link-layer address
	};
}

TEST(NeighbourAdvertisement, of_a_host_has_the_override_flag_alone)
{
	EXPECT_EQ(bytes(neighbour_advertisement(mac, *IpPrefix::parse("2001:db8:1::fe/64"), false)),
		  expected_advertisement(0x20, 0x83, 0x1d));
}

TEST(NeighbourAdvertisement, of_a_router_has_the_router_flag_too)
{
	EXPECT_EQ(bytes(neighbour_advertisement(mac, *IpPrefix::parse("2001:db8:1::fe/64"), true)),
		  expected_advertisement(0xa0, 0x03, 0x1d));
}

TEST(LinkLocalAddress, is_the_modified_eui64_of_the_mac)
{
	EXPECT_EQ(link_local_address(mac).text(), "fe80::209:fff:fe09:6700/64");
	EXPECT_EQ(link_local_address({0x02, 0x09, 0x0f, 0x67, 0x03, 0x00}).text(), "fe80::9:fff:fe67:300/64");
}

TEST(IpPrefix, reads_what_it_writes_and_refuses_the_rest)
{
	for (const char *text : {"10.1.1.254/24", "0.0.0.0/0", "10.1.1.1/32", "2001:db8::1/64", "fe80::1/128", "::/0"})
		EXPECT_EQ(IpPrefix::parse(text).value().text(), text);
	EXPECT_EQ(IpPrefix::parse("10.1.1.1").value().text(), "10.1.1.1/32");
	EXPECT_EQ(IpPrefix::parse("2001:db8::1").value().text(), "2001:db8::1/128");
	for (const char *text : {"", "10.1.1", "10.1.1.1/33", "10.1.1.1/", "10.1.1.1/-1", "10.1.1.1/2 4",
				 "2001:db8::1/129", "port1", "10.1.1.1/24/24", "::g/1"})
		EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

TEST(IpPrefix, covers_what_is_in_its_network)
{
	const IpPrefix network = *IpPrefix::parse("10.1.1.254/23");
	EXPECT_TRUE(network.covers(*IpPrefix::parse("10.1.0.1")));
	EXPECT_TRUE(network.covers(*IpPrefix::parse("10.1.1.1")));
	EXPECT_FALSE(network.covers(*IpPrefix::parse("10.1.2.1")));
	EXPECT_FALSE(network.covers(*IpPrefix::parse("2001:db8::1")));
	EXPECT_TRUE(IpPrefix::parse("0.0.0.0/0")->covers(network));
	EXPECT_TRUE(IpPrefix::parse("fe80::1")->is_link_local());
	EXPECT_FALSE(IpPrefix::parse("fec0::1")->is_link_local());
}

} // namespace
} // namespace systole::control
