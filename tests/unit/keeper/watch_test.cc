// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// When the keeper takes the addresses away, how its own lateness moves that, and what it tells the worker.
#include "control/keeper/watch.h"
#include "control/vital_signs.h"

#include <gtest/gtest.h>

namespace systole::control {
namespace {

using core::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto dead = milliseconds{30};
constexpr Time start{seconds{1000}};

KeeperWatch make_watch()
{
	return {dead, milliseconds{10}};
}

TEST(KeeperWatch, ActsADeadIntervalAfterTheLastSignOfLifeAndNotBefore)
{
	KeeperWatch watch = make_watch();
	EXPECT_FALSE(watch.look(start, start));
	EXPECT_EQ(watch.due(), start + milliseconds{10});
	EXPECT_FALSE(watch.look(start + milliseconds{10}, start + milliseconds{9})) << "it turned meanwhile";
	for (const int ms : {20, 30}) {
		EXPECT_EQ(watch.due(), start + milliseconds{ms});
		EXPECT_FALSE(watch.look(start + milliseconds{ms}, start + milliseconds{9}));
	}
	EXPECT_EQ(watch.due(), start + milliseconds{39});
	EXPECT_TRUE(watch.look(start + milliseconds{39}, start + milliseconds{9}));
}

TEST(KeeperWatch, ItsOwnLatenessIsGrantedToTheMillisecond)
{
	KeeperWatch watch = make_watch();
	ASSERT_FALSE(watch.look(start, start));
	// Woken 17 ms late: systoled may have been kept from turning by the same thing.
	EXPECT_FALSE(watch.look(start + milliseconds{27}, start));
	EXPECT_FALSE(watch.look(start + milliseconds{37}, start));
	EXPECT_EQ(watch.due(), start + milliseconds{47});
	EXPECT_TRUE(watch.look(start + milliseconds{48}, start)) << "1 ms late is punctual";
}

TEST(KeeperWatch, AFrozenMachineLeavesSystoledTheRestOfItsDeadInterval)
{
	KeeperWatch watch = make_watch();
	ASSERT_FALSE(watch.look(start, start));
	const Time thawed = start + seconds{5};
	EXPECT_FALSE(watch.look(thawed, start));
	EXPECT_FALSE(watch.look(thawed + milliseconds{10}, start));
	EXPECT_EQ(watch.due(), thawed + milliseconds{20});
	EXPECT_TRUE(watch.look(thawed + milliseconds{20}, start));
}

TEST(KeeperWatch, AMachineThatFroze4MsAfterTheLastLookHasTurnedSince)
{
	KeeperWatch watch = make_watch();
	ASSERT_FALSE(watch.look(start, start - milliseconds{1}));
	const Time last_turn = start + milliseconds{4};
	const Time thawed = start + seconds{1};
	EXPECT_FALSE(watch.look(thawed, last_turn))
		<< "a sign of life since the last look is no reason to count the freeze";
	EXPECT_FALSE(watch.look(thawed + milliseconds{10}, last_turn));
	EXPECT_FALSE(watch.look(thawed + milliseconds{20}, last_turn));
	EXPECT_TRUE(watch.look(thawed + milliseconds{24}, last_turn));
}

TEST(KeeperWatch, ANewSignOfLifeEndsEveryGrant)
{
	KeeperWatch watch = make_watch();
	ASSERT_FALSE(watch.look(start, start));
	(void)watch.look(start + milliseconds{40}, start);
	ASSERT_FALSE(watch.look(start + milliseconds{45}, start + milliseconds{44}));
	(void)watch.look(start + milliseconds{55}, start + milliseconds{44});
	(void)watch.look(start + milliseconds{65}, start + milliseconds{44});
	EXPECT_EQ(watch.due(), start + milliseconds{74});
}

TEST(KeeperWatch, IsNotPutOffForEver)
{
	KeeperWatch watch = make_watch();
	Time now = start;
	ASSERT_FALSE(watch.look(now, start));
	while (!watch.look(now = watch.due() + milliseconds{20}, start))
		ASSERT_LT(now, start + seconds{2});
	EXPECT_GE(now, start + dead * 2);
	EXPECT_LE(now, start + dead * 9);
}

TEST(VitalSigns, TellAFrozenMachineFromAFrozenProcess)
{
	VitalSigns signs;
	const auto looked = [&signs](Time at, core::Duration late) {
		signs.keeper_ns = at.time_since_epoch().count();
		signs.keeper_late_ns = late.count();
	};
	looked(start, core::Duration::zero());
	EXPECT_FALSE(signs.machine_was_away(start + milliseconds{10}, dead)) << "the keeper looked all the time";
	EXPECT_TRUE(signs.machine_was_away(start + milliseconds{31}, dead))
		<< "it was away with us, and has not looked since";
	looked(start + milliseconds{35}, milliseconds{31});
	EXPECT_TRUE(signs.machine_was_away(start + milliseconds{36}, dead)) << "it has looked since, late";
}

} // namespace
} // namespace systole::control
