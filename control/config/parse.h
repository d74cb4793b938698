// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Text -> Configuration. Reports everything that is wrong with a file at once; what could be read is in
// `configuration` either way, but it may be used only when ok().
#pragma once

#include "control/config/configuration.h"
#include "control/config/diagnostic.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

inline constexpr std::size_t max_configuration_bytes = 8 * 1024 * 1024;
inline constexpr std::size_t max_configuration_depth = 16; // `config` inside `config`

struct ParseResult {
	Configuration configuration;
	std::vector<Diagnostic> diagnostics; // sorted by position
	[[nodiscard]] bool ok() const;
};

// Pure, linear in the size of the text. `file_name` only names the place in diagnostics.
[[nodiscard]] ParseResult parse_configuration(std::string_view text, std::string_view file_name);

// Reads the file (a regular file of at most 8 MiB) and parses it. The one function here that does I/O.
// The buffer is wiped afterwards: it held the password.
[[nodiscard]] ParseResult load_configuration(const std::string &path);

} // namespace systole::control
