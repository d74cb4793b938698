// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/spawner/process.h"

#include "control/spawner/request.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string_view>

namespace systole::control {

namespace {

constexpr std::chrono::milliseconds patience{1000}; // control waits; an exec takes one or two

void reap(pid_t pid)
{
	while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
}

} // namespace

SpawnerProcess::~SpawnerProcess()
{
	give_up();
}

bool SpawnerProcess::start(std::vector<std::string> hooks, const std::vector<std::string> &keeper,
			   std::span<const int> inherited, std::string &error)
{
	m_hooks = std::move(hooks);
	std::array<int, 2> sockets{-1, -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
		error = std::string("no socket for systole-spawner: ") + std::strerror(errno);
		return false;
	}
	const std::string socket_number = std::to_string(sockets[1]);
	std::vector<const char *> words{m_program.c_str(), socket_number.c_str()};
	for (const std::string &hook : m_hooks)
		words.push_back(hook.c_str());
	words.push_back("--");
	for (const std::string &word : keeper)
		words.push_back(word.c_str());
	words.push_back(nullptr);
	std::vector<int> descriptors(inherited.begin(), inherited.end());
	descriptors.push_back(sockets[1]);
	std::array<char *, 1> environment{nullptr};
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const SpawnResult spawned = spawn_detached(m_program.c_str(), const_cast<char *const *>(words.data()),
						   environment.data(), nothing, STDERR_FILENO, descriptors);
	close(nothing);
	close(sockets[1]);
	if (spawned.error != 0) {
		close(sockets[0]);
		error = m_program + " does not start: " + std::strerror(spawned.error);
		return false;
	}
	m_pid = spawned.pid;
	m_socket = sockets[0];
	return true;
}

SpawnResult SpawnerProcess::hook(const char *path, char *const environment[], int input, int output)
{
	const auto known = std::find(m_hooks.begin(), m_hooks.end(), path);
	if (known == m_hooks.end())
		return {-1, EPERM};
	std::string text;
	for (; *environment != nullptr; ++environment)
		if (std::string_view(*environment).starts_with(hook_variable_prefix))
			text.append(*environment).push_back('\0');
	const std::array<int, 2> descriptors{input, output};
	return ask(static_cast<std::uint32_t>(known - m_hooks.begin()), text, descriptors);
}

SpawnResult SpawnerProcess::keeper()
{
	return ask(spawn_keeper, {}, {});
}

SpawnResult SpawnerProcess::ask(std::uint32_t program, std::string_view text, std::span<const int> descriptors)
{
	if (m_socket < 0)
		return {-1, ESRCH};
	if (sizeof(SpawnRequest) + text.size() > longest_spawn_request)
		return {-1, E2BIG};
	SpawnRequest request{.program = program, .number = ++m_number};
	std::array<iovec, 2> parts{{{.iov_base = &request, .iov_len = sizeof(request)},
				    {.iov_base = const_cast<char *>(text.data()), .iov_len = text.size()}}};
	alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> rights{};
	msghdr message{};
	message.msg_iov = parts.data();
	message.msg_iovlen = parts.size();
	if (!descriptors.empty()) {
		message.msg_control = rights.data();
		message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
		cmsghdr *const part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
		std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
	}
	SpawnReply reply{};
	pollfd answered{.fd = m_socket, .events = POLLIN, .revents = 0};
	if (sendmsg(m_socket, &message, MSG_NOSIGNAL) < 0 ||
	    poll(&answered, 1, static_cast<int>(patience.count())) != 1 ||
	    recv(m_socket, &reply, sizeof(reply), 0) != sizeof(reply) || reply.number != request.number) {
		give_up(); // ended, or hung: a late answer would be taken for another's
		return {-1, ESRCH};
	}
	if (reply.error == 0)
		return {reply.pid, 0};
	if (reply.pid > 0)
		reap(reply.pid);
	return {-1, reply.error};
}

// It ends when its socket does; one that hangs must not be waited for.
void SpawnerProcess::give_up()
{
	if (m_socket >= 0)
		close(m_socket);
	m_socket = -1;
	if (m_pid > 0) {
		kill(m_pid, SIGKILL);
		reap(m_pid);
	}
	m_pid = -1;
}

} // namespace systole::control
