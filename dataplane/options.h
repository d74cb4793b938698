// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systoled's command line: systoled [EAL options --] [-f FILE] [-t] [-i] [-n INSTANCE]
//          [--read-group GROUP] [--write-group GROUP] [--no-sandbox] [--key-log DIR] ...
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace systole::dataplane {

// Exit codes other programs rely on.
enum ExitCode : int {
	exit_ok = 0,
	exit_failure = 1,
	exit_usage = 2,
	exit_configuration = 3,
	exit_eal = 4,
	exit_running = 5,
	exit_keys = 6,
};

struct Options {
	enum class Action : unsigned char { run, test, version, help };
	Action action = Action::run;
	std::string file = "/etc/systole/systole.conf";
	std::string instance = "default";
	bool prompt = false;
	std::string key_log;    // directory, empty: none
	std::string read_group; // name or number, empty: none
	std::string write_group;
	bool sandbox = true;
	std::vector<std::string> eal; // what stood before a lone --
};

struct ParsedOptions {
	Options options;
	std::string error; // empty: good
};
// `arguments` without the program's name.
[[nodiscard]] ParsedOptions parse_options(std::span<const char *const> arguments);
[[nodiscard]] std::string usage();

} // namespace systole::dataplane
