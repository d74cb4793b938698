// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One conversation of requests and replies, and how long it went without a reply: in a window from begin() on, into which
// a silence from before reaches.
#pragma once

#include "bench/prober/clock.h"

#include <algorithm>
#include <cstdint>

namespace systole::prober {

// Longer without progress, and a user calls it dead.
inline constexpr std::int64_t stall_ns = 1'000'000'000;

class Exchange {
public:
	void begin_window()
	{
		m_longest_ns = 0;
		m_counts = m_progress_ns != 0;
	}
	// A conversation that is opened anew, with nothing behind it.
	void restart(std::int64_t now)
	{
		*this = {};
		m_since_ns = now;
	}
	void progress(std::int64_t now)
	{
		m_longest_ns = std::max(m_longest_ns, now - (m_since_ns != 0 ? m_since_ns : now));
		m_since_ns = m_progress_ns = now;
	}
	// Closed: a silence that lasts until now lasts no longer.
	void end(std::int64_t now)
	{
		m_longest_ns = longest_ns(now);
		m_since_ns = 0;
	}
	// It had progressed before the window began.
	[[nodiscard]] bool counts() const { return m_counts; }
	[[nodiscard]] bool moved_after(std::int64_t moment) const { return m_progress_ns > moment; }
	[[nodiscard]] std::int64_t progress_ns() const { return m_progress_ns; }
	[[nodiscard]] std::int64_t longest_ns() const { return m_longest_ns; }
	// With the silence that still lasts.
	[[nodiscard]] std::int64_t longest_ns(std::int64_t now) const
	{
		return std::max(m_longest_ns, m_since_ns != 0 ? now - m_since_ns : 0);
	}

private:
	std::int64_t m_progress_ns = 0; // 0 = never
	std::int64_t m_since_ns = 0;    // where the silence began
	std::int64_t m_longest_ns = 0;
	bool m_counts = false;
};

} // namespace systole::prober
