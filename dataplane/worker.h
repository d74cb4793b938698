// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One poll core. A turn: own absence, commands, rx, beats that are due, judgement, one burst of session frames, events up.
//
//          control --commands--> [ turn ] --events--> control
//   session thread --frames----> [      ] --frames--> session thread
//                         ports --rx--^ |--tx--> ports
//
// A worker that finds it was away (gap between two turns longer than one heartbeat interval) first drains rx
// completely, grants every peer exactly the time it was away, confesses its lateness in the next beat and tells control.
// After a gap longer than the dead interval, or while control's turn counter stands still, others may have taken over: it
// is silent until control has looked around (EndSilence).
//
// No system call, log, lock or allocation after start; the nap of adaptive mode and the doorbell are the exceptions.
// turn() takes the time, so tests assign it.
#pragma once

#include "control/core/types.h"
#include "control/ring.h"
#include "dataplane/beat.h"
#include "dataplane/control_watch.h"
#include "dataplane/rx.h"
#include "dataplane/session_tx.h"
#include "dataplane/tsc_clock.h"
#include "dataplane/tx.h"
#include "dataplane/waiter.h"
#include "dataplane/worker_state.h"

#include <span>

namespace systole::dataplane {

class Worker {
public:
	Worker(const WorkerConfig &config, std::span<Port *const> ports, control::WorkerChannel &channel,
	       TscClock &clock);

	void turn(core::Time now);
	// Turns until channel.stop, then gives every SA back to control.
	void run();
	// The next moment at which turn() has something to do by itself.
	[[nodiscard]] core::Time next_wake() const;
	[[nodiscard]] core::Time next_look(core::Time now) const;

private:
	static constexpr int commands_per_turn = 64;

	void note_gap(core::Time now, core::Duration gap);
	void watch_control(core::Time now);
	void fall_silent();
	[[nodiscard]] bool silent() const { return m_channel.silence.load(std::memory_order_relaxed) != 0; }
	void come_back(core::Time now, core::Duration gap);
	void say_alive(core::Time now, core::Duration gap);
	void count_late(std::uint64_t late_us);
	void take_commands(core::Time now);
	void beat(core::Time now);
	void judge(core::Time now);
	void send_sessions(core::Time now);
	void ring_bells();
	[[nodiscard]] core::Time wake_for_others(core::Time now) const;
	void release_everything();

	void on(const control::InstallInbound &command, core::Time now);
	void on(const control::BindSession &command, core::Time now);
	void on(const control::InstallOutbound &command, core::Time now);
	void on(const control::RemoveSession &command, core::Time now);
	void on(const control::StartPeer &command, core::Time now);
	void on(const control::StopPeer &command, core::Time now);
	void on(const control::SetPeerMac &command, core::Time now);
	void on(const control::SetBeat &command, core::Time now);
	void on(const control::SendFrame &command, core::Time now);
	void on(const control::SendSealed &command, core::Time now);
	void on(const control::EndSilence &command, core::Time now);
	void clear_counters(core::PeerSlot slot);

	control::WorkerChannel &m_channel;
	TscClock &m_clock;
	WorkerState m_state;
	Rx m_rx;
	Tx m_tx;
	SessionTx m_session_tx;
	BeatGrid m_grid;
	bool m_turned = false;
	bool m_extra_round = false;
	core::Time m_last_turn{};
	ControlWatch m_control_watch;
	Waiter m_waiter;
	bool m_control_hangs = false;
	core::Time m_sessions_flow_until{};
	std::size_t m_session_frames = 0; // taken and sent in this turn
	core::Time m_silent_since{};
	std::uint32_t m_silence_number = 0; // of the last one
};

} // namespace systole::dataplane
