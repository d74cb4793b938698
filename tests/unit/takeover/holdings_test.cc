// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the keeper reads: all that is held, at every moment, whatever virtual clusters come and go.
#include "control/takeover/holdings.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace systole::control {
namespace {

class HoldingsTest : public testing::Test {
protected:
	HoldingsTest() { holdings.use(page); }
	~HoldingsTest() override { close(memory); }

	int memory = make_holdings_memory();
	HoldingsPage *page = map_holdings(memory, true);
	Holdings holdings;

	[[nodiscard]] std::vector<int> links() const
	{
		std::vector<int> all;
		for (const HeldAddress &address : page->list().addresses())
			all.push_back(address.link);
		return all;
	}
	[[nodiscard]] static std::vector<HeldAddress> on(int link, std::size_t count = 1)
	{
		return std::vector<HeldAddress>(count, HeldAddress{link, {}});
	}
};

constexpr core::Time at{std::chrono::seconds{5}};

TEST_F(HoldingsTest, nothing_is_held_before_the_first_and_after_the_last)
{
	EXPECT_EQ(page->hold.load(), Hold::nothing);
	holdings.arm(1, on(7), at);
	EXPECT_EQ(page->hold.load(), Hold::held);
	EXPECT_EQ(links(), std::vector{7});
	EXPECT_EQ(page->armed_ns.load(), at.time_since_epoch().count());
	holdings.disarm(1);
	EXPECT_EQ(page->hold.load(), Hold::nothing);
}

TEST_F(HoldingsTest, one_virtual_cluster_comes_and_goes_and_the_others_stay_held)
{
	holdings.arm(1, on(7), at);
	holdings.arm(2, on(8, 2), at);
	EXPECT_EQ(links(), (std::vector{7, 8, 8}));
	holdings.arm(1, on(9), at); // another macvlan
	EXPECT_EQ(links(), (std::vector{9, 8, 8}));
	holdings.disarm(1);
	EXPECT_EQ(page->hold.load(), Hold::held);
	EXPECT_EQ(links(), (std::vector{8, 8}));
	holdings.disarm(1);
	EXPECT_EQ(links(), (std::vector{8, 8})) << "twice is once";
}

// A release says nothing about the life of this process; only a claim is a sign of it.
TEST_F(HoldingsTest, a_release_does_not_put_off_the_keeper)
{
	holdings.arm(1, on(7), at);
	holdings.arm(2, on(8), at);
	page->armed_ns.store(1);
	holdings.disarm(2);
	EXPECT_EQ(page->armed_ns.load(), 1);
}

TEST_F(HoldingsTest, after_the_keeper_has_taken_all_a_claim_is_held_again)
{
	holdings.arm(1, on(7), at);
	page->hold.store(Hold::taken);
	holdings.arm(1, on(7), at);
	EXPECT_EQ(page->hold.load(), Hold::held);
	page->hold.store(Hold::taken);
	holdings.disarm(1);
	EXPECT_EQ(page->hold.load(), Hold::nothing);
}

TEST_F(HoldingsTest, more_than_there_is_room_for_is_said)
{
	holdings.arm(1, on(7, HoldingsList::room), at);
	EXPECT_FALSE(page->list().overflow);
	holdings.arm(2, on(8), at);
	EXPECT_TRUE(page->list().overflow);
	EXPECT_EQ(page->list().count, HoldingsList::room);
	holdings.disarm(2);
	EXPECT_FALSE(page->list().overflow);
}

// The keeper's side, as in systole-keeper: begin to take, then ask for the list. It must find every virtual cluster that
// was held the whole time, and its list must not change under it.
TEST_F(HoldingsTest, a_keeper_that_takes_at_any_moment_finds_what_stays_held)
{
	holdings.arm(1, on(7, 100), at);
	std::atomic<bool> done{false};
	std::atomic<int> taken{0};
	std::atomic<int> wrong{0};
	std::thread keeper([&] {
		while (!done.load()) {
			Hold held = Hold::held;
			if (!page->hold.compare_exchange_strong(held, Hold::taking)) {
				std::this_thread::yield();
				continue;
			}
			const HoldingsList &list = page->list();
			const auto first = list.addresses().first(std::min<std::size_t>(list.count, 100));
			if (list.count < 100 || std::any_of(first.begin(), first.end(),
							    [](const HeldAddress &one) { return one.link != 7; }))
				wrong.fetch_add(1);
			taken.fetch_add(1);
			held = Hold::taking;
			page->hold.compare_exchange_strong(held, Hold::taken);
		}
	});
	for (int round = 0; round < 5000 || taken.load() < 100; ++round) {
		holdings.arm(2, on(8, 50), at);
		holdings.disarm(2);
	}
	done.store(true);
	keeper.join();
	EXPECT_EQ(wrong.load(), 0);
	EXPECT_GE(taken.load(), 100);
}

} // namespace
} // namespace systole::control
