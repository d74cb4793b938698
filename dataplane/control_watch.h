// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Whether the control thread still turns: from its first turn on its counter must move within `limit`. Time that the
// looking worker was itself away does not count, because whatever kept it from looking may have kept control from turning.
// Pure.
#pragma once

#include "control/core/types.h"

#include <cstdint>

namespace systole::dataplane {

class ControlWatch {
public:
	explicit ControlWatch(core::Duration limit) : m_limit(limit) {}

	void look(core::Time now, std::uint64_t counter)
	{
		if (counter != m_counter || counter == 0) {
			m_counter = counter;
			m_moved_at = now;
		}
		m_hangs = now - m_moved_at > m_limit;
	}
	void grant(core::Duration away) { m_moved_at += away; }
	[[nodiscard]] bool hangs() const { return m_hangs; }

private:
	core::Duration m_limit;
	std::uint64_t m_counter = 0;
	core::Time m_moved_at{};
	bool m_hangs = false;
};

} // namespace systole::dataplane
