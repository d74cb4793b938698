// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The primary's half of session synchronisation, one for each standby. It replicates state and not a log: which slots the
// peer does not have yet is a set of bits, a frame carries what those slots hold at that moment, and a frame that was lost
// puts its slots back into the set. So live changes, the first fill, repair and retransmission are the same thing, a
// session that changes ten times while the link is busy is told once, and memory is bounded whatever happens.
//
//   changed slots --> to_tell --next_frame--> in flight --ack--> told
//                        ^-------- named missing, or too old -----|
//   nothing to tell, nothing in flight --> CHECK (digest of all) --> equal: in step
//                                                               \-> blocks that differ --> their slots into to_tell
//
// A fence asks when the peer has what there is now, whatever changes meanwhile: the slots that it may lack are noted, each
// is struck off when a frame that carried it then or later is confirmed, and when none is left the peer is asked whether
// its data plane has come that far too. With changes that never end nothing is ever in step, but every fence is passed.
//
// Frames (docs/PROTOCOL.md "Session synchronisation") ride in ESP of the session class, which gives authenticity and
// protection against replays. A generation is one claim of the role by one member; frames of another one are ignored.
// Pure: told the time, asked for frames.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/slot_set.h"
#include "control/core/session/sync_message.h"
#include "control/core/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace systole::core {

struct SyncSenderCounters {
	std::uint64_t frames = 0;       // DATA, first time and again
	std::uint64_t records = 0;      // told, erasures included
	std::uint64_t record_bytes = 0; // of DATA frames, heads included
	std::uint64_t frames_lost = 0;  // their slots were told again
	std::uint64_t checks = 0;       // CHECK sent
	std::uint64_t repairs = 0;      // blocks told again because digests differed
	std::uint64_t bad = 0;          // frames of the peer that do not parse or make no sense
	std::uint64_t stale = 0;        // frames of the peer about another generation
};

class SyncSender {
public:
	struct Memory { // given by the owner, see *_for(capacity)
		std::span<std::uint64_t> words;
		std::span<std::byte> flights;
	};
	[[nodiscard]] static std::size_t words_for(std::size_t capacity);
	[[nodiscard]] static std::size_t flight_bytes();
	SyncSender(const SessionTable &table, Memory memory);

	// A peer that is new, or back, or a claim that is new: asks first which blocks it already has (it may be a copy from
	// the claim before), then tells the others. `generation` must rise.
	void begin(std::uint64_t generation, Time now);
	void stop();
	[[nodiscard]] bool running() const;
	[[nodiscard]] bool answered() const { return m_stage != Stage::stopped && m_stage != Stage::opening; }

	void changed(SlotNumber slot); // put or erased
	// `number`: another one than before, not 0. `last`: nothing changes any more, and the peer need not follow us longer.
	void fence(std::uint32_t number, bool last);
	// A frame of the peer: ACK or DIFFER.
	void receive(std::span<const std::byte> frame, Time now);
	// The next frame to send, 0: nothing now. Call until 0, as long as the link takes more.
	[[nodiscard]] std::size_t next_frame(Time now, std::span<std::byte> out);
	// When next_frame() has something without anything else having happened; not after `now` if it has something now.
	[[nodiscard]] Time next_deadline() const;

	[[nodiscard]] std::uint32_t fence() const { return m_fence; } // the last one, 0: none in this stream
	[[nodiscard]] bool fence_passed() const { return m_fence_stage == FenceStage::passed; }
	[[nodiscard]] bool before_fence(SlotNumber slot) const { return m_fenced.contains(slot); } // and unconfirmed
	[[nodiscard]] bool in_step() const;        // the peer has confirmed our present digest
	[[nodiscard]] std::size_t at_risk() const; // slots that the peer has not confirmed: what a crash now would lose
	[[nodiscard]] Time oldest_unconfirmed() const;       // since when at_risk() is not 0, `never` if it is
	[[nodiscard]] bool confirmed(SlotNumber slot) const; // the peer holds what the slot holds now
	[[nodiscard]] std::size_t in_flight() const { return m_open_frames; } // frames
	[[nodiscard]] std::uint64_t generation() const { return m_generation; }
	[[nodiscard]] const SyncSenderCounters &counters() const { return m_counters; }

private:
	enum class Stage : std::uint8_t {
		stopped,
		opening,   // OPEN has no answer yet: nothing is told
		comparing, // DIGESTS, from m_walk_block on
		running,
	};
	enum class FenceStage : std::uint8_t {
		none,
		unknown, // not before it is known what the peer has
		telling, // m_fenced
		asking,
		passed,
	};
	// A frame that is neither confirmed nor given up.
	struct Flight {
		Time sent_at;
		Time since; // not later than the oldest change in it
		std::uint16_t count;
		bool open;
		std::array<SlotNumber, max_told> slots;
	};
	struct Question {
		bool open = false; // has no answer yet
		SyncKind kind = SyncKind::open;
		std::uint32_t ask = 0;
		Time sent_at{};
		Time not_before{};         // the next one
		unsigned tries = 0;        // without an answer
		std::uint64_t changes = 0; // CHECK: m_changes when it was sent
		std::uint32_t blocks = 0;  // DIGESTS: how many
	};

	void reopen(Time now);
	void opened(const SyncHead &head, const SyncAck &ack, Time now);
	void end_walk();
	void answered(const SyncAck &ack, Time now);
	void take_ack(const SyncHead &head, const SyncAck &ack, Time now);
	void take_differ(const SyncHead &head, const SyncDiffer &differ, Time now);
	void take_room(const SyncHead &head);
	void mark(SlotNumber slot, Time since);
	void raise_fence();
	void lower_fence();
	void pass_fence(std::uint64_t number);
	void strike_off(SlotNumber slot);
	void confirm(std::uint64_t number);
	void settle(std::uint64_t number);
	void lose(std::uint64_t number);
	void lose_overtaken(std::uint64_t newest);
	void lose_expired(Time now);
	void measure(Duration round_trip);
	[[nodiscard]] Duration patience(unsigned tries) const;
	[[nodiscard]] std::size_t tell(Time now, std::span<std::byte> out);
	[[nodiscard]] std::size_t ask(Time now, std::span<std::byte> out);
	[[nodiscard]] SlotNumber next_to_tell() const; // no_slot: nothing that the peer has a slot for
	[[nodiscard]] bool may_tell() const;
	[[nodiscard]] Time question_at() const;
	[[nodiscard]] std::size_t common_blocks() const;
	[[nodiscard]] std::uint64_t common_digest() const;
	[[nodiscard]] Flight &flight(std::uint64_t number) { return m_flights[number % sync_window]; }
	[[nodiscard]] const Flight &flight(std::uint64_t number) const { return m_flights[number % sync_window]; }
	// In which flight a slot was told last, if that one is still open; sixteen bits a slot.
	static constexpr std::uint16_t no_flight = 0xffff;
	[[nodiscard]] std::uint16_t flight_of(SlotNumber slot) const;
	void set_flight(SlotNumber slot, std::uint16_t flight);

	const SessionTable &m_table;
	SlotSet m_to_tell; // none of them in an open flight
	SlotSet m_fenced;  // what they held when the fence was raised is not confirmed
	std::span<std::uint64_t> m_flight_of;
	std::span<Flight> m_flights;
	SyncSenderCounters m_counters;

	Stage m_stage = Stage::stopped;
	std::uint64_t m_generation = 0;
	Time m_now{}; // as last told
	std::uint64_t m_next_number = 1;
	std::uint64_t m_oldest = 1; // open flight, m_next_number: none
	std::size_t m_open_frames = 0;
	std::size_t m_open_slots = 0;
	std::uint64_t m_opened_at = 0; // frames up to it went before OPEN
	std::uint32_t m_opened_ask = 0;

	// Slots are told in rounds from the lowest to the highest: since when those of this one wait, and of the next one.
	SlotNumber m_cursor = 0;
	Time m_since = never;
	Time m_since_next = never;
	Time m_unknown_since = never; // since when the peer's table is not known

	std::size_t m_peer_slots = 0;
	std::size_t m_room = 0;
	std::uint64_t m_peer_number = 0; // the highest it has named
	std::size_t m_window = sync_window;
	Duration m_round_trip{};
	Duration m_deviation{};
	unsigned m_backoff = 0;
	std::uint64_t m_backoff_at = 0; // frames from it on count for the next doubling

	Question m_question;
	std::uint32_t m_last_ask = 0;
	FenceStage m_fence_stage = FenceStage::none;
	std::uint32_t m_fence = 0;
	bool m_fence_last = false;
	std::uint64_t m_fence_after = 0; // frames up to it were sent before the fence was raised
	bool m_compared = false;         // every block, since OPEN
	std::uint32_t m_walk_block = 0;
	Time m_walk_since{};
	Time m_checked_at{};
	unsigned m_early = 0;   // answers in a row that were
	unsigned m_unequal = 0; // walks in a row that did not help
	std::uint64_t m_changes = 0;
	bool m_equal = false; // the last answer to CHECK, when m_changes was m_equal_changes
	std::uint64_t m_equal_changes = 0;
};

} // namespace systole::core
