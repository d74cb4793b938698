// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Hostile and broken packets, one at a time: authenticity (E), replay and order (R), the end of the sequence numbers.
#include "tests/unit/crypto/sa_pair.h"

#include <random>

namespace systole::crypto {
namespace {

using test::inner_packet;
using test::reference_seal;
using test::SaPair;
using test::with_trailer;

class Esp : public test::EverySuite {
protected:
	SaPair pair{GetParam()};
	std::size_t icv_bytes = shape_of(GetParam()).icv_bytes;
};
INSTANTIATE_TEST_SUITE_P(, Esp, testing::ValuesIn(test::all_suites), test::suite_name);

// ---------------------------------------------------------------- E: authenticity

TEST_P(Esp, E1_accepts_a_genuine_packet_once)
{
	const auto inner = inner_packet(100);
	const auto esp = pair.seal(inner);
	EXPECT_EQ(pair.last_seal.sequence, 1u);
	ASSERT_EQ(pair.open(esp), Refusal::none);
	EXPECT_EQ(pair.opened(), inner);
	EXPECT_EQ(pair.last_open.sequence, 1u);
	EXPECT_EQ(pair.open(esp), Refusal::replay_pre);
	EXPECT_EQ(pair.in->packets, 1u);
	EXPECT_EQ(pair.in->bytes, esp.size());
}

TEST_P(Esp, agrees_with_openssl_for_every_length)
{
	for (std::size_t length = 1; length <= 1438; length += length < 200 ? 1 : 37) {
		const auto inner = inner_packet(length, static_cast<int>(length));
		const auto esp = pair.seal(inner);
		ASSERT_EQ(esp, reference_seal(pair.suite, pair.key, pair.spi, pair.last_seal.sequence,
					      with_trailer(pair.suite, inner)))
			<< length;
		ASSERT_EQ(pair.open(esp), Refusal::none) << length;
		ASSERT_EQ(pair.opened(), inner) << length;
	}
}

TEST_P(Esp, E2_refuses_a_packet_with_any_single_bit_flipped)
{
	// The largest inner packet that gives 120 bytes of ESP or less; the SPI's bits choose another SA, so start behind it.
	const std::size_t overhead = 8 + shape_of(pair.suite).iv_bytes + icv_bytes;
	const auto esp = pair.seal_as(2000, inner_packet((120 - overhead) / 16 * 16 - 2));
	ASSERT_LE(esp.size(), 120u);
	ASSERT_GT(esp.size(), 100u);
	for (std::size_t bit = 0; bit < esp.size() * 8; ++bit) {
		auto altered = esp;
		altered[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
		const Refusal refusal = pair.open(altered);
		EXPECT_TRUE(refusal == Refusal::icv || refusal == Refusal::replay_pre) << "bit " << bit;
		EXPECT_EQ(pair.in->window().highest(), 0u) << "bit " << bit;
	}
	EXPECT_EQ(pair.in->packets, 0u);
	EXPECT_EQ(pair.open(esp), Refusal::none);
}

TEST_P(Esp, E3_refuses_an_ICV_of_zeros_of_ones_and_of_another_packet)
{
	const auto other = pair.seal(inner_packet(64, 1));
	const auto esp = pair.seal(inner_packet(64, 2));
	const auto with_icv = [&](auto fill) {
		auto altered = esp;
		fill(altered.end() - static_cast<std::ptrdiff_t>(icv_bytes));
		return altered;
	};
	EXPECT_EQ(pair.open(with_icv([&](auto icv) { std::fill_n(icv, icv_bytes, std::byte{0}); })), Refusal::icv);
	EXPECT_EQ(pair.open(with_icv([&](auto icv) { std::fill_n(icv, icv_bytes, std::byte{0xff}); })), Refusal::icv);
	EXPECT_EQ(pair.open(with_icv([&](auto icv) {
		std::copy_n(other.end() - static_cast<std::ptrdiff_t>(icv_bytes), icv_bytes, icv);
	})),
		  Refusal::icv);
	EXPECT_EQ(pair.open(esp), Refusal::none);
}

TEST_P(Esp, E4_refuses_a_truncated_packet_of_any_length)
{
	const auto esp = pair.seal(inner_packet(100));
	for (std::size_t length = 0; length < esp.size(); ++length) {
		const Refusal refusal = pair.open({esp.begin(), esp.begin() + static_cast<std::ptrdiff_t>(length)});
		EXPECT_TRUE(refusal == Refusal::len || refusal == Refusal::icv) << length;
		if (esp.size() - length < shape_of(pair.suite).align) {
			EXPECT_EQ(refusal, Refusal::len) << length;
		}
	}
	EXPECT_EQ(pair.open(esp), Refusal::none);
}

TEST_P(Esp, refuses_every_length_below_the_minimum_and_off_the_alignment)
{
	const SuiteShape shape = shape_of(pair.suite);
	const std::size_t minimum = 8 + shape.iv_bytes + shape.align + shape.icv_bytes;
	const std::size_t expected[] = {0, 24, 52, 36}; // spec: suites 1, 2, 3
	EXPECT_EQ(minimum, expected[static_cast<std::size_t>(pair.suite)]);
	for (std::size_t length = 0; length < 200; ++length) {
		std::vector<std::byte> junk(length, std::byte{0x11});
		const bool possible = length >= minimum && (length - minimum) % shape.align == 0;
		EXPECT_EQ(pair.open(junk), possible ? Refusal::icv : Refusal::len) << length;
	}
	std::vector<std::byte> huge(70'000 / 16 * 16 + minimum % 16);
	EXPECT_EQ(pair.open(huge), Refusal::len);
}

TEST_P(Esp, E7_refuses_a_packet_that_was_moved_to_another_SA)
{
	SaPair other(pair.suite, 2, 0x01020304);
	auto esp = pair.seal(inner_packet(80));
	EXPECT_EQ(pair.open_with(*other.in, esp), Refusal::icv);
	store_be32(esp.data(), other.spi);
	EXPECT_EQ(pair.open_with(*other.in, esp), Refusal::icv);
	// same key, other SPI: the ICV covers the SPI
	EXPECT_EQ(pair.open(esp), Refusal::icv);
}

TEST_P(Esp, E8_refuses_padding_that_does_not_count_from_one)
{
	auto plaintext =
		with_trailer(pair.suite, inner_packet(pair.suite == Suite::cbc_sha1 ? 27 : 31)); // 3 bytes of padding
	std::uint32_t sequence = 0;
	if (pair.suite != Suite::cbc_sha1) {
		plaintext = inner_packet(31);
		for (const int trailer : {1, 2, 3, 3, 4})
			plaintext.push_back(static_cast<std::byte>(trailer));
	}
	ASSERT_EQ(plaintext[plaintext.size() - 2], std::byte{3});
	ASSERT_EQ(pair.open(pair.crafted(++sequence, plaintext)), Refusal::none);
	for (const auto &bad : {std::array{1, 2, 9}, std::array{0, 0, 0}, std::array{3, 2, 1}, std::array{0, 1, 2},
				std::array{2, 2, 3}}) {
		auto altered = plaintext;
		for (std::size_t i = 0; i < 3; ++i)
			altered[altered.size() - 5 + i] = static_cast<std::byte>(bad[i]);
		EXPECT_EQ(pair.open(pair.crafted(++sequence, altered)), Refusal::pad);
	}
}

TEST_P(Esp, E9_refuses_a_pad_length_that_reaches_before_the_payload)
{
	// The padding 1 .. 15 is there, only that its first byte is the last one of the IV or of the sequence number.
	std::uint32_t sequence = 1;
	std::vector<std::byte> continued(16, std::byte{4});
	for (std::size_t i = 0; i < 14; ++i)
		continued[i] = static_cast<std::byte>(i + 2);
	continued[14] = std::byte{15};
	EXPECT_EQ(pair.open(pair.crafted(sequence, continued)), Refusal::pad);
	for (const int pad_length : {15, 16, 17, 254, 255}) {
		std::vector<std::byte> plaintext(16);
		plaintext[14] = static_cast<std::byte>(pad_length);
		plaintext[15] = std::byte{4};
		EXPECT_EQ(pair.open(pair.crafted(++sequence, plaintext)), Refusal::pad) << pad_length;
	}
	EXPECT_EQ(pair.in->packets, 0u);
}

TEST_P(Esp, accepts_more_padding_than_it_would_make_itself)
{
	const auto inner = inner_packet(32);
	auto plaintext = inner;
	for (int i = 1; i <= 254; ++i)
		plaintext.push_back(static_cast<std::byte>(i));
	plaintext.push_back(std::byte{254});
	plaintext.push_back(std::byte{4});
	ASSERT_EQ(plaintext.size() % 16, 0u);
	ASSERT_EQ(pair.open(pair.crafted(1, plaintext)), Refusal::none);
	EXPECT_EQ(pair.opened(), inner);
}

TEST_P(Esp, E11_discards_a_dummy_and_refuses_other_next_headers)
{
	std::uint32_t sequence = 0;
	const auto open = [&](int next_header) {
		return pair.open(pair.crafted(
			++sequence, with_trailer(pair.suite, inner_packet(48), static_cast<std::byte>(next_header))));
	};
	EXPECT_EQ(open(4), Refusal::none);
	EXPECT_EQ(open(59), Refusal::dummy);
	for (const int other : {0, 6, 17, 41, 50, 255})
		EXPECT_EQ(open(other), Refusal::nh) << other;
	EXPECT_EQ(pair.in->packets, 2u);            // the dummy is accepted, only not delivered
	EXPECT_EQ(pair.in->window().highest(), 8u); // authentic all of them: none may come again
}

TEST_P(Esp, leaves_no_plaintext_of_a_refused_packet_in_the_buffer)
{
	const auto inner = inner_packet(64);
	const auto holds_inner = [&] { return std::ranges::search(pair.buffer, inner).begin() != pair.buffer.end(); };
	auto esp = pair.crafted(1, with_trailer(pair.suite, inner));
	esp.back() ^= std::byte{1};
	EXPECT_EQ(pair.open(esp), Refusal::icv);
	if (pair.suite != Suite::null_sha1) {
		EXPECT_FALSE(holds_inner());
	}
	EXPECT_EQ(pair.open(pair.crafted(2, with_trailer(pair.suite, inner, std::byte{6}))), Refusal::nh);
	EXPECT_FALSE(holds_inner());
	EXPECT_EQ(pair.open(pair.crafted(3, with_trailer(pair.suite, inner, std::byte{59}))), Refusal::dummy);
	EXPECT_FALSE(holds_inner());
	EXPECT_EQ(pair.open(pair.crafted(4, with_trailer(pair.suite, inner))), Refusal::none);
	EXPECT_TRUE(holds_inner());
}

TEST(EspSuites, E12_a_packet_sealed_without_encryption_is_not_taken_for_an_encrypted_one)
{
	SaPair cbc(Suite::cbc_sha1);
	// The same SPI as a suite 1 SA has other keys, because the suite goes into the key derivation.
	SaPair null(Suite::null_sha1, 9);
	EXPECT_EQ(cbc.open(null.seal(inner_packet(62))), Refusal::icv);
	// Even with the very authentication key nothing is accepted: the ICV is right then, the deciphered trailer not.
	const auto same_key = Bytes(cbc.key).subspan(16, 20);
	for (std::uint32_t sequence = 1; sequence <= 20; ++sequence) {
		const auto plaintext = with_trailer(Suite::cbc_sha1, inner_packet(90, static_cast<int>(sequence)));
		std::vector<std::byte> long_enough(plaintext); // 8 + 112 + 12: a possible length for both suites
		long_enough.insert(long_enough.begin(), 16, std::byte{0});
		const auto forged = reference_seal(Suite::null_sha1, same_key, cbc.spi, sequence, long_enough);
		const Refusal refusal = cbc.open(forged);
		EXPECT_TRUE(refusal == Refusal::pad || refusal == Refusal::nh) << sequence;
	}
	EXPECT_EQ(cbc.in->packets, 0u);
}

// ---------------------------------------------------------------- R: replay, order, sequence

TEST_P(Esp, R1_refuses_the_immediate_duplicate_of_130_packets)
{
	for (std::uint32_t sequence = 1; sequence <= 130; ++sequence) {
		const auto esp = pair.seal(inner_packet(40));
		ASSERT_EQ(pair.last_seal.sequence, sequence);
		ASSERT_EQ(pair.open(esp), Refusal::none);
		ASSERT_EQ(pair.open(esp), Refusal::replay_pre) << sequence;
	}
}

TEST_P(Esp, R2_R3_R6_takes_1023_behind_the_newest_and_not_1024)
{
	const auto inner = inner_packet(40);
	ASSERT_EQ(pair.open(pair.seal_as(5000, inner)), Refusal::none);
	EXPECT_EQ(pair.open(pair.seal_as(5000 - 1023, inner)), Refusal::none);
	EXPECT_EQ(pair.open(pair.seal_as(5000 - 1024, inner)), Refusal::replay_pre);
	EXPECT_EQ(pair.open(pair.seal_as(5000 - 1025, inner)), Refusal::replay_pre);
	EXPECT_EQ(pair.open(pair.seal_as(5000 + 1'000'000, inner)), Refusal::none);
	EXPECT_EQ(pair.open(pair.seal_as(5001, inner)), Refusal::replay_pre);
}

TEST_P(Esp, R4_takes_a_permutation_once_each)
{
	std::vector<std::vector<std::byte>> packets;
	for (int i = 0; i < 512; ++i)
		packets.push_back(pair.seal(inner_packet(40, i)));
	std::ranges::shuffle(packets, std::mt19937(4));
	for (const auto &esp : packets)
		ASSERT_EQ(pair.open(esp), Refusal::none);
	for (const auto &esp : packets)
		ASSERT_EQ(pair.open(esp), Refusal::replay_pre);
}

TEST_P(Esp, R5_refuses_sequence_number_zero_even_with_a_right_ICV)
{
	EXPECT_EQ(pair.open(pair.crafted(0, with_trailer(pair.suite, inner_packet(40)))), Refusal::replay_pre);
	EXPECT_EQ(pair.in->window().highest(), 0u);
}

TEST_P(Esp, R8_R9_a_forged_high_sequence_number_does_not_move_the_window)
{
	ASSERT_EQ(pair.open(pair.seal_as(100, inner_packet(40))), Refusal::none);
	auto forged = pair.seal_as(0xfffffffe, inner_packet(40));
	forged.back() ^= std::byte{0x80};
	EXPECT_EQ(pair.open(forged), Refusal::icv);
	EXPECT_EQ(pair.in->window().highest(), 100u);
	EXPECT_EQ(pair.open(pair.seal_as(101, inner_packet(40))), Refusal::none);
}

TEST_P(Esp, R10_a_million_replays_do_not_age_the_SA)
{
	const auto esp = pair.seal(inner_packet(40));
	ASSERT_EQ(pair.open(esp), Refusal::none);
	const std::uint64_t packets = pair.in->packets, bytes = pair.in->bytes;
	// A replay is refused before anything is written, so the same buffer serves for all.
	auto copy = esp;
	std::array<Open, 50> burst;
	for (int i = 0; i < 1'000'000; i += static_cast<int>(burst.size())) {
		burst.fill({.sa = pair.in.get(), .esp = copy.data(), .esp_length = copy.size()});
		pair.engine.open(burst);
		ASSERT_TRUE(std::ranges::all_of(burst,
						[](const Open &open) { return open.refusal == Refusal::replay_pre; }));
	}
	EXPECT_EQ(copy, esp);
	EXPECT_EQ(pair.in->packets, packets);
	EXPECT_EQ(pair.in->bytes, bytes);
}

TEST_P(Esp, R12_goes_on_through_the_soft_limit)
{
	pair.out->set_next_sequence(0x7fffffff);
	for (const std::uint32_t expected : {0x7fffffffu, 0x80000000u, 0x80000001u}) {
		const auto esp = pair.seal(inner_packet(40));
		EXPECT_EQ(pair.last_seal.sequence, expected);
		EXPECT_EQ(pair.open(esp), Refusal::none);
	}
	EXPECT_EQ(pair.out->next_sequence(), 0x80000002u);
}

TEST_P(Esp, R13_stops_behind_the_last_sequence_number_and_never_wraps)
{
	pair.out->set_next_sequence(0xffffffff);
	EXPECT_EQ(pair.open(pair.seal(inner_packet(40))), Refusal::none);
	EXPECT_EQ(pair.last_seal.sequence, 0xffffffffu);
	EXPECT_EQ(pair.out->next_sequence(), 0u);
	for (int i = 0; i < 3; ++i) {
		std::vector<std::byte> untouched(200, std::byte{0x5a});
		Seal packet{.sa = pair.out.get(),
			    .inner = untouched.data() + 64,
			    .inner_length = 40,
			    .headroom = 64,
			    .tailroom = 64};
		pair.engine.seal({&packet, 1});
		EXPECT_EQ(packet.refusal, Refusal::exhausted);
		EXPECT_EQ(packet.esp, nullptr);
		EXPECT_EQ(packet.esp_length, 0u);
		EXPECT_EQ(untouched, std::vector<std::byte>(200, std::byte{0x5a}));
	}
	EXPECT_EQ(pair.out->next_sequence(), 0u);
}

// ---------------------------------------------------------------- room

TEST_P(Esp, never_writes_outside_the_room_it_is_given_and_uses_no_number_when_refusing)
{
	const SuiteShape shape = shape_of(pair.suite);
	for (std::size_t length = 1; length <= 64; ++length) {
		const std::size_t pad = (shape.align - (length + 2) % shape.align) % shape.align;
		const std::size_t head = 8 + shape.iv_bytes, tail = pad + 2 + shape.icv_bytes;
		ASSERT_LE(head, seal_headroom);
		ASSERT_LE(tail, seal_tailroom);
		for (const auto &[less_head, less_tail] : {std::pair{0, 0}, std::pair{1, 0}, std::pair{0, 1}}) {
			constexpr std::size_t margin = 64;
			std::vector<std::byte> buffer(margin + length + margin, std::byte{0x5a});
			const std::uint32_t before = pair.out->next_sequence();
			Seal packet{.sa = pair.out.get(),
				    .inner = buffer.data() + margin,
				    .inner_length = length,
				    .headroom = head - static_cast<std::size_t>(less_head),
				    .tailroom = tail - static_cast<std::size_t>(less_tail)};
			pair.engine.seal({&packet, 1});
			const bool fits = less_head == 0 && less_tail == 0;
			ASSERT_EQ(packet.refusal, fits ? Refusal::none : Refusal::room) << length;
			ASSERT_EQ(pair.out->next_sequence(), before + (fits ? 1 : 0));
			const std::size_t first = fits ? margin - head : margin,
					  last = fits ? margin + length + tail : margin + length;
			for (std::size_t i = 0; i < buffer.size(); ++i) {
				if (i < first || i >= last) {
					ASSERT_EQ(buffer[i], std::byte{0x5a}) << "length " << length << " byte " << i;
				}
			}
		}
	}
}

TEST_P(Esp, refuses_an_empty_inner_packet_and_one_no_IPv4_packet_could_carry)
{
	std::vector<std::byte> buffer(70'000);
	for (const std::size_t length : {std::size_t{0}, std::size_t{65'515}, std::size_t{66'000}, ~std::size_t{0}}) {
		Seal packet{.sa = pair.out.get(),
			    .inner = buffer.data() + 64,
			    .inner_length = length,
			    .headroom = 64,
			    .tailroom = 64};
		pair.engine.seal({&packet, 1});
		EXPECT_EQ(packet.refusal, Refusal::room) << length;
	}
	EXPECT_EQ(pair.out->next_sequence(), 1u);
	const auto longest = inner_packet(65'400);
	EXPECT_EQ(pair.open(pair.seal(longest)), Refusal::none);
	EXPECT_EQ(pair.opened(), longest);
}

// ---------------------------------------------------------------- making SAs

TEST(Sa, is_refused_for_a_reserved_SPI_a_wrong_key_length_and_no_suite)
{
	const std::vector<std::byte> bytes(64);
	for (const Suite suite : test::all_suites) {
		const std::size_t right = shape_of(suite).key_bytes;
		EXPECT_TRUE(make_inbound_sa({256, suite, Bytes(bytes).first(right)}));
		EXPECT_TRUE(make_outbound_sa({256, suite, Bytes(bytes).first(right)}));
		EXPECT_FALSE(make_inbound_sa({255, suite, Bytes(bytes).first(right)}));
		EXPECT_FALSE(make_outbound_sa({0, suite, Bytes(bytes).first(right)}));
		EXPECT_FALSE(make_inbound_sa({256, suite, Bytes(bytes).first(right - 1)}));
		EXPECT_FALSE(make_outbound_sa({256, suite, Bytes(bytes).first(right + 1)}));
	}
	EXPECT_FALSE(make_inbound_sa({256, Suite::none, {}}));
	EXPECT_FALSE(make_outbound_sa({256, Suite::none, {}}));
}

} // namespace
} // namespace systole::crypto
