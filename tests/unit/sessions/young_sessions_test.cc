// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/young_sessions.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

#include <vector>

namespace systole::control::test {
namespace {

using std::chrono::seconds;

SessionRecord numbered(std::uint16_t port)
{
	return session(IPPROTO_TCP, "10.1.1.1", port, "203.0.113.9", 443);
}

struct YoungOnes : testing::Test {
	std::vector<std::uint16_t> grown_by(core::Time now)
	{
		std::vector<std::uint16_t> ports;
		young.take(now, [&](const SessionRecord &record) {
			ports.push_back(record.key.original.source_port);
			last = record;
		});
		return ports;
	}
	YoungSessions young{seconds{30}, 3, 1};
	core::Time begin{seconds{1000}};
	SessionRecord last;
};

TEST_F(YoungOnes, grow_in_the_order_they_came_as_they_are_then)
{
	EXPECT_TRUE(young.seen(numbered(1), begin));
	EXPECT_TRUE(young.seen(numbered(2), begin + seconds{5}));
	SessionRecord changed = numbered(1);
	changed.mark = 9;
	EXPECT_TRUE(young.seen(changed, begin + seconds{10}));
	EXPECT_EQ(young.next_deadline(), begin + seconds{30});
	EXPECT_TRUE(grown_by(begin + seconds{29}).empty());
	EXPECT_EQ(grown_by(begin + seconds{30}), (std::vector<std::uint16_t>{1}));
	EXPECT_EQ(last.mark, 9U);
	EXPECT_EQ(grown_by(begin + seconds{60}), (std::vector<std::uint16_t>{2}));
	EXPECT_EQ(young.next_deadline(), core::never);
}

TEST_F(YoungOnes, an_end_is_forgotten_and_a_beginning_counts_anew)
{
	EXPECT_TRUE(young.seen(numbered(1), begin));
	EXPECT_TRUE(young.ended(numbered(1).key));
	EXPECT_FALSE(young.ended(numbered(1).key));
	EXPECT_TRUE(young.seen(numbered(1), begin + seconds{20}));
	EXPECT_TRUE(grown_by(begin + seconds{49}).empty());
	EXPECT_EQ(grown_by(begin + seconds{50}).size(), 1U);
}

TEST_F(YoungOnes, hold_as_many_as_they_may_however_many_come_and_go)
{
	for (int i = 0; i < 100'000; ++i) {
		EXPECT_TRUE(young.seen(numbered(1), begin));
		EXPECT_TRUE(young.ended(numbered(1).key));
	}
	for (std::uint16_t port = 1; port <= 3; ++port)
		EXPECT_TRUE(young.seen(numbered(port), begin));
	EXPECT_FALSE(young.seen(numbered(4), begin));
	EXPECT_TRUE(young.seen(numbered(2), begin)) << "one that is held has its room";
	EXPECT_EQ(young.size(), 3U);
	EXPECT_TRUE(young.ended(numbered(1).key));
	EXPECT_TRUE(young.seen(numbered(4), begin));
	young.clear();
	EXPECT_EQ(young.size(), 0U);
	EXPECT_TRUE(grown_by(begin + seconds{60}).empty());
}

} // namespace
} // namespace systole::control::test
