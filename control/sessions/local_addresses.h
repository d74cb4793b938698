// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The addresses of this machine, in its network namespace: sessions that end at one of them end with it.
#pragma once

#include "control/core/session/session_record.h"

#include <vector>

namespace systole::control {

// IPv4 and IPv6, in no order; what cannot be asked for now is left out.
[[nodiscard]] std::vector<core::IpBytes> local_addresses();

} // namespace systole::control
