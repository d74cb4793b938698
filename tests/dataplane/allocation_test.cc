// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// After start a turn allocates nothing, whatever it has to do.
#include "tests/dataplane/wire.h"
#include "tests/unit/crypto/allocation_counter.h"

#include <gtest/gtest.h>

namespace systole::dataplane::testing {
namespace {

TEST(Allocation, no_turn_allocates)
{
	Pair pair(2);
	pair.connect();
	pair.run_for(std::chrono::milliseconds{100});
	(void)pair.a->events();
	(void)pair.b->events();
	pair.say(*pair.a, "news", true);
	const auto before = crypto::test::allocations();
	ASSERT_GT(before, 0U);
	for (int i = 0; i < 2000; ++i) {
		pair.now += tick;
		pair.a->turn(pair.now);
		if (i % 400 < 350) // b is lost and found again, and sometimes away
			pair.b->turn(pair.now);
	}
	EXPECT_EQ(crypto::test::allocations(), before);
	EXPECT_GT(pair.a->channel->counters.beats, 190U);
}

} // namespace
} // namespace systole::dataplane::testing
