// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sends ready-made Ethernet frames through links.
#include "control/takeover/announcer.h"

#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace systole::control {

Announcer::~Announcer()
{
	if (m_fd >= 0)
		close(m_fd);
}

std::error_code Announcer::open()
{
	if (m_fd >= 0)
		return {};
	m_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: sends only
	if (m_fd < 0)
		return {errno, std::generic_category()};
	// Before bulk traffic in the port's queue, where its queueing discipline knows priorities.
	const int priority = TC_PRIO_CONTROL;
	setsockopt(m_fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	return {};
}

std::error_code Announcer::send(int ifindex, std::span<const std::uint8_t> frame) const
{
	sockaddr_ll to{};
	to.sll_family = AF_PACKET;
	to.sll_ifindex = ifindex;
	const ssize_t sent = sendto(m_fd, frame.data(), frame.size(), MSG_DONTWAIT,
				    reinterpret_cast<const sockaddr *>(&to), sizeof(to));
	if (sent < 0)
		return {errno, std::generic_category()};
	return {};
}

} // namespace systole::control
