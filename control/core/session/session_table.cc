// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Memory is touched as sessions come: nothing writes to all slots. What stands in a slot that is not taken means nothing.
#include "control/core/session/session_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace systole::core {

namespace {

constexpr std::size_t long_record_share = 64; // one for so many slots
constexpr std::size_t least_long_records = 64;

std::size_t rounded_up(std::size_t value, std::size_t to)
{
	return (value + to - 1) / to * to;
}

template <typename T> std::span<T> part(std::span<std::byte> memory, std::size_t at, std::size_t count)
{
	return {reinterpret_cast<T *>(memory.data() + at), count};
}

} // namespace

SessionTable::Layout::Layout(std::size_t capacity)
    : slots(rounded_up(std::max<std::size_t>(capacity, 1), slots_per_block)),
      long_records(std::max(least_long_records, slots / long_record_share)),
      index_entries(slots * 5 / 3), // at most 60 % of them are taken
      blocks(slots / slots_per_block)
{
	assert(capacity <= max_slots);
	std::size_t end = slots * sizeof(Slot);
	const auto next = [&end](std::size_t size) {
		const std::size_t at = end;
		end = rounded_up(end + size, 64);
		return at;
	};
	long_at = next(long_records * sizeof(LongRecord));
	index_at = next(index_entries * sizeof(IndexEntry));
	digests_at = next(blocks * sizeof(std::uint64_t));
	taken_at = next(SlotSet::words_for(slots) * sizeof(std::uint64_t));
	free_at = next(SlotSet::words_for(slots) * sizeof(std::uint64_t));
	bytes = end;
}

SessionTable::Encoded::Encoded(const SessionRecord &record) : length(encode(record, bytes)) {}

std::size_t SessionTable::bytes_for(std::size_t capacity)
{
	return Layout(capacity).bytes;
}

SessionTable::SessionTable(std::span<std::byte> memory, std::size_t capacity, std::uint64_t hash_secret)
    : SessionTable(memory, Layout(capacity), hash_secret)
{
}

SessionTable::SessionTable(std::span<std::byte> memory, const Layout &layout, std::uint64_t hash_secret)
    : m_slots(part<Slot>(memory, 0, layout.slots)),
      m_long(part<LongRecord>(memory, layout.long_at, layout.long_records)),
      m_index(part<IndexEntry>(memory, layout.index_at, layout.index_entries)),
      m_block_digests(part<std::uint64_t>(memory, layout.digests_at, layout.blocks)),
      m_taken(part<std::uint64_t>(memory, layout.taken_at, SlotSet::words_for(layout.slots)), layout.slots),
      m_free(part<std::uint64_t>(memory, layout.free_at, SlotSet::words_for(layout.slots)), layout.slots),
      m_secret(hash_secret)
{
	assert(memory.size() >= layout.bytes);
	assert(reinterpret_cast<std::uintptr_t>(memory.data()) % 64 == 0);
	clear();
}

void SessionTable::clear()
{
	std::fill(m_index.begin(), m_index.end(), IndexEntry{0, no_slot});
	std::fill(m_block_digests.begin(), m_block_digests.end(), 0U);
	m_taken.clear();
	m_free.fill();
	for (std::uint32_t i = 0; i < m_long.size(); ++i)
		m_long[i].next_free = i + 1;
	m_long.back().next_free = no_slot;
	m_free_long = 0;
	m_digest = 0;
	m_expectations = 0;
	m_high_mark = 0;
}

std::uint32_t SessionTable::hash_of(std::span<const std::byte> key) const
{
	return static_cast<std::uint32_t>(key_hash(key, m_secret) >> 32);
}

std::uint32_t SessionTable::hash_of(const SessionKey &key) const
{
	std::array<std::byte, max_key_bytes> bytes;
	return hash_of(std::span<const std::byte>(bytes).first(encode(key, bytes)));
}

std::size_t SessionTable::home_of(std::uint32_t hash) const
{
	return static_cast<std::size_t>(static_cast<std::uint64_t>(hash) * m_index.size() >> 32);
}

// Where the key stands in the index, or the place where it would be put. The hash in the index saves looking into slots.
std::size_t SessionTable::place_of(std::span<const std::byte> key, std::uint32_t hash) const
{
	std::size_t place = home_of(hash);
	for (; m_index[place].slot != no_slot; place = after(place)) {
		if (m_index[place].hash != hash)
			continue;
		const auto record = record_in(m_index[place].slot);
		if (record.size() >= key.size() && std::memcmp(record.data(), key.data(), key.size()) == 0)
			break;
	}
	return place;
}

// Those behind move up, each as far as its home allows, so that no search ends at a hole.
void SessionTable::remove_from_index(SlotNumber slot)
{
	std::size_t hole = home_of(hash_of(key_part(record_in(slot))));
	while (m_index[hole].slot != slot)
		hole = after(hole);
	const auto distance = [this](std::size_t from, std::size_t to) {
		return to >= from ? to - from : to + m_index.size() - from;
	};
	for (std::size_t next = after(hole); m_index[next].slot != no_slot; next = after(next)) {
		if (distance(home_of(m_index[next].hash), next) < distance(hole, next))
			continue;
		m_index[hole] = m_index[next];
		hole = next;
	}
	m_index[hole].slot = no_slot;
}

std::uint32_t SessionTable::long_number(const Slot &slot)
{
	std::uint32_t number = 0;
	std::memcpy(&number, slot.bytes.data(), sizeof(number));
	return number;
}

std::span<std::byte> SessionTable::room_in(Slot &slot)
{
	if ((slot.tag & is_long) != 0)
		return m_long[long_number(slot)].bytes;
	return slot.bytes;
}

std::span<const std::byte> SessionTable::record_in(SlotNumber number) const
{
	const Slot &slot = m_slots[number];
	const std::span<const std::byte> room =
		(slot.tag & is_long) != 0 ? std::span<const std::byte>(m_long[long_number(slot)].bytes) : slot.bytes;
	return room.first(slot.length);
}

// The number is mixed in: what stands in each other's slots is not equal.
std::uint64_t SessionTable::weight(SlotNumber slot, std::span<const std::byte> record)
{
	std::uint64_t mixed = state_hash(record) + (std::uint64_t{slot} + 1) * 0x9e3779b97f4a7c15U;
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
	return mixed ^ mixed >> 31;
}

void SessionTable::account(SlotNumber slot, std::uint64_t change)
{
	m_block_digests[slot / slots_per_block] += change;
	m_digest += change;
}

void SessionTable::drop_long(Slot &slot)
{
	if ((slot.tag & is_long) == 0)
		return;
	const std::uint32_t number = long_number(slot);
	m_long[number].next_free = m_free_long;
	m_free_long = number;
	slot.tag &= tag_bits;
}

// True: the record is too long for the slot, and there is no long one for it: without its extras it fits.
bool SessionTable::strip_if_no_room(bool has_long, const SessionRecord &record, Encoded &encoded) const
{
	if (encoded.length <= sizeof(Slot::bytes) || has_long || m_free_long != no_slot)
		return false;
	SessionRecord plain = record;
	plain.adjustment = {};
	plain.helper = SessionHelper::none;
	encoded = Encoded(plain);
	return true;
}

void SessionTable::write(Slot &slot, std::span<const std::byte> record)
{
	if (record.size() <= sizeof(slot.bytes)) {
		drop_long(slot);
	} else if ((slot.tag & is_long) == 0) {
		const std::uint32_t number = m_free_long;
		m_free_long = m_long[number].next_free;
		std::memcpy(slot.bytes.data(), &number, sizeof(number));
		slot.tag |= is_long;
	}
	std::memcpy(room_in(slot).data(), record.data(), record.size());
	slot.length = static_cast<std::uint8_t>(record.size());
}

// The slot holds this key already.
SessionTable::Outcome SessionTable::replace(SlotNumber number, const SessionRecord &record, Encoded &encoded)
{
	Slot &slot = m_slots[number];
	const bool stripped = strip_if_no_room((slot.tag & is_long) != 0, record, encoded);
	const auto before = record_in(number);
	const auto now = encoded.record();
	const std::size_t state_bytes = now.size() - record_timeout_bytes;
	if (now.size() == before.size() && std::memcmp(now.data(), before.data(), state_bytes) == 0) {
		std::memcpy(room_in(slot).data() + state_bytes, now.data() + state_bytes, record_timeout_bytes);
		return Outcome::unchanged;
	}
	m_without_extras += stripped ? 1 : 0;
	account(number, weight(number, now) - weight(number, before));
	write(slot, now);
	return Outcome::changed;
}

// The slot is free, and so is that place of the index.
void SessionTable::fill(SlotNumber number, std::size_t place, std::uint32_t hash, const SessionRecord &record,
			Encoded &encoded)
{
	m_without_extras += strip_if_no_room(false, record, encoded) ? 1 : 0;
	Slot &slot = m_slots[number];
	slot.tag = 0;
	write(slot, encoded.record());
	account(number, weight(number, encoded.record()));
	m_index[place] = {hash, number};
	m_expectations += record.is_expectation() ? 1 : 0;
	m_taken.insert(number);
	m_free.erase(number);
	m_high_mark = std::max(m_high_mark, number + 1);
}

SessionTable::Put SessionTable::put(const SessionRecord &record)
{
	Encoded encoded(record);
	const auto key = key_part(encoded.record());
	const std::uint32_t hash = hash_of(key);
	const std::size_t place = place_of(key, hash);
	SlotNumber slot = m_index[place].slot;
	if (slot != no_slot)
		return {replace(slot, record, encoded), slot};
	slot = m_free.next(0);
	if (slot == no_slot)
		return {Outcome::full, no_slot};
	fill(slot, place, hash, record, encoded);
	return {Outcome::added, slot};
}

SessionTable::Placed SessionTable::put_at(SlotNumber slot, const SessionRecord &record, std::uint32_t hash)
{
	if (slot >= capacity())
		return {Outcome::full, no_slot};
	Encoded encoded(record);
	const auto key = key_part(encoded.record());
	std::size_t place = place_of(key, hash);
	const SlotNumber stands_in = m_index[place].slot;
	if (stands_in == slot)
		return {replace(slot, record, encoded), no_slot};
	const bool moved = stands_in != no_slot && erase(stands_in);
	if (erase(slot) || moved)
		place = place_of(key, hash); // the index has closed up
	fill(slot, place, hash, record, encoded);
	return {Outcome::added, stands_in};
}

SlotNumber SessionTable::find(const SessionKey &key, std::uint32_t hash) const
{
	std::array<std::byte, max_key_bytes> bytes;
	return m_index[place_of(std::span<const std::byte>(bytes).first(encode(key, bytes)), hash)].slot;
}

bool SessionTable::erase(SlotNumber slot)
{
	if (!taken(slot))
		return false;
	remove_from_index(slot);
	account(slot, 0 - weight(slot, record_in(slot)));
	m_expectations -= kind_of(record_in(slot)) == SessionKind::expectation ? 1 : 0;
	drop_long(m_slots[slot]);
	m_taken.erase(slot);
	m_free.insert(slot);
	if (slot + 1 == m_high_mark)
		m_high_mark = m_taken.empty() ? 0 : m_taken.last() + 1;
	return true;
}

std::span<const std::byte> SessionTable::bytes_at(SlotNumber slot) const
{
	return taken(slot) ? record_in(slot) : std::span<const std::byte>();
}

std::optional<SessionRecord> SessionTable::at(SlotNumber slot) const
{
	if (!taken(slot))
		return std::nullopt;
	const auto decoded = decode_record(record_in(slot));
	assert(decoded);
	return decoded->record;
}

std::uint8_t SessionTable::tag(SlotNumber slot) const
{
	return taken(slot) ? m_slots[slot].tag & tag_bits : 0;
}

void SessionTable::set_tag(SlotNumber number, std::uint8_t tag)
{
	assert(taken(number));
	assert(tag <= tag_bits);
	Slot &slot = m_slots[number];
	slot.tag = static_cast<std::uint8_t>((slot.tag & ~tag_bits) | tag);
}

} // namespace systole::core
