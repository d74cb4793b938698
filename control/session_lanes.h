// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Whole frames of session synchronisation between the session thread and one worker: a lane each way, made once, written
// and read in place, so that a frame is copied once on its way into or out of the packet.
//
//   session thread --out--> worker      reserve() .. commit(), then WorkerChannel::work_bell rings
//   session thread <--in--- worker      front() .. pop(), woken by SessionLanes::bell
//
// A lane has one writer and one reader. Neither waits: reserve() gives nothing when the lane is full, and what that means
// is the writer's affair (the worker drops and counts session_ring_full; the session thread tries later).
#pragma once

#include "control/core/types.h"
#include "control/ring.h"

#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace systole::control {

// Payload of one frame (core::max_sync_frame_bytes): with ESP of every suite around it, it fits an MTU of 1500.
inline constexpr std::size_t max_session_payload = 1312;
// Let the worker choose: see WorkerConfig::session_links.
inline constexpr core::LinkIndex any_link = 0xff;

struct alignas(64) SessionFrame {
	core::PeerSlot slot = 0;  // to, or from
	core::LinkIndex link = 0; // or any_link, to send; the one it came in on
	bool done = false;        // the reader's: dealt with before its turn
	std::uint16_t length = 0; // of the payload
	std::array<std::byte, max_session_payload> payload;
};

class FrameLane {
public:
	explicit FrameLane(std::size_t capacity)
	    : m_mask(capacity - 1), m_frames(std::make_unique<SessionFrame[]>(capacity))
	{
		assert(std::has_single_bit(capacity));
	}
	[[nodiscard]] std::size_t capacity() const { return m_mask + 1; }

	// ---- the writer's
	// The place of the next frame, null: full. The same one again until commit().
	[[nodiscard]] SessionFrame *reserve()
	{
		const std::size_t tail = m_tail.load(std::memory_order_relaxed);
		if (tail - m_head_seen > m_mask) {
			m_head_seen = m_head.load(std::memory_order_acquire);
			if (tail - m_head_seen > m_mask)
				return nullptr;
		}
		return &m_frames[tail & m_mask];
	}
	void commit() { m_tail.store(m_tail.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

	// ---- the reader's
	// How many frames wait, at most `enough`.
	[[nodiscard]] std::size_t waiting(std::size_t enough = SIZE_MAX)
	{
		const std::size_t head = m_head.load(std::memory_order_relaxed);
		if (m_tail_seen - head < enough)
			m_tail_seen = m_tail.load(std::memory_order_acquire);
		return m_tail_seen - head < enough ? m_tail_seen - head : enough;
	}
	// Only places below waiting().
	[[nodiscard]] SessionFrame &at(std::size_t place)
	{
		return m_frames[(m_head.load(std::memory_order_relaxed) + place) & m_mask];
	}
	// Null: empty.
	[[nodiscard]] SessionFrame *front() { return waiting(1) == 0 ? nullptr : &at(0); }
	void pop(std::size_t count = 1)
	{
		m_head.store(m_head.load(std::memory_order_relaxed) + count, std::memory_order_release);
	}

private:
	const std::size_t m_mask;
	const std::unique_ptr<SessionFrame[]> m_frames;
	alignas(64) std::atomic<std::size_t> m_tail{0}; // written by the writer
	std::size_t m_head_seen = 0;
	alignas(64) std::atomic<std::size_t> m_head{0}; // written by the reader
	std::size_t m_tail_seen = 0;
};

struct SessionLanes {
	FrameLane out{1024}; // written by the session thread
	FrameLane in{2048};  // written by the worker
	Doorbell bell;       // wakes the session thread
};

} // namespace systole::control
