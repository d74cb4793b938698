// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-spawner: starts programs for a systoled that has given up execve, fork and its capabilities. Started by systoled
// before anything else, with the rights that systoled was started with; it knows no keys and hears nothing of the network.
//
//   systole-spawner SOCKET-FD HOOK... -- [KEEPER ARGUMENT...]
//
// What it starts becomes systoled's child. It ends when systoled does: the socket says so.
#include "control/spawner/request.h"
#include "control/takeover/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace systole::control;

constexpr int fifo_priority = 40;                  // as control, which waits for the answer
constexpr std::size_t descriptors_of_a_keeper = 2; // its last two arguments: memory, systoled's pidfd

struct Programs {
	std::vector<char *> hooks;
	std::vector<char *> keeper; // its command line with the null at its end; empty: none
};

Programs programs_of(std::span<char *const> words)
{
	Programs programs;
	std::size_t i = 0;
	for (; i < words.size() && std::string_view(words[i]) != "--"; ++i)
		programs.hooks.push_back(words[i]);
	if (i + 1 < words.size()) {
		programs.keeper.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
		programs.keeper.push_back(nullptr);
	}
	return programs;
}

// The variables of a hook; empty if anything else is among them.
std::vector<char *> environment_of(std::span<char> text)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	std::vector<char *> environment{path};
	while (!text.empty()) {
		const std::size_t length = strnlen(text.data(), text.size());
		if (length == text.size() || !std::string_view(text.data(), length).starts_with(hook_variable_prefix))
			return {};
		environment.push_back(text.data());
		text = text.subspan(length + 1);
	}
	environment.push_back(nullptr);
	return environment;
}

SpawnResult start_keeper(const Programs &programs)
{
	if (programs.keeper.size() < descriptors_of_a_keeper + 2)
		return {-1, ENOENT};
	const auto last = programs.keeper.end() - 1;
	const std::array<int, descriptors_of_a_keeper> inherited{std::atoi(last[-2]), std::atoi(last[-1])};
	std::array<char *, 1> environment{nullptr};
	const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const SpawnResult result = spawn_sibling(programs.keeper[0], programs.keeper.data(), environment.data(),
						 nothing, STDERR_FILENO, inherited);
	close(nothing);
	return result;
}

SpawnResult start_hook(char *path, std::span<char> variables, int input, int output)
{
	std::vector<char *> environment = environment_of(variables);
	if (environment.empty() || input < 0 || output < 0)
		return {-1, EINVAL};
	std::array<char *, 2> arguments{path, nullptr};
	return spawn_sibling(path, arguments.data(), environment.data(), input, output);
}

// The descriptors that came with a message; -1: none.
std::array<int, 2> descriptors_in(msghdr &message)
{
	std::array<int, 2> descriptors{-1, -1};
	for (cmsghdr *part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
		    part->cmsg_len == CMSG_LEN(sizeof(descriptors)))
			std::memcpy(descriptors.data(), CMSG_DATA(part), sizeof(descriptors));
	return descriptors;
}

// One request; false: there will be no other.
bool serve(int socket, const Programs &programs)
{
	std::array<char, longest_spawn_request> text{};
	alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> rights{};
	iovec part{.iov_base = text.data(), .iov_len = text.size()};
	msghdr message{};
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = rights.data();
	message.msg_controllen = rights.size();
	const ssize_t length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (length < 0 && errno == EINTR)
		return true;
	SpawnRequest request{};
	if (length < static_cast<ssize_t>(sizeof(request)))
		return false;
	std::memcpy(&request, text.data(), sizeof(request));
	const std::array<int, 2> descriptors = descriptors_in(message);

	SpawnResult result{-1, EINVAL};
	const auto rest = std::span(text).first(static_cast<std::size_t>(length)).subspan(sizeof(request));
	if (request.program == spawn_keeper)
		result = start_keeper(programs);
	else if (request.program < programs.hooks.size())
		result = start_hook(programs.hooks[request.program], rest, descriptors[0], descriptors[1]);
	for (const int descriptor : descriptors)
		if (descriptor >= 0)
			close(descriptor);
	const SpawnReply reply{.number = request.number, .pid = result.pid, .error = result.error};
	return send(socket, &reply, sizeof(reply), MSG_NOSIGNAL) == sizeof(reply);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc < 3) {
		std::fputs("systole-spawner is started by systoled: SOCKET-FD HOOK... -- [KEEPER ARGUMENT...]\n",
			   stderr);
		return 2;
	}
	struct sigaction ignore {};
	ignore.sa_handler = SIG_IGN;
	// Whoever stops systoled may signal all of its processes: its last hooks are still to be started.
	for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
		sigaction(number, &ignore, nullptr);
	prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL); // systoled of the same user must not be able to make it do more
	const sched_param parameter{.sched_priority = fifo_priority};
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter); // systoled says when it is refused
	const Programs programs = programs_of({argv + 2, static_cast<std::size_t>(argc) - 2});
	const int socket = std::atoi(argv[1]);
	while (serve(socket, programs)) {}
	return EXIT_SUCCESS;
}
