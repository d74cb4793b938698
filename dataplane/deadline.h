// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How our own absence moves a peer's deadline, and up to which moment a port has been heard out. Pure.
#pragma once

#include "control/core/liveness.h"
#include "control/core/types.h"

#include <algorithm>
#include <cstdint>

namespace systole::dataplane {

// A peer is granted exactly the time we were away ourselves. One absence counts in full, however long: a frozen host
// has heard nothing. But a worker that is away again and again finds, each time it looks, what the NIC kept for it;
// so all further absences before the next beat of that peer together move its deadline by no more than `cap`.
class AwayBudget {
public:
	static constexpr int cap_in_dead_intervals = 4;

	[[nodiscard]] core::Duration take(core::Duration gap, core::Duration dead)
	{
		if (!m_absent) {
			m_absent = true;
			return gap;
		}
		const core::Duration granted = std::min(gap, dead * cap_in_dead_intervals - m_further);
		m_further += granted;
		return granted;
	}
	[[nodiscard]] bool absent() const { return m_absent; }
	// A fresh beat: the slate is clean.
	void reset() { *this = AwayBudget{}; }

private:
	bool m_absent = false;
	core::Duration m_further{};
};

// What an absence of ours that ended `now` means for one link of one peer: exactly that time back. If the whole machine
// was away for longer than the dead interval, the peer may have been frozen with it (one host, one hypervisor): it is then
// silent for a dead interval of its own before it re-enters, whatever had waited in our queue, and has half of one more to
// be heard.
inline void excuse_absence(core::LinkLiveness &liveness, AwayBudget &away, core::Time now, core::Duration gap,
			   core::Duration dead, bool machine_too)
{
	const bool first = !away.absent(); // since its last beat; further absences put nothing off for ever
	liveness.grant(away.take(gap, dead));
	if (first && gap > dead && machine_too)
		liveness.not_before(now + dead * 5 / 2);
}

// The moment up to which every frame that had arrived on a port has been looked at. A peer is judged at that moment
// and not at "now": under a flood its beats may still wait in the queue behind the noise. The queue is bounded, so
// the moment moves on even if the port is never found empty.
class HeardOut {
public:
	explicit HeardOut(std::uint32_t queue_frames) : m_queue_frames(queue_frames) {}

	// `frames` were taken at `now` (the time of the turn); `empty`: there were no more.
	void took(core::Time now, std::uint32_t frames, bool empty)
	{
		if (empty) {
			m_until = now;
			m_backlog = 0;
			return;
		}
		if (m_backlog == 0)
			m_mark = now;
		m_backlog += frames;
		if (m_backlog >= m_queue_frames) {
			m_until = m_mark;
			m_backlog = 0;
		}
	}
	[[nodiscard]] core::Time until() const { return m_until; }
	[[nodiscard]] std::uint32_t queue_frames() const { return m_queue_frames; }

private:
	std::uint32_t m_queue_frames;
	std::uint32_t m_backlog = 0; // frames taken since the mark without finding the queue empty
	core::Time m_mark{};
	core::Time m_until{};
};

} // namespace systole::dataplane
