// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Session pickup: a thread of its own, so that a million sessions hold up neither control nor a beat.
//
//   source:  data plane --events, dump--> filter, delay --> table --> a sender for each member --frames--> worker
//   copy:    worker --frames--> receiver --> table --> commit queue --> data plane (hot), or commit() before a claim
//
// A planned change of the role overlaps: the successor claims while the old primary still forwards. So it stays a copy for
// that long, and the old primary goes on as the source of what it does to the end:
//
//   old primary  source ---> parting: release() done, the last told --fence--> copy
//   successor    copy -----> heir: claimed, and hears the rest ---------------> source: reads its own data plane, tells
//
// The stream of one generation is whole therefore, the next begins behind it, and neither waits for long: a predecessor
// that is gone, or says nothing, is not waited for.
//
// Control says what the situation is and never waits, but for commit(). A turn takes a bounded part of whatever waits, so
// that acknowledgements keep flowing while a table is filled.
#pragma once

#include "control/core/types.h"
#include "control/session_lanes.h"
#include "control/sessions/commit_queue.h"
#include "control/sessions/session_filter.h"
#include "control/sessions/session_situation.h"
#include "control/sessions/session_source.h"
#include "control/sessions/session_status.h"
#include "control/sessions/session_store.h"
#include "control/sessions/young_sessions.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace systole::control {

struct SessionSettings {
	core::MemberId self;
	bool hot = true; // session-commit
	core::Duration delay{};
	std::size_t capacity = 0; // sessions
	SessionFilterRules filter;
	Doorbell *control_bell = nullptr; // rung when a fence is passed, or the rest is told
};

// What commit() did, for the record of a takeover.
struct CommitReport {
	std::size_t waited_for = 0; // sessions that were not in the data plane when it was called
	std::size_t left = 0;       // when patience ended
	core::Duration took{};
};

class SessionEngine final : private SessionListener {
public:
	// `work_bell` wakes the worker at the other end of the lanes.
	SessionEngine(SessionSettings settings, SessionLanes &lanes, Doorbell &work_bell,
		      std::unique_ptr<SessionSource> source, std::unique_ptr<SessionSink> sink);
	~SessionEngine() override; // stop()
	SessionEngine(const SessionEngine &) = delete;
	SessionEngine &operator=(const SessionEngine &) = delete;

	// False: why session pickup cannot be; nothing was started.
	[[nodiscard]] bool start(std::string &error);
	void stop();

	// ---- control thread
	// Never waits: one that found no room follows with flush().
	void set(const SessionSituation &situation);
	void flush();
	// The role is about to be given away: what the data plane does from here on (the kernel ends masqueraded sessions
	// with their address) is not told to others as the end of a session.
	void hold() { m_held_at.store(m_told, std::memory_order_release); }
	// It has been: what the kernel has ended with the addresses is put again, once it is done with that.
	void renew()
	{
		m_released_at.store(m_told, std::memory_order_release);
		m_renew.store(true, std::memory_order_release);
		write_wake();
	}
	// Returns when the data plane has every session of the copy, or after `patience`; what is left then goes on by
	// itself.
	[[nodiscard]] CommitReport commit(core::Duration patience);
	[[nodiscard]] const SessionStatus &status() const { return m_status; }
	[[nodiscard]] double bytes_per_session() const { return m_store ? m_store->bytes_per_session() : 0; }

private:
	enum class Part : std::uint8_t { copy, heir, source, parting };

	void run();
	void write_wake() const;
	bool turn(core::Time now); // true: there is more to do
	void wait(core::Time now);
	bool take_situations(core::Time now);
	void become(const SessionSituation &next, core::Time now);
	void claim(core::Time now);
	void give_away(core::Time now);
	void become_source(core::Time now);
	void give_up_refused();
	void become_copy();
	void follow_hand_over(core::Time now);
	void raise_fence();
	void tell_rest(core::Time now);
	[[nodiscard]] bool rest_is_told();
	void end_parting(bool told);
	void drain_source();
	[[nodiscard]] core::SyncSender *stream_to_successor();
	void follow_peers(core::Time now);
	[[nodiscard]] std::uint64_t next_generation();
	bool take_frames(core::Time now);
	bool send_frames(core::Time now);
	bool trim_some();
	[[nodiscard]] bool tells() const { return m_part == Part::source || m_part == Part::parting; }
	[[nodiscard]] bool listens(core::Time now) const { return tells() && !held() && now >= m_next_poll; }
	// Since our claim.
	[[nodiscard]] bool held() const { return is_since(m_held_at, m_claimed_by); }
	[[nodiscard]] bool released() const { return is_since(m_released_at, m_given_by); }
	[[nodiscard]] static bool is_since(const std::atomic<std::uint32_t> &at, std::uint32_t situation)
	{
		return static_cast<std::int32_t>(at.load(std::memory_order_acquire) - situation) >= 0;
	}
	[[nodiscard]] bool follows(core::Time now) const; // somebody, and has what they have
	void look_after_source(core::Time now);
	void look_after_streams(core::Time now);
	void refresh_local_addresses(core::Time now);
	void publish(core::Time now);
	void say_refusals();
	[[nodiscard]] core::Time next_deadline() const;
	void keep(const core::SessionRecord &record);
	void changed(core::SlotNumber slot);
	void forget(core::SlotNumber slot);
	void seen_expectation(const core::SessionRecord &record);
	[[nodiscard]] bool strayed(const core::SessionRecord &record) const;

	// ---- SessionListener
	void seen(const core::SessionRecord &record) override;
	void ended(const core::SessionKey &key) override;
	void dump_began() override;
	void dump_ended() override;

	SessionSettings m_settings;
	SessionLanes &m_lanes;
	Doorbell &m_work_bell;
	std::unique_ptr<SessionSource> m_source;
	std::unique_ptr<SessionSink> m_sink;
	SessionFilter m_filter;
	std::unique_ptr<SessionStore> m_store;
	std::unique_ptr<YoungSessions> m_young;
	std::unique_ptr<CommitQueue> m_commits;
	std::unique_ptr<core::SyncReceiver> m_receiver;
	std::array<std::unique_ptr<SessionSender>, core::max_members> m_senders;
	SessionStatus m_status;

	// ---- session thread only
	SessionSituation m_situation;
	Part m_part = Part::copy;
	std::uint32_t m_claimed_by = 1;    // the situation that said that we hold the role
	std::uint32_t m_given_by = 1;      // and that somebody has it from us
	core::Time m_patience{};           // with a predecessor, or a successor
	std::uint64_t m_heard_before = 0;  // heir: records when it claimed
	std::uint32_t m_fence = 0;         // the last one
	std::uint32_t m_fenced = 0;        // the hand-over it is for
	bool m_rest_fenced = false;        // parting: behind the last one
	std::vector<core::IpBytes> m_left; // addresses of this machine after the release
	core::Time m_now{};
	core::PeerSlot m_followed = 0;              // whose frames the receiver took last
	core::PeerSlot m_next_sender = 1;           // whose turn it is
	std::uint32_t m_claimed_epoch = 0;          // when we became the source
	std::uint64_t m_generation = 0;             // of the last stream that was begun
	std::uint8_t m_outbid = 0;                  // times this claim began anew, because nobody listened
	std::uint8_t m_dump_round = 0;              // tag of slots that the present dump has told
	core::SlotNumber m_trimmed = core::no_slot; // where the walk is that gives sessions their usual lifetime back
	core::Time m_dump_began{};
	std::uint64_t m_dumped_before = 0;
	bool m_said_refused = false;
	bool m_source_failed = false;
	bool m_filled = false; // as a copy: of the followed generation we had everything once, our kernel included
	core::Time m_next_publication{};
	core::Time m_next_poll{};
	core::Time m_next_addresses{};
	core::Time m_next_renewal{};
	core::Time m_next_start{}; // of a source that did not start

	// ---- from control
	boost::lockfree::spsc_queue<SessionSituation, boost::lockfree::capacity<64>> m_situations;
	std::atomic<std::uint32_t> m_commits_wanted{0};
	std::atomic<std::uint32_t> m_commits_done{0};
	std::uint32_t m_told = 0; // control's: situations so far
	bool m_unsent = false;    // control's: the latest one waits for room
	SessionSituation m_latest;
	std::atomic<std::uint32_t> m_held_at{0};     // the latest situation then
	std::atomic<std::uint32_t> m_released_at{0}; // the latest situation then
	std::atomic<bool> m_renew{false};
	std::atomic<bool> m_stopping{false};
	int m_wake = -1; // eventfd
	int m_done = -1; // eventfd, written when m_commits_done has changed
	std::thread m_thread;
};

} // namespace systole::control
