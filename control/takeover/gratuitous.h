// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The frames that tell a segment where an address lives now (pure: bytes in, bytes out).
//
//   IPv4  gratuitous ARP in the request form (RFC 5227 section 3): broadcast, sender = target = the address. That
//         form, because hosts update an existing entry from any ARP packet, and some ignore unasked replies.
//   IPv6  unsolicited Neighbour Advertisement (RFC 4861 section 7.2.6) from the address itself to all nodes, Override
//         set, Solicited clear, target link-layer address option. The Router flag must say the truth: hosts that
//         hear it cleared take the sender off their list of default routers.
#pragma once

#include "control/core/types.h"
#include "control/netlink/ip_prefix.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace systole::control {

inline constexpr std::size_t gratuitous_arp_bytes = 60; // padded to the least Ethernet frame, without its checksum
inline constexpr std::size_t neighbour_advertisement_bytes = 14 + 40 + 32;

// The address must be IPv4.
[[nodiscard]] std::array<std::uint8_t, gratuitous_arp_bytes> gratuitous_arp(const core::MacAddress &mac,
									    const IpPrefix &address);

// The address must be IPv6.
[[nodiscard]] std::array<std::uint8_t, neighbour_advertisement_bytes> neighbour_advertisement(
	const core::MacAddress &mac, const IpPrefix &address, bool router);

// fe80:: with the modified EUI-64 of the MAC, /64. All members have the same one for a virtual MAC, so that hosts that
// use it as their router keep it over a failover.
[[nodiscard]] IpPrefix link_local_address(const core::MacAddress &mac);

} // namespace systole::control
