// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The heartbeat body: what rides inside ESP in UDP 8890 -> 8890 (docs/PROTOCOL.md "Heartbeat").
//
//   | stamp (46 bytes, written by the worker for each peer, link and beat) | content (TLVs, given by control) | zeros |
//
// The content changes only when the member has something to say, so a receiver hands it up only when it differs.
// That is why it carries origins of times in the sender's clock and not ages.
#pragma once

#include "control/core/fixed_vector.h"
#include "control/core/types.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

inline constexpr std::uint8_t heartbeat_version = 1;
inline constexpr std::size_t beat_stamp_bytes = 46;
inline constexpr std::uint16_t heartbeat_udp_port = 8890;
inline constexpr std::uint16_t session_udp_port = 8892; // of session synchronisation, in ESP of its own class

struct BeatStamp {
	std::uint8_t version = heartbeat_version;
	std::uint8_t flags = 0;           // none defined yet, ignored on receipt
	std::uint16_t content_length = 0; // bytes behind the stamp; 0: it says only that the sender lives
	std::uint32_t lateness_us = 0;    // how late the sender's worker was since its last beat
	std::uint64_t tx = 0;     // number of this beat to this peer on this link, from 1, per session of both boots
	std::uint64_t echo = 0;   // highest tx accepted from the receiver on this link, 0 = none yet
	std::int64_t sent_ns = 0; // sender's CLOCK_MONOTONIC
	std::int64_t echo_sent_ns = 0;  // sent_ns of the beat named in echo (receiver's own clock)
	std::uint32_t echo_held_us = 0; // time between its arrival and this beat; rtt = now - echo_sent_ns - held
	std::uint16_t inner_length = 0; // of the inner packets from the sender's next change on; 0 = says nothing
};
void encode(const BeatStamp &stamp, std::span<std::byte, beat_stamp_bytes> out);
// Empty if shorter than a stamp, of another version, or content_length does not fit.
[[nodiscard]] std::optional<BeatStamp> decode_stamp(std::span<const std::byte> body);

// The flip timer travels in tenths of a second of the sender's clock.
inline constexpr Duration tenth_of_a_second = std::chrono::milliseconds{100};

// What a member says of one virtual cluster.
struct VclusterBeat {
	std::uint8_t id = 1;
	HaState state = HaState::hello;
	std::uint8_t priority = 128;
	bool override_enabled = false;
	bool failover_flag = false;     // EXE_FAIL_OVER
	bool maintenance = false;       // execute ha maintenance
	bool mem_failover = false;      // out of memory
	bool ssd_failed = false;        // counted only with ssd-failover
	bool waiting = false;           // booted, override-wait-time not over: not to be handed the role yet
	bool leaving = false;           // an orderly stop
	bool barred = false;            // could not claim: its witness does not answer
	bool offering = false;          // a primary that wants `choice` to take over now, and holds on until it has
	bool unready = false;           // if it took over now, something would be lost
	std::uint32_t epoch = 0;        // highest epoch seen; a primary's own claim
	std::int64_t age_origin_ns = 0; // sender's clock: HA uptime counts from here
	std::uint32_t reset_count = 0;  // on the wire no more than 65535
	std::uint16_t link_failure = 0; // 50 per failed monitored interface
	std::uint16_t pingserver_failure = 0; // summed ha-priority of failed ping monitors, 0 below the threshold
	// member_hash() of whom the sender holds for primary, or offers the role to; 0 = nobody
	std::uint32_t choice = 0;
	std::uint32_t flip_epoch = 0;        // the claim that the last flip timer protects, 0 = never ran
	std::uint32_t flip_until_tenths = 0; // sender's clock
	friend bool operator==(const VclusterBeat &, const VclusterBeat &) = default;
};

enum class LinkHealth : std::uint8_t { down = 0, up = 1, one_way = 2 };

// One cell of the reception matrix: how the sender hears one peer on one link.
struct Reception {
	std::uint32_t peer_hash = 0; // member_hash() of the peer's serial
	LinkIndex link = 0;
	LinkHealth health = LinkHealth::down;
	friend bool operator==(const Reception &, const Reception &) = default;
};

inline constexpr std::size_t max_hostname = 35;
struct Hostname {
	std::uint8_t length = 0;
	std::array<char, max_hostname> text{};
	[[nodiscard]] std::string_view view() const { return {text.data(), length}; }
	static Hostname from(std::string_view name);
	friend bool operator==(const Hostname &, const Hostname &) = default;
};

struct HeartbeatContent {
	std::uint32_t capabilities = 0;   // Capability bits
	std::uint32_t packet_version = 0; // counts changes of what is announced (hb_packet_version)
	std::array<std::uint8_t, 16> config_checksum{};
	Hostname hostname;
	FixedVector<VclusterBeat, max_vclusters> vclusters;
	FixedVector<MacAddress, max_links> macs; // sender's heartbeat port addresses in link order
	FixedVector<Reception, max_members * 2> reception;
	friend bool operator==(const HeartbeatContent &, const HeartbeatContent &) = default;
};

// Bytes written, 0 if `out` is too small.
[[nodiscard]] std::size_t encode(const HeartbeatContent &content, std::span<std::byte> out);
// Unknown TLVs are skipped, surplus vclusters, MACs and receptions ignored; empty if a TLV leaves its frame.
[[nodiscard]] std::optional<HeartbeatContent> decode_content(std::span<const std::byte> bytes);

[[nodiscard]] std::uint32_t member_hash(const MemberId &id); // FNV-1a over the 16 bytes

} // namespace systole::core
