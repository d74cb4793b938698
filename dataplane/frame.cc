// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/frame.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace systole::dataplane {

namespace {

using control::Drop;

constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint8_t protocol_esp = 50;
constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::uint16_t fragment_mask = 0x3fff; // more-fragments flag and offset
constexpr std::uint8_t time_to_live = 64;
constexpr std::byte plain_ipv4{0x45}; // version 4, no options
constexpr std::byte hake_first{'H'};

// HAKE header, security design 2.2: "HAKE" | version | type | length(2) | ... 44 bytes.
constexpr std::array<std::byte, 4> hake_magic{std::byte{'H'}, std::byte{'A'}, std::byte{'K'}, std::byte{'E'}};
constexpr std::size_t hake_header_bytes = 44;
constexpr std::uint8_t hake_version = 1;
constexpr std::uint8_t hake_last_clear = 4; // a farewell counts only inside ESP
constexpr std::uint8_t hake_last = 5;
constexpr std::array<std::size_t, 6> hake_bytes_of_type{0, 84, 148, 180, 116, 76}; // -, HELLO, KE1, KE2, KE3, BYE

std::uint8_t load8(std::span<const std::byte> bytes, std::size_t at)
{
	return std::to_integer<std::uint8_t>(bytes[at]);
}

std::uint16_t load16(std::span<const std::byte> bytes, std::size_t at)
{
	return static_cast<std::uint16_t>(load8(bytes, at) << 8 | load8(bytes, at + 1));
}

std::uint32_t load32(std::span<const std::byte> bytes, std::size_t at)
{
	return static_cast<std::uint32_t>(load16(bytes, at)) << 16 | load16(bytes, at + 2);
}

void store16(std::span<std::byte> bytes, std::size_t at, std::size_t value)
{
	bytes[at] = static_cast<std::byte>(value >> 8);
	bytes[at + 1] = static_cast<std::byte>(value);
}

void store32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value)
{
	store16(bytes, at, value >> 16);
	store16(bytes, at + 2, value & 0xffff);
}

std::uint16_t folded(std::uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(sum);
}

// Ones' complement sum of RFC 1071, not yet folded; an odd last byte counts as the high half. Bytes are added eight at
// a time as they stand and put in order at the end (section 2, B and C): two at a time was a sixth of a heartbeat's cost.
std::uint32_t sum_of(std::span<const std::byte> bytes, std::uint32_t sum)
{
	std::uint64_t as_stored = 0;
	std::size_t i = 0;
	for (; i + 8 <= bytes.size(); i += 8) {
		std::uint64_t eight = 0;
		std::memcpy(&eight, bytes.data() + i, sizeof(eight));
		as_stored += (eight & 0xffffffff) + (eight >> 32);
	}
	std::uint16_t words = folded(as_stored);
	if constexpr (std::endian::native == std::endian::little)
		words = static_cast<std::uint16_t>(words << 8 | words >> 8);
	sum += words;
	for (; i + 1 < bytes.size(); i += 2)
		sum += load16(bytes, i);
	if (i < bytes.size())
		sum += static_cast<std::uint32_t>(load8(bytes, i)) << 8;
	return sum;
}

// Addresses, protocol and length as UDP's checksum covers them.
std::uint32_t pseudo_header_sum(std::span<const std::byte> ip, std::size_t udp_length)
{
	return sum_of(ip.subspan(12, 8), protocol_udp + static_cast<std::uint32_t>(udp_length));
}

Frame refused(Drop drop)
{
	Frame frame;
	frame.drop = drop;
	return frame;
}

Frame classify_hake(std::span<const std::byte> message, std::uint8_t last_type)
{
	if (!std::equal(hake_magic.begin(), hake_magic.end(), message.begin()))
		return refused(Drop::rx_badip);
	const std::uint8_t version = load8(message, 4);
	const std::uint8_t type = load8(message, 5);
	const std::size_t length = load16(message, 6);
	if (length < hake_header_bytes || length > message.size())
		return refused(Drop::hake_len);
	if (version != hake_version)
		return refused(Drop::hake_ver);
	if (type == 0 || type > last_type)
		return refused(Drop::hake_type);
	if (length != hake_bytes_of_type[type])
		return refused(Drop::hake_len);
	return {.kind = FrameKind::hake, .offset = ethernet_bytes, .length = length};
}

Frame classify_ipv4(std::span<const std::byte> packet)
{
	const std::size_t total = load16(packet, 2);
	if (total <= ipv4_bytes || total > packet.size())
		return refused(Drop::rx_badip);
	const std::uint8_t protocol = load8(packet, 9);
	const bool clear_heartbeat = protocol == protocol_udp && total >= ipv4_bytes + udp_bytes &&
				     load16(packet, ipv4_bytes + 2) == core::heartbeat_udp_port;
	if (protocol != protocol_esp && !clear_heartbeat)
		return refused(Drop::rx_badip);
	if ((load16(packet, 6) & fragment_mask) != 0)
		return refused(Drop::rx_frag);
	if (clear_heartbeat)
		return refused(Drop::plain_drop);
	if (total < ipv4_bytes + 8) // no room for SPI and sequence number
		return refused(Drop::esp_len);
	return {.kind = FrameKind::esp, .offset = ethernet_bytes + ipv4_bytes, .length = total - ipv4_bytes};
}

Inner inner_refused(Drop drop)
{
	Inner inner;
	inner.drop = drop;
	return inner;
}

} // namespace

Frame classify(std::span<const std::byte> bytes, unsigned segments, bool tagged, const FramePolicy &policy)
{
	if (bytes.size() <= ethernet_bytes) // of a chain this is only the first piece
		return refused(segments == 1 ? Drop::rx_short : Drop::rx_multiseg);
	const std::uint16_t ether_type = load16(bytes, 12);
	if (tagged || ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100)
		return refused(Drop::rx_vlan);
	const bool session = ether_type == policy.session_ether_type;
	if (ether_type != policy.ether_type && !session)
		return refused(Drop::rx_ethertype);
	if (segments != 1)
		return refused(Drop::rx_multiseg);
	if (bytes.size() < min_frame_bytes)
		return refused(Drop::rx_short);
	if (bytes.size() > policy.max_frame_bytes)
		return refused(Drop::rx_oversize);

	const auto payload = bytes.subspan(ethernet_bytes);
	Frame frame = refused(Drop::rx_badip);
	if (payload[0] == plain_ipv4)
		frame = classify_ipv4(payload);
	else if (payload[0] == hake_first && !session)
		frame = classify_hake(payload, hake_last_clear);
	if (session)
		frame.traffic_class = crypto::TrafficClass::session;
	for (std::size_t i = 0; i < frame.source.size(); ++i)
		frame.source[i] = load8(bytes, 6 + i);
	return frame;
}

Inner parse_inner(std::span<const std::byte> packet, std::uint16_t udp_port)
{
	if (packet.size() < ipv4_bytes || packet[0] != plain_ipv4)
		return inner_refused(Drop::inner_parse);
	// Padding between the inner packet and the ESP trailer (RFC 4303 2.7) is not something we send.
	if (load16(packet, 2) != packet.size() || folded(sum_of(packet.first(ipv4_bytes), 0)) != 0xffff)
		return inner_refused(Drop::inner_parse);
	if ((load16(packet, 6) & fragment_mask) != 0 || load8(packet, 9) != protocol_udp)
		return inner_refused(Drop::esp_policy);

	const auto udp = packet.subspan(ipv4_bytes);
	if (udp.size() < udp_bytes || load16(udp, 4) != udp.size())
		return inner_refused(Drop::inner_parse);
	if (load16(udp, 0) != udp_port || load16(udp, 2) != udp_port)
		return inner_refused(Drop::esp_policy);
	// 0 = no checksum given (RFC 768); the ICV has already covered every byte.
	if (load16(udp, 6) != 0 && folded(sum_of(udp, pseudo_header_sum(packet, udp.size()))) != 0xffff)
		return inner_refused(Drop::inner_parse);

	Inner inner;
	inner.good = true;
	inner.addresses = {.local = load32(packet, 16), .remote = load32(packet, 12)};
	inner.payload = udp.subspan(udp_bytes);
	return inner;
}

void write_ethernet(std::span<std::byte, ethernet_bytes> out, const core::MacAddress &destination,
		    const core::MacAddress &source, std::uint16_t ether_type)
{
	for (std::size_t i = 0; i < destination.size(); ++i) {
		out[i] = static_cast<std::byte>(destination[i]);
		out[6 + i] = static_cast<std::byte>(source[i]);
	}
	store16(out, 12, ether_type);
}

// Checksums of what we write are made from the values: to read back bytes that were stored a moment ago, and in pieces,
// would wait for each store.
static std::uint32_t sum_of(std::uint32_t word)
{
	return (word >> 16) + (word & 0xffff);
}

static void write_ipv4(std::span<std::byte> out, const AddressPair &addresses, std::size_t total, std::uint8_t protocol,
		       std::uint16_t flags)
{
	assert(total <= 0xffff);
	const std::uint32_t first_word = std::to_integer<std::uint32_t>(plain_ipv4) << 8;
	const std::uint32_t sum = first_word + static_cast<std::uint32_t>(total) + flags +
				  (std::uint32_t{time_to_live} << 8 | protocol) + sum_of(addresses.local) +
				  sum_of(addresses.remote);
	out[0] = plain_ipv4;
	out[1] = std::byte{0};
	store16(out, 2, total);
	store16(out, 4, 0); // id: never fragmented, so it may be constant (RFC 6864)
	store16(out, 6, flags);
	out[8] = static_cast<std::byte>(time_to_live);
	out[9] = static_cast<std::byte>(protocol);
	store16(out, 10, static_cast<std::uint16_t>(~folded(sum)));
	store32(out, 12, addresses.local);
	store32(out, 16, addresses.remote);
}

void write_outer(std::span<std::byte, ipv4_bytes> out, const AddressPair &addresses, std::size_t esp_length)
{
	write_ipv4(out, addresses, ipv4_bytes + esp_length, protocol_esp, dont_fragment);
}

void write_inner(std::span<std::byte, ipv4_bytes + udp_bytes> out, const AddressPair &addresses,
		 std::span<const std::byte> payload)
{
	const std::size_t udp_length = udp_bytes + payload.size();
	write_ipv4(out, addresses, ipv4_bytes + udp_length, protocol_udp, 0);
	const std::uint32_t header_sum = sum_of(addresses.local) + sum_of(addresses.remote) + protocol_udp +
					 2 * static_cast<std::uint32_t>(udp_length) + 2 * core::heartbeat_udp_port;
	const std::uint16_t sum = folded(sum_of(payload, header_sum));
	const auto udp = out.subspan(ipv4_bytes);
	store16(udp, 0, core::heartbeat_udp_port);
	store16(udp, 2, core::heartbeat_udp_port);
	store16(udp, 4, udp_length);
	store16(udp, 6, sum == 0xffff ? 0xffff : static_cast<std::uint16_t>(~sum)); // 0 would mean "none"
}

void write_session_inner(std::span<std::byte, ipv4_bytes + udp_bytes> out, const AddressPair &addresses,
			 std::size_t payload_length)
{
	const std::size_t udp_length = udp_bytes + payload_length;
	write_ipv4(out, addresses, ipv4_bytes + udp_length, protocol_udp, 0);
	const auto udp = out.subspan(ipv4_bytes);
	store16(udp, 0, core::session_udp_port);
	store16(udp, 2, core::session_udp_port);
	store16(udp, 4, udp_length);
	store16(udp, 6, 0);
}

std::size_t hake_length(std::span<const std::byte> inner_payload)
{
	if (inner_payload.size() < hake_header_bytes)
		return 0;
	const Frame frame = classify_hake(inner_payload, hake_last);
	return frame.kind == FrameKind::hake ? frame.length : 0;
}

} // namespace systole::dataplane
