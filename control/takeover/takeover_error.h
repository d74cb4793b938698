// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What can go wrong while addresses move, by name. Errors are values: nothing here is thrown into the control loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace systole::control {

enum class TakeoverFault : std::uint8_t {
	netlink,      // the socket to the kernel, not one request
	base_missing, // no interface of the configured name
	name_taken,   // a link that is not ours has the name of the virtual interface
	macvlan,      // the virtual interface cannot be made
	setting,      // a file below /proc/sys cannot be written
	link_up,
	address_add,
	address_delete,
	silence, // the virtual interface cannot be kept from sending while it is made ready
	link_down,
	link_delete,
	announcement, // a gratuitous ARP or neighbour advertisement could not be sent
};

[[nodiscard]] std::string_view to_string(TakeoverFault fault); // "address-add"

struct TakeoverError {
	TakeoverFault fault;
	std::string interface; // base port; empty for faults of the whole
	int code = 0;          // errno
	std::string detail;    // address, file, the kernel's own words, or the cure

	[[nodiscard]] std::string text() const; // "port1: address-add: No such device (10.1.1.254/24)"
};

} // namespace systole::control
