// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Bursts: the same bytes as one at a time, whatever the size and mixture; duplicates inside a burst; no allocation.
#include "crypto/ipsec_mb.h"
#include "tests/unit/crypto/allocation_counter.h"
#include "tests/unit/crypto/sa_pair.h"

#include <random>

namespace systole::crypto {
namespace {

using test::allocations;
using test::inner_packet;
using test::SaPair;
using test::with_trailer;

// Two SAs of each suite, as a worker has them for two links.
struct Mixture {
	Mixture()
	{
		for (int seed = 1; seed <= 2; ++seed)
			for (const Suite suite : test::all_suites)
				pairs.push_back(std::make_unique<SaPair>(
					suite, seed,
					0x01000000u + static_cast<std::uint32_t>(pairs.size()) * 0x100 + 0x100));
	}
	std::vector<std::unique_ptr<SaPair>> pairs;
};

constexpr std::size_t margin = 64;

struct Buffers {
	Buffers(Mixture &mixture, std::size_t count, std::mt19937 &random)
	{
		for (std::size_t i = 0; i < count; ++i) {
			owner.push_back(mixture.pairs[random() % mixture.pairs.size()].get());
			inner.push_back(inner_packet(1 + random() % 400, static_cast<int>(i)));
			memory.emplace_back(margin + inner.back().size() + margin, std::byte{0x5a});
			std::ranges::copy(inner.back(), memory.back().begin() + margin);
		}
	}
	[[nodiscard]] std::vector<Seal> seals()
	{
		std::vector<Seal> out;
		for (std::size_t i = 0; i < memory.size(); ++i)
			out.push_back({.sa = owner[i]->out.get(),
				       .inner = memory[i].data() + margin,
				       .inner_length = inner[i].size(),
				       .headroom = margin,
				       .tailroom = margin});
		return out;
	}
	std::vector<SaPair *> owner;
	std::vector<std::vector<std::byte>> inner, memory;
};

std::vector<Open> opens_for(const std::vector<Seal> &seals, const Buffers &buffers)
{
	std::vector<Open> out;
	for (std::size_t i = 0; i < seals.size(); ++i)
		out.push_back(
			{.sa = buffers.owner[i]->in.get(), .esp = seals[i].esp, .esp_length = seals[i].esp_length});
	return out;
}

TEST(EspBurst, gives_the_bytes_of_single_packets_for_every_size_and_mixture)
{
	std::mt19937 random(7);
	for (std::size_t count = 0; count <= 200; count += count < 66 ? 1 : 67) {
		Mixture bursting, single;
		std::mt19937 same = random;
		Buffers for_burst(bursting, count, random), for_single(single, count, same);
		EspEngine engine;
		auto seals = for_burst.seals();
		engine.seal(seals);
		auto one_by_one = for_single.seals();
		for (Seal &packet : one_by_one)
			engine.seal({&packet, 1});
		for (std::size_t i = 0; i < count; ++i) {
			ASSERT_EQ(seals[i].refusal, Refusal::none);
			ASSERT_EQ(seals[i].sequence, one_by_one[i].sequence) << i << " of " << count;
			ASSERT_EQ(seals[i].esp_length, one_by_one[i].esp_length);
			// the margins too: nothing was written outside
			ASSERT_EQ(for_burst.memory[i], for_single.memory[i]) << i << " of " << count;
		}
		auto opens = opens_for(seals, for_burst);
		engine.open(opens);
		auto opens_single = opens_for(one_by_one, for_single);
		for (Open &packet : opens_single)
			engine.open({&packet, 1});
		for (std::size_t i = 0; i < count; ++i) {
			ASSERT_EQ(opens[i].refusal, Refusal::none) << i << " of " << count;
			ASSERT_EQ(opens_single[i].refusal, Refusal::none);
			ASSERT_EQ(opens[i].sequence, seals[i].sequence);
			ASSERT_EQ(std::vector(opens[i].inner, opens[i].inner + opens[i].inner_length),
				  for_burst.inner[i]);
			ASSERT_EQ(for_burst.memory[i], for_single.memory[i]) << i << " of " << count;
		}
	}
}

TEST(EspBurst, the_narrow_and_the_wide_manager_agree_for_every_burst_size)
{
	for (const Suite suite : {Suite::null_sha1, Suite::cbc_sha1}) {
		const auto key = test::key_for(suite, 5);
		alignas(key_schedule_align) std::array<std::byte, key_schedule_bytes> memory;
		const SaKeySchedule *const keys = expand_keys(memory, suite, key);
		IpsecMb narrow(IpsecMb::max_burst + 1), wide(0);
		for (std::size_t count = 1; count <= IpsecMb::max_burst; ++count) {
			const auto run = [&](IpsecMb &ciphers) {
				std::vector<std::vector<std::byte>> packets;
				std::vector<CipherJob> jobs;
				for (std::size_t i = 0; i < count; ++i)
					packets.push_back(inner_packet(8 + 16 + 16 * (1 + (i * 7) % 20) + 12,
								       static_cast<int>(i)));
				for (auto &packet : packets)
					jobs.push_back({keys, packet.data(), packet.size() - 12,
							packet.data() + packet.size() - 12});
				if (suite == Suite::cbc_sha1)
					ciphers.encrypt_cbc(jobs);
				ciphers.authenticate(jobs);
				auto sealed = packets;
				if (suite == Suite::cbc_sha1)
					ciphers.decrypt_cbc(jobs);
				return std::pair(sealed, packets);
			};
			ASSERT_EQ(run(narrow), run(wide)) << count;
		}
	}
}

TEST(EspBurst, accepts_exactly_one_of_two_packets_with_the_same_sequence_number)
{
	for (const Suite suite : test::all_suites) {
		SaPair pair(suite);
		// different packets, same number: only a broken or cloned sender makes them, and both are authentic
		auto first = pair.seal_as(5, inner_packet(64, 1)), second = pair.seal_as(5, inner_packet(64, 2)),
		     copy = first;
		std::vector<Open> burst;
		for (auto *esp : {&first, &second, &copy})
			burst.push_back({.sa = pair.in.get(), .esp = esp->data(), .esp_length = esp->size()});
		pair.engine.open(burst);
		EXPECT_EQ(burst[0].refusal, Refusal::none);
		EXPECT_EQ(burst[1].refusal, Refusal::replay_pre);
		EXPECT_EQ(burst[2].refusal, Refusal::replay_pre);
		EXPECT_EQ(burst[1].inner, nullptr);
		EXPECT_EQ(burst[2].inner, nullptr);
		EXPECT_EQ(pair.in->packets, 1u);
		EXPECT_EQ(std::vector(burst[0].inner, burst[0].inner + burst[0].inner_length), inner_packet(64, 1));
	}
}

TEST(EspBurst, a_forged_packet_in_front_does_not_take_the_place_of_the_genuine_one)
{
	for (const Suite suite : test::all_suites) {
		SaPair pair(suite);
		auto genuine = pair.seal(inner_packet(64)), forged = genuine;
		forged.back() ^= std::byte{1};
		auto late_forged = forged;
		std::vector<Open> burst;
		for (auto *esp : {&forged, &genuine, &late_forged})
			burst.push_back({.sa = pair.in.get(), .esp = esp->data(), .esp_length = esp->size()});
		pair.engine.open(burst);
		EXPECT_EQ(burst[0].refusal, Refusal::icv);
		EXPECT_EQ(burst[1].refusal, Refusal::none);
		EXPECT_EQ(burst[2].refusal, Refusal::icv);
	}
}

TEST(EspBurst, refuses_each_bad_packet_for_its_own_reason_and_takes_the_rest)
{
	for (const Suite suite : test::all_suites) {
		SaPair pair(suite);
		ASSERT_EQ(pair.open(pair.seal(inner_packet(64))), Refusal::none);
		struct Case {
			Refusal expected;
			std::vector<std::byte> esp;
		};
		std::vector<Case> cases;
		for (std::uint32_t round = 0; round < 8; ++round) {
			const std::uint32_t base = 10 + round * 10;
			cases.push_back({Refusal::none, pair.seal_as(base, inner_packet(64))});
			cases.push_back({Refusal::len, std::vector<std::byte>(23)});
			cases.push_back({Refusal::replay_pre, pair.seal_as(1, inner_packet(64))});
			cases.push_back({Refusal::icv, pair.seal_as(base + 1, inner_packet(64))});
			cases.back().esp.back() ^= std::byte{1};
			cases.push_back(
				{Refusal::pad, pair.crafted(base + 2, std::vector<std::byte>(16, std::byte{200}))});
			cases.push_back({Refusal::nh,
					 pair.crafted(base + 3, with_trailer(suite, inner_packet(64), std::byte{6}))});
			cases.push_back({Refusal::dummy,
					 pair.crafted(base + 4, with_trailer(suite, inner_packet(64), std::byte{59}))});
			cases.push_back({Refusal::none, pair.seal_as(base + 5, inner_packet(64))});
		}
		std::vector<Open> burst;
		for (Case &one : cases)
			burst.push_back({.sa = pair.in.get(), .esp = one.esp.data(), .esp_length = one.esp.size()});
		pair.engine.open(burst);
		for (std::size_t i = 0; i < cases.size(); ++i)
			EXPECT_EQ(burst[i].refusal, cases[i].expected) << "packet " << i;
		EXPECT_EQ(pair.in->packets, 1u + 3 * 8);
	}
}

TEST(EspBurst, R13_stops_in_the_middle_of_a_burst_when_the_numbers_end)
{
	Mixture mixture;
	SaPair &ending = *mixture.pairs[1], &other = *mixture.pairs[2];
	ending.out->set_next_sequence(0xfffffffe);
	std::vector<std::vector<std::byte>> memory(8, std::vector<std::byte>(256));
	std::vector<Seal> burst;
	for (std::size_t i = 0; i < memory.size(); ++i)
		burst.push_back({.sa = (i % 2 == 0 ? ending : other).out.get(),
				 .inner = memory[i].data() + 64,
				 .inner_length = 100,
				 .headroom = 64,
				 .tailroom = 64});
	ending.engine.seal(burst);
	const Refusal expected[] = {Refusal::none,      Refusal::none, Refusal::none,      Refusal::none,
				    Refusal::exhausted, Refusal::none, Refusal::exhausted, Refusal::none};
	for (std::size_t i = 0; i < burst.size(); ++i)
		EXPECT_EQ(burst[i].refusal, expected[i]) << i;
	EXPECT_EQ(burst[2].sequence, 0xffffffffu);
	EXPECT_EQ(other.out->next_sequence(), 5u);
}

TEST(EspBurst, allocates_nothing)
{
	std::mt19937 random(3);
	Mixture mixture;
	EspEngine engine;
	for (const std::size_t count : {1, 7, 64, 130}) {
		Buffers buffers(mixture, count, random);
		auto seals = buffers.seals();
		const std::size_t before_seal = allocations();
		engine.seal(seals);
		EXPECT_EQ(allocations(), before_seal);
		auto opens = opens_for(seals, buffers);
		const std::size_t before_open = allocations();
		engine.open(opens);
		EXPECT_EQ(allocations(), before_open);
		EXPECT_TRUE(std::ranges::all_of(opens, [](const Open &open) { return open.refusal == Refusal::none; }));
	}
	const std::size_t before = allocations();
	const auto probe = std::make_unique<int>(1);
	EXPECT_GT(allocations(), before); // the counter counts
}

} // namespace
} // namespace systole::crypto
