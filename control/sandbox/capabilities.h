// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which capabilities a process keeps. They belong to threads, and a new thread has those of its maker: whoever gives some
// away does it before there is another thread, for none of them can be made to follow later.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace systole::control {

// Of the daemon: interfaces, addresses and routes; packet and raw sockets; locked memory; real-time priority. For af_xdp
// also what loads a program into the kernel.
[[nodiscard]] std::vector<unsigned> daemon_capabilities(bool xdp);
// Of the keeper: it deletes addresses and links.
[[nodiscard]] std::vector<unsigned> keeper_capabilities();

// Without these nothing works: those of `wanted` that the process does not have and that are no mere convenience
// (real-time priority and locked memory are: their lack is told where they are asked for).
[[nodiscard]] std::vector<unsigned> missing_capabilities(std::span<const unsigned> wanted);

// Gives all others away, for good: permitted, effective, inheritable and ambient, and the bounding set where the process may.
// Those of `wanted` that it does not have stay away. False: one line in `error`.
[[nodiscard]] bool keep_only_capabilities(std::span<const unsigned> wanted, std::string &error);

// What this thread has now, as capabilities(7) writes it: "NET_ADMIN NET_RAW"; "none".
[[nodiscard]] std::string capabilities_text();
[[nodiscard]] std::string capabilities_text(std::span<const unsigned> capabilities);

} // namespace systole::control
