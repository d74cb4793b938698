// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When the keeper takes the addresses away, and how its own lateness moves that.
#include "control/keeper/watch.h"

#include <gtest/gtest.h>

namespace systole::control {
namespace {

using core::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto dead = milliseconds{30};
constexpr Time start{seconds{1000}};

TEST(KeeperWatch, ActsADeadIntervalAfterTheLastSignOfLifeAndNotBefore)
{
	KeeperWatch watch(dead);
	EXPECT_FALSE(watch.look(start, start));
	EXPECT_EQ(watch.due(), start + dead);
	EXPECT_FALSE(watch.look(start + dead, start + milliseconds{29})) << "it turned meanwhile";
	EXPECT_EQ(watch.due(), start + milliseconds{59});
	EXPECT_FALSE(watch.look(start + milliseconds{58}, start + milliseconds{29}));
	EXPECT_TRUE(watch.look(start + milliseconds{59}, start + milliseconds{29}));
}

TEST(KeeperWatch, ItsOwnLatenessIsGranted)
{
	KeeperWatch watch(dead);
	ASSERT_FALSE(watch.look(start, start));
	// Woken 10 ms late: systoled may have been kept from turning by the same thing.
	EXPECT_FALSE(watch.look(start + milliseconds{40}, start));
	EXPECT_EQ(watch.due(), start + milliseconds{50});
	EXPECT_TRUE(watch.look(start + milliseconds{51}, start)) << "1 ms late is punctual";
}

TEST(KeeperWatch, AFrozenMachineGivesSystoledNoMoreThanADeadInterval)
{
	KeeperWatch watch(dead);
	ASSERT_FALSE(watch.look(start, start));
	const Time thawed = start + seconds{5};
	EXPECT_TRUE(watch.due() < thawed);
	const bool at_once = watch.look(thawed, start);
	EXPECT_FALSE(at_once);
	EXPECT_EQ(watch.due(), thawed + dead);
	EXPECT_TRUE(watch.look(thawed + dead, start));
}

TEST(KeeperWatch, IsNeverPutOffForEver)
{
	KeeperWatch watch(dead);
	Time now = start;
	int looks = 0;
	ASSERT_FALSE(watch.look(now, start));
	for (; looks < 100; ++looks)
		if (watch.look(now = watch.due() + seconds{1}, start))
			break;
	EXPECT_EQ(looks, 4);
}

TEST(KeeperWatch, ANewSignOfLifeEndsEveryGrant)
{
	KeeperWatch watch(dead);
	ASSERT_FALSE(watch.look(start, start));
	(void)watch.look(start + milliseconds{50}, start);
	ASSERT_FALSE(watch.look(start + milliseconds{55}, start + milliseconds{54}));
	EXPECT_EQ(watch.due(), start + milliseconds{84});
}

} // namespace
} // namespace systole::control
