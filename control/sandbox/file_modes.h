// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Files that hold secrets, and who else may read or change them. Looked at before anything starts: a secret that others
// have read is none, and a daemon that runs on would hide it.
#pragma once

#include <string>
#include <vector>

namespace systole::control {

// Each answer: one line for every fault, with file, mode and cure; empty: good.

// The configuration with the password: the owner is root or this user; the group may read, nobody else anything.
[[nodiscard]] std::vector<std::string> loose_configuration(const std::string &file);
// The state directory: nothing for others, no writing for the group. Its resume/ and what is in it: the owner's alone.
// What does not exist is good.
[[nodiscard]] std::vector<std::string> loose_state(const std::string &directory);

} // namespace systole::control
