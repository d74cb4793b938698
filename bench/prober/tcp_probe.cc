// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/tcp_probe.h"

#include "bench/prober/clock.h"
#include "bench/prober/pattern.h"

#include <algorithm>
#include <array>
#include <netinet/tcp.h>
#include <sys/epoll.h>

namespace systole::prober {

namespace {

constexpr std::size_t chunk_bytes = 128;
// No more than this is under way: after a gap a connection resumes where it was, it does not flood.
constexpr std::uint64_t most_outstanding_bytes = 2048;
// The kernel gives a connection up when nothing was acknowledged for so long. Far above any failover worth the name,
// far below the quarter of an hour of the default.
constexpr int user_timeout_ms = 10'000;

void set_option(int fd, int level, int name, int value)
{
	static_cast<void>(checked(setsockopt(fd, level, name, &value, sizeof value), "setsockopt"));
}

} // namespace

TcpProbe::TcpProbe(EventLoop &loop, Endpoint server, std::uint32_t connections, std::int64_t interval_ns)
    : m_loop(loop), m_server(server), m_interval_ns(interval_ns),
      m_rota(loop, connections, interval_ns, [this](auto index) {
	      if (m_connections[index]->state == State::established)
		      send_some(*m_connections[index]);
      })
{
	for (std::uint32_t i = 0; i < connections; ++i) {
		m_connections.push_back(std::make_unique<Connection>());
		m_connections.back()->number = i;
		open(*m_connections.back());
	}
}

void TcpProbe::open(Connection &connection)
{
	connection.socket.reset(
		checked(socket(m_server.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "TCP socket"));
	const int fd = connection.socket.get();
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms);
	connection.was_established = connection.reset = false;
	connection.sent = connection.verified = 0;
	connection.exchange.restart(mono_ns());
	connection.state = State::connecting;
	if (connect(fd, m_server.sockaddr_pointer(), m_server.size) < 0 && errno != EINPROGRESS) {
		connection.state = State::closed; // no route yet: the next mark() tries again
		connection.socket.reset();
		return;
	}
	m_loop.watch(fd, EPOLLOUT, [this, &connection](std::uint32_t events) { handle(connection, events); });
}

void TcpProbe::handle(Connection &connection, std::uint32_t events)
{
	if (connection.state == State::connecting && (events & (EPOLLERR | EPOLLHUP)) != 0)
		return close(connection, State::closed);
	if (connection.state == State::connecting && (events & EPOLLOUT) != 0) {
		connection.state = State::established;
		connection.was_established = true;
		connection.exchange.restart(mono_ns());
		m_loop.change(connection.socket.get(), EPOLLIN);
		return;
	}
	if (connection.state == State::established)
		receive_all(connection);
}

void TcpProbe::receive_all(Connection &connection)
{
	std::array<std::uint8_t, most_outstanding_bytes> bytes{};
	const auto size = recv(connection.socket.get(), bytes.data(), bytes.size(), 0);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		connection.reset = size < 0 && errno == ECONNRESET;
		return close(connection, State::broken);
	}
	const auto count = static_cast<std::size_t>(size);
	if (const auto wrong = wrong_bytes({bytes.data(), count}, connection.number, connection.verified); wrong != 0) {
		m_wrong_bytes += wrong;
		return close(connection, State::corrupt);
	}
	connection.verified += count;
	connection.exchange.progress(mono_ns());
	m_verified_bytes += count;
}

void TcpProbe::send_some(Connection &connection)
{
	if (connection.sent - connection.verified + chunk_bytes > most_outstanding_bytes)
		return;
	std::array<std::uint8_t, chunk_bytes> bytes{};
	fill_pattern(bytes, connection.number, connection.sent);
	const auto size = send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
	if (size >= 0)
		connection.sent += static_cast<std::uint64_t>(size);
	else if (errno != EAGAIN && errno != EINTR) {
		connection.reset = errno == ECONNRESET;
		close(connection, State::broken);
	}
}

void TcpProbe::close(Connection &connection, State state)
{
	m_loop.forget(connection.socket.get());
	connection.socket.reset();
	if (connection.state == State::established)
		connection.exchange.end(mono_ns());
	connection.state = state;
}

void TcpProbe::mark()
{
	m_verified_bytes = m_wrong_bytes = 0;
	for (auto &connection : m_connections) {
		connection->exchange.begin_window();
		if (connection->state == State::established)
			continue;
		// Also one that is still connecting: its SYN may have fallen into a gap and be seconds from the next try.
		if (connection->socket.open())
			close(*connection, State::closed);
		open(*connection);
	}
}

TcpReport TcpProbe::report(std::int64_t now, std::int64_t moving_since_ns) const
{
	// A round trip and a retransmission beside the turns: 200 ms with the default interval.
	const std::int64_t since_ns =
		moving_since_ns != 0 ? moving_since_ns : now - 2 * m_interval_ns - 100 * ns_per_ms;
	TcpReport result{.verified_bytes = m_verified_bytes, .wrong_bytes = m_wrong_bytes};
	for (const auto &connection : m_connections) {
		const bool established = connection->state == State::established;
		result.total += connection->was_established ? 1 : 0;
		result.connected += established ? 1 : 0;
		result.kept += established && connection->exchange.moved_after(since_ns) ? 1 : 0;
		result.broken += connection->was_established && connection->state == State::broken ? 1 : 0;
		result.resets += connection->was_established && connection->reset ? 1 : 0;
		result.corrupt += connection->state == State::corrupt ? 1 : 0;
		if (connection->was_established) {
			// The silence of a broken one ended when it broke.
			const auto &exchange = connection->exchange;
			const auto silence_ns = established ? exchange.longest_ns(now) : exchange.longest_ns();
			result.stalled += silence_ns > stall_ns ? 1 : 0;
			result.longest_stall_ns = std::max(result.longest_stall_ns, silence_ns);
		}
	}
	return result;
}

} // namespace systole::prober
