// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The frames as docs/PROTOCOL.md has them, and everything that is not one.
#include "control/core/session/sync_message.h"
#include "tests/unit/core/session/session_samples.h"

#include <gtest/gtest.h>

#include <vector>

namespace systole::core {
namespace {

using Frame = std::vector<std::byte>;

Frame bytes_of(std::initializer_list<unsigned> bytes)
{
	Frame out;
	for (const unsigned byte : bytes)
		out.push_back(static_cast<std::byte>(byte));
	return out;
}

template <typename Body> Frame encoded(const SyncHead &head, const Body &body)
{
	Frame frame(max_sync_frame_bytes);
	frame.resize(encode(head, body, frame));
	return frame;
}

Frame data(const SyncHead &head, const std::vector<std::pair<SlotNumber, std::optional<SessionRecord>>> &slots)
{
	Frame frame(max_sync_frame_bytes);
	SyncDataWriter writer(head, frame);
	for (const auto &[slot, record] : slots) {
		std::array<std::byte, max_record_bytes> bytes;
		const std::size_t length = record ? encode(*record, bytes) : 0;
		EXPECT_TRUE(writer.add(slot, std::span(bytes).first(length)));
	}
	frame.resize(writer.bytes());
	return frame;
}

TEST(SyncMessage, FramesAreAsDocumented)
{
	const SyncHead head{SyncKind::open, 3, 0x0102030405060708, 9};
	EXPECT_EQ(encoded(head, SyncOpen{5, 2048}),
		  bytes_of({1, 1, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 8, 0}));
	const SyncHead told{SyncKind::data, 1, 2, 7};
	// Slots 16, 17 and 400 are empty.
	EXPECT_EQ(data(told, {{16, {}}, {17, {}}, {400, {}}}),
		  bytes_of({1, 2, 0, 1, 0, 0, 0, 0, 0,  0,    0,    2,    0, 0, 0, 0,
			    0, 0, 0, 7, 3, 0, 0, 0, 16, 0x80, 0x80, 0xff, 0, 0, 1, 0x7e}));
	EXPECT_EQ(encoded({SyncKind::fence, 0, 2, 7}, SyncFence{6, 3, true}),
		  bytes_of({1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0, 3, 1}));
	SyncAck ack;
	ack.ask = 6;
	ack.answer = SyncAnswer::equal;
	ack.slots = 1024;
	ack.came[0] = 2;
	EXPECT_EQ(encoded({SyncKind::ack, 16, 2, 7}, ack),
		  bytes_of({1, 6, 0, 16, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
			    7, 0, 0, 0,  6, 3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 2}));
}

TEST(SyncMessage, EveryKindComesBackAsItWas)
{
	const SyncHead head{SyncKind::check, 17, 1ULL << 63, max_sync_number};
	const auto read = decode_sync_head(encoded(head, SyncCheck{1, ~0ULL}));
	ASSERT_TRUE(read);
	EXPECT_EQ(read->kind, SyncKind::check);
	EXPECT_EQ(read->window, 17);
	EXPECT_EQ(read->generation, 1ULL << 63);
	EXPECT_EQ(read->number, max_sync_number);
	EXPECT_EQ(decode_check(encoded(head, SyncCheck{1, ~0ULL}))->digest, ~0ULL);

	SyncDigests digests;
	digests.ask = 3;
	digests.first_block = 160;
	while (!digests.digests.full())
		digests.digests.push_back(digests.digests.size());
	const Frame longest = encoded(head, digests);
	EXPECT_LE(longest.size(), max_sync_frame_bytes);
	const auto same = decode_digests(longest);
	ASSERT_TRUE(same);
	EXPECT_EQ(same->first_block, 160U);
	EXPECT_EQ(same->digests, digests.digests);

	SyncDiffer differ;
	differ.count = 9;
	differ.early = true;
	differ.differing[1] = std::byte{1};
	const auto told = decode_differ(encoded(head, differ));
	ASSERT_TRUE(told);
	EXPECT_TRUE(told->early);
	EXPECT_TRUE(told->differs(8));
	EXPECT_FALSE(told->differs(7));

	SyncAck ack;
	ack.came.fill(~0ULL);
	EXPECT_EQ(decode_ack(encoded(head, ack))->came, ack.came);

	Frame probe(max_sync_frame_bytes);
	probe.resize(encode_probe(head, 12, probe));
	EXPECT_EQ(decode_probe(probe), 12U);

	const auto fence = decode_fence(encoded(head, SyncFence{4, 5, true}));
	ASSERT_TRUE(fence);
	EXPECT_EQ(fence->ask, 4U);
	EXPECT_EQ(fence->fence, 5U);
	EXPECT_TRUE(fence->last);
}

TEST(SyncMessage, DataCarriesSlotsNearAndFar)
{
	std::vector<std::pair<SlotNumber, std::optional<SessionRecord>>> slots{
		{5, samples::tcp4()},   {6, std::nullopt},
		{132, samples::udp4()}, {260, samples::tcp6()},
		{261, std::nullopt},    {max_slots - 1, samples::with_everything(samples::tcp6())}};
	SyncToldList told;
	ASSERT_EQ(decode_data(data({SyncKind::data, 1, 1, 1}, slots), told), slots.size());
	for (std::size_t i = 0; i < slots.size(); ++i) {
		EXPECT_EQ(told[i].slot, slots[i].first);
		ASSERT_EQ(told[i].taken, slots[i].second.has_value());
		if (told[i].taken) {
			EXPECT_EQ(told[i].record, *slots[i].second);
		}
	}
}

TEST(SyncMessage, ADataFrameTakesSixtyFourSlotsOrWhatFits)
{
	Frame frame(max_sync_frame_bytes);
	SyncDataWriter writer({SyncKind::data, 1, 1, 1}, frame);
	for (SlotNumber slot = 0; slot < max_told; ++slot)
		EXPECT_TRUE(writer.add(slot, {}));
	EXPECT_FALSE(writer.add(max_told, {}));
	EXPECT_EQ(writer.bytes(), sync_head_bytes + 5 + max_told);

	std::array<std::byte, max_record_bytes> record;
	const std::size_t length = encode(samples::with_everything(samples::tcp6()), record);
	SyncDataWriter long_ones({SyncKind::data, 1, 1, 1}, frame);
	SlotNumber slot = 0;
	while (long_ones.add(slot, std::span(record).first(length)))
		++slot;
	EXPECT_EQ(slot, (max_sync_frame_bytes - sync_head_bytes - 5) / (length + 1));
	SyncToldList told;
	EXPECT_EQ(decode_data(std::span(frame).first(long_ones.bytes()), told), slot);
}

TEST(SyncMessage, WhatIsCutShortOrTooLongIsRefused)
{
	const SyncHead head{SyncKind::data, 1, 1, 1};
	const Frame whole = data(head, {{3, samples::tcp4()}, {900, samples::udp4()}, {901, std::nullopt}});
	SyncToldList told;
	for (std::size_t length = 0; length < whole.size(); ++length)
		EXPECT_EQ(decode_data(std::span(whole).first(length), told), 0) << length;
	Frame longer = whole;
	longer.push_back({});
	EXPECT_EQ(decode_data(longer, told), 0);

	const auto expect_exact = [](const Frame &frame, const auto &decode) {
		EXPECT_TRUE(decode(frame));
		for (std::size_t length = 0; length < frame.size(); ++length)
			EXPECT_FALSE(decode(Frame(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length))))
				<< length;
		Frame more = frame;
		more.push_back({});
		EXPECT_FALSE(decode(more));
	};
	SyncDigests one_digest;
	one_digest.digests.push_back(4);
	SyncDiffer one_block;
	one_block.count = 1;
	expect_exact(encoded(head, SyncOpen{}), [](const Frame &frame) { return decode_open(frame).has_value(); });
	expect_exact(encoded(head, SyncCheck{}), [](const Frame &frame) { return decode_check(frame).has_value(); });
	expect_exact(encoded(head, one_digest), [](const Frame &frame) { return decode_digests(frame).has_value(); });
	expect_exact(encoded(head, one_block), [](const Frame &frame) { return decode_differ(frame).has_value(); });
	expect_exact(encoded(head, SyncFence{1, 1, false}),
		     [](const Frame &frame) { return decode_fence(frame).has_value(); });
	expect_exact(encoded(head, SyncAck{}), [](const Frame &frame) { return decode_ack(frame).has_value(); });
}

TEST(SyncMessage, ValuesThatAreNeverWrittenAreRefused)
{
	const Frame good = data({SyncKind::data, 2, 1, 5}, {{3, std::nullopt}});
	const auto with = [&](std::size_t at, unsigned value) {
		Frame frame = good;
		frame[at] = static_cast<std::byte>(value);
		return frame;
	};
	SyncToldList told;
	EXPECT_TRUE(decode_sync_head(good));
	EXPECT_FALSE(decode_sync_head(with(0, 2))); // version
	EXPECT_FALSE(decode_sync_head(with(1, 0))); // kind
	EXPECT_FALSE(decode_sync_head(with(1, 9)));
	EXPECT_FALSE(decode_sync_head(with(2, 0x80))); // more open than the window
	EXPECT_FALSE(decode_sync_head(with(3, 6)));    // more open than there were
	EXPECT_FALSE(decode_sync_head(with(3, 0)));    // DATA is open itself
	EXPECT_FALSE(decode_sync_head(with(12, 0x41)));
	EXPECT_EQ(decode_data(with(20, 0), told), 0); // no slot at all
	EXPECT_EQ(decode_data(with(20, 65), told), 0);
	EXPECT_EQ(decode_data(with(21, 1), told), 0); // a slot that no table has
	EXPECT_EQ(decode_data(with(25, 0), told), 0); // a record must follow
	// A long gap that is none.
	Frame short_gap = with(25, 0xff);
	for (const unsigned byte : {0U, 0U, 0U, 1U})
		short_gap.push_back(static_cast<std::byte>(byte));
	EXPECT_EQ(decode_data(short_gap, told), 0);
	EXPECT_FALSE(decode_sync_head(Frame(max_sync_frame_bytes + 1, std::byte{1})));
	EXPECT_FALSE(decode_fence(encoded({SyncKind::fence, 0, 1, 1}, SyncFence{1, 0, false}))); // no fence
	Frame neither = encoded({SyncKind::fence, 0, 1, 1}, SyncFence{1, 1, true});
	neither.back() = std::byte{2};
	EXPECT_FALSE(decode_fence(neither));
	Frame answered = encoded({SyncKind::ack, 0, 1, 1}, SyncAck{1, SyncAnswer::fenced, 0, {}});
	EXPECT_TRUE(decode_ack(answered));
	answered[24] = std::byte{9};
	EXPECT_FALSE(decode_ack(answered));
}

} // namespace
} // namespace systole::core
