// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Is this what the option takes? Judges the words of one `set` line by the option's row and gives their canonical form.
#pragma once

#include "control/config/option.h"

#include <cstddef>
#include <string>

namespace systole::control::config {

struct Judgement {
	Words words;          // canonical; empty when there is an error, or when the value is the empty one
	std::string error;    // empty: good. Says what is wrong and what to write.
	std::size_t word = 0; // which word the error is about
};

// `words` is not empty. Not for Kind::secret (parser.cc handles that one without making copies).
[[nodiscard]] Judgement judge(const Option &option, const Words &words);

// What the option takes, in a few words: "0-255", "enable | disable", ...; for error messages and the reference.
[[nodiscard]] std::string describe_values(const Option &option);

} // namespace systole::control::config
