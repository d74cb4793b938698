// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/session/sync_sender.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace systole::core {

namespace {

using std::chrono::milliseconds;

// A frame that so many later ones have overtaken is lost, and one that a frame sent so much later has overtaken.
constexpr std::uint64_t overtaken_by = 64;
constexpr Duration overtaken_after = milliseconds{2};
// What has no answer for so long is lost; doubled every time in a row.
constexpr Duration shortest_patience = milliseconds{20};
constexpr Duration longest_patience = milliseconds{500};
constexpr unsigned most_doublings = 5;
constexpr std::size_t smallest_window = 16;

constexpr Duration check_after_changes = milliseconds{10};
constexpr Duration check_while_open = milliseconds{100}; // frames are: the answer may well be `early`
constexpr Duration check_always = milliseconds{1000};
constexpr Duration compare_anyway = milliseconds{100}; // even though changes do not end
constexpr Duration compare_again = milliseconds{5};    // after an answer that was early
constexpr unsigned most_early = 4;
constexpr Duration fence_again = milliseconds{2}; // after an answer that was early
constexpr Duration probe_pause =
	milliseconds{50}; // the peer says by itself that it has room again, but that may be lost

constexpr std::size_t slots_per_word = 4;

// The memory holds sets of whole blocks, as the table does.
std::size_t rounded_up(std::size_t capacity)
{
	return (capacity + slots_per_block - 1) / slots_per_block * slots_per_block;
}

// Questions are numbered around.
bool later(std::uint32_t a, std::uint32_t b)
{
	return static_cast<std::int32_t>(a - b) > 0;
}

} // namespace

std::size_t SyncSender::words_for(std::size_t capacity)
{
	return 2 * SlotSet::words_for(rounded_up(capacity)) + rounded_up(capacity) / slots_per_word;
}

std::size_t SyncSender::flight_bytes()
{
	return sync_window * sizeof(Flight);
}

SyncSender::SyncSender(const SessionTable &table, Memory memory)
    : m_table(table), m_to_tell(memory.words, table.capacity()),
      m_fenced(memory.words.subspan(SlotSet::words_for(table.capacity())), table.capacity()),
      m_flight_of(memory.words.subspan(2 * SlotSet::words_for(table.capacity()), table.capacity() / slots_per_word)),
      m_flights(reinterpret_cast<Flight *>(memory.flights.data()), sync_window)
{
	assert(memory.flights.size() >= flight_bytes());
	assert(reinterpret_cast<std::uintptr_t>(memory.flights.data()) % alignof(Flight) == 0);
	std::fill(m_flight_of.begin(), m_flight_of.end(), ~std::uint64_t{0});
	for (Flight &one : m_flights)
		one = Flight{};
}

void SyncSender::begin(std::uint64_t generation, Time now)
{
	assert(generation > m_generation);
	stop();
	m_now = now;
	m_generation = generation;
	m_window = sync_window;
	m_backoff = 0;
	m_unequal = 0;
	m_question = {};
	reopen(now);
}

// Nobody knows what the peer has.
void SyncSender::reopen(Time now)
{
	for (std::uint64_t number = m_oldest; number != m_next_number; ++number)
		lose(number);
	m_stage = Stage::opening;
	m_peer_slots = m_table.capacity(); // until it has said so
	m_room = 0;
	m_question.open = false;
	m_question.tries = 0;
	m_question.not_before = now;
	m_compared = false;
	m_unknown_since = now;
	m_equal = false;
	lower_fence();
}

void SyncSender::stop()
{
	for (std::uint64_t number = m_oldest; number != m_next_number; ++number)
		settle(number);
	m_stage = Stage::stopped;
	m_to_tell.clear();
	m_since = m_since_next = never;
	m_compared = false;
	m_unknown_since = m_now;
	m_equal = false;
	m_fenced.clear();
	m_fence = 0;
	m_fence_stage = FenceStage::none;
}

void SyncSender::changed(SlotNumber slot)
{
	if (m_stage == Stage::stopped)
		return;
	++m_changes;
	mark(slot, m_now);
}

void SyncSender::mark(SlotNumber slot, Time since)
{
	if (flight_of(slot) != no_flight) {
		set_flight(slot, no_flight);
		--m_open_slots;
	}
	if (slot >= m_peer_slots && !m_table.taken(slot)) { // the peer has no such slot, and needs none
		m_to_tell.erase(slot);
		strike_off(slot);
		return;
	}
	m_to_tell.insert(slot);
	Time &waits_since = slot >= m_cursor ? m_since : m_since_next;
	waits_since = std::min(waits_since, since);
}

// ---- what the peer says

void SyncSender::receive(std::span<const std::byte> frame, Time now)
{
	m_now = now;
	const auto head = decode_sync_head(frame);
	if (!head || is_of_sender(head->kind) || head->window > sync_window) {
		++m_counters.bad;
		return;
	}
	if (m_stage == Stage::stopped || head->generation != m_generation) {
		++m_counters.stale;
		return;
	}
	if (head->number >= m_next_number) {
		++m_counters.bad;
		return;
	}
	if (head->kind == SyncKind::ack) {
		if (const auto ack = decode_ack(frame))
			return take_ack(*head, *ack, now);
	} else if (const auto differ = decode_differ(frame)) {
		return take_differ(*head, *differ, now);
	}
	++m_counters.bad;
}

void SyncSender::take_ack(const SyncHead &head, const SyncAck &ack, Time now)
{
	const bool answers = m_question.open && ack.ask == m_question.ask;
	if (ack.answer == SyncAnswer::closed) {
		// It has started anew since it opened, unless this was said before.
		const bool since = ack.ask != 0 ? later(ack.ask, m_opened_ask) : head.number > m_opened_at;
		if (m_stage != Stage::opening && since)
			reopen(now);
		return;
	}
	if (m_stage == Stage::opening) {
		if (answers && (ack.answer == SyncAnswer::opened || ack.answer == SyncAnswer::opened_empty))
			opened(head, ack, now);
		return;
	}
	std::uint64_t newest = head.number;
	for (std::size_t word = ack.came.size(); word-- != 0 && newest == head.number;)
		if (ack.came[word] != 0)
			newest += 64 * word + static_cast<std::size_t>(std::bit_width(ack.came[word]));
	if (newest >= m_next_number) {
		++m_counters.bad;
		return;
	}
	take_room(head);
	const std::size_t before = m_open_frames;
	const bool news = newest >= m_oldest && flight(newest).open;
	if (news)
		measure(now - flight(newest).sent_at);
	for (std::uint64_t number = m_oldest; number <= head.number; ++number)
		confirm(number);
	for (std::size_t word = 0; word < ack.came.size(); ++word)
		for (std::uint64_t bits = ack.came[word]; bits != 0; bits &= bits - 1)
			confirm(head.number + 1 + 64 * word + static_cast<std::size_t>(std::countr_zero(bits)));
	if (m_open_frames != before) {
		m_backoff = 0;
		m_window = std::min(sync_window, m_window + before - m_open_frames);
	}
	if (newest >= m_oldest)
		lose_overtaken(newest);
	if (answers)
		answered(ack, now);
}

void SyncSender::take_room(const SyncHead &head)
{
	if (head.number < m_peer_number)
		return; // it was said before something that we know already
	m_peer_number = head.number;
	m_room = head.window;
}

void SyncSender::opened(const SyncHead &head, const SyncAck &ack, Time now)
{
	m_opened_at = m_next_number - 1;
	m_opened_ask = ack.ask;
	m_peer_number = head.number;
	m_room = head.window;
	m_peer_slots = ack.slots / slots_per_block * slots_per_block;
	m_question.open = false;
	m_question.tries = 0;
	m_question.not_before = now;
	m_walk_block = 0;
	m_walk_since = now;
	m_early = 0;
	const bool everything = ack.answer == SyncAnswer::opened_empty;
	for (std::size_t block = everything ? 0 : m_peer_slots / slots_per_block; block < m_table.blocks(); ++block)
		if (m_table.block_digest(block) != 0)
			for (std::size_t i = 0; i < slots_per_block; ++i)
				if (const auto slot = static_cast<SlotNumber>(block * slots_per_block + i);
				    m_table.taken(slot))
					mark(slot, m_unknown_since);
	// Marked before we knew that the peer has no such slot.
	for (std::size_t slot = m_peer_slots; slot < m_table.capacity(); ++slot)
		if (!m_table.taken(static_cast<SlotNumber>(slot)))
			m_to_tell.erase(static_cast<SlotNumber>(slot));
	m_stage = Stage::comparing;
	if (everything || common_blocks() == 0)
		end_walk();
}

void SyncSender::end_walk()
{
	m_stage = Stage::running;
	m_compared = true;
	m_unknown_since = never;
	if (m_fence_stage == FenceStage::unknown)
		raise_fence();
}

void SyncSender::answered(const SyncAck &ack, Time now)
{
	const bool check = m_question.kind == SyncKind::check;
	const bool fence = m_question.kind == SyncKind::fence;
	if ((m_question.kind != SyncKind::probe || ack.answer != SyncAnswer::probed) &&
	    (!check || ack.answer < SyncAnswer::equal || ack.answer > SyncAnswer::early) &&
	    (!fence || (ack.answer != SyncAnswer::fenced && ack.answer != SyncAnswer::early))) {
		++m_counters.bad;
		return;
	}
	m_question.open = false;
	m_question.tries = 0;
	m_question.not_before = now;
	if (fence && ack.answer == SyncAnswer::early) {
		m_question.not_before = now + fence_again;
	} else if (fence && m_fence_stage == FenceStage::asking) {
		m_fence_stage = FenceStage::passed;
	} else if (ack.answer == SyncAnswer::equal) {
		m_equal = true;
		m_equal_changes = m_question.changes;
		m_unequal = 0;
	} else if (ack.answer == SyncAnswer::different) {
		m_equal = false;
		m_compared = false;
		m_unknown_since = now;
		lower_fence();
		m_stage = Stage::comparing;
		m_walk_block = 0;
		m_walk_since = now;
		m_early = 0;
		// What did not help at once will not help a thousand times a second.
		m_question.not_before = m_unequal == 0 ? now : now + patience(m_unequal);
		++m_unequal;
	}
}

void SyncSender::take_differ(const SyncHead &head, const SyncDiffer &differ, Time now)
{
	if (m_stage != Stage::comparing || !m_question.open || differ.ask != m_question.ask)
		return; // doubled or late
	if (differ.first_block != m_walk_block || differ.count != m_question.blocks) {
		++m_counters.bad;
		return;
	}
	take_room(head);
	m_question.open = false;
	m_question.tries = 0;
	m_question.not_before = now;
	if (differ.early && m_early < most_early) {
		++m_early;
		m_question.not_before = now + compare_again;
		return;
	}
	m_early = 0;
	for (std::size_t i = 0; i < differ.count; ++i) {
		if (!differ.differs(i))
			continue;
		++m_counters.repairs;
		const std::size_t begin = (m_walk_block + i) * slots_per_block;
		for (std::size_t slot = begin; slot < begin + slots_per_block; ++slot)
			mark(static_cast<SlotNumber>(slot), m_unknown_since);
	}
	m_walk_block += differ.count;
	m_walk_since = now;
	if (m_walk_block >= common_blocks())
		end_walk();
}

// ---- fences

void SyncSender::fence(std::uint32_t number, bool last)
{
	assert(number != 0 && number != m_fence);
	if (m_stage == Stage::stopped)
		return;
	m_fence = number;
	m_fence_last = last;
	m_fence_stage = FenceStage::unknown;
	if (m_question.open && m_question.kind == SyncKind::fence)
		m_question.open = false; // of another one
	if (m_compared)
		raise_fence();
}

void SyncSender::raise_fence()
{
	m_fenced.clear();
	for (SlotNumber slot = m_to_tell.next(0); slot != no_slot;
	     slot = slot + 1 < m_table.capacity() ? m_to_tell.next(slot + 1) : no_slot) {
		if (m_fenced.contains(slot))
			break; // around
		if (m_fence_last && slot >= m_peer_slots)
			break; // the peer has no such slots: these are lost, and the others are not to wait for them
		m_fenced.insert(slot);
	}
	for (std::uint64_t number = m_oldest; number != m_next_number; ++number) {
		const Flight &flown = flight(number);
		for (std::size_t i = 0; flown.open && i < flown.count; ++i)
			if (flight_of(flown.slots[i]) == number % sync_window)
				m_fenced.insert(flown.slots[i]);
	}
	m_fence_after = m_next_number - 1;
	m_fence_stage = m_fenced.empty() ? FenceStage::asking : FenceStage::telling;
}

// What the peer has is in doubt: again, when that is known.
void SyncSender::lower_fence()
{
	if (m_fence_stage == FenceStage::none || m_fence_stage == FenceStage::passed)
		return;
	m_fence_stage = FenceStage::unknown;
	m_fenced.clear();
}

// A frame came. It says what its slots held at the fence or later, if it was sent after that or they have not changed since.
void SyncSender::pass_fence(std::uint64_t number)
{
	const Flight &flown = flight(number);
	for (std::size_t i = 0; i < flown.count; ++i)
		if (number > m_fence_after || flight_of(flown.slots[i]) == number % sync_window)
			strike_off(flown.slots[i]);
}

void SyncSender::strike_off(SlotNumber slot)
{
	m_fenced.erase(slot);
	if (m_fence_stage == FenceStage::telling && m_fenced.empty())
		m_fence_stage = FenceStage::asking;
}

// ---- flights

void SyncSender::confirm(std::uint64_t number)
{
	if (m_fence_stage == FenceStage::telling && number >= m_oldest && number < m_next_number && flight(number).open)
		pass_fence(number);
	settle(number);
}

void SyncSender::settle(std::uint64_t number)
{
	if (number < m_oldest || number >= m_next_number || !flight(number).open)
		return;
	Flight &settled = flight(number);
	settled.open = false;
	--m_open_frames;
	const auto index = static_cast<std::uint16_t>(number % sync_window);
	for (std::size_t i = 0; i < settled.count; ++i)
		if (flight_of(settled.slots[i]) == index) {
			set_flight(settled.slots[i], no_flight);
			--m_open_slots;
		}
	while (m_oldest != m_next_number && !flight(m_oldest).open)
		++m_oldest;
}

// Those of its slots that were not told again since have to be.
void SyncSender::lose(std::uint64_t number)
{
	if (!flight(number).open)
		return;
	const Flight &lost = flight(number);
	const auto index = static_cast<std::uint16_t>(number % sync_window);
	for (std::size_t i = 0; i < lost.count; ++i)
		if (flight_of(lost.slots[i]) == index)
			mark(lost.slots[i], lost.since);
	++m_counters.frames_lost;
	settle(number);
}

void SyncSender::lose_overtaken(std::uint64_t newest)
{
	const Time sent_at = flight(newest).sent_at;
	const Duration reordering = std::max(overtaken_after, m_round_trip / 4);
	for (std::uint64_t number = m_oldest; number < newest; ++number)
		if (flight(number).open &&
		    (newest - number >= overtaken_by || flight(number).sent_at + reordering <= sent_at))
			lose(number);
}

void SyncSender::lose_expired(Time now)
{
	const Duration limit = patience(m_backoff);
	bool any = false;
	while (m_open_frames != 0 && flight(m_oldest).sent_at + limit <= now) {
		any = any || m_oldest >= m_backoff_at;
		lose(m_oldest);
	}
	if (!any)
		return;
	m_backoff = std::min(m_backoff + 1, most_doublings);
	m_window = std::max(smallest_window, m_window / 2);
	m_backoff_at = m_next_number;
}

// RFC 6298, 2.2 and 2.3. Every frame has a number of its own, so no answer is ambiguous.
void SyncSender::measure(Duration round_trip)
{
	if (m_round_trip == Duration{}) {
		m_round_trip = round_trip;
		m_deviation = round_trip / 2;
		return;
	}
	const Duration error = round_trip > m_round_trip ? round_trip - m_round_trip : m_round_trip - round_trip;
	m_deviation += (error - m_deviation) / 4;
	m_round_trip += (round_trip - m_round_trip) / 8;
}

Duration SyncSender::patience(unsigned tries) const
{
	const Duration once = std::max(shortest_patience, m_round_trip + 4 * m_deviation);
	return std::min(longest_patience, once * (1 << std::min(tries, most_doublings)));
}

std::uint16_t SyncSender::flight_of(SlotNumber slot) const
{
	return static_cast<std::uint16_t>(m_flight_of[slot / slots_per_word] >> (16 * (slot % slots_per_word)));
}

void SyncSender::set_flight(SlotNumber slot, std::uint16_t flight)
{
	std::uint64_t &word = m_flight_of[slot / slots_per_word];
	const unsigned shift = 16 * (slot % slots_per_word);
	word = (word & ~(std::uint64_t{0xffff} << shift)) | std::uint64_t{flight} << shift;
}

// ---- what we say

std::size_t SyncSender::next_frame(Time now, std::span<std::byte> out)
{
	m_now = now;
	if (m_stage == Stage::stopped)
		return 0;
	lose_expired(now);
	if (m_question.open && m_question.sent_at + patience(m_question.tries) <= now) {
		m_question.open = false;
		m_question.not_before = now;
		++m_question.tries;
	}
	if (!m_question.open && question_at() <= now)
		return ask(now, out);
	return may_tell() ? tell(now, out) : 0;
}

SlotNumber SyncSender::next_to_tell() const
{
	SlotNumber slot = m_to_tell.next(m_cursor);
	if (slot != no_slot && slot >= m_peer_slots)
		slot = m_to_tell.next(0);
	return slot != no_slot && slot < m_peer_slots ? slot : no_slot;
}

bool SyncSender::may_tell() const
{
	return m_stage != Stage::opening && m_open_frames < std::min(m_room, m_window) &&
	       m_next_number - m_oldest < sync_window && next_to_tell() != no_slot;
}

std::size_t SyncSender::tell(Time now, std::span<std::byte> out)
{
	SlotNumber slot = next_to_tell();
	if (slot < m_cursor) { // another round
		m_since = m_since_next;
		m_since_next = never;
	}
	const std::uint64_t number = m_next_number++;
	if (m_open_frames == 0)
		m_oldest = number;
	Flight &flown = flight(number);
	flown.sent_at = now;
	flown.since = std::min(m_since, now);
	flown.count = 0;
	flown.open = true;
	++m_open_frames;
	const auto index = static_cast<std::uint16_t>(number % sync_window);

	const SyncHead head{SyncKind::data, static_cast<std::uint16_t>(number - m_oldest + 1), m_generation, number};
	SyncDataWriter frame(head, out);
	for (SlotNumber next = slot; next != no_slot && next >= slot && next < m_peer_slots;
	     next = m_to_tell.next(slot + 1)) {
		if (!frame.add(next, m_table.bytes_at(next)))
			break;
		slot = next;
		m_to_tell.erase(slot);
		set_flight(slot, index);
		++m_open_slots;
		flown.slots[flown.count++] = slot;
	}
	m_cursor = slot + 1;
	if (m_to_tell.empty())
		m_since = m_since_next = never;
	++m_counters.frames;
	m_counters.records += flown.count;
	m_counters.record_bytes += frame.bytes();
	return frame.bytes();
}

// The next question, if none is open.
Time SyncSender::question_at() const
{
	const Time at = m_question.not_before;
	const bool busy = next_to_tell() != no_slot;
	switch (m_stage) {
	case Stage::stopped: return never;
	case Stage::opening: return at;
	case Stage::comparing: return busy ? std::max(at, m_walk_since + compare_anyway) : at;
	case Stage::running: break;
	}
	if (m_fence_stage == FenceStage::asking)
		return at;
	if (busy) // is there still no room?
		return m_room == 0 && m_open_frames == 0 ? std::max(at, m_question.sent_at + probe_pause) : never;
	const Duration pause = m_equal && m_equal_changes == m_changes ? check_always
			       : m_open_frames != 0                    ? check_while_open
								       : check_after_changes;
	return std::max(at, m_checked_at + pause);
}

std::size_t SyncSender::ask(Time now, std::span<std::byte> out)
{
	SyncHead head;
	head.window = static_cast<std::uint16_t>(m_next_number - m_oldest);
	head.generation = m_generation;
	head.number = m_next_number - 1;
	m_question.open = true;
	m_question.sent_at = now;
	m_question.ask = ++m_last_ask == 0 ? ++m_last_ask : m_last_ask;
	if (m_stage == Stage::opening) {
		head.kind = m_question.kind = SyncKind::open;
		return encode(head, SyncOpen{m_question.ask, static_cast<std::uint32_t>(m_table.capacity())}, out);
	}
	if (m_stage == Stage::comparing) {
		head.kind = m_question.kind = SyncKind::digests;
		SyncDigests body;
		body.ask = m_question.ask;
		body.first_block = m_walk_block;
		for (std::size_t block = m_walk_block; block < common_blocks() && !body.digests.full(); ++block)
			body.digests.push_back(m_table.block_digest(block));
		m_question.blocks = static_cast<std::uint32_t>(body.digests.size());
		return encode(head, body, out);
	}
	if (m_fence_stage == FenceStage::asking) {
		head.kind = m_question.kind = SyncKind::fence;
		return encode(head, SyncFence{m_question.ask, m_fence, m_fence_last}, out);
	}
	if (next_to_tell() != no_slot) {
		head.kind = m_question.kind = SyncKind::probe;
		return encode_probe(head, m_question.ask, out);
	}
	head.kind = m_question.kind = SyncKind::check;
	m_question.changes = m_changes;
	m_checked_at = now;
	++m_counters.checks;
	return encode(head, SyncCheck{m_question.ask, common_digest()}, out);
}

std::size_t SyncSender::common_blocks() const
{
	return std::min(m_table.blocks(), m_peer_slots / slots_per_block);
}

// The digest of a table is the sum of those of its blocks.
std::uint64_t SyncSender::common_digest() const
{
	std::uint64_t digest = m_table.digest();
	for (std::size_t block = common_blocks(); block < m_table.blocks(); ++block)
		digest -= m_table.block_digest(block);
	return digest;
}

Time SyncSender::next_deadline() const
{
	if (m_stage == Stage::stopped)
		return never;
	if (may_tell())
		return m_now;
	Time at = m_question.open ? m_question.sent_at + patience(m_question.tries) : question_at();
	if (m_open_frames != 0)
		at = std::min(at, flight(m_oldest).sent_at + patience(m_backoff));
	return at;
}

// ---- what is known

bool SyncSender::running() const
{
	return m_stage != Stage::stopped;
}

bool SyncSender::in_step() const
{
	return m_stage == Stage::running && m_equal && m_equal_changes == m_changes && m_to_tell.empty() &&
	       m_open_frames == 0;
}

std::size_t SyncSender::at_risk() const
{
	const std::size_t unconfirmed = m_to_tell.size() + m_open_slots;
	return m_compared ? unconfirmed : std::max(unconfirmed, m_table.size());
}

bool SyncSender::confirmed(SlotNumber slot) const
{
	return m_compared && !m_to_tell.contains(slot) && flight_of(slot) == no_flight;
}

Time SyncSender::oldest_unconfirmed() const
{
	if (at_risk() == 0)
		return never;
	Time oldest = std::min({m_since, m_since_next, m_unknown_since});
	for (std::uint64_t number = m_oldest; number != m_next_number; ++number)
		if (flight(number).open)
			oldest = std::min(oldest, flight(number).since);
	return oldest;
}

} // namespace systole::core
