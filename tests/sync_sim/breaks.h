// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who checks the checkers? Each break spoils what goes into or comes out of the sender or the receiver in one way, so that
// the checker named beside it must fail. The core itself stays as it is; without --break nothing here does anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace systole::sync_sim {

enum class Break : std::uint8_t {
	none,
	forget_holes,
	lost_is_told,
	apply_overtaken,
	any_generation,
	skip_block,
	keep_ended,
	hasty_in_step,
	ignore_room,
	clock_stands,
	sink_misses,
	never_probe,
	hasty_fence,
	early_end,
};

struct BreakInfo {
	Break what;
	std::string_view name;
	std::string_view checker; // that must fail
	std::string_view text;
};
[[nodiscard]] std::span<const BreakInfo> all_breaks();
[[nodiscard]] std::optional<BreakInfo> find_break(std::string_view name);

using Bytes = std::vector<std::byte>;
// What a sender sends; false: it does not leave.
[[nodiscard]] bool spoil_sent(Break what, Bytes &frame);
// What reaches a sender; `lost`: numbers of DATA that the network has lost on the way to that peer.
void spoil_answer(Break what, Bytes &frame, std::span<const std::uint64_t> lost);
// What reaches a receiver that has seen this generation.
void spoil_received(Break what, Bytes &frame, std::uint64_t highest_generation);

} // namespace systole::sync_sim
