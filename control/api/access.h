// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who may do what over the control socket, by what the kernel says of the other end when it connects:
//
//   root, the daemon's own user      everything
//   a member of the write group      everything
//   a member of the read group       commands that change nothing
//   anybody else                     nothing: told so and disconnected
//
// A member is who has the group as its own or as a supplementary one at that moment.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace systole::control {

enum class Access : std::uint8_t { none, read, change };

struct AccessGroups {
	std::optional<gid_t> read; // empty: there is none
	std::optional<gid_t> write;
};

struct SocketPeer {
	uid_t uid = 0;
	std::vector<gid_t> groups; // its own first
};

// Empty: the kernel does not say, for instance because it is no AF_UNIX socket.
[[nodiscard]] std::optional<SocketPeer> peer_of(int socket);
[[nodiscard]] Access access_of(const SocketPeer &peer, uid_t own_uid, const AccessGroups &groups);

// Lets the groups through the file system: an access control list for `path`, in which the others stay shut out. `mode` is
// what owner and file group have. Without groups: no such list. False: one line in `error`.
[[nodiscard]] bool open_to_groups(const std::string &path, const AccessGroups &groups, mode_t mode, std::string &error);

// The group of that name or number; empty: there is none.
[[nodiscard]] std::optional<gid_t> group_of(const std::string &name_or_number);

} // namespace systole::control
