// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One member's decisions, event by event; then properties of whole clusters. The stories are in tests/scenario.
#include "tests/scenario/cluster.h"
#include "tests/scenario/trace.h"
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

#include <random>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char *low = "SYS0000000000001";
constexpr const char *high = "SYS0000000000009";

OneNode::Peer standby_peer(OneNode &one, const std::string &serial = high)
{
	OneNode::Peer peer = one.make_peer(serial);
	peer.words.state = HaState::standby;
	peer.words.age_origin_ns = one.now.time_since_epoch().count();
	return peer;
}

// A primary with one standby that follows it.
class Pair : public ::testing::Test {
protected:
	explicit Pair(Config config = config_of(low)) : one(config), peer(standby_peer(one))
	{
		(void)one.start();
		one.pass(seconds{6});
		peer.words.choice = member_hash(MemberId::from(low));
		(void)one.join(peer);
		EXPECT_TRUE(one.node().primary());
	}
	const Actions &says(const VclusterBeat &words)
	{
		peer.words = words;
		return one.beat(peer);
	}
	OneNode one;
	OneNode::Peer peer;
};

// ---------------------------------------------------------------- start and hello

TEST(Start, NothingIsDueBeforeAndTheFirstHelloGoesOutAtOnce)
{
	OneNode one(config_of(low));
	EXPECT_EQ(one.node().next_deadline(), never);
	EXPECT_TRUE(one.step(Tick{}).empty());
	const Actions &actions = one.start();
	EXPECT_EQ(count<SendHello>(actions), 1U);
	EXPECT_EQ(count<SetBeatContent>(actions), 1U);
	EXPECT_EQ(notices(actions, NoticeKind::started), 1U);
	EXPECT_EQ(one.node().vcluster().state, HaState::hello);
}

TEST(Start, TheFirstLookAtInterfacesIsNoEvent)
{
	Config config = config_of(low);
	config.monitor_everywhere(2);
	OneNode one(config);
	EXPECT_TRUE(one.step(MonitorChanged{1, false}).empty());
	EXPECT_TRUE(one.step(CarrierChanged{0, false}).empty());
	(void)one.start();
	EXPECT_EQ(one.node().vcluster().link_failure, 50);
	EXPECT_EQ(one.node().vcluster().reset_count, 0U);
	EXPECT_FALSE(one.node().carrier_up(0));
}

TEST(Hello, EndsAtHolddownExactly)
{
	OneNode one(config_of(low));
	(void)one.start();
	one.pass(seconds{5} - Duration{1});
	EXPECT_EQ(one.node().vcluster().state, HaState::hello);
	one.pass(Duration{1});
	EXPECT_TRUE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::only_member);
	EXPECT_EQ(one.node().vcluster().epoch, 1U);
}

TEST(Hello, EndsWhenAllExpectedMembersAreHeard)
{
	Config config = config_of(low);
	config.expected_members = 3;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer b = one.make_peer("SYS0000000000002");
	OneNode::Peer c = one.make_peer("SYS0000000000003");
	(void)one.join(b);
	EXPECT_EQ(one.node().vcluster().state, HaState::hello) << "two of three";
	(void)one.join(c);
	EXPECT_EQ(one.node().vcluster().state, HaState::standby);
	EXPECT_EQ(one.node().vcluster().choice, MemberId::from("SYS0000000000003"));
}

TEST(Hello, ALiveSessionWithoutBeatsIsNobodyYet)
{
	Config config = config_of(low);
	config.expected_members = 2;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer peer = one.make_peer(high);
	(void)one.bring_up(peer);
	EXPECT_EQ(one.node().alive_peers(), 0U);
	(void)one.link(peer, LinkHealth::up);
	EXPECT_EQ(one.node().alive_peers(), 0U) << "heard, but its words are unknown";
	(void)one.beat(peer);
	EXPECT_EQ(one.node().alive_peers(), 1U);
}

TEST(Hello, EndsWhenALivePrimaryIsHeardWhateverOurPriority)
{
	Config config = config_of(low);
	config.vclusters[0].priority = 255;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer peer = one.make_peer(high);
	peer.words.state = HaState::work;
	peer.words.epoch = 7;
	peer.words.priority = 0;
	(void)one.join(peer);
	EXPECT_EQ(one.node().vcluster().state, HaState::standby);
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::live_primary);
	EXPECT_EQ(one.node().vcluster().choice, MemberId::from(high));
	EXPECT_EQ(one.node().vcluster().epoch, 7U);
}

TEST(Hello, AStandbyOfAYoungClusterThatWaitsForUsIsAnswered)
{
	// Its holddown ended first and it found us better: it waits.
	Config config = config_of(low);
	config.vclusters[0].priority = 200;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer peer = standby_peer(one);
	peer.words.choice = member_hash(config.self);
	const Actions &actions = one.join(peer);
	EXPECT_EQ(count<BecomePrimary>(actions), 1U);
}

TEST(Hello, TheWordsOfAClusterThatHadAPrimaryAreNoVoteForUs)
{
	// They may be about our own earlier boot: the standbys are choosing among themselves at this moment.
	Config config = config_of(low);
	config.vclusters[0].priority = 200;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer peer = standby_peer(one);
	peer.words.choice = member_hash(config.self);
	peer.words.epoch = 3;
	(void)one.join(peer);
	EXPECT_EQ(one.node().vcluster().state, HaState::hello);
	peer.words.state = HaState::work;
	peer.words.epoch = 4;
	peer.words.choice = member_hash(peer.config.self);
	(void)one.beat(peer);
	EXPECT_EQ(one.node().vcluster().state, HaState::standby);
	EXPECT_EQ(one.node().vcluster().choice, peer.config.self);
}

// ---------------------------------------------------------------- order of actions

TEST(Order, TheRoleComesBeforeTheWordAndTheWordIsImmediate)
{
	OneNode one(config_of(low));
	(void)one.start();
	one.now += seconds{5};
	const Actions &actions = one.step(Tick{});
	ASSERT_EQ(count<BecomePrimary>(actions), 1U);
	const auto words = all<SetBeatContent>(actions);
	ASSERT_EQ(words.size(), 1U);
	EXPECT_TRUE(words[0].immediate);
	EXPECT_EQ(one.node().beat().vclusters[0].state, HaState::work);
	EXPECT_EQ(one.node().beat().vclusters[0].epoch, 1U);
	EXPECT_LT(place_of<BecomePrimary>(actions), place_of<SetBeatContent>(actions));
	EXPECT_EQ(all<Notice>(actions).back().kind, NoticeKind::role);
}

TEST_F(Pair, APrimaryThatYieldsGivesTheAddressesBackBeforeItSaysSo)
{
	const Actions &actions = one.step(SetFailover{true});
	EXPECT_EQ(count<BecomeSecondary>(actions), 1U);
	EXPECT_LT(place_of<BecomeSecondary>(actions), place_of<SetBeatContent>(actions));
	const auto words = all<SetBeatContent>(actions);
	ASSERT_EQ(words.size(), 1U);
	EXPECT_TRUE(words[0].immediate);
	EXPECT_EQ(one.node().beat().vclusters[0].state, HaState::standby);
	EXPECT_EQ(one.node().beat().vclusters[0].choice, member_hash(MemberId::from(high)));
}

TEST_F(Pair, StoppingGivesTheAddressesBackBeforeItSaysSo)
{
	const Actions &actions = one.step(Stopping{});
	EXPECT_EQ(count<BecomeSecondary>(actions), 1U);
	EXPECT_LT(place_of<BecomeSecondary>(actions), place_of<SetBeatContent>(actions));
	EXPECT_TRUE(all<SetBeatContent>(actions).at(0).immediate);
	EXPECT_EQ(notices(actions, NoticeKind::stopped), 1U);
}

TEST_F(Pair, AfterStoppingNothingIsDecidedAndNoDeadlineIsMissed)
{
	(void)one.step(Stopping{});
	EXPECT_TRUE(one.step(Stopping{}).empty()) << "once";
	(void)one.link(peer, LinkHealth::down);
	std::size_t ticks = 0;
	for (const Time end = one.now + seconds{20}; one.now < end; ++ticks) {
		ASSERT_LT(ticks, 10000U) << "a deadline in the past is never cleared";
		one.now = std::max(one.now, one.node().next_deadline());
		const Actions &actions = one.step(Tick{});
		EXPECT_EQ(count<BecomePrimary>(actions), 0U);
	}
	EXPECT_EQ(one.node().vcluster().state, HaState::hello);
}

TEST(Order, StoppingInHelloLeavesNoDeadlineBehind)
{
	OneNode one(config_of(low));
	(void)one.start();
	(void)one.step(Stopping{}); // while the end of hello-holddown is being waited for
	std::size_t ticks = 0;
	for (const Time end = one.now + seconds{20}; one.now < end; ++ticks) {
		ASSERT_LT(ticks, 10000U) << "a deadline in the past is never cleared";
		one.now = std::max(one.now, one.node().next_deadline());
		(void)one.step(Tick{});
	}
	EXPECT_FALSE(one.node().primary());
}

TEST(Order, ASessionIsBoundAndStartedBeforeItIsUsedAndTheOldOneGoesBeforeNumbersBeginAnew)
{
	OneNode one(config_of(low));
	(void)one.start();
	OneNode::Peer peer = one.make_peer(high);
	const Actions &first = one.bring_up(peer);
	EXPECT_LT(place_of<StartPeerBeats>(first), place_of<BindCandidate>(first));
	EXPECT_LT(place_of<InstallInboundKeys>(first), place_of<BindCandidate>(first));
	EXPECT_LT(place_of<BindCandidate>(first), place_of<InstallOutboundKeys>(first));
	EXPECT_EQ(count<DropSession>(first), 0U);
	const SessionId old = peer.session;
	(void)one.link(peer, LinkHealth::up);
	(void)one.beat(peer);

	one.pass(seconds{1});                           // it has not been heard for a while
	OneNode::Peer again = one.make_peer(high, 101); // restarted
	const Actions &second = one.bring_up(again);
	EXPECT_EQ(again.slot, peer.slot) << "it keeps its place";
	EXPECT_NE(again.generation, peer.generation);
	EXPECT_EQ(notices(second, NoticeKind::peer_restarted), 1U);
	EXPECT_EQ(notices(second, NoticeKind::peer_lost), 1U);
	ASSERT_EQ(count<DropSession>(second), 1U);
	EXPECT_EQ(all<DropSession>(second)[0].session, old);
	EXPECT_LT(place_of<DropSession>(second), place_of<StartPeerBeats>(second));
}

// ---------------------------------------------------------------- who is believed

TEST_F(Pair, BeatsOfAnotherSessionOrWithoutFreshnessSayNothing)
{
	const auto expect_ignored = [&](const BeatReceived &beat, const char *why) {
		EXPECT_TRUE(one.step(beat).empty()) << why;
		EXPECT_TRUE(one.node().primary()) << why;
	};
	peer.words.state = HaState::work;
	peer.words.epoch = 99;
	BeatReceived beat = one.beat_of(peer);
	beat.heard = LinkHealth::down;
	expect_ignored(beat, "no proof of when it was sent");
	beat = one.beat_of(peer);
	beat.session += 1;
	expect_ignored(beat, "another session");
	beat = one.beat_of(peer);
	beat.slot = 7;
	expect_ignored(beat, "an empty slot");
	beat.slot = 0;
	expect_ignored(beat, "our own slot");
	beat.slot = max_members;
	expect_ignored(beat, "no slot");
	EXPECT_FALSE(one.beat(peer).empty()) << "the genuine one is heard";
}

TEST_F(Pair, AJudgementOfAnEarlierGenerationIsOfAnEarlierBoot)
{
	EXPECT_TRUE(
		one.step(PeerLinkChanged{peer.slot, peer.generation + 1, 0, LinkHealth::down, false, one.now}).empty());
	EXPECT_EQ(one.node().alive_peers(), 1U);
	EXPECT_EQ(notices(one.link(peer, LinkHealth::down), NoticeKind::peer_lost), 1U);
	EXPECT_TRUE(one.link(peer, LinkHealth::down).empty()) << "told once";
}

TEST_F(Pair, AOneWayLinkIsLifeAsLongAsItsBeatsAreTimely)
{
	const Actions &actions = one.link(peer, LinkHealth::one_way);
	EXPECT_EQ(notices(actions, NoticeKind::peer_link_one_way), 1U);
	EXPECT_EQ(notices(actions, NoticeKind::peer_lost), 0U);
	EXPECT_EQ(one.node().alive_peers(), 1U);
	// The link keeps its name, but what comes now proves nothing any more.
	const Actions &stale =
		one.step(PeerLinkChanged{peer.slot, peer.generation, 0, LinkHealth::one_way, false, one.now});
	EXPECT_EQ(notices(stale, NoticeKind::peer_link_one_way), 0U);
	EXPECT_EQ(notices(stale, NoticeKind::peer_lost), 1U);
	EXPECT_EQ(one.node().alive_peers(), 0U);
}

TEST_F(Pair, ALostMembersOldWordsAreNotItsNextOnes)
{
	(void)one.link(peer, LinkHealth::down);
	(void)one.link(peer, LinkHealth::up);
	EXPECT_EQ(one.node().alive_peers(), 0U) << "heard again, but what it says is not known yet";
	(void)one.beat(peer);
	EXPECT_EQ(one.node().alive_peers(), 1U);
}

TEST_F(Pair, CarrierOfAHeartbeatPortIsRecordedNotJudged)
{
	const Actions &actions = one.step(CarrierChanged{0, false});
	EXPECT_EQ(notices(actions, NoticeKind::carrier), 1U);
	EXPECT_EQ(one.node().alive_peers(), 1U);
	EXPECT_TRUE(one.step(CarrierChanged{0, false}).empty());
	EXPECT_TRUE(one.step(CarrierChanged{9, false}).empty());
}

TEST_F(Pair, TimeThatRunsBackwardsIsHeldStill)
{
	const Time before = one.now;
	one.now -= seconds{100};
	(void)one.step(Tick{});
	EXPECT_GE(one.node().next_deadline(), before);
}

TEST_F(Pair, APeersAgeIsCountedInOurClock)
{
	BeatReceived beat = one.beat_of(peer);
	beat.sent_ns = 5000000000000;                                             // its clock
	beat.content.vclusters[0].age_origin_ns = 5000000000000 - 400000000000LL; // 400 s old
	(void)one.step(beat);
	const auto list = one.node().candidates(true);
	ASSERT_EQ(list.size(), 2U);
	EXPECT_EQ(one.now - list[1].age_origin, seconds{400});
}

// ---------------------------------------------------------------- primary: when to yield

TEST_F(Pair, AJoinerNeverDisplacesALivePrimary)
{
	OneNode::Peer joiner = standby_peer(one, "SYS0000000000005");
	joiner.words.priority = 255;
	joiner.words.choice = member_hash(MemberId::from(low));
	(void)one.join(joiner);
	EXPECT_TRUE(one.node().primary());
	one.pass(seconds{100});
	EXPECT_TRUE(one.node().primary());
}

TEST_F(Pair, OverrideOfAnyMemberPutsPriorityFirst)
{
	peer.words.priority = 255;
	(void)one.beat(peer);
	ASSERT_TRUE(one.node().primary());
	peer.words.override_enabled = true;
	const Actions &actions = one.beat(peer);
	EXPECT_EQ(notices(actions, NoticeKind::override_in_force), 1U);
	EXPECT_FALSE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::priority);
}

TEST_F(Pair, OverrideAloneMovesNothing)
{
	peer.words.priority = 128;
	peer.words.override_enabled = true;
	peer.words.age_origin_ns = one.now.time_since_epoch().count();
	(void)one.beat(peer);
	// Equal priority, ages within the margin: the serial decides, and it is the higher one.
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::serial);
	peer.words.priority = 1;
	OneNode other(config_of(low));
	(void)other.start();
	other.pass(seconds{6});
	(void)other.join(peer = standby_peer(other));
	peer.words.priority = 1;
	peer.words.override_enabled = true;
	(void)other.beat(peer);
	EXPECT_TRUE(other.node().primary()) << "the worse member's override does not help it";
}

TEST_F(Pair, FailureSumsAreComparedAtAnyTime)
{
	peer.words.link_failure = 50;
	(void)one.beat(peer);
	EXPECT_TRUE(one.node().primary());
	peer.words.link_failure = 5;
	peer.words.age_origin_ns = one.now.time_since_epoch().count(); // younger, but inside the margin
	(void)one.beat(peer);
	EXPECT_TRUE(one.node().primary()) << "5 is more than 0";
	peer.words.link_failure = 0;
	peer.words.pingserver_failure = 5; // no flip timer runs: it ends with this election
	(void)one.beat(peer);
	EXPECT_FALSE(one.node().primary()) << "a standby's record that has expired counts no more";
}

class MonitoredPair : public Pair {
protected:
	MonitoredPair() : Pair(monitored()) {}
	static Config monitored()
	{
		Config config = config_of(low);
		config.monitor_everywhere(2);
		config.vclusters[0].priority = 200;
		return config;
	}
};

TEST_F(MonitoredPair, YieldsToFewerFailuresAtOnceAndResetsItsAge)
{
	const Actions &actions = one.step(MonitorChanged{1, false});
	EXPECT_EQ(count<BecomeSecondary>(actions), 1U);
	const VclusterState &own = one.node().vcluster();
	EXPECT_EQ(own.decision.rule, Rule::failure_sum);
	EXPECT_EQ(own.decision.winner_value, 0);
	EXPECT_EQ(own.decision.runner_up_value, 50);
	EXPECT_EQ(own.age_origin, one.now);
	EXPECT_EQ(own.reset_count, 1U);
	EXPECT_TRUE(one.step(MonitorChanged{1, false}).empty()) << "no change";
	EXPECT_TRUE(one.step(MonitorChanged{2, false}).empty()) << "not monitored";
}

TEST_F(MonitoredPair, ARestoredLinkDoesNotGiveTheAgeBack)
{
	(void)one.step(MonitorChanged{0, false});
	const Time reset = one.now;
	one.pass(seconds{100});
	(void)one.step(MonitorChanged{0, true});
	EXPECT_EQ(one.node().vcluster().age_origin, reset);
	EXPECT_EQ(one.node().vcluster().reset_count, 1U);
	EXPECT_EQ(one.node().vcluster().link_failure, 0);
}

TEST_F(MonitoredPair, KeepsTheRoleIfTheOtherIsNoBetter)
{
	peer.words.link_failure = 100;
	(void)one.beat(peer);
	(void)one.step(MonitorChanged{0, false});
	EXPECT_TRUE(one.node().primary()) << "50 against 100";
	(void)one.step(MonitorChanged{1, false});
	EXPECT_TRUE(one.node().primary()) << "100 against 100, then priority";
}

TEST_F(Pair, AgeYieldsOnlyClearlyBeyondTheMargin)
{
	// The peer's beat says how old it is; reset-uptime makes us new and calls the election.
	const auto after_reset_with_peer_age = [&](Duration age) {
		OneNode fresh(config_of(low));
		(void)fresh.start();
		fresh.pass(seconds{6});
		OneNode::Peer other = standby_peer(fresh);
		other.words.priority = 1;
		other.words.age_origin_ns = (fresh.now - age).time_since_epoch().count();
		(void)fresh.join(other);
		EXPECT_TRUE(fresh.node().primary());
		(void)fresh.step(ResetUptime{});
		return fresh.node().primary();
	};
	EXPECT_TRUE(after_reset_with_peer_age(seconds{300}));
	EXPECT_TRUE(after_reset_with_peer_age(seconds{300} + milliseconds{100})) << "hysteresis";
	EXPECT_FALSE(after_reset_with_peer_age(seconds{300} + milliseconds{101}));
}

TEST_F(Pair, TheNewerFailoverFlagClearsTheOlder)
{
	(void)one.step(SetFailover{true});
	EXPECT_TRUE(one.node().vcluster().failover_flag);
	VclusterBeat words = peer.words;
	words.state = HaState::work;
	words.epoch = one.node().vcluster().epoch + 1;
	(void)says(words);
	EXPECT_TRUE(one.node().vcluster().failover_flag);
	words.failover_flag = true;
	words.state = HaState::standby;
	words.choice = member_hash(MemberId::from(low));
	const Actions &actions = says(words);
	EXPECT_FALSE(one.node().vcluster().failover_flag);
	EXPECT_EQ(notices(actions, NoticeKind::failover_flag), 1U);
	EXPECT_TRUE(one.node().primary());
	EXPECT_TRUE(one.step(SetFailover{false}).empty()) << "not set";
}

// ---------------------------------------------------------------- two primaries

TEST_F(Pair, ABetterRivalMakesItYield)
{
	VclusterBeat rival = peer.words;
	rival.state = HaState::work;
	rival.epoch = 1;
	rival.priority = 255;
	rival.age_origin_ns = one.now.time_since_epoch().count();
	const Actions &actions = says(rival);
	EXPECT_EQ(count<BecomeSecondary>(actions), 1U);
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::priority);
	EXPECT_EQ(one.node().vcluster().choice, MemberId::from(high));
}

TEST_F(Pair, AWorseRivalIsWaitedForAndThenWeAnnounceOurselvesAgain)
{
	VclusterBeat rival = peer.words;
	rival.state = HaState::work;
	rival.priority = 1;
	rival.age_origin_ns = one.now.time_since_epoch().count();
	EXPECT_EQ(count<Reannounce>(says(rival)), 0U);
	EXPECT_TRUE(one.node().primary());
	rival.state = HaState::standby;
	EXPECT_EQ(count<Reannounce>(says(rival)), 1U);
	EXPECT_EQ(count<Reannounce>(one.step(Tick{})), 0U) << "once";
}

TEST_F(Pair, APeerThatMayHaveClaimedUnheardMakesUsAnnounceOurselvesAgain)
{
	(void)one.link(peer, LinkHealth::down);
	ASSERT_EQ(one.node().alive_peers(), 0U);
	ASSERT_TRUE(one.node().primary());
	(void)one.link(peer, LinkHealth::up);
	VclusterBeat yielded = peer.words; // it heard us first: no longer at work when we hear it
	yielded.epoch = one.node().vcluster().epoch + 1;
	EXPECT_EQ(count<Reannounce>(says(yielded)), 1U);
	EXPECT_TRUE(one.node().primary());
	EXPECT_EQ(count<Reannounce>(one.step(Tick{})), 0U) << "once";
}

TEST_F(Pair, ARivalThatNeverYieldsIsSettledBySerial)
{
	// It must see things differently. After three dead intervals the higher serial has it: that is the rival.
	VclusterBeat rival = peer.words;
	rival.state = HaState::work;
	rival.priority = 1;
	rival.age_origin_ns = one.now.time_since_epoch().count();
	(void)says(rival);
	one.pass(milliseconds{89});
	EXPECT_TRUE(one.node().primary());
	one.pass(milliseconds{1});
	EXPECT_FALSE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::tie_break);
}

// ---------------------------------------------------------------- standby

TEST(Standby, WaitsForTheOneItElectedAndThenForItsTurn)
{
	Config config = config_of(low);
	config.expected_members = 2;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer peer = standby_peer(one);
	peer.words.state = HaState::hello;
	(void)one.join(peer);
	ASSERT_EQ(one.node().vcluster().state, HaState::standby);
	// The winner by serial never claims. It leaves hello but stays a standby that follows nobody.
	peer.words.state = HaState::standby;
	(void)one.beat(peer);
	one.pass(milliseconds{3 * 30 + 30 - 1}); // three dead intervals, and one for each live member above us
	EXPECT_FALSE(one.node().primary());
	one.pass(milliseconds{1});
	EXPECT_TRUE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().decision.rule, Rule::tie_break);
}

TEST(Standby, DoesNotClaimWhileSomebodyStillFollowsAnother)
{
	Config config = config_of(low);
	config.vclusters[0].priority = 255;
	OneNode one(config);
	(void)one.start();
	OneNode::Peer primary = one.make_peer(high);
	primary.words.state = HaState::work;
	primary.words.epoch = 1;
	OneNode::Peer witness = standby_peer(one, "SYS0000000000005");
	witness.words.choice = member_hash(primary.config.self);
	witness.words.epoch = 1;
	(void)one.join(primary);
	(void)one.join(witness);
	(void)one.link(primary, LinkHealth::down);
	EXPECT_FALSE(one.node().primary()) << "the witness may still hear it";
	one.pass(seconds{1});
	EXPECT_FALSE(one.node().primary());
	witness.words.choice = 0;
	(void)one.beat(witness);
	EXPECT_TRUE(one.node().primary());
	EXPECT_EQ(one.node().vcluster().epoch, 2U);
}

TEST(Standby, FollowsThePrimaryWithTheHighestEpoch)
{
	OneNode one(config_of(low));
	(void)one.start();
	OneNode::Peer a = one.make_peer("SYS0000000000002");
	OneNode::Peer b = one.make_peer("SYS0000000000003");
	a.words.state = b.words.state = HaState::work;
	a.words.epoch = 5;
	b.words.epoch = 4;
	(void)one.join(a);
	(void)one.join(b);
	EXPECT_EQ(one.node().vcluster().choice, a.config.self);
	b.words.epoch = 6;
	(void)one.beat(b);
	EXPECT_EQ(one.node().vcluster().choice, b.config.self);
	a.words.epoch = 6;
	(void)one.beat(a);
	EXPECT_EQ(one.node().vcluster().choice, b.config.self) << "equal epochs: the higher serial";
}

TEST(Words, NonsenseFromAnAuthenticMemberNeitherOverflowsNorWraps)
{
	OneNode one(config_of(low));
	(void)one.start();
	OneNode::Peer peer = standby_peer(one, high);
	(void)one.join(peer);
	peer.words.epoch = UINT32_MAX;
	for (const std::int64_t origin : {INT64_MIN, INT64_MAX, std::int64_t{0}}) {
		peer.words.age_origin_ns = origin;
		(void)one.beat(peer);
	}
	EXPECT_GE(one.node().vcluster().epoch, UINT32_MAX - 1) << "one is left for a claim";
}

// ---------------------------------------------------------------- places and ranks

TEST(Ranks, FollowSerialsNotRoles)
{
	OneNode one(config_of("SYS0000000000002"));
	(void)one.start();
	OneNode::Peer highest = one.make_peer(high);
	const Actions &actions = one.bring_up(highest);
	const auto begun = all<StartPeerBeats>(actions);
	ASSERT_EQ(begun.size(), 1U);
	EXPECT_FALSE(begun[0].above_peer) << "the pair agrees on its addresses whoever else either of them knows";
	EXPECT_EQ(one.node().rank_of(0), 1);
	EXPECT_EQ(one.node().rank_of(highest.slot), 0);
	EXPECT_EQ(one.node().rank_of(15), 0xff);
}

TEST(Places, TheSeventeenthMemberIsToldThatThereIsNoPlace)
{
	OneNode one(config_of(low));
	(void)one.start();
	std::vector<OneNode::Peer> peers;
	for (std::size_t i = 0; i < 15; ++i) {
		peers.push_back(standby_peer(one, serial_of(10 + i)));
		(void)one.join(peers.back());
	}
	EXPECT_EQ(one.node().alive_peers(), 15U);
	OneNode::Peer late = one.make_peer("SYS0000000000099");
	const Actions &full = one.bring_up(late);
	EXPECT_EQ(notices(full, NoticeKind::no_slot), 1U);
	EXPECT_EQ(count<StartPeerBeats>(full), 0U);
	EXPECT_EQ(count<DropSession>(full), 1U);

	// A member lost long ago gives its place to another newcomer.
	(void)one.link(peers[3], LinkHealth::down);
	one.now += seconds{60};
	OneNode::Peer later = one.make_peer("SYS0000000000098");
	const Actions &actions = one.bring_up(later);
	EXPECT_EQ(later.slot, peers[3].slot);
	EXPECT_LT(place_of<StopPeerBeats>(actions), place_of<StartPeerBeats>(actions));
	EXPECT_EQ(one.node().member(peers[3].config.self), nullptr);
}

// ---------------------------------------------------------------- whole clusters

class ManyMembers : public ::testing::TestWithParam<int> {};

TEST_P(ManyMembers, RandomFaultsHealToOnePrimaryThatEverybodyFollowsAndTheSameRunTwiceIsTheSame)
{
	const auto run = [seed = static_cast<unsigned>(GetParam())] {
		std::mt19937 random(seed);
		Cluster cluster;
		const std::size_t count = 2 + random() % 4;
		for (std::size_t i = 0; i < count; ++i) {
			MemberSettings settings;
			settings.config = config_of(serial_of(i + 1));
			settings.config.hb_interval = milliseconds{50};
			settings.config.hb_lost_threshold = 4;
			settings.config.vclusters[0].priority = static_cast<std::uint8_t>(random() % 3 * 50);
			settings.config.vclusters[0].override_enabled = random() % 6 == 0;
			settings.config.uptime_margin = seconds{1 + random() % 30};
			settings.config.monitor_everywhere(1);
			settings.config.link_count = 2;
			settings.name = serial_of(i + 1).substr(15);
			settings.clock_offset = seconds{100 * i};
			cluster.add(settings);
			cluster.start(i);
		}
		for (int fault = 0; fault < 25; ++fault) {
			cluster.run_for(milliseconds{random() % 3000});
			const std::size_t who = random() % count;
			const std::size_t other = random() % count;
			const auto link = static_cast<LinkIndex>(random() % 2);
			switch (random() % 7) {
			case 0: cluster.running(who) ? cluster.crash(who) : cluster.start(who); break;
			case 1: cluster.cut(who, other, link); break;
			case 2: cluster.heal(who, other, link); break;
			case 3:
				if (cluster.running(who))
					cluster.give(who, MonitorChanged{0, random() % 2 == 0});
				break;
			case 4:
				if (cluster.running(who))
					cluster.give(who, SetFailover{random() % 2 == 0});
				break;
			case 5:
				if (cluster.running(who))
					cluster.give(who, ResetUptime{});
				break;
			default: break;
			}
		}
		for (std::size_t a = 0; a < count; ++a) {
			if (!cluster.running(a))
				cluster.start(a);
			for (std::size_t b = 0; b < count; ++b)
				for (const LinkIndex link : {LinkIndex{0}, LinkIndex{1}})
					cluster.heal(a, b, link);
		}
		cluster.run_for(seconds{30});
		std::string story;
		for (const Record &entry : cluster.record())
			story.append(std::to_string(entry.at.time_since_epoch().count()))
				.append(" ")
				.append(describe(cluster, entry, {{"port1"}, {}, true}).value_or("-"))
				.append("\n");
		EXPECT_EQ(cluster.primaries().size(), 1U) << story;
		for (std::size_t i = 0; i < count; ++i) {
			EXPECT_EQ(cluster.node(i).alive_peers() + 1, count) << story;
			EXPECT_EQ(cluster.node(i).vcluster().choice,
				  cluster.settings(cluster.primaries()[0]).config.self)
				<< story;
		}
		return story;
	};
	const std::string once = run();
	EXPECT_EQ(once, run());
}

INSTANTIATE_TEST_SUITE_P(Seed, ManyMembers, ::testing::Range(1, 21));

} // namespace
} // namespace systole::scenario
