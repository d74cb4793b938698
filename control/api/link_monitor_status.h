// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys link-monitor status` as data. Words for people are systolectl's business; states are one word each:
// alive, dead, not-probed (this member is not the primary), disabled.
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

namespace systole::control {

[[nodiscard]] boost::json::object link_monitors_status(const ApiBackend &backend);

} // namespace systole::control
