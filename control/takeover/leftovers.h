// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a killed predecessor left in the kernel: macvlans that carry this instance's alias, and raised settings of base
// ports. Links of others, other instances included, are not touched.
#pragma once

#include "control/netlink/inventory.h"
#include "control/netlink/route_socket.h"
#include "control/takeover/takeover_error.h"
#include "control/takeover/takeover_settings.h"

#include <string_view>
#include <vector>

namespace systole::control {

// A macvlan with our alias; or, should its maker have died between making and marking it, one with exactly the name and
// the virtual MAC of an interface of ours and no alias at all.
[[nodiscard]] bool is_own_macvlan(const LinkInfo &link, const TakeoverSettings &settings);

// Restores the base ports' settings from the aliases, then deletes the macvlans. Also for use after a daemon that died,
// when nobody will start it again: a dead member's addresses would otherwise stay on it.
[[nodiscard]] std::vector<TakeoverError> remove_leftovers(RouteSocket &socket, const TakeoverSettings &settings);

} // namespace systole::control
