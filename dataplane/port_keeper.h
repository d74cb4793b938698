// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Ports that go and come back while the daemon runs: a kernel interface that is removed and made again under its name
// (af_packet, af_xdp), the other end of a memif link that restarts. A thread of its own looks several times a second;
// opening a device takes tens of milliseconds and belongs neither to the poll core nor to control.
//
//              fault seen               worker has let go             device is back
//   in use ---------------> leaving -------------------------> away -----------------> in use
//                        gate: asked                       gate: closed              gate: open
//
// A fault is: the interface of that name has another index, or none; a memif client without a link. The driver notices
// neither by itself, and af_packet would in the end wait in the kernel for room in a queue that nothing empties.
// Not handled: a PCI NIC taken out of a running machine.
#pragma once

#include "dataplane/device.h"
#include "dataplane/port.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace systole::dataplane {

class PortKeeper {
public:
	using Clock = std::chrono::steady_clock;

	// `devices` and `ports` go together by their place, and outlive the keeper.
	PortKeeper(std::span<const Device> devices, std::span<Port *const> ports);
	~PortKeeper(); // ends the thread; ports stay as they are
	PortKeeper(const PortKeeper &) = delete;
	PortKeeper &operator=(const PortKeeper &) = delete;

	void start();
	// One look at every port: what the thread does. Tests call it instead of start().
	void look(Clock::time_point now);

private:
	enum class State : unsigned char { in_use, leaving, away };
	enum class Back : unsigned char { yes, not_there, refused };
	struct Kept {
		const Device *device;
		Port *port;
		State state = State::in_use;
		bool attached = true; // EAL knows the device
		unsigned ifindex = 0; // of the interface that is open
		Clock::time_point linkless_since{};
		Clock::time_point next_try{};
		std::string told; // why it is away, said once
	};

	void run();
	static void look(Kept &kept, Clock::time_point now);
	static void tell(Kept &kept, const std::string &what);
	[[nodiscard]] static bool has_fault(Kept &kept, Clock::time_point now);
	static void put_away(Kept &kept);
	static void detach(Kept &kept);
	[[nodiscard]] static Back bring_back(Kept &kept);

	std::vector<Kept> m_ports;
	std::mutex m_mutex;
	std::condition_variable m_wake;
	bool m_stop = false;
	std::thread m_thread;
};

} // namespace systole::dataplane
