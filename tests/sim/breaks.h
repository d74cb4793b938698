// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who checks the checkers? Each break spoils what goes into or comes out of a member in one way, so that the checker
// named beside it must fail. The core itself stays as it is; without --break nothing here does anything.
#pragma once

#include "control/core/action.h"
#include "control/core/config.h"
#include "control/core/event.h"

#include <array>
#include <bitset>
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
	// Rules of the election, told wrongly.
	ignore_flip_timer,
	keep_record,
	failback_unasked,
	ignore_override,
	ignore_hold,
	ignore_override_wait,
	ignore_ping,
	ignore_threshold,
	ignore_monitor,
	ignore_memory,
	ignore_ssd,
	ignore_orders,
	margin_apart,
	wrong_vcluster,
	claim_without_lease,
	hasty_claim,
	stay_isolated,
	forget_demotion,
	ignore_readiness,
	wait_for_ever,
};

struct BreakInfo {
	Break what;
	std::string_view name;
	std::string_view checker; // that must fail
	std::string_view text;
};
[[nodiscard]] const std::array<BreakInfo, 45> &all_breaks();
[[nodiscard]] std::optional<BreakInfo> find_break(std::string_view name);

struct MemberView {                                   // what a break may know of the member it spoils
	std::bitset<core::max_vclusters + 1> primary; // of the virtual clusters with these ids
	bool ever_restarted = false;
	core::Time now{};
	std::uint8_t demoted = 0; // id of a virtual cluster in which it had to stop
};
// False: the event is lost.
[[nodiscard]] bool spoil(Break what, const MemberView &member, core::Event &event);
void spoil(Break what, const MemberView &member, core::Actions &actions);
// What the member with this index believes to be configured; the checkers go by the plan.
void spoil(Break what, std::size_t member, core::Config &config);

} // namespace systole::sim
