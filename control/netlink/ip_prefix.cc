// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// An IPv4 or IPv6 address with the length of its network.
#include "control/netlink/ip_prefix.h"

#include <arpa/inet.h>

#include <charconv>

namespace systole::control {

std::optional<IpPrefix> IpPrefix::parse(std::string_view text)
{
	const std::size_t slash = text.find('/');
	const std::string host(text.substr(0, slash));
	IpPrefix prefix;
	prefix.v6 = host.find(':') != std::string::npos;
	if (inet_pton(prefix.v6 ? AF_INET6 : AF_INET, host.c_str(), prefix.address.data()) != 1)
		return std::nullopt;
	const unsigned bits = prefix.v6 ? 128 : 32;
	unsigned length = bits;
	if (slash != std::string_view::npos) {
		const std::string_view digits = text.substr(slash + 1);
		const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
		if (error != std::errc{} || end != digits.data() + digits.size() || length > bits)
			return std::nullopt;
	}
	prefix.length = static_cast<std::uint8_t>(length);
	return prefix;
}

bool IpPrefix::covers(const IpPrefix &other) const
{
	if (v6 != other.v6)
		return false;
	for (unsigned bit = 0; bit < length; ++bit) {
		const unsigned mask = 0x80U >> (bit % 8);
		if (((address[bit / 8] ^ other.address[bit / 8]) & mask) != 0)
			return false;
	}
	return true;
}

std::string IpPrefix::address_text() const
{
	std::array<char, INET6_ADDRSTRLEN> buffer{};
	inet_ntop(v6 ? AF_INET6 : AF_INET, address.data(), buffer.data(), buffer.size());
	return buffer.data();
}

std::string IpPrefix::text() const
{
	return address_text() + "/" + std::to_string(length);
}

} // namespace systole::control
