// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systoled's side of systole-spawner: has hooks and another keeper started once systoled itself may not any more.
#pragma once

#include "control/takeover/spawn.h"

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace systole::control {

class SpawnerProcess {
public:
	// `program`: where systole-spawner is.
	explicit SpawnerProcess(std::string program = program_beside("systole-spawner")) : m_program(std::move(program))
	{
	}
	~SpawnerProcess(); // ends it
	SpawnerProcess(const SpawnerProcess &) = delete;
	SpawnerProcess &operator=(const SpawnerProcess &) = delete;

	// `hooks` are paths; `keeper` is its whole command line
	// (empty: none), which ends with the numbers of the descriptors in `inherited`. False: one line in `error`.
	[[nodiscard]] bool start(std::vector<std::string> hooks, const std::vector<std::string> &keeper,
				 std::span<const int> inherited, std::string &error);
	[[nodiscard]] bool running() const { return m_socket >= 0; }

	// One of the hooks of start(); `environment` as HookRunner makes it. The child is this process's.
	[[nodiscard]] SpawnResult hook(const char *path, char *const environment[], int input, int output);
	[[nodiscard]] SpawnResult keeper();

private:
	[[nodiscard]] SpawnResult ask(std::uint32_t program, std::string_view text, std::span<const int> descriptors);
	void give_up();

	std::string m_program;
	std::vector<std::string> m_hooks;
	std::uint32_t m_number = 0; // of the last request
	pid_t m_pid = -1;
	int m_socket = -1; // -1: it has ended
};

} // namespace systole::control
