// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Prefixes of the configuration as the parts that work with them have them.
#pragma once

#include "control/config/address.h"
#include "control/netlink/ip_prefix.h"

#include <algorithm>

namespace systole::control {

[[nodiscard]] inline IpPrefix prefix_of(const Ipv4Prefix &in)
{
	IpPrefix out;
	std::copy(in.address.begin(), in.address.end(), out.address.begin());
	out.length = in.length;
	return out;
}

[[nodiscard]] inline IpPrefix prefix_of(const Ipv6Prefix &in)
{
	return {.address = in.address, .length = in.length, .v6 = true};
}

} // namespace systole::control
