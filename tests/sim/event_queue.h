// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What happens next. Entries are small values ordered by time, then by the order in which they were put in, so that a
// run is a pure function of its seed. Entries are never taken back: whoever is woken for nothing (another boot, a
// timer that has moved) ignores it.
#pragma once

#include "tests/sim/sim_time.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace systole::sim {

enum class Wake : std::uint8_t {
	deliver,  // a packet reaches a member; number = packet
	beat,     // a member's worker: beats are due
	judge,    // a member's worker: a peer's deadline on one link
	watch,    // a member's worker: has control's counter stood still for too long?
	control,  // a member's control thread: something is in its ring
	tick,     // a member's Node::next_deadline()
	pulse,    // a member's control thread shows that it turns
	announce, // a member's next gratuitous ARP
	carrier,  // a member hears from netlink that carrier has changed
	keeper,   // a member's keeper looks
	boot,
	exit,      // the end of an orderly stop
	thaw,      // a thread runs again; slot = Thread
	host_thaw, // all have been frozen together, and are not any more
	probe,     // a member's link monitor has a verdict; slot = link monitor
	witness,   // a member asks the witness
	memory,    // a member's next memory sample
	readiness, // a member's sessions are all here, or are not any more
	fault,     // the fault driver's next deed
	flap,      // an interface goes on flapping; slot = interface
	attack,    // the attacker's next deed
	sweep,     // checkers look although nothing happened
};

struct Entry {
	SimTime at{};
	std::uint64_t order = 0;
	std::uint32_t number = 0; // packet, or the boot of the member that is meant
	Wake wake = Wake::sweep;
	std::uint8_t member = 0;
	std::uint16_t slot = 0;
	std::uint8_t link = 0;
};

class EventQueue {
public:
	EventQueue() { m_heap.reserve(4096); }
	void put(SimTime at, Wake wake, std::size_t member = 0, std::uint32_t number = 0, std::uint16_t slot = 0,
		 std::uint8_t link = 0)
	{
		m_heap.push_back(
			{std::max(at, m_now), ++m_order, number, wake, static_cast<std::uint8_t>(member), slot, link});
		std::push_heap(m_heap.begin(), m_heap.end(), later);
	}
	// The next entry; time moves to it.
	Entry take()
	{
		std::pop_heap(m_heap.begin(), m_heap.end(), later);
		const Entry entry = m_heap.back();
		m_heap.pop_back();
		m_now = entry.at;
		return entry;
	}
	[[nodiscard]] SimTime now() const { return m_now; }

private:
	static bool later(const Entry &a, const Entry &b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }

	std::vector<Entry> m_heap;
	std::uint64_t m_order = 0;
	SimTime m_now{};
};

} // namespace systole::sim
