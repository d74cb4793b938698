// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When the keeper takes the addresses away. Pure.
//
//   vital      what systoled's worker last said of itself, or when the addresses were armed, whichever is later
//   due        vital + dead interval
//
// Not before the dead interval: until then nobody else has the addresses, and the kernel goes on forwarding. The keeper
// sleeps until `due`; if it is woken late, whatever kept it may have kept systoled from turning too (a virtual machine
// that was stopped), so systoled gets as long again from that moment, at most a dead interval, and at most four of them
// in a row.
#pragma once

#include "control/core/types.h"

#include <algorithm>

namespace systole::control {

class KeeperWatch {
public:
	explicit KeeperWatch(core::Duration dead) : m_dead(dead) {}

	// `vital` as it reads now. True: take everything away now.
	[[nodiscard]] bool look(core::Time now, core::Time vital)
	{
		if (vital != m_vital) {
			m_vital = vital;
			m_granted = core::Duration::zero();
			m_due = m_vital + m_dead;
		} else if (now > m_due + punctual) {
			const core::Duration grant =
				std::min({now - m_due, m_dead, m_dead * cap_in_dead_intervals - m_granted});
			m_granted += grant;
			m_due = now + grant;
		}
		return now >= m_due;
	}
	// When to look again.
	[[nodiscard]] core::Time due() const { return m_due; }

private:
	static constexpr core::Duration punctual = std::chrono::milliseconds{2};
	static constexpr int cap_in_dead_intervals = 4;

	core::Duration m_dead;
	core::Time m_vital{};
	core::Duration m_granted{};
	core::Time m_due = core::never;
};

} // namespace systole::control
