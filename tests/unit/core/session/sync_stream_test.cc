// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sender and receiver against each other. What happens under any order of faults is the simulator's (tests/sync_sim); here
// stands what is to happen in each case.
#include "tests/unit/core/session/sync_pair.h"

namespace systole::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using SyncStream = SyncPair;

TEST_F(SyncStream, AnEmptyStandbyIsToldEverythingWithoutComparing)
{
	for (std::uint32_t i = 0; i < 1500; ++i)
		put(i);
	std::size_t digests = 0;
	passes = [&](const Frame &frame) {
		digests += head_of(frame).kind == SyncKind::digests;
		return true;
	};
	open();
	expect_in_step();
	EXPECT_EQ(digests, 0);
	EXPECT_EQ(sender->counters().records, 1500);
	EXPECT_EQ(receiver->counters().records, 1500);
	EXPECT_EQ(sink->calls, 1500);
}

TEST_F(SyncStream, AStandbyThatIsACopyIsToldNothing)
{
	for (std::uint32_t i = 0; i < 1500; ++i)
		put(i);
	open(1);
	open(2);
	expect_in_step();
	EXPECT_EQ(sender->counters().records, 1500);
	EXPECT_EQ(sink->calls, 1500);
}

TEST_F(SyncStream, OnlyTheBlocksThatDifferAreToldAgain)
{
	for (std::uint32_t i = 0; i < 2000; ++i)
		put(i);
	open(1);
	sender->stop();
	(*copy)->erase(1500);
	sink->records.erase(1500);
	open(2);
	expect_in_step();
	EXPECT_EQ(sender->counters().repairs, 1);
	EXPECT_EQ(sender->counters().records, 2000 + slots_per_block);
}

TEST_F(SyncStream, ASessionThatChangesTenTimesBeforeAFrameGoesIsToldOnce)
{
	open();
	for (std::uint32_t mark = 1; mark <= 10; ++mark)
		put(3, mark);
	EXPECT_EQ(sender->at_risk(), 1);
	run(milliseconds{50});
	EXPECT_EQ(sender->counters().records, 1);
	EXPECT_EQ((*copy)->at(0)->mark, 10);
	expect_in_step();
}

TEST_F(SyncStream, EndsAreToldInABytePerNeighbour)
{
	for (std::uint32_t i = 0; i < 64; ++i)
		put(i);
	open();
	for (std::uint32_t i = 0; i < 64; ++i)
		end(i);
	const auto frames = sent();
	ASSERT_EQ(frames.size(), 1);
	EXPECT_EQ(frames[0].size(), sync_head_bytes + 5 + 64);
	hand(frames);
	run(milliseconds{30});
	expect_in_step();
	EXPECT_EQ((*copy)->size(), 0);
}

TEST_F(SyncStream, WhatIsInFlightIsAtRiskUntilItIsAcknowledged)
{
	open();
	now += milliseconds{7};
	(void)sent();
	const Time before = now;
	put(1);
	now += milliseconds{1};
	const auto frames = sent();
	EXPECT_EQ(sender->at_risk(), 1);
	EXPECT_EQ(sender->in_flight(), 1);
	EXPECT_FALSE(sender->confirmed(0));
	EXPECT_LE(sender->oldest_unconfirmed(), before);
	EXPECT_FALSE(sender->in_step());
	hand(frames);
	now += milliseconds{6};
	hand_back(answers());
	EXPECT_EQ(sender->at_risk(), 0);
	EXPECT_TRUE(sender->confirmed(0));
	EXPECT_EQ(sender->oldest_unconfirmed(), never);
	// And what changes again while it is in flight is not confirmed by the frame before.
	put(1, 7);
	const auto first = sent(1);
	put(1, 8);
	hand(first);
	now += milliseconds{6};
	hand_back(answers());
	EXPECT_EQ(sender->at_risk(), 1);
	EXPECT_FALSE(sender->confirmed(0));
}

TEST_F(SyncStream, AFrameThatOthersHaveOvertakenIsToldAgainAtOnce)
{
	open();
	bool first = true;
	passes = [&](const Frame &frame) {
		return head_of(frame).kind != SyncKind::data || !std::exchange(first, false);
	};
	put(1);
	hand(sent());
	now += milliseconds{3};
	put(2);
	hand(sent());
	now += milliseconds{5};
	hand(sent());
	hand_back(answers());
	EXPECT_EQ(sender->counters().frames_lost, 1);
	hand(sent());
	EXPECT_EQ((*copy)->size(), 2);
	run(milliseconds{50});
	expect_in_step();
}

TEST_F(SyncStream, WithoutAnyAnswerAFrameIsToldAgainAfterTwentyMillisecondsAndThenEverMoreSeldom)
{
	open();
	passes = [](const Frame &) { return false; };
	put(1);
	std::vector<Time> told;
	for (const Time until = now + seconds{3}; now < until; now += milliseconds{1})
		for (const Frame &frame : sent())
			if (head_of(frame).kind == SyncKind::data)
				told.push_back(now);
	ASSERT_GE(told.size(), 7);
	EXPECT_GE(told[1] - told[0], milliseconds{20});
	EXPECT_LE(told[1] - told[0], milliseconds{30});
	EXPECT_GE(told[2] - told[1], milliseconds{40});
	EXPECT_LE(told.back() - told[told.size() - 2], milliseconds{501});
	EXPECT_LE(told.size(), 12);
	passes = nullptr;
	run(seconds{1});
	expect_in_step();
}

TEST_F(SyncStream, ARecordThatALaterFrameHasOvertakenIsIgnored)
{
	open();
	put(1, 5);
	const auto earlier = sent(1);
	put(1, 6);
	const auto later = sent(1);
	hand(later);
	hand(earlier);
	EXPECT_EQ((*copy)->at(0)->mark, 6);
	EXPECT_EQ(receiver->counters().old, 1);
}

TEST_F(SyncStream, ASessionThatHasMovedStaysWhereItIsWhenAnEarlierFrameComesLate)
{
	open();
	put(0);
	put(1);
	const auto earlier = sent(1); // slot 0: session 0
	end(0);
	end(1);
	put(1); // takes slot 0
	put(0); // takes slot 1
	const auto later = sent(1);
	hand(later);
	hand(earlier);
	EXPECT_EQ((*copy)->find(samples::numbered(1).key), 0);
	EXPECT_EQ((*copy)->find(samples::numbered(0).key), 1);
	run(milliseconds{50});
	expect_in_step();
}

TEST_F(SyncStream, AMoveWhoseOldPlaceIsNotToldYetIsNotUndoneByALateFrame)
{
	tables(4096, 4096);
	for (std::uint32_t i = 0; i < 200; ++i)
		put(i);
	open();
	// Session 7 is told in slot 7; that frame is kept back.
	put(7, 9);
	const auto late = sent(1);
	end(7);
	(void)(*source)->put_at(300, samples::numbered(7));
	sender->changed(300);
	// Of what is to be told now only slot 300 gets through.
	auto frames = sent(1);
	SyncToldList told;
	ASSERT_EQ(decode_data(frames[0], told), 1);
	ASSERT_EQ(told[0].slot, 300); // rounds go on from where the last one ended
	hand(frames);
	hand(late);
	EXPECT_EQ((*copy)->find(samples::numbered(7).key), 300);
	EXPECT_FALSE((*copy)->taken(7));
	run(milliseconds{50});
	expect_in_step();
}

TEST_F(SyncStream, FramesThatComeTwiceChangeNothing)
{
	open();
	put(1);
	const auto frames = sent(1);
	hand(frames);
	const std::size_t calls = sink->calls;
	hand(frames);
	EXPECT_EQ(sink->calls, calls);
	EXPECT_EQ(receiver->counters().again, 1);
}

TEST_F(SyncStream, AnOlderGenerationIsRefusedAlsoAfterStop)
{
	open(5);
	put(1);
	const auto old_frames = sent();
	sender->stop();
	open(6);
	EXPECT_FALSE(receiver->receive(old_frames[0], now));
	EXPECT_EQ(receiver->counters().stale, 1);
	put(2);
	const auto frames = sent();
	receiver->stop();
	EXPECT_FALSE(receiver->generation());
	EXPECT_FALSE(receiver->receive(frames[0], now));
	EXPECT_FALSE(receiver->receive(old_frames[0], now));
	EXPECT_EQ(receiver->counters().stale, 3);
	EXPECT_TRUE(answers().empty());
	open(7);
	expect_in_step();
}

TEST_F(SyncStream, AStandbyThatHasStartedAnewIsOpenedAgainInTheSameGeneration)
{
	for (std::uint32_t i = 0; i < 300; ++i)
		put(i);
	open();
	(*copy)->clear();
	restart_receiver();
	put(300);
	run(milliseconds{100});
	expect_in_step();
	EXPECT_EQ((*copy)->size(), 301);
	EXPECT_GE(receiver->counters().closed, 1);
	EXPECT_EQ(sender->generation(), 1);
}

TEST_F(SyncStream, ThatAStandbyWasClosedBeforeItOpenedIsNotNews)
{
	put(1);
	sender->begin(1, now);
	Frame closed(max_sync_frame_bytes);
	SyncAck ack;
	ack.answer = SyncAnswer::closed;
	closed.resize(encode({SyncKind::ack, 16, 1, 0}, ack, closed));
	run(milliseconds{30});
	expect_in_step();
	sender->receive(closed, now);
	EXPECT_TRUE(sender->in_step());
}

TEST_F(SyncStream, NeverMoreIsInFlightThanThePeerHasRoomFor)
{
	room = 3;
	open();
	for (std::uint32_t i = 0; i < 1000; ++i)
		put(i);
	EXPECT_EQ(sent().size(), 3);
	EXPECT_EQ(sender->in_flight(), 3);
	now += milliseconds{300};
	run(seconds{2});
	expect_in_step();
}

TEST_F(SyncStream, WithoutRoomNothingIsToldAndTheReceiverSaysWhenItHasSomeAgain)
{
	room = 0;
	sender->begin(1, now);
	hand(sent());
	hand_back(answers());
	put(1);
	EXPECT_TRUE(sent().empty());
	room = 5;
	const auto news = answers();
	ASSERT_EQ(news.size(), 1);
	EXPECT_EQ(head_of(news[0]).window, 5);
	hand_back(news);
	ASSERT_EQ(sent(1).size(), 1);
}

TEST_F(SyncStream, WhenThatIsLostTheSenderAsks)
{
	room = 0;
	sender->begin(1, now);
	hand(sent());
	hand_back(answers());
	put(1);
	room = 5;
	ASSERT_EQ(answers().size(), 1); // lost
	EXPECT_TRUE(sent().empty());
	now = sender->next_deadline();
	const auto question = sent();
	ASSERT_EQ(question.size(), 1);
	EXPECT_EQ(head_of(question[0]).kind, SyncKind::probe);
	run(milliseconds{200});
	expect_in_step();
}

TEST_F(SyncStream, AFrameIsAcknowledgedAfterFiveMillisecondsOrWithThirtyOneOthers)
{
	open();
	put(1);
	hand(sent(1));
	EXPECT_EQ(receiver->next_deadline(), now + milliseconds{5});
	EXPECT_TRUE(answers().empty());
	now += milliseconds{5};
	EXPECT_EQ(answers().size(), 1);
	for (std::uint32_t i = 2; i < 34; ++i) {
		EXPECT_TRUE(answers().empty());
		put(i);
		hand(sent(1));
	}
	EXPECT_EQ(answers().size(), 1);
}

TEST_F(SyncStream, ADifferenceThatNobodyHasToldOfIsFoundWithinASecondAndMended)
{
	for (std::uint32_t i = 0; i < 100; ++i)
		put(i);
	open();
	(*copy)->erase(50);
	sink->records.erase(50);
	run(milliseconds{1100});
	expect_in_step();
	EXPECT_EQ(sender->counters().repairs, 1);
	EXPECT_GE(receiver->counters().differing, 1);
}

TEST_F(SyncStream, WhatCannotBeMendedIsNotTriedAThousandTimesASecond)
{
	for (std::uint32_t i = 0; i < 100; ++i)
		put(i);
	open();
	const std::uint64_t before = sender->counters().frames;
	passes = [&](const Frame &frame) {
		if (head_of(frame).kind == SyncKind::check) { // again and again
			(*copy)->erase(50);
			sink->records.erase(50);
		}
		return true;
	};
	run(seconds{10});
	EXPECT_FALSE(sender->in_step() && receiver->in_step());
	EXPECT_GE(sender->counters().repairs, 10);
	EXPECT_LE(sender->counters().frames - before, 30 * 25);
}

TEST_F(SyncStream, ASmallerTableGetsWhatItHasSlotsForAndTheRestStaysAtRisk)
{
	tables(3072, 1024);
	for (std::uint32_t i = 0; i < 1500; ++i)
		put(i);
	open();
	run(milliseconds{200});
	EXPECT_EQ((*copy)->size(), 1024);
	EXPECT_EQ(sender->at_risk(), 1500 - 1024);
	EXPECT_FALSE(sender->in_step());
	EXPECT_FALSE(sender->confirmed(1200));
	EXPECT_EQ(receiver->counters().beyond, 0);
	for (std::uint32_t i = 1024; i < 1500; ++i)
		end(i);
	run(milliseconds{50});
	expect_in_step();
}

TEST_F(SyncStream, WhatStandsBeyondThePeersTableGoes)
{
	tables(1024, 8192);
	for (SlotNumber slot = 0; slot < 8192; ++slot)
		(void)(*copy)->put_at(slot, samples::numbered(slot));
	restart_receiver();
	for (std::uint32_t i = 0; i < 10; ++i)
		put(i);
	open();
	run(milliseconds{50});
	expect_in_step();
	EXPECT_EQ((*copy)->size(), 10);
}

TEST_F(SyncStream, AStandbyThatBecomesPrimaryGoesOnWithTheSameSlots)
{
	for (std::uint32_t i = 0; i < 500; ++i)
		put(i);
	end(100);
	open();
	receiver->stop();
	// The old primary becomes a standby of the new one: nothing is told but what has changed since.
	std::vector<std::uint64_t> words(SyncSender::words_for(2048));
	std::vector<std::uint64_t> its_flights(SyncSender::flight_bytes() / sizeof(std::uint64_t));
	SyncSender back(**copy, {words, std::as_writable_bytes(std::span(its_flights))});
	MirrorSink its_sink(**source);
	std::vector<std::uint64_t> its_words(SyncReceiver::words_for(2048));
	SyncReceiver follower(**source, its_sink, its_words);
	sender->stop();
	back.begin(2, now);
	(void)(*copy)->put(samples::numbered(100));
	back.changed((*copy)->find(samples::numbered(100).key));
	Frame frame(max_sync_frame_bytes);
	for (const Time until = now + milliseconds{60}; now < until; now += milliseconds{1}) {
		while (const std::size_t bytes = back.next_frame(now, frame))
			EXPECT_TRUE(follower.receive(std::span(frame).first(bytes), now));
		while (const std::size_t bytes = follower.next_frame(now, 64, frame))
			back.receive(std::span(frame).first(bytes), now);
	}
	EXPECT_TRUE(back.in_step());
	EXPECT_EQ((*source)->digest(), (*copy)->digest());
	EXPECT_EQ(back.counters().records, 1);
	EXPECT_EQ(its_sink.calls, 1);
}

TEST_F(SyncStream, AnswersThatMakeNoSenseAreCountedAndChangeNothing)
{
	open();
	put(1);
	const auto frames = sent(1);
	const auto answer = [&](const SyncHead &head, const SyncAck &ack) {
		Frame frame(max_sync_frame_bytes);
		frame.resize(encode(head, ack, frame));
		sender->receive(frame, now);
	};
	answer({SyncKind::ack, 16, 1, 2}, {}); // there was no frame 2
	EXPECT_EQ(sender->counters().bad, 1);
	SyncAck beyond;
	beyond.came[3] = 1;
	answer({SyncKind::ack, 16, 1, 0}, beyond);
	EXPECT_EQ(sender->counters().bad, 2);
	answer({SyncKind::ack, sync_window + 1, 1, 1}, {});
	EXPECT_EQ(sender->counters().bad, 3);
	answer({SyncKind::ack, 16, 2, 1}, {});
	EXPECT_EQ(sender->counters().stale, 1);
	sender->receive(frames[0], now);
	EXPECT_EQ(sender->counters().bad, 4);
	EXPECT_EQ(sender->at_risk(), 1);
	EXPECT_FALSE(receiver->receive(Frame(3), now));
	EXPECT_EQ(receiver->counters().bad, 1);
}

TEST_F(SyncStream, ChangesWithoutEndDoNotKeepDifferencesFromBeingFound)
{
	for (std::uint32_t i = 0; i < 1000; ++i)
		put(i);
	open();
	(*copy)->erase(500);
	sink->records.erase(500);
	for (std::uint32_t i = 0; i < 1500; ++i) {
		put(i % 100, i);
		run(milliseconds{1});
	}
	EXPECT_TRUE((*copy)->taken(500));
	run(milliseconds{100});
	expect_in_step();
}

} // namespace
} // namespace systole::core
