// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The table against a plain map, with everything that must agree looked at as it changes.
#include "tests/unit/core/session/session_samples.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace systole::core {
namespace {

using namespace samples;
using Outcome = SessionTable::Outcome;

constexpr std::size_t room_of_a_slot = 94;

std::string key_text(const SessionKey &key)
{
	std::array<std::byte, max_key_bytes> bytes;
	return {reinterpret_cast<const char *>(bytes.data()), encode(key, bytes)};
}

// What a table should hold, and whether it does.
struct Model {
	std::map<SlotNumber, SessionRecord> slots;
	std::map<std::string, SlotNumber> keys;

	void put(SlotNumber slot, const SessionRecord &record)
	{
		erase(slot);
		const auto elsewhere = keys.find(key_text(record.key));
		if (elsewhere != keys.end())
			erase(elsewhere->second);
		slots[slot] = record;
		keys[key_text(record.key)] = slot;
	}
	void erase(SlotNumber slot)
	{
		const auto at = slots.find(slot);
		if (at == slots.end())
			return;
		keys.erase(key_text(at->second.key));
		slots.erase(at);
	}
	[[nodiscard]] SlotNumber find(const SessionKey &key) const
	{
		const auto at = keys.find(key_text(key));
		return at == keys.end() ? no_slot : at->second;
	}
	void expect_in(SessionTable &table) const
	{
		ASSERT_EQ(table.size(), slots.size());
		ASSERT_EQ(table.expectations(), std::count_if(slots.begin(), slots.end(), [](const auto &slot) {
				  return slot.second.is_expectation();
			  }));
		ASSERT_EQ(table.high_mark(), slots.empty() ? 0 : slots.rbegin()->first + 1);
		for (SlotNumber slot = 0; slot < table.capacity(); ++slot) {
			const auto at = slots.find(slot);
			ASSERT_EQ(table.taken(slot), at != slots.end()) << slot;
			ASSERT_EQ(table.bytes_at(slot).empty(), at == slots.end()) << slot;
			if (at == slots.end())
				continue;
			ASSERT_EQ(table.at(slot), at->second) << slot;
			ASSERT_EQ(table.find(at->second.key), slot);
		}
		// Another one that came to the same by the shortest way has the same digests.
		OwnedTable other(table.capacity(), 99);
		for (const auto &[slot, record] : slots)
			ASSERT_EQ(other->put_at(slot, record).outcome, Outcome::added);
		ASSERT_EQ(other->digest(), table.digest());
		for (std::size_t block = 0; block < table.blocks(); ++block)
			ASSERT_EQ(other->block_digest(block), table.block_digest(block)) << block;
	}
};

TEST(SessionTable, CostsAtMost116BytesASlotAndNineLessThan128InTheSmallest)
{
	EXPECT_LE(SessionTable::bytes_for(1024), 1024U * (128 - 9));
	for (const std::size_t capacity : {std::size_t{8192}, std::size_t{100000}, std::size_t{1000000}, max_slots}) {
		const std::size_t whole = (capacity + slots_per_block - 1) / slots_per_block * slots_per_block;
		EXPECT_LE(SessionTable::bytes_for(capacity), whole * 116) << capacity;
	}
}

TEST(SessionTable, CapacityIsWholeBlocks)
{
	EXPECT_EQ(OwnedTable(1)->capacity(), 1024U);
	EXPECT_EQ(OwnedTable(1024)->capacity(), 1024U);
	OwnedTable table(1025);
	EXPECT_EQ(table->capacity(), 2048U);
	EXPECT_EQ(table->blocks(), 2U);
	EXPECT_EQ(table->size(), 0U);
	EXPECT_EQ(table->high_mark(), 0U);
	EXPECT_EQ(table->digest(), 0U);
	EXPECT_EQ(table->find(tcp4().key), no_slot);
}

TEST(SessionTable, NewSessionsTakeTheLowestFreeSlot)
{
	OwnedTable table(2048);
	for (std::uint32_t i = 0; i < 10; ++i)
		EXPECT_EQ(table->put(numbered(i)).slot, i);
	EXPECT_TRUE(table->erase(7));
	EXPECT_TRUE(table->erase(3));
	EXPECT_FALSE(table->erase(3));
	EXPECT_EQ(table->put(numbered(20)).slot, 3U);
	EXPECT_EQ(table->put(numbered(21)).slot, 7U);
	EXPECT_EQ(table->put(numbered(22)).slot, 10U);
	table->put_at(1500, numbered(23));
	EXPECT_EQ(table->high_mark(), 1501U);
	EXPECT_EQ(table->put(numbered(24)).slot, 11U);
	table->erase(1500);
	EXPECT_EQ(table->high_mark(), 12U);
	table->clear();
	EXPECT_EQ(table->high_mark(), 0U);
	EXPECT_EQ(table->put(numbered(24)).slot, 0U);
}

TEST(SessionTable, SaysWhatAPutChanged)
{
	OwnedTable table(1024);
	SessionRecord record = with_source_nat(tcp4(), 1025);
	EXPECT_EQ(table->put(record).outcome, Outcome::added);
	const std::uint64_t digest = table->digest();
	record.timeout_s = 60;
	EXPECT_EQ(table->put(record).outcome, Outcome::unchanged);
	EXPECT_EQ(table->at(0)->timeout_s, 60U) << "the timeout is taken over all the same";
	EXPECT_EQ(table->digest(), digest) << "and is no part of the state";
	record.mark = 5;
	EXPECT_EQ(table->put(record).outcome, Outcome::changed);
	EXPECT_NE(table->digest(), digest);
	EXPECT_EQ(table->at(0), record);
	EXPECT_EQ(table->size(), 1U);
}

TEST(SessionTable, AFullOneKeepsWhatItHasAndSaysSo)
{
	OwnedTable table(1024);
	for (std::uint32_t i = 0; i < 1024; ++i)
		ASSERT_EQ(table->put(numbered(i)).outcome, Outcome::added);
	const std::uint64_t digest = table->digest();
	const auto refused = table->put(numbered(5000));
	EXPECT_EQ(refused.outcome, Outcome::full);
	EXPECT_EQ(refused.slot, no_slot);
	EXPECT_EQ(table->digest(), digest);
	EXPECT_EQ(table->find(numbered(5000).key), no_slot);
	SessionRecord known = numbered(17);
	known.mark = 99;
	EXPECT_EQ(table->put(known).outcome, Outcome::changed) << "one that it has may still change";
	EXPECT_EQ(table->put_at(3, numbered(5000)).outcome, Outcome::added) << "a copy is told whom it replaces";
	EXPECT_EQ(table->find(numbered(3).key), no_slot);
	EXPECT_TRUE(table->erase(0));
	EXPECT_EQ(table->put(numbered(3)).slot, 0U);
}

TEST(SessionTable, ASlotOutsideIsNeverTakenAndTakesNothing)
{
	OwnedTable table(1024);
	for (const SlotNumber slot : {SlotNumber{1024}, SlotNumber{5000}, no_slot}) {
		EXPECT_EQ(table->put_at(slot, tcp4()).outcome, Outcome::full);
		EXPECT_FALSE(table->taken(slot));
		EXPECT_FALSE(table->at(slot));
		EXPECT_TRUE(table->bytes_at(slot).empty());
		EXPECT_FALSE(table->erase(slot));
		EXPECT_EQ(table->tag(slot), 0);
	}
	EXPECT_EQ(table->size(), 0U);
}

TEST(SessionTable, AKeyThatMovesEmptiesTheSlotItStoodIn)
{
	OwnedTable table(1024);
	table->put_at(5, numbered(1));
	table->put_at(9, numbered(2));
	const auto moved = table->put_at(9, numbered(1));
	EXPECT_EQ(moved.outcome, Outcome::added);
	EXPECT_EQ(moved.displaced, 5U);
	EXPECT_FALSE(table->taken(5));
	EXPECT_EQ(table->size(), 1U);
	EXPECT_EQ(table->find(numbered(1).key), 9U);
	EXPECT_EQ(table->find(numbered(2).key), no_slot);
	const auto same = table->put_at(9, numbered(1));
	EXPECT_EQ(same.outcome, Outcome::unchanged);
	EXPECT_EQ(same.displaced, no_slot);
}

TEST(SessionTable, ATagStaysWithItsSession)
{
	OwnedTable table(1024);
	table->put_at(5, numbered(1));
	EXPECT_EQ(table->tag(5), 0);
	table->set_tag(5, 3);
	SessionRecord changed = with_everything(tcp6());
	table->put_at(6, changed);
	table->set_tag(6, 2); // a long one
	EXPECT_EQ(table->at(6), changed);
	changed.helper = SessionHelper::none;
	changed.adjustment = {};
	table->put_at(6, changed); // and no longer
	EXPECT_EQ(table->tag(6), 2);
	EXPECT_EQ(table->tag(5), 3);
	table->put_at(5, numbered(2));
	EXPECT_EQ(table->tag(5), 0) << "another session";
	table->erase(6);
	EXPECT_EQ(table->tag(6), 0);
	table->put_at(6, changed);
	EXPECT_EQ(table->tag(6), 0) << "the same after it was gone";
}

TEST(SessionTable, DigestsTellContentsAndPlacesButNotTheWayThere)
{
	OwnedTable one(2048);
	OwnedTable other(2048, 77); // another secret
	for (std::uint32_t i = 0; i < 1500; ++i)
		one->put_at(i, numbered(i));
	for (std::uint32_t i = 1500; i-- != 0;) {
		other->put_at(i, numbered(i + 1000));
		other->put_at(i, numbered(i));
	}
	for (std::uint32_t i = 0; i < 1500; ++i)
		other->put_at(i, numbered(i)); // what was displaced on the way
	EXPECT_EQ(one->digest(), other->digest());
	EXPECT_EQ(one->block_digest(0), other->block_digest(0));
	EXPECT_EQ(one->block_digest(1), other->block_digest(1));
	other->put_at(1400, numbered(9000));
	EXPECT_EQ(one->block_digest(0), other->block_digest(0));
	EXPECT_NE(one->block_digest(1), other->block_digest(1));
	EXPECT_NE(one->digest(), other->digest());
	other->put_at(1400, numbered(1400));
	EXPECT_EQ(one->digest(), other->digest());
	// Two of one block in each other's places.
	other->put_at(10, numbered(11));
	other->put_at(11, numbered(10));
	EXPECT_NE(one->block_digest(0), other->block_digest(0));
	for (SlotNumber slot = 0; slot < 1500; ++slot)
		other->erase(slot);
	EXPECT_EQ(other->block_digest(0), 0U);
	EXPECT_EQ(other->block_digest(1), 0U);
	EXPECT_EQ(other->digest(), 0U);
}

SessionRecord long_one(std::uint32_t number)
{
	SessionRecord record = with_everything(tcp6());
	record.key.original.source[14] = static_cast<std::byte>(number >> 8);
	record.key.original.source[15] = static_cast<std::byte>(number);
	return record;
}

TEST(SessionTable, ALongRecordIsKeptWholeUntilAllLongPlacesAreTaken)
{
	OwnedTable table(1024);
	std::array<std::byte, max_record_bytes> bytes;
	ASSERT_GT(encode(long_one(0), bytes), room_of_a_slot);
	for (std::uint32_t i = 0; i < 64; ++i) {
		ASSERT_EQ(table->put(long_one(i)).slot, i);
		ASSERT_EQ(table->at(i), long_one(i));
	}
	EXPECT_EQ(table->without_extras(), 0U);
	SessionRecord plain = long_one(64);
	plain.adjustment = {};
	plain.helper = SessionHelper::none;
	EXPECT_EQ(table->put(long_one(64)).outcome, Outcome::added);
	EXPECT_EQ(table->at(64), plain) << "the rest of it is kept";
	EXPECT_EQ(table->without_extras(), 1U);
	EXPECT_EQ(table->put(long_one(64)).outcome, Outcome::unchanged) << "it changes nothing to say it again";
	EXPECT_EQ(table->without_extras(), 1U);
	SessionRecord marked = long_one(64);
	++marked.mark;
	EXPECT_EQ(table->put(marked).outcome, Outcome::changed);
	EXPECT_EQ(table->without_extras(), 2U);
	SessionRecord changed = long_one(5);
	changed.adjustment[0].offset_after = 17;
	EXPECT_EQ(table->put(changed).outcome, Outcome::changed);
	EXPECT_EQ(table->at(5), changed) << "one that has a long place keeps it";

	table->erase(9);
	EXPECT_EQ(table->put(long_one(64)).outcome, Outcome::changed) << "a place is free again";
	EXPECT_EQ(table->at(64), long_one(64));
	SessionRecord shorter = long_one(10);
	shorter.adjustment = {};
	EXPECT_EQ(table->put(shorter).outcome, Outcome::changed);
	EXPECT_EQ(table->at(10), shorter);
	EXPECT_EQ(table->put(long_one(65)).slot, 9U);
	EXPECT_EQ(table->at(9), long_one(65)) << "a record that became short gives its place back";
	table->clear();
	for (std::uint32_t i = 0; i < 64; ++i)
		(void)table->put(long_one(i + 100));
	EXPECT_EQ(table->at(63), long_one(163)) << "all places are free after clear()";
	EXPECT_EQ(table->without_extras(), 2U);
}

// Few keys, so that they meet and move; up to a full table, so that the index is as crowded as it gets and goes round its
// end.
TEST(SessionTable, IsWhatAMapIs)
{
	for (std::uint64_t seed = 1; seed <= 6; ++seed) {
		OwnedTable table(1024, seed);
		Model model;
		std::mt19937_64 random(seed);
		std::vector<SessionRecord> records;
		for (std::uint32_t i = 0; i < 1600; ++i)
			records.push_back(i % 32 == 0 ? any_record(random) : numbered(i * 2654435761U % 4096));
		for (int turn = 0; turn < 40000; ++turn) {
			SessionRecord record = records[random() % records.size()];
			if (record.is_expectation())
				record.expectation.policy = static_cast<std::uint8_t>(random() % 3);
			else
				record.mark = static_cast<std::uint32_t>(random() % 3);
			const auto slot = static_cast<SlotNumber>(random() % 1024);
			const bool grow = turn / 4000 % 2 == 0; // full and nearly empty by turns
			const auto choice = random() % 10;
			if (choice < (grow ? 8U : 3U)) {
				const SlotNumber known = model.find(record.key);
				const auto put = table->put(record);
				if (known == no_slot && model.slots.size() == 1024) {
					ASSERT_EQ(put.outcome, Outcome::full);
					continue;
				}
				ASSERT_EQ(known == no_slot, put.outcome == Outcome::added);
				ASSERT_TRUE(known == no_slot ? model.slots.count(put.slot) == 0 : put.slot == known);
				model.put(put.slot, record);
			} else if (choice == 8) {
				const SlotNumber known = model.find(record.key);
				const auto placed = table->put_at(slot, record);
				ASSERT_EQ(placed.displaced, known == slot ? no_slot : known);
				ASSERT_EQ(placed.outcome == Outcome::added, known != slot);
				model.put(slot, record);
			} else {
				ASSERT_EQ(table->erase(slot), model.slots.count(slot) == 1);
				model.erase(slot);
			}
			ASSERT_EQ(table->find(record.key), model.find(record.key));
			if (turn % 2000 == 0) {
				ASSERT_NO_FATAL_FAILURE(model.expect_in(*table)) << "seed " << seed << " turn " << turn;
			}
		}
		ASSERT_NO_FATAL_FAILURE(model.expect_in(*table)) << "seed " << seed;
	}
}

} // namespace
} // namespace systole::core
