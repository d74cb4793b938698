// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The window at every edge by table, and against a std::set that knows nothing of blocks.
#include "crypto/replay_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace systole::crypto {
namespace {

// RFC 4303 3.4.3 said with a set: not zero, not left of the window, not seen.
class Oracle {
public:
	explicit Oracle(std::uint32_t width) : m_width(width) {}
	[[nodiscard]] bool check(std::uint32_t sequence) const
	{
		const std::int64_t edge = std::int64_t{m_highest} - m_width; // accept edge < sequence
		return sequence != 0 && std::int64_t{sequence} > edge && !m_seen.contains(sequence);
	}
	[[nodiscard]] bool commit(std::uint32_t sequence)
	{
		if (!check(sequence))
			return false;
		m_seen.insert(sequence);
		m_highest = std::max(m_highest, sequence);
		while (!m_seen.empty() && std::int64_t{*m_seen.begin()} <= std::int64_t{m_highest} - m_width)
			m_seen.erase(m_seen.begin());
		return true;
	}

private:
	std::uint32_t m_width;
	std::uint32_t m_highest = 0;
	std::set<std::uint32_t> m_seen;
};

struct Step {
	std::uint32_t sequence;
	bool accepted;
};

template <typename Window, std::size_t N> void run_table(Window &window, const Step (&steps)[N])
{
	for (std::size_t i = 0; i < N; ++i) {
		EXPECT_EQ(window.check(steps[i].sequence), steps[i].accepted)
			<< "check, step " << i << " sequence " << steps[i].sequence;
		EXPECT_EQ(window.commit(steps[i].sequence), steps[i].accepted)
			<< "commit, step " << i << " sequence " << steps[i].sequence;
	}
}

TEST(ReplayWindow, R1_refuses_each_of_130_immediate_duplicates)
{
	ReplayWindow window;
	for (std::uint32_t sequence = 1; sequence <= 130; ++sequence) {
		EXPECT_TRUE(window.commit(sequence));
		EXPECT_FALSE(window.check(sequence)) << sequence;
		EXPECT_FALSE(window.commit(sequence)) << sequence;
	}
}

TEST(ReplayWindow, R2_R3_accepts_exactly_what_is_newer_than_T_minus_W)
{
	ReplayWindow window;
	run_table(window, {{5000, true},
			   {5000 - 1023, true},  // T-W+1
			   {5000 - 1024, false}, // T-W
			   {5000 - 1025, false},
			   {5000 - 1023, false}, // now seen
			   {4999, true}});
	EXPECT_EQ(window.highest(), 5000u);
}

TEST(ReplayWindow, R4_accepts_a_permutation_within_the_window_once)
{
	std::mt19937 random(4);
	std::vector<std::uint32_t> order;
	for (std::uint32_t sequence = 1; sequence <= 512; ++sequence)
		order.push_back(sequence);
	std::ranges::shuffle(order, random);
	ReplayWindow window;
	for (const std::uint32_t sequence : order)
		EXPECT_TRUE(window.commit(sequence)) << sequence;
	for (const std::uint32_t sequence : order)
		EXPECT_FALSE(window.check(sequence)) << sequence;
}

TEST(ReplayWindow, R5_refuses_sequence_number_zero_always)
{
	ReplayWindow window;
	run_table(window, {{0, false}, {1, true}, {0, false}, {0xffffffff, true}, {0, false}});
}

TEST(ReplayWindow, R6_forgets_everything_after_a_large_jump)
{
	ReplayWindow window;
	run_table(window, {{7, true}, {1'000'007, true}, {8, false}, {1'000'006, true}});
}

TEST(ReplayWindow, R7_agrees_with_the_oracle_after_every_jump)
{
	for (const std::uint32_t jump : {1u, 63u, 64u, 65u, 1023u, 1024u, 1088u, 2047u, 2048u, 2049u, 4096u}) {
		for (const std::uint32_t start : {1u, 63u, 64u, 65u, 1000u, 1024u, 3000u}) {
			ReplayWindow window;
			Oracle oracle(1024);
			// every third number up to start is seen, so that stale marks of an older turn of the ring would show
			for (std::uint32_t sequence = start % 3 + 1; sequence < start; sequence += 3)
				ASSERT_EQ(window.commit(sequence), oracle.commit(sequence));
			ASSERT_EQ(window.commit(start), oracle.commit(start));
			ASSERT_EQ(window.commit(start + jump), oracle.commit(start + jump));
			for (std::uint32_t sequence = start + jump + 2; sequence-- > 0;)
				ASSERT_EQ(window.commit(sequence), oracle.commit(sequence))
					<< "start " << start << " jump " << jump << " sequence " << sequence;
		}
	}
}

TEST(ReplayWindow, does_not_move_for_a_check_alone)
{
	ReplayWindow window;
	EXPECT_TRUE(window.commit(10));
	EXPECT_TRUE(window.check(0xfffffffe));
	EXPECT_EQ(window.highest(), 10u);
	EXPECT_TRUE(window.commit(11));
}

TEST(ReplayWindow, works_up_to_the_last_sequence_number)
{
	ReplayWindow window;
	run_table(window, {{0xfffffffe, true},
			   {0xffffffff, true},
			   {0xffffffff, false},
			   {1, false},
			   {0xffffffff - 1023, true},
			   {0xffffffff - 1024, false}});
}

template <std::uint32_t Width> void run_against_oracle(std::uint32_t operations)
{
	std::mt19937 random(Width);
	const auto below = [&random](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
	BasicReplayWindow<Width> window;
	Oracle oracle(Width);
	for (std::uint32_t i = 0; i < operations; ++i) {
		// Mostly around the edges of the window, sometimes a jump, rarely anything.
		const std::uint32_t top = window.highest();
		const std::uint32_t kind = below(100);
		std::uint32_t sequence = top + 1;
		if (kind >= 30)
			sequence = top - below(Width + Width / 4 + 8);
		if (kind >= 80)
			sequence = top + below(8);
		if (kind >= 96)
			sequence = top + below(3 * Width);
		if (kind == 99 && below(64) == 0)
			sequence = below(4096);
		const bool check = window.check(sequence);
		ASSERT_EQ(check, oracle.check(sequence))
			<< "W " << Width << " operation " << i << " T " << top << " sequence " << sequence;
		// A packet with a bad tag is checked and never committed.
		if (below(8) != 0) {
			ASSERT_EQ(window.commit(sequence), oracle.commit(sequence))
				<< "W " << Width << " operation " << i;
		}
		ASSERT_GE(window.highest(), top);
	}
}

TEST(ReplayWindow, R14_agrees_with_the_oracle_for_ten_million_operations)
{
	run_against_oracle<64>(2'000'000);
	run_against_oracle<100>(2'000'000);
	run_against_oracle<128>(2'000'000);
	run_against_oracle<1000>(2'000'000);
	run_against_oracle<1024>(2'000'000);
}

} // namespace
} // namespace systole::crypto
