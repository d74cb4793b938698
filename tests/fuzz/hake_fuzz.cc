// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: the codec of the key agreement. Input: one message as the data plane hands it up.
// What decodes is one type only, and encodes to the same bytes again but for the two that mean nothing.
#include "control/core/message.h"
#include "tests/fuzz/require.h"

#include <algorithm>

namespace systole::fuzz {

namespace {

using namespace core;

constexpr std::size_t header_zero_at = 11;
constexpr std::size_t head_zero_at = 99;

template <typename Message>
void judge(std::span<const std::byte> bytes, const std::optional<Message> &message, HakeType type, bool has_head)
{
	const auto header = decode_header(bytes);
	require(message.has_value() == (header && header->type == type), "exactly the type of the header decodes");
	if (!message)
		return;
	const HakeBytes written = encode(*message);
	require(written.length == bytes.size() && written.length == bytes_of(type), "a message has one length");
	for (std::size_t i = 0; i < bytes.size(); ++i)
		require(written.bytes[i] == bytes[i] || i == header_zero_at || (has_head && i == head_zero_at),
			"what was decoded encodes to the same bytes");
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	const auto bytes = systole::fuzz::bytes_of(data, size);
	judge(bytes, decode_hello(bytes), HakeType::hello, false);
	judge(bytes, decode_ke1(bytes), HakeType::ke1, true);
	judge(bytes, decode_ke2(bytes), HakeType::ke2, true);
	judge(bytes, decode_ke3(bytes), HakeType::ke3, false);
	return 0;
}
