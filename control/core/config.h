// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the core needs to know of `config system ha`, already parsed and range-checked (control/config does both).
#pragma once

#include "control/core/types.h"

#include <chrono>
#include <cstdint>

namespace systole::core {

// HAKE capability bits (docs/PROTOCOL.md): one per protection this member can speak.
enum Capability : std::uint32_t {
	cap_plain = 1U << 0,
	cap_null_sha1 = 1U << 1,
	cap_cbc_sha1 = 1U << 2,
	cap_gcm = 1U << 3,
};
// HAKE policy bits: what the configuration demands.
enum Policy : std::uint32_t {
	policy_authentication = 1U << 0,
	policy_encryption = 1U << 1,
};

struct Config {
	MemberId self;
	std::uint16_t group_id = 0;
	GroupName group_name{};
	std::uint32_t capabilities = cap_null_sha1 | cap_cbc_sha1 | cap_gcm;
	std::uint32_t policy = policy_authentication | policy_encryption;

	Duration hb_interval = std::chrono::milliseconds{200}; // hb-interval x unit; 1 ms .. 2 s
	std::uint8_t hb_lost_threshold = 20;                   // 1 .. 60
	Duration hello_holddown = std::chrono::seconds{20};    // 5 .. 300 s
	std::uint8_t expected_members = 0;                     // 0 = unknown; extension

	std::uint8_t priority = 128; // 0 .. 255, higher wins
	bool override_enabled = false;
	Duration uptime_margin = std::chrono::seconds{300}; // ha-uptime-diff-margin, 1 .. 65535 s

	bool carrier_loss_immediate =
		false; // hb-carrier-loss: no carrier on any heartbeat port is loss at once; extension

	std::uint8_t link_count = 1;    // heartbeat ports, 1 .. max_links
	std::uint8_t monitor_count = 0; // interfaces of `set monitor`

	[[nodiscard]] Duration dead_interval() const { return hb_interval * hb_lost_threshold; }
};

} // namespace systole::core
