// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/address.h"

#include <arpa/inet.h>

#include <bit>
#include <charconv>
#include <cstdio>

namespace systole::control {

namespace {

// inet_pton wants a NUL; no address text is longer than this, so longer text is no address.
template <typename Address> std::optional<Address> parse_with(int family, std::string_view text)
{
	char buffer[INET6_ADDRSTRLEN];
	Address address;
	if (text.empty() || text.size() >= sizeof(buffer) || text.find('\0') != std::string_view::npos)
		return std::nullopt;
	text.copy(buffer, text.size());
	buffer[text.size()] = '\0';
	if (inet_pton(family, buffer, address.data()) != 1)
		return std::nullopt;
	return address;
}

std::optional<std::uint8_t> parse_length(std::string_view text, unsigned high)
{
	unsigned value = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > high)
		return std::nullopt;
	return static_cast<std::uint8_t>(value);
}

} // namespace

std::optional<Ipv4Address> parse_ipv4(std::string_view text)
{
	return parse_with<Ipv4Address>(AF_INET, text);
}

std::optional<Ipv6Address> parse_ipv6(std::string_view text)
{
	return parse_with<Ipv6Address>(AF_INET6, text);
}

std::optional<std::uint8_t> parse_netmask(std::string_view text)
{
	const auto mask = parse_ipv4(text);
	if (!mask)
		return std::nullopt;
	const auto length = static_cast<std::uint8_t>(std::popcount(host_order(*mask)));
	if (host_order(*mask) != netmask(length))
		return std::nullopt;
	return length;
}

std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text)
{
	const auto slash = text.find('/');
	if (slash == std::string_view::npos)
		return std::nullopt;
	const auto address = parse_ipv4(text.substr(0, slash));
	const auto length = parse_length(text.substr(slash + 1), 32);
	if (!address || !length)
		return std::nullopt;
	return Ipv4Prefix{*address, *length};
}

std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text)
{
	const auto slash = text.find('/');
	if (slash == std::string_view::npos)
		return std::nullopt;
	const auto address = parse_ipv6(text.substr(0, slash));
	const auto length = parse_length(text.substr(slash + 1), 128);
	if (!address || !length)
		return std::nullopt;
	return Ipv6Prefix{*address, *length};
}

std::optional<MacPrefix> parse_mac_prefix(std::string_view text)
{
	MacPrefix prefix;
	if (text.size() != 11)
		return std::nullopt;
	for (std::size_t i = 0; i < prefix.bytes.size(); ++i) {
		const char *first = text.data() + 3 * i;
		const auto [end, error] = std::from_chars(first, first + 2, prefix.bytes[i], 16);
		if (error != std::errc{} || end != first + 2 || (i < 3 && *end != ':'))
			return std::nullopt;
	}
	return prefix;
}

std::string to_text(const Ipv4Address &address)
{
	char buffer[INET_ADDRSTRLEN];
	return inet_ntop(AF_INET, address.data(), buffer, sizeof(buffer));
}

std::string to_text(const Ipv6Address &address)
{
	char buffer[INET6_ADDRSTRLEN];
	return inet_ntop(AF_INET6, address.data(), buffer, sizeof(buffer));
}

std::string to_text(const Ipv6Prefix &prefix)
{
	return to_text(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_text(const MacPrefix &prefix)
{
	char buffer[12];
	std::snprintf(buffer, sizeof(buffer), "%02x:%02x:%02x:%02x", prefix.bytes[0], prefix.bytes[1], prefix.bytes[2],
		      prefix.bytes[3]);
	return buffer;
}

std::string netmask_text(std::uint8_t length)
{
	const std::uint32_t mask = netmask(length);
	return to_text(Ipv4Address{static_cast<std::uint8_t>(mask >> 24), static_cast<std::uint8_t>(mask >> 16 & 0xff),
				   static_cast<std::uint8_t>(mask >> 8 & 0xff),
				   static_cast<std::uint8_t>(mask & 0xff)});
}

} // namespace systole::control
