// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Base64 of RFC 4648 section 4 with padding, as etcd's JSON gateway has its keys and values. By OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace systole::control {

[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

} // namespace systole::control
