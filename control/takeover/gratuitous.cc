// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The frames that tell a segment where an address lives now.
#include "control/takeover/gratuitous.h"

#include <cassert>
#include <span>

namespace systole::control {

namespace {

// Writes from the front; what is not written stays zero.
class FrameWriter {
public:
	explicit FrameWriter(std::span<std::uint8_t> frame) : m_frame(frame) {}
	FrameWriter &u8(unsigned value)
	{
		m_frame[m_at++] = static_cast<std::uint8_t>(value);
		return *this;
	}
	FrameWriter &u16(unsigned value) { return u8(value >> 8).u8(value & 0xff); }
	FrameWriter &bytes(std::span<const std::uint8_t> value)
	{
		for (std::uint8_t byte : value)
			u8(byte);
		return *this;
	}
	FrameWriter &skip(std::size_t count)
	{
		m_at += count;
		return *this;
	}

private:
	std::span<std::uint8_t> m_frame;
	std::size_t m_at = 0;
};

constexpr unsigned ethertype_arp = 0x0806;
constexpr unsigned ethertype_ipv4 = 0x0800;
constexpr unsigned ethertype_ipv6 = 0x86dd;
constexpr unsigned next_header_icmpv6 = 58;
constexpr unsigned neighbour_discovery_hop_limit = 255; // receivers refuse anything else: proof of the same link
constexpr std::size_t ipv6_at = 14;
constexpr std::size_t icmpv6_at = ipv6_at + 40;
constexpr std::size_t icmpv6_bytes = 32;
constexpr core::MacAddress all_nodes_mac{0x33, 0x33, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

std::uint32_t sum_of_words(std::span<const std::uint8_t> bytes)
{
	std::uint32_t sum = 0;
	for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
		sum += static_cast<std::uint32_t>(bytes[i]) << 8 | bytes[i + 1];
	return sum;
}

// RFC 4443 section 2.3: the pseudo-header is both addresses, the length and the next header.
std::uint16_t icmpv6_checksum(std::span<const std::uint8_t> frame)
{
	std::uint32_t sum = sum_of_words(frame.subspan(ipv6_at + 8, 32)) + icmpv6_bytes + next_header_icmpv6;
	sum += sum_of_words(frame.subspan(icmpv6_at, icmpv6_bytes));
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(~sum);
}

} // namespace

std::array<std::uint8_t, gratuitous_arp_bytes> gratuitous_arp(const core::MacAddress &mac, const IpPrefix &address)
{
	assert(!address.v6);
	std::array<std::uint8_t, gratuitous_arp_bytes> frame{};
	FrameWriter writer(frame);
	writer.bytes(core::broadcast_mac).bytes(mac).u16(ethertype_arp);
	writer.u16(1).u16(ethertype_ipv4).u8(6).u8(4).u16(1); // Ethernet, IPv4, lengths, request
	writer.bytes(mac).bytes(address.bytes());
	writer.skip(6).bytes(address.bytes());
	return frame;
}

std::array<std::uint8_t, neighbour_advertisement_bytes> neighbour_advertisement(const core::MacAddress &mac,
										const IpPrefix &address, bool router)
{
	assert(address.v6);
	constexpr unsigned flag_router = 0x80;
	constexpr unsigned flag_override = 0x20;
	std::array<std::uint8_t, neighbour_advertisement_bytes> frame{};
	FrameWriter writer(frame);
	writer.bytes(all_nodes_mac).bytes(mac).u16(ethertype_ipv6);
	writer.u16(0x6000).u16(0).u16(icmpv6_bytes).u8(next_header_icmpv6).u8(neighbour_discovery_hop_limit);
	writer.bytes(address.bytes()).bytes(all_nodes);
	writer.u8(136).u8(0).u16(0); // Neighbour Advertisement, code 0, checksum still zero
	writer.u8(flag_override | (router ? flag_router : 0)).skip(3).bytes(address.bytes());
	writer.u8(2).u8(1).bytes(mac); // option: target link-layer address, one unit of eight bytes
	FrameWriter(frame).skip(icmpv6_at + 2).u16(icmpv6_checksum(frame));
	return frame;
}

IpPrefix link_local_address(const core::MacAddress &mac)
{
	IpPrefix prefix;
	prefix.v6 = true;
	prefix.length = 64;
	prefix.address = {
		0xfe,   0x80,   0,    0,    0,      0,      0,     0, static_cast<std::uint8_t>(mac[0] ^ 0x02),
		mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
	return prefix;
}

} // namespace systole::control
