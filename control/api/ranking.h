// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The members of a virtual cluster in the order in which they would get the role: who would win if all of them chose
// freely now, who would win without that one, and so on.
#pragma once

#include "control/core/node.h"

#include <vector>

namespace systole::control {

[[nodiscard]] core::ElectionOptions election_options(const core::Node &node, std::size_t place);

// One decision a candidate; the last one's rule is only_member.
[[nodiscard]] std::vector<core::Decision> rank(core::Candidates left, const core::ElectionOptions &options,
					       core::Time now);

} // namespace systole::control
