// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Is one peer alive on one link? A beat counts as life only if it is authentic (the caller has seen to that) and proves
// when it was sent: by an echo of a recent beat of ours (fresh), or, when the peer no longer hears us, by the time it
// says it has held our last one (timely: both times are intervals of one clock each, so clocks need not agree). What
// was held back on the wire and released later proves neither and keeps nobody alive.
//
//             first fresh beat              fresh beat
//   unknown ------------------> alive <---------------------- one_way, stale, lost
//                                 |  nothing fresh for dead       ^
//                                 +-------------------------------+   one_way while timely beats come, stale while
//                                                                     authentic beats without proof come, else lost
//
// Out of lost a link counts as one_way or stale only after a dead interval of such beats: the first beats after a cut
// has healed are of that kind too.
// Pure: time is an argument. The worker runs one of these per peer and link, and so does the simulator.
#pragma once

#include "control/core/heartbeat.h"
#include "control/core/types.h"

#include <cstdint>

namespace systole::core {

struct LivenessTiming {
	Duration dead{};               // hb-interval x hb-lost-threshold
	std::uint64_t echo_slack = 25; // beats an echo may be behind: hb-lost-threshold + 5
	std::uint64_t echo_grace = 20; // own beats after set-up during which any echo will do: hb-lost-threshold

	[[nodiscard]] static LivenessTiming from(Duration interval, std::uint8_t lost_threshold);
};

enum class BeatVerdict : std::uint8_t {
	fresh,    // life, and the peer hears us
	timely,   // life, but the peer has not heard us for a while
	stale,    // authentic, but no proof of when it was sent
	rollback, // echoes a beat we have not sent: this process was set back to an earlier state
};

class LinkLiveness {
public:
	enum class State : std::uint8_t { unknown, alive, one_way, stale, lost };

	// A new session: numbers start again, nothing heard yet.
	void start();
	// Number for the next beat to this peer on this link.
	[[nodiscard]] std::uint64_t next_tx() { return ++m_tx; }
	// Takes one authentic beat that arrived at `now`.
	[[nodiscard]] BeatVerdict on_beat(Time now, const BeatStamp &stamp, const LivenessTiming &timing);
	// Judges the deadline. True if the state changed; read it with state().
	[[nodiscard]] bool judge(Time now, const LivenessTiming &timing);
	// The caller was itself away for `away` and could not have heard anything: the deadline moves by exactly that.
	void grant(Duration away) { m_granted += away; }
	// Nor is the peer judged silent before that.
	void not_before(Time moment) { m_not_before = moment; }
	// The moment judge() would change the state, `never` if it would not.
	[[nodiscard]] Time deadline(const LivenessTiming &timing) const;

	[[nodiscard]] State state() const { return m_state; }
	[[nodiscard]] bool life() const { return m_state == State::alive || m_state == State::one_way; }
	// The last beat that counted as life.
	[[nodiscard]] Time last_life() const { return m_last_fresh < m_last_timely ? m_last_timely : m_last_fresh; }
	[[nodiscard]] std::uint64_t tx() const { return m_tx; }
	[[nodiscard]] std::uint64_t rx() const { return m_rx; } // the peer's highest number so far
	// By the peer's own count. May fall again: a beat that was overtaken is no lost one once it has come.
	[[nodiscard]] std::uint64_t lost_beats() const { return m_lost_beats; }
	// What the next stamp must say of the last beat heard.
	void fill_echo(Time now, BeatStamp &stamp) const;

private:
	[[nodiscard]] Duration held_for(const BeatStamp &stamp);
	[[nodiscard]] State state_after_silence(Time now, const LivenessTiming &timing) const;

	State m_state = State::unknown;
	std::uint64_t m_tx = 0;
	std::uint64_t m_rx = 0; // highest tx accepted from the peer
	std::uint64_t m_first_rx = 0;
	std::uint64_t m_lost_beats = 0;
	std::int64_t m_rx_sent_ns = 0;
	Time m_rx_at{};
	Time m_last_fresh{};
	Time m_last_timely{};
	Time m_last_stale{};
	Time m_half_heard_since = never; // timely or stale beats come although the link does not count as alive
	std::uint64_t m_held_echo = 0;   // the echo that stands still, and when it first did
	std::int64_t m_held_sent_ns = 0;
	Duration m_held_first{};
	Duration m_granted{};
	Time m_not_before{};
};

// How old the beat is by our own clock, the way through the network included; age_unknown if it echoes nothing. One
// clock measures from our beat to now, the peer's how long it has held that beat: what is left was on the way.
[[nodiscard]] Duration age_of(Time now, const BeatStamp &stamp);
[[nodiscard]] Duration age_of(Time now, const BeatStamp &stamp, Duration held);
[[nodiscard]] Duration held_of(const BeatStamp &stamp); // ends at 71 minutes, see LinkLiveness::held_for
inline constexpr Duration age_unknown = Duration::max();
// What two clocks of +-500 ppm each (and a little more) may drift apart while the peer held our beat.
[[nodiscard]] Duration drift_of(Duration held);

} // namespace systole::core
