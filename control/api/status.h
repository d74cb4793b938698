// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The replies that say how things are: `get system ha status`, `diagnose sys ha status`.
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

namespace systole::control {

[[nodiscard]] boost::json::object ha_status(const ApiBackend &backend);
[[nodiscard]] boost::json::object ha_diagnosis(const ApiBackend &backend);

} // namespace systole::control
