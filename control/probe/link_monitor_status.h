// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What is known about the link monitors at one moment: a value, for the API and whoever else reads.
#pragma once

#include "control/config/configuration.h"
#include "control/probe/verdict.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace systole::control {

enum class LinkMonitorState : std::uint8_t {
	alive,
	dead,
	not_probed, // this member is not the primary
	disabled,   // set status disable
};

struct LinkServerStatus {
	std::string name;      // as configured
	std::string address;   // empty: not known (a name that did not resolve)
	std::string source_ip; // empty: there is no way to the server
	std::string gateway;   // empty: on the link, or no way
	unsigned prefix_length = 32;
	Configuration::Protocol protocol = Configuration::Protocol::ping;
	std::uint16_t port = 0; // 0: ping
	unsigned weight = 0;
	LinkMonitorState state = LinkMonitorState::not_probed;
	std::optional<Spread> latency;
	std::optional<Spread> jitter;
	double loss_percent = 0;
	std::uint64_t out_of_sequence = 0;
	unsigned losses_in_a_row = 0;  // at most failtime
	unsigned replies_in_a_row = 0; // while dead; at most recoverytime
	std::uint64_t sent = 0;
	std::uint64_t received = 0;
	std::uint64_t sequence_sent = 0;
	std::uint64_t sequence_received = 0;
	std::uint64_t sequence_expected = 0;
	std::string last_error; // of the last lost probe; stays until this start of the monitor ends
};

struct LinkMonitorStatus {
	std::string name;
	LinkMonitorState state = LinkMonitorState::not_probed; // what this member has found
	// What counts in the election. LinkMonitors sets it like `state`; who knows better may replace it.
	LinkMonitorState shared = LinkMonitorState::not_probed;
	double created_unix = 0;
	std::string source_interface; // as configured, may be empty
	std::string device;           // the kernel's interface that is used for it
	unsigned device_index = 0;
	std::uint32_t routing_table = 0; // of gateway-ip; 0 = none. The mark of its probes is the same number
	std::chrono::milliseconds interval{0};
	unsigned failtime = 0;
	unsigned recoverytime = 0;
	unsigned fail_weight = 0;
	unsigned ha_priority = 0;
	std::vector<LinkServerStatus> servers;
};

} // namespace systole::control
