// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The control thread: everything that happens comes in here as an event, the core decides, the executor acts.
//
//   ring doorbell --+
//   netlink --------+--> feed(event) --> core::Node::step --> Executor --> worker, addresses, hooks, record
//   timers ---------+        ^                                  |
//   unix socket ----+        +------------- key results --------+
#pragma once

#include "control/api/access.h"
#include "control/config/configuration.h"
#include "control/keeper/process.h"
#include "control/ring.h"
#include "control/spawner/process.h"

#include <functional>
#include <string>
#include <vector>

namespace systole::control {

struct DaemonSetup {
	Configuration configuration; // hostname and serial filled in
	std::string config_file;
	std::string instance;
	std::string key_log_dir; // empty: no key log
	std::string file;        // of the configuration: its passwords are read again at a rekey
	std::vector<HeartbeatPort> ports;
	WorkerChannel *channel = nullptr;
	KeeperProcess *keeper = nullptr; // null: none could be started
	SpawnerProcess *spawner = nullptr;
	AccessGroups groups; // of the control socket
	bool sandbox = true;
	std::string sandbox_text;   // one line: what the process has kept, or that it has given nothing up
	std::string poll_mode;      // "busy" or "adaptive"
	std::string dataplane_text; // one line: EAL, memory, ports
	// Ends the worker and waits for it: it must be gone before the security associations that it borrows.
	std::function<void()> stop_worker;
};

// Runs until SIGINT or SIGTERM. The exit code of systoled: 0 ok, 6 keys or permissions, 1 anything else.
[[nodiscard]] int run_daemon(DaemonSetup setup);

} // namespace systole::control
