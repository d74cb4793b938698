// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A lane of frames between two threads. With ThreadSanitizer this also shows that a slot has one owner at a time.
#include "control/session_lanes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>

namespace systole::control {
namespace {

TEST(FrameLane, holds_what_it_says_and_no_more)
{
	FrameLane lane(8);
	EXPECT_EQ(lane.capacity(), 8U);
	EXPECT_EQ(lane.front(), nullptr);
	for (std::uint16_t i = 0; i < 8; ++i) {
		SessionFrame *frame = lane.reserve();
		ASSERT_NE(frame, nullptr);
		EXPECT_EQ(lane.reserve(), frame) << "the same one until it is committed";
		EXPECT_EQ(lane.waiting(), i);
		frame->length = i;
		lane.commit();
	}
	EXPECT_EQ(lane.reserve(), nullptr);
	EXPECT_EQ(lane.waiting(), 8U);
	EXPECT_EQ(lane.waiting(3), 3U);
	EXPECT_EQ(lane.at(5).length, 5U);
	lane.pop(3);
	EXPECT_EQ(lane.front()->length, 3U);
	EXPECT_EQ(lane.waiting(), 5U);
	for (int i = 0; i < 3; ++i) {
		ASSERT_NE(lane.reserve(), nullptr);
		lane.commit();
	}
	EXPECT_EQ(lane.reserve(), nullptr);
}

TEST(FrameLane, slots_are_whole_cache_lines)
{
	static_assert(alignof(SessionFrame) == 64 && sizeof(SessionFrame) % 64 == 0);
	FrameLane lane(2);
	EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lane.reserve()) % 64, 0U);
}

TEST(FrameLane, carries_every_frame_once_and_in_order_between_two_threads)
{
	constexpr std::uint64_t frames = 200'000;
	FrameLane lane(64);
	std::thread writer([&lane] {
		for (std::uint64_t number = 0; number < frames;) {
			SessionFrame *frame = lane.reserve();
			if (frame == nullptr) {
				std::this_thread::yield();
				continue;
			}
			frame->length = static_cast<std::uint16_t>(number % max_session_payload);
			std::memcpy(frame->payload.data(), &number, sizeof(number));
			std::memcpy(frame->payload.data() + max_session_payload - sizeof(number), &number,
				    sizeof(number));
			lane.commit();
			++number;
		}
	});
	std::uint64_t wrong = 0;
	for (std::uint64_t expected = 0; expected < frames;) {
		const std::size_t waiting = lane.waiting(16);
		for (std::size_t place = 0; place < waiting; ++place, ++expected) {
			SessionFrame &frame = lane.at(place);
			std::uint64_t front = 0;
			std::uint64_t back = 0;
			std::memcpy(&front, frame.payload.data(), sizeof(front));
			std::memcpy(&back, frame.payload.data() + max_session_payload - sizeof(back), sizeof(back));
			wrong +=
				front != expected || back != expected || frame.length != expected % max_session_payload;
			frame.done = true; // the reader's to write
		}
		lane.pop(waiting);
		if (waiting == 0)
			std::this_thread::yield();
	}
	writer.join();
	EXPECT_EQ(wrong, 0U);
	EXPECT_EQ(lane.front(), nullptr);
}

} // namespace
} // namespace systole::control
