// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/tsc_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

namespace systole::dataplane {
namespace {

std::int64_t monotonic_ns()
{
	timespec t{};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
}

// Over several re-anchorings. A reading lies between two readings of CLOCK_MONOTONIC taken around it; where another
// process came in between, the bracket is wide and proves nothing, so only tight ones are judged.
TEST(TscClock, stays_within_20_us_of_clock_monotonic_and_never_steps_back)
{
	TscClock clock;
	constexpr std::int64_t run_ns = 2'300'000'000;
	constexpr std::int64_t tight_ns = 2'000;
	constexpr std::int64_t bound_ns = 20'000;
	const std::int64_t end = monotonic_ns() + run_ns;
	std::int64_t previous = 0;
	std::int64_t worst = 0;
	std::uint64_t judged = 0;
	for (std::int64_t before = monotonic_ns(); before < end; before = monotonic_ns()) {
		const std::int64_t told = clock.now().time_since_epoch().count();
		const std::int64_t after = monotonic_ns();
		ASSERT_GE(told, previous);
		previous = told;
		if (after - before > tight_ns)
			continue;
		++judged;
		worst = std::max({worst, before - told, told - after});
	}
	RecordProperty("worst_ns", std::to_string(worst));
	std::printf("worst error %lld ns in %llu readings, counter %s\n", static_cast<long long>(worst),
		    static_cast<unsigned long long>(judged), clock.uses_counter() ? "used" : "not used");
	EXPECT_GT(judged, 1000U);
	EXPECT_LT(worst, bound_ns);
}

} // namespace
} // namespace systole::dataplane
