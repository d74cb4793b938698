// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The standby's half (sync_sender.h): puts what frames say into its copy of the table, whatever the order they come in
// (every slot remembers the number of the frame that wrote it last), and says which frames came.
//
// Never an older generation after a newer one. A generation begins with the table as it is: what differs from the
// primary's is told anew or erased.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/sync_message.h"
#include "control/core/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

struct SyncReceiverCounters {
	std::uint64_t frames = 0;    // DATA taken
	std::uint64_t records = 0;   // taken, erasures included
	std::uint64_t old = 0;       // records that a later frame had already overtaken
	std::uint64_t again = 0;     // DATA frames that had come before
	std::uint64_t stale = 0;     // frames of an older generation
	std::uint64_t closed = 0;    // frames of a generation that was not opened yet
	std::uint64_t bad = 0;       // frames that do not parse
	std::uint64_t beyond = 0;    // records of slots that this table does not have
	std::uint64_t checks = 0;    // CHECK answered
	std::uint64_t differing = 0; // blocks found different
};

// What became of the copy, for whoever keeps the kernel alike.
class SyncSink {
public:
	virtual ~SyncSink() = default;
	virtual void stored(SlotNumber slot) = 0; // is now what table.at(slot) says
	// `record` stood in `slot` and no longer does; the slot may hold another now.
	virtual void erased(SlotNumber slot, const SessionRecord &record) = 0;
	// Where it stands, and whether everything that it had been told by then is where it belongs.
	[[nodiscard]] virtual std::uint64_t mark() { return 0; }
	[[nodiscard]] virtual bool reached(std::uint64_t) const { return true; }
};

class SyncReceiver {
public:
	[[nodiscard]] static std::size_t words_for(
		std::size_t capacity); // 64 bits each: the frame numbers of all slots
	SyncReceiver(SessionTable &table, SyncSink &sink, std::span<std::uint64_t> memory);

	// False: refused, and counted why. True: who sent it is who our frames are for.
	bool receive(std::span<const std::byte> frame, Time now);
	// ACK or DIFFER, 0: nothing now. `room`: how many frames we can take at once.
	[[nodiscard]] std::size_t next_frame(Time now, std::size_t room, std::span<std::byte> out);
	[[nodiscard]] Time next_deadline() const;
	// We follow nobody any more (we are primary); the highest generation stays in memory.
	void stop();

	[[nodiscard]] std::optional<std::uint64_t> generation() const; // that we follow
	[[nodiscard]] bool in_step() const { return m_in_step; } // the last CHECK was equal, and nothing came since
	// The sender has told the last it had to tell, and it is in the table.
	[[nodiscard]] bool ended() const { return m_open && m_ended; }
	[[nodiscard]] bool whole() const { return m_whole; } // some CHECK was equal: changes since are all we may lack
	[[nodiscard]] Time last_frame() const { return m_last_frame; }
	[[nodiscard]] const SyncReceiverCounters &counters() const { return m_counters; }

private:
	void open(const SyncHead &head, const SyncOpen &body);
	bool take_data(const SyncHead &head, std::span<const std::byte> frame, Time now);
	void compare(const SyncHead &head, const SyncDigests &question);
	void take_fence(const SyncFence &question);
	void apply(const SyncTold &told, std::uint32_t hash, std::uint64_t number, bool newest);
	void store(const SyncTold &told, std::uint32_t hash, std::uint64_t number);
	void erase(SlotNumber slot);
	void erase_surplus();
	void settle_up_to(std::uint64_t number);
	void answer(std::uint32_t ask, SyncAnswer what);
	void acknowledge_by(Time at);
	bool following(const SyncHead &head, std::uint32_t ask);
	[[nodiscard]] bool comparable(const SyncHead &head) const;
	[[nodiscard]] bool came(std::uint64_t number) const;
	void set_came(std::uint64_t number, bool value);

	SessionTable &m_table;
	SyncSink &m_sink;
	std::span<std::uint64_t> m_written_by; // frame, by slot; 0: none of this generation
	SyncReceiverCounters m_counters;

	std::uint64_t m_generation = 0; // the highest seen
	bool m_seen = false;            // any
	bool m_open = false;
	bool m_stopped = false; // that generation is over for us
	bool m_in_step = false;
	std::uint32_t m_fence = 0;      // asked about last; 0: none
	std::uint64_t m_fence_mark = 0; // the sink's, when it was asked about first
	bool m_ended = false;
	bool m_whole = false; // of this generation
	Time m_last_frame{};

	std::size_t m_peer_slots = 0;
	SlotNumber m_surplus = 0;    // from it on slots that the peer does not have may still be taken
	std::uint64_t m_settled = 0; // all up to it
	std::uint64_t m_highest = 0; // that has come
	std::array<std::uint64_t, sync_window / 64> m_came{}; // a ring of bits, by number

	std::size_t m_unacknowledged = 0; // frames
	Time m_acknowledge_at = never;
	bool m_answer_due = false;
	std::uint32_t m_ask = 0;
	SyncAnswer m_answer = SyncAnswer::none;
	std::uint64_t m_answer_number = 0; // if `closed`
	bool m_differ_due = false;
	SyncDiffer m_differ;
	std::size_t m_told_room = 0;
};

} // namespace systole::core
