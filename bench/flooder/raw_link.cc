// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/flooder/raw_link.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace systole::flooder {

using prober::checked;

RawLink::RawLink(const std::string &interface, std::uint16_t ether_type)
    : m_socket(checked(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "a raw socket (CAP_NET_RAW)"))
{
	ifreq request{};
	interface.copy(request.ifr_name, IFNAMSIZ - 1);
	static_cast<void>(checked(ioctl(m_socket.get(), SIOCGIFHWADDR, &request), "interface " + interface));
	std::memcpy(m_mac.data(), request.ifr_hwaddr.sa_data, m_mac.size());

	const int bypass = 1;
	static_cast<void>(checked(setsockopt(m_socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)),
				  "PACKET_QDISC_BYPASS"));
	sockaddr_ll address{};
	address.sll_family = AF_PACKET;
	address.sll_protocol = htons(ether_type);
	address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
	static_cast<void>(checked(bind(m_socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)),
				  "binding to " + interface));
}

std::span<const std::byte> RawLink::receive()
{
	const ssize_t size = recv(m_socket.get(), m_received.data(), m_received.size(), MSG_DONTWAIT);
	if (size >= 0)
		return {m_received.data(), static_cast<std::size_t>(size)};
	if (errno != EAGAIN && errno != EINTR)
		static_cast<void>(checked(-1, "receiving"));
	return {};
}

std::size_t RawLink::send(std::span<const Frame> frames)
{
	assert(frames.size() <= most_frames());
	std::array<iovec, most_frames()> parts{};
	std::array<mmsghdr, most_frames()> messages{};
	for (std::size_t i = 0; i < frames.size(); ++i) {
		parts[i] = {const_cast<std::byte *>(frames[i].bytes.data()), frames[i].length}; // sendmmsg reads only
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	const int sent = sendmmsg(m_socket.get(), messages.data(), static_cast<unsigned>(frames.size()), MSG_DONTWAIT);
	// The device, or what lies behind it, is full.
	if (sent < 0 && (errno == ENOBUFS || errno == EAGAIN || errno == EINTR))
		return 0;
	return static_cast<std::size_t>(checked(sent, "sending"));
}

} // namespace systole::flooder
