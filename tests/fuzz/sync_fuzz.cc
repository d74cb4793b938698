// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: session synchronisation between a live sender and a live receiver, with frames of an authentic but mad member
// in between. Input: a program, one byte an instruction and what belongs to it. Afterwards the receiver starts anew, and an
// honest exchange must bring both in step whatever was said before.
#include "control/core/session/sync_receiver.h"
#include "control/core/session/sync_sender.h"
#include "control/core/wire.h"
#include "tests/fuzz/require.h"
#include "tests/unit/core/session/session_samples.h"

#include <array>
#include <optional>
#include <vector>

namespace systole::fuzz {

namespace {

using namespace core;

constexpr std::size_t slots = 2048;
constexpr Duration honest_time = std::chrono::seconds{3};
constexpr std::uint8_t raise_fence = 255; // instruction
constexpr std::array<unsigned, 6> kinds_of_sender{1, 2, 3, 4, 5, 8};

// Which slots are taken, by nothing but what the sink is told.
struct Watch : SyncSink {
	explicit Watch(const SessionTable &its_table) : table(its_table), taken(its_table.capacity()) {}
	void stored(SlotNumber slot) override
	{
		require(table.taken(slot), "what is stored stands there");
		taken[slot] = true;
	}
	void erased(SlotNumber slot, const SessionRecord &) override
	{
		require(taken[slot], "what is erased had been stored");
		taken[slot] = false;
	}
	const SessionTable &table;
	std::vector<bool> taken;
};

class Both {
public:
	Both()
	    : m_sender_words(SyncSender::words_for(slots)),
	      m_flights(SyncSender::flight_bytes() / sizeof(std::uint64_t)),
	      m_receiver_words(SyncReceiver::words_for(slots)), m_watch(*m_copy),
	      m_sender(*m_source, {m_sender_words, std::as_writable_bytes(std::span(m_flights))})
	{
		m_receiver.emplace(*m_copy, m_watch, m_receiver_words);
		m_sender.begin(1, m_now);
	}
	void execute(WireReader &program)
	{
		const auto instruction = program.number<std::uint8_t>();
		const auto operand = program.number<std::uint8_t>();
		switch (instruction == raise_fence ? 8 : instruction % 8) {
		case 0: m_receiver->receive(frame_of(program), m_now); break;
		case 1: m_sender.receive(frame_of(program), m_now); break;
		case 2:
			m_receiver->receive(headed(program, kinds_of_sender[operand % 6], 1 + operand / 64, operand),
					    m_now);
			break;
		case 3:
			m_sender.receive(headed(program, 6 + operand % 2, m_sender.generation(), operand / 2), m_now);
			break;
		case 4: change(operand); break;
		case 5: m_now += std::chrono::milliseconds{operand}; break;
		case 6: forth(operand % 8); break;
		case 7: back(operand % 64); break;
		case 8: m_sender.fence(++m_fence, operand % 8 == 0); break;
		}
		require(m_sender.in_flight() <= sync_window, "no more is in flight than the window holds");
		require((m_sender.oldest_unconfirmed() == never) == (m_sender.at_risk() == 0),
			"what is at risk has an age");
	}
	// Every slot is put into another table; the digests of both are one.
	void judge(SessionTable &table) const
	{
		samples::OwnedTable again(slots);
		std::size_t size = 0;
		for (SlotNumber slot = 0; slot < table.capacity(); ++slot)
			if (const auto record = table.at(slot)) {
				require(again->put_at(slot, *record).displaced == no_slot, "a key stands in one slot");
				require(table.find(record->key) == slot, "what stands in a slot is found");
				++size;
			}
		require(table.size() == size, "a table knows how many it holds");
		require(table.digest() == again->digest(), "the digest is that of the content");
		for (std::size_t block = 0; block < table.blocks(); ++block)
			require(table.block_digest(block) == again->block_digest(block), "so is every block's");
	}
	void judge()
	{
		judge(*m_source);
		judge(*m_copy);
		for (SlotNumber slot = 0; slot < slots; ++slot)
			require(m_watch.taken[slot] == m_copy->taken(slot), "the sink knows what the copy holds");
	}
	void end_honestly()
	{
		m_receiver.emplace(*m_copy, m_watch, m_receiver_words);
		m_sender.begin(m_sender.generation() + 1, m_now);
		for (const Time until = m_now + honest_time; m_now < until && !m_sender.in_step();
		     m_now += std::chrono::milliseconds{1}) {
			forth(~std::size_t{0});
			back(sync_window);
		}
		require(m_sender.in_step() && m_receiver->in_step(), "an honest exchange brings both in step");
		require(m_source->digest() == m_copy->digest(), "in step means equal");
		m_sender.fence(++m_fence, true);
		for (const Time until = m_now + honest_time; m_now < until && !m_sender.fence_passed();
		     m_now += std::chrono::milliseconds{1}) {
			forth(~std::size_t{0});
			back(sync_window);
		}
		require(m_sender.fence_passed() && m_receiver->ended(), "an honest exchange ends with the last fence");
	}

private:
	static std::span<const std::byte> frame_of(WireReader &program)
	{
		const std::size_t length = program.number<std::uint16_t>() % (max_sync_frame_bytes + 2);
		return program.take(std::min(length, program.left()));
	}
	// The body of the program, behind a head that is likely to be taken.
	std::span<const std::byte> headed(WireReader &program, unsigned kind, std::uint64_t generation,
					  std::uint64_t number)
	{
		WireWriter writer(m_frame);
		writer.number(sync_version);
		writer.number(static_cast<std::uint8_t>(kind));
		writer.number(std::uint16_t{1});
		writer.number(generation);
		writer.number(number);
		const auto body = frame_of(program);
		writer.bytes(body.first(std::min(body.size(), max_sync_frame_bytes - sync_head_bytes)));
		return std::span(m_frame).first(writer.written());
	}
	void change(std::uint8_t operand)
	{
		SessionRecord record = samples::numbered(operand / 2);
		record.mark = static_cast<std::uint32_t>(m_now.time_since_epoch().count());
		SlotNumber slot = m_source->find(record.key);
		if (operand % 2 != 0)
			slot = m_source->put(record).slot;
		else if (slot != no_slot)
			m_source->erase(slot);
		if (slot != no_slot)
			m_sender.changed(slot);
	}
	void forth(std::size_t most)
	{
		for (std::size_t i = 0; i < most; ++i) {
			const std::size_t bytes = m_sender.next_frame(m_now, m_frame);
			require(bytes <= max_sync_frame_bytes, "a frame has its bounds");
			if (bytes == 0)
				break;
			m_receiver->receive(std::span(m_frame).first(bytes), m_now);
		}
	}
	void back(std::size_t room)
	{
		for (int i = 0; const std::size_t bytes = m_receiver->next_frame(m_now, room, m_frame); ++i) {
			require(bytes <= max_sync_frame_bytes && i < 4, "a receiver does not talk for ever");
			m_sender.receive(std::span(m_frame).first(bytes), m_now);
		}
	}

	samples::OwnedTable m_source{slots};
	samples::OwnedTable m_copy{slots};
	std::vector<std::uint64_t> m_sender_words, m_flights, m_receiver_words;
	Watch m_watch;
	SyncSender m_sender;
	std::optional<SyncReceiver> m_receiver;
	std::array<std::byte, max_sync_frame_bytes> m_frame{};
	Time m_now{std::chrono::seconds{1}};
	std::uint32_t m_fence = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	Both both;
	for (WireReader program(bytes_of(data, size)); program.left() != 0 && program.ok();)
		both.execute(program);
	both.judge();
	both.end_honestly();
	both.judge();
	return 0;
}

} // namespace systole::fuzz
