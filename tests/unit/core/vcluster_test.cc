// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a virtual cluster counts and waits for, event by event. The stories are in tests/scenario.
#include "control/core/isolation.h"
#include "control/core/memory_watch.h"
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char *low = "SYS0000000000001";
constexpr const char *high = "SYS0000000000009";

Config with_ping_servers()
{
	Config config = config_of(low);
	config.ping_priority.push_back(5);
	config.ping_priority.push_back(3);
	config.vclusters[0].ping_monitors = 3;
	config.vclusters[0].ping_threshold = 4;
	config.vclusters[0].flip_timeout = minutes{6};
	return config;
}

OneNode::Peer follower(OneNode &one)
{
	OneNode::Peer peer = one.make_peer(high);
	peer.words.state = HaState::standby;
	peer.words.choice = member_hash(MemberId::from(low));
	peer.words.age_origin_ns = one.now.time_since_epoch().count();
	return peer;
}

TEST(PingServers, OnlyAPrimaryBelievesItsProbes)
{
	OneNode one(with_ping_servers());
	(void)one.start();
	(void)one.step(PingMonitorChanged{0, false});
	one.pass(seconds{6});
	ASSERT_TRUE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().ping_failure, 0) << "what came before the role is void";
	(void)one.step(PingMonitorChanged{7, false}); // there is none
	EXPECT_EQ(one.node().vcluster().ping_failure, 0);
}

TEST(PingServers, CountFromTheThresholdOnAndResetTheAgeOnce)
{
	OneNode one(with_ping_servers());
	(void)one.start();
	one.pass(seconds{6});
	(void)one.step(PingMonitorChanged{1, false});
	EXPECT_EQ(one.node().vcluster().ping_failure, 0) << "3 is less than 4";
	EXPECT_EQ(one.node().vcluster().reset_count, 0U);
	(void)one.step(PingMonitorChanged{0, false});
	EXPECT_EQ(one.node().vcluster().ping_failure, 8);
	EXPECT_EQ(one.node().vcluster().reset_count, 1U);
	EXPECT_TRUE(one.node().primary()) << "there is nobody else";
	(void)one.step(PingMonitorChanged{1, true});
	EXPECT_EQ(one.node().vcluster().ping_failure, 5);
	EXPECT_EQ(one.node().vcluster().reset_count, 1U);
	(void)one.step(PingMonitorChanged{0, true});
	EXPECT_EQ(one.node().vcluster().ping_failure, 0);
}

TEST(PingServers, ThresholdZeroIsAnyFailure)
{
	Config config = with_ping_servers();
	config.vclusters[0].ping_threshold = 0;
	OneNode one(config);
	(void)one.start();
	one.pass(seconds{6});
	(void)one.step(PingMonitorChanged{1, false});
	EXPECT_EQ(one.node().vcluster().ping_failure, 3);
}

TEST(FlipTimer, StartsWithTheRoleGivenAwayAndClearsTheRecord)
{
	OneNode one(with_ping_servers());
	(void)one.start();
	one.pass(seconds{6});
	OneNode::Peer peer = follower(one);
	(void)one.join(peer);
	const Actions &actions = one.step(PingMonitorChanged{0, false});
	EXPECT_EQ(count<BecomeSecondary>(actions), 1U);
	EXPECT_EQ(notices(actions, NoticeKind::flip_started), 1U);
	EXPECT_EQ(one.node().vcluster().ping_failure, 5) << "on record, although nobody probes any more";
	EXPECT_EQ(one.node().vcluster().flip_epoch, one.node().vcluster().epoch + 1);
	EXPECT_EQ(one.node().virtual_cluster().flip_left(one.now), minutes{6});
	peer.words.state = HaState::work;
	peer.words.epoch = one.node().vcluster().epoch + 1;
	(void)one.beat(peer);
	const Time end = one.now + minutes{6};
	one.pass(minutes{6} - milliseconds{1});
	EXPECT_EQ(one.node().vcluster().ping_failure, 5);
	one.pass(milliseconds{1});
	EXPECT_EQ(one.now, end);
	EXPECT_EQ(one.node().vcluster().ping_failure, 0);
}

TEST(FlipTimer, OfTheNewestClaimIsTakenOverButNoLongerThanOurs)
{
	OneNode one(with_ping_servers());
	(void)one.start();
	OneNode::Peer peer = one.make_peer(high);
	peer.words.state = HaState::work;
	peer.words.epoch = 4;
	peer.words.flip_epoch = 4;
	peer.words.flip_until_tenths = UINT32_MAX;
	(void)one.join(peer);
	EXPECT_EQ(one.node().virtual_cluster().flip_left(one.now), minutes{6});
	one.pass(seconds{10});
	peer.words.flip_until_tenths = 0;
	(void)one.beat(peer);
	EXPECT_EQ(one.node().virtual_cluster().flip_left(one.now), minutes{6} - seconds{10}) << "the same timer";
}

TEST(Vclusters, CountTheirOwnInterfacesAndHaveTheirOwnFlag)
{
	Config config = config_of(low);
	config.vclusters.push_back({});
	config.vclusters[1].id = 2;
	config.monitor_count = 2;
	config.vclusters[0].monitors = 1;
	config.vclusters[1].monitors = 2;
	OneNode one(config);
	(void)one.start();
	one.pass(seconds{6});
	ASSERT_TRUE(one.node().primary(0));
	ASSERT_TRUE(one.node().primary(1));
	(void)one.step(MonitorChanged{1, false});
	EXPECT_EQ(one.node().vcluster(0).link_failure, 0);
	EXPECT_EQ(one.node().vcluster(1).link_failure, 50);
	EXPECT_EQ(one.node().vcluster(0).reset_count, 0U);
	EXPECT_EQ(one.node().vcluster(1).reset_count, 1U);
	(void)one.step(SetFailover{true, 2});
	EXPECT_FALSE(one.node().vcluster(0).failover_flag);
	EXPECT_TRUE(one.node().vcluster(1).failover_flag);
	EXPECT_TRUE(one.step(SetFailover{true, 9}).empty()) << "there is none";
	ASSERT_EQ(one.node().beat().vclusters.size(), 2U);
	EXPECT_EQ(one.node().beat().vclusters[1].link_failure, 50);
}

TEST(Vclusters, ThirtyOfThemChangeTogetherInOneStep)
{
	Config config = config_of(low);
	for (std::uint8_t id = 2; id <= max_vclusters; ++id) {
		config.vclusters.push_back({});
		config.vclusters.back().id = id;
	}
	OneNode one(config);
	(void)one.start();
	one.pass(seconds{5} - Duration{1});
	one.now += Duration{1};
	const Actions &actions = one.step(Tick{});
	EXPECT_EQ(count<BecomePrimary>(actions), 30U);
	EXPECT_EQ(count<BecomeSecondary>(one.step(Stopping{})), 30U);
}

TEST(MemoryWatch, EverySampleOfThePeriodMustBeAbove)
{
	MemoryFailover config;
	config.enabled = true;
	config.threshold_percent = 80;
	config.monitor_period = seconds{60};
	config.flip_timeout = minutes{6};
	MemoryWatch watch(config);
	const Time start{seconds{1000}};
	for (int second = 0; second < 60; ++second)
		watch.sample(start + seconds{second}, second == 30 ? 80 : 81);
	EXPECT_FALSE(watch.failed()) << "80 is not above 80";
	watch.sample(start + seconds{90}, 81);
	EXPECT_FALSE(watch.failed());
	watch.sample(start + seconds{91}, 81);
	EXPECT_TRUE(watch.failed());
	watch.failed_over(start + seconds{91});
	watch.sample(start + seconds{92}, 10);
	EXPECT_FALSE(watch.failed());
	for (int second = 93; second < 91 + 360; ++second)
		watch.sample(start + seconds{second}, 99);
	EXPECT_FALSE(watch.failed()) << "not again before the flip timeout";
	watch.sample(start + seconds{91 + 360}, 99);
	EXPECT_TRUE(watch.failed());
	MemoryWatch off{MemoryFailover{}};
	off.sample(start, 99);
	off.sample(start + minutes{60}, 99);
	EXPECT_FALSE(off.failed());
}

class Hearings : public testing::Test {
protected:
	Hearings() { config.self = MemberId::from(low); }
	Member &other(PeerSlot slot, LinkHealth health)
	{
		Member &member = members[slot];
		member.id = MemberId::from(serial_of(slot + 10U));
		member.known = true;
		member.alive = health != LinkHealth::down;
		member.links[0].health = health;
		if (health == LinkHealth::one_way)
			member.content.reception.push_back({member_hash(config.self), 0, LinkHealth::down});
		return member;
	}
	Hearing hearing() { return hearing_of(config, members); }
	Config config;
	Members members{};
};

TEST_F(Hearings, AloneAtTheStartIsNotIsolatedAndNotAccounted)
{
	EXPECT_FALSE(hearing().isolated);
	EXPECT_FALSE(hearing().all_accounted);
}
TEST_F(Hearings, WhoeverHearsUsCounts)
{
	other(1, LinkHealth::up);
	EXPECT_TRUE(hearing().anybody);
	EXPECT_FALSE(hearing().all_accounted) << "how many there are is not known";
	config.expected_members = 2;
	EXPECT_TRUE(hearing().all_accounted);
	config.expected_members = 3;
	EXPECT_FALSE(hearing().all_accounted);
}
TEST_F(Hearings, LifeOnAOneWayLinkIsNoHearingEvenWithoutAWord)
{
	other(1, LinkHealth::one_way).content.reception.clear();
	members[1].links[0].life = true;
	EXPECT_TRUE(hearing().isolated);
}
TEST_F(Hearings, OneThatDoesNotHearUsIsMissing)
{
	other(1, LinkHealth::one_way);
	EXPECT_TRUE(hearing().isolated);
	EXPECT_FALSE(hearing().all_accounted);
	other(2, LinkHealth::up);
	EXPECT_FALSE(hearing().isolated);
	EXPECT_FALSE(hearing().all_accounted);
}
TEST_F(Hearings, OneThatSaidGoodbyeMayHaveStartedAgain)
{
	config.expected_members = 2;
	other(1, LinkHealth::down).leaving = true;
	EXPECT_TRUE(hearing().isolated);
	EXPECT_FALSE(hearing().all_accounted);
}

TEST_F(Hearings, TheBoundIsZeroOnlyWhereSomethingStopsTheOldPrimary)
{
	other(1, LinkHealth::up);
	EXPECT_FALSE(dual_primary_bound(config, members, true));
	config.isolation = Isolation::demote;
	EXPECT_FALSE(dual_primary_bound(config, members, false));
	EXPECT_EQ(dual_primary_bound(config, members, true), Duration::zero());
	other(2, LinkHealth::up);
	EXPECT_FALSE(dual_primary_bound(config, members, true)) << "it may hear one and not the other";
	config.isolation = Isolation::witness;
	EXPECT_EQ(dual_primary_bound(config, members, false), Duration::zero());
	config.witness_fallback_act = true;
	EXPECT_FALSE(dual_primary_bound(config, members, false));
}

} // namespace
} // namespace systole::scenario
