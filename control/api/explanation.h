// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys ha explain`: who would win if all members chose freely now, criterion by criterion, and why the primary
// stays if it is somebody else.
//
// The same on every member: nothing in it is this member's own view, members stand in the order of the ranking, and
// ages count from the youngest member's, in whole seconds (two members may round one of them differently).
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

namespace systole::control {

// `place` as in core::Node::vcluster().
[[nodiscard]] boost::json::object ha_explanation(const ApiBackend &backend, std::size_t place);

} // namespace systole::control
