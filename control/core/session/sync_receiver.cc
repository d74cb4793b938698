// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/session/sync_receiver.h"

#include <algorithm>
#include <cassert>

namespace systole::core {

namespace {

// A frame is acknowledged with so many others, or so long after it came.
constexpr std::size_t frames_per_ack = 32;
constexpr Duration longest_unacknowledged = std::chrono::milliseconds{5};
// Slots beyond the peer's table that one frame empties, so that no frame takes long.
constexpr std::size_t surplus_at_once = 4096;

} // namespace

std::size_t SyncReceiver::words_for(std::size_t capacity)
{
	return (capacity + slots_per_block - 1) / slots_per_block * slots_per_block; // as the table rounds it
}

SyncReceiver::SyncReceiver(SessionTable &table, SyncSink &sink, std::span<std::uint64_t> memory)
    : m_table(table), m_sink(sink), m_written_by(memory.first(table.capacity()))
{
}

bool SyncReceiver::receive(std::span<const std::byte> frame, Time now)
{
	const auto head = decode_sync_head(frame);
	const auto refuse = [](std::uint64_t &counter) {
		++counter;
		return false;
	};
	if (!head || !is_of_sender(head->kind))
		return refuse(m_counters.bad);
	if (m_seen && (head->generation < m_generation || (head->generation == m_generation && m_stopped)))
		return refuse(m_counters.stale);
	if (!m_seen || head->generation > m_generation) {
		stop();
		m_stopped = false;
		m_seen = true;
		m_generation = head->generation;
	}
	m_last_frame = now;
	if (m_open)
		erase_surplus();
	switch (head->kind) {
	case SyncKind::open:
		if (const auto body = decode_open(frame)) {
			open(*head, *body);
			return true;
		}
		break;
	case SyncKind::data: return take_data(*head, frame, now);
	case SyncKind::check:
		if (const auto body = decode_check(frame)) {
			if (!following(*head, body->ask))
				return true;
			++m_counters.checks;
			const bool equal = m_table.digest() == body->digest;
			answer(body->ask, !comparable(*head) ? SyncAnswer::early
					  : equal            ? SyncAnswer::equal
							     : SyncAnswer::different);
			m_in_step = m_answer == SyncAnswer::equal || (m_in_step && m_answer == SyncAnswer::early);
			m_whole = m_whole || m_in_step;
			return true;
		}
		break;
	case SyncKind::digests:
		if (const auto body = decode_digests(frame)) {
			if (!following(*head, body->ask))
				return true;
			compare(*head, *body);
			return true;
		}
		break;
	case SyncKind::probe:
		if (const auto ask = decode_probe(frame)) {
			if (!following(*head, *ask))
				return true;
			answer(*ask, SyncAnswer::probed);
			return true;
		}
		break;
	case SyncKind::fence:
		if (const auto body = decode_fence(frame)) {
			if (!following(*head, body->ask))
				return true;
			take_fence(*body);
			return true;
		}
		break;
	case SyncKind::ack:
	case SyncKind::differ: break;
	}
	return refuse(m_counters.bad);
}

// The first time: whatever has come before is not known any more, or was another generation's.
void SyncReceiver::open(const SyncHead &head, const SyncOpen &body)
{
	if (!m_open) {
		m_open = true;
		std::fill(m_written_by.begin(), m_written_by.end(), 0U);
		m_came.fill(0);
		m_settled = m_highest = head.number;
		m_peer_slots = body.slots;
		m_surplus = body.slots;
		m_told_room = sync_window;
		erase_surplus();
	}
	settle_up_to(head.number);
	answer(body.ask, m_table.size() == 0 ? SyncAnswer::opened_empty : SyncAnswer::opened);
}

// False: it must open first, and hears so.
bool SyncReceiver::following(const SyncHead &head, std::uint32_t ask)
{
	if (!m_open) {
		++m_counters.closed;
		answer(ask, SyncAnswer::closed);
		m_answer_number = head.number;
		return false;
	}
	settle_up_to(head.number - head.window);
	return true;
}

// Is our table what the peer's was when it asked?
bool SyncReceiver::comparable(const SyncHead &head) const
{
	return m_settled == head.number && m_highest == head.number && m_surplus >= m_table.high_mark();
}

bool SyncReceiver::take_data(const SyncHead &head, std::span<const std::byte> frame, Time now)
{
	if (!following(head, 0))
		return true;
	if (head.number <= m_settled || came(head.number)) {
		++m_counters.again;
		acknowledge_by(now + longest_unacknowledged);
		return true;
	}
	SyncToldList told;
	const std::size_t count = decode_data(frame, told);
	if (count == 0) {
		++m_counters.bad;
		return false;
	}
	const bool newest = head.number > m_highest;
	std::array<std::uint32_t, max_told> hashes;
	for (std::size_t i = 0; i < count; ++i)
		m_table.prefetch(hashes[i] = told[i].taken ? m_table.hash_of(told[i].record.key) : 0);
	for (std::size_t i = 0; i < count; ++i)
		apply(told[i], hashes[i], head.number, newest);
	++m_counters.frames;
	m_counters.records += count;
	m_in_step = false;
	m_highest = std::max(m_highest, head.number);
	set_came(head.number, true);
	settle_up_to(m_settled);
	++m_unacknowledged;
	acknowledge_by(m_unacknowledged >= frames_per_ack ? now : now + longest_unacknowledged);
	return true;
}

void SyncReceiver::apply(const SyncTold &told, std::uint32_t hash, std::uint64_t number, bool newest)
{
	if (told.slot >= std::min(m_table.capacity(), m_peer_slots)) {
		++m_counters.beyond;
		return;
	}
	std::uint64_t &written_by = m_written_by[told.slot];
	if (!newest && written_by > number) {
		++m_counters.old;
		return;
	}
	written_by = number;
	if (told.taken)
		store(told, hash, number);
	else
		erase(told.slot);
}

void SyncReceiver::store(const SyncTold &told, std::uint32_t hash, std::uint64_t number)
{
	const SessionKey &key = told.record.key;
	const auto here = m_table.at(told.slot);
	const bool stays = here && here->key == key;
	const SlotNumber elsewhere = stays ? no_slot : m_table.find(key, hash);
	// The session has moved, and the frame that says so has overtaken this one: all that is true of this one is that
	// what stood here has gone.
	if (elsewhere != no_slot && m_written_by[elsewhere] > number) {
		++m_counters.old;
		erase(told.slot);
		return;
	}
	const auto moved = elsewhere == no_slot ? std::nullopt : m_table.at(elsewhere);
	const auto outcome = m_table.put_at(told.slot, told.record, hash).outcome;
	if (here && !stays)
		m_sink.erased(told.slot, *here);
	if (moved)
		m_sink.erased(elsewhere, *moved);
	if (outcome != SessionTable::Outcome::unchanged)
		m_sink.stored(told.slot);
}

void SyncReceiver::erase(SlotNumber slot)
{
	if (const auto here = m_table.at(slot)) {
		m_table.erase(slot);
		m_sink.erased(slot, *here);
	}
}

void SyncReceiver::erase_surplus()
{
	for (std::size_t i = 0; i < surplus_at_once && m_surplus < m_table.high_mark(); ++i)
		erase(m_surplus++);
}

void SyncReceiver::compare(const SyncHead &head, const SyncDigests &question)
{
	m_differ = {};
	m_differ.ask = question.ask;
	m_differ.first_block = question.first_block;
	m_differ.count = static_cast<std::uint8_t>(question.digests.size());
	m_differ.early = !comparable(head);
	for (std::size_t i = 0; i < question.digests.size(); ++i) {
		const std::size_t block = question.first_block + i;
		const std::uint64_t ours = block < m_table.blocks() ? m_table.block_digest(block) : 0;
		if (ours == question.digests[i])
			continue;
		m_differ.differing[i / 8] |= static_cast<std::byte>(1U << (i % 8));
		++m_counters.differing;
	}
	m_differ_due = true;
}

// It is asked about when everything before it was confirmed, so that is in the table. After the last one the table is what
// counts, and whoever goes on with it sees to the data plane.
void SyncReceiver::take_fence(const SyncFence &question)
{
	if (m_fence != question.fence) {
		m_fence = question.fence;
		m_fence_mark = m_sink.mark();
	}
	m_ended = m_ended || question.last;
	answer(question.ask, m_ended || m_sink.reached(m_fence_mark) ? SyncAnswer::fenced : SyncAnswer::early);
}

void SyncReceiver::settle_up_to(std::uint64_t number)
{
	if (number > m_settled && number - m_settled >= sync_window)
		m_came.fill(0);
	else
		for (std::uint64_t gone = m_settled; gone < number;)
			set_came(++gone, false);
	m_settled = std::max(m_settled, number);
	while (came(m_settled + 1))
		set_came(++m_settled, false);
	m_highest = std::max(m_highest, m_settled);
}

// Of a number not more than the window above m_settled.
bool SyncReceiver::came(std::uint64_t number) const
{
	return (m_came[number % sync_window / 64] >> (number % 64) & 1U) != 0;
}

void SyncReceiver::set_came(std::uint64_t number, bool value)
{
	const std::uint64_t bit = std::uint64_t{1} << (number % 64);
	std::uint64_t &word = m_came[number % sync_window / 64];
	word = value ? word | bit : word & ~bit;
}

void SyncReceiver::answer(std::uint32_t ask, SyncAnswer what)
{
	m_ask = ask;
	m_answer = what;
	m_answer_due = true;
}

void SyncReceiver::acknowledge_by(Time at)
{
	m_acknowledge_at = std::min(m_acknowledge_at, at);
}

std::size_t SyncReceiver::next_frame(Time now, std::size_t room, std::span<std::byte> out)
{
	if (!m_seen || m_stopped)
		return 0;
	SyncHead head;
	head.generation = m_generation;
	head.window = static_cast<std::uint16_t>(std::min(room, sync_window));
	head.number = m_settled;
	if (m_differ_due) {
		m_differ_due = false;
		m_told_room = head.window;
		head.kind = SyncKind::differ;
		return encode(head, m_differ, out);
	}
	const bool room_again = m_open && m_told_room == 0 && room != 0;
	if (!m_answer_due && !room_again && m_acknowledge_at > now)
		return 0;
	SyncAck ack;
	ack.slots = static_cast<std::uint32_t>(m_table.capacity());
	if (m_answer_due) {
		ack.ask = m_ask;
		ack.answer = m_answer;
	}
	if (ack.answer == SyncAnswer::closed)
		head.number = m_answer_number;
	else
		for (std::uint64_t number = m_settled + 1; number <= m_highest; ++number)
			if (came(number))
				ack.came[(number - m_settled - 1) / 64] |= std::uint64_t{1}
									   << ((number - m_settled - 1) % 64);
	m_answer_due = false;
	m_unacknowledged = 0;
	m_acknowledge_at = never;
	m_told_room = head.window;
	head.kind = SyncKind::ack;
	return encode(head, ack, out);
}

Time SyncReceiver::next_deadline() const
{
	return m_answer_due || m_differ_due ? m_last_frame : m_acknowledge_at;
}

void SyncReceiver::stop()
{
	m_stopped = true;
	m_open = false;
	m_in_step = false;
	m_fence = 0;
	m_ended = false;
	m_whole = false;
	m_answer_due = false;
	m_differ_due = false;
	m_unacknowledged = 0;
	m_acknowledge_at = never;
}

std::optional<std::uint64_t> SyncReceiver::generation() const
{
	return m_open ? std::optional(m_generation) : std::nullopt;
}

} // namespace systole::core
