// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What can go wrong while addresses move, by name.
#include "control/takeover/takeover_error.h"

#include <system_error>

namespace systole::control {

std::string_view to_string(TakeoverFault fault)
{
	switch (fault) {
	case TakeoverFault::netlink: return "netlink";
	case TakeoverFault::base_missing: return "base-missing";
	case TakeoverFault::name_taken: return "name-taken";
	case TakeoverFault::macvlan: return "macvlan";
	case TakeoverFault::setting: return "setting";
	case TakeoverFault::link_up: return "link-up";
	case TakeoverFault::address_add: return "address-add";
	case TakeoverFault::address_delete: return "address-delete";
	case TakeoverFault::silence: return "silence";
	case TakeoverFault::link_down: return "link-down";
	case TakeoverFault::link_delete: return "link-delete";
	case TakeoverFault::announcement: return "announcement";
	}
	return "unknown";
}

std::string TakeoverError::text() const
{
	std::string line = interface.empty() ? "takeover" : interface;
	line.append(": ").append(to_string(fault)).append(": ").append(std::generic_category().message(code));
	if (!detail.empty())
		line.append(" (").append(detail).append(")");
	return line;
}

} // namespace systole::control
