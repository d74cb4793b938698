// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `execute ha failover switch`: moves roles away from this member as planned, and answers when it is known what came of it.
#pragma once

#include "control/api/commands.h"

#include <cstddef>
#include <vector>

namespace systole::control {

// `places` (in Config::vclusters): of the virtual clusters that are asked for, not empty.
[[nodiscard]] ApiReply switch_roles(ApiBackend &backend, std::vector<std::size_t> places);

} // namespace systole::control
