// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who wins, by which rule, with which values: numbered cases of the published order, then properties.
#include "control/core/election.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace systole::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Time now{seconds{1000000}};
constexpr seconds margin{300};

struct Who { // readable candidates; age in milliseconds
	const char *id;
	int age_ms = 0;
	std::uint8_t priority = 128;
	std::uint32_t failures = 0;
	bool flag = false;
};

Candidate candidate(const Who &who)
{
	Candidate out;
	out.id = MemberId::from(who.id);
	out.priority = who.priority;
	out.failure_sum = who.failures;
	out.failover_flag = who.flag;
	out.age_origin = now - milliseconds{who.age_ms};
	return out;
}

Decision decide(const std::vector<Who> &members, bool override_in_force)
{
	std::vector<Candidate> list;
	for (const Who &who : members)
		list.push_back(candidate(who));
	return elect(list, {override_in_force, margin}, now);
}

TEST(Election, FollowsThePublishedOrder)
{
	struct Row {
		int number;
		const char *says;
		std::vector<Who> members;
		bool override_in_force;
		const char *winner;
		Rule rule;
		std::int64_t winner_value;
		std::int64_t runner_up_value;
	};
	const std::vector<Row> table{
		{1, "alone", {{"A"}}, false, "A", Rule::only_member, 0, 0},
		{2, "all alike: higher serial", {{"A"}, {"B"}}, false, "B", Rule::serial, 0, 0},
		{3, "all alike, override: higher serial", {{"A"}, {"B"}}, true, "B", Rule::serial, 0, 0},
		{4, "priority", {{"A", 0, 200}, {"B", 0, 100}}, false, "A", Rule::priority, 200, 100},
		{5, "priority 0 and 255", {{"A", 0, 0}, {"B", 0, 255}}, false, "B", Rule::priority, 255, 0},
		{6,
		 "age beats priority without override",
		 {{"A", 301000, 1}, {"B", 0, 200}},
		 false,
		 "A",
		 Rule::uptime,
		 301,
		 0},
		{7,
		 "priority beats age with override",
		 {{"A", 900000, 1}, {"B", 0, 200}},
		 true,
		 "B",
		 Rule::priority,
		 200,
		 1},
		{8, "equal priority, override: age", {{"A", 900000}, {"B", 0}}, true, "A", Rule::uptime, 900, 0},
		{9,
		 "exactly the margin does not count",
		 {{"A", 300000, 1}, {"B", 0, 2}},
		 false,
		 "B",
		 Rule::priority,
		 2,
		 1},
		{10, "a millisecond more does", {{"A", 300001, 1}, {"B", 0, 2}}, false, "A", Rule::uptime, 300, 0},
		{11, "exactly the margin, override", {{"A", 300000}, {"B", 0}}, true, "B", Rule::serial, 0, 0},
		{12,
		 "fewer failures beat age",
		 {{"A", 900000, 1, 50}, {"B", 0, 1, 0}},
		 false,
		 "B",
		 Rule::failure_sum,
		 0,
		 50},
		{13,
		 "fewer failures beat priority, override",
		 {{"A", 0, 250, 50}, {"B", 0, 1, 5}},
		 true,
		 "B",
		 Rule::failure_sum,
		 5,
		 50},
		{14,
		 "equal failures fall through",
		 {{"A", 0, 2, 50}, {"B", 0, 1, 50}},
		 false,
		 "A",
		 Rule::priority,
		 2,
		 1},
		{15,
		 "sums, not counts: 45 is less than 50",
		 {{"A", 0, 1, 45}, {"B", 0, 9, 50}},
		 false,
		 "A",
		 Rule::failure_sum,
		 45,
		 50},
		{16,
		 "the failover flag loses to anything",
		 {{"A", 900000, 250, 0, true}, {"B", 0, 1, 500}},
		 false,
		 "B",
		 Rule::failover_flag,
		 0,
		 1},
		{17,
		 "flagged, override",
		 {{"A", 900000, 250, 0, true}, {"B", 0, 1, 500}},
		 true,
		 "B",
		 Rule::failover_flag,
		 0,
		 1},
		{18,
		 "both flagged fall through",
		 {{"A", 0, 2, 0, true}, {"B", 0, 1, 0, true}},
		 false,
		 "A",
		 Rule::priority,
		 2,
		 1},
		{19,
		 "three: flag, then failures",
		 {{"A", 0, 9, 0, true}, {"B", 0, 8, 50}, {"C", 0, 1, 0}},
		 false,
		 "C",
		 Rule::failure_sum,
		 0,
		 50},
		{20,
		 "three ages A~B~C, A>C: C is out, then priority",
		 {{"A", 400000, 1}, {"B", 200000, 2}, {"C", 0, 3}},
		 false,
		 "B",
		 Rule::priority,
		 2,
		 1},
		{21,
		 "the same with override: priority first",
		 {{"A", 400000, 1}, {"B", 200000, 2}, {"C", 0, 3}},
		 true,
		 "C",
		 Rule::priority,
		 3,
		 2},
		{22,
		 "the oldest is measured among those left",
		 {{"A", 900000, 9, 50}, {"B", 200000, 1}, {"C", 0, 3}},
		 false,
		 "C",
		 Rule::priority,
		 3,
		 1},
		{23,
		 "two share the best priority, then serial",
		 {{"A", 0, 5}, {"B", 0, 5}, {"C", 0, 4}},
		 false,
		 "B",
		 Rule::serial,
		 0,
		 0},
		{24,
		 "override: two share the best priority, then age",
		 {{"A", 400000, 5}, {"B", 0, 5}, {"C", 900000, 4}},
		 true,
		 "A",
		 Rule::uptime,
		 400,
		 0},
		{25,
		 "serials are compared to the last character",
		 {{"SYS0000000000009"}, {"SYS0000000000010"}},
		 false,
		 "SYS0000000000010",
		 Rule::serial,
		 0,
		 0},
	};
	for (const Row &row : table) {
		const Decision decision = decide(row.members, row.override_in_force);
		EXPECT_EQ(decision.winner.view(), row.winner) << row.number << ": " << row.says;
		EXPECT_EQ(decision.rule, row.rule) << row.number << ": " << row.says;
		EXPECT_EQ(decision.winner_value, row.winner_value) << row.number << ": " << row.says;
		EXPECT_EQ(decision.runner_up_value, row.runner_up_value) << row.number << ": " << row.says;
	}
}

TEST(Election, TheRunnerUpIsTheBestOfThoseTheRuleDropped)
{
	EXPECT_EQ(decide({{"A", 0, 9}, {"B", 0, 5}, {"C", 0, 7}}, false).runner_up.view(), "C");
	EXPECT_EQ(decide({{"A", 0, 9}, {"B", 0, 5}, {"C", 0, 5}}, false).runner_up.view(), "C")
		<< "alike: the higher serial";
	EXPECT_TRUE(decide({{"A"}}, false).runner_up.empty());
}

TEST(Election, NonTransitiveTriplesHaveOneWinnerInEveryOrder)
{
	std::vector<Who> members{{"A", 400000, 1}, {"B", 200000, 2}, {"C", 0, 3}};
	const auto by_id = [](const Who &a, const Who &b) { return std::string_view(a.id) < b.id; };
	do {
		EXPECT_EQ(decide(members, false).winner.view(), "B");
	} while (std::next_permutation(members.begin(), members.end(), by_id));
}

TEST(Election, TheMarginIsTheConfiguredOne)
{
	const std::vector<Candidate> list{candidate({"A", 1500, 1}), candidate({"B", 0, 2})};
	EXPECT_EQ(elect(list, {false, seconds{1}}, now).winner.view(), "A");
	EXPECT_EQ(elect(list, {false, seconds{2}}, now).winner.view(), "B");
	EXPECT_EQ(elect(list, {false, seconds{65535}}, now).winner.view(), "B");
}

class ElectionProperties : public testing::TestWithParam<bool> {
protected:
	// Few distinct values, so that every rule gets its turn to decide.
	std::vector<Candidate> random_members()
	{
		std::vector<Candidate> list;
		const std::size_t count = 1 + m_random() % max_members;
		for (std::size_t i = 0; i < count; ++i) {
			Candidate member;
			member.id = MemberId::from(std::to_string(100 + i));
			member.priority = static_cast<std::uint8_t>(m_random() % 3);
			member.failure_sum = static_cast<std::uint32_t>(m_random() % 3 * 50 * (m_random() % 3 == 0));
			member.failover_flag = m_random() % 5 == 0;
			member.age_origin = now - milliseconds{150000 * (m_random() % 6) + m_random() % 2};
			list.push_back(member);
		}
		return list;
	}
	std::mt19937 m_random{2026};
};

TEST_P(ElectionProperties, TheResultDoesNotDependOnTheOrderOfTheInput)
{
	for (int round = 0; round < 5000; ++round) {
		std::vector<Candidate> list = random_members();
		const Decision first = elect(list, {GetParam(), margin}, now);
		for (int shuffle = 0; shuffle < 5; ++shuffle) {
			std::shuffle(list.begin(), list.end(), m_random);
			const Decision again = elect(list, {GetParam(), margin}, now);
			ASSERT_EQ(again.winner, first.winner);
			ASSERT_EQ(again.runner_up, first.runner_up);
			ASSERT_EQ(again.rule, first.rule);
			ASSERT_EQ(again.winner_value, first.winner_value);
			ASSERT_EQ(again.runner_up_value, first.runner_up_value);
		}
	}
}

TEST_P(ElectionProperties, TheWinnerIsNotBeatenByAnybodyWithoutFlagOrFailures)
{
	for (int round = 0; round < 5000; ++round) {
		const std::vector<Candidate> list = random_members();
		const Decision decision = elect(list, {GetParam(), margin}, now);
		const auto winner = std::find_if(list.begin(), list.end(),
						 [&](const Candidate &c) { return c.id == decision.winner; });
		ASSERT_NE(winner, list.end());
		for (const Candidate &other : list) {
			EXPECT_FALSE(winner->failover_flag && !other.failover_flag);
			if (winner->failover_flag == other.failover_flag) {
				EXPECT_LE(winner->failure_sum, other.failure_sum);
			}
		}
	}
}

TEST_P(ElectionProperties, AMemberThatLosesMayLeaveWithoutChangingTheWinnerUnlessItWasTheMeasure)
{
	// With equal ages the order is total: removing any loser must not matter.
	for (int round = 0; round < 2000; ++round) {
		std::vector<Candidate> list = random_members();
		for (Candidate &member : list)
			member.age_origin = now;
		const Decision decision = elect(list, {GetParam(), margin}, now);
		for (std::size_t i = 0; i < list.size() && list.size() > 1; ++i) {
			if (list[i].id == decision.winner)
				continue;
			std::vector<Candidate> fewer = list;
			fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
			EXPECT_EQ(elect(fewer, {GetParam(), margin}, now).winner, decision.winner);
		}
	}
}

INSTANTIATE_TEST_SUITE_P(Override, ElectionProperties, testing::Bool());

TEST(ElectionDeathTest, OneSerialTwiceIsAProgrammersError)
{
	EXPECT_DEATH((void)decide({{"A"}, {"A"}}, false), "one serial");
	EXPECT_DEATH((void)decide({}, false), "empty");
}

} // namespace
} // namespace systole::core
