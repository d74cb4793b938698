// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/prompt.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace systole::dataplane {

namespace {

constexpr std::chrono::milliseconds look_again{20};

// The one beside our own binary, as in a build directory, else the one in PATH.
std::string systolectl_path()
{
	std::error_code ignored;
	const auto beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "systolectl";
	return std::filesystem::exists(beside, ignored) ? beside.string() : std::string("systolectl");
}

// Gives the terminal to a process group; a background process that does so would be stopped by SIGTTOU.
void give_terminal(pid_t group)
{
	sigset_t ttou;
	sigset_t before;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	(void)tcsetpgrp(STDIN_FILENO, group);
	pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// In a process group of its own: Ctrl-C belongs to the prompt and must not stop the daemon.
pid_t spawn_systolectl(const std::string &socket_path)
{
	const std::string program = systolectl_path();
	const std::array<const char *, 6> words{"systolectl", "--wait", "60", "-s", socket_path.c_str(), nullptr};
	posix_spawnattr_t attributes;
	posix_spawnattr_init(&attributes);
	sigset_t none;
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	pid_t child = -1;
	const int result = posix_spawnp(&child, program.c_str(), nullptr, &attributes,
					const_cast<char *const *>(words.data()), environ);
	posix_spawnattr_destroy(&attributes);
	if (result != 0) {
		std::fprintf(stderr, "systoled: no prompt: cannot start %s: %s\n", program.c_str(),
			     std::strerror(result));
		return -1;
	}
	if (isatty(STDIN_FILENO) != 0)
		give_terminal(child);
	return child;
}

} // namespace

Prompt::Prompt(const std::string &socket_path)
    : m_child(spawn_systolectl(socket_path)), m_thread([this](const std::stop_token &stopping) { run(stopping); })
{
}

Prompt::~Prompt() = default; // jthread asks to stop and joins

void Prompt::run(const std::stop_token &stopping) const
{
	int status = 0;
	bool ended = m_child < 0;
	while (!ended && !stopping.stop_requested()) {
		ended = waitpid(m_child, &status, WNOHANG) != 0;
		if (!ended)
			std::this_thread::sleep_for(look_again);
	}
	if (!ended) {
		kill(m_child, SIGTERM);
		waitpid(m_child, &status, 0);
	}
	if (isatty(STDIN_FILENO) != 0)
		give_terminal(getpgrp());
	if (m_child >= 0 && !stopping.stop_requested())
		kill(getpid(), SIGTERM);
}

} // namespace systole::dataplane
