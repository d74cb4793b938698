// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The interactive prompt: line editing and history by libedit, `?` for help without Enter, TAB to complete.
#pragma once

#include "control/cli/runner.h"

namespace systole::control::cli {

// Until `exit`, `quit`, `end` or the end of the input. `name` stands in the prompt. The code of the last command.
Exit run_prompt(Runner &runner, const std::string &name);

} // namespace systole::control::cli
