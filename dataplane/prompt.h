// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `systoled -i`: systolectl on this terminal, talking to our own control socket. Leaving the prompt ends the daemon.
#pragma once

#include <sys/types.h>

#include <stop_token>
#include <string>
#include <thread>

namespace systole::dataplane {

class Prompt {
public:
	// Starts systolectl at once, which waits for the socket: later this process may start nothing.
	explicit Prompt(const std::string &socket_path);
	~Prompt(); // ends systolectl if it still runs
	Prompt(const Prompt &) = delete;
	Prompt &operator=(const Prompt &) = delete;

private:
	void run(const std::stop_token &stopping) const;

	pid_t m_child; // -1: it could not be started
	std::jthread m_thread;
};

} // namespace systole::dataplane
