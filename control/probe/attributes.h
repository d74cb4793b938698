// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The attributes of a netlink message, one after the other.
#pragma once

#include <libmnl/libmnl.h>

namespace systole::control {

// `header`: octets of the family's header before the attributes.
template <typename Visit> void each_attribute(const nlmsghdr &message, std::size_t header, Visit visit)
{
	mnl_attr_parse(
		&message, static_cast<unsigned>(header),
		[](const nlattr *attribute, void *to) {
			(*static_cast<Visit *>(to))(attribute);
			return MNL_CB_OK;
		},
		&visit);
}

} // namespace systole::control
