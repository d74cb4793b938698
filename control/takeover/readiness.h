// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Would a takeover work? Looks without touching anything, and names every reason why not, with its cure. What it
// returns makes a standby "not ready" before anybody needs it.
#pragma once

#include "control/netlink/route_socket.h"
#include "control/takeover/takeover_settings.h"

#include <string>
#include <vector>

namespace systole::control {

// Looks at: ports that are missing or cannot carry a macvlan, names and virtual MACs that are taken, addresses that
// another link of this host or another interface of the configuration has, and reverse-path filtering that would
// drop the traffic. The macvlans of this instance are not in their own way.
[[nodiscard]] std::vector<std::string> takeover_blockers(RouteSocket &socket, const TakeoverSettings &settings);

} // namespace systole::control
