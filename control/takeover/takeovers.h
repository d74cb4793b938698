// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The takeovers of all virtual clusters of this member, and what there is once for all of them: the sockets, the page that
// the keeper reads, what a killed predecessor left, and the question whether a claim would work.
//
//   Takeovers --+-- socket, announcer, holdings
//               +-- Takeover of vcluster 1: port1, port3
//               '-- Takeover of vcluster 2: port2
//
// An interface belongs to one virtual cluster, so macvlans, their names, and the settings of base ports do too.
#pragma once

#include "control/takeover/takeover.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

class Takeovers {
public:
	explicit Takeovers(TakeoverSettings settings);
	~Takeovers(); // shutdown()
	Takeovers(const Takeovers &) = delete;
	Takeovers &operator=(const Takeovers &) = delete;

	// Removes what a killed predecessor left, and starts each. Without a socket nothing is started.
	[[nodiscard]] TakeoverErrors start();
	TakeoverErrors shutdown();

	// Only ids of TakeoverSettings::vclusters.
	[[nodiscard]] Takeover &of(std::uint8_t vcluster);
	[[nodiscard]] const std::vector<std::unique_ptr<Takeover>> &all() const { return m_takeovers; }

	// Each of these goes to all of them: see Takeover.
	[[nodiscard]] TakeoverErrors finish_releases();
	[[nodiscard]] core::Time next_announcement() const;
	[[nodiscard]] TakeoverErrors announce(core::Time now);
	[[nodiscard]] std::vector<std::string> watched_links() const;
	[[nodiscard]] TakeoverErrors handle_link(std::string_view name);
	void handle_address(int ifindex, const IpPrefix &prefix, bool present);
	void doubt_addresses();
	[[nodiscard]] TakeoverErrors mend_addresses();

	[[nodiscard]] Holdings &holdings() { return m_holdings; }
	// Why a claim now would fail, with cures; empty when ready.
	[[nodiscard]] std::vector<std::string> blockers();

private:
	TakeoverSettings m_settings; // of all interfaces
	RouteSocket m_socket;
	Announcer m_announcer;
	Holdings m_holdings;
	std::vector<std::unique_ptr<Takeover>> m_takeovers; // in the order of TakeoverSettings::vclusters
};

} // namespace systole::control
