// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One thread, one epoll set: sockets, the beat of a timer, and the controlling pipe. Nothing here ever spins.
#pragma once

#include "bench/prober/descriptor.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace systole::prober {

class EventLoop {
public:
	using Handler = std::function<void(std::uint32_t events)>;

	EventLoop();

	// Calls `handler` whenever `fd` has one of `events` (EPOLLIN ...). The caller keeps the descriptor.
	void watch(int fd, std::uint32_t events, Handler handler);
	void change(int fd, std::uint32_t events);
	// Must come before the descriptor is closed. Safe from within a handler, also from the one of `fd`.
	void forget(int fd);

	// Calls `tick` at absolute times `interval_ns` apart, and once (not several times) after a stall.
	void every(std::int64_t interval_ns, std::function<void()> tick);

	void run();
	void stop() { m_running = false; }

private:
	Descriptor m_epoll;
	std::unordered_map<int, std::shared_ptr<Handler>> m_handlers;
	std::vector<Descriptor> m_timers;
	bool m_running = true;
};

} // namespace systole::prober
