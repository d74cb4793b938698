// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which system calls the daemon's threads may still make when everything has been started (seccomp). Two filters, one on
// top of the other; the stricter answer counts:
//
//   every thread       a list of what is allowed; unknown calls fail with EPERM, for a rare call that the list forgot must
//                      not cost a working primary its life; what only an intruder calls kills the process: execve, fork,
//                      ptrace, mount, setuid and their like. No memory becomes executable.
//   poll core, control on top: no sockets at all, and nothing that opens files or makes threads; no internet sockets
//
// Programs (hooks, another keeper) are started by systole-spawner, which no filter binds.
#pragma once

#include <string>

namespace systole::control {

struct SystemCallNeeds {
	bool internet = false;     // link monitors or a witness: their threads speak TCP and UDP
	bool netdev_ports = false; // a port of that kind that comes back asks the kernel through an AF_INET socket
	bool xdp = false;          // bpf(2), AF_XDP
};

// All threads there are and will be (TSYNC). False, here and below: one line in `error`, and nothing has changed.
[[nodiscard]] bool confine_process(const SystemCallNeeds &needs, std::string &error);
// This thread, and those it makes. After confine_process(): TSYNC refuses threads that have a filter of their own.
[[nodiscard]] bool confine_poll_core(std::string &error);
[[nodiscard]] bool confine_control(std::string &error);

} // namespace systole::control
