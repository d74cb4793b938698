// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What crosses a ring must be copyable byte by byte, and the small value types must be what they say.
#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"
#include "control/core/fixed_vector.h"
#include "control/core/node.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace systole::core {
namespace {

static_assert(std::is_trivially_copyable_v<Event> && std::is_trivially_copyable_v<EventBody>);
static_assert(std::is_trivially_copyable_v<Action> && std::is_trivially_copyable_v<Actions>);
static_assert(std::is_trivially_copyable_v<HeartbeatContent> && std::is_trivially_copyable_v<BeatStamp>);
static_assert(std::is_trivially_copyable_v<HakeBytes> && std::is_trivially_copyable_v<MemberId>);
static_assert(std::is_trivially_copyable_v<Config> && std::is_trivially_copyable_v<Candidate> &&
	      std::is_trivially_copyable_v<Decision>);
static_assert(std::is_trivially_copyable_v<Member> && std::is_trivially_copyable_v<VclusterState>);
static_assert(std::is_trivially_copyable_v<FixedVector<int, 3>> &&
	      !std::is_trivially_copyable_v<FixedVector<std::vector<int>, 3>>);

template <typename Clock>
concept KnowsTheTime = requires
{
	Clock::now();
};
static_assert(KnowsTheTime<std::chrono::steady_clock> && !KnowsTheTime<MonoClock>);

TEST(MemberIdTest, IsComparedAsUnsignedBytes)
{
	EXPECT_LT(MemberId::from("A"), MemberId::from("B"));
	EXPECT_LT(MemberId::from("A"), MemberId::from("AA"));
	EXPECT_LT(MemberId::from("z"), MemberId::from("\xc3\xa4"));
	EXPECT_EQ(MemberId::from("SYS0000000000001"), MemberId::from("SYS0000000000001 and what is too long"));
}

TEST(MemberIdTest, ViewEndsAtThePadding)
{
	EXPECT_EQ(MemberId::from("SYS1").view(), "SYS1");
	EXPECT_EQ(MemberId::from("SYS0000000000001").view().size(), 16U);
	EXPECT_TRUE(MemberId().empty());
	EXPECT_FALSE(MemberId::from("x").empty());
}

TEST(FixedVectorTest, ComparesOnlyWhatIsInUse)
{
	FixedVector<int, 4> a, b;
	a.push_back(1);
	a.push_back(7);
	a.pop_back();
	b.push_back(1);
	EXPECT_EQ(a, b);
	b.push_back(1);
	EXPECT_NE(a, b);
}

TEST(FixedVectorDeathTest, IsNeverOverrun)
{
	FixedVector<int, 1> a;
	EXPECT_DEATH((void)a[0], "m_size");
	EXPECT_DEATH(a.pop_back(), "m_size");
	a.push_back(1);
	EXPECT_TRUE(a.full());
	EXPECT_DEATH(a.push_back(2), "m_size");
}

TEST(ConfigTest, TheDeadIntervalIsIntervalTimesThreshold)
{
	Config config;
	EXPECT_EQ(config.dead_interval(), std::chrono::seconds{4});
	config.hb_interval = std::chrono::milliseconds{10};
	config.hb_lost_threshold = 3;
	EXPECT_EQ(config.dead_interval(), std::chrono::milliseconds{30});
}

} // namespace
} // namespace systole::core
