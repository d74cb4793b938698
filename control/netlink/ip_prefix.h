// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// An IPv4 or IPv6 address with the length of its network: what `set ip` gives and what moves between members.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace systole::control {

struct IpPrefix {
	std::array<std::uint8_t, 16> address{}; // network order; IPv4 uses the first four bytes
	std::uint8_t length = 0;                // of the network, in bits
	bool v6 = false;

	// "10.1.1.254/24", "2001:db8::1/64"; without a length the address alone (/32, /128). Host bits are kept.
	[[nodiscard]] static std::optional<IpPrefix> parse(std::string_view text);

	[[nodiscard]] std::span<const std::uint8_t> bytes() const { return {address.data(), v6 ? 16U : 4U}; }
	[[nodiscard]] bool is_link_local() const { return v6 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80; }
	// The same address, whatever the length of its network.
	[[nodiscard]] bool same_address(const IpPrefix &other) const
	{
		return v6 == other.v6 && address == other.address;
	}
	// `other` lies in the network of this one.
	[[nodiscard]] bool covers(const IpPrefix &other) const;
	[[nodiscard]] std::string address_text() const;
	[[nodiscard]] std::string text() const; // with the length

	friend bool operator==(const IpPrefix &, const IpPrefix &) = default;
};

} // namespace systole::control
