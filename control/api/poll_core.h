// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How punctual this member is: its poll core's mode, gaps and lateness. "poll" of the status and `diagnose sys ha poll`.
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

namespace systole::control {

[[nodiscard]] boost::json::object poll_status(const ApiBackend &backend);

} // namespace systole::control
