// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/session/sync_message.h"

#include "control/core/wire.h"

#include <cassert>
#include <cstring>

namespace systole::core {

namespace {

// DATA: one byte in front of every slot's record. Bit 7: the slot is empty, no record follows. The other bits: how many
// slots lie between the one before and this one; all set: four bytes with that number follow.
constexpr unsigned empty_bit = 0x80;
constexpr unsigned long_gap = 0x7f;
constexpr std::size_t data_head_bytes = sync_head_bytes + 1 + 4; // count, first slot
constexpr std::size_t ack_head_bytes = sync_head_bytes + 4 + 1 + 4;
static_assert(sync_head_bytes + 8 + max_digests * 8 <= max_sync_frame_bytes);
static_assert(ack_head_bytes + sync_window / 8 <= max_sync_frame_bytes);
static_assert(data_head_bytes + 1 + 4 + max_record_bytes <= max_sync_frame_bytes);

WireWriter begin(const SyncHead &head, std::span<std::byte> out)
{
	assert(out.size() >= max_sync_frame_bytes);
	WireWriter writer(out.first(max_sync_frame_bytes));
	writer.number(sync_version);
	writer.number(static_cast<std::uint8_t>(head.kind));
	writer.number(head.window);
	writer.number(head.generation);
	writer.number(head.number);
	return writer;
}

std::size_t end(const WireWriter &writer)
{
	assert(writer.ok());
	return writer.written();
}

WireReader body_of(std::span<const std::byte> frame)
{
	WireReader reader(frame);
	reader.skip(sync_head_bytes);
	return reader;
}

template <typename T> std::optional<T> whole(const WireReader &reader, const T &value)
{
	return reader.ok() && reader.left() == 0 ? std::optional(value) : std::nullopt;
}

} // namespace

std::size_t encode(const SyncHead &head, const SyncOpen &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(body.slots);
	return end(writer);
}

std::size_t encode(const SyncHead &head, const SyncCheck &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(body.digest);
	return end(writer);
}

std::size_t encode(const SyncHead &head, const SyncDigests &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(body.first_block);
	for (const std::uint64_t digest : body.digests)
		writer.number(digest);
	return end(writer);
}

std::size_t encode(const SyncHead &head, const SyncFence &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(body.fence);
	writer.number(static_cast<std::uint8_t>(body.last));
	return end(writer);
}

std::size_t encode(const SyncHead &head, const SyncAck &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(static_cast<std::uint8_t>(body.answer));
	writer.number(body.slots);
	std::size_t words = body.came.size();
	while (words != 0 && body.came[words - 1] == 0)
		--words;
	for (std::size_t i = 0; i < words; ++i)
		writer.number(body.came[i]);
	return end(writer);
}

std::size_t encode(const SyncHead &head, const SyncDiffer &body, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(body.ask);
	writer.number(body.first_block);
	writer.number(body.count);
	writer.number(static_cast<std::uint8_t>(body.early));
	writer.bytes(std::span(body.differing).first((body.count + 7U) / 8));
	return end(writer);
}

std::size_t encode_probe(const SyncHead &head, std::uint32_t ask, std::span<std::byte> out)
{
	WireWriter writer = begin(head, out);
	writer.number(ask);
	return end(writer);
}

SyncDataWriter::SyncDataWriter(const SyncHead &head, std::span<std::byte> out) : m_out(out.first(max_sync_frame_bytes))
{
	WireWriter writer = begin(head, out);
	writer.number(std::uint8_t{0});
	writer.number(SlotNumber{0});
	m_at = end(writer);
}

bool SyncDataWriter::add(SlotNumber slot, std::span<const std::byte> record)
{
	if (m_count == 0) {
		WireWriter first(m_out.subspan(sync_head_bytes + 1, 4));
		first.number(slot);
		m_next = slot;
	}
	assert(slot >= m_next);
	const std::uint32_t gap = slot - m_next;
	const bool is_long = gap >= long_gap;
	if (m_count == max_told || m_out.size() - m_at < 1 + (is_long ? 4U : 0U) + record.size())
		return false;
	m_out[m_at++] = static_cast<std::byte>((is_long ? long_gap : gap) | (record.empty() ? empty_bit : 0U));
	if (is_long) {
		WireWriter writer(m_out.subspan(m_at, 4));
		writer.number(gap);
		m_at += 4;
	}
	if (!record.empty())
		std::memcpy(m_out.data() + m_at, record.data(), record.size());
	m_at += record.size();
	m_next = slot + 1;
	m_out[sync_head_bytes] = static_cast<std::byte>(++m_count);
	return true;
}

std::optional<SyncHead> decode_sync_head(std::span<const std::byte> frame)
{
	WireReader reader(frame);
	const auto version = reader.number<std::uint8_t>();
	const auto kind = reader.number<std::uint8_t>();
	SyncHead head;
	head.window = reader.number<std::uint16_t>();
	head.generation = reader.number<std::uint64_t>();
	head.number = reader.number<std::uint64_t>();
	if (!reader.ok() || frame.size() > max_sync_frame_bytes || version != sync_version ||
	    head.number > max_sync_number || kind < static_cast<std::uint8_t>(SyncKind::open) ||
	    kind > static_cast<std::uint8_t>(SyncKind::fence))
		return std::nullopt;
	head.kind = static_cast<SyncKind>(kind);
	// A sender never has more open than the window, nor more than it has numbered; DATA counts itself.
	if (is_of_sender(head.kind) && (head.window > sync_window || head.window > head.number))
		return std::nullopt;
	if (head.kind == SyncKind::data && head.window == 0)
		return std::nullopt;
	return head;
}

std::optional<SyncOpen> decode_open(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncOpen body;
	body.ask = reader.number<std::uint32_t>();
	body.slots = reader.number<std::uint32_t>();
	return body.slots > max_slots ? std::nullopt : whole(reader, body);
}

std::optional<SyncCheck> decode_check(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncCheck body;
	body.ask = reader.number<std::uint32_t>();
	body.digest = reader.number<std::uint64_t>();
	return whole(reader, body);
}

std::optional<SyncDigests> decode_digests(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncDigests body;
	body.ask = reader.number<std::uint32_t>();
	body.first_block = reader.number<std::uint32_t>();
	const std::size_t count = reader.left() / sizeof(std::uint64_t);
	if (!reader.ok() || count == 0 || count > max_digests || body.first_block > max_slots)
		return std::nullopt;
	for (std::size_t i = 0; i < count; ++i)
		body.digests.push_back(reader.number<std::uint64_t>());
	return whole(reader, body);
}

std::optional<std::uint32_t> decode_probe(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	const auto ask = reader.number<std::uint32_t>();
	return whole(reader, ask);
}

std::optional<SyncFence> decode_fence(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncFence body;
	body.ask = reader.number<std::uint32_t>();
	body.fence = reader.number<std::uint32_t>();
	const auto last = reader.number<std::uint8_t>();
	if (last > 1 || body.fence == 0)
		return std::nullopt;
	body.last = last != 0;
	return whole(reader, body);
}

std::optional<SyncAck> decode_ack(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncAck body;
	body.ask = reader.number<std::uint32_t>();
	const auto answer = reader.number<std::uint8_t>();
	body.slots = reader.number<std::uint32_t>();
	const std::size_t words = reader.left() / sizeof(std::uint64_t);
	if (!reader.ok() || words > body.came.size() || answer > static_cast<std::uint8_t>(SyncAnswer::fenced) ||
	    body.slots > max_slots)
		return std::nullopt;
	body.answer = static_cast<SyncAnswer>(answer);
	for (std::size_t i = 0; i < words; ++i)
		body.came[i] = reader.number<std::uint64_t>();
	return whole(reader, body);
}

std::optional<SyncDiffer> decode_differ(std::span<const std::byte> frame)
{
	WireReader reader = body_of(frame);
	SyncDiffer body;
	body.ask = reader.number<std::uint32_t>();
	body.first_block = reader.number<std::uint32_t>();
	body.count = reader.number<std::uint8_t>();
	const auto early = reader.number<std::uint8_t>();
	if (!reader.ok() || body.count == 0 || body.count > max_digests || early > 1 || body.first_block > max_slots)
		return std::nullopt;
	body.early = early != 0;
	const auto bits = reader.take((body.count + 7U) / 8);
	if (!bits.empty())
		std::memcpy(body.differing.data(), bits.data(), bits.size());
	return whole(reader, body);
}

std::size_t decode_data(std::span<const std::byte> frame, SyncToldList &out)
{
	WireReader reader = body_of(frame);
	const auto count = reader.number<std::uint8_t>();
	std::uint64_t next = reader.number<SlotNumber>();
	if (count > max_told)
		return 0;
	for (std::size_t i = 0; i < count; ++i) {
		const unsigned tag = reader.number<std::uint8_t>();
		const std::uint32_t gap =
			(tag & long_gap) == long_gap ? reader.number<std::uint32_t>() : tag & long_gap;
		next += gap;
		if (!reader.ok() || next >= max_slots || ((tag & long_gap) == long_gap && gap < long_gap))
			return 0;
		out[i].slot = static_cast<SlotNumber>(next++);
		out[i].taken = (tag & empty_bit) == 0;
		if (!out[i].taken)
			continue;
		const auto decoded = decode_record(frame.last(reader.left()));
		if (!decoded)
			return 0;
		out[i].record = decoded->record;
		reader.skip(decoded->bytes);
	}
	return reader.ok() && reader.left() == 0 ? count : 0;
}

} // namespace systole::core
