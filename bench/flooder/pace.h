// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When how many frames are due. A millisecond's worth at a time; what a flooder that was kept from the CPU has missed
// it catches up for a moment only, or a "rate" would turn into one big burst. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace systole::flooder {

class Pace {
public:
	// `rate`: frames a second, 0 for no limit.
	Pace(std::uint64_t rate, std::int64_t now_ns)
	    : m_rate(rate), m_from_ns(now_ns),
	      m_most_behind_ns(rate == 0 ? 0
					 : std::max(least_behind_ns,
						    2 * step_ns + 1'000'000'000 / static_cast<std::int64_t>(rate)))
	{
	}

	[[nodiscard]] std::size_t due(std::int64_t now_ns, std::size_t most)
	{
		if (m_rate == 0)
			return most;
		if (const std::int64_t behind = now_ns - m_from_ns - sent_ns(); behind > m_most_behind_ns)
			m_from_ns += behind - m_most_behind_ns;
		const std::int64_t whole = (now_ns - m_from_ns) / step_ns * step_ns; // full steps only
		const auto owed =
			static_cast<std::uint64_t>(static_cast<double>(whole) * 1e-9 * static_cast<double>(m_rate));
		return owed <= m_sent ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(owed - m_sent, most));
	}
	void sent(std::size_t count) { m_sent += count; }
	[[nodiscard]] std::int64_t next(std::int64_t now_ns) const
	{
		return m_from_ns + ((now_ns - m_from_ns) / step_ns + 1) * step_ns;
	}

private:
	static constexpr std::int64_t step_ns = 1'000'000, least_behind_ns = 5'000'000;

	// What has been sent, as time.
	[[nodiscard]] std::int64_t sent_ns() const
	{
		return static_cast<std::int64_t>(static_cast<double>(m_sent) * 1e9 / static_cast<double>(m_rate));
	}

	std::uint64_t m_rate;
	std::int64_t m_from_ns;
	std::int64_t m_most_behind_ns; // at least one frame's time, or a slow flood would never begin
	std::uint64_t m_sent = 0;
};

} // namespace systole::flooder
