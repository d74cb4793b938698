// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The worker's side of the event ring. Control may hang and the ring fill up. Heartbeats and handshake frames come
// again, so they are dropped and counted (ring_full). Verdicts and released SAs do not come again: they wait here, in
// order, and are offered once more at every turn.
//
// The waiting room cannot overflow: a verdict replaces the waiting one of the same peer and link, a session is
// confirmed once, and an SA can be released only after control, which is what hangs, has installed it.
#pragma once

#include "control/ring.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <utility>
#include <variant>

namespace systole::dataplane {

class Outbox {
public:
	explicit Outbox(control::WorkerChannel &channel) : m_channel(channel) {}

	// HakeFrame, PeerBeat: may be dropped.
	template <typename Event> bool offer(const Event &event)
	{
		if (m_waiting == 0 && push(event))
			return true;
		control::add(m_channel.counters.drops[static_cast<std::size_t>(control::Drop::ring_full)]);
		return false;
	}
	// Must arrive.
	template <typename Event> void deliver(const Event &event)
	{
		if (m_waiting == 0 && push(event))
			return;
		if (!replaces(event)) {
			assert(m_waiting < room);
			m_room[(m_first + m_waiting++) % room] = event;
		}
	}
	void retry()
	{
		while (m_waiting != 0 &&
		       std::visit([this](const auto &event) { return push(event); }, m_room[m_first])) {
			m_first = (m_first + 1) % room;
			--m_waiting;
		}
	}
	// True once after anything was put into the ring: ring the bell if control sleeps.
	[[nodiscard]] bool take_pushed() { return std::exchange(m_pushed, false); }
	[[nodiscard]] std::size_t waiting() const { return m_waiting; }

private:
	using Kept = std::variant<control::SessionConfirmed, control::SessionWorn, control::PeerLink,
				  control::ReleasedInbound, control::ReleasedOutbound, control::WorkerLate,
				  control::WorkerReturned>;
	static constexpr std::size_t room = 4096;

	template <typename Event> bool push(const Event &event)
	{
		const bool done = m_channel.events.push(control::WorkerEvent(event));
		m_pushed = m_pushed || done;
		return done;
	}
	template <typename Event> bool replaces(const Event &event)
	{
		for (std::size_t i = 0; i < m_waiting; ++i) {
			Event *kept = std::get_if<Event>(&m_room[(m_first + i) % room]);
			if (kept == nullptr || !same_subject(*kept, event))
				continue;
			merge(*kept, event);
			return true;
		}
		return false;
	}
	// A rollback is an alarm and not a state: no later verdict may hide it.
	static bool same_subject(const control::PeerLink &a, const control::PeerLink &b)
	{
		const bool alarms =
			a.verdict == control::LinkVerdict::rollback || b.verdict == control::LinkVerdict::rollback;
		return a.slot == b.slot && a.link == b.link && (a.verdict == b.verdict || !alarms);
	}
	static bool same_subject(const control::WorkerLate &, const control::WorkerLate &) { return true; }
	static bool same_subject(const control::WorkerReturned &, const control::WorkerReturned &) { return true; }
	template <typename Event> static bool same_subject(const Event &, const Event &) { return false; }

	static void merge(control::WorkerLate &kept, const control::WorkerLate &event)
	{
		kept.at = event.at;
		kept.gap = std::max(kept.gap, event.gap);
	}
	template <typename Event> static void merge(Event &kept, const Event &event) { kept = event; }

	control::WorkerChannel &m_channel;
	std::array<Kept, room> m_room{};
	std::size_t m_first = 0;
	std::size_t m_waiting = 0;
	bool m_pushed = false;
};

} // namespace systole::dataplane
