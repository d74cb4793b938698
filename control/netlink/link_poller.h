// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Asks the kernel for all links again and again, on a thread of its own: it may hold a loss of carrier back for up to a
// second (linkwatch), and the question waits for the kernel's network lock, which others may hold for long. The control
// thread may not wait for either.
#pragma once

#include "control/core/types.h"
#include "control/netlink/inventory.h"

#include <functional>
#include <system_error>
#include <thread>
#include <vector>

namespace systole::control {

class LinkPoller {
public:
	struct Answer {
		std::error_code error;
		std::vector<LinkInfo> links;
		std::uint64_t asked_at = 0; // what `moment` said before the question
	};
	using Moment = std::function<std::uint64_t()>;
	using Answered = std::function<void(Answer)>;

	~LinkPoller() { stop(); }
	// Both are called on the poller's thread. It belongs to the network namespace of the caller.
	void start(core::Duration interval, Moment moment, Answered answered);
	void stop();

private:
	std::jthread m_thread;
};

} // namespace systole::control
