// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who is ready goes first: in a vacancy, and when a primary would yield. The stories are in tests/scenario/readiness_*.
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char *middle = "SYS0000000000005";
constexpr const char *low = "SYS0000000000001";
constexpr const char *high = "SYS0000000000009";
constexpr milliseconds patience{120}; // three dead intervals, and one more for the higher serial

// The member under test is a standby of `primary`, beside `other`. It is the first by priority.
class Vacancy : public testing::Test {
protected:
	void begin(Duration wait = seconds{10})
	{
		Config config = config_of(low);
		config.vclusters[0].priority = 200;
		config.session_sync_wait = wait;
		config.monitor_everywhere(1);
		one.emplace(config);
		(void)one->step(Readiness{false});
		(void)one->start();
		primary = one->make_peer(high);
		primary.words.state = HaState::work;
		primary.words.epoch = 3;
		(void)say(primary, high, true);
		other = one->make_peer(middle);
		other.words.state = HaState::standby;
		other.words.epoch = 3;
		(void)say(other, high, true);
		ASSERT_EQ(one->node().vcluster().state, HaState::standby);
	}
	const Actions &say(OneNode::Peer &peer, const char *choice, bool joins = false)
	{
		peer.words.choice = *choice == '\0' ? 0 : member_hash(MemberId::from(choice));
		peer.words.age_origin_ns = one->now.time_since_epoch().count();
		return joins ? one->join(peer) : one->beat(peer);
	}
	// The other has noticed before.
	const Actions &lose_primary(const char *other_names = "")
	{
		(void)say(other, other_names);
		return one->link(primary, LinkHealth::down);
	}
	[[nodiscard]] bool says_unready() const { return one->node().beat().vclusters[0].unready; }

	std::optional<OneNode> one;
	OneNode::Peer primary;
	OneNode::Peer other;
};

TEST_F(Vacancy, IsToldInBeatsAndNeverByAPrimary)
{
	begin();
	EXPECT_TRUE(says_unready());
	(void)one->step(Readiness{true});
	EXPECT_FALSE(says_unready());
	const Actions &lost = one->step(Readiness{false});
	EXPECT_EQ(count<SetBeatContent>(lost), 1U);
	other.words.unready = true;
	(void)say(other, "");
	(void)lose_primary();
	ASSERT_TRUE(one->node().primary());
	EXPECT_FALSE(says_unready());
	EXPECT_FALSE(one->node().candidates(false)[0].unready);
}

TEST_F(Vacancy, WhoIsNotReadyNamesTheOneThatIsAndDoesNotClaim)
{
	begin();
	const Actions &lost = lose_primary();
	EXPECT_EQ(count<BecomePrimary>(lost), 0U);
	EXPECT_EQ(one->node().vcluster().choice, MemberId::from(middle));
	other.words.state = HaState::work;
	other.words.epoch = 4;
	(void)say(other, middle);
	one->pass(seconds{60});
	EXPECT_FALSE(one->node().primary());
	EXPECT_EQ(one->node().vcluster().choice, MemberId::from(middle));
}

TEST_F(Vacancy, WhoIsReadyClaimsAtOnceInTheSteadOfABetterOne)
{
	Config config = config_of(low);
	config.vclusters[0].priority = 100;
	one.emplace(config);
	(void)one->start();
	primary = one->make_peer(high);
	primary.words.state = HaState::work;
	primary.words.epoch = 3;
	(void)say(primary, high, true);
	other = one->make_peer(middle);
	other.words.state = HaState::standby;
	other.words.unready = true;
	(void)say(other, high, true);
	const Actions &lost = lose_primary();
	ASSERT_EQ(count<BecomePrimary>(lost), 1U);
	const Decision decision = all<BecomePrimary>(lost)[0].decision;
	EXPECT_EQ(decision.rule, Rule::readiness);
	EXPECT_EQ(decision.runner_up, MemberId::from(middle));
	one->pass(seconds{60});
	EXPECT_TRUE(one->node().primary()) << "with override off nothing brings the role back";
}

TEST_F(Vacancy, NobodyWaitsWhenNobodyIsReady)
{
	begin();
	other.words.unready = true;
	(void)say(other, high);
	EXPECT_EQ(count<BecomePrimary>(lose_primary()), 1U);
}

TEST_F(Vacancy, NobodyWaitsForOneThatIsIll)
{
	begin();
	other.words.link_failure = 50;
	(void)say(other, high);
	EXPECT_EQ(count<BecomePrimary>(lose_primary()), 1U);
}

TEST_F(Vacancy, NobodyWaitsForOneThatCouldNotClaim)
{
	begin();
	other.words.barred = true;
	(void)say(other, high);
	EXPECT_EQ(count<BecomePrimary>(lose_primary()), 1U);
}

TEST_F(Vacancy, NobodyWaitsForOneThatWaitsForIt)
{
	begin();
	EXPECT_EQ(count<BecomePrimary>(lose_primary(low)), 1U)
		<< "an earlier version, which knows nothing of readiness";
}

TEST_F(Vacancy, WithAWaitOfZeroReadinessCountsForNothing)
{
	begin(Duration::zero());
	EXPECT_EQ(count<BecomePrimary>(lose_primary()), 1U);
}

TEST_F(Vacancy, TheWaitEndsWithItsTime)
{
	begin(milliseconds{40});
	(void)lose_primary();
	one->pass(milliseconds{39});
	EXPECT_FALSE(one->node().primary());
	one->pass(milliseconds{1});
	ASSERT_TRUE(one->node().primary());
	EXPECT_EQ(one->node().vcluster().decision.rule, Rule::priority);
}

TEST_F(Vacancy, TheWaitEndsWithThePatienceForAnyClaim)
{
	begin();
	(void)lose_primary();
	one->pass(patience - milliseconds{1});
	EXPECT_FALSE(one->node().primary());
	one->pass(milliseconds{1});
	EXPECT_TRUE(one->node().primary());
	EXPECT_EQ(one->node().vcluster().decision.rule, Rule::tie_break);
}

TEST_F(Vacancy, TheWaitEndsWhenTheOtherIsNotReadyAnyMore)
{
	begin();
	(void)lose_primary();
	one->pass(milliseconds{10});
	other.words.unready = true;
	EXPECT_EQ(count<BecomePrimary>(say(other, "")), 1U);
}

TEST_F(Vacancy, TheWaitEndsWhenItIsReadyItself)
{
	begin();
	(void)lose_primary();
	one->pass(milliseconds{10});
	EXPECT_EQ(count<BecomePrimary>(one->step(Readiness{true})), 1U);
}

TEST_F(Vacancy, TheWaitEndsWithTheLifeOfTheOther)
{
	begin();
	(void)lose_primary();
	EXPECT_EQ(count<BecomePrimary>(one->link(other, LinkHealth::down)), 1U);
}

TEST_F(Vacancy, ReadinessThatComesAndGoesBeginsNoWaitAnew)
{
	begin(milliseconds{90});
	(void)lose_primary();
	for (int i = 0; i < 4; ++i) { // each time somebody fails: all is elected anew
		one->pass(milliseconds{20});
		other.words.unready = false;
		other.words.reset_count += 1;
		(void)say(other, "");
		ASSERT_FALSE(one->node().primary());
	}
	one->pass(milliseconds{10});
	EXPECT_TRUE(one->node().primary());
}

// The member under test is primary. Others come before it, and override is in force.
class Incumbent : public testing::Test {
protected:
	void SetUp() override
	{
		Config config = config_of(low);
		config.vclusters[0].priority = 100;
		config.session_sync_wait = seconds{10};
		config.monitor_everywhere(1);
		one.emplace(config);
		(void)one->start();
		one->pass(seconds{6});
		ASSERT_TRUE(one->node().primary());
	}
	OneNode::Peer join(const char *serial, std::uint8_t priority, bool override_enabled = true)
	{
		OneNode::Peer peer = one->make_peer(serial);
		peer.capabilities = cap_takes_offers;
		peer.words.state = HaState::standby;
		peer.words.priority = priority;
		peer.words.override_enabled = override_enabled;
		peer.words.unready = true;
		peer.words.choice = member_hash(MemberId::from(low));
		peer.words.age_origin_ns = one->now.time_since_epoch().count();
		(void)one->join(peer);
		return peer;
	}
	void say_ready(OneNode::Peer &peer, bool ready)
	{
		peer.words.unready = !ready;
		(void)one->beat(peer);
	}
	[[nodiscard]] const VclusterBeat &says() const { return one->node().beat().vclusters[0]; }
	[[nodiscard]] bool offers_to(const char *serial) const
	{
		return says().offering && says().choice == member_hash(MemberId::from(serial));
	}
	[[nodiscard]] bool puts_off() const { return one->node().vcluster().put_off_since != never; }

	std::optional<OneNode> one;
};

TEST_F(Incumbent, OffersTheRoleWhenTheBetterOneIsReady)
{
	OneNode::Peer peer = join(high, 200);
	one->pass(seconds{9});
	EXPECT_FALSE(says().offering);
	EXPECT_TRUE(puts_off());
	say_ready(peer, true);
	EXPECT_TRUE(offers_to(high));
	EXPECT_FALSE(puts_off());
}

TEST_F(Incumbent, OffersTheRoleWhenTheWaitIsOver)
{
	const OneNode::Peer peer = join(high, 200);
	one->pass(seconds{10} - milliseconds{1});
	EXPECT_FALSE(says().offering);
	one->pass(milliseconds{1});
	EXPECT_TRUE(offers_to(high));
}

TEST_F(Incumbent, OffersTheRoleToTheBestOfThoseWhoAreReady)
{
	const OneNode::Peer first = join(high, 200);
	OneNode::Peer second = join(middle, 150);
	EXPECT_FALSE(says().offering);
	say_ready(second, true);
	EXPECT_TRUE(offers_to(middle));
}

TEST_F(Incumbent, ThatIsIllWaitsForNobody)
{
	const OneNode::Peer peer = join(high, 200);
	(void)one->step(MonitorChanged{0, false});
	EXPECT_TRUE(offers_to(high));
}

TEST_F(Incumbent, ThatIsIllTakesOneThatIsReadyFirst)
{
	const OneNode::Peer first = join(high, 200);
	OneNode::Peer second = join(middle, 90);
	say_ready(second, true);
	EXPECT_FALSE(says().offering);
	(void)one->step(MonitorChanged{0, false});
	EXPECT_TRUE(offers_to(middle));
}

TEST_F(Incumbent, ThatWorksIsNotLeftInAHurryForMaintenance)
{
	OneNode::Peer peer = join(high, 200, false);
	(void)one->step(SetMaintenance{true});
	EXPECT_FALSE(says().offering);
	say_ready(peer, true);
	EXPECT_TRUE(offers_to(high));
}

TEST_F(Incumbent, DoesNotForgetAnElectionThatIsPutOff)
{
	OneNode::Peer peer = join(high, 200, false); // override off: looks once, when something has failed
	one->pass(seconds{400});
	(void)one->step(ResetUptime{});
	EXPECT_FALSE(says().offering);
	one->pass(seconds{5});
	say_ready(peer, true);
	EXPECT_TRUE(offers_to(high));
}

TEST_F(Incumbent, DoesNotPutOffWhatIsNoQuestionAnyMore)
{
	OneNode::Peer peer = join(high, 200);
	EXPECT_TRUE(puts_off());
	peer.words.priority = 50;
	(void)one->beat(peer);
	EXPECT_FALSE(puts_off());
	one->pass(seconds{60});
	EXPECT_FALSE(says().offering);
}

TEST_F(Incumbent, SwitchesToOneThatIsReadyRatherThanToABetterOne)
{
	const OneNode::Peer first = join(high, 99, false);
	OneNode::Peer second = join(middle, 90, false);
	say_ready(second, true);
	(void)one->step(SwitchRole{});
	EXPECT_TRUE(offers_to(middle));
}

TEST_F(Incumbent, ThatStopsOffersTheRoleToOneThatIsReady)
{
	const OneNode::Peer first = join(high, 99, false);
	OneNode::Peer second = join(middle, 90, false);
	say_ready(second, true);
	(void)one->step(Stopping{});
	EXPECT_TRUE(offers_to(middle));
}

TEST_F(Incumbent, ThatStopsLeavesTheRoleToOneThatIsNotReadyRatherThanToNobody)
{
	const OneNode::Peer peer = join(high, 99, false);
	(void)one->step(Stopping{});
	EXPECT_TRUE(offers_to(high));
}

} // namespace
} // namespace systole::scenario
