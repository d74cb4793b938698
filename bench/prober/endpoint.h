// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where the server is: an IPv4 or IPv6 address and a port, as the socket calls want it.
#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

namespace systole::prober {

struct Endpoint {
	sockaddr_storage address{};
	socklen_t size = 0;

	[[nodiscard]] int family() const { return address.ss_family; }
	[[nodiscard]] const sockaddr *sockaddr_pointer() const { return reinterpret_cast<const sockaddr *>(&address); }

	[[nodiscard]] static Endpoint parse(const std::string &text, std::uint16_t port)
	{
		Endpoint endpoint;
		sockaddr_in four{};
		sockaddr_in6 six{};
		if (inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
			four.sin_family = AF_INET;
			four.sin_port = htons(port);
			endpoint.size = sizeof four;
			std::memcpy(&endpoint.address, &four, sizeof four);
		} else if (inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
			six.sin6_family = AF_INET6;
			six.sin6_port = htons(port);
			endpoint.size = sizeof six;
			std::memcpy(&endpoint.address, &six, sizeof six);
		} else {
			throw std::invalid_argument("'" + text + "' is no IPv4 or IPv6 address");
		}
		return endpoint;
	}
};

} // namespace systole::prober
