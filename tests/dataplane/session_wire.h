// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What tests of session frames share: the session threads' ends of the lanes of two workers.
#pragma once

#include "control/session_lanes.h"
#include "crypto/bytes.h"
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace systole::dataplane::testing {

inline constexpr std::uint16_t heartbeat_type = 0x8890;
inline constexpr std::uint16_t session_type = 0x8892;

inline std::uint16_t type_of(const Bytes &frame)
{
	return crypto::load_be16(frame.data() + 12);
}

// The number first, then what belongs to it.
inline Bytes numbered(std::uint32_t number, std::size_t length)
{
	Bytes payload(length);
	for (std::size_t i = 0; i < length; ++i)
		payload[i] = static_cast<std::byte>(number * 31 + i * 7);
	crypto::store_be32(payload.data(), number);
	return payload;
}

// False: the lane is full.
inline bool put(Member &member, const Bytes &payload, core::LinkIndex link = control::any_link,
		core::PeerSlot slot = peer_slot)
{
	control::SessionFrame *frame = member.lanes->out.reserve();
	if (frame == nullptr)
		return false;
	frame->slot = slot;
	frame->link = link;
	frame->length = static_cast<std::uint16_t>(payload.size());
	std::copy(payload.begin(), payload.end(), frame->payload.begin());
	member.lanes->out.commit();
	return true;
}

struct Arrived {
	core::PeerSlot slot;
	core::LinkIndex link;
	Bytes payload;
};
inline std::vector<Arrived> taken(Member &member)
{
	std::vector<Arrived> all;
	while (const control::SessionFrame *frame = member.lanes->in.front()) {
		all.push_back({frame->slot, frame->link,
			       Bytes(frame->payload.begin(), frame->payload.begin() + frame->length)});
		member.lanes->in.pop();
	}
	return all;
}

class SessionFrames : public ::testing::TestWithParam<crypto::Suite> {
protected:
	void begin(std::size_t links, std::uint8_t session_links = 0)
	{
		pair = std::make_unique<Pair>(links, GetParam(), true, session_links);
		pair->connect();
		pair->run_for(std::chrono::milliseconds{100});
		(void)pair->a->events();
		(void)pair->b->events();
		ASSERT_EQ(pair->a->all_drops() + pair->b->all_drops(), 0U);
	}
	std::unique_ptr<Pair> pair;
};

} // namespace systole::dataplane::testing
