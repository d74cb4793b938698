// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A role goes over as planned: what the old primary waits for and offers, what the successor takes, and every way in
// which nothing comes of it. The stories are in tests/scenario.
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = HandOver::Stage;

constexpr const char *low = "SYS0000000000001";
constexpr const char *high = "SYS0000000000009";

// The member under test is primary at epoch 1; the other is a standby that follows it.
class Old : public testing::Test {
protected:
	void begin(const Config &config = config_of(low))
	{
		one.emplace(config);
		(void)one->start();
		one->pass(seconds{6});
		peer = one->make_peer(high);
		peer.capabilities = cap_takes_offers;
		peer.words.state = HaState::standby;
		peer.words.choice = member_hash(MemberId::from(low));
		peer.words.age_origin_ns = one->now.time_since_epoch().count();
		(void)one->join(peer);
		ASSERT_TRUE(one->node().primary());
	}
	const Actions &claim()
	{
		peer.words.state = HaState::work;
		peer.words.epoch = one->node().vcluster().epoch + 1;
		return one->beat(peer);
	}
	[[nodiscard]] const HandOver &plan() const { return one->node().vcluster().hand_over; }
	[[nodiscard]] const VclusterBeat &says() const { return one->node().beat().vclusters[0]; }

	std::optional<OneNode> one;
	OneNode::Peer peer;
};

TEST_F(Old, OffersTheRoleAndHoldsItUntilTheSuccessorHasClaimed)
{
	begin();
	const Actions &asked = one->step(SwitchRole{});
	EXPECT_EQ(count<BecomeSecondary>(asked), 0U);
	ASSERT_EQ(count<SetBeatContent>(asked), 1U);
	EXPECT_TRUE(all<SetBeatContent>(asked)[0].immediate);
	EXPECT_TRUE(one->node().primary());
	EXPECT_TRUE(says().offering);
	EXPECT_EQ(says().state, HaState::work);
	EXPECT_EQ(says().choice, member_hash(MemberId::from(high)));
	EXPECT_EQ(one->node().vcluster().choice, MemberId::from(low)) << "until then it is its own primary";
	one->now += milliseconds{3};
	const Actions &claimed = claim();
	ASSERT_EQ(count<BecomeSecondary>(claimed), 1U);
	EXPECT_TRUE(all<BecomeSecondary>(claimed)[0].succeeded);
	EXPECT_EQ(notices(claimed, NoticeKind::handed_over), 1U);
	EXPECT_EQ(plan().stage, Stage::done);
	EXPECT_EQ(plan().ended_at - plan().begun_at, milliseconds{3});
	EXPECT_FALSE(says().offering);
	EXPECT_TRUE(one->node().vcluster().failover_flag) << "or the next election would bring the role back";
}

TEST_F(Old, GoesOnAsIfNothingHadHappenedWhenNobodyClaims)
{
	begin();
	(void)one->step(SwitchRole{});
	one->pass(milliseconds{999});
	EXPECT_TRUE(says().offering);
	one->pass(milliseconds{1});
	EXPECT_FALSE(says().offering);
	EXPECT_TRUE(one->node().primary());
	EXPECT_EQ(one->node().vcluster().epoch, 1U);
	EXPECT_FALSE(one->node().vcluster().failover_flag);
	EXPECT_EQ(plan().stage, Stage::failed);
	EXPECT_EQ(plan().failure, HandOverFailure::no_claim);
	one->pass(seconds{30});
	EXPECT_TRUE(one->node().primary());
	EXPECT_EQ(plan().number, 1U) << "and does not try again by itself";
}

TEST_F(Old, WaitsThreeDeadIntervalsWhereThoseAreLonger)
{
	Config config = config_of(low);
	config.hb_interval = milliseconds{200};
	config.hb_lost_threshold = 20;
	begin(config);
	(void)one->step(SwitchRole{});
	one->pass(milliseconds{11'999});
	EXPECT_TRUE(says().offering);
	one->pass(milliseconds{1});
	EXPECT_FALSE(says().offering);
}

TEST_F(Old, AnOfferThatAnElectionMadeIsRepeatedOnceAndThenOnlyWhenSomethingChanges)
{
	Config config = config_of(low);
	config.vclusters[0].priority = 100;
	begin(config);
	peer.words.override_enabled = true;
	(void)one->beat(peer);
	EXPECT_TRUE(says().offering) << "override is in force, and the other has the higher priority";
	one->pass(seconds{10});
	EXPECT_FALSE(says().offering);
	EXPECT_TRUE(one->node().primary());
	const std::uint32_t offers = plan().number;
	EXPECT_LE(offers, 2U);
	peer.words.link_failure = 50;
	(void)one->beat(peer);
	EXPECT_EQ(plan().number, offers);
	peer.words.link_failure = 0;
	(void)one->beat(peer);
	EXPECT_EQ(plan().number, offers + 1);
}

TEST_F(Old, EndsItsOfferWithTheSuccessor)
{
	begin();
	(void)one->step(SwitchRole{});
	const Actions &lost = one->link(peer, LinkHealth::down);
	EXPECT_EQ(notices(lost, NoticeKind::not_handed_over), 1U);
	EXPECT_EQ(plan().failure, HandOverFailure::lost);
	EXPECT_TRUE(one->node().primary());
	EXPECT_FALSE(one->node().vcluster().failover_flag);
}

// With session pickup; the others take sessions too.
class OldWithSessions : public Old {
protected:
	void begin_with_sessions(Config config = config_of(low))
	{
		config.session_pickup = true;
		begin(config);
		peer.capabilities |= cap_takes_sessions;
		(void)one->beat(peer);
	}
};

TEST_F(OldWithSessions, WaitsUntilTheSuccessorHasWhatThereWasBeforeItOffers)
{
	begin_with_sessions();
	(void)one->step(SwitchRole{});
	EXPECT_EQ(plan().stage, Stage::barrier);
	EXPECT_FALSE(says().offering);
	one->pass(milliseconds{40});
	(void)one->step(SessionsTold{plan().number + 1, false});
	EXPECT_FALSE(says().offering) << "of another hand-over";
	(void)one->step(SessionsTold{plan().number, false});
	EXPECT_TRUE(says().offering);
	EXPECT_EQ(plan().offered_at - plan().begun_at, milliseconds{40});
}

TEST_F(OldWithSessions, DoesNotSwitchWhileSessionsWouldBeLost)
{
	begin_with_sessions();
	(void)one->step(SwitchRole{});
	one->pass(seconds{1});
	EXPECT_EQ(plan().failure, HandOverFailure::sessions);
	EXPECT_TRUE(one->node().primary());
	EXPECT_FALSE(one->node().vcluster().failover_flag);
}

TEST_F(OldWithSessions, DoesNotWaitForSessionsOfAMemberThatTakesNone)
{
	begin_with_sessions();
	peer.capabilities &= ~std::uint32_t{cap_takes_sessions};
	(void)one->beat(peer);
	(void)one->step(SwitchRole{});
	EXPECT_EQ(plan().failure, HandOverFailure::no_pickup);
	EXPECT_EQ(plan().successor, MemberId::from(high));
	EXPECT_EQ(plan().ended_at, plan().begun_at);
	EXPECT_TRUE(one->node().primary());
	(void)one->step(SetFailover{true});
	EXPECT_TRUE(says().offering) << "without them the operator has to want it";
}

TEST_F(OldWithSessions, ThatIsIllDoesNotWaitForSessions)
{
	Config config = config_of(low);
	config.monitor_everywhere(1);
	begin_with_sessions(config);
	(void)one->step(MonitorChanged{0, false});
	EXPECT_TRUE(says().offering);
}

TEST_F(OldWithSessions, OtherVirtualClustersThanTheFirstDoNotWaitForSessions)
{
	Config config = config_of(low);
	config.vclusters.push_back(config.vclusters[0]);
	config.vclusters[1].id = 2;
	begin_with_sessions(config);
	BeatReceived both = one->beat_of(peer);
	both.content.vclusters.push_back(peer.words);
	both.content.vclusters[1].id = 2;
	(void)one->step(both);
	(void)one->step(SwitchRole{2});
	EXPECT_TRUE(one->node().beat().vclusters[1].offering);
	EXPECT_FALSE(one->node().beat().vclusters[0].offering);
}

TEST_F(OldWithSessions, StopsOnlyWhenTheSuccessorHasHeardTheRest)
{
	begin_with_sessions();
	(void)one->step(Stopping{});
	(void)one->step(SessionsTold{plan().number, false});
	const Actions &claimed = claim();
	EXPECT_EQ(count<BecomeSecondary>(claimed), 1U);
	EXPECT_EQ(count<SayBye>(claimed), 0U);
	EXPECT_FALSE(one->node().stopped());
	one->pass(milliseconds{30});
	EXPECT_FALSE(one->node().stopped());
	EXPECT_EQ(count<SayBye>(one->step(SessionsTold{plan().number, true})), 1U);
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(OldWithSessions, StopsAllTheSameWhenItDoesNotHearThem)
{
	begin_with_sessions();
	(void)one->step(Stopping{});
	(void)one->step(SessionsTold{plan().number, false});
	(void)claim();
	one->pass(milliseconds{999});
	EXPECT_FALSE(one->node().stopped());
	one->pass(milliseconds{1});
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(OldWithSessions, AStopRightAfterASwitchLetsTheRestBeToldFirst)
{
	begin_with_sessions();
	(void)one->step(SwitchRole{});
	(void)one->step(SessionsTold{plan().number, false});
	(void)claim();
	ASSERT_FALSE(one->node().primary());
	(void)one->step(Stopping{});
	EXPECT_FALSE(one->node().stopped());
	(void)one->step(SessionsTold{plan().number, true});
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(OldWithSessions, AStopDuringASwitchHandsTheRoleOverWithOrWithoutTheSessions)
{
	begin_with_sessions();
	(void)one->step(SwitchRole{});
	one->pass(milliseconds{500});
	(void)one->step(Stopping{});
	EXPECT_FALSE(one->node().stopped());
	one->pass(milliseconds{500});
	EXPECT_TRUE(says().offering) << "the switch alone would have been refused";
	(void)claim();
	EXPECT_EQ(plan().stage, Stage::done);
}

// Nobody waits for what a member does that stops, but for its roles.
TEST_F(Old, APeerThatStopsHasNotLeftBeforeEveryRoleOfItIsInOtherHands)
{
	Config config = config_of(low);
	config.vclusters.push_back(config.vclusters[0]);
	config.vclusters[1].id = 2;
	begin(config);
	BeatReceived both = one->beat_of(peer);
	both.content.vclusters.push_back(peer.words);
	both.content.vclusters[1].id = 2;
	for (VclusterBeat &words : both.content.vclusters)
		words.leaving = true;
	for (const std::size_t at_work : {0U, 1U}) {
		both.content.vclusters[at_work].state = HaState::work;
		both.content.vclusters[1 - at_work].state = HaState::standby;
		(void)one->step(both);
		EXPECT_FALSE(one->node().member(MemberId::from(high))->leaving) << at_work;
	}
	both.content.vclusters[1].state = HaState::standby;
	(void)one->step(both);
	EXPECT_TRUE(one->node().member(MemberId::from(high))->leaving);
}

TEST_F(Old, AStopWhileNobodyIsThereYetDoesNotWaitForASwitch)
{
	Config config = config_of(low);
	one.emplace(config);
	(void)one->start();
	one->pass(seconds{6});
	ASSERT_TRUE(one->node().primary());
	(void)one->step(SwitchRole{});
	ASSERT_EQ(plan().stage, Stage::wanted);
	(void)one->step(Stopping{});
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(Old, DoesNotSwitchToAMemberThatIsWorseOff)
{
	begin();
	peer.words.link_failure = 50;
	(void)one->beat(peer);
	(void)one->step(SwitchRole{});
	EXPECT_EQ(plan().failure, HandOverFailure::worse);
	EXPECT_TRUE(one->node().primary());
	EXPECT_FALSE(one->node().vcluster().failover_flag);
}

TEST_F(Old, StepsDownFirstForAMemberThatKnowsNoOffers)
{
	begin();
	peer.capabilities = 0;
	(void)one->beat(peer);
	const Actions &asked = one->step(SwitchRole{});
	ASSERT_EQ(count<BecomeSecondary>(asked), 1U);
	EXPECT_FALSE(all<BecomeSecondary>(asked)[0].succeeded);
	EXPECT_EQ(plan().stage, Stage::let_go);
	(void)claim();
	EXPECT_EQ(plan().stage, Stage::done);
}

TEST_F(Old, StepsDownFirstWhereALeaseDecides)
{
	Config config = config_of(low);
	config.isolation = Isolation::witness;
	config.expected_members = 2;
	one.emplace(config);
	(void)one->start();
	(void)one->step(WitnessChanged{1, true, one->now + seconds{60}});
	one->pass(seconds{6});
	(void)one->step(WitnessChanged{1, true, one->now + seconds{60}});
	ASSERT_TRUE(one->node().primary());
	peer = one->make_peer(high);
	peer.capabilities = cap_takes_offers;
	peer.words.state = HaState::standby;
	peer.words.choice = member_hash(MemberId::from(low));
	(void)one->join(peer);
	const Actions &asked = one->step(SwitchRole{});
	EXPECT_EQ(count<BecomeSecondary>(asked), 1U);
	EXPECT_LT(place_of<BecomeSecondary>(asked), place_of<SeekWitness>(asked))
		<< "and the lease after the addresses";
}

TEST_F(Old, StopsWhenItsRoleIsInOtherHands)
{
	begin();
	const Actions &told = one->step(Stopping{});
	EXPECT_EQ(count<SayBye>(told), 0U);
	EXPECT_TRUE(says().offering);
	EXPECT_FALSE(one->node().stopped());
	const Actions &claimed = claim();
	ASSERT_EQ(count<BecomeSecondary>(claimed), 1U);
	EXPECT_TRUE(all<BecomeSecondary>(claimed)[0].succeeded);
	EXPECT_EQ(count<SayBye>(claimed), 1U);
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(Old, StopsAllTheSameWhenNobodyTakesItsRole)
{
	begin();
	(void)one->step(Stopping{});
	one->pass(milliseconds{999});
	EXPECT_FALSE(one->node().stopped());
	one->pass(milliseconds{1});
	EXPECT_TRUE(one->node().stopped());
	EXPECT_FALSE(one->node().primary());
}

TEST_F(Old, StopsAtOnceWhenItIsToldTwice)
{
	begin();
	(void)one->step(Stopping{});
	const Actions &again = one->step(Stopping{});
	EXPECT_EQ(count<BecomeSecondary>(again), 1U);
	EXPECT_TRUE(one->node().stopped());
}

TEST_F(Old, WithdrawsItsOfferWhenItWasAway)
{
	begin();
	(void)one->step(SwitchRole{});
	(void)one->step(Absent{});
	EXPECT_EQ(plan().failure, HandOverFailure::superseded);
	EXPECT_FALSE(says().offering);
}

// The member under test follows a primary at epoch 3.
class Successor : public testing::Test {
protected:
	void SetUp() override
	{
		Config config = config_of(low);
		config.monitor_everywhere(1);
		one.emplace(config);
		(void)one->start();
		peer = one->make_peer(high);
		peer.words.state = HaState::work;
		peer.words.epoch = 3;
		peer.words.choice = member_hash(MemberId::from(high));
		peer.words.age_origin_ns = one->now.time_since_epoch().count();
		(void)one->join(peer);
		ASSERT_EQ(one->node().vcluster().state, HaState::standby);
	}
	const Actions &offer()
	{
		peer.words.offering = true;
		peer.words.choice = member_hash(MemberId::from(low));
		return one->beat(peer);
	}

	std::optional<OneNode> one;
	OneNode::Peer peer;
};

TEST_F(Successor, ClaimsWhatItIsOffered)
{
	const Actions &offered = offer();
	ASSERT_EQ(count<BecomePrimary>(offered), 1U);
	EXPECT_EQ(all<BecomePrimary>(offered)[0].epoch, 4U);
	EXPECT_EQ(all<BecomePrimary>(offered)[0].decision.rule, Rule::handed_over)
		<< "by its own election it would not";
	EXPECT_LT(place_of<BecomePrimary>(offered), place_of<SetBeatContent>(offered));
}

TEST_F(Successor, StaysPrimaryWhileTheOldOneStillSaysSoAndAnnouncesAgainWhenThatHasLetGo)
{
	(void)offer();
	one->pass(milliseconds{15});
	(void)one->beat(peer);
	EXPECT_TRUE(one->node().primary()) << "no rival: it has offered";
	peer.words.state = HaState::standby;
	peer.words.offering = false;
	peer.words.epoch = 4;
	const Actions &let_go = one->beat(peer);
	EXPECT_TRUE(one->node().primary());
	ASSERT_EQ(count<Reannounce>(let_go), 1U);
	EXPECT_FALSE(all<Reannounce>(let_go)[0].hooks);
	EXPECT_EQ(count<Reannounce>(one->beat(peer)), 0U);
}

TEST_F(Successor, TakesNothingThatIsOfferedToAnother)
{
	peer.words.offering = true;
	peer.words.choice = member_hash(MemberId::from("SYS0000000000005"));
	(void)one->beat(peer);
	EXPECT_FALSE(one->node().primary());
}

TEST_F(Successor, TakesNothingWhenItIsWorseOffItselfUnlessTheOtherStops)
{
	(void)one->step(MonitorChanged{0, false});
	(void)offer();
	EXPECT_FALSE(one->node().primary());
	peer.words.leaving = true;
	(void)one->beat(peer);
	EXPECT_TRUE(one->node().primary());
}

TEST_F(Successor, TakesNothingFromOneThatDoesNotHearIt)
{
	(void)one->link(peer, LinkHealth::one_way);
	(void)offer();
	EXPECT_FALSE(one->node().primary());
}

} // namespace
} // namespace systole::scenario
