// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The state of a set of links known by name: monitored data ports, heartbeat ports, and what takeover owns.
// A name stays in the table while its link is away; a link that comes back under it is taken up with its new index.
//
// A link of several names is reported when its index, its carrier or its admin state changes. When the kernel's queue
// overran, everything is asked for again and only differences are reported.
#pragma once

#include "control/netlink/inventory.h"
#include "control/netlink/route_socket.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace systole::control {

struct LinkState {
	std::string name;
	int ifindex = 0;       // 0 = there is no such link
	bool admin_up = false; // IFF_UP
	bool up = false;       // admin up and running (carrier and operstate)

	friend bool operator==(const LinkState &, const LinkState &) = default;
};

class LinkMonitorTable {
public:
	using LinkChanged = std::function<void(const LinkState &)>;
	// An address appeared on or left some link (watched or not); present = false: it is gone.
	using AddressChanged = std::function<void(int ifindex, const IpPrefix &prefix, bool present)>;

	LinkMonitorTable(std::vector<std::string> names, LinkChanged link_changed, AddressChanged address_changed = {});

	// Subscribes, then asks for all links, so nothing falls between. Reports every name once, the missing ones too.
	[[nodiscard]] std::error_code start();
	[[nodiscard]] int fd() const { return m_monitor.fd(); } // for the event loop: readable -> drain()
	// Takes in what waits; never blocks. An error means the socket is lost: start() again.
	[[nodiscard]] std::error_code drain();
	// True once after messages were lost, among them perhaps some about addresses.
	[[nodiscard]] bool take_overrun() { return std::exchange(m_overrun, false); }
	// Asks the kernel for everything and reports differences.
	[[nodiscard]] std::error_code refresh();
	// Everything, as somebody else was told. Reports differences, unless a message came in since `asked_at` was
	// moment(): then the answer may be older than what is known, and is ignored.
	void take_in(const std::vector<LinkInfo> &links, std::uint64_t asked_at);
	[[nodiscard]] std::uint64_t moment() const { return m_moment.load(); } // any thread

	[[nodiscard]] const LinkState *find(std::string_view name) const; // nullptr: not watched

private:
	void take(const nlmsghdr &message);
	void update(const LinkInfo &link);
	void assign(LinkState &slot, LinkState next);

	RouteSocket m_socket;
	RouteMonitor m_monitor;
	LinkChanged m_link_changed;
	AddressChanged m_address_changed;
	std::vector<LinkState> m_links;
	bool m_overrun = false;
	std::atomic<std::uint64_t> m_moment{0}; // messages about these links taken in so far
};

} // namespace systole::control
