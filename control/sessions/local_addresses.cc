// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/local_addresses.h"

#include <netinet/in.h>

#include <cstring>
#include <ifaddrs.h>
#include <memory>

namespace systole::control {

std::vector<core::IpBytes> local_addresses()
{
	std::vector<core::IpBytes> addresses;
	ifaddrs *list = nullptr;
	if (getifaddrs(&list) != 0)
		return addresses;
	const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
	for (const ifaddrs *entry = list; entry != nullptr; entry = entry->ifa_next) {
		if (entry->ifa_addr == nullptr)
			continue;
		core::IpBytes bytes{};
		if (entry->ifa_addr->sa_family == AF_INET) {
			sockaddr_in address{};
			std::memcpy(&address, entry->ifa_addr, sizeof(address));
			std::memcpy(bytes.data(), &address.sin_addr, sizeof(address.sin_addr));
		} else if (entry->ifa_addr->sa_family == AF_INET6) {
			sockaddr_in6 address{};
			std::memcpy(&address, entry->ifa_addr, sizeof(address));
			std::memcpy(bytes.data(), &address.sin6_addr, sizeof(address.sin6_addr));
		} else {
			continue;
		}
		addresses.push_back(bytes);
	}
	return addresses;
}

} // namespace systole::control
