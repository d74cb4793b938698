// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The cluster as this member sees it at one moment: one row a member, with its standing in every virtual cluster, put
// together once and read by every reply.
#pragma once

#include "control/api/backend.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

struct LinkRow {
	std::string name;
	core::LinkHealth health = core::LinkHealth::down; // of the local member: carrier
	bool shared = true;                               // both members have this link
	std::int64_t last_rx_ns = 0;                      // CLOCK_MONOTONIC, 0 = never
	std::uint64_t rx = 0;
	std::uint64_t lost = 0;
	std::uint32_t rtt_us = 0;
	std::uint32_t late_us = 0;        // what the peer announced in its last beat
	std::uint64_t longest_gap_us = 0; // between two beats of the peer's
	MacAddress mac{};
};

// A member in one virtual cluster of ours.
struct Standing {
	std::uint8_t id = 1;
	bool said = false;                          // it has this virtual cluster too, and has spoken of it
	core::HaState state = core::HaState::hello; // the last one heard
	std::uint32_t ha_prio = 0;                  // role order: 0 = primary
	std::uint8_t priority = 128;
	bool override_enabled = false;
	bool failover_flag = false;
	bool maintenance = false;
	bool mem_failover = false;
	bool ssd_failed = false;
	bool waiting = false;
	bool ready = true; // could take over and lose nothing
	std::uint32_t link_failure = 0;
	std::uint32_t pingserver_failure = 0;
	std::uint32_t epoch = 0;
	core::Time age_origin{};
	std::uint32_t reset_count = 0;
};

struct MemberRow {
	core::MemberId id;
	std::string serial; // printable
	std::string hostname;
	bool local = false;
	bool alive = false;
	bool lost = false; // was alive once
	std::uint8_t ha_ip_idx = 0;
	core::Time lost_at{};
	std::uint32_t packet_version = 0;
	std::uint32_t link_fails = 0;
	std::uint32_t lateness_us = 0;
	std::array<std::uint8_t, 16> checksum{};
	core::Suite suite = core::Suite::none;
	bool supports_gcm = false;
	std::vector<LinkRow> links;
	std::vector<core::Reception> hears; // how it hears the others, as it says; of the local member: empty
	std::vector<Standing> vclusters;    // by place in core::Config::vclusters

	[[nodiscard]] const Standing &first() const { return vclusters.front(); }
	[[nodiscard]] bool is_primary(std::size_t place) const;
	[[nodiscard]] std::string_view state_word(std::size_t place) const; // hello, work, standby, lost
	[[nodiscard]] std::string_view role_word(std::size_t place) const;  // primary, secondary
	[[nodiscard]] std::int64_t last_rx_ns() const;                      // on any link, 0 = never
};

struct ClusterView {
	core::Time now{};
	double unix_now = 0;
	std::vector<MemberRow> members;        // the local one first, then by serial, highest first
	std::vector<core::MemberId> primaries; // by place; empty: nobody
	core::Suite suite = core::Suite::none;
	bool has_no_gcm_member = false; // a live member lacks AES-128-GCM

	[[nodiscard]] const MemberRow &local() const { return members.front(); }
	[[nodiscard]] const MemberRow *find(const core::MemberId &id) const;
	[[nodiscard]] const MemberRow *primary(std::size_t place) const { return find(primaries[place]); }
	[[nodiscard]] std::vector<const MemberRow *> live_in_group_order() const; // roles in the first virtual cluster
	// Those that take part in the virtual cluster.
	[[nodiscard]] std::vector<const MemberRow *> live_in_role_order(std::size_t place) const;
	[[nodiscard]] double unix_of(core::Time at) const;
	// At its loss, for a lost one.
	[[nodiscard]] double age_s(const MemberRow &member, std::size_t place) const;
};

[[nodiscard]] ClusterView view_cluster(const ApiBackend &backend);

// 169.254.0.1 for rank 0 (docs/PROTOCOL.md "Addresses").
[[nodiscard]] std::string heartbeat_address(std::uint8_t ha_ip_idx);

} // namespace systole::control
