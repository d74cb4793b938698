// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The sessions of one member, in an array of slots and an index by key, in memory the owner gives once.
//
// A slot is what members replicate: "slot 17 holds this record", "slot 17 is empty" (sync_sender.h). So the array of a
// standby is a copy of the primary's, slot by slot, and a standby that becomes primary goes on with the same array.
//
//   slots:  96 bytes x capacity: | length | tag | record, compact |
//   long:   116 bytes x capacity / 64: records that no slot holds (IPv6 with NAT and adjusted sequence numbers)
//   index:  8 bytes x capacity x 5 / 3: | hash | slot |, open addressing, linear, no tombstones
//   blocks: sum of the state hashes of every 1024 slots, kept as slots change: two members compare these
//
// Memory: bytes_for(capacity), 112 bytes a slot, IPv4 or IPv6. Everything is constant time but walks and clear().
// A key stands in at most one slot: who puts it into a second one empties the first (`displaced`).
#pragma once

#include "control/core/session/session_record.h"
#include "control/core/session/slot_set.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

inline constexpr std::size_t slots_per_block = 1024;

class SessionTable {
public:
	// What an owner of the memory has to give, aligned to 64. `capacity` is rounded up to whole blocks; at most max_slots.
	[[nodiscard]] static std::size_t bytes_for(std::size_t capacity);
	SessionTable(std::span<std::byte> memory, std::size_t capacity, std::uint64_t hash_secret);
	SessionTable(const SessionTable &) = delete;
	SessionTable &operator=(const SessionTable &) = delete;

	enum class Outcome : std::uint8_t {
		unchanged, // but for the timeout, which is taken over
		changed,
		added,
		full, // every slot is taken, or there is no such slot: nothing was kept
	};
	struct Put {
		Outcome outcome = Outcome::unchanged;
		SlotNumber slot = no_slot;
	};
	// ---- as the source: a place is found
	Put put(const SessionRecord &record);
	[[nodiscard]] SlotNumber find(const SessionKey &key) const
	{
		return find(key, hash_of(key));
	} // no_slot: unknown

	// Who has many keys to look up asks for all of them first: the memory of each is on its way meanwhile.
	[[nodiscard]] std::uint32_t hash_of(const SessionKey &key) const;
	void prefetch(std::uint32_t hash) const { __builtin_prefetch(&m_index[home_of(hash)]); }
	[[nodiscard]] SlotNumber find(const SessionKey &key, std::uint32_t hash) const;

	// ---- as the copy: the place is told
	struct Placed {
		Outcome outcome = Outcome::unchanged;
		SlotNumber displaced = no_slot; // stood there with the same key, and is empty now
	};
	Placed put_at(SlotNumber slot, const SessionRecord &record) // whatever stood there is gone
	{
		return put_at(slot, record, hash_of(record.key));
	}
	Placed put_at(SlotNumber slot, const SessionRecord &record, std::uint32_t hash);
	// True: something stood there.
	bool erase(SlotNumber slot);
	void clear();

	// A slot beyond the capacity is never taken.
	[[nodiscard]] bool taken(SlotNumber slot) const { return m_taken.contains(slot); }
	[[nodiscard]] std::optional<SessionRecord> at(SlotNumber slot) const;
	// The compact bytes of a taken slot, to be copied to the wire as they are; empty if it is not taken.
	[[nodiscard]] std::span<const std::byte> bytes_at(SlotNumber slot) const;

	[[nodiscard]] std::size_t size() const { return m_taken.size(); }
	[[nodiscard]] std::size_t expectations() const { return m_expectations; } // of these
	[[nodiscard]] std::size_t capacity() const { return m_slots.size(); }
	// From it on nothing is taken; 0: nothing at all. New sessions take the lowest slot that is free.
	[[nodiscard]] SlotNumber high_mark() const { return m_high_mark; }
	[[nodiscard]] std::size_t blocks() const { return m_block_digests.size(); }
	[[nodiscard]] std::uint64_t block_digest(std::size_t block) const { return m_block_digests[block]; } // 0: empty
	[[nodiscard]] std::uint64_t digest() const { return m_digest; }                                      // of all
	// Records that were kept without sequence adjustments and helper, because no long one had room any more.
	[[nodiscard]] std::uint64_t without_extras() const { return m_without_extras; }

	// Two bits a slot for the owner, cleared when a slot is erased or another key comes into it (copies: what the kernel
	// has; sources: whether a walk has seen it).
	[[nodiscard]] std::uint8_t tag(SlotNumber slot) const;
	void set_tag(SlotNumber slot, std::uint8_t tag); // of a taken slot

private:
	static constexpr std::size_t slot_bytes = 96; // an IPv4 record and its head lie in one cache line
	struct Slot {
		std::uint8_t length; // of the record
		std::uint8_t tag;    // the owner's two bits, and `is_long`
		std::array<std::byte, slot_bytes - 2> bytes;
	};
	static_assert(sizeof(Slot) == slot_bytes);
	static_assert(max_expectation_bytes <= slot_bytes - 2); // they have no extras to do without
	static constexpr std::uint8_t tag_bits = 3;
	static constexpr std::uint8_t is_long = 4; // `bytes` begin with the number of a LongRecord
	struct LongRecord {
		std::uint32_t next_free;
		std::array<std::byte, max_record_bytes + 1> bytes; // a multiple of four
	};
	struct IndexEntry {
		std::uint32_t hash; // where it would like to stand
		SlotNumber slot;    // no_slot: nothing here
	};
	struct Layout {
		explicit Layout(std::size_t capacity);
		std::size_t slots, long_records, index_entries, blocks; // how many
		std::size_t long_at, index_at, digests_at, taken_at, free_at, bytes;
	};
	// A record on its way into a slot.
	struct Encoded {
		explicit Encoded(const SessionRecord &record);
		[[nodiscard]] std::span<const std::byte> record() const { return {bytes.data(), length}; }
		std::array<std::byte, max_record_bytes> bytes;
		std::size_t length;
	};

	SessionTable(std::span<std::byte> memory, const Layout &layout, std::uint64_t hash_secret);
	[[nodiscard]] std::uint32_t hash_of(std::span<const std::byte> key) const;
	[[nodiscard]] std::size_t home_of(std::uint32_t hash) const;
	[[nodiscard]] std::size_t after(std::size_t place) const { return place + 1 == m_index.size() ? 0 : place + 1; }
	[[nodiscard]] std::size_t place_of(std::span<const std::byte> key, std::uint32_t hash) const;
	void remove_from_index(SlotNumber slot);
	[[nodiscard]] std::span<std::byte> room_in(Slot &slot);
	[[nodiscard]] std::span<const std::byte> record_in(SlotNumber slot) const;
	Outcome replace(SlotNumber slot, const SessionRecord &record, Encoded &encoded);
	void fill(SlotNumber slot, std::size_t place, std::uint32_t hash, const SessionRecord &record,
		  Encoded &encoded);
	[[nodiscard]] bool strip_if_no_room(bool has_long, const SessionRecord &record, Encoded &encoded) const;
	void write(Slot &slot, std::span<const std::byte> record);
	void drop_long(Slot &slot);
	void account(SlotNumber slot, std::uint64_t change);
	[[nodiscard]] static std::uint64_t weight(SlotNumber slot, std::span<const std::byte> record);
	[[nodiscard]] static std::uint32_t long_number(const Slot &slot);

	std::span<Slot> m_slots;
	std::span<LongRecord> m_long;
	std::span<IndexEntry> m_index;
	std::span<std::uint64_t> m_block_digests;
	SlotSet m_taken;
	SlotSet m_free;
	std::uint64_t m_secret;
	std::uint64_t m_digest = 0;
	std::uint64_t m_without_extras = 0;
	std::size_t m_expectations = 0;
	std::uint32_t m_free_long = 0; // the first of a list, no_slot: none
	SlotNumber m_high_mark = 0;
};

} // namespace systole::core
