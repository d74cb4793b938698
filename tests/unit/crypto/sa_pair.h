// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One SA from both ends, and an engine to move packets between them.
#pragma once

#include "crypto/esp.h"
#include "tests/unit/crypto/reference_esp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace systole::crypto {

// For googletest: the word instead of a byte.
inline void PrintTo(Refusal refusal, std::ostream *out)
{
	static constexpr const char *names[] = {"none", "len",   "replay_pre", "icv", "pad",
						"nh",   "dummy", "exhausted",  "room"};
	*out << names[static_cast<std::size_t>(refusal)];
}

namespace test {

inline constexpr Suite all_suites[] = {Suite::null_sha1, Suite::cbc_sha1, Suite::gcm};

[[nodiscard]] inline std::vector<std::byte> key_for(Suite suite, int seed)
{
	std::vector<std::byte> key(shape_of(suite).key_bytes);
	for (std::size_t i = 0; i < key.size(); ++i)
		key[i] = static_cast<std::byte>(seed * 31 + static_cast<int>(i) * 7 + 1);
	return key;
}

[[nodiscard]] inline std::vector<std::byte> inner_packet(std::size_t bytes, int seed = 0)
{
	std::vector<std::byte> inner(bytes);
	for (std::size_t i = 0; i < bytes; ++i)
		inner[i] = static_cast<std::byte>(static_cast<int>(i * i) + seed);
	return inner;
}

struct SaPair {
	explicit SaPair(Suite of, int seed = 1, std::uint32_t with_spi = 0x01020300)
	    : suite(of), spi(with_spi), key(key_for(of, seed)), out(make_outbound_sa({spi, suite, key})),
	      in(make_inbound_sa({spi, suite, key}))
	{
		if (!out || !in)
			throw std::runtime_error("no SA: locked memory missing?");
	}

	[[nodiscard]] std::vector<std::byte> seal(Bytes inner)
	{
		std::vector<std::byte> memory(seal_headroom + inner.size() + seal_tailroom);
		std::ranges::copy(inner, memory.begin() + seal_headroom);
		last_seal = {.sa = out.get(),
			     .inner = memory.data() + seal_headroom,
			     .inner_length = inner.size(),
			     .headroom = seal_headroom,
			     .tailroom = seal_tailroom};
		engine.seal({&last_seal, 1});
		return last_seal.refusal == Refusal::none
			       ? std::vector<std::byte>(last_seal.esp, last_seal.esp + last_seal.esp_length)
			       : std::vector<std::byte>();
	}
	// With a given sequence number, however far away.
	[[nodiscard]] std::vector<std::byte> seal_as(std::uint32_t sequence, Bytes inner)
	{
		out->set_next_sequence(sequence);
		return seal(inner);
	}
	// A genuine packet with this plaintext, trailer included.
	[[nodiscard]] std::vector<std::byte> crafted(std::uint32_t sequence, Bytes plaintext) const
	{
		return reference_seal(suite, key, spi, sequence, plaintext);
	}

	// Opens a copy of exactly the packet's size, so that a sanitizer sees a read or write beside it.
	Refusal open(const std::vector<std::byte> &esp) { return open_with(*in, esp); }
	Refusal open_with(InboundSa &sa, const std::vector<std::byte> &esp)
	{
		buffer = esp;
		buffer.shrink_to_fit();
		last_open = {.sa = &sa, .esp = buffer.data(), .esp_length = buffer.size()};
		engine.open({&last_open, 1});
		EXPECT_EQ(last_open.inner != nullptr, last_open.refusal == Refusal::none);
		EXPECT_EQ(last_open.inner_length != 0, last_open.refusal == Refusal::none);
		return last_open.refusal;
	}
	[[nodiscard]] std::vector<std::byte> opened() const
	{
		return {last_open.inner, last_open.inner + last_open.inner_length};
	}

	Suite suite;
	std::uint32_t spi;
	std::vector<std::byte> key;
	OutboundSaPtr out;
	InboundSaPtr in;
	EspEngine engine;
	Seal last_seal;
	Open last_open;
	std::vector<std::byte> buffer;
};

class EverySuite : public testing::TestWithParam<Suite> {};
[[nodiscard]] inline std::string suite_name(const testing::TestParamInfo<Suite> &info)
{
	std::string name(name_of(info.param));
	std::ranges::replace(name, '-', '_');
	return name;
}

} // namespace test
} // namespace systole::crypto
