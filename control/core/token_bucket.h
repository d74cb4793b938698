// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How often something may happen: `size` times in a burst, then `rate` times a second.
#pragma once

#include "control/core/types.h"

#include <algorithm>

namespace systole::core {

class TokenBucket {
public:
	TokenBucket() : TokenBucket(16, 1) {}
	TokenBucket(double size, double rate) : m_size(size), m_rate(rate), m_tokens(size) {}

	[[nodiscard]] bool take(Time now)
	{
		if (now > m_at) {
			const double seconds = std::chrono::duration<double>(now - m_at).count();
			m_tokens = m_at == Time{} ? m_size : std::min(m_size, m_tokens + seconds * m_rate);
			m_at = now;
		}
		if (m_tokens < 1)
			return false;
		m_tokens -= 1;
		return true;
	}
	// It was well spent.
	void give_back() { m_tokens = std::min(m_size, m_tokens + 1); }

private:
	double m_size;
	double m_rate;
	double m_tokens;
	Time m_at{};
};

} // namespace systole::core
