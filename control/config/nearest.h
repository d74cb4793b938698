// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// "Did you mean": the known name nearest to a mistyped one.
#pragma once

#include <span>
#include <string_view>

namespace systole::control::config {

// By edit distance (a swap of two neighbours counts as one); empty when nothing is near enough to be a typing error.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

} // namespace systole::control::config
