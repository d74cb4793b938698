// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sessions as the records of a session ring, and back. What a data plane wrote is taken only when every field has a
// meaning: it goes to the other members as it is.
#pragma once

#include "control/core/session/session_record.h"

#include "include/systole/session_ring.h"

#include <cstdint>
#include <optional>

namespace systole::control {

[[nodiscard]] systole_session_record ring_record(std::uint8_t type, const core::SessionRecord &record);
[[nodiscard]] systole_session_record ring_record(std::uint8_t type, const core::SessionKey &key);
// Empty: a field has a value that session_ring.h does not know.
[[nodiscard]] std::optional<core::SessionRecord> session_in(const systole_session_record &record);
[[nodiscard]] std::optional<core::SessionKey> key_in(const systole_session_record &record);

} // namespace systole::control
