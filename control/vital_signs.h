// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What systoled's worker and the keeper let each other see, in a page they share. CLOCK_MONOTONIC, ns.
//
// The keeper looks at the worker to see whether systoled lives. The worker, back from an absence, looks at the keeper to
// see whether the whole machine was away or systoled alone: only in the first case may the other members have been frozen
// with it (one host, one hypervisor) and be owed time to come back.
#pragma once

#include "control/core/types.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace systole::control {

struct VitalSigns {
	std::atomic<std::int64_t> worker_ns{0};      // the worker's last turn in which it could be heard
	std::atomic<std::int64_t> keeper_ns{0};      // the keeper's last look
	std::atomic<std::int64_t> keeper_late_ns{0}; // how much later than planned that was

	// How often the keeper looks: several times within a dead interval, so that nothing longer than one escapes it.
	[[nodiscard]] static constexpr core::Duration look_interval(core::Duration dead)
	{
		return std::clamp<core::Duration>(dead / 3, std::chrono::milliseconds{5},
						  std::chrono::milliseconds{200});
	}

	// At `now`, after an absence of the worker's that was longer than the dead interval.
	[[nodiscard]] bool machine_was_away(core::Time now, core::Duration dead) const
	{
		const core::Duration longest = look_interval(dead) + dead / 3;
		const core::Time looked{core::Duration{keeper_ns.load(std::memory_order_acquire)}};
		return now - looked > longest ||
		       core::Duration{keeper_late_ns.load(std::memory_order_acquire)} > dead / 3;
	}
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

} // namespace systole::control
