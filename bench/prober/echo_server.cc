// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/echo_server.h"

#include "bench/prober/endpoint.h"
#include "bench/prober/flow_datagram.h"

#include <array>
#include <netinet/tcp.h>
#include <span>
#include <sys/epoll.h>

namespace systole::prober {

namespace {

// Bound to the IPv6 wildcard with V6ONLY off, which serves IPv4 too.
Descriptor bound_socket(int type, std::uint16_t port)
{
	Descriptor result(checked(socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "server socket"));
	const int on = 1;
	const int off = 0;
	static_cast<void>(checked(setsockopt(result.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR"));
	static_cast<void>(
		checked(setsockopt(result.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), "IPV6_V6ONLY"));
	const auto any = Endpoint::parse("::", port);
	const int bound = bind(result.get(), any.sockaddr_pointer(), any.size);
	static_cast<void>(checked(bound, "bind to port " + std::to_string(port)));
	return result;
}

// The reply of a flow says from where its request came.
void stamp_flow(std::span<std::uint8_t> bytes, const sockaddr_storage &from)
{
	FlowDatagram datagram;
	if (bytes.size() != sizeof datagram || from.ss_family != AF_INET6)
		return;
	std::memcpy(&datagram, bytes.data(), sizeof datagram);
	if (datagram.magic != flow_magic)
		return;
	sockaddr_in6 sender{};
	std::memcpy(&sender, &from, sizeof sender);
	datagram.seen_port = ntohs(sender.sin6_port);
	std::memcpy(datagram.seen_address.data(), &sender.sin6_addr, datagram.seen_address.size());
	std::memcpy(bytes.data(), &datagram, sizeof datagram);
}

} // namespace

EchoServer::EchoServer(EventLoop &loop, std::uint16_t port)
    : m_loop(loop), m_udp(bound_socket(SOCK_DGRAM, port)), m_listener(bound_socket(SOCK_STREAM, port))
{
	static_cast<void>(checked(listen(m_listener.get(), SOMAXCONN), "listen"));
	m_loop.watch(m_udp.get(), EPOLLIN, [this](std::uint32_t) { echo_datagrams(); });
	m_loop.watch(m_listener.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
}

void EchoServer::echo_datagrams()
{
	std::array<std::uint8_t, 2048> bytes{};
	for (int i = 0; i < 64; ++i) {
		sockaddr_storage from{};
		socklen_t from_size = sizeof from;
		const auto address = reinterpret_cast<sockaddr *>(&from);
		const auto size = recvfrom(m_udp.get(), bytes.data(), bytes.size(), 0, address, &from_size);
		if (size < 0)
			return;
		stamp_flow({bytes.data(), static_cast<std::size_t>(size)}, from);
		// A reply that cannot be sent is a lost datagram, which the client counts.
		static_cast<void>(
			sendto(m_udp.get(), bytes.data(), static_cast<std::size_t>(size), 0, address, from_size));
	}
}

void EchoServer::accept_all()
{
	for (;;) {
		const int fd = accept4(m_listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		const int on = 1;
		static_cast<void>(checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY"));
		m_streams[fd].socket.reset(fd);
		m_loop.watch(fd, EPOLLIN, [this, fd](std::uint32_t events) { serve(fd, events); });
	}
}

void EchoServer::serve(int fd, std::uint32_t events)
{
	auto &stream = m_streams.at(fd);
	if ((events & EPOLLIN) != 0 && stream.unsent.empty()) {
		std::array<std::uint8_t, 16384> bytes{};
		const auto size = recv(fd, bytes.data(), bytes.size(), 0);
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size <= 0)
			return close(fd);
		stream.unsent.assign(bytes.begin(), bytes.begin() + size);
	} else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		return close(fd);
	}
	const auto sent = send(fd, stream.unsent.data(), stream.unsent.size(), MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return close(fd);
	if (sent > 0)
		stream.unsent.erase(stream.unsent.begin(), stream.unsent.begin() + sent);
	m_loop.change(fd, stream.unsent.empty() ? EPOLLIN : EPOLLOUT);
}

void EchoServer::close(int fd)
{
	m_loop.forget(fd);
	m_streams.erase(fd);
}

} // namespace systole::prober
