// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where one instance of the daemon keeps its things, and that only one process is that instance.
//
//   /run/systole/NAME/      0750   control.sock, lock (holds the pid), session-ring, tcp-was-strict
//   /var/lib/systole/NAME/  0750   history.jsonl and what else must survive
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace systole::control {

struct InstancePaths {
	std::string name;
	std::string run_directory;
	std::string state_directory;

	[[nodiscard]] std::string socket() const { return run_directory + "/control.sock"; }
	[[nodiscard]] std::string lock() const { return run_directory + "/lock"; }
	[[nodiscard]] std::string session_ring() const { return run_directory + "/session-ring"; }
	[[nodiscard]] std::string tcp_liberality() const { return run_directory + "/tcp-was-strict"; }
	[[nodiscard]] std::string keeper_lock() const { return run_directory + "/keeper.lock"; }
	[[nodiscard]] std::string resume_keys() const { return state_directory + "/resume"; }
	[[nodiscard]] std::string history() const { return state_directory + "/history.jsonl"; }
};

// [A-Za-z0-9_-]{1,32}: it becomes part of paths.
[[nodiscard]] bool is_instance_name(std::string_view name);
// `root` stands before /run and /var/lib; empty outside tests.
[[nodiscard]] InstancePaths instance_paths(std::string_view name, std::string_view root = {});

enum class InstanceRefusal : std::uint8_t {
	none,
	name,    // not an instance name
	running, // another process is this instance
	files,   // a directory or the lock file cannot be made or opened
};

// Holds the instance from take() to its destruction. The kernel gives the lock back however the process ends.
class InstanceLock {
public:
	// Creates the directories and locks. On refusal: empty, one line in `error`, the cause in `refusal`.
	[[nodiscard]] static std::optional<InstanceLock> take(const std::string &instance, std::string &error,
							      InstanceRefusal *refusal = nullptr);
	[[nodiscard]] static std::optional<InstanceLock> take(const InstancePaths &paths, std::string &error,
							      InstanceRefusal *refusal = nullptr);

	InstanceLock(InstanceLock &&other) noexcept;
	InstanceLock &operator=(InstanceLock &&other) noexcept;
	~InstanceLock();

	[[nodiscard]] const InstancePaths &paths() const { return m_paths; }

private:
	InstanceLock(InstancePaths paths, int fd) : m_paths(std::move(paths)), m_fd(fd) {}

	InstancePaths m_paths;
	int m_fd = -1;
};

} // namespace systole::control
