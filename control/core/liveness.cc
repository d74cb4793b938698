// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/liveness.h"

#include <algorithm>

namespace systole::core {

LivenessTiming LivenessTiming::from(Duration interval, std::uint8_t lost_threshold)
{
	return {interval * lost_threshold, lost_threshold + std::uint64_t{5}, lost_threshold};
}

void LinkLiveness::start()
{
	*this = LinkLiveness{};
}

BeatVerdict LinkLiveness::on_beat(Time now, const BeatStamp &stamp, const LivenessTiming &timing)
{
	if (stamp.echo > m_tx)
		return BeatVerdict::rollback;
	if (stamp.tx > m_rx) {
		// The first beat of a session may carry any number: what came before it was sent before we could open it.
		if (m_rx != 0)
			m_lost_beats += stamp.tx - m_rx - 1;
		m_rx = stamp.tx;
		m_rx_sent_ns = stamp.sent_ns;
		m_rx_at = now;
	}
	const bool fresh = m_tx - stamp.echo <= timing.echo_slack || m_tx <= timing.echo_grace;
	if (!fresh) {
		m_last_stale = now;
		return BeatVerdict::stale;
	}
	m_last_fresh = now;
	m_granted = Duration::zero();
	m_state = State::alive;
	return BeatVerdict::fresh;
}

Time LinkLiveness::deadline(const LivenessTiming &timing) const
{
	switch (m_state) {
	case State::alive: return m_last_fresh + timing.dead + m_granted;
	case State::one_way: return m_last_stale + timing.dead + m_granted;
	case State::unknown:
	case State::lost: break;
	}
	return never;
}

bool LinkLiveness::judge(Time now, const LivenessTiming &timing)
{
	// A stale beat after loss shows the link as one-way again.
	if (m_state == State::lost && m_last_stale > m_last_fresh && m_last_stale + timing.dead > now) {
		m_state = State::one_way;
		return true;
	}
	const Time due = deadline(timing);
	if (due == never || now < due)
		return false;
	const bool still_heard =
		m_state == State::alive && m_last_stale > m_last_fresh && m_last_stale + timing.dead > now;
	m_state = still_heard ? State::one_way : State::lost;
	m_granted = Duration::zero();
	return true;
}

void LinkLiveness::fill_echo(Time now, BeatStamp &stamp) const
{
	stamp.echo = m_rx;
	stamp.echo_sent_ns = m_rx_sent_ns;
	const auto held = std::chrono::duration_cast<std::chrono::microseconds>(now - m_rx_at).count();
	stamp.echo_held_us = m_rx == 0 ? 0 : static_cast<std::uint32_t>(std::clamp<std::int64_t>(held, 0, UINT32_MAX));
}

} // namespace systole::core
