// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which interfaces follow the primary of which virtual cluster, with which virtual MAC and addresses: configuration ->
// takeover settings.
#pragma once

#include "control/config/configuration.h"
#include "control/takeover/takeover_settings.h"

#include <string>

namespace systole::control {

// Every interface of `config system interface` that has an address and is no heartbeat port.
// An interface beyond the reach of the virtual MAC formula is left out and named in `problem`.
[[nodiscard]] TakeoverSettings takeover_settings(const Configuration &configuration, const std::string &instance,
						 std::string &problem);

} // namespace systole::control
