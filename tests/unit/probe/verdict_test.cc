// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Counting, weights and statistics of link monitors: pure, so every edge is a line.
#include "control/probe/verdict.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace systole::control {
namespace {

using std::chrono::milliseconds;

// 'r' a reply, 'l' a loss, one after the other; the result is 'D' where the server died, 'A' where it came back.
std::string judge(ServerVerdict &verdict, std::string_view outcomes)
{
	std::string changes;
	for (const char outcome : outcomes) {
		const std::uint64_t sequence = verdict.send();
		const bool changed =
			outcome == 'r' ? verdict.answered(sequence, milliseconds{1}) : verdict.lost(sequence);
		changes += !changed ? '.' : verdict.is_alive() ? 'A' : 'D';
	}
	return changes;
}

TEST(ServerVerdict, dies_after_failtime_losses_in_a_row_and_lives_after_recoverytime_replies_in_a_row)
{
	const struct {
		unsigned failtime, recoverytime;
		std::string_view outcomes, changes;
	} rows[] = {
		{5, 5, "rrrrr", "....."}, {5, 5, "lllll", "....D"},         {5, 5, "llllrlllll", ".........D"},
		{2, 3, "llrrr", ".D..A"}, {2, 3, "llrrlrrr", ".D.....A"},   {2, 3, "lllllrrrll", ".D.....A.D"},
		{1, 1, "lrlr", "DADA"},   {3, 1, "rlrllrlll", "........D"},
	};
	for (const auto &row : rows) {
		ServerVerdict verdict({row.failtime, row.recoverytime, 30});
		EXPECT_EQ(judge(verdict, row.outcomes), row.changes) << row.outcomes;
	}
}

TEST(ServerVerdict, is_presumed_alive_and_knows_nothing)
{
	const ServerVerdict verdict({5, 5, 30});
	EXPECT_TRUE(verdict.is_alive());
	EXPECT_EQ(verdict.sent(), 0U);
	EXPECT_EQ(verdict.sequence_sent(), 0U);
	EXPECT_EQ(verdict.sequence_expected(), 0U);
	EXPECT_FALSE(verdict.latency());
	EXPECT_FALSE(verdict.jitter());
	EXPECT_EQ(verdict.loss_percent(), 0);
}

TEST(ServerVerdict, judges_in_the_order_of_sending_not_of_hearing)
{
	// Two probes are lost, then the server is back; the replies arrive before the losses are certain.
	ServerVerdict verdict({2, 2, 30});
	const auto a = verdict.send(), b = verdict.send(), c = verdict.send(), d = verdict.send();
	EXPECT_FALSE(verdict.answered(c, milliseconds{1}));
	EXPECT_FALSE(verdict.answered(d, milliseconds{1}));
	EXPECT_FALSE(verdict.lost(a));
	EXPECT_FALSE(verdict.lost(b)) << "dead after b, alive again after d: nothing has changed";
	EXPECT_TRUE(verdict.is_alive());
	EXPECT_EQ(verdict.losses_in_a_row(), 0U);
}

TEST(ServerVerdict, the_first_word_about_a_probe_counts)
{
	ServerVerdict verdict({1, 1, 30});
	const auto sequence = verdict.send();
	EXPECT_TRUE(verdict.lost(sequence));
	EXPECT_FALSE(verdict.answered(sequence, milliseconds{1})) << "too late";
	EXPECT_FALSE(verdict.answered(sequence + 1, milliseconds{1})) << "never sent";
	EXPECT_FALSE(verdict.lost(0));
	EXPECT_FALSE(verdict.is_alive());
	EXPECT_EQ(verdict.received(), 0U);

	const auto open = verdict.send();
	(void)verdict.send();
	EXPECT_TRUE(verdict.answered(open, milliseconds{1}));
	EXPECT_FALSE(verdict.answered(open, milliseconds{1})) << "a duplicate";
	EXPECT_EQ(verdict.received(), 1U);
}

TEST(ServerVerdict, counts_replies_that_overtook_another)
{
	ServerVerdict verdict({5, 5, 30});
	const auto a = verdict.send(), b = verdict.send(), c = verdict.send();
	verdict.answered(b, milliseconds{1});
	verdict.answered(a, milliseconds{1});
	verdict.answered(c, milliseconds{1});
	EXPECT_EQ(verdict.out_of_sequence(), 1U);
	EXPECT_EQ(verdict.sequence_received(), c);
	EXPECT_EQ(verdict.sequence_expected(), c + 1);
}

TEST(ServerVerdict, numbers_are_the_products)
{
	// "Packet sent: 4749, received: 4749, Sequence(sent/rcvd/exp): 4750/4750/4751"
	ServerVerdict verdict({5, 5, 30});
	judge(verdict, std::string(4749, 'r'));
	EXPECT_EQ(verdict.sent(), 4749U);
	EXPECT_EQ(verdict.received(), 4749U);
	EXPECT_EQ(verdict.sequence_sent(), 4750U);
	EXPECT_EQ(verdict.sequence_received(), 4750U);
	EXPECT_EQ(verdict.sequence_expected(), 4751U);
}

TEST(ServerVerdict, statistics_cover_the_last_probe_count_probes)
{
	ServerVerdict verdict({30, 5, 5});
	for (const int ms : {100, 100, 100, 2, 4, 3})
		verdict.answered(verdict.send(), milliseconds{ms});
	verdict.lost(verdict.send());
	verdict.answered(verdict.send(), milliseconds{7});
	// the window: 2 4 3 lost 7
	EXPECT_EQ(verdict.latency(), (Spread{milliseconds{2}, milliseconds{7}, milliseconds{4}}));
	EXPECT_EQ(verdict.jitter(), (Spread{milliseconds{1}, milliseconds{2}, std::chrono::microseconds{1500}}));
	EXPECT_DOUBLE_EQ(verdict.loss_percent(), 20.0);
}

TEST(ServerVerdict, one_reply_has_latency_and_no_jitter)
{
	ServerVerdict verdict({5, 5, 30});
	judge(verdict, "lrl");
	EXPECT_TRUE(verdict.latency());
	EXPECT_FALSE(verdict.jitter());
}

TEST(ServerVerdict, shows_no_more_than_the_limits)
{
	ServerVerdict verdict({3, 4, 30});
	judge(verdict, "llllll");
	EXPECT_EQ(verdict.losses_in_a_row(), 3U); // "Fail Times(3/3)"
	judge(verdict, "rr");
	EXPECT_EQ(verdict.replies_in_a_row(), 2U);
	judge(verdict, "rrrr");
	EXPECT_EQ(verdict.replies_in_a_row(), 0U) << "alive: there is nothing to recover from";
}

TEST(MonitorVerdict, is_dead_when_all_are_dead_or_the_dead_weigh_too_much)
{
	const struct {
		std::vector<ServerStanding> servers;
		unsigned fail_weight;
		bool alive;
	} rows[] = {
		{{}, 0, true},
		{{{true, 0}}, 0, true},
		{{{false, 0}}, 0, false},
		{{{false, 0}, {true, 0}}, 0, true},
		{{{false, 0}, {false, 0}}, 0, false},
		{{{false, 10}, {true, 10}}, 10, true}, // exceeds, not reaches
		{{{false, 11}, {true, 0}}, 10, false},
		{{{false, 6}, {false, 6}, {true, 100}}, 10, false},
		{{{false, 1}, {true, 1}}, 0, false},
		{{{false, 3}, {false, 3}}, 255, false}, // nobody is left
		{{{false, 255}, {false, 255}, {true, 0}}, 255, false},
	};
	for (std::size_t i = 0; i < std::size(rows); ++i)
		EXPECT_EQ(monitor_is_alive(rows[i].servers, rows[i].fail_weight), rows[i].alive) << "row " << i;
}

} // namespace
} // namespace systole::control
