// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What members did, as lines a protocol person can read.
#pragma once

#include "tests/scenario/cluster.h"

#include <optional>
#include <string>
#include <vector>

namespace systole::scenario {

// Interfaces of `set monitor`, for all members alike; links named hb0, hb1, ...
struct TraceNames {
	std::vector<std::string> monitors;
	std::vector<std::string> link_monitors;
	bool show_links = false; // heartbeat links of peers coming and going, not only one-way ones
};

// Empty for what a scenario does not show.
[[nodiscard]] std::optional<std::string> describe(const Cluster &cluster, const Record &entry, const TraceNames &names);
// "m1 work, epoch 1; m2 standby, follows m1; m3 is not running"
[[nodiscard]] std::string describe_state(const Cluster &cluster);

} // namespace systole::scenario
