// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A set of slots against std::set, at every size where a level begins.
#include "control/core/session/slot_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace systole::core {
namespace {

struct OwnedSet {
	explicit OwnedSet(std::size_t capacity)
	    : words(SlotSet::words_for(capacity), 0xdeadbeefdeadbeef), set(words, capacity)
	{
	}
	std::vector<std::uint64_t> words; // dirty at first
	SlotSet set;
};

SlotNumber next_of(const std::set<SlotNumber> &model, SlotNumber from)
{
	if (model.empty())
		return no_slot;
	const auto found = model.lower_bound(from);
	return found != model.end() ? *found : *model.begin();
}

class SlotSetOf : public testing::TestWithParam<std::size_t> {};

TEST_P(SlotSetOf, IsWhatASetOfNumbersIs)
{
	const std::size_t capacity = GetParam();
	OwnedSet owned(capacity);
	SlotSet &set = owned.set;
	std::set<SlotNumber> model;
	std::mt19937_64 random(capacity);
	const auto any = [&] { return static_cast<SlotNumber>(random() % capacity); };
	for (int turn = 0; turn < 20000; ++turn) {
		// Waves, so that it is sparse, dense and empty again and again.
		const bool grow = turn / 500 % 2 == 0;
		const SlotNumber slot = random() % 4 != 0 || model.empty() ? any() : next_of(model, any());
		if (random() % 8 != 0 ? grow : !grow) {
			set.insert(slot);
			model.insert(slot);
		} else {
			set.erase(slot);
			model.erase(slot);
		}
		ASSERT_EQ(set.size(), model.size());
		ASSERT_EQ(set.contains(slot), model.count(slot) == 1);
		const SlotNumber from = any();
		ASSERT_EQ(set.next(from), next_of(model, from)) << "from " << from;
		ASSERT_EQ(set.next(slot), next_of(model, slot));
		ASSERT_EQ(set.last(), model.empty() ? no_slot : *model.rbegin());
	}
	while (!model.empty()) {
		set.erase(*model.begin());
		model.erase(model.begin());
		ASSERT_EQ(set.next(0), next_of(model, 0));
	}
	EXPECT_TRUE(set.empty());
}

TEST_P(SlotSetOf, FilledAndEmptiedFromTheFront)
{
	const std::size_t capacity = GetParam();
	OwnedSet owned(capacity);
	owned.set.fill();
	EXPECT_EQ(owned.set.size(), capacity);
	EXPECT_EQ(owned.set.last(), capacity - 1);
	for (SlotNumber slot = 0; slot < std::min<std::size_t>(capacity, 70000); ++slot) {
		ASSERT_EQ(owned.set.next(0), slot);
		owned.set.erase(slot);
	}
	EXPECT_EQ(owned.set.next(0), capacity <= 70000 ? no_slot : 70000);
	EXPECT_EQ(owned.set.last(), capacity <= 70000 ? no_slot : static_cast<SlotNumber>(capacity - 1));
	owned.set.clear();
	EXPECT_TRUE(owned.set.empty());
	EXPECT_EQ(owned.set.next(0), no_slot);
	EXPECT_EQ(owned.set.last(), no_slot);
}

INSTANTIATE_TEST_SUITE_P(Capacity, SlotSetOf,
			 testing::Values(1, 63, 64, 65, 4095, 4096, 4097, 262144, 262145, max_slots),
			 testing::PrintToStringParamName());

TEST(SlotSet, NoNumberBeyondTheCapacityIsInIt)
{
	OwnedSet owned(100);
	owned.set.fill();
	EXPECT_TRUE(owned.set.contains(99));
	for (const SlotNumber slot : {SlotNumber{100}, SlotNumber{127}, SlotNumber{128}, no_slot}) {
		EXPECT_FALSE(owned.set.contains(slot));
		owned.set.erase(slot);
		EXPECT_EQ(owned.set.next(slot), 0U) << "from " << slot;
	}
	EXPECT_EQ(owned.set.size(), 100U);
}

TEST(SlotSet, CostsAboutABitASlot)
{
	EXPECT_EQ(SlotSet::words_for(64), 1U);
	EXPECT_EQ(SlotSet::words_for(4096), 64U + 1);
	EXPECT_EQ(SlotSet::words_for(std::size_t{1} << 20), 16384U + 256 + 4 + 1);
}

} // namespace
} // namespace systole::core
