// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who hears this member, and for how long there can be two primaries (docs/ISOLATION.md).
#pragma once

#include "control/core/config.h"
#include "control/core/member.h"

#include <optional>

namespace systole::core {

struct Hearing {
	bool anybody = false;       // a live member hears us
	bool isolated = false;      // nobody does, although somebody should
	bool all_accounted = false; // all expected-members hear us; never if their number is not configured
};
[[nodiscard]] Hearing hearing_of(const Config &config, const Members &members);

// The longest time for which two members can own the addresses while they cannot hear each other; empty: no bound.
// `acting_without_proof`: of a primary whose proof of life is lost, and of one that has stopped for it.
[[nodiscard]] std::optional<Duration> dual_primary_bound(const Config &config, const Members &members,
							 bool acting_without_proof);

} // namespace systole::core
