// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When control must tell the core that this member was away (core::Absent) and when it is back. Pure; the daemon and the
// simulator share it.
//
// Two facts decide: whether the worker turned within the dead interval, and the number of its present silence. Control
// looks before everything it does, because after a sleep it may find old timers and messages first.
#pragma once

#include "control/core/node.h"

#include <cstdint>

namespace systole::control {

class Attendance {
public:
	enum class Word : std::uint8_t { nothing, absent, returned };
	struct Worker {
		bool turned_lately = false; // within the dead interval
		std::uint32_t silence = 0;  // 0: it may be heard
	};

	[[nodiscard]] Word look(core::Presence presence, Worker worker) const
	{
		const bool may_act = worker.turned_lately && (worker.silence == 0 || worker.silence == m_ended);
		switch (presence) {
		case core::Presence::present: return may_act ? Word::nothing : Word::absent;
		case core::Presence::returning: return away_again(worker) ? Word::absent : Word::nothing;
		// The worker saw no gap of its own: control alone was misled by the order in which the two were woken.
		case core::Presence::absent: return may_act ? Word::returned : Word::nothing;
		}
		return Word::nothing;
	}
	// The worker says that it is back from the silence with this number.
	[[nodiscard]] Word returned(std::uint32_t number, Worker worker)
	{
		m_returned = number;
		return away_again(worker) ? Word::absent : Word::returned; // it spoke of an earlier absence
	}
	// The core has looked around: the number for EndSilence. The worker may take a moment to know.
	[[nodiscard]] std::uint32_t end()
	{
		m_ended = m_returned;
		return m_ended;
	}

private:
	[[nodiscard]] bool away_again(Worker worker) const
	{
		return !worker.turned_lately || (worker.silence != 0 && worker.silence != m_returned);
	}

	std::uint32_t m_returned = 0;
	std::uint32_t m_ended = 0;
};

} // namespace systole::control
