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

Duration age_of(Time now, const BeatStamp &stamp)
{
	return age_of(now, stamp, held_of(stamp));
}

Duration age_of(Time now, const BeatStamp &stamp, Duration held)
{
	// Authentic numbers may still be nonsense.
	if (stamp.echo == 0 || stamp.echo_sent_ns < 0 || stamp.echo_sent_ns > now.time_since_epoch().count())
		return age_unknown;
	return now - Time{Duration{stamp.echo_sent_ns}} - held;
}

Duration held_of(const BeatStamp &stamp)
{
	return std::chrono::microseconds{stamp.echo_held_us};
}

Duration drift_of(Duration held)
{
	return held / 900;
}

// The field ends after 71 minutes; while the echo stays the same, the sender's own clock goes on.
Duration LinkLiveness::held_for(const BeatStamp &stamp)
{
	if (stamp.echo != m_held_echo || stamp.sent_ns < m_held_sent_ns) {
		m_held_echo = stamp.echo;
		m_held_sent_ns = stamp.sent_ns;
		m_held_first = held_of(stamp);
	}
	constexpr std::int64_t longest_ns = std::int64_t{1} << 60; // 36 years
	const std::uint64_t since =
		static_cast<std::uint64_t>(stamp.sent_ns) - static_cast<std::uint64_t>(m_held_sent_ns);
	return m_held_first + Duration{static_cast<std::int64_t>(std::min<std::uint64_t>(since, longest_ns))};
}

BeatVerdict LinkLiveness::on_beat(Time now, const BeatStamp &stamp, const LivenessTiming &timing)
{
	if (stamp.echo > m_tx)
		return BeatVerdict::rollback;
	if (stamp.tx > m_rx) {
		// The first beat of a session may carry any number: what came before it was sent before we could open it.
		if (m_rx != 0)
			m_lost_beats += stamp.tx - m_rx - 1;
		else
			m_first_rx = stamp.tx;
		m_rx = stamp.tx;
		m_rx_sent_ns = stamp.sent_ns;
		m_rx_at = now;
	} else if (stamp.tx > m_first_rx && m_lost_beats != 0) {
		--m_lost_beats; // overtaken, not lost
	}
	if (m_tx - stamp.echo <= timing.echo_slack || m_tx <= timing.echo_grace) {
		m_last_fresh = now;
		m_granted = Duration::zero();
		m_half_heard_since = never;
		m_state = State::alive;
		return BeatVerdict::fresh;
	}
	const Duration held = held_for(stamp);
	const bool timely = age_of(now, stamp, held) <= timing.dead + drift_of(held);
	(timely ? m_last_timely : m_last_stale) = now;
	if (timely && m_state == State::one_way)
		m_granted = Duration::zero();
	if (m_half_heard_since == never && !life())
		m_half_heard_since = now;
	return timely ? BeatVerdict::timely : BeatVerdict::stale;
}

Time LinkLiveness::deadline(const LivenessTiming &timing) const
{
	switch (m_state) {
	case State::alive: return std::max(m_last_fresh + timing.dead + m_granted, m_not_before);
	case State::one_way: return std::max(m_last_timely + timing.dead + m_granted, m_not_before);
	case State::stale: {
		const Time silent = m_last_stale + timing.dead + m_granted;
		return m_last_timely > m_last_fresh && m_half_heard_since != never
			       ? std::min(silent, m_half_heard_since + timing.dead)
			       : silent;
	}
	case State::unknown:
	case State::lost: break;
	}
	return m_half_heard_since == never ? never : m_half_heard_since + timing.dead;
}

// Nothing fresh has come for too long. What else has?
LinkLiveness::State LinkLiveness::state_after_silence(Time now, const LivenessTiming &timing) const
{
	if (m_last_timely > m_last_fresh && m_last_timely + timing.dead + m_granted > now)
		return State::one_way;
	if (m_last_stale > m_last_fresh && m_last_stale + timing.dead + m_granted > now)
		return State::stale;
	return State::lost;
}

bool LinkLiveness::judge(Time now, const LivenessTiming &timing)
{
	const Time due = deadline(timing);
	if (due == never || now < due)
		return false;
	const State before = m_state;
	m_state = state_after_silence(now, timing);
	if (before == State::unknown && m_state == State::lost)
		m_state = State::unknown;
	m_half_heard_since = m_state == State::stale ? now : never;
	m_granted = Duration::zero();
	return m_state != before;
}

void LinkLiveness::fill_echo(Time now, BeatStamp &stamp) const
{
	stamp.echo = m_rx;
	stamp.echo_sent_ns = m_rx_sent_ns;
	const auto held = std::chrono::duration_cast<std::chrono::microseconds>(now - m_rx_at).count();
	stamp.echo_held_us = m_rx == 0 ? 0 : static_cast<std::uint32_t>(std::clamp<std::int64_t>(held, 0, UINT32_MAX));
}

} // namespace systole::core
