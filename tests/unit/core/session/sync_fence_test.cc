// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A fence is passed when the peer has what there was when it was raised, whatever changes meanwhile, and not before.
#include "tests/unit/core/session/sync_pair.h"

namespace systole::core {
namespace {

using std::chrono::milliseconds;

class Fence : public SyncPair {
protected:
	// What the data plane of the peer has, it has only when the test says so.
	struct SlowSink : MirrorSink {
		using MirrorSink::MirrorSink;
		std::uint64_t mark() override { return calls; }
		bool reached(std::uint64_t mark) const override { return written >= mark; }
		std::uint64_t written = 0;
	};
	void slow_data_plane()
	{
		slow.emplace(**copy);
		receiver.emplace(**copy, *slow, receiver_words);
	}
	[[nodiscard]] std::uint32_t mark_of(std::uint32_t number)
	{
		const SlotNumber slot = (*copy)->find(samples::numbered(number).key);
		return slot == no_slot ? 0 : (*copy)->at(slot)->mark;
	}

	std::optional<SlowSink> slow;
};

TEST_F(Fence, WithNothingToTellIsPassedByOneQuestion)
{
	open();
	sender->fence(1, false);
	EXPECT_EQ(sender->fence(), 1U);
	EXPECT_FALSE(sender->fence_passed());
	const auto question = sent();
	ASSERT_EQ(question.size(), 1U);
	EXPECT_EQ(head_of(question[0]).kind, SyncKind::fence);
	hand(question);
	hand_back(answers());
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_FALSE(receiver->ended());
}

TEST_F(Fence, IsPassedAlthoughSessionsChangeAllTheTime)
{
	open();
	for (std::uint32_t i = 0; i < 500; ++i)
		put(i);
	sender->fence(1, false);
	std::uint32_t mark = 2;
	for (const Time until = now + milliseconds{100}; now < until && !sender->fence_passed();
	     now += milliseconds{1}) {
		put(500 + mark); // one is born, and the first one changes again
		put(0, mark++);
		hand(sent());
		hand_back(answers());
		EXPECT_FALSE(sender->in_step());
	}
	EXPECT_TRUE(sender->fence_passed());
	for (std::uint32_t i = 0; i < 500; ++i)
		EXPECT_GE(mark_of(i), 1U) << i;
}

TEST_F(Fence, IsNotPassedByAFrameOfBeforeASlotChanged)
{
	open();
	put(1, 1);
	const auto first = sent(1);
	put(1, 2);
	sender->fence(1, false); // the second state
	const SlotNumber slot = (*source)->find(samples::numbered(1).key);
	hand(first);
	now += milliseconds{6};
	hand_back(answers());
	EXPECT_TRUE(sender->before_fence(slot));
	run(milliseconds{20});
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_EQ(mark_of(1), 2U);
}

TEST_F(Fence, IsPassedByAFrameOfBeforeItIfNothingHasChangedSince)
{
	open();
	put(1, 1);
	const auto first = sent(1);
	sender->fence(1, false);
	const SlotNumber slot = (*source)->find(samples::numbered(1).key);
	EXPECT_TRUE(sender->before_fence(slot));
	hand(first);
	now += milliseconds{6};
	hand_back(answers());
	EXPECT_FALSE(sender->before_fence(slot));
}

TEST_F(Fence, WaitsForWhatIsLostAndAnEndIsToldLikeABeginning)
{
	open();
	put(1);
	run(milliseconds{20});
	end(1);
	put(2);
	(void)sent(); // lost
	sender->fence(1, false);
	hand(sent());
	hand_back(answers());
	EXPECT_FALSE(sender->fence_passed());
	run(milliseconds{60});
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_EQ(mark_of(1), 0U);
	EXPECT_EQ(mark_of(2), 1U);
}

TEST_F(Fence, RaisedBeforeItIsKnownWhatThePeerHasCoversEverything)
{
	for (std::uint32_t i = 0; i < 100; ++i)
		(void)(*source)->put(samples::numbered(i));
	sender->begin(1, now);
	sender->fence(1, false);
	EXPECT_FALSE(sender->fence_passed());
	run(milliseconds{60});
	EXPECT_TRUE(sender->fence_passed());
	expect_equal();
}

TEST_F(Fence, SurvivesAPeerThatStartsAnew)
{
	open();
	for (std::uint32_t i = 0; i < 100; ++i)
		put(i);
	run(milliseconds{20});
	put(100);
	(void)sent(); // lost
	sender->fence(1, false);
	(*copy)->clear();
	restart_receiver();
	run(milliseconds{300});
	EXPECT_TRUE(sender->fence_passed());
	expect_equal();
}

TEST_F(Fence, IsPassedOnlyWhenTheDataPlaneHasCaughtUp)
{
	slow_data_plane();
	open();
	put(1);
	sender->fence(1, false);
	run(milliseconds{30});
	EXPECT_FALSE(sender->fence_passed());
	put(2); // is behind the fence
	slow->written = 1;
	run(milliseconds{5});
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_EQ(slow->calls, 2U);
}

TEST_F(Fence, AnotherOneBeginsAnew)
{
	slow_data_plane();
	open();
	put(1);
	sender->fence(1, false);
	run(milliseconds{10});
	put(2);
	sender->fence(2, false);
	slow->written = 1;
	run(milliseconds{30});
	EXPECT_FALSE(sender->fence_passed());
	slow->written = 2;
	run(milliseconds{10});
	EXPECT_TRUE(sender->fence_passed());
}

TEST_F(Fence, TheLastOneEndsTheStreamWithoutWaitingForTheDataPlane)
{
	slow_data_plane();
	open();
	put(1);
	sender->fence(1, true);
	run(milliseconds{10});
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_TRUE(receiver->ended());
	EXPECT_EQ(mark_of(1), 1U);
	sender->begin(2, now);
	run(milliseconds{10});
	EXPECT_FALSE(receiver->ended()) << "another generation has an end of its own";
}

TEST_F(Fence, IsNotPassedWhileThePeerHasNoSlotForASession)
{
	tables(2048, 1024);
	open();
	for (std::uint32_t i = 0; i < 1025; ++i)
		put(i);
	run(milliseconds{50});
	sender->fence(1, false);
	run(milliseconds{200});
	EXPECT_FALSE(sender->fence_passed());
	end(1024);
	run(milliseconds{50});
	EXPECT_TRUE(sender->fence_passed());
}

TEST_F(Fence, TheLastOnePassesWithoutWhatThePeerHasNoSlotFor)
{
	tables(2048, 1024);
	open();
	for (std::uint32_t i = 0; i < 1500; ++i)
		put(i);
	sender->fence(1, true);
	run(milliseconds{400});
	EXPECT_TRUE(sender->fence_passed());
	EXPECT_NE(sender->at_risk(), 0U);
}

TEST_F(Fence, GoesWithItsStream)
{
	open();
	put(1);
	sender->fence(1, false);
	sender->stop();
	EXPECT_EQ(sender->fence(), 0U);
	sender->begin(2, now);
	run(milliseconds{50});
	EXPECT_FALSE(sender->fence_passed());
}

} // namespace
} // namespace systole::core
