// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The six words a statement may begin with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace systole::control::config {

enum class Keyword : std::uint8_t { none, config, edit, set, unset, next, end };

inline constexpr std::array<std::string_view, 6> keyword_names{"config", "edit", "set", "unset", "next", "end"};

[[nodiscard]] constexpr Keyword keyword_from(std::string_view word)
{
	for (std::size_t i = 0; i < keyword_names.size(); ++i)
		if (keyword_names[i] == word)
			return static_cast<Keyword>(i + 1);
	return Keyword::none;
}

} // namespace systole::control::config
