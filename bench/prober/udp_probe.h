// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a user of the network feels: numbered datagrams at a steady rate, and the longest time between two replies.
//
//   mark()            report()
//     |--- window ------|        the last reply before mark() opens the first gap of the window
#pragma once

#include "bench/prober/clock.h"
#include "bench/prober/endpoint.h"
#include "bench/prober/event_loop.h"

#include <cstdint>
#include <vector>

namespace systole::prober {

struct UdpReport {
	std::uint64_t sent = 0;
	std::uint64_t received = 0; // different datagrams that came back
	std::uint64_t lost = 0;     // sent in the window, and did not come back within `late_ns`
	std::uint64_t duplicates = 0;
	std::uint64_t send_errors = 0;
	std::int64_t longest_gap_ns = 0; // between two replies, or since the last one when that is longer
	std::int64_t gap_start_ns = 0;
	std::int64_t gap_end_ns = 0; // the report's own time while the gap is still open
	bool gap_open = false;
	std::int64_t last_reply_ns = 0;       // 0 = never
	std::int64_t longest_send_gap_ns = 0; // between two sends: the prober's own part in a gap
};

class UdpProbe {
public:
	// A reply this late is a lost one.
	static constexpr std::int64_t late_ns = 200 * ns_per_ms;

	UdpProbe(EventLoop &loop, const Endpoint &server, std::int64_t interval_ns);

	void mark(std::int64_t now);
	[[nodiscard]] UdpReport report(std::int64_t now) const;

private:
	struct Slot {
		std::uint64_t sequence = 0; // 0 = unused
		std::int64_t sent_ns = 0;
		bool answered = false;
	};
	// More than two minutes at 1 kHz. What falls out unanswered stays counted as lost.
	static constexpr std::size_t ring_size = 1U << 17;

	void send_one();
	void receive_all();
	[[nodiscard]] bool in_window(const Slot &slot) const { return slot.sequence >= m_first_in_window; }

	Descriptor m_socket;
	std::vector<Slot> m_ring;
	std::uint64_t m_next_sequence = 1;
	std::uint64_t m_first_in_window = 1;
	std::uint64_t m_lost_from_ring = 0;
	std::uint64_t m_late = 0;
	std::int64_t m_mark_ns = 0;
	std::int64_t m_last_send_ns = 0;
	UdpReport m_window;
};

} // namespace systole::prober
