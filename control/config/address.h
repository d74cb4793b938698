// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Addresses as the configuration writes them, in network byte order, and their text forms.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace systole::control {

using Ipv4Address = std::array<std::uint8_t, 4>;
using Ipv6Address = std::array<std::uint8_t, 16>;

struct Ipv4Prefix {
	Ipv4Address address{};
	std::uint8_t length = 0; // 0 .. 32
	friend bool operator==(const Ipv4Prefix &, const Ipv4Prefix &) = default;
};
struct Ipv6Prefix {
	Ipv6Address address{};
	std::uint8_t length = 0; // 0 .. 128
	friend bool operator==(const Ipv6Prefix &, const Ipv6Prefix &) = default;
};
using AddressPrefix = std::variant<Ipv4Prefix, Ipv6Prefix>;
// The first four bytes of a virtual MAC; group-id and interface index make the other two.
struct MacPrefix {
	std::array<std::uint8_t, 4> bytes{};
	friend bool operator==(const MacPrefix &, const MacPrefix &) = default;
};

[[nodiscard]] constexpr std::uint32_t host_order(const Ipv4Address &address)
{
	return static_cast<std::uint32_t>(address[0]) << 24 | static_cast<std::uint32_t>(address[1]) << 16 |
	       static_cast<std::uint32_t>(address[2]) << 8 | static_cast<std::uint32_t>(address[3]);
}
[[nodiscard]] constexpr std::uint32_t netmask(std::uint8_t length)
{
	return length == 0 ? 0U : ~0U << (32 - length);
}

// Strict forms: dotted quad, RFC 4291 text, a contiguous mask, "aa:bb:cc:dd". Empty when the text is anything else.
[[nodiscard]] std::optional<Ipv4Address> parse_ipv4(std::string_view text);
[[nodiscard]] std::optional<Ipv6Address> parse_ipv6(std::string_view text);
[[nodiscard]] std::optional<std::uint8_t> parse_netmask(std::string_view text);
[[nodiscard]] std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text); // A.B.C.D/LEN
[[nodiscard]] std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text); // X/LEN
[[nodiscard]] std::optional<MacPrefix> parse_mac_prefix(std::string_view text);

[[nodiscard]] std::string to_text(const Ipv4Address &address);
[[nodiscard]] std::string to_text(const Ipv6Address &address);
[[nodiscard]] std::string to_text(const Ipv6Prefix &prefix);
[[nodiscard]] std::string to_text(const MacPrefix &prefix);
[[nodiscard]] std::string netmask_text(std::uint8_t length);

} // namespace systole::control
