// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a received Ethernet frame is, and the headers of what we send (docs/PROTOCOL.md "Frames"). Pure: bytes in,
// a kind or one named reason out. Nothing here is authenticated yet, so nothing here changes any state.
//
//   | Ethernet 14 | 0x45 IPv4 20, protocol 50 | ESP ... | Ethernet padding |     the SPI decides, not the addresses
//   | Ethernet 14 | 'H' HAKE ...                        | Ethernet padding |     clear, handed up to control
//
// Inside ESP: | IPv4 20, protocol 17 | UDP 8890 -> 8890 | heartbeat body |, checked against the SA's owner; in the session
// class, which has an EtherType of its own, | UDP 8892 -> 8892 | a frame of session synchronisation |.
#pragma once

#include "control/core/heartbeat.h"
#include "control/core/types.h"
#include "control/worker_counters.h"
#include "crypto/suite.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace systole::dataplane {

inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::size_t ipv4_bytes = 20;
inline constexpr std::size_t udp_bytes = 8;
// Nothing of ours is shorter: the smallest message, HELLO, fills 98 bytes. Ethernet itself does not go below 60.
inline constexpr std::size_t min_frame_bytes = 64;

struct FramePolicy {
	std::uint16_t ether_type = 0x8890;                   // of the heartbeat class
	std::uint16_t session_ether_type = 0x8892;           // of the session class
	std::size_t max_frame_bytes = ethernet_bytes + 1500; // of the port: MTU and Ethernet header
};

enum class FrameKind : std::uint8_t { refused, esp, hake };

struct Frame {
	FrameKind kind = FrameKind::refused;
	control::Drop drop = control::Drop::rx_short;                         // when refused
	core::MacAddress source{};                                            // when not
	crypto::TrafficClass traffic_class = crypto::TrafficClass::heartbeat; // by EtherType
	std::size_t offset = 0; // of the SPI, or of the HAKE header, in the frame
	std::size_t length = 0; // SPI .. ICV exactly, or the HAKE message; padding left out
};

// `segments`: mbuf segments the frame came in; `tagged`: the NIC took a VLAN tag off it.
// `bytes` is the first segment. Checks go from cheap to dear; the first that fails names the drop.
[[nodiscard]] Frame classify(std::span<const std::byte> bytes, unsigned segments, bool tagged,
			     const FramePolicy &policy);

struct AddressPair {
	std::uint32_t local = 0;  // host order
	std::uint32_t remote = 0; // host order
	friend bool operator==(const AddressPair &, const AddressPair &) = default;
};

struct Inner {
	bool good = false;
	control::Drop drop = control::Drop::inner_parse; // when not good
	AddressPair addresses;                           // as the receiver sees them; the caller compares
	std::span<const std::byte> payload;              // the UDP payload
};
// The inner packet: exactly one unfragmented IPv4/UDP packet, the class's port both ways (8890 unless told otherwise),
// checksums right. Options, lengths and checksums that are wrong are inner_parse; what the SA does not carry is
// esp_policy. Addresses are read, not judged: a peer may have an old and a new pair.
[[nodiscard]] Inner parse_inner(std::span<const std::byte> packet, std::uint16_t udp_port = core::heartbeat_udp_port);
// Of the HAKE message that stands where a beat would, zeros behind it; 0: there is none.
[[nodiscard]] std::size_t hake_length(std::span<const std::byte> inner_payload);

void write_ethernet(std::span<std::byte, ethernet_bytes> out, const core::MacAddress &destination,
		    const core::MacAddress &source, std::uint16_t ether_type);
// Outer header: protocol 50, DF, TTL 64, id 0.
void write_outer(std::span<std::byte, ipv4_bytes> out, const AddressPair &addresses, std::size_t esp_length);
// Inner IPv4 and UDP header in front of `payload`, which must directly follow `out`.
void write_inner(std::span<std::byte, ipv4_bytes + udp_bytes> out, const AddressPair &addresses,
		 std::span<const std::byte> payload);
// The same in front of a session frame of this length, which need not be there yet: UDP without checksum (RFC 768), since
// the ICV covers every byte and these frames are many and long.
void write_session_inner(std::span<std::byte, ipv4_bytes + udp_bytes> out, const AddressPair &addresses,
			 std::size_t payload_length);

} // namespace systole::dataplane
