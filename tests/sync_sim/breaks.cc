// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sync_sim/breaks.h"

#include "control/core/session/sync_message.h"

#include <algorithm>
#include <array>
#include <memory>

namespace systole::sync_sim {

namespace {

using namespace systole::core;

constexpr std::array<BreakInfo, 13> table{{
	{Break::forget_holes, "forget-holes", "confirmed-is-held",
	 "an acknowledgement says that everything has come up to the highest number"},
	{Break::lost_is_told, "lost-is-told", "confirmed-is-held",
	 "an acknowledgement names what the network has lost"},
	{Break::apply_overtaken, "apply-overtaken", "confirmed-is-held",
	 "the receiver forgets which frame has written a slot"},
	{Break::any_generation, "any-generation", "generation-rises",
	 "frames of an older generation come as if they were of the newest"},
	{Break::skip_block, "skip-block", "confirmed-is-held", "the first block that differs is not named"},
	{Break::keep_ended, "keep-ended", "confirmed-is-held", "no frame says that a slot is empty"},
	{Break::hasty_in_step, "hasty-in-step", "in-step-is-equal",
	 "every answer to CHECK is `equal`, and says that what was lost has come"},
	{Break::ignore_room, "ignore-room", "room-obeyed", "every answer says that there is room for the whole window"},
	{Break::clock_stands, "clock-stands", "quiesces", "the sender's clock stands still: nothing ever expires"},
	{Break::sink_misses, "sink-misses", "mirror-agrees",
	 "one in a hundred sessions that end is not told to the sink"},
	{Break::never_probe, "never-probe", "quiesces",
	 "nobody asks for room, and nobody says that there is some again"},
	{Break::hasty_fence, "hasty-fence", "fence-holds", "every answer about a fence is that it is passed"},
	{Break::early_end, "early-end", "nothing-left-behind", "every fence is taken for the last one"},
}};

Bytes rebuilt(const SyncHead &head, const auto &body)
{
	Bytes frame(max_sync_frame_bytes);
	frame.resize(encode(head, body, frame));
	return frame;
}

} // namespace

std::span<const BreakInfo> all_breaks()
{
	return table;
}

std::optional<BreakInfo> find_break(std::string_view name)
{
	const auto it =
		std::find_if(table.begin(), table.end(), [&](const BreakInfo &info) { return info.name == name; });
	return it == table.end() ? std::nullopt : std::optional(*it);
}

bool spoil_sent(Break what, Bytes &frame)
{
	const auto head = decode_sync_head(frame);
	if (what == Break::never_probe)
		return head->kind != SyncKind::probe;
	if (what == Break::early_end && head->kind == SyncKind::fence)
		frame.back() = std::byte{1};
	if (what != Break::keep_ended || head->kind != SyncKind::data)
		return true;
	const auto told = std::make_unique<SyncToldList>();
	const std::size_t count = decode_data(frame, *told);
	Bytes rest(max_sync_frame_bytes);
	SyncDataWriter writer(*head, rest);
	bool any = false;
	for (std::size_t i = 0; i < count; ++i) {
		std::array<std::byte, max_record_bytes> record;
		if ((*told)[i].taken)
			any = writer.add((*told)[i].slot, std::span(record).first(encode((*told)[i].record, record)));
	}
	rest.resize(writer.bytes());
	// Nothing else was in it: the frame goes as it is, or its number would be missing.
	if (any)
		frame = std::move(rest);
	return true;
}

void spoil_answer(Break what, Bytes &frame, std::span<const std::uint64_t> lost)
{
	auto head = decode_sync_head(frame);
	if (what == Break::ignore_room) {
		head->window = sync_window;
		if (const auto ack = decode_ack(frame); ack && head->kind == SyncKind::ack)
			frame = rebuilt(*head, *ack);
		else if (const auto differ = decode_differ(frame))
			frame = rebuilt(*head, *differ);
		return;
	}
	if (what == Break::skip_block && head->kind == SyncKind::differ) {
		auto differ = *decode_differ(frame);
		for (std::byte &bits : differ.differing)
			if (bits != std::byte{}) {
				bits &= static_cast<std::byte>(std::to_integer<unsigned>(bits) - 1);
				break;
			}
		frame = rebuilt(*head, differ);
	}
	if (head->kind != SyncKind::ack)
		return;
	auto ack = *decode_ack(frame);
	if (ack.answer == SyncAnswer::closed)
		return;
	if (what == Break::hasty_fence && ack.answer == SyncAnswer::early) {
		ack.answer = SyncAnswer::fenced;
	} else if (what == Break::forget_holes) {
		std::uint64_t highest = head->number;
		for (std::size_t i = 0; i < sync_window; ++i)
			if ((ack.came[i / 64] >> (i % 64) & 1U) != 0)
				highest = head->number + 1 + i;
		head->number = highest;
		ack.came.fill(0);
	} else if (what == Break::lost_is_told) {
		for (const std::uint64_t number : lost)
			if (number > head->number && number - head->number <= sync_window)
				ack.came[(number - head->number - 1) / 64] |= std::uint64_t{1}
									      << ((number - head->number - 1) % 64);
	} else if (what == Break::hasty_in_step) {
		if (ack.answer == SyncAnswer::different || ack.answer == SyncAnswer::early) {
			ack.answer = SyncAnswer::equal;
			head->number = std::max(head->number, lost.empty() ? 0 : lost.back());
			ack.came.fill(0);
		}
	}
	frame = rebuilt(*head, ack);
}

void spoil_received(Break what, Bytes &frame, std::uint64_t highest_generation)
{
	if (what != Break::any_generation)
		return;
	for (std::size_t i = 0; i < sizeof highest_generation; ++i)
		frame[4 + i] = static_cast<std::byte>(highest_generation >> (8 * (7 - i)));
}

} // namespace systole::sync_sim
