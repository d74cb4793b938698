// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A sender and a receiver with their tables on one desk: frames are handed over by the test, which may lose them, keep them
// back or look at them. Time moves by assignment.
#pragma once

#include "control/core/session/sync_receiver.h"
#include "control/core/session/sync_sender.h"
#include "tests/unit/core/session/session_samples.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace systole::core {

using Frame = std::vector<std::byte>;

inline SyncHead head_of(const Frame &frame)
{
	return decode_sync_head(frame).value();
}

// What a copy would be that is made of nothing but sink calls.
struct MirrorSink : SyncSink {
	explicit MirrorSink(const SessionTable &its_table) : table(its_table) {}
	void stored(SlotNumber slot) override
	{
		++calls;
		records[slot] = table.at(slot).value();
	}
	void erased(SlotNumber slot, const SessionRecord &record) override
	{
		++calls;
		ASSERT_TRUE(records.contains(slot));
		EXPECT_TRUE(records[slot].same_state(record));
		records.erase(slot);
	}
	void expect_equal() const
	{
		ASSERT_EQ(records.size(), table.size());
		for (const auto &[slot, record] : records)
			EXPECT_TRUE(table.at(slot).value().same_state(record)) << slot;
	}
	const SessionTable &table;
	std::map<SlotNumber, SessionRecord> records;
	std::size_t calls = 0;
};

class SyncPair : public testing::Test {
protected:
	// Gives it room for other tables than those of 2048.
	void tables(std::size_t of_source, std::size_t of_copy)
	{
		sender.reset();
		source.emplace(of_source);
		sender_words.assign(SyncSender::words_for(of_source), 0x5a5a);
		flights.assign(SyncSender::flight_bytes() / sizeof(std::uint64_t), 0x5a5a);
		sender.emplace(**source, SyncSender::Memory{sender_words, std::as_writable_bytes(std::span(flights))});
		copy.emplace(of_copy, 77);
		restart_receiver();
	}
	void restart_receiver()
	{
		receiver.reset();
		sink.emplace(**copy);
		for (SlotNumber slot = 0; slot < (*copy)->high_mark(); ++slot)
			if ((*copy)->taken(slot))
				sink->records[slot] = (*copy)->at(slot).value();
		receiver_words.assign(SyncReceiver::words_for((*copy)->capacity()), 0x5a5a);
		receiver.emplace(**copy, *sink, receiver_words);
	}
	void SetUp() override { tables(2048, 2048); }

	void put(std::uint32_t number, std::uint32_t mark = 1)
	{
		SessionRecord record = samples::numbered(number);
		record.mark = mark;
		const auto put = (*source)->put(record);
		ASSERT_NE(put.slot, no_slot);
		sender->changed(put.slot);
	}
	void end(std::uint32_t number)
	{
		const SlotNumber slot = (*source)->find(samples::numbered(number).key);
		ASSERT_NE(slot, no_slot);
		(*source)->erase(slot);
		sender->changed(slot);
	}
	std::vector<Frame> sent(std::size_t most = ~std::size_t{0})
	{
		std::vector<Frame> frames;
		Frame frame(max_sync_frame_bytes);
		while (frames.size() < most) {
			const std::size_t bytes = sender->next_frame(now, frame);
			if (bytes == 0)
				break;
			frames.emplace_back(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bytes));
		}
		return frames;
	}
	std::vector<Frame> answers()
	{
		std::vector<Frame> frames;
		Frame frame(max_sync_frame_bytes);
		while (const std::size_t bytes = receiver->next_frame(now, room, frame))
			frames.emplace_back(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bytes));
		return frames;
	}
	void hand(const std::vector<Frame> &frames)
	{
		for (const Frame &frame : frames)
			if (!passes || passes(frame))
				receiver->receive(frame, now);
	}
	void hand_back(const std::vector<Frame> &frames)
	{
		for (const Frame &frame : frames)
			if (!passes || passes(frame))
				sender->receive(frame, now);
	}
	void run(Duration duration)
	{
		for (const Time until = now + duration; now < until; now += std::chrono::milliseconds{1}) {
			hand(sent());
			hand_back(answers());
		}
	}
	void open(std::uint64_t generation = 1)
	{
		sender->begin(generation, now);
		run(std::chrono::milliseconds{30});
		ASSERT_EQ(receiver->generation(), generation);
	}
	void expect_equal()
	{
		EXPECT_EQ((*source)->digest(), (*copy)->digest());
		EXPECT_EQ((*source)->size(), (*copy)->size());
		sink->expect_equal();
	}
	void expect_in_step()
	{
		EXPECT_TRUE(sender->in_step());
		EXPECT_TRUE(receiver->in_step());
		EXPECT_EQ(sender->at_risk(), 0);
		EXPECT_EQ(sender->oldest_unconfirmed(), never);
		expect_equal();
	}

	Time now{std::chrono::seconds{1000}};
	std::size_t room = sync_window;
	std::function<bool(const Frame &)> passes;
	std::optional<samples::OwnedTable> source, copy;
	std::vector<std::uint64_t> sender_words, flights, receiver_words;
	std::optional<MirrorSink> sink;
	std::optional<SyncSender> sender;
	std::optional<SyncReceiver> receiver;
};

} // namespace systole::core
