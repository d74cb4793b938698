// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which lengths pass, and how many failed integrity checks an SA may cost.
#include "crypto/admission.h"
#include "crypto/suite.h"

#include <gtest/gtest.h>

#include <random>

namespace systole::crypto {
namespace {

constexpr std::uint32_t silence = 30'000;

TEST(Admission, any_length_passes_before_the_first_announcement)
{
	const Admission admission;
	for (const std::size_t length : {0, 24, 248, 1476, 65515})
		EXPECT_TRUE(admission.takes(length, 5, silence)) << length;
}

TEST(Admission, three_lengths_pass_and_no_other)
{
	Admission admission;
	admission.heard(100, 0, 0);
	admission.heard(200, 200, 1);
	admission.heard(200, 300, 2);
	for (std::size_t length = 0; length < 400; ++length)
		EXPECT_EQ(admission.takes(length, 3, silence), length == 100 || length == 200 || length == 300)
			<< length;
	// The announced one is used, and what was there before it is still under way.
	admission.heard(300, 300, 3);
	for (std::size_t length = 0; length < 400; ++length)
		EXPECT_EQ(admission.takes(length, 4, silence), length == 200 || length == 300) << length;
}

TEST(Admission, a_sender_that_changes_its_mind_is_followed)
{
	Admission admission;
	admission.heard(100, 300, 0);
	admission.heard(100, 500, 1);
	EXPECT_FALSE(admission.takes(300, 2, silence));
	EXPECT_TRUE(admission.takes(500, 2, silence));
	admission.heard(100, 100, 3); // or thinks better of it
	EXPECT_FALSE(admission.takes(500, 4, silence));
}

TEST(Admission, after_a_silence_any_length_passes_until_the_next_beat_also_when_the_clock_wraps)
{
	for (const std::uint32_t start : {0U, 1'000'000U, UINT32_MAX - 10'000U}) {
		Admission admission;
		admission.heard(100, 0, start);
		EXPECT_FALSE(admission.takes(200, start + silence - 1, silence));
		EXPECT_TRUE(admission.takes(200, start + silence, silence));
		admission.heard(200, 0, start + silence);
		EXPECT_FALSE(admission.takes(300, start + silence + 1, silence));
		EXPECT_TRUE(admission.takes(100, start + silence + 1, silence)); // the one before
	}
}

TEST(Admission, the_longest_esp_packet_is_not_cut_to_sixteen_bits)
{
	static_assert(esp_length_of(Suite::cbc_sha1, 1438) == 1476);
	Admission admission;
	admission.heard(65515, 65515, 0);
	EXPECT_TRUE(admission.takes(65515, 1, silence));
	EXPECT_FALSE(admission.takes(65515 + 65536, 1, silence));
	EXPECT_FALSE(admission.takes(65516, 1, silence));
}

// How many of `rate` forged packets a second are checked, once the tokens that were saved up are gone.
std::uint32_t checked_of(std::uint32_t rate, std::uint32_t per_turn)
{
	std::mt19937_64 random(20261122);
	Admission admission;
	std::uint32_t checked = 0;
	const auto turn_us = static_cast<double>(per_turn) / rate * 1e6;
	double now = 0;
	for (; now < 1.1e6; now += turn_us) {
		for (std::uint32_t i = 0; i < per_turn; ++i) {
			const auto now_us = static_cast<std::uint32_t>(now);
			if (admission.short_of_tokens() && !admission.draw(now_us, random()))
				continue;
			admission.failed(now_us);
			checked += now >= 1e5 ? 1U : 0U;
		}
	}
	return checked;
}

TEST(Admission, failures_up_to_the_refill_rate_cost_no_packet_its_check)
{
	EXPECT_NEAR(checked_of(100'000, 32), 100'000, 100);
	EXPECT_NEAR(checked_of(900'000, 256), 900'000, 1'000);
}

TEST(Admission, failures_beyond_it_are_checked_at_the_refill_rate_however_they_come)
{
	for (const std::uint32_t rate : {2'000'000U, 10'000'000U})
		for (const std::uint32_t per_turn : {1U, 32U, 256U})
			EXPECT_NEAR(checked_of(rate, per_turn), 1'000'000, 50'000) << rate << " " << per_turn;
}

// In every turn a genuine packet stands at the place the attacker likes best; its chance does not depend on it much.
TEST(Admission, no_place_in_a_turn_is_safe_from_being_checked_nor_certain_of_it)
{
	constexpr std::size_t per_turn = 256;
	constexpr std::uint32_t turn_us = 64; // four million a second: four times what is checked
	std::mt19937_64 random(7);
	Admission admission;
	std::array<unsigned, per_turn> times{};
	constexpr unsigned turns = 20'000;
	for (unsigned turn = 0; turn < turns; ++turn) {
		const std::uint32_t now_us = turn * turn_us;
		for (unsigned &place : times) {
			if (admission.short_of_tokens() && !admission.draw(now_us, random()))
				continue;
			++place;
			admission.failed(now_us);
		}
	}
	for (std::size_t place = 0; place < per_turn; ++place) {
		EXPECT_GT(times[place], turns / 6) << place;
		EXPECT_LT(times[place], turns / 3) << place;
	}
}

} // namespace
} // namespace systole::crypto
