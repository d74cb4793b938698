// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Probes over one connected datagram socket.
#include "control/probe/datagram_prober.h"

#include <boost/asio/ip/udp.hpp>

#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace systole::control {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int most_in_a_turn = 64; // datagrams; the rest waits for the next turn of the loop

nanoseconds from_timespec(const timespec &time)
{
	return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

// The kernel stamps by the wall clock; how long ago that was is taken over to the steady one.
Clock::time_point arrival(const msghdr &message)
{
	const Clock::time_point now = Clock::now();
	for (cmsghdr *control = CMSG_FIRSTHDR(&message); control != nullptr;
	     control = CMSG_NXTHDR(const_cast<msghdr *>(&message), control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SO_TIMESTAMPNS)
			continue;
		timespec stamp{};
		std::memcpy(&stamp, CMSG_DATA(control), sizeof(stamp));
		timespec wall{};
		clock_gettime(CLOCK_REALTIME, &wall);
		const nanoseconds ago = from_timespec(wall) - from_timespec(stamp);
		return ago > nanoseconds{0} ? now - ago : now;
	}
	return now;
}

} // namespace

std::uint64_t random_token()
{
	std::uint64_t token = 0;
	if (getrandom(&token, sizeof(token), 0) != static_cast<ssize_t>(sizeof(token)))
		throw std::system_error(errno, std::generic_category(), "getrandom");
	return token;
}

void put_big_endian(Octets &out, std::uint64_t value, unsigned octets)
{
	for (unsigned i = octets; i-- > 0;)
		out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t big_endian_at(OctetView from, std::size_t offset, unsigned octets)
{
	std::uint64_t value = 0;
	for (const std::uint8_t octet : from.subspan(offset, octets))
		value = value << 8 | octet;
	return value;
}

DatagramProber::DatagramProber(boost::asio::io_context &io, const ProbeTarget &target, ProbeDone done)
    : m_target(target), m_done(std::move(done)), m_socket(std::make_shared<boost::asio::posix::stream_descriptor>(io))
{
}

DatagramProber::~DatagramProber()
{
	boost::system::error_code ignored;
	m_socket->close(ignored);
}

std::string DatagramProber::open(int fd, std::uint16_t port)
{
	m_socket->assign(fd);
	if (std::string error = bind_to_path(fd, m_target.path); !error.empty())
		return error;
	const int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	// Without this, a connected IPv4 socket is told of few ICMP errors, and a raw one of none.
	if (m_target.address.is_v6())
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	const boost::asio::ip::udp::endpoint peer(scoped_address(m_target), port);
	if (connect(fd, peer.data(), static_cast<socklen_t>(peer.size())) != 0)
		return "cannot reach " + m_target.address.to_string() + ": " + errno_text(errno);
	listen();
	return {};
}

void DatagramProber::send(std::uint64_t sequence)
{
	Waiting waiting{{}, request(sequence)};
	const int fd = m_socket->native_handle();
	for (int attempt = 0;; ++attempt) {
		waiting.sent = Clock::now();
		if (::send(fd, waiting.request.data(), waiting.request.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			break;
		// The error may be the answer to the probe before (an ICMP message): then there is none the second time.
		if (attempt == 0) {
			m_complaint = errno_text(errno);
			continue;
		}
		m_done(sequence, std::nullopt, "cannot send: " + errno_text(errno));
		return;
	}
	m_waiting.emplace(sequence, std::move(waiting));
}

std::string DatagramProber::expire(std::uint64_t sequence)
{
	m_waiting.erase(sequence);
	return m_complaint;
}

void DatagramProber::listen()
{
	m_socket->async_wait(boost::asio::posix::descriptor_base::wait_read,
			     [this, socket = m_socket](const boost::system::error_code &error) {
				     if (error || !socket->is_open())
					     return; // closed: there is no `this` any more
				     receive();
			     });
}

void DatagramProber::receive()
{
	const std::shared_ptr<boost::asio::posix::stream_descriptor> socket = m_socket;
	std::array<std::uint8_t, 2048> buffer;
	alignas(cmsghdr) std::array<char, 512> control;
	for (int i = 0; i < most_in_a_turn; ++i) {
		iovec part{buffer.data(), buffer.size()};
		msghdr message{};
		message.msg_iov = &part;
		message.msg_iovlen = 1;
		message.msg_control = control.data();
		message.msg_controllen = control.size();
		const ssize_t length = recvmsg(socket->native_handle(), &message, MSG_DONTWAIT);
		if (length >= 0) {
			take({buffer.data(), static_cast<std::size_t>(length)}, arrival(message));
			continue;
		}
		if (errno == EAGAIN)
			break;
		m_complaint = errno_text(errno); // an ICMP message; the probe still has its time
	}
	// What such a message was about waits in the error queue and would keep the socket readable.
	msghdr about{};
	while (recvmsg(socket->native_handle(), &about, MSG_DONTWAIT | MSG_ERRQUEUE) >= 0)
		about = {};
	listen();
}

void DatagramProber::take(OctetView received, Clock::time_point at)
{
	const OctetView reply = reply_in(received);
	if (reply.empty())
		return;
	for (auto waiting = m_waiting.begin(); waiting != m_waiting.end(); ++waiting) {
		nanoseconds elsewhere{0};
		if (!answers(reply, waiting->second.request, elsewhere))
			continue;
		const nanoseconds total = std::max<nanoseconds>(at - waiting->second.sent, nanoseconds{0});
		if (total > m_target.timeout)
			break;
		const std::uint64_t sequence = waiting->first;
		m_waiting.erase(waiting);
		m_complaint.clear();
		m_done(sequence, elsewhere >= nanoseconds{0} && elsewhere <= total ? total - elsewhere : total, {});
		return;
	}
	m_complaint = "what came answers no probe that is waiting: too late, or not what was asked";
}

} // namespace systole::control
