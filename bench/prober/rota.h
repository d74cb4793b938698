// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Many that each take a turn every so often, spread evenly over that time: with a thousand of them a turn for each would
// be a timer for each, so those that are due come together, once a millisecond at most.
#pragma once

#include "bench/prober/clock.h"
#include "bench/prober/event_loop.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace systole::prober {

class Rota {
public:
	// Calls `turn` with 0 to `members` - 1, each every `interval_ns`. After a stall each has missed its turns.
	Rota(EventLoop &loop, std::size_t members, std::int64_t interval_ns, std::function<void(std::size_t)> turn)
	    : m_members(members), m_interval_ns(interval_ns), m_began_ns(mono_ns()), m_turn(std::move(turn))
	{
		if (members > 0)
			loop.every(std::max(interval_ns / static_cast<std::int64_t>(members), ns_per_ms),
				   [this] { tick(); });
	}
	Rota(const Rota &) = delete; // the loop holds a pointer
	Rota &operator=(const Rota &) = delete;

private:
	void tick()
	{
		const auto elapsed_ns = static_cast<std::uint64_t>(mono_ns() - m_began_ns);
		const auto due = elapsed_ns * m_members / static_cast<std::uint64_t>(m_interval_ns);
		for (m_next = std::max(m_next, due - std::min<std::uint64_t>(due, m_members)); m_next < due; ++m_next)
			m_turn(m_next % m_members);
	}

	std::size_t m_members;
	std::int64_t m_interval_ns;
	std::int64_t m_began_ns;
	std::function<void(std::size_t)> m_turn;
	std::uint64_t m_next = 0;
};

} // namespace systole::prober
