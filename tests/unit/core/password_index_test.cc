// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Members that do not all have the same passwords at the same time: the indexes, which are no secret, tell which one is
// meant. The ideal key agent has one password, so here only the indexes decide.
#include "tests/unit/core/group_fixture.h"

#include <algorithm>
#include <initializer_list>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

using Indexes = FixedVector<std::uint8_t, 2>;

Indexes indexes(std::initializer_list<int> list)
{
	Indexes out;
	for (const int index : list)
		out.push_back(static_cast<std::uint8_t>(index));
	return out;
}

class PasswordIndexes : public Group {
protected:
	void two(std::initializer_list<int> of_first, std::initializer_list<int> of_second)
	{
		members(2, [&](std::size_t member, Config &config) {
			config.password_indexes = indexes(member == 0 ? of_first : of_second);
		});
		start_all();
	}
};

TEST_F(PasswordIndexes, Q7_whoever_begins_falls_back_to_the_index_the_other_has)
{
	std::vector<int> named;
	members(2, [&](std::size_t member, Config &config) {
		config.password_indexes = member == 0 ? indexes({0, 1}) : indexes({1});
	});
	cluster.filter = [&](Frame &frame) {
		if (is(frame, HakeType::ke2))
			named.push_back(decode_ke2(frame.hake.span())->head.password_index);
		return true;
	};
	start_all();
	EXPECT_LE(form(seconds{10}), seconds{2});
	EXPECT_EQ(named, std::vector{1});
	EXPECT_GE(drops(1, HakeDrop::password_index), 1U);
	EXPECT_EQ(cluster.notices(1, NoticeKind::unknown_password_index).size(), 1U) << "several KE1, one word";
	EXPECT_EQ(cluster.notices(1, NoticeKind::unknown_password_index).at(0).value, 0);
	EXPECT_TRUE(cluster.notices(0, NoticeKind::wrong_password).empty());
	ASSERT_NO_FATAL_FAILURE(run_whole(seconds{10}));
}

TEST_F(PasswordIndexes, Q7_whoever_answers_takes_any_index_it_has)
{
	two({1}, {0, 1});
	EXPECT_LE(form(seconds{10}), milliseconds{100});
	EXPECT_EQ(drops(1, HakeDrop::password_index), 0U);
	two({0}, {1, 0});
	EXPECT_LE(form(seconds{10}), milliseconds{100});
}

TEST_F(PasswordIndexes, Q7_without_an_index_in_common_it_is_said_and_counted_each_time)
{
	two({0}, {1});
	for (int i = 0; i < 600; ++i) {
		cluster.run_for(milliseconds{100});
		ASSERT_EQ(cluster.node(0).alive_peers() + cluster.node(1).alive_peers(), 0U);
	}
	const auto told = cluster.notices(1, NoticeKind::unknown_password_index);
	ASSERT_FALSE(told.empty());
	EXPECT_EQ(told[0].peer, cluster.settings(0).config.self);
	EXPECT_EQ(told[0].value, 0);
	EXPECT_GT(drops(1, HakeDrop::password_index), 10U);
	const Strangers strangers =
		cluster.node(1).handshake().strangers(cluster.now() + seconds{100}); // its own clock
	ASSERT_EQ(strangers.size(), 1U);
	EXPECT_EQ(strangers[0].obstacle, Obstacle::password_index);

	// The first is given the password the other has.
	cluster.give(0, PasswordsChanged{indexes({0, 1})});
	EXPECT_LE(form(seconds{10}), seconds{5});
	EXPECT_TRUE(cluster.node(1).handshake().strangers(cluster.now() + seconds{100}).empty());
}

TEST_F(PasswordIndexes, Q7_a_roll_over_in_any_order_loses_nobody)
{
	// Each of four adds index 1, then prefers it, then forgets index 0; everybody gets new keys after each change.
	std::vector<std::size_t> order{0, 1, 2, 3};
	do {
		SCOPED_TRACE(testing::PrintToString(order));
		members(4);
		start_all();
		ASSERT_LE(form(seconds{5}), seconds{1});
		for (const Indexes &now : {indexes({0, 1}), indexes({1, 0}), indexes({1})})
			for (const std::size_t member : order) {
				cluster.give(member, PasswordsChanged{now});
				cluster.give(member, Rekey{});
				for (int i = 0; i < 20; ++i) {
					cluster.run_for(milliseconds{10});
					ASSERT_TRUE(everybody_hears_everybody());
				}
			}
		cluster.run_for(seconds{10});
		expect_nobody_lost();
		for (std::size_t member = 0; member < cluster.size(); ++member) {
			EXPECT_EQ(cluster.notices(member, NoticeKind::rekeyed).size(), 12U * 3U / 2U) << member;
			EXPECT_EQ(drops(member, HakeDrop::password_index), 0U) << member;
		}
	} while (std::next_permutation(order.begin(), order.end()));
}

} // namespace
} // namespace systole::scenario
