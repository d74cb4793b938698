// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Memory-based failover: a member has failed when every sample of a whole monitor period was above the threshold.
// One that failed over is not judged again before its flip timeout has passed, or two short of memory would swap the
// role for ever.
#pragma once

#include "control/core/config.h"

namespace systole::core {

class MemoryWatch {
public:
	explicit MemoryWatch(const MemoryFailover &config = {}) : m_config(config) {}

	void sample(Time now, std::uint8_t used_percent)
	{
		m_used_percent = used_percent;
		if (!m_config.enabled)
			return;
		if (used_percent <= threshold_percent()) {
			m_above_since = never;
			m_failed = false;
			return;
		}
		if (m_above_since == never)
			m_above_since = now;
		if (m_failed || now - m_above_since < m_config.monitor_period || now < m_not_before)
			return;
		m_failed = true;
	}
	void failed_over(Time now) { m_not_before = now + m_config.flip_timeout; } // it gave a role away for that
	[[nodiscard]] bool failed() const { return m_failed; }
	[[nodiscard]] std::uint8_t used_percent() const { return m_used_percent; }
	[[nodiscard]] std::uint8_t threshold_percent() const
	{
		return m_config.threshold_percent == 0 ? default_memory_threshold : m_config.threshold_percent;
	}
	[[nodiscard]] Duration flip_left(Time now) const
	{
		return now < m_not_before ? m_not_before - now : Duration::zero();
	}

private:
	MemoryFailover m_config;
	Time m_above_since = never;
	Time m_not_before{};
	std::uint8_t m_used_percent = 0;
	bool m_failed = false;
};

} // namespace systole::core
