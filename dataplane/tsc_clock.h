// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The one clock of a worker: CLOCK_MONOTONIC read through the time-stamp counter. rte_get_tsc_hz() is rounded and off
// by 0.15 % on some machines (one beat in 675 would be missing), so the rate is measured here, and the reading is
// tied to clock_gettime again every second (vdso, no system call). It never steps back. Where the counter is not
// invariant, or its rate does not hold still, every reading is clock_gettime.
//
// Not thread-safe: one clock per thread.
#pragma once

#include "control/core/types.h"

#include <algorithm>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace systole::dataplane {

class TscClock {
public:
	TscClock() : m_counter_usable(counter_is_invariant())
	{
		m_anchor = read_pair();
		if (!m_counter_usable)
			return;
		// 10 ms give the rate to some 10 ppm, and the first re-anchoring, a second later, to 0.1 ppm.
		constexpr std::int64_t first_span_ns = 10'000'000;
		Pair end = m_anchor;
		while (end.ns - m_anchor.ns < first_span_ns)
			end = read_pair();
		m_counter_usable = end.ticks > m_anchor.ticks;
		if (m_counter_usable)
			adopt(end, rate_between(m_anchor, end));
	}

	[[nodiscard]] core::Time now()
	{
		std::int64_t ns = 0;
		if (m_counter_usable) {
			std::uint64_t passed = read_counter() - m_anchor.ticks;
			// More than a span, or backwards (it wraps to a huge number): do not extrapolate, look.
			if (passed > m_span_ticks) {
				re_anchor();
				passed = 0;
			}
			ns = m_anchor.ns + static_cast<std::int64_t>(static_cast<double>(passed) * m_ns_per_tick);
		} else {
			ns = read_monotonic();
		}
		m_last_ns = std::max(m_last_ns, ns);
		return core::Time(core::Duration(m_last_ns));
	}
	[[nodiscard]] bool uses_counter() const { return m_counter_usable; }

private:
	struct Pair {
		std::uint64_t ticks = 0;
		std::int64_t ns = 0;
	};
	static constexpr double max_drift = 1e-3; // no crystal, and no NTP slew, is off by more
	static constexpr double span_ns = 1e9;    // between two re-anchorings
	static constexpr int max_odd_rates = 3;   // in a row, then the counter is not believed any more
	static constexpr double longest_rate_span = 10e9;

	static std::int64_t read_monotonic()
	{
		timespec t{};
		clock_gettime(CLOCK_MONOTONIC, &t);
		return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
	}

#if defined(__x86_64__)
	static std::uint64_t read_counter()
	{
		return __rdtsc();
	}
	static bool counter_is_invariant()
	{
		unsigned a = 0, b = 0, c = 0, d = 0;
		return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1U << 8) != 0;
	}
#else
	static std::uint64_t read_counter()
	{
		return 0;
	}
	static bool counter_is_invariant()
	{
		return false;
	}
#endif

	// Both clocks at one moment: the tightest of a few tries, so that an interrupt between the two does not count.
	static Pair read_pair()
	{
		Pair best;
		std::uint64_t tightest = UINT64_MAX;
		for (int i = 0; i < 5; ++i) {
			const std::uint64_t before = read_counter();
			const std::int64_t ns = read_monotonic();
			const std::uint64_t width = read_counter() - before;
			if (width < tightest) {
				tightest = width;
				best = {before + width / 2, ns};
			}
		}
		return best;
	}
	static double rate_between(const Pair &from, const Pair &to)
	{
		return static_cast<double>(to.ns - from.ns) / static_cast<double>(to.ticks - from.ticks);
	}
	void adopt(const Pair &anchor, double ns_per_tick)
	{
		m_anchor = anchor;
		m_ns_per_tick = ns_per_tick;
		m_span_ticks = static_cast<std::uint64_t>(span_ns / ns_per_tick);
	}
	void re_anchor()
	{
		const Pair pair = read_pair();
		const bool forward = pair.ticks > m_anchor.ticks && pair.ns > m_anchor.ns;
		const double rate = forward ? rate_between(m_anchor, pair) : 0;
		const bool plausible = rate > m_ns_per_tick * (1 - max_drift) && rate < m_ns_per_tick * (1 + max_drift);
		if (plausible)
			m_odd_rates = 0;
		else if (++m_odd_rates == max_odd_rates)
			m_counter_usable = false;
		// After a long pause the old rate is the better one: NTP may have slewed in between.
		const bool use_rate = plausible && static_cast<double>(pair.ns - m_anchor.ns) < longest_rate_span;
		adopt(pair, use_rate ? rate : m_ns_per_tick);
	}

	bool m_counter_usable = false;
	int m_odd_rates = 0;
	Pair m_anchor;
	double m_ns_per_tick = 1;
	std::uint64_t m_span_ticks = 0;
	std::int64_t m_last_ns = 0;
};

} // namespace systole::dataplane
