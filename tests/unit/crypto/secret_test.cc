// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Secrets end where they should: Secret<N> wipes on destruction and move, SAs live in locked memory outside core
// dumps, and nothing of a key is found in the process once the SA is gone.
#include "crypto/hake.h"
#include "crypto/locked_memory.h"
#include "tests/unit/crypto/sa_pair.h"

#include <fcntl.h>
#include <unistd.h>

#include <concepts>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <type_traits>

namespace systole::crypto {
namespace {

template <typename T>
concept Printable = requires(std::ostream &out, const T &value)
{
	out << value;
};
template <typename T>
concept EqualityComparable = requires(const T &a, const T &b)
{
	a == b;
};

static_assert(!std::is_copy_constructible_v<Secret<32>> && !std::is_copy_assignable_v<Secret<32>>);
static_assert(std::is_nothrow_move_constructible_v<Secret<32>> && std::is_nothrow_move_assignable_v<Secret<32>>);
static_assert(!std::is_convertible_v<Bytes, Secret<32>>, "only on purpose");
static_assert(!Printable<Secret<32>> && !EqualityComparable<Secret<32>>);
static_assert(!std::is_copy_constructible_v<SessionSecrets> && !std::is_copy_constructible_v<OwnShare>);
static_assert(!std::is_copy_constructible_v<InboundSa> && !std::is_copy_constructible_v<OutboundSa>);

const std::vector<std::byte> pattern(32, std::byte{0xa7});

template <typename T> bool all_zero(const T &bytes)
{
	return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

TEST(Secret, is_wiped_when_it_ends)
{
	auto secret = std::make_unique<Secret<32>>(pattern);
	// volatile: the secret is gone, the bytes are what matters; its place in the pool stays mapped
	const volatile std::byte *const bytes = secret->bytes().data();
	EXPECT_TRUE(bytes[0] == pattern[0] && bytes[31] == pattern[31]);
	secret.reset();
	for (std::size_t i = 0; i < 32; ++i)
		EXPECT_TRUE(bytes[i] == std::byte{0}) << i;
}

TEST(Secret, leaves_nothing_behind_when_it_moves)
{
	Secret<32> from(pattern);
	Secret<32> to(std::move(from));
	EXPECT_TRUE(all_zero(from.bytes())); // NOLINT: that is the point
	EXPECT_TRUE(equal_constant_time(to.bytes(), pattern));
	Secret<32> third;
	third = std::move(to);
	EXPECT_TRUE(all_zero(to.bytes())); // NOLINT
	EXPECT_TRUE(equal_constant_time(third.bytes(), pattern));
	Secret<32> &itself = third;
	third = std::move(itself);
	EXPECT_TRUE(equal_constant_time(third.bytes(), pattern));
}

TEST(Bytes, compare_equal_only_with_the_same_length_and_contents)
{
	const std::vector a(4, std::byte{0x61});
	for (std::size_t i = 0; i < 4 * 8; ++i) {
		auto b = a;
		b[i / 8] ^= static_cast<std::byte>(1 << i % 8);
		EXPECT_FALSE(equal_constant_time(a, b)) << i;
	}
	EXPECT_TRUE(equal_constant_time(a, a));
	EXPECT_FALSE(equal_constant_time(a, Bytes(a).first(3)));
	EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Bytes, random_ones_differ_and_fill_any_length)
{
	std::vector<std::byte> a(100'000), b(100'000);
	random_bytes(a);
	random_bytes(b);
	EXPECT_NE(a, b);
	EXPECT_FALSE(all_zero(std::span(a).last(32)));
	random_bytes({});
}

// The mapping of this process that holds an address: its flags as /proc/self/smaps shows them.
std::string mapping_flags(const void *address)
{
	std::ifstream smaps("/proc/self/smaps");
	bool inside = false;
	for (std::string line; std::getline(smaps, line);) {
		unsigned long long from = 0, to = 0;
		if (std::sscanf(line.c_str(), "%llx-%llx ", &from, &to) == 2 && line.find('-') < line.find(' '))
			inside = from <= reinterpret_cast<std::uintptr_t>(address) &&
				 reinterpret_cast<std::uintptr_t>(address) < to;
		else if (inside && line.starts_with("VmFlags:"))
			return line;
	}
	return {};
}

TEST(SaMemory, is_locked_and_left_out_of_core_dumps)
{
	const test::SaPair pair(Suite::cbc_sha1);
	for (const void *sa : {static_cast<const void *>(pair.in.get()), static_cast<const void *>(pair.out.get())}) {
		const std::string flags = mapping_flags(sa);
#ifndef __SANITIZE_ADDRESS__                                              // which turns mlock into nothing
		EXPECT_NE(flags.find(" lo"), std::string::npos) << flags; // locked
#endif
		EXPECT_NE(flags.find(" dd"), std::string::npos) << flags; // do not dump
	}
	const std::vector<std::byte> ordinary(1 << 20);
	EXPECT_EQ(mapping_flags(ordinary.data()).find(" dd"), std::string::npos);
}

TEST(Hostile, Z1_what_is_stretched_from_the_password_and_every_exchange_secret_is_locked_and_not_dumped)
{
	const auto prs = derive_prs("a password of many words", 7, "group");
	ASSERT_TRUE(prs);
	const OwnShare own = make_share(*prs, ExchangeContext{.group_id = 7, .group_name = "group"});
	for (const Bytes secret : {prs->bytes(), own.scalar.bytes()}) {
		const std::string flags = mapping_flags(secret.data());
#ifndef __SANITIZE_ADDRESS__
		EXPECT_NE(flags.find(" lo"), std::string::npos) << flags;
#endif
		EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;
		EXPECT_EQ(flags.find(" ht"), std::string::npos) << flags; // no huge page of hugetlbfs
	}
}

TEST(SaMemory, is_wiped_when_the_SA_is_released)
{
	for (const Suite suite : test::all_suites) {
		test::SaPair pair(suite);
		ASSERT_EQ(pair.open(pair.seal(test::inner_packet(64))), Refusal::none);
		const Bytes inbound(reinterpret_cast<const std::byte *>(pair.in.get()), sa_slot_bytes());
		const Bytes outbound(reinterpret_cast<const std::byte *>(pair.out.get()), sa_slot_bytes());
		EXPECT_FALSE(all_zero(inbound));
		pair.in.reset();
		pair.out.reset();
		EXPECT_TRUE(all_zero(inbound)) << name_of(suite);
		EXPECT_TRUE(all_zero(outbound)) << name_of(suite);
	}
}

TEST(SaMemory, serves_more_SAs_than_one_region_holds_each_aligned_and_apart)
{
	std::vector<InboundSaPtr> sas;
	const auto key = test::key_for(Suite::gcm, 1);
	for (std::uint32_t i = 0; i < 500; ++i) {
		sas.push_back(make_inbound_sa({256 + i, Suite::gcm, key}));
		ASSERT_TRUE(sas.back());
		EXPECT_EQ(reinterpret_cast<std::uintptr_t>(sas.back().get()) % 64, 0u);
	}
	for (std::uint32_t i = 0; i < 500; ++i)
		EXPECT_EQ(sas[i]->spi(), 256 + i);
}

TEST(LockedRegion, comes_zeroed_and_rounded_to_pages)
{
	const LockedRegion region(5000);
	ASSERT_EQ(region.memory().size(), 8192u);
	EXPECT_TRUE(all_zero(region.memory()));
}

// Searches all writable memory of this process. The needle is kept inverted, so that the search does not find itself.
std::size_t occurrences_in_memory(const std::vector<std::byte> &inverted)
{
	const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		throw std::runtime_error("cannot open /proc/self/mem");
	// Static, and skipped by address: what the scan itself has read must not be found again.
	static std::array<std::byte, 1 << 16> window;
	std::ifstream maps("/proc/self/maps");
	std::size_t found = 0;
	for (std::string line; std::getline(maps, line);) {
		unsigned long long from = 0, to = 0;
		char mode[5] = {};
		if (std::sscanf(line.c_str(), "%llx-%llx %4s", &from, &to, mode) != 3 || mode[0] != 'r' ||
		    mode[1] != 'w')
			continue;
		const std::size_t overlap = inverted.size() - 1;
		for (unsigned long long at = from; at < to; at += window.size() - overlap) {
			const std::size_t want = std::min<unsigned long long>(window.size(), to - at);
			const ssize_t got = pread(memory, window.data(), want, static_cast<off_t>(at));
			if (got < static_cast<ssize_t>(inverted.size()))
				continue;
			for (std::size_t i = 0; i + inverted.size() <= static_cast<std::size_t>(got); ++i) {
				const unsigned long long here = at + i;
				const auto own = reinterpret_cast<std::uintptr_t>(window.data());
				if (here + inverted.size() > own && here < own + window.size())
					continue;
				std::size_t same = 0;
				while (same < inverted.size() && window[i + same] == ~inverted[same])
					++same;
				found += same == inverted.size();
			}
		}
	}
	close(memory);
	return found;
}

TEST(SaMemory, Q8_holds_no_key_once_the_SA_is_gone)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	GTEST_SKIP() << "a sanitizer maps terabytes of shadow, too much to search";
#endif
	// The AES keys are the first round keys of their schedules, so a live SA must be found.
	std::vector<std::byte> inverted_encryption, inverted_iv;
	OutboundSaPtr out;
	InboundSaPtr in;
	{
		Secret<52> key;
		random_bytes(key.span());
		for (std::size_t i = 0; i < 16; ++i) {
			inverted_encryption.push_back(~key.bytes()[i]);
			inverted_iv.push_back(~key.bytes()[36 + i]);
		}
		out = make_outbound_sa({0x1000, Suite::cbc_sha1, key.bytes()});
		in = make_inbound_sa({0x1000, Suite::cbc_sha1, key.bytes()});
	}
	ASSERT_TRUE(out && in);
	EspEngine engine;
	for (int i = 0; i < 3; ++i) {
		std::array<std::byte, 256> buffer{};
		Seal seal{.sa = out.get(),
			  .inner = buffer.data() + 64,
			  .inner_length = 100,
			  .headroom = 64,
			  .tailroom = 64};
		engine.seal({&seal, 1});
		Open open{.sa = in.get(), .esp = seal.esp, .esp_length = seal.esp_length};
		engine.open({&open, 1});
		ASSERT_EQ(open.refusal, Refusal::none);
	}
	EXPECT_GE(occurrences_in_memory(inverted_encryption), 2u) << "the search itself does not work";
	EXPECT_GE(occurrences_in_memory(inverted_iv), 2u);
	out.reset();
	in.reset();
	EXPECT_EQ(occurrences_in_memory(inverted_encryption), 0u);
	EXPECT_EQ(occurrences_in_memory(inverted_iv), 0u);
}

} // namespace
} // namespace systole::crypto
