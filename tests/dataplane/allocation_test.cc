// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// After start a turn allocates nothing, whatever it has to do.
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocations{0};
}

void *operator new(std::size_t size)
{
	allocations.fetch_add(1, std::memory_order_relaxed);
	if (void *memory = std::malloc(size == 0 ? 1 : size))
		return memory;
	throw std::bad_alloc();
}
void operator delete(void *memory) noexcept
{
	std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

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
	const auto before = allocations.load();
	for (int i = 0; i < 2000; ++i) {
		pair.now += tick;
		pair.a->turn(pair.now);
		if (i % 400 < 350) // b is lost and found again, and sometimes away
			pair.b->turn(pair.now);
	}
	EXPECT_EQ(allocations.load(), before);
	EXPECT_GT(pair.a->channel->counters.beats, 190U);
}

} // namespace
} // namespace systole::dataplane::testing
