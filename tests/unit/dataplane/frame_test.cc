// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Frames as they come in, one row for each way to be refused, and headers as they go out, against packets that an
// independent implementation made (tests/vectors/kat.json, suite 1, "dir0 link0 class0", pkt1: tshark accepts them).
#include "dataplane/frame.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace systole::dataplane {
namespace {

using control::Drop;
using Bytes = std::vector<std::byte>;

constexpr std::uint16_t heartbeat_type = 0x8890;

Bytes from_hex(std::string_view hex)
{
	Bytes bytes;
	for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
		bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
	return bytes;
}

// The golden packet: outer IPv4, ESP (NULL), inner IPv4, UDP, 27 bytes, trailer, ICV.
const Bytes golden =
	from_hex("45000064000040004032e668a9fe0001a9fe0002c3c3006000000001"
		 "4500003700000000401126b7a9fe0001a9fe000222ba22ba002319bf"
		 "46474842207375697465312064697230206c696e6b3020736571310102030304bd13ea126e3f6cea197ddcdf");
constexpr std::size_t inner_at = ipv4_bytes + 8;
constexpr std::size_t inner_length = 0x37;
constexpr AddressPair sender_addresses{0xa9fe0001, 0xa9fe0002};

void store16(Bytes &bytes, std::size_t at, std::size_t value)
{
	bytes[at] = static_cast<std::byte>(value >> 8);
	bytes[at + 1] = static_cast<std::byte>(value);
}

Bytes ethernet(const Bytes &payload, std::uint16_t type = heartbeat_type)
{
	Bytes frame(ethernet_bytes);
	for (std::size_t i = 0; i < 6; ++i) {
		frame[i] = std::byte{0xff};
		frame[6 + i] = static_cast<std::byte>(i + 1);
	}
	store16(frame, 12, type);
	frame.insert(frame.end(), payload.begin(), payload.end());
	return frame;
}

Bytes hake(std::uint8_t type, std::size_t length, std::size_t stated, std::uint8_t version = 1)
{
	Bytes message(length);
	for (std::size_t i = 0; i < 4; ++i)
		message[i] = static_cast<std::byte>("HAKE"[i]);
	message[4] = static_cast<std::byte>(version);
	message[5] = static_cast<std::byte>(type);
	store16(message, 6, stated);
	return message;
}

Frame look(const Bytes &frame, unsigned segments = 1, bool tagged = false)
{
	return classify(frame, segments, tagged, FramePolicy{});
}

Bytes changed(Bytes bytes, const std::function<void(Bytes &)> &change)
{
	change(bytes);
	return bytes;
}

TEST(Classify, a_genuine_esp_frame_is_esp_with_exactly_its_bytes)
{
	const Frame frame = look(ethernet(golden));
	ASSERT_EQ(frame.kind, FrameKind::esp);
	EXPECT_EQ(frame.offset, ethernet_bytes + ipv4_bytes);
	EXPECT_EQ(frame.length, golden.size() - ipv4_bytes);
	EXPECT_EQ(frame.source, (core::MacAddress{1, 2, 3, 4, 5, 6}));
}

TEST(Classify, P4_ethernet_padding_of_any_length_is_left_out)
{
	for (std::size_t padding = 1; padding <= 46; ++padding) {
		Bytes bytes = ethernet(golden);
		bytes.resize(bytes.size() + padding, std::byte{0xaa});
		const Frame esp = look(bytes);
		EXPECT_EQ(esp.kind, FrameKind::esp);
		EXPECT_EQ(esp.length, golden.size() - ipv4_bytes);
		bytes = ethernet(hake(1, 84, 84));
		bytes.resize(bytes.size() + padding, std::byte{0xaa});
		const Frame hello = look(bytes);
		EXPECT_EQ(hello.kind, FrameKind::hake);
		EXPECT_EQ(hello.length, 84U);
	}
}

TEST(Classify, each_handshake_message_is_taken_at_its_own_size)
{
	const std::vector<std::pair<std::uint8_t, std::size_t>> messages{{1, 84}, {2, 148}, {3, 180}, {4, 116}};
	for (const auto &[type, size] : messages) {
		const Frame frame = look(ethernet(hake(type, size, size)));
		EXPECT_EQ(frame.kind, FrameKind::hake) << int{type};
		EXPECT_EQ(frame.offset, ethernet_bytes);
		EXPECT_EQ(frame.length, size);
	}
}

TEST(Classify, another_ether_type_can_be_the_heartbeat_class)
{
	EXPECT_EQ(classify(ethernet(golden, 0x1234), 1, false, {.ether_type = 0x1234}).kind, FrameKind::esp);
	EXPECT_EQ(classify(ethernet(golden), 1, false, {.ether_type = 0x1234}).drop, Drop::rx_ethertype);
}

TEST(Classify, the_ether_type_tells_the_traffic_class_and_only_heartbeats_have_handshakes_beside_them)
{
	EXPECT_EQ(look(ethernet(golden)).traffic_class, crypto::TrafficClass::heartbeat);
	const Frame session = look(ethernet(golden, 0x8892));
	EXPECT_EQ(session.kind, FrameKind::esp);
	EXPECT_EQ(session.traffic_class, crypto::TrafficClass::session);
	EXPECT_EQ(session.length, look(ethernet(golden)).length);
	EXPECT_EQ(look(ethernet(hake(1, 84, 84), 0x8892)).drop, Drop::rx_badip);
}

struct Refused {
	std::string name;
	Bytes frame;
	Drop drop;
	unsigned segments = 1;
	bool tagged = false;
};

std::vector<Refused> refused_frames()
{
	std::vector<Refused> rows;
	for (std::size_t size = 0; size < min_frame_bytes; ++size) {
		Bytes frame = ethernet(golden);
		frame.resize(size);
		rows.push_back({"P1 " + std::to_string(size) + " bytes", frame, Drop::rx_short});
	}
	const auto ip = [&](const std::string &name, Drop drop, const std::function<void(Bytes &)> &change) {
		rows.push_back({name, ethernet(changed(golden, change)), drop});
	};
	for (const int first : {0x44, 0x46, 0x4f, 0x65, 0x00, 0xff})
		ip("P2 first byte " + std::to_string(first), Drop::rx_badip,
		   [=](Bytes &b) { b[0] = static_cast<std::byte>(first); });
	for (const std::size_t total :
	     {golden.size() + 1, std::size_t{65535}, std::size_t{0}, std::size_t{19}, std::size_t{20}})
		ip("P3 total length " + std::to_string(total), Drop::rx_badip, [=](Bytes &b) { store16(b, 2, total); });
	for (const std::size_t total : {21, 27})
		ip("total length " + std::to_string(total), Drop::esp_len, [=](Bytes &b) { store16(b, 2, total); });
	for (const int protocol : {0, 1, 6, 51, 255})
		ip("protocol " + std::to_string(protocol), Drop::rx_badip,
		   [=](Bytes &b) { b[9] = static_cast<std::byte>(protocol); });
	for (const std::size_t flags : {0x2000, 0x6000, 0x0001, 0x1fff, 0x4001})
		ip("P5 fragment field " + std::to_string(flags), Drop::rx_frag,
		   [=](Bytes &b) { store16(b, 6, flags); });
	for (const unsigned segments : {2U, 3U, 60U})
		rows.push_back(
			{"P6 segments " + std::to_string(segments), ethernet(golden), Drop::rx_multiseg, segments});
	for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0x8100, 0x88a8, 0x9100})
		rows.push_back({"P7 tag " + std::to_string(type), ethernet(golden, type), Drop::rx_vlan});
	rows.push_back({"P7 tag taken off by the NIC", ethernet(golden), Drop::rx_vlan, 1, true});
	for (const std::uint16_t type :
	     std::initializer_list<std::uint16_t>{0x0064, 0x0800, 0x0806, 0x86dd, 0x8891, 0x8893})
		rows.push_back({"P7 type " + std::to_string(type), ethernet(golden, type), Drop::rx_ethertype});
	for (const std::size_t length : {0, 43, 65535, 83, 85})
		rows.push_back(
			{"P8 length field " + std::to_string(length), ethernet(hake(1, 84, length)), Drop::hake_len});
	rows.push_back({"P8 KE1 cut short", ethernet(hake(2, 147, 148)), Drop::hake_len});
	rows.push_back({"P8 KE1 one less", ethernet(hake(2, 148, 147)), Drop::hake_len});
	rows.push_back({"P8 KE1 one more", ethernet(hake(2, 160, 149)), Drop::hake_len});
	for (const std::uint8_t version : std::initializer_list<std::uint8_t>{0, 2, 255})
		rows.push_back(
			{"P9 version " + std::to_string(version), ethernet(hake(1, 84, 84, version)), Drop::hake_ver});
	for (const std::uint8_t type : std::initializer_list<std::uint8_t>{0, 5, 255})
		rows.push_back({"P9 type " + std::to_string(type), ethernet(hake(type, 84, 84)), Drop::hake_type});
	rows.push_back({"P9 L7 a farewell outside ESP", ethernet(hake(5, 76, 76)), Drop::hake_type});
	rows.push_back({"H but not HAKE", ethernet(changed(hake(1, 84, 84), [](Bytes &b) { b[3] = std::byte{'F'}; })),
			Drop::rx_badip});
	rows.push_back({"C6 clear heartbeat",
			ethernet(Bytes(golden.begin() + inner_at, golden.begin() + inner_at + inner_length)),
			Drop::plain_drop});
	Bytes jumbo = ethernet(golden);
	jumbo.resize(9000);
	rows.push_back({"P18 jumbo", jumbo, Drop::rx_oversize});
	jumbo.resize(1515);
	rows.push_back({"P18 one byte more than the MTU allows", jumbo, Drop::rx_oversize});
	return rows;
}

TEST(Classify, P1_P2_P3_P5_P6_P7_P8_P9_P18_C6_each_bad_frame_is_refused_for_its_own_reason)
{
	for (const Refused &row : refused_frames()) {
		// A copy of exactly this size: a sanitizer then sees any read beyond it.
		const Bytes exact(row.frame);
		const Frame frame = look(exact, row.segments, row.tagged);
		EXPECT_EQ(frame.kind, FrameKind::refused) << row.name;
		EXPECT_EQ(frame.drop, row.drop)
			<< row.name << ": " << control::drop_names[static_cast<std::size_t>(frame.drop)];
	}
}

TEST(Classify, a_full_size_frame_is_taken)
{
	Bytes frame = ethernet(golden);
	frame.resize(1514);
	EXPECT_EQ(look(frame).kind, FrameKind::esp);
}

// ---------------------------------------------------------------- inside ESP

Bytes golden_inner()
{
	return {golden.begin() + inner_at, golden.begin() + inner_at + inner_length};
}

void fix_ip_checksum(Bytes &packet)
{
	store16(packet, 10, 0);
	std::uint32_t sum = 0;
	for (std::size_t i = 0; i < ipv4_bytes; i += 2)
		sum += std::to_integer<std::uint32_t>(packet[i]) << 8 | std::to_integer<std::uint32_t>(packet[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	store16(packet, 10, ~sum & 0xffff);
}

TEST(Inner, the_oracles_packet_is_good)
{
	const Bytes packet = golden_inner();
	const Inner inner = parse_inner(packet);
	ASSERT_TRUE(inner.good);
	EXPECT_EQ(inner.addresses,
		  (AddressPair{sender_addresses.remote, sender_addresses.local})); // as the receiver sees it
	EXPECT_EQ(inner.payload.size(), 27U);
	EXPECT_EQ(inner.payload[0], std::byte{'F'});
}

TEST(Inner, a_missing_udp_checksum_is_no_wrong_checksum)
{
	EXPECT_TRUE(parse_inner(changed(golden_inner(), [](Bytes &b) { store16(b, 26, 0); })).good);
}

TEST(Inner, P17_S3_S4_S6_each_bad_packet_is_refused_for_its_own_reason)
{
	struct Row {
		std::string name;
		Drop drop;
		std::function<void(Bytes &)> change;
	};
	const std::vector<Row> rows{
		{"empty", Drop::inner_parse, [](Bytes &b) { b.clear(); }},
		{"19 bytes", Drop::inner_parse, [](Bytes &b) { b.resize(19); }},
		{"version 6", Drop::inner_parse,
		 [](Bytes &b) {
			 b[0] = std::byte{0x65};
			 fix_ip_checksum(b);
		 }},
		{"S6 options", Drop::inner_parse,
		 [](Bytes &b) {
			 b[0] = std::byte{0x46};
			 fix_ip_checksum(b);
		 }},
		{"S6 IP checksum", Drop::inner_parse, [](Bytes &b) { b[10] ^= std::byte{1}; }},
		{"UDP checksum", Drop::inner_parse, [](Bytes &b) { b[26] ^= std::byte{1}; }},
		{"P17 longer than what was decrypted", Drop::inner_parse,
		 [](Bytes &b) {
			 store16(b, 2, b.size() + 1);
			 fix_ip_checksum(b);
		 }},
		{"shorter than what was decrypted", Drop::inner_parse,
		 [](Bytes &b) {
			 store16(b, 2, b.size() - 1);
			 fix_ip_checksum(b);
		 }},
		{"no room for UDP", Drop::inner_parse,
		 [](Bytes &b) {
			 b.resize(27);
			 store16(b, 2, 27);
			 fix_ip_checksum(b);
		 }},
		{"UDP length", Drop::inner_parse, [](Bytes &b) { store16(b, 24, b.size() - ipv4_bytes - 1); }},
		{"S3 TCP", Drop::esp_policy,
		 [](Bytes &b) {
			 b[9] = std::byte{6};
			 fix_ip_checksum(b);
		 }},
		{"S4 fragment", Drop::esp_policy,
		 [](Bytes &b) {
			 store16(b, 6, 0x2000);
			 fix_ip_checksum(b);
		 }},
		{"S4 fragment offset", Drop::esp_policy,
		 [](Bytes &b) {
			 store16(b, 6, 3);
			 fix_ip_checksum(b);
		 }},
		{"S4 ESP in ESP", Drop::esp_policy,
		 [](Bytes &b) {
			 b[9] = std::byte{50};
			 fix_ip_checksum(b);
		 }},
		{"S3 source port", Drop::esp_policy, [](Bytes &b) { store16(b, 20, 8891); }},
		{"S3 destination port", Drop::esp_policy, [](Bytes &b) { store16(b, 22, 8891); }},
	};
	for (const Row &row : rows) {
		const Bytes packet = changed(golden_inner(), row.change);
		const Inner inner = parse_inner(packet);
		EXPECT_FALSE(inner.good) << row.name;
		EXPECT_EQ(inner.drop, row.drop)
			<< row.name << ": " << control::drop_names[static_cast<std::size_t>(inner.drop)];
	}
}

// ---------------------------------------------------------------- what we send

TEST(Headers, outer_and_inner_header_are_the_oracles_to_the_byte)
{
	Bytes made(golden);
	std::fill_n(made.begin(), ipv4_bytes, std::byte{0xee});
	std::fill_n(made.begin() + inner_at, ipv4_bytes + udp_bytes, std::byte{0xee});
	const std::span<std::byte> all(made);
	write_outer(all.first<ipv4_bytes>(), sender_addresses, golden.size() - ipv4_bytes);
	write_inner(all.subspan<inner_at, ipv4_bytes + udp_bytes>(), sender_addresses,
		    all.subspan(inner_at + ipv4_bytes + udp_bytes, 27));
	EXPECT_EQ(made, golden);
}

// RFC 1071 and RFC 768 word by word: a right checksum makes the sum all ones.
unsigned udp_sum(std::span<const std::byte> packet)
{
	const auto byte = [&](std::size_t i) { return i < packet.size() ? std::to_integer<unsigned>(packet[i]) : 0U; };
	unsigned sum = 17 + static_cast<unsigned>(packet.size() - ipv4_bytes);
	for (std::size_t i = 12; i < packet.size(); i += 2) { // addresses, then UDP
		sum += byte(i) << 8 | byte(i + 1);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

TEST(Headers, a_session_frame_has_a_port_of_its_own_and_no_udp_checksum)
{
	Bytes packet(ipv4_bytes + udp_bytes + 100, std::byte{0x5a});
	write_session_inner(std::span(packet).first<ipv4_bytes + udp_bytes>(), sender_addresses, 100);
	const Inner inner = parse_inner(packet, core::session_udp_port);
	ASSERT_TRUE(inner.good);
	EXPECT_EQ(inner.payload.size(), 100U);
	EXPECT_EQ(packet[26], std::byte{0});
	EXPECT_EQ(packet[27], std::byte{0});
	EXPECT_EQ(parse_inner(packet).drop, Drop::esp_policy) << "not among heartbeats";
}

TEST(Headers, what_is_written_parses_whatever_the_payload)
{
	for (std::size_t size = 0; size <= 700; ++size) {
		Bytes packet(ipv4_bytes + udp_bytes + size);
		for (std::size_t i = 0; i < size; ++i)
			packet[ipv4_bytes + udp_bytes + i] = static_cast<std::byte>(i * 37 + size);
		const std::span<std::byte> all(packet);
		write_inner(all.first<ipv4_bytes + udp_bytes>(), sender_addresses, all.subspan(ipv4_bytes + udp_bytes));
		EXPECT_TRUE(parse_inner(packet).good) << size;
		EXPECT_EQ(udp_sum(packet), 0xffffU) << size;
	}
}

// 0 in the checksum field means that there is none, so a sum that comes out as 0 travels as 0xffff (RFC 768).
TEST(Headers, a_udp_checksum_of_zero_is_sent_as_all_ones)
{
	bool seen = false;
	for (unsigned word = 0; word <= 0xffff; ++word) {
		Bytes packet(ipv4_bytes + udp_bytes + 2);
		store16(packet, ipv4_bytes + udp_bytes, word);
		const std::span<std::byte> all(packet);
		write_inner(all.first<ipv4_bytes + udp_bytes>(), sender_addresses, all.subspan(ipv4_bytes + udp_bytes));
		const bool none = packet[26] == std::byte{0} && packet[27] == std::byte{0};
		seen = seen || (packet[26] == std::byte{0xff} && packet[27] == std::byte{0xff});
		ASSERT_FALSE(none) << word;
		ASSERT_TRUE(parse_inner(packet).good) << word;
	}
	EXPECT_TRUE(seen);
}

TEST(Headers, an_ethernet_header_reads_back)
{
	Bytes frame = ethernet(golden);
	write_ethernet(std::span(frame).first<ethernet_bytes>(), core::broadcast_mac, {9, 8, 7, 6, 5, 4},
		       heartbeat_type);
	EXPECT_EQ(look(frame).source, (core::MacAddress{9, 8, 7, 6, 5, 4}));
	EXPECT_EQ(frame[0], std::byte{0xff});
}

} // namespace
} // namespace systole::dataplane
