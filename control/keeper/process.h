// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systoled's side of its keeper: starts it, looks after it, and makes sure that only one of an instance is at work.
#pragma once

#include "control/spawner/process.h"
#include "control/takeover/holdings.h"

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

namespace systole::control {

class KeeperProcess {
public:
	// Starts systole-keeper, which stands beside this program. `lock_file` is the keeper's, not the
	// daemon's. Waits for the keeper of a predecessor to finish its work first, and ends it if it does not.
	// False: `error` says why; the daemon can run without, but nobody takes its addresses away when it is killed.
	[[nodiscard]] bool start(const std::string &instance, const std::string &lock_file, core::Duration dead,
				 std::string &error);
	// Once it has died (pidfd() is readable): the cause, in words; start_again() brings a new one.
	[[nodiscard]] std::string reap();
	[[nodiscard]] bool start_again(std::string &error);
	// Once this process may start no program itself: has `spawner` start the next one. For it: the keeper's command
	// line, and the descriptors that it ends with.
	void start_by(SpawnerProcess *spawner) { m_spawner = spawner; }
	[[nodiscard]] std::vector<std::string> command() const;
	[[nodiscard]] std::array<int, 2> inherited() const { return {m_memory, m_self}; }
	// systoled ends in good order and holds nothing any more.
	void finish();

	[[nodiscard]] HoldingsPage *page() const { return m_page; }
	[[nodiscard]] bool running() const { return m_pid > 0; }
	[[nodiscard]] int pidfd() const { return m_pidfd; }

private:
	[[nodiscard]] bool spawn(std::string &error);
	[[nodiscard]] SpawnResult spawn_here() const;

	SpawnerProcess *m_spawner = nullptr;
	std::string m_program;
	std::string m_instance;
	std::string m_lock_file;
	core::Duration m_dead{};
	HoldingsPage *m_page = nullptr;
	int m_memory = -1;
	int m_self = -1; // pidfd of this process
	pid_t m_pid = -1;
	int m_pidfd = -1;
};

} // namespace systole::control
