// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/udp_probe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/epoll.h>

namespace systole::prober {

namespace {

// What a datagram carries; client and server are on one machine, so host byte order will do.
struct Datagram {
	std::uint64_t magic;
	std::uint64_t sequence;
	std::int64_t sent_ns;
	std::array<char, 40> padding;
};
static_assert(sizeof(Datagram) == 64);
constexpr std::uint64_t magic = 0x53595354'4f4c4501ULL;

} // namespace

UdpProbe::UdpProbe(EventLoop &loop, const Endpoint &server, std::int64_t interval_ns)
    : m_socket(checked(socket(server.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "UDP socket")),
      m_ring(ring_size), m_mark_ns(mono_ns())
{
	static_cast<void>(checked(connect(m_socket.get(), server.sockaddr_pointer(), server.size), "UDP connect"));
	loop.watch(m_socket.get(), EPOLLIN, [this](std::uint32_t) { receive_all(); });
	loop.every(interval_ns, [this] { send_one(); });
}

void UdpProbe::send_one()
{
	const Datagram datagram{.magic = magic, .sequence = m_next_sequence, .sent_ns = mono_ns(), .padding = {}};
	auto &slot = m_ring[m_next_sequence % ring_size];
	if (slot.sequence != 0 && in_window(slot) && !slot.answered)
		++m_lost_from_ring;
	slot = {.sequence = m_next_sequence++, .sent_ns = datagram.sent_ns, .answered = false};
	++m_window.sent;
	if (m_last_send_ns != 0)
		m_window.longest_send_gap_ns =
			std::max(m_window.longest_send_gap_ns, datagram.sent_ns - m_last_send_ns);
	m_last_send_ns = datagram.sent_ns;
	// While the network is away the kernel may report "unreachable" or a full neighbour queue here: a lost datagram.
	if (send(m_socket.get(), &datagram, sizeof datagram, 0) != sizeof datagram)
		++m_window.send_errors;
}

void UdpProbe::receive_all()
{
	Datagram datagram{};
	// Bounded, so that a flood of replies after a gap cannot hold up the next datagram.
	for (int i = 0; i < 64; ++i) {
		const auto size = recv(m_socket.get(), &datagram, sizeof datagram, 0);
		if (size < 0 && errno != EAGAIN)
			continue; // an ICMP error was reported and is thereby cleared
		if (size < 0)
			return;
		if (size != sizeof datagram || datagram.magic != magic)
			continue;
		auto &slot = m_ring[datagram.sequence % ring_size];
		if (slot.sequence != datagram.sequence)
			continue;
		if (slot.answered) {
			++m_window.duplicates;
			continue;
		}
		slot.answered = true;
		const auto now = mono_ns();
		if (in_window(slot))
			++(now - slot.sent_ns > late_ns ? m_late : m_window.received);
		const auto before = m_window.last_reply_ns == 0 ? m_mark_ns : m_window.last_reply_ns;
		if (now - before > m_window.longest_gap_ns) {
			m_window.longest_gap_ns = now - before;
			m_window.gap_start_ns = before;
			m_window.gap_end_ns = now;
		}
		m_window.last_reply_ns = now;
	}
}

void UdpProbe::mark(std::int64_t now)
{
	const auto last_reply_ns = m_window.last_reply_ns;
	m_window = {};
	m_window.last_reply_ns = last_reply_ns;
	m_mark_ns = now;
	m_first_in_window = m_next_sequence;
	m_lost_from_ring = m_late = 0;
}

UdpReport UdpProbe::report(std::int64_t now) const
{
	UdpReport result = m_window;
	const auto since = result.last_reply_ns == 0 ? m_mark_ns : result.last_reply_ns;
	if (now - since > result.longest_gap_ns) {
		result.longest_gap_ns = now - since;
		result.gap_start_ns = since;
		result.gap_end_ns = now;
		result.gap_open = true;
	}
	result.lost =
		m_lost_from_ring + m_late +
		static_cast<std::uint64_t>(std::ranges::count_if(m_ring, [&](const Slot &slot) {
			return slot.sequence != 0 && in_window(slot) && !slot.answered && now - slot.sent_ns > late_ns;
		}));
	return result;
}

} // namespace systole::prober
