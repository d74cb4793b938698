// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Holds the addresses of one virtual cluster, or holds none of them: one macvlan with the virtual MAC on each of its
// traffic interfaces.
//
//             claim()                    release()                      finish_release()
//   standby ----------> primary ------------------------> releasing ----------------------> standby
//   macvlans down       macvlans up, addresses, arps      addresses gone, macvlans up       macvlans down
//                          ^                                   |
//                          '-----------------------------------'  claim(), at any moment
//
//   primary -- linger() --> lingering -- release() --> releasing
//
// linger() is the planned way to a release: the successor has claimed and announced, and what switches still send here
// is passed on, silently, until they have learnt. A release after that sets the macvlans down before IPv6 addresses go, or the
// kernel's farewells to their multicast groups would turn the switches back here; nobody waits for it.
//
// suspend() is for a primary that was away and may have been succeeded: it announces and mends nothing until claim() or
// release(). The keeper has probably taken the addresses by then.
//
// claim() is one netlink batch, then the first announcement of every address; nothing is opened, made or looked up on
// that path. release() takes the addresses away, also in one batch, and is what a planned switch waits for: from its
// return on nothing leaves with the virtual MAC. Setting a macvlan down costs the kernel 10 to 20 ms (it waits for its
// readers, holding the lock every claim needs) and is left to finish_release(), some 50 ms later: where two members
// share one kernel, as in the lab, the successor's claim is through by then.
//
// Whatever happens to the links (a port goes and comes back, someone deletes a macvlan or an address), handle_link()
// and handle_address() compare the kernel with what should be and mend the difference.
//
// What is there once for all virtual clusters belongs to Takeovers. One thread uses both; everything lives in the network
// namespace that thread is in. Routes beyond the connected ones
// are not its business: those that lead over a macvlan vanish with a release, role hooks or a routing daemon set them.
#pragma once

#include "control/core/types.h"
#include "control/netlink/route_socket.h"
#include "control/takeover/announcer.h"
#include "control/takeover/holdings.h"
#include "control/takeover/interface_settings.h"
#include "control/takeover/takeover_error.h"
#include "control/takeover/takeover_settings.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

using TakeoverErrors = std::vector<TakeoverError>;

// Moments are CLOCK_MONOTONIC.
struct ClaimReport {
	core::Duration committed_in{}; // sessions, before that
	core::Time start{};
	core::Time netlink_done{};
	core::Time first_announced{}; // Time{} when nothing was announced
	core::Time all_announced{};
	TakeoverErrors errors; // the rest was done all the same
};
struct ReleaseReport {
	core::Time start{};
	core::Time netlink_done{};
	TakeoverErrors errors;
};

class Takeover {
public:
	enum class State : std::uint8_t { standby, primary, suspended, lingering, releasing };

	// Of Takeovers, for all.
	struct Tools {
		RouteSocket &socket;
		Announcer &announcer;
		Holdings &holdings; // where the keeper reads what it must take away should this process not be able to
	};

	// `settings` has the interfaces of this virtual cluster alone.
	Takeover(std::uint8_t vcluster, TakeoverSettings settings, Tools tools);
	~Takeover(); // shutdown()
	Takeover(const Takeover &) = delete;
	Takeover &operator=(const Takeover &) = delete;

	// Makes the macvlans, down. An interface that cannot be prepared is named in the result and tried again when its
	// link changes. The tools are open by now.
	[[nodiscard]] TakeoverErrors start();
	// Releases, deletes the macvlans, gives the base ports their settings back. Doing it twice does nothing.
	TakeoverErrors shutdown();

	// Calling it while primary confirms everything and announces again.
	// planned: the predecessor forwards until we have announced. Nothing leaves before everything is in place, which takes
	// some 10 ms a port.
	enum class Haste : std::uint8_t { urgent, planned };
	[[nodiscard]] ClaimReport claim(Haste haste = Haste::urgent);
	void suspend();
	void linger();
	[[nodiscard]] ReleaseReport release();
	[[nodiscard]] TakeoverErrors finish_release();
	[[nodiscard]] State state() const { return m_state; }

	// The rest of the train: when the next announcement is due (core::never: none) and doing it, if it is due.
	[[nodiscard]] core::Time next_announcement() const { return std::min(m_next_announcement, m_next_reminder); }
	[[nodiscard]] TakeoverErrors announce(core::Time now);
	// Starts the train anew, at once: after a healed partition, also when this member stayed primary.
	[[nodiscard]] TakeoverErrors announce_again();

	// Names for a LinkMonitorTable, whose callbacks lead here.
	[[nodiscard]] std::vector<std::string> watched_links() const;
	[[nodiscard]] TakeoverErrors handle_link(std::string_view name);
	// Addresses that went away while this member is primary come back with mend_addresses(): once for all of them.
	void handle_address(int ifindex, const IpPrefix &prefix, bool present);
	void doubt_addresses(); // messages about them were lost
	[[nodiscard]] TakeoverErrors mend_addresses();

	[[nodiscard]] std::uint8_t vcluster() const { return m_vcluster; }
	// Of its own interfaces: those that could not be prepared although their port is there.
	[[nodiscard]] std::vector<std::string> problems() const;

private:
	struct Port {
		TrafficInterface config;
		std::vector<IpPrefix> addresses;
		std::string macvlan;
		int base_index = 0; // 0: the base port is not there
		int macvlan_index = 0;
		bool base_running = false;
		std::vector<SavedSetting> saved;
		std::string problem;   // why there is no macvlan
		bool doubtful = false; // an address of it may be missing
	};
	// A batch and, for each of its requests, what to call its failure.
	struct Work {
		struct Step {
			const Port *port;
			TakeoverFault fault;
			std::string detail;
		};
		RequestBatch batch;
		std::vector<Step> steps;
	};

	void prepare(Port &port, TakeoverErrors &errors);
	bool make_macvlan(Port &port, TakeoverErrors &errors);
	void reconcile(Port &port, TakeoverErrors &errors);
	void claim_port(Port &port, TakeoverErrors &errors);
	void delete_macvlan(int index, const Port &port, TakeoverErrors &errors);
	// What is not there to be claimed is passed over.
	static void add_claim(Work &work, std::span<const Port> ports);
	void ask_neighbours_quickly(bool quickly) const;
	void add_silence(Work &work, bool silent);
	static void add_addresses(Work &work, const Port &port, bool v6, bool wanted);
	static void add_link(Work &work, const Port &port, bool up);
	void run(Work &work, TakeoverErrors &errors);
	void arm();
	void start_train(core::Time now);
	void stop_train();
	void announce_port(const Port &port, TakeoverErrors &errors, core::Time *first = nullptr);
	void announce_address(const Port &port, const IpPrefix &address, TakeoverErrors &errors,
			      core::Time *first = nullptr);
	void announce_all(TakeoverErrors &errors, core::Time *first = nullptr);

	std::uint8_t m_vcluster;
	TakeoverSettings m_settings;
	std::vector<Port> m_ports;
	Tools m_tools;
	State m_state = State::standby;
	bool m_started = false;
	core::Time m_next_announcement = core::never; // of all addresses
	core::Time m_next_reminder = core::never;     // of one a port
	core::Time m_train_began{};
	unsigned m_announcements_left = 0;
};

} // namespace systole::control
