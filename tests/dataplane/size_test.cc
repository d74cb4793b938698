// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// All beats of a link have one length; when the content outgrows it, the next one is announced, and no beat is lost.
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace systole::dataplane::testing {
namespace {

using control::Drop;
using control::PeerBeat;
using control::PeerLink;
using std::chrono::milliseconds;

class Sizes : public ::testing::TestWithParam<crypto::Suite> {
protected:
	void SetUp() override
	{
		pair = std::make_unique<Pair>(1, GetParam());
		pair->connect();
		pair->run_for(milliseconds{100});
		(void)pair->a->events();
		(void)pair->b->events();
	}
	void a_says(std::size_t length) { pair->say(*pair->a, std::string(length, 'x')); }
	// Runs with a hand on both directions of the wire; each frame passes if its predicate says so.
	template <typename ToB, typename ToA> void run(Duration duration, ToB to_b, ToA to_a)
	{
		for (const Time end = pair->now + duration; pair->now < end; pair->now += tick) {
			pair->a->turn(pair->now);
			pass(*pair->a_to_b[0], to_b);
			pair->b->turn(pair->now);
			pass(*pair->b_to_a[0], to_a);
		}
	}
	template <typename Choose> static void pass(Wire &wire, Choose choose)
	{
		for (const Bytes &frame : wire.take())
			if (choose(frame))
				wire.put(frame);
	}
	// The last content b has told its control.
	std::size_t told()
	{
		for (const PeerBeat &event : only<PeerBeat>(pair->b->events()))
			m_told = event.length;
		return m_told;
	}

	std::unique_ptr<Pair> pair;

private:
	std::size_t m_told = 0;
};
INSTANTIATE_TEST_SUITE_P(Suites, Sizes,
			 ::testing::Values(crypto::Suite::null_sha1, crypto::Suite::cbc_sha1, crypto::Suite::gcm,
					   crypto::Suite::plain),
			 [](const ::testing::TestParamInfo<crypto::Suite> &suite) {
				 return test_name_of(suite.param);
			 });

TEST_P(Sizes, all_beats_have_one_length_whatever_they_say)
{
	std::set<std::size_t> lengths;
	const auto look = [&](const Bytes &frame) { return lengths.insert(frame.size()), true; };
	const auto any = [](const Bytes &) { return true; };
	for (const std::size_t length : {1, 20, 15, 2, 19, 11}) {
		a_says(length);
		run(milliseconds{50}, look, any);
	}
	EXPECT_EQ(lengths.size(), 1U);
	EXPECT_EQ(*lengths.begin(),
		  ethernet_bytes + ipv4_bytes + crypto::esp_length_of(GetParam(), BeatSize::of_content(11)));
}

TEST_P(Sizes, growth_and_shrinking_lose_no_beat_and_no_news)
{
	const auto lost_before = pair->b->all_drops();
	for (const std::size_t length :
	     {std::size_t{300}, std::size_t{301}, std::size_t{1000}, control::max_beat_content, std::size_t{20},
	      control::max_beat_content, std::size_t{700}, std::size_t{1}}) {
		a_says(length);
		pair->run_for(4 * interval);
		EXPECT_EQ(told(), length);
	}
	EXPECT_EQ(pair->b->all_drops(), lost_before);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

TEST_P(Sizes, growth_in_the_middle_of_heavy_loss_drops_nothing_for_its_length)
{
	std::mt19937 random(20261124);
	const auto lossy = [&](const Bytes &) { return random() % 10 < 6; };
	for (int round = 0; round < 40; ++round) {
		const std::size_t length = 1 + random() % control::max_beat_content;
		a_says(length);
		run(milliseconds{200}, lossy, lossy);
		EXPECT_EQ(told(), length) << round;
	}
	EXPECT_EQ(pair->b->drops(Drop::esp_size), 0U);
}

TEST_P(Sizes, a_member_that_hears_nobody_still_gets_its_news_through)
{
	const auto all = [](const Bytes &) { return true; };
	const auto none = [](const Bytes &) { return false; };
	a_says(800);
	run((2 * lost_threshold + 3) * interval, all, none);
	EXPECT_EQ(told(), 800U);
	EXPECT_EQ(pair->b->drops(Drop::esp_size), 0U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

TEST_P(Sizes, what_was_announced_during_a_cut_is_understood_after_it)
{
	const auto none = [](const Bytes &) { return false; };
	a_says(800);
	run(milliseconds{500}, none, none);
	(void)pair->b->events();
	pair->run_for(2 * interval);
	EXPECT_EQ(told(), 800U);
	EXPECT_EQ(pair->b->drops(Drop::esp_size), 0U);
}

// A shorter cut than the dead interval, in which all announcements and the change fall: b takes nothing of the new
// length until it would count the link as lost, and no longer than that.
TEST_P(Sizes, a_member_that_missed_every_announcement_is_deaf_for_a_dead_interval_at_most)
{
	const auto all = [](const Bytes &) { return true; };
	const auto none = [](const Bytes &) { return false; };
	a_says(800);
	run((2 * lost_threshold + 2) * interval, none, none);
	const Time heard_last = pair->now;
	run(dead + 2 * interval, all, all);
	EXPECT_EQ(told(), 800U);
	EXPECT_LE(pair->now - heard_last, dead + 2 * interval);
}

TEST_P(Sizes, a_new_session_begins_at_any_length)
{
	a_says(1000);
	pair->run_for(4 * interval);
	const auto before = pair->b->all_drops();
	pair->install(2, 2);
	pair->run_for(milliseconds{100});
	EXPECT_EQ(pair->b->all_drops(), before);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

// ---------------------------------------------------------------- the suite without protection

TEST(Plain, beats_are_readable_and_keep_the_link_alive)
{
	Pair pair(2, crypto::Suite::plain);
	pair.connect();
	pair.run_for(milliseconds{100});
	const auto verdicts = only<PeerLink>(pair.b->events());
	ASSERT_EQ(verdicts.size(), 2U);
	EXPECT_EQ(verdicts[0].verdict, control::LinkVerdict::alive);
	EXPECT_EQ(pair.b->all_drops() + pair.a->all_drops(), 0U);
	EXPECT_EQ(pair.b->channel->counters.integrity_checks, 0U);
	pair.say(*pair.a, "a says this", true);
	pair.a->turn(pair.now);
	const Bytes frame = pair.a_to_b[0]->take().at(0);
	const std::string_view text(reinterpret_cast<const char *>(frame.data()), frame.size());
	EXPECT_NE(text.find("a says this"), std::string_view::npos);
}

TEST(Plain, duplicates_and_strays_of_another_session_are_dropped)
{
	Pair pair(1, crypto::Suite::plain);
	pair.connect();
	pair.run_for(milliseconds{100});
	pair.say(*pair.a, "again", true);
	pair.a->turn(pair.now);
	const Bytes frame = pair.a_to_b[0]->take().at(0);
	for (int i = 0; i < 3; ++i)
		pair.a_to_b[0]->put(frame);
	pair.b->turn(pair.now);
	EXPECT_EQ(pair.b->drops(Drop::esp_replay_pre), 2U);
	// The next boot has another SPI.
	pair.install(2, 2);
	pair.b->command(control::RemoveSession{1});
	pair.a->command(control::RemoveSession{1});
	pair.run_for(milliseconds{50});
	const auto accepted = pair.b->link(0).rx.load();
	pair.a_to_b[0]->put(frame);
	pair.b->turn(pair.now);
	EXPECT_EQ(pair.b->drops(Drop::esp_nosa), 1U);
	EXPECT_LE(pair.b->link(0).rx, accepted + 1); // a beat of the present session
}

TEST(Plain, no_packet_confirms_a_session_because_anybody_could_have_sent_it)
{
	Pair plain(1, crypto::Suite::plain);
	plain.install(1, 1, 0); // a candidate of b
	plain.start_peers(1);
	plain.say(*plain.a, "who says so?");
	plain.run_for(milliseconds{100});
	EXPECT_TRUE(only<control::SessionConfirmed>(plain.b->events()).empty());
	EXPECT_EQ(plain.b->link(0).rx, 0U);
	plain.b->command(control::BindSession{1, peer_slot}); // the key exchange said it
	plain.run_for(milliseconds{100});
	EXPECT_GT(plain.b->link(0).rx, 5U);

	Pair sealed(1, crypto::Suite::null_sha1);
	sealed.install(1, 1, 0);
	sealed.start_peers(1);
	sealed.say(*sealed.a, "a");
	sealed.run_for(milliseconds{100});
	EXPECT_EQ(only<control::SessionConfirmed>(sealed.b->events()).size(), 1U);
}

} // namespace
} // namespace systole::dataplane::testing
