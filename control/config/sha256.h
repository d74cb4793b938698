// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// SHA-256 of a text, by OpenSSL: for checksums and serials, not for keys.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace systole::control::config {

[[nodiscard]] std::array<std::byte, 32> sha256(std::string_view text);

} // namespace systole::control::config
