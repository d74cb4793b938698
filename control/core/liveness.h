// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Is one peer alive on one link? A beat counts as life only if it is authentic (the caller has seen to that) and
// echoes a recent beat of ours: what was held back on the wire and released later keeps nobody alive.
//
//             first fresh beat              fresh beat
//   unknown ------------------> alive <--------------------- lost / one_way
//                                 |  nothing fresh for dead     ^
//                                 +-----------------------------+   one_way while authentic but stale beats still come
//
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
	fresh,    // life
	stale,    // authentic, but its echo is old: the peer does not hear us, or the frame was held back
	rollback, // echoes a beat we have not sent: this process was set back to an earlier state
};

class LinkLiveness {
public:
	enum class State : std::uint8_t { unknown, alive, one_way, lost };

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
	// The moment judge() would change the state, `never` if it would not.
	[[nodiscard]] Time deadline(const LivenessTiming &timing) const;

	[[nodiscard]] State state() const { return m_state; }
	[[nodiscard]] Time last_fresh() const { return m_last_fresh; }
	[[nodiscard]] std::uint64_t tx() const { return m_tx; }
	[[nodiscard]] std::uint64_t lost_beats() const { return m_lost_beats; }
	// What the next stamp must say of the last beat heard.
	void fill_echo(Time now, BeatStamp &stamp) const;

private:
	State m_state = State::unknown;
	std::uint64_t m_tx = 0;
	std::uint64_t m_rx = 0; // highest tx accepted from the peer
	std::uint64_t m_lost_beats = 0;
	std::int64_t m_rx_sent_ns = 0;
	Time m_rx_at{};
	Time m_last_fresh{};
	Time m_last_stale{};
	Duration m_granted{};
};

} // namespace systole::core
