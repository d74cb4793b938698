// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The beat grid, what our own absence does to a peer's deadline, and how long a nap may be.
#include "dataplane/beat.h"
#include "dataplane/control_watch.h"
#include "dataplane/deadline.h"
#include "dataplane/nap.h"
#include "dataplane/peer_table.h"
#include "dataplane/poll_mode.h"

#include <gtest/gtest.h>

#include <array>

namespace systole::dataplane {
namespace {

using core::Duration;
using core::Time;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time start{seconds{1000}};

TEST(BeatGrid, nothing_is_due_before_it_starts)
{
	BeatGrid grid(milliseconds{10});
	EXPECT_FALSE(grid.due(start));
	EXPECT_EQ(grid.next(), core::never);
}

TEST(BeatGrid, a_late_round_does_not_shift_the_ones_after_it)
{
	BeatGrid grid(milliseconds{10});
	grid.start(start);
	EXPECT_EQ(grid.take(start), Duration::zero());
	EXPECT_FALSE(grid.due(start + microseconds{9999}));
	EXPECT_TRUE(grid.due(start + milliseconds{10}));
	EXPECT_EQ(grid.take(start + milliseconds{13}), milliseconds{3});
	EXPECT_EQ(grid.next(), start + milliseconds{20});
}

TEST(BeatGrid, rounds_slept_through_are_skipped_and_not_bunched)
{
	BeatGrid grid(milliseconds{10});
	grid.start(start);
	EXPECT_EQ(grid.take(start + milliseconds{35}), milliseconds{35});
	EXPECT_EQ(grid.next(), start + milliseconds{40});
	EXPECT_FALSE(grid.due(start + milliseconds{35}));
	EXPECT_EQ(grid.take(start + milliseconds{50}), milliseconds{10}); // exactly on a later grid point
	EXPECT_EQ(grid.next(), start + milliseconds{60});
}

TEST(BeatGrid, a_million_rounds_do_not_drift)
{
	BeatGrid grid(milliseconds{1});
	grid.start(start);
	for (int i = 0; i < 1'000'000; ++i)
		(void)grid.take(grid.next() + microseconds{i % 900});
	EXPECT_EQ(grid.next(), start + seconds{1000});
}

TEST(AwayBudget, one_absence_counts_in_full_however_long)
{
	AwayBudget budget;
	EXPECT_EQ(budget.take(seconds{3600}, milliseconds{30}), seconds{3600});
}

TEST(AwayBudget, further_absences_together_are_capped_until_a_fresh_beat)
{
	AwayBudget budget;
	const Duration dead = milliseconds{30};
	EXPECT_EQ(budget.take(milliseconds{50}, dead), milliseconds{50});
	EXPECT_EQ(budget.take(milliseconds{50}, dead), milliseconds{50});
	EXPECT_EQ(budget.take(milliseconds{50}, dead), milliseconds{50});
	EXPECT_EQ(budget.take(milliseconds{50}, dead), milliseconds{20}); // 120 = 4 x dead
	EXPECT_EQ(budget.take(milliseconds{50}, dead), Duration::zero());
	budget.reset();
	EXPECT_EQ(budget.take(milliseconds{500}, dead), milliseconds{500});
}

TEST(HeardOut, an_empty_queue_means_heard_until_now)
{
	HeardOut heard(1024);
	heard.took(start, 0, true);
	EXPECT_EQ(heard.until(), start);
}

TEST(HeardOut, a_queue_never_found_empty_is_heard_out_once_its_length_has_passed)
{
	HeardOut heard(100);
	heard.took(start, 0, true);
	heard.took(start + milliseconds{1}, 60, false);
	EXPECT_EQ(heard.until(), start);
	heard.took(start + milliseconds{2}, 30, false);
	EXPECT_EQ(heard.until(), start);
	heard.took(start + milliseconds{3}, 10, false);
	EXPECT_EQ(heard.until(), start + milliseconds{1}); // when the first of the hundred was still waiting
	heard.took(start + milliseconds{4}, 99, false);
	EXPECT_EQ(heard.until(), start + milliseconds{1});
	heard.took(start + milliseconds{5}, 1, false);
	EXPECT_EQ(heard.until(), start + milliseconds{4});
}

TEST(Nap, is_never_longer_than_its_limit_nor_past_what_is_due)
{
	EXPECT_EQ(nap_length(start, core::never), milliseconds{3});
	EXPECT_EQ(nap_length(start, start + milliseconds{10}), milliseconds{3});
	EXPECT_EQ(nap_length(start, start + microseconds{40}), microseconds{40});
	EXPECT_EQ(nap_length(start, start + microseconds{4}), Duration::zero());
	EXPECT_EQ(nap_length(start, start), Duration::zero());
	EXPECT_EQ(nap_length(start, start - seconds{1}), Duration::zero());
}

TEST(PollMode, automatic_is_busy_only_on_an_isolated_cpu)
{
	const std::array<int, 1> isolated{3};
	EXPECT_EQ(choose_poll_mode(PollMode::automatic, 3, isolated).mode, PollMode::busy);
	EXPECT_EQ(choose_poll_mode(PollMode::automatic, 1, isolated).mode, PollMode::adaptive);
	EXPECT_EQ(choose_poll_mode(PollMode::automatic, 1, {}).mode, PollMode::adaptive);
	EXPECT_EQ(choose_poll_mode(PollMode::busy, 1, {}).mode, PollMode::busy);
	EXPECT_EQ(choose_poll_mode(PollMode::adaptive, 3, isolated).mode, PollMode::adaptive);
	for (const PollMode wanted : {PollMode::automatic, PollMode::busy, PollMode::adaptive}) {
		const std::string why = choose_poll_mode(wanted, 3, isolated).why;
		EXPECT_NE(why.find("CPU 3"), std::string::npos) << why;
		EXPECT_EQ(why.find('\n'), std::string::npos) << why;
	}
}

TEST(Nap, is_never_long_enough_to_be_taken_for_an_absence)
{
	EXPECT_EQ(longest_nap_for(milliseconds{10}, milliseconds{30}), milliseconds{3});
	EXPECT_EQ(longest_nap_for(milliseconds{1}, milliseconds{3}), microseconds{500});
	EXPECT_EQ(longest_nap_for(milliseconds{1}, milliseconds{1}), microseconds{250});
	EXPECT_EQ(nap_length(start, core::never, microseconds{250}), microseconds{250});
}

TEST(Nap, looks_for_a_beat_from_just_before_it_is_due_until_it_is_clearly_late)
{
	const Time expected = start + milliseconds{10};
	EXPECT_EQ(look_for(start, expected), expected - microseconds{20});
	EXPECT_EQ(look_for(expected - microseconds{20}, expected), expected + microseconds{80});
	EXPECT_EQ(look_for(expected + microseconds{950}, expected), expected + microseconds{1050});
	EXPECT_EQ(look_for(expected + milliseconds{1}, expected), core::never);
}

TEST(ControlWatch, hangs_when_the_counter_stands_still_for_longer_than_the_limit)
{
	ControlWatch watch(milliseconds{200});
	watch.look(start, 0);
	watch.look(start + seconds{9}, 0);
	EXPECT_FALSE(watch.hangs()) << "control has not begun yet";
	watch.look(start + seconds{10}, 1);
	watch.look(start + seconds{10} + milliseconds{200}, 1);
	EXPECT_FALSE(watch.hangs());
	watch.look(start + seconds{10} + milliseconds{201}, 1);
	EXPECT_TRUE(watch.hangs());
	watch.look(start + seconds{20}, 2);
	EXPECT_FALSE(watch.hangs());
	// The worker was away for 500 ms, and saw nothing of control in that time.
	watch.grant(milliseconds{500});
	watch.look(start + seconds{20} + milliseconds{700}, 2);
	EXPECT_FALSE(watch.hangs());
	watch.look(start + seconds{20} + milliseconds{701}, 2);
	EXPECT_TRUE(watch.hangs());
}

TEST(HandedBeat, what_is_news_goes_up_and_what_is_not_waits_100_ms)
{
	HandedBeat handed;
	const std::array<std::byte, 3> content{std::byte{1}, std::byte{2}, std::byte{3}};
	const std::array<std::byte, 3> other{std::byte{1}, std::byte{2}, std::byte{4}};
	const std::span<const std::byte> shorter(content.data(), 2);
	ASSERT_TRUE(handed.wants(start, 7, 100, true, true, content));
	handed.handed(start, 7, 100, true, true, content);
	EXPECT_FALSE(handed.wants(start + milliseconds{99}, 7, 200, true, true, content));
	EXPECT_TRUE(handed.wants(start + milliseconds{100}, 7, 200, true, true, content));
	EXPECT_TRUE(handed.wants(start + milliseconds{1}, 7, 200, true, true, other));
	EXPECT_TRUE(handed.wants(start + milliseconds{1}, 7, 200, true, true, shorter));
	EXPECT_FALSE(handed.wants(start + milliseconds{1}, 8, 1, true, true, content))
		<< "older, also under newer keys";
	EXPECT_TRUE(handed.wants(start + milliseconds{1}, 8, 1000000000, true, true, content)) << "another session";
	EXPECT_FALSE(handed.wants(start + milliseconds{1}, 7, 99, true, true, other)); // older, by a slower link
	EXPECT_FALSE(handed.wants(start + milliseconds{1}, 7, 200, false, true, content));
	handed.handed(start, 7, 200, false, true, content);
	EXPECT_TRUE(handed.wants(start + milliseconds{1}, 7, 300, true, true, content)); // it is life again
	handed.handed(start, 7, 300, true, false, content);
	EXPECT_FALSE(handed.wants(start + milliseconds{1}, 7, 400, true, false, content));
	EXPECT_TRUE(handed.wants(start + milliseconds{1}, 7, 400, true, true, content)); // the first since our return
}

} // namespace
} // namespace systole::dataplane
