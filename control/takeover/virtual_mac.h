// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which virtual MAC a traffic interface has: a formula of group-id, virtual cluster and place in the configuration, so
// that every member computes the same one without asking anybody.
//
//   vclusters 1 and 2   PP:PP:PP:PP : group-id low byte : place + (vcluster 2 ? 0x80 : 0)
//                       PP by group-id: 0-255 00:09:0f:09, 256-511 e0:23:ff:fc, 512-767 e0:23:ff:fd,
//                       768-1023 e0:23:ff:fe
//   vclusters from 3    02:09:0f : group-id low byte : vcluster : place   (locally administered; none is published)
//
// `virtual-mac-prefix` takes three or four bytes. Four replace PP:PP:PP:PP; three replace the first three, and the
// fourth is then the high byte of the group-id, so that group-ids that differ give different addresses. From vcluster 3
// on the first three bytes of the prefix replace 02:09:0f.
#pragma once

#include "control/core/types.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace systole::control {

struct VirtualMacPrefix {
	std::array<std::uint8_t, 4> bytes{};
	std::uint8_t length = 0; // 3 or 4

	// "02:53:59" or "02:53:59:01". A multicast first byte is refused: no interface can have such an address.
	[[nodiscard]] static std::optional<VirtualMacPrefix> parse(std::string_view text);
};

// Nothing when something does not fit: 128 places in vclusters 1 and 2, 256 from 3 on; vclusters 1-255; groups 0-1023.
[[nodiscard]] std::optional<core::MacAddress> virtual_mac(unsigned group_id, unsigned vcluster, unsigned place,
							  const std::optional<VirtualMacPrefix> &prefix = std::nullopt);

// The place of an interface: its order in `config system interface`, heartbeat ports not counted. Nothing for a
// heartbeat port or an unknown name.
[[nodiscard]] std::optional<unsigned> virtual_mac_place(std::span<const std::string> interfaces,
							std::span<const std::string> heartbeat_ports,
							std::string_view name);

[[nodiscard]] std::string mac_text(const core::MacAddress &mac);

} // namespace systole::control
