// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who checks the checkers? Each break spoils what goes into or comes out of a member in one way, so that the checker
// named beside it must fail. The core itself stays as it is; without --break nothing here does anything.
#pragma once

#include "control/core/action.h"
#include "control/core/event.h"

#include <array>
#include <optional>
#include <string_view>

namespace systole::sim {

enum class Break : std::uint8_t {
	none,
	skip_release,
	ignore_peer_lost,
	late_detection,
	hasty_detection,
	any_echo,
	never_yield,
	claim_over_primary,
	yield_unasked,
	displace_primary,
	repeat_epoch,
	flood_actions,
	wrong_slot,
	accept_any_tag,
	keep_sessions,
	deaf_after_restart,
	restless_timer,
	sleepy_keeper,
	hasty_keeper,
	talk_when_thawed,
	act_when_thawed,
	grant_nothing,
	ignore_watchdog,
	keep_addresses,
	overlook_half_heard,
	ignore_carrier,
};

struct BreakInfo {
	Break what;
	std::string_view name;
	std::string_view checker; // that must fail
	std::string_view text;
};
[[nodiscard]] const std::array<BreakInfo, 25> &all_breaks();
[[nodiscard]] std::optional<BreakInfo> find_break(std::string_view name);

struct MemberView { // what a break may know of the member it spoils
	bool primary = false;
	bool ever_restarted = false;
	core::Time now{};
};
// False: the event is lost.
[[nodiscard]] bool spoil(Break what, const MemberView &member, core::Event &event);
void spoil(Break what, const MemberView &member, core::Actions &actions);

} // namespace systole::sim
