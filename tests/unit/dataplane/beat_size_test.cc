// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How long beats are, and when that changes: announced, echoed, then done.
#include "dataplane/beat_size.h"

#include <gtest/gtest.h>

namespace systole::dataplane {
namespace {

constexpr unsigned patience = 6;

struct Sender {
	void beat(std::size_t content) { size.next_beat(content, ++tx, patience); }
	BeatSize size;
	std::uint64_t tx = 0;
};

TEST(BeatSize, every_length_fills_its_blocks_in_every_suite_and_fits_the_wire)
{
	for (std::size_t inner = 0; inner <= BeatSize::overhead + control::max_beat_content + BeatSize::room; ++inner) {
		const std::size_t padded = BeatSize::fit(inner);
		EXPECT_GE(padded, inner);
		EXPECT_EQ((padded + crypto::esp_trailer_bytes) % 16, 0U);
		EXPECT_LE(padded, longest_inner);
	}
	for (const crypto::Suite suite :
	     {crypto::Suite::null_sha1, crypto::Suite::cbc_sha1, crypto::Suite::gcm, crypto::Suite::plain})
		EXPECT_LE(ipv4_bytes + crypto::esp_length_of(suite, longest_inner), 1500U);
}

TEST(BeatSize, the_first_beat_of_an_sa_has_the_length_it_needs)
{
	Sender sender;
	EXPECT_GE(sender.size.for_handshake(), BeatSize::handshake); // before any beat
	sender.beat(1000);
	EXPECT_TRUE(sender.size.holds(1000));
	EXPECT_EQ(sender.size.current(), BeatSize::of_content(1000));
	EXPECT_EQ(sender.size.for_handshake(), sender.size.current());
	EXPECT_EQ(sender.size.announced(), sender.size.current());
	sender.size.restart();
	sender.beat(10);
	EXPECT_EQ(sender.size.current(), BeatSize::of_content(10));
	EXPECT_GE(sender.size.for_handshake(), BeatSize::handshake);
}

TEST(BeatSize, small_growth_needs_no_change)
{
	Sender sender;
	sender.beat(200);
	const std::size_t before = sender.size.current();
	sender.beat(200 + BeatSize::room);
	EXPECT_EQ(sender.size.current(), before);
	EXPECT_TRUE(sender.size.holds(200 + BeatSize::room)); // but room for the next growth is asked for
	EXPECT_GT(sender.size.announced(), before);
}

TEST(BeatSize, growth_is_announced_and_waits_for_the_echo_of_an_announcing_beat)
{
	Sender sender;
	sender.beat(100);
	const std::size_t before = sender.size.current();
	sender.beat(600); // number 2 announces
	EXPECT_EQ(sender.size.current(), before);
	EXPECT_FALSE(sender.size.holds(600));
	EXPECT_GE(sender.size.announced(), BeatSize::overhead + 600);
	sender.size.acknowledge(1); // the peer has not heard of it yet
	sender.beat(600);
	EXPECT_EQ(sender.size.current(), before);
	sender.size.acknowledge(2);
	sender.beat(600);
	EXPECT_TRUE(sender.size.holds(600));
	EXPECT_EQ(sender.size.announced(), sender.size.current());
}

TEST(BeatSize, content_that_grows_again_meanwhile_is_announced_anew)
{
	Sender sender;
	sender.beat(100);
	sender.beat(600);
	sender.beat(1200); // number 3
	sender.size.acknowledge(2);
	sender.beat(1200);
	EXPECT_FALSE(sender.size.holds(600)) << "what beat 2 said is no longer announced";
	sender.size.acknowledge(3);
	sender.beat(1200);
	EXPECT_TRUE(sender.size.holds(1200));
}

TEST(BeatSize, without_any_echo_it_changes_when_the_peer_would_have_lost_us)
{
	Sender sender;
	sender.beat(100);
	for (unsigned i = 0; i < patience; ++i) {
		sender.beat(600);
		EXPECT_FALSE(sender.size.holds(600)) << i;
	}
	sender.beat(600);
	EXPECT_TRUE(sender.size.holds(600));
}

TEST(BeatSize, it_shrinks_only_when_that_is_worth_it)
{
	Sender sender;
	sender.beat(600);
	const std::size_t large = sender.size.current();
	sender.beat(560);
	EXPECT_EQ(sender.size.announced(), large);
	sender.beat(100);
	EXPECT_LT(sender.size.announced(), large);
	EXPECT_EQ(sender.size.current(), large);
	sender.size.acknowledge(sender.tx);
	sender.beat(100);
	EXPECT_EQ(sender.size.current(), BeatSize::of_content(100));
}

TEST(BeatSize, numbers_that_start_again_wait_for_an_echo_of_the_new_ones)
{
	Sender sender;
	for (int i = 0; i < 100; ++i)
		sender.beat(100);
	sender.size.acknowledge(100);
	sender.beat(600);
	sender.size.renumber();
	sender.tx = 0;
	sender.beat(600);
	EXPECT_FALSE(sender.size.holds(600));
	sender.size.acknowledge(1);
	sender.beat(600);
	EXPECT_TRUE(sender.size.holds(600));
}

} // namespace
} // namespace systole::dataplane
