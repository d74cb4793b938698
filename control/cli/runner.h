// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Carries out one command line: understand, confirm, ask, print. The same for one-shot, batch and prompt.
#pragma once

#include "control/cli/client.h"

#include <cstdio>
#include <span>
#include <string>

namespace systole::control::cli {

// Exit codes of systolectl (docs: CONTRACT of the command line).
enum class Exit : int {
	ok = 0,
	refused = 1,   // the daemon answered with an error
	usage = 2,     // the command was not understood
	no_daemon = 3, // nobody answers
};

struct CliOptions {
	std::string socket;
	std::string instance; // empty when -s was given
	bool json = false;
};

class Runner {
public:
	explicit Runner(const CliOptions &options) : m_options(options), m_client(options.socket, options.instance) {}

	// A last word "?" asks what could stand there.
	Exit run(std::span<const std::string> words);
	// One command a line; empty lines and lines that begin with # are skipped. Stops at the first that fails.
	Exit run_batch(std::FILE *input, const std::string &name);

	[[nodiscard]] const Client &client() const { return m_client; }
	[[nodiscard]] const CliOptions &options() const { return m_options; }

private:
	CliOptions m_options;
	Client m_client;
};

} // namespace systole::control::cli
