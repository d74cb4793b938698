// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What systoled asks of systole-spawner, a datagram each way over a pair of sockets. A request names a program by its
// number on the spawner's command line, never by a path, and sets no variable but SYSTOLE_*: whoever has taken systoled
// over can start nothing but the administrator's hooks and the keeper.
//
//   request   SpawnRequest; for a hook its variables, NAME=VALUE each with its NUL, and two descriptors: stdin, stdout
//   reply     SpawnReply
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace systole::control {

inline constexpr std::uint32_t spawn_keeper = UINT32_MAX; // otherwise the number of a hook

struct SpawnRequest {
	std::uint32_t program;
	std::uint32_t number; // the reply repeats it
};

struct SpawnReply {
	std::uint32_t number;
	std::int32_t pid;   // of systoled's new child, also of one that never became the program
	std::int32_t error; // errno; 0: it has become the program
};

inline constexpr std::string_view hook_variable_prefix = "SYSTOLE_";
inline constexpr std::size_t longest_spawn_request = 4096;

} // namespace systole::control
