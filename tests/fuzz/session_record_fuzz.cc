// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: session records, one behind the other as in a frame of an authentic but mad member, and the table that
// takes them.
//
// covers: P16 as "fuzz: what was kept and a few seconds more, every target"
#include "control/core/session/session_table.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <new>
#include <vector>

namespace systole::fuzz {

namespace {

using namespace core;

constexpr std::size_t table_slots = 1024;

SessionTable &table()
{
	static const std::size_t bytes = SessionTable::bytes_for(table_slots);
	static auto *const memory = static_cast<std::byte *>(::operator new (bytes, std::align_val_t{64}));
	static SessionTable table({memory, bytes}, table_slots, 1);
	return table;
}

void judge_record(const DecodedRecord &decoded, std::span<const std::byte> bytes)
{
	require(decoded.bytes <= bytes.size() && decoded.bytes <= max_record_bytes, "a record lies in its bytes");
	require(fits(decoded.record), "what was read can be told again");
	require(kind_of(bytes) == decoded.record.key.kind, "the first byte says what it is");
	std::array<std::byte, max_record_bytes> written{};
	require(encode(decoded.record, written) == decoded.bytes, "a record is as long as the one it was read from");
	require(std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(decoded.bytes), written.begin()),
		"a record encodes to the bytes it came from");
	for (std::size_t length = (decoded.bytes - 1) % 7; length < decoded.bytes; length += 7)
		require(!decode_record(bytes.first(length)), "what is cut short is refused");
	const auto key = key_part(bytes.first(decoded.bytes));
	std::array<std::byte, max_key_bytes> key_written{};
	require(encode(decoded.record.key, key_written) == key.size(), "a record begins with its key");
	require(std::equal(key.begin(), key.end(), key_written.begin()), "the key is that of the record");
	require(state_hash(bytes.first(decoded.bytes)) == state_hash(decoded.record), "both hashes are one");
}

void store(const DecodedRecord &decoded, std::span<const std::byte> bytes)
{
	SlotNumber slot = static_cast<SlotNumber>(state_hash(decoded.record) % table_slots);
	const std::uint64_t stripped = table().without_extras();
	if (slot % 2 == 0)
		slot = table().put(decoded.record).slot;
	else
		(void)table().put_at(slot, decoded.record);
	require(table().find(decoded.record.key) == slot, "what was put is found");
	const auto kept = table().bytes_at(slot);
	if (table().without_extras() == stripped)
		require(std::equal(kept.begin(), kept.end(), bytes.begin(),
				   bytes.begin() + static_cast<std::ptrdiff_t>(decoded.bytes)),
			"the table keeps a record as it is on the wire");
	require(table().taken(table().high_mark() - 1), "the high mark is tight");
	require(table().expectations() <= table().size(), "expectations are of the table");
	if (std::to_integer<unsigned>(kept.back()) % 4 == 0)
		table().erase(slot);
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	table().clear();
	auto bytes = bytes_of(data, size);
	while (const auto decoded = decode_record(bytes)) {
		judge_record(*decoded, bytes);
		store(*decoded, bytes);
		bytes = bytes.subspan(decoded->bytes);
	}
	for (SlotNumber slot = 0; slot < table().high_mark(); ++slot)
		table().erase(slot);
	require(table().size() == 0 && table().expectations() == 0 && table().digest() == 0,
		"an emptied table is empty");
	return 0;
}
