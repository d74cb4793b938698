// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The frames of session synchronisation (docs/PROTOCOL.md "Session synchronisation"), between a sender and a receiver:
//
//   sender    OPEN  DATA  CHECK  DIGESTS  PROBE  FENCE  all but DATA are questions: they have an `ask`, one at a time
//   receiver  ACK   DIFFER                              name the `ask` they answer
//
// One head for all. decode_* and SyncDataReader take any bytes; what they return is within the bounds stated here.
#pragma once

#include "control/core/fixed_vector.h"
#include "control/core/session/session_record.h"
#include "control/core/session/slot_set.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

inline constexpr std::size_t max_sync_frame_bytes = 1312; // of the inner UDP payload: fits 1500 in every suite
inline constexpr std::uint8_t sync_version = 1;
inline constexpr std::size_t sync_head_bytes = 20;
inline constexpr std::size_t sync_window = 2048; // frames that can be open at once
inline constexpr std::size_t max_told = 64;      // slots in a DATA frame
inline constexpr std::size_t max_digests = 160;  // blocks in a DIGESTS frame
inline constexpr std::uint64_t max_sync_number = std::uint64_t{1} << 62;

enum class SyncKind : std::uint8_t {
	open = 1,
	data = 2,
	check = 3,
	digests = 4,
	probe = 5,
	ack = 6,
	differ = 7,
	fence = 8
};
[[nodiscard]] constexpr bool is_of_sender(SyncKind kind)
{
	return kind != SyncKind::ack && kind != SyncKind::differ;
}

struct SyncHead {
	SyncKind kind = SyncKind::data;
	// Of the sender: how many frames up to `number` are open; all before these are settled, one way or the other.
	// Of the receiver: how many frames it takes.
	std::uint16_t window = 0;
	std::uint64_t generation = 0;
	std::uint64_t number =
		0; // DATA: its own; other frames of the sender: the last DATA; receiver: all up to it are settled
};

struct SyncOpen {
	std::uint32_t ask = 0;
	std::uint32_t slots = 0; // of the sender's table
};

struct SyncCheck {
	std::uint32_t ask = 0;
	std::uint64_t digest = 0; // of the blocks that both tables have
};

struct SyncDigests {
	std::uint32_t ask = 0;
	std::uint32_t first_block = 0;
	FixedVector<std::uint64_t, max_digests> digests; // at least one
};

struct SyncFence {
	std::uint32_t ask = 0;
	std::uint32_t fence = 0; // the same one in every question about it
	bool last = false;       // nothing is told after it
};

enum class SyncAnswer : std::uint8_t {
	none,         // an acknowledgement and no more
	opened,       // the table is what it was before
	opened_empty, // and it is empty
	equal,        // the digest is ours
	different,
	early,  // CHECK: frames before it are missing, or later ones have come. FENCE: not all is in the data plane
	probed, // see how much room there is
	closed, // we do not follow this generation yet, or not any more: OPEN
	fenced, // what was confirmed before the fence is in the data plane, if that is kept alike
};

struct SyncAck {
	std::uint32_t ask = 0; // 0: answers no question
	SyncAnswer answer = SyncAnswer::none;
	std::uint32_t slots = 0;                            // of the receiver's table
	std::array<std::uint64_t, sync_window / 64> came{}; // bit i: number + 1 + i has come
};

struct SyncDiffer {
	std::uint32_t ask = 0;
	std::uint32_t first_block = 0;
	std::uint8_t count = 0; // of blocks compared
	bool early = false;     // as SyncAnswer::early: more may differ than will in the end
	std::array<std::byte, max_digests / 8> differing{}; // bit i: first_block + i differs
	[[nodiscard]] bool differs(std::size_t i) const
	{
		return (std::to_integer<unsigned>(differing[i / 8]) >> (i % 8) & 1U) != 0;
	}
};

// ---- writing; `out` has max_sync_frame_bytes. Bytes written.
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncOpen &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncCheck &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncDigests &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncFence &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncAck &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode(const SyncHead &head, const SyncDiffer &body, std::span<std::byte> out);
[[nodiscard]] std::size_t encode_probe(const SyncHead &head, std::uint32_t ask, std::span<std::byte> out);

// DATA, slot by slot, in rising order.
class SyncDataWriter {
public:
	SyncDataWriter(const SyncHead &head, std::span<std::byte> out);
	// `record` empty: the slot is empty. False: the frame is full, nothing was written.
	[[nodiscard]] bool add(SlotNumber slot, std::span<const std::byte> record);
	[[nodiscard]] std::size_t bytes() const { return m_at; }

private:
	std::span<std::byte> m_out;
	std::size_t m_at = 0;
	std::size_t m_count = 0;
	SlotNumber m_next = 0; // the slot whose gap is 0
};

// ---- reading. Empty: too short, too long, another version, or a value that is never written.
[[nodiscard]] std::optional<SyncHead> decode_sync_head(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncOpen> decode_open(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncCheck> decode_check(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncDigests> decode_digests(std::span<const std::byte> frame);
[[nodiscard]] std::optional<std::uint32_t> decode_probe(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncFence> decode_fence(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncAck> decode_ack(std::span<const std::byte> frame);
[[nodiscard]] std::optional<SyncDiffer> decode_differ(std::span<const std::byte> frame);

struct SyncTold {
	SlotNumber slot = no_slot;
	bool taken = false;
	SessionRecord record; // if taken
};
using SyncToldList = std::array<SyncTold, max_told>;
// Into `out`; how many, 0: as above.
[[nodiscard]] std::size_t decode_data(std::span<const std::byte> frame, SyncToldList &out);

} // namespace systole::core
