// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the core needs to know of `config system ha`, already parsed and range-checked (control/config does both).
#pragma once

#include "control/core/fixed_vector.h"
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
	// No protections: said in beats only.
	cap_takes_offers = 1U << 8,   // by whoever takes a role that is offered
	cap_takes_sessions = 1U << 9, // by whoever follows the primary's sessions and says when it has them
};
// HAKE policy bits: what the configuration demands.
enum Policy : std::uint32_t {
	policy_authentication = 1U << 0,
	policy_encryption = 1U << 1,
};

// What a primary that its peers cannot hear does, and what a standby that has lost its primary waits for.
enum class Isolation : std::uint8_t {
	fgcp,    // nothing: both may be primary, as in the vendor's product
	demote,  // a primary without peers and without proof of life stops; the other waits for that
	witness, // a lease of a third party decides
};

// One virtual cluster of `config vcluster`, or the only one of `config system ha`. Bits of the sets are places in
// the lists of all monitored interfaces and of all link monitors that count.
struct VclusterConfig {
	std::uint8_t id = 1;         // 1 .. 30
	std::uint8_t priority = 128; // 0 .. 255, higher wins
	bool override_enabled = false;
	Duration override_wait{}; // 0 .. 3600 s
	std::uint64_t monitors = 0;

	std::uint64_t ping_monitors = 0; // 0: no remote link failover
	std::uint8_t ping_threshold = 0; // 0 .. 50; 0 = any failure
	Duration flip_timeout = std::chrono::minutes{60};
	bool force_reset = true; // pingserver-secondary-force-reset
};

// `set memory-based-failover` and its company.
struct MemoryFailover {
	bool enabled = false;
	std::uint8_t threshold_percent = 0; // 0 .. 95; 0 = default_memory_threshold
	Duration monitor_period = std::chrono::seconds{60};
	Duration sample_interval = std::chrono::seconds{1};
	Duration flip_timeout = std::chrono::minutes{6};
	bool failback = true; // extension: a member whose memory recovers is elected again (the vendor's since 7.2.1)
};
inline constexpr std::uint8_t default_memory_threshold = 88; // the product's conserve mode

struct Config {
	MemberId self;
	std::uint16_t group_id = 0;
	GroupName group_name{};
	std::uint32_t capabilities = cap_null_sha1 | cap_cbc_sha1 | cap_gcm;
	std::uint32_t policy = policy_authentication | policy_encryption;

	bool suite_policy_group = false;                             // one member without GCM, and nobody uses it
	FixedVector<std::uint8_t, 2> password_indexes = one_index(); // that this member knows, its own choice first
	Duration rekey_interval = std::chrono::hours{1};             // 60 s .. 24 h; extension

	Duration hb_interval = std::chrono::milliseconds{200}; // hb-interval x unit; 1 ms .. 2 s
	std::uint8_t hb_lost_threshold = 20;                   // 1 .. 60
	Duration hello_holddown = std::chrono::seconds{20};    // 5 .. 300 s
	std::uint8_t expected_members = 0;                     // 0 = unknown; extension

	Duration uptime_margin = std::chrono::seconds{300}; // ha-uptime-diff-margin, 1 .. 65535 s
	Duration failover_hold{};                           // failover-hold-time, 0 .. 300 s
	// A member that is not ready leaves the role to one that is, for so long; 0: never. Extension.
	Duration session_sync_wait = std::chrono::seconds{30};
	MemoryFailover memory;
	bool ssd_failover = false;
	bool session_pickup = false; // the first virtual cluster's role does not move before its sessions have

	Isolation isolation = Isolation::fgcp;
	// demote, witness: from the loss of a primary that did not yield to our own claim (control/config computes it).
	Duration isolation_wait{};
	bool witness_fallback_act = false; // witness unreachable: act as fgcp would, instead of stopping

	bool carrier_loss_immediate =
		false; // hb-carrier-loss: no carrier on any heartbeat port is loss at once; extension

	std::uint8_t link_count = 1;                                // heartbeat ports, 1 .. max_links
	std::uint8_t monitor_count = 0;                             // monitored interfaces of all virtual clusters
	FixedVector<std::uint8_t, max_ping_monitors> ping_priority; // ha-priority of each link monitor that counts
	// At least one, ascending ids.
	FixedVector<VclusterConfig, max_vclusters> vclusters = one_vcluster();

	[[nodiscard]] Duration dead_interval() const { return hb_interval * hb_lost_threshold; }
	// The first `count` interfaces are monitored, by every virtual cluster.
	void monitor_everywhere(std::uint8_t count)
	{
		monitor_count = count;
		for (VclusterConfig &vcluster : vclusters)
			vcluster.monitors = count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
	}
	[[nodiscard]] static FixedVector<std::uint8_t, 2> one_index()
	{
		FixedVector<std::uint8_t, 2> list;
		list.push_back(0);
		return list;
	}
	[[nodiscard]] static FixedVector<VclusterConfig, max_vclusters> one_vcluster()
	{
		FixedVector<VclusterConfig, max_vclusters> list;
		list.push_back({});
		return list;
	}
};

} // namespace systole::core
