// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Our own absence, half-heard rivals and lost carriers: what a member may not do before it has looked around.
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

namespace systole::core {
namespace {

using namespace systole::scenario;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto dead = milliseconds{30};

Config lone_config(bool immediate)
{
	Config config = config_of(serial_of(1));
	config.expected_members = 2;
	config.carrier_loss_immediate = immediate;
	return config;
}

// We are the primary, the peer (a better one: the higher serial) follows.
class AwayPrimary : public ::testing::Test {
protected:
	explicit AwayPrimary(bool immediate = false) : one(lone_config(immediate))
	{
		(void)one.start();
		one.pass(seconds{6}); // past the holddown: alone, so it claims
		EXPECT_TRUE(one.node().primary());
		peer.words.state = HaState::standby;
		peer.words.epoch = 1;
		peer.words.choice = member_hash(MemberId::from(serial_of(1)));
		peer.words.age_origin_ns = one.now.time_since_epoch().count();
		(void)one.join(peer);
		EXPECT_EQ(one.node().alive_peers(), 1U);
		one.pass(seconds{1});
	}
	BeatReceived beat(bool since_return)
	{
		BeatReceived event = one.beat_of(peer);
		event.since_return = since_return;
		return event;
	}

	OneNode one;
	OneNode::Peer peer = one.make_peer(serial_of(2));
};

TEST_F(AwayPrimary, HoldsOnToNothingAndSaysNothing)
{
	const Actions &left = one.step(Absent{});
	EXPECT_EQ(count<SuspendClaim>(left), 1U);
	EXPECT_EQ(one.node().presence(), Presence::absent);
	EXPECT_EQ(one.node().next_deadline(), never);
	one.now += seconds{10};
	EXPECT_EQ(sends(one.step(Tick{})), 0U) << "not even a HELLO";
	EXPECT_EQ(count<SuspendClaim>(one.step(Absent{})), 0U) << "told once";
}

TEST_F(AwayPrimary, KeepsTheRoleAndTheEpochWhenNobodyTookIt)
{
	const std::uint32_t epoch = one.node().vcluster().epoch;
	(void)one.step(Absent{});
	one.now += seconds{2};
	(void)one.step(Returned{one.now, seconds{2}});
	EXPECT_EQ(one.node().presence(), Presence::returning);
	EXPECT_EQ(one.node().next_deadline(), one.now + dead);
	EXPECT_EQ(count<EndSilence>(one.step(beat(false))), 0U) << "it had waited in the queue";
	const Actions &back = one.step(beat(true));
	EXPECT_EQ(count<ResumeClaim>(back), 1U);
	EXPECT_EQ(count<BecomePrimary>(back), 0U);
	EXPECT_EQ(count<EndSilence>(back), 1U);
	EXPECT_LT(place_of<ResumeClaim>(back), place_of<EndSilence>(back));
	EXPECT_EQ(notices(back, NoticeKind::reentered), 1U);
	EXPECT_TRUE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().epoch, epoch);
}

TEST_F(AwayPrimary, WaitsNoLongerThanADeadInterval)
{
	(void)one.step(Returned{one.now, seconds{2}}); // without a word of control's own
	one.pass(dead - milliseconds{1});
	EXPECT_EQ(one.node().presence(), Presence::returning);
	one.pass(milliseconds{1});
	EXPECT_EQ(one.node().presence(), Presence::present);
	EXPECT_TRUE(one.node().primary());
}

TEST_F(AwayPrimary, YieldsToWhoeverTookTheRoleHoweverMuchBetterItIsItself)
{
	(void)one.step(Absent{});
	one.now += seconds{2};
	(void)one.step(Returned{one.now, seconds{2}});
	peer.words.state = HaState::work;
	peer.words.epoch = 2;
	peer.words.link_failure = 50; // the full order would have preferred us
	const Actions &back = one.step(beat(true));
	EXPECT_EQ(count<BecomeSecondary>(back), 1U);
	EXPECT_EQ(count<ResumeClaim>(back), 0U);
	EXPECT_LT(place_of<BecomeSecondary>(back), place_of<EndSilence>(back))
		<< "the addresses go before the first word";
	EXPECT_EQ(one.node().vcluster().state, HaState::standby);
	EXPECT_EQ(one.node().vcluster().choice, peer.config.self);
}

TEST_F(AwayPrimary, GoesThroughTheElectionWhenTheRoleMovedAndNobodyHasItNow)
{
	const std::uint32_t epoch = one.node().vcluster().epoch;
	(void)one.step(Absent{});
	(void)one.step(Returned{one.now, seconds{2}});
	peer.words.epoch = epoch + 1; // it claimed, and yielded again
	const Actions &back = one.step(beat(true));
	EXPECT_EQ(count<BecomeSecondary>(back), 1U);
	EXPECT_EQ(count<ResumeClaim>(back), 0U);
	one.pass(seconds{1});
	EXPECT_FALSE(one.node().primary() && one.node().vcluster().epoch == epoch) << "never the old claim again";
}

TEST_F(AwayPrimary, StandsInAgainAfterASecondAbsence)
{
	for (int i = 0; i < 2; ++i) {
		EXPECT_EQ(count<SuspendClaim>(one.step(Absent{})), 1U);
		one.now += seconds{1};
		(void)one.step(Returned{one.now, seconds{1}});
		EXPECT_EQ(count<ResumeClaim>(one.step(beat(true))), 1U);
	}
}

TEST_F(AwayPrimary, MayStillSayFarewell)
{
	(void)one.step(Stopping{});
	EXPECT_EQ(count<EndSilence>(one.step(Returned{one.now, seconds{1}})), 1U);
}

// ---------------------------------------------------------------- half heard

TEST_F(AwayPrimary, YieldsToARivalThatDoesNotHearIt)
{
	(void)one.link(peer, LinkHealth::one_way);
	EXPECT_TRUE(one.node().primary());
	peer.words.state = HaState::work;
	peer.words.epoch = 2;
	peer.words.link_failure = 50;
	BeatReceived event = one.beat_of(peer);
	event.heard = LinkHealth::one_way;
	event.content.reception.push_back({member_hash(MemberId::from(serial_of(1))), 0, LinkHealth::down});
	EXPECT_EQ(count<BecomeSecondary>(one.step(event)), 1U) << "it cannot yield to whom it does not hear";
}

TEST_F(AwayPrimary, DoesNotYieldToARivalThatSaysItHearsIt)
{
	(void)one.link(peer, LinkHealth::one_way);
	peer.words.state = HaState::work;
	peer.words.epoch = 2;
	peer.words.link_failure = 50;
	BeatReceived event = one.beat_of(peer);
	event.heard = LinkHealth::one_way;
	event.content.reception.push_back({member_hash(MemberId::from(serial_of(1))), 1, LinkHealth::one_way});
	EXPECT_EQ(count<BecomeSecondary>(one.step(event)), 0U) << "the full order decides, and it will yield";
}

// ---------------------------------------------------------------- carrier

class DirectCable : public AwayPrimary {
protected:
	DirectCable() : AwayPrimary(true) {}
};

TEST_F(DirectCable, WithoutAnyCarrierEverybodyIsLostAtOnce)
{
	const Actions &actions = one.step(CarrierChanged{0, false});
	EXPECT_EQ(notices(actions, NoticeKind::peer_lost), 1U);
	EXPECT_EQ(one.node().alive_peers(), 0U);
}

TEST_F(DirectCable, TheFirstBeatAfterTheCarrierCameBackIsLifeAgain)
{
	(void)one.step(CarrierChanged{0, false});
	BeatReceived queued = one.beat_of(peer);
	queued.arrived_at = one.now - milliseconds{1};
	(void)one.step(queued);
	EXPECT_EQ(one.node().alive_peers(), 0U) << "it had come before";
	one.now += milliseconds{5};
	(void)one.step(CarrierChanged{0, true});
	BeatReceived next = one.beat_of(peer);
	next.arrived_at = one.now;
	const Actions &found = one.step(next);
	EXPECT_EQ(notices(found, NoticeKind::peer_found), 1U)
		<< "the worker never judged the link, nobody else would say so";
	EXPECT_EQ(one.node().alive_peers(), 1U);
}

TEST_F(AwayPrimary, ByDefaultALostCarrierIsRecordedAndNotJudged)
{
	const Actions &actions = one.step(CarrierChanged{0, false});
	EXPECT_EQ(notices(actions, NoticeKind::carrier), 1U);
	EXPECT_EQ(one.node().alive_peers(), 1U);
}

} // namespace
} // namespace systole::core
