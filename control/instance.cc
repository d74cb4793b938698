// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/instance.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace systole::control {

namespace {

constexpr std::size_t max_name = 32;

// Makes `path` and what is missing above it; only the last part gets `mode`, the others are 0755.
bool make_directory(const std::string &path, mode_t mode, std::string &error)
{
	for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
		const bool last = at == std::string::npos;
		const std::string part = path.substr(0, at);
		if (mkdir(part.c_str(), last ? mode : 0755) == 0) {
			if (chmod(part.c_str(), last ? mode : 0755) != 0) { // the umask may have taken bits away
				error = "cannot set the mode of " + part + ": " + std::strerror(errno);
				return false;
			}
		} else if (errno != EEXIST) {
			error = "cannot create the directory " + part + ": " + std::strerror(errno) +
				(errno == EACCES ? "; run as root, or let root create it for this user, mode 0750"
						 : "");
			return false;
		}
		if (last)
			return true;
	}
}

std::string pid_in(int fd)
{
	std::array<char, 16> text{};
	const ssize_t n = pread(fd, text.data(), text.size(), 0);
	std::string pid(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
	pid.erase(std::find_if(pid.begin(), pid.end(), [](char c) { return c < '0' || c > '9'; }), pid.end());
	return pid;
}

} // namespace

bool is_instance_name(std::string_view name)
{
	return !name.empty() && name.size() <= max_name && std::all_of(name.begin(), name.end(), [](char c) {
		return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
		       c == '-';
	});
}

InstancePaths instance_paths(std::string_view name, std::string_view root)
{
	InstancePaths paths;
	paths.name = name;
	paths.run_directory = std::string(root) + "/run/systole/" + paths.name;
	paths.state_directory = std::string(root) + "/var/lib/systole/" + paths.name;
	return paths;
}

std::optional<InstanceLock> InstanceLock::take(const std::string &instance, std::string &error,
					       InstanceRefusal *refusal)
{
	return take(instance_paths(instance), error, refusal);
}

std::optional<InstanceLock> InstanceLock::take(const InstancePaths &paths, std::string &error, InstanceRefusal *refusal)
{
	const auto refuse = [&](InstanceRefusal cause) {
		if (refusal != nullptr)
			*refusal = cause;
		return std::nullopt;
	};
	if (!is_instance_name(paths.name)) {
		error = "'" + paths.name + "' is not an instance name: use 1 to 32 of A-Z a-z 0-9 _ -";
		return refuse(InstanceRefusal::name);
	}
	if (!make_directory(paths.run_directory, 0750, error) || !make_directory(paths.state_directory, 0750, error))
		return refuse(InstanceRefusal::files);

	const std::string file = paths.lock();
	const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		error = "cannot open the lock file " + file + ": " + std::strerror(errno) +
			(errno == EACCES ? "; another user has run this instance: remove " + paths.run_directory +
						   " and chown " + paths.state_directory + " to this user"
					 : "");
		return refuse(InstanceRefusal::files);
	}
	InstanceLock lock(paths, fd);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK) {
			error = "cannot lock " + file + ": " + std::strerror(errno);
			return refuse(InstanceRefusal::files);
		}
		const std::string pid = pid_in(fd);
		error = "instance '" + paths.name + "' runs already" + (pid.empty() ? "" : " (pid " + pid + ")") +
			": stop it, or give this one another name with -n";
		return refuse(InstanceRefusal::running);
	}
	const std::string pid = std::to_string(getpid()) + "\n";
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
		error = "cannot write " + file + ": " + std::strerror(errno);
		return refuse(InstanceRefusal::files);
	}
	if (refusal != nullptr)
		*refusal = InstanceRefusal::none;
	return lock;
}

InstanceLock::InstanceLock(InstanceLock &&other) noexcept
    : m_paths(std::move(other.m_paths)), m_fd(std::exchange(other.m_fd, -1))
{
}

InstanceLock &InstanceLock::operator=(InstanceLock &&other) noexcept
{
	std::swap(m_paths, other.m_paths);
	std::swap(m_fd, other.m_fd);
	return *this;
}

// The file stays: unlinking it would let a third process lock a new one while a second holds the old one.
InstanceLock::~InstanceLock()
{
	if (m_fd >= 0)
		close(m_fd);
}

} // namespace systole::control
