// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a worker says, in the core's words.
#pragma once

#include "control/core/event.h"
#include "control/worker_messages.h"

#include <optional>

namespace systole::control {

// Empty for what concerns control alone (given-back SAs, the worker's own lateness) and for content that does not parse.
[[nodiscard]] std::optional<core::EventBody> core_event(const WorkerEvent &event);

} // namespace systole::control
