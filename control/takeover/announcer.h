// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sends ready-made Ethernet frames through links, from one packet socket that is opened long before it is needed.
// The socket receives nothing. A frame goes out through the macvlan, never through its base: a macvlan that is down
// refuses it, so a standby cannot announce anything by mistake.
#pragma once

#include <cstdint>
#include <span>
#include <system_error>

namespace systole::control {

class Announcer {
public:
	Announcer() = default;
	~Announcer();
	Announcer(const Announcer &) = delete;
	Announcer &operator=(const Announcer &) = delete;

	[[nodiscard]] std::error_code open();
	[[nodiscard]] std::error_code send(int ifindex, std::span<const std::uint8_t> frame) const; // never blocks

private:
	int m_fd = -1;
};

} // namespace systole::control
