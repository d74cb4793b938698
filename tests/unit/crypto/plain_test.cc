// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The suite without protection: ESP's framing, numbers and trailer are there, and nothing else is.
#include "tests/unit/crypto/sa_pair.h"

namespace systole::crypto {
namespace {

using test::inner_packet;
using test::SaPair;

TEST(PlainSuite, carries_the_inner_packet_as_it_is_between_header_and_trailer)
{
	SaPair pair(Suite::plain);
	for (std::size_t length = 1; length < 300; ++length) {
		const auto inner = inner_packet(length, static_cast<int>(length));
		const auto esp = pair.seal(inner);
		ASSERT_EQ(esp.size(), esp_length_of(Suite::plain, length));
		EXPECT_EQ(load_be32(esp.data()), pair.spi);
		EXPECT_EQ(load_be32(esp.data() + 4), length); // the sequence number
		EXPECT_TRUE(std::equal(inner.begin(), inner.end(), esp.begin() + 8));
		EXPECT_EQ(esp.back(), std::byte{4});
		ASSERT_EQ(pair.open(esp), Refusal::none);
		EXPECT_EQ(pair.opened(), inner);
	}
	EXPECT_EQ(pair.engine.integrity_checks(), 0U);
}

TEST(PlainSuite, refuses_duplicates_numbers_behind_the_window_and_zero)
{
	SaPair pair(Suite::plain);
	for (std::uint32_t sequence = 1; sequence <= 130; ++sequence) {
		const auto esp = pair.seal(inner_packet(40));
		ASSERT_EQ(pair.open(esp), Refusal::none);
		ASSERT_EQ(pair.open(esp), Refusal::replay_pre);
	}
	ASSERT_EQ(pair.open(pair.seal_as(5000, inner_packet(40))), Refusal::none);
	EXPECT_EQ(pair.open(pair.seal_as(5000 - 1023, inner_packet(40))), Refusal::none);
	EXPECT_EQ(pair.open(pair.seal_as(5000 - 1024, inner_packet(40))), Refusal::replay_pre);
	auto zero = pair.seal_as(6000, inner_packet(40));
	store_be32(zero.data() + 4, 0);
	EXPECT_EQ(pair.open(zero), Refusal::replay_pre);
}

TEST(PlainSuite, refuses_what_is_no_esp_packet)
{
	SaPair pair(Suite::plain);
	const auto esp = pair.seal(inner_packet(31)); // 3 bytes of padding
	for (std::size_t length = 0; length < esp.size(); ++length) {
		const Refusal refusal = pair.open({esp.begin(), esp.begin() + static_cast<std::ptrdiff_t>(length)});
		if (length % 4 != 0 || length < 12) {
			EXPECT_EQ(refusal, Refusal::len) << length;
		}
	}
	auto padding = pair.seal_as(1000, inner_packet(31));
	padding[padding.size() - 3] ^= std::byte{1};
	EXPECT_EQ(pair.open(padding), Refusal::pad);
	auto header = pair.seal_as(1001, inner_packet(31));
	header.back() = std::byte{6};
	EXPECT_EQ(pair.open(header), Refusal::nh);
	auto dummy = pair.seal_as(1002, inner_packet(31));
	dummy.back() = std::byte{59};
	EXPECT_EQ(pair.open(dummy), Refusal::dummy);
}

TEST(PlainSuite, is_taken_for_no_other_and_no_other_for_it)
{
	for (const Suite suite : test::all_suites) {
		SaPair sealed(suite), plain(Suite::plain);
		// Of one length, so that only the missing tag can be the reason.
		const std::size_t icv_and_iv = shape_of(suite).icv_bytes + shape_of(suite).iv_bytes;
		EXPECT_EQ(sealed.open(plain.seal(inner_packet(62 + icv_and_iv))), Refusal::icv);
		EXPECT_NE(plain.open(sealed.seal(inner_packet(62))), Refusal::none);
		EXPECT_EQ(sealed.in->packets + plain.in->packets, 0U);
	}
}

TEST(PlainSuite, has_no_key_and_takes_none)
{
	const std::vector<std::byte> bytes(20);
	EXPECT_TRUE(make_inbound_sa({256, Suite::plain, {}}));
	EXPECT_TRUE(make_outbound_sa({256, Suite::plain, {}}));
	EXPECT_FALSE(make_inbound_sa({256, Suite::plain, bytes}));
	EXPECT_FALSE(make_inbound_sa({255, Suite::plain, {}}));
}

TEST(PlainSuite, rides_in_a_burst_beside_the_others)
{
	std::vector<std::unique_ptr<SaPair>> pairs;
	for (const Suite suite : {Suite::plain, Suite::null_sha1, Suite::cbc_sha1, Suite::gcm})
		pairs.push_back(std::make_unique<SaPair>(suite));
	std::vector<std::vector<std::byte>> packets;
	for (std::size_t i = 0; i < 60; ++i)
		packets.push_back(pairs[i % 4]->seal(inner_packet(80, static_cast<int>(i))));
	packets[17].back() ^= std::byte{1}; // suite 1
	std::vector<Open> burst;
	for (std::size_t i = 0; i < packets.size(); ++i)
		burst.push_back(
			{.sa = pairs[i % 4]->in.get(), .esp = packets[i].data(), .esp_length = packets[i].size()});
	EspEngine engine;
	engine.open(burst);
	for (std::size_t i = 0; i < packets.size(); ++i) {
		ASSERT_EQ(burst[i].refusal, i == 17 ? Refusal::icv : Refusal::none) << i;
		if (i != 17) {
			EXPECT_EQ(std::vector(burst[i].inner, burst[i].inner + burst[i].inner_length),
				  inner_packet(80, static_cast<int>(i)));
		}
	}
	EXPECT_EQ(engine.integrity_checks(), 45U);
}

TEST(EspLength, is_what_seal_makes_of_it)
{
	for (const Suite suite : {Suite::plain, Suite::null_sha1, Suite::cbc_sha1, Suite::gcm}) {
		SaPair pair(suite);
		for (std::size_t length = 1; length < 200; ++length)
			ASSERT_EQ(pair.seal(inner_packet(length)).size(), esp_length_of(suite, length)) << length;
	}
}

} // namespace
} // namespace systole::crypto
