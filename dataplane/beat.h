// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When the next heartbeat round is due. Rounds stand on a fixed grid: lateness does not shift it, and rounds that
// were slept through are skipped, because a receiver gains nothing from two beats in a row. Pure.
#pragma once

#include "control/core/types.h"

namespace systole::dataplane {

class BeatGrid {
public:
	explicit BeatGrid(core::Duration interval) : m_interval(interval) {}

	void start(core::Time first) { m_next = first; }
	[[nodiscard]] core::Time next() const { return m_next; } // `never` before start()
	[[nodiscard]] bool due(core::Time now) const { return now >= m_next; }
	// Takes the round that is due and says how late it is.
	core::Duration take(core::Time now)
	{
		const core::Duration late = now - m_next;
		m_next += m_interval * (late / m_interval + 1);
		return late;
	}

private:
	core::Duration m_interval;
	core::Time m_next = core::never;
};

} // namespace systole::dataplane
