// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Requests to the kernel's connection tracking, many in one sendmsg.
#include "control/sessions/conntrack_requests.h"

#include "control/sessions/conntrack_message.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace systole::control {

namespace {

// An answer takes about 1 kB of the socket's buffer, and its buffer must hold all answers at once: nobody reads meanwhile.
constexpr int answer_buffer_bytes = 4 << 20;
constexpr std::size_t receive_room = 32768;

} // namespace

void ConntrackSocketCloser::operator()(mnl_socket *socket) const
{
	mnl_socket_close(socket);
}

ConntrackSocket open_conntrack_socket(int receive_bytes, std::string &error)
{
	ConntrackSocket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
	if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
		error = "connection tracking: cannot open a netfilter netlink socket: " + std::string(strerror(errno));
		return {};
	}
	const int fd = mnl_socket_get_fd(socket.get());
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	return socket;
}

bool ConntrackRequests::open(std::string &error)
{
	m_socket = open_conntrack_socket(answer_buffer_bytes, error);
	if (m_socket == nullptr)
		return false;
	const int on = 1;
	setsockopt(mnl_socket_get_fd(m_socket.get()), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	m_bytes.resize(most * max_conntrack_message);
	m_answers.resize(receive_room);
	return true;
}

void ConntrackRequests::add(std::size_t length)
{
	assert(m_count < most);
	auto *header = reinterpret_cast<nlmsghdr *>(room());
	header->nlmsg_seq = m_first_sequence + static_cast<std::uint32_t>(m_count);
	m_last = m_used;
	m_used += length;
	++m_count;
}

int ConntrackRequests::send()
{
	if (m_count == 0)
		return EINVAL;
	if (m_socket == nullptr)
		return EBADF;
	reinterpret_cast<nlmsghdr *>(m_bytes.data() + m_last)->nlmsg_flags |= NLM_F_ACK;
	while (mnl_socket_sendto(m_socket.get(), m_bytes.data(), m_used) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int ConntrackRequests::receive(std::size_t &received)
{
	while (true) {
		const ssize_t length =
			recv(mnl_socket_get_fd(m_socket.get()), m_answers.data(), m_answers.size(), MSG_DONTWAIT);
		if (length >= 0) {
			received = static_cast<std::size_t>(length);
			return 0;
		}
		if (errno != EINTR)
			return errno;
	}
}

const nlmsghdr *ConntrackRequests::next_message(const char *&at, std::size_t &left)
{
	const auto *header = reinterpret_cast<const nlmsghdr *>(at);
	if (left < sizeof(nlmsghdr) || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > left)
		return nullptr;
	const std::size_t taken = std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), left);
	at += taken;
	left -= taken;
	return header;
}

int ConntrackRequests::error_of(const nlmsghdr &header)
{
	if (header.nlmsg_len < sizeof(nlmsghdr) + sizeof(nlmsgerr))
		return EBADMSG;
	return -static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(&header))->error;
}

} // namespace systole::control
