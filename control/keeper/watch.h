// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When the keeper takes the addresses away. Pure.
//
//   vital      what systoled's worker last said of itself, or when the addresses were armed, whichever is later
//   due        vital + dead interval + what the keeper was itself late in the meantime
//
// Not before the dead interval: until then nobody else has the addresses, and the kernel goes on forwarding. The keeper
// looks several times in a dead interval and counts how much later than planned it was woken, because whatever kept it may
// have kept systoled from turning too (a virtual machine that was stopped). As in the worker's own detector, one such
// stall counts in full, and all further ones together no more than four dead intervals.
#pragma once

#include "control/core/types.h"

#include <algorithm>

namespace systole::control {

class KeeperWatch {
public:
	KeeperWatch(core::Duration dead, core::Duration look_interval) : m_dead(dead), m_look_interval(look_interval) {}

	// `vital` as it reads now. True: take everything away now.
	[[nodiscard]] bool look(core::Time now, core::Time vital)
	{
		if (vital != m_vital) {
			m_vital = vital;
			m_granted = m_further = core::Duration::zero();
		}
		// Before its last sign of life nothing kept systoled.
		if (now > m_next + punctual)
			grant(std::max(now - std::max(m_next, m_vital), core::Duration::zero()));
		const core::Time due = m_vital + m_dead + m_granted;
		m_next = std::min(due, now + m_look_interval);
		return now >= due;
	}
	// When to look again.
	[[nodiscard]] core::Time due() const { return m_next; }

private:
	static constexpr core::Duration punctual = std::chrono::milliseconds{2};
	static constexpr int cap_in_dead_intervals = 4;

	void grant(core::Duration late)
	{
		if (m_granted != core::Duration::zero()) {
			late = std::min(late, m_dead * cap_in_dead_intervals - m_further);
			m_further += late;
		}
		m_granted += late;
	}

	core::Duration m_dead;
	core::Duration m_look_interval;
	core::Time m_vital{};
	core::Duration m_granted{};
	core::Duration m_further{};
	core::Time m_next = core::never - punctual;
};

} // namespace systole::control
