// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How long the kernel lets a session live after a packet, by protocol and state: what an administrator set for this
// network namespace (/proc/sys/net/netfilter), else the kernel's own defaults.
#pragma once

#include "control/core/session/session_record.h"

#include <array>
#include <cstdint>

namespace systole::control {

class UsualTimeouts {
public:
	void read(); // those of the namespace the calling thread is in
	[[nodiscard]] std::uint32_t of(const core::SessionRecord &record) const; // s

private:
	std::array<std::uint32_t, 10> m_tcp{10, 120, 60, 432000, 120, 60, 30, 120, 10, 120};
	std::array<std::uint32_t, 2> m_udp{30, 120}; // before and after it became a stream
	std::array<std::uint32_t, 2> m_gre{30, 180};
	std::uint32_t m_icmp = 30;
	std::uint32_t m_icmp6 = 30;
	std::uint32_t m_generic = 600;
};

} // namespace systole::control
