// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/ping_probe.h"

#include "bench/prober/flow_datagram.h"

#include <algorithm>
#include <array>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <optional>
#include <span>
#include <stdexcept>
#include <sys/epoll.h>
#include <unistd.h>

namespace systole::prober {

namespace {

struct PingMessage {
	icmphdr header{};
	PingPayload payload;
};
static_assert(sizeof(PingMessage) == 32);

Descriptor icmp_socket(EventLoop &loop, std::uint8_t type, std::function<void()> receive)
{
	Descriptor result(
		checked(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP), "ICMP socket"));
	const icmp_filter filter{.data = ~(1U << type)};
	static_cast<void>(
		checked(setsockopt(result.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof filter), "ICMP_FILTER"));
	loop.watch(result.get(), EPOLLIN, [receive = std::move(receive)](std::uint32_t) { receive(); });
	return result;
}

// RFC 1071, of a message whose checksum field is 0.
std::uint16_t checksum(const PingMessage &message)
{
	const std::span words(reinterpret_cast<const std::uint16_t *>(&message), sizeof message / 2);
	std::uint32_t sum = 0;
	for (const auto word : words)
		sum += word;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(~sum);
}

// The next of this prober's messages; nothing when the socket is empty.
std::optional<PingMessage> receive_one(int fd, std::uint16_t port)
{
	for (;;) {
		std::array<std::uint8_t, 512> bytes{};
		const auto size = recv(fd, bytes.data(), bytes.size(), 0);
		if (size < 0 && errno == EAGAIN)
			return std::nullopt;
		const std::size_t offset = std::size_t{bytes[0] & 0xfU} * 4; // the IPv4 header comes with it
		PingMessage message;
		if (size != static_cast<ssize_t>(offset + sizeof message))
			continue;
		std::memcpy(&message, bytes.data() + offset, sizeof message);
		if (message.payload.magic == ping_magic && message.payload.port == port)
			return message;
	}
}

} // namespace

PingProbe::PingProbe(EventLoop &loop, const Endpoint &server, std::uint16_t port, std::uint32_t pings)
    : m_server(server), m_port(port), m_pings(pings),
      m_rota(loop, pings, interval_ns, [this](std::size_t index) { send_one(index); })
{
	if (pings == 0)
		return;
	if (server.family() != AF_INET)
		throw std::invalid_argument("--pings needs an IPv4 address after --to");
	m_socket = icmp_socket(loop, ICMP_ECHOREPLY, [this] { receive_all(); });
	for (std::uint32_t i = 0; i < pings; ++i)
		m_pings[i].identifier = static_cast<std::uint16_t>(getpid() * 64 + static_cast<int>(i));
}

void PingProbe::send_one(std::size_t index)
{
	auto &ping = m_pings[index];
	PingMessage message;
	message.header.type = ICMP_ECHO;
	message.header.un.echo.id = htons(ping.identifier);
	message.header.un.echo.sequence = htons(++ping.sequence);
	message.payload = {.sequence = ping.sequence, .ping = static_cast<std::uint32_t>(index), .port = m_port};
	message.header.checksum = checksum(message);
	// An error is a lost request; the silence shows it.
	static_cast<void>(
		sendto(m_socket.get(), &message, sizeof message, 0, m_server.sockaddr_pointer(), m_server.size));
}

void PingProbe::receive_all()
{
	while (const auto message = receive_one(m_socket.get(), m_port)) {
		const auto number = message->payload.ping;
		if (number < m_pings.size() && ntohs(message->header.un.echo.id) == m_pings[number].identifier)
			m_pings[number].exchange.progress(mono_ns());
	}
}

void PingProbe::mark()
{
	for (auto &ping : m_pings)
		ping.exchange.begin_window();
}

PingReport PingProbe::report(std::int64_t now, std::int64_t moving_since_ns) const
{
	const std::int64_t since_ns = moving_since_ns != 0 ? moving_since_ns : now - 2 * interval_ns - 100 * ns_per_ms;
	PingReport result;
	for (std::uint32_t number = 0; number < m_pings.size(); ++number) {
		const Exchange &exchange = m_pings[number].exchange;
		const bool moving = exchange.moved_after(since_ns);
		const std::int64_t gap_ns = exchange.longest_ns(now);
		result.moving += moving ? 1 : 0;
		if (!exchange.counts())
			continue;
		result.total += 1;
		result.longest_gap_ns = std::max(result.longest_gap_ns, gap_ns);
		if (moving && gap_ns <= stall_ns)
			result.kept.push_back(number);
	}
	return result;
}

PingWatch::PingWatch(EventLoop &loop, std::uint16_t port)
    : m_port(port), m_socket(icmp_socket(loop, ICMP_ECHO, [this] { receive_all(); }))
{
}

void PingWatch::receive_all()
{
	while (const auto message = receive_one(m_socket.get(), m_port)) {
		const auto [known, fresh] =
			m_identifiers.try_emplace(message->payload.ping, message->header.un.echo.id);
		if (!fresh && known->second != message->header.un.echo.id) {
			known->second = message->header.un.echo.id;
			m_moved.insert(message->payload.ping);
		}
	}
}

} // namespace systole::prober
