// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One peer on one link: what counts as life, when it ends, and what a stalled judge may grant.
// Times in milliseconds; interval 10 ms, threshold 20: dead = 200 ms, slack 25 beats, grace 20.
#include "control/core/liveness.h"

#include <gtest/gtest.h>

namespace systole::core {
namespace {

using std::chrono::milliseconds;
using State = LinkLiveness::State;

const LivenessTiming timing = LivenessTiming::from(milliseconds{10}, 20);

Time at(std::int64_t ms)
{
	return Time{milliseconds{1000000 + ms}};
}

BeatStamp stamp(std::uint64_t tx, std::uint64_t echo)
{
	BeatStamp out;
	out.tx = tx;
	out.echo = echo;
	return out;
}

// A link on which `beats` of ours have gone out and the peer's beats 1..beats came in, the last one at 0 ms.
LinkLiveness running(std::uint64_t beats)
{
	LinkLiveness link;
	for (std::uint64_t i = 1; i <= beats; ++i) {
		(void)link.next_tx();
		EXPECT_EQ(link.on_beat(at(10 * (static_cast<std::int64_t>(i) - static_cast<std::int64_t>(beats))),
				       stamp(i, i), timing),
			  BeatVerdict::fresh);
	}
	return link;
}

TEST(Timing, FollowsTheConfiguration)
{
	EXPECT_EQ(timing.dead, milliseconds{200});
	EXPECT_EQ(timing.echo_slack, 25U);
	EXPECT_EQ(timing.echo_grace, 20U);
}

TEST(Beat, L3L5IsFreshStaleOrARollbackByItsEcho)
{
	struct Row {
		int number;
		std::uint64_t sent; // our own beats so far
		std::uint64_t echo;
		BeatVerdict verdict;
	};
	const Row table[] = {
		{1, 0, 0, BeatVerdict::fresh},    // nothing sent yet, nothing echoed
		{2, 0, 1, BeatVerdict::rollback}, // echoes what we have not sent
		{3, 20, 0, BeatVerdict::fresh},   // last beat of grace: any echo will do
		{4, 21, 0, BeatVerdict::fresh},   // 21 behind: within the slack
		{5, 25, 0, BeatVerdict::fresh},   // exactly the slack
		{6, 26, 0, BeatVerdict::stale},   // one more
		{7, 26, 1, BeatVerdict::fresh},
		{8, 1000, 1000, BeatVerdict::fresh}, // echoes our newest
		{9, 1000, 1001, BeatVerdict::rollback},
		{10, 1000, 975, BeatVerdict::fresh},
		{11, 1000, 974, BeatVerdict::stale},
		{12, 1000, 0, BeatVerdict::stale},
		{13, 1000, UINT64_MAX, BeatVerdict::rollback},
	};
	for (const Row &row : table) {
		LinkLiveness link;
		for (std::uint64_t i = 0; i < row.sent; ++i)
			(void)link.next_tx();
		EXPECT_EQ(link.on_beat(at(0), stamp(1, row.echo), timing), row.verdict) << "row " << row.number;
	}
}

TEST(Beat, ARollbackChangesNothing)
{
	LinkLiveness link = running(100);
	BeatStamp echo;
	link.fill_echo(at(0), echo);
	EXPECT_EQ(link.on_beat(at(50), stamp(900, 101), timing), BeatVerdict::rollback);
	BeatStamp after;
	link.fill_echo(at(0), after);
	EXPECT_EQ(after.echo, echo.echo);
	EXPECT_EQ(link.deadline(timing), at(200));
}

TEST(Deadline, IsExactToTheNanosecond)
{
	LinkLiveness link = running(100);
	EXPECT_EQ(link.deadline(timing), at(200));
	EXPECT_FALSE(link.judge(at(200) - Duration{1}, timing));
	EXPECT_EQ(link.state(), State::alive);
	EXPECT_TRUE(link.judge(at(200), timing));
	EXPECT_EQ(link.state(), State::lost);
	EXPECT_FALSE(link.judge(at(201), timing)) << "told once";
	EXPECT_EQ(link.deadline(timing), never);
}

TEST(Deadline, NothingIsJudgedBeforeTheFirstBeat)
{
	LinkLiveness link;
	EXPECT_EQ(link.deadline(timing), never);
	EXPECT_FALSE(link.judge(at(1000000), timing));
	EXPECT_EQ(link.state(), State::unknown);
}

TEST(Deadline, MovesWithEveryFreshBeat)
{
	LinkLiveness link = running(100);
	for (int i = 1; i <= 50; ++i) {
		(void)link.next_tx();
		EXPECT_EQ(link.on_beat(at(150 * i),
				       stamp(100 + static_cast<std::uint64_t>(i), 100 + static_cast<std::uint64_t>(i)),
				       timing),
			  BeatVerdict::fresh);
		EXPECT_EQ(link.deadline(timing), at(150 * i + 200));
		EXPECT_FALSE(link.judge(at(150 * i + 199), timing));
	}
}

TEST(Grant, MovesTheDeadlineByExactlyTheTimeAway)
{
	LinkLiveness link = running(100);
	link.grant(milliseconds{70});
	EXPECT_EQ(link.deadline(timing), at(270));
	link.grant(milliseconds{5});
	EXPECT_EQ(link.deadline(timing), at(275));
	EXPECT_FALSE(link.judge(at(274), timing));
	EXPECT_TRUE(link.judge(at(275), timing));
}

TEST(Grant, IsUsedUpByTheNextFreshBeat)
{
	LinkLiveness link = running(100);
	link.grant(milliseconds{70});
	(void)link.next_tx();
	EXPECT_EQ(link.on_beat(at(100), stamp(101, 101), timing), BeatVerdict::fresh);
	EXPECT_EQ(link.deadline(timing), at(300));
}

TEST(OneWay, L3AuthenticButStaleBeatsNameTheFault)
{
	// L2, L3: the peer's echo stands still at 100, its beats go on.
	LinkLiveness link = running(100);
	std::int64_t ms = 0;
	std::uint64_t tx = 100;
	std::int64_t last_fresh = 0;
	while (link.state() == State::alive && ms < 10000) {
		ms += 10;
		++tx;
		(void)link.next_tx();
		if (link.on_beat(at(ms), stamp(tx, 100), timing) == BeatVerdict::fresh)
			last_fresh = ms;
		(void)link.judge(at(ms), timing);
	}
	EXPECT_EQ(last_fresh, 250) << "the slack is 25 beats";
	EXPECT_EQ(ms, 450);
	EXPECT_EQ(link.state(), State::stale);
	EXPECT_FALSE(link.life());
	// Then the other direction goes too: dead by the last stale beat.
	EXPECT_EQ(link.deadline(timing), at(ms + 200));
	EXPECT_TRUE(link.judge(at(ms + 200), timing));
	EXPECT_EQ(link.state(), State::lost);
}

TEST(OneWay, AFreshBeatHealsIt)
{
	LinkLiveness link = running(100);
	for (int i = 1; i <= 60; ++i) {
		(void)link.next_tx();
		(void)link.on_beat(at(10 * i), stamp(100 + static_cast<std::uint64_t>(i), 100), timing);
		(void)link.judge(at(10 * i), timing);
	}
	ASSERT_EQ(link.state(), State::stale);
	EXPECT_EQ(link.on_beat(at(610), stamp(161, 160), timing), BeatVerdict::fresh);
	EXPECT_EQ(link.state(), State::alive);
	EXPECT_EQ(link.deadline(timing), at(810));
}

TEST(OneWay, StaleBeatsAfterLossAreNamedAfterADeadIntervalAndAreNoLife)
{
	LinkLiveness link = running(100);
	for (int i = 0; i < 100; ++i)
		(void)link.next_tx();
	ASSERT_TRUE(link.judge(at(1000), timing));
	ASSERT_EQ(link.state(), State::lost);
	for (std::int64_t ms = 1100; ms < 1300; ms += 10) {
		EXPECT_EQ(link.on_beat(at(ms), stamp(101 + static_cast<std::uint64_t>(ms), 100), timing),
			  BeatVerdict::stale);
		EXPECT_FALSE(link.judge(at(ms), timing)) << "perhaps the first beats of a healed link";
	}
	EXPECT_TRUE(link.judge(at(1300), timing));
	EXPECT_EQ(link.state(), State::stale);
	EXPECT_FALSE(link.life());
	EXPECT_EQ(link.last_life(), at(0));
	EXPECT_TRUE(link.judge(at(1490), timing));
	EXPECT_EQ(link.state(), State::lost);
	EXPECT_FALSE(link.judge(at(1491), timing));
}

// A beat that was sent at `sent` and took 1 ms; the peer had our last one, sent at `echoed`, since 1 ms after that.
BeatStamp timed(std::uint64_t tx, std::uint64_t echo, std::int64_t echoed, std::int64_t sent)
{
	BeatStamp out = stamp(tx, echo);
	out.sent_ns = at(sent).time_since_epoch().count();
	out.echo_sent_ns = at(echoed).time_since_epoch().count();
	out.echo_held_us = static_cast<std::uint32_t>((sent - echoed - 1) * 1000);
	return out;
}

TEST(Age, IsWhatIsLeftOfTheRoundTripAfterThePeerHeldOurBeat)
{
	EXPECT_EQ(age_of(at(501), timed(9, 5, 100, 500)), milliseconds{2});
	EXPECT_EQ(age_of(at(800), timed(9, 5, 100, 500)), milliseconds{301});
	EXPECT_EQ(age_of(at(800), stamp(9, 0)), age_unknown);
}

TEST(OneWay, ABeatThatProvesWhenItWasSentIsLife)
{
	// The peer hears nothing of us from 0 on.
	LinkLiveness link = running(100);
	std::uint64_t tx = 100;
	for (std::int64_t ms = 10; ms <= 60000; ms += 10) {
		(void)link.next_tx();
		(void)link.on_beat(at(ms + 1), timed(++tx, 100, 0, ms), timing);
		(void)link.judge(at(ms + 1), timing);
		ASSERT_TRUE(link.life()) << ms;
	}
	EXPECT_EQ(link.state(), State::one_way);
	EXPECT_EQ(link.last_life(), at(60001));
	EXPECT_EQ(link.deadline(timing), at(60201));
	EXPECT_FALSE(link.judge(at(60200), timing));
	EXPECT_TRUE(link.judge(at(60201), timing));
	EXPECT_EQ(link.state(), State::lost);
}

TEST(OneWay, TheTimeHeldGoesOnWhenItsFieldIsFull)
{
	LinkLiveness link = running(100);
	std::uint64_t tx = 100;
	constexpr std::int64_t three_hours_ms = 3 * 3600 * 1000;
	for (std::int64_t ms = 10; ms <= three_hours_ms; ms += 100) {
		(void)link.next_tx();
		BeatStamp beat = timed(++tx, 100, 0, ms);
		beat.echo_held_us = static_cast<std::uint32_t>(std::min<std::int64_t>((ms - 1) * 1000, UINT32_MAX));
		(void)link.on_beat(at(ms + 1), beat, timing);
		(void)link.judge(at(ms + 1), timing);
		ASSERT_TRUE(link.life()) << ms;
	}
}

TEST(OneWay, AHeldBackBeatProvesItsAgeAndIsNoLife)
{
	LinkLiveness link = running(100);
	for (int i = 0; i < 100; ++i)
		(void)link.next_tx();
	// Sent 201 ms ago by what it says itself; the slack for clocks is 1/900 of the time held.
	EXPECT_EQ(link.on_beat(at(501), timed(101, 100, 0, 300), timing), BeatVerdict::stale);
	EXPECT_EQ(link.on_beat(at(501), timed(102, 100, 0, 302), timing), BeatVerdict::timely);
	EXPECT_EQ(link.on_beat(at(502), stamp(103, 0), timing), BeatVerdict::stale) << "says nothing about time";
}

TEST(OneWay, TimelyBeatsBringALostLinkBackAfterADeadIntervalOfThem)
{
	LinkLiveness link = running(100);
	for (int i = 0; i < 100; ++i)
		(void)link.next_tx();
	ASSERT_TRUE(link.judge(at(1000), timing));
	ASSERT_EQ(link.state(), State::lost);
	std::uint64_t tx = 200;
	for (std::int64_t ms = 1500; ms < 1700; ms += 10) {
		EXPECT_EQ(link.on_beat(at(ms), timed(++tx, 100, 0, ms - 1), timing), BeatVerdict::timely);
		EXPECT_FALSE(link.judge(at(ms), timing));
	}
	EXPECT_EQ(link.deadline(timing), at(1700));
	EXPECT_TRUE(link.judge(at(1700), timing));
	EXPECT_EQ(link.state(), State::one_way);
}

TEST(Lost, ABeatThatWasOvertakenIsNotCounted)
{
	LinkLiveness link = running(100);
	(void)link.on_beat(at(10), stamp(103, 100), timing);
	EXPECT_EQ(link.lost_beats(), 2U);
	(void)link.on_beat(at(11), stamp(102, 100), timing);
	EXPECT_EQ(link.lost_beats(), 1U);
	(void)link.on_beat(at(12), stamp(101, 100), timing);
	EXPECT_EQ(link.lost_beats(), 0U);
}

TEST(HeldFrames, L1KeepADeadPeerAliveNoLongerThanSlackAndDead)
{
	// The peer dies at 0; 15 of its genuine frames were held back and are let go over 1.5 s. We go on beating.
	LinkLiveness link = running(100);
	std::int64_t died = -1;
	std::uint64_t held = 100;
	for (std::int64_t ms = 10; ms <= 2000 && died < 0; ms += 10) {
		(void)link.next_tx();
		if (ms % 100 == 0 && held < 115)
			(void)link.on_beat(at(ms), stamp(++held, 100),
					   timing); // sent before its death: echoes 100 at most
		if (link.judge(at(ms), timing) && link.state() != State::alive)
			died = ms;
	}
	EXPECT_GT(died, 200) << "the attack does something, or this test does not";
	EXPECT_LE(died, (20 + 25) * 10);
}

TEST(Restart, NumbersBeginAgain)
{
	LinkLiveness link = running(100);
	link.start();
	EXPECT_EQ(link.state(), State::unknown);
	EXPECT_EQ(link.tx(), 0U);
	EXPECT_EQ(link.next_tx(), 1U);
	EXPECT_EQ(link.on_beat(at(0), stamp(1, 0), timing), BeatVerdict::fresh);
}

TEST(LostBeats, AreCountedFromThePeersNumbers)
{
	LinkLiveness link;
	const auto hear = [&](std::uint64_t tx) { (void)link.on_beat(at(0), stamp(tx, 0), timing); };
	hear(7); // what came before it was sent before we could open it
	EXPECT_EQ(link.lost_beats(), 0U);
	hear(8);
	EXPECT_EQ(link.lost_beats(), 0U);
	hear(12);
	EXPECT_EQ(link.lost_beats(), 3U);
	hear(10); // overtaken, not lost
	hear(13);
	EXPECT_EQ(link.lost_beats(), 2U);
}

TEST(Echo, NamesTheHighestBeatHeardAndHowLongItWasHeld)
{
	LinkLiveness link;
	BeatStamp out;
	link.fill_echo(at(500), out);
	EXPECT_EQ(out.echo, 0U);
	EXPECT_EQ(out.echo_held_us, 0U);

	BeatStamp in = stamp(41, 0);
	in.sent_ns = 777;
	(void)link.on_beat(at(0), in, timing);
	BeatStamp older = stamp(40, 0);
	older.sent_ns = 666;
	(void)link.on_beat(at(1), older, timing); // overtaken on the way
	link.fill_echo(at(3), out);
	EXPECT_EQ(out.echo, 41U);
	EXPECT_EQ(out.echo_sent_ns, 777);
	EXPECT_EQ(out.echo_held_us, 3000U);
	link.fill_echo(at(0) + std::chrono::hours{2}, out);
	EXPECT_EQ(out.echo_held_us, UINT32_MAX) << "saturates";
}

} // namespace
} // namespace systole::core
