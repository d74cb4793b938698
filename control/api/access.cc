// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/access.h"

#include <grp.h>
#include <sys/acl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <type_traits>

namespace systole::control {

namespace {

constexpr std::size_t most_groups = 65536; // NGROUPS_MAX of the kernel

std::string permissions(mode_t mode)
{
	return {(mode & S_IROTH) != 0 ? 'r' : '-', (mode & S_IWOTH) != 0 ? 'w' : '-',
		(mode & S_IXOTH) != 0 ? 'x' : '-'};
}

} // namespace

std::optional<SocketPeer> peer_of(int socket)
{
	ucred credentials{};
	socklen_t length = sizeof(credentials);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
		return std::nullopt;
	SocketPeer peer{.uid = credentials.uid, .groups = {}};
	std::vector<gid_t> supplementary(64);
	length = static_cast<socklen_t>(supplementary.size() * sizeof(gid_t));
	int failed = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, supplementary.data(), &length);
	if (failed != 0 && errno == ERANGE && length <= most_groups * sizeof(gid_t)) { // length now says how much
		supplementary.resize(length / sizeof(gid_t));
		failed = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, supplementary.data(), &length);
	}
	supplementary.resize(failed == 0 ? length / sizeof(gid_t) : 0);
	peer.groups.push_back(credentials.gid);
	peer.groups.insert(peer.groups.end(), supplementary.begin(), supplementary.end());
	return peer;
}

Access access_of(const SocketPeer &peer, uid_t own_uid, const AccessGroups &groups)
{
	const auto is_member = [&peer](const std::optional<gid_t> &group) {
		return group && std::ranges::find(peer.groups, *group) != peer.groups.end();
	};
	if (peer.uid == 0 || peer.uid == own_uid || is_member(groups.write))
		return Access::change;
	return is_member(groups.read) ? Access::read : Access::none;
}

bool open_to_groups(const std::string &path, const AccessGroups &groups, mode_t mode, std::string &error)
{
	if (!groups.read && !groups.write) {
		(void)removexattr(path.c_str(), "system.posix_acl_access"); // of an earlier start, with groups
		return true;
	}
	const std::string group = permissions((mode >> 3) & S_IRWXO);
	std::string text = "u::" + permissions((mode >> 6) & S_IRWXO) + ",g::" + group + ",m::" + group + ",o::---";
	if (groups.read)
		text += ",g:" + std::to_string(*groups.read) + ":" + group;
	if (groups.write && groups.write != groups.read)
		text += ",g:" + std::to_string(*groups.write) + ":" + group;
	const std::unique_ptr<std::remove_pointer_t<acl_t>, int (*)(void *)> list(acl_from_text(text.c_str()),
										  acl_free);
	if (list == nullptr || acl_set_file(path.c_str(), ACL_TYPE_ACCESS, list.get()) != 0) {
		error = "the groups of the control socket cannot be let in at " + path + ": " + std::strerror(errno) +
			"; its file system must keep access control lists";
		return false;
	}
	return true;
}

std::optional<gid_t> group_of(const std::string &name_or_number)
{
	gid_t number = 0;
	const auto end = name_or_number.data() + name_or_number.size();
	if (const auto read = std::from_chars(name_or_number.data(), end, number);
	    read.ec == std::errc{} && read.ptr == end)
		return number;
	if (const group *const known = getgrnam(name_or_number.c_str()); known != nullptr)
		return known->gr_gid;
	return std::nullopt;
}

} // namespace systole::control
