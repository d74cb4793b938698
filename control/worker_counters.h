// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The worker's counters. Written by the worker only, read by anybody at any time: relaxed atomics, no locks.
// A refused packet has exactly one reason, a reason exactly one counter, and the same word everywhere
// (code, JSON, docs/PROTOCOL.md).
#pragma once

#include "control/core/types.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

namespace systole::control {

// In the order in which a received frame is checked.
enum class Drop : std::uint8_t {
	rx_short,     // shorter than an Ethernet header and one byte
	rx_ethertype, // not ours
	rx_vlan,      // tagged frame
	rx_multiseg,  // mbuf of several segments
	rx_oversize,  // longer than the port's MTU
	rx_badip,     // first byte neither IPv4 nor HAKE; header length, total length or protocol wrong
	rx_frag,      // IP fragment
	hake_len,     // HAKE length field does not fit the frame or the type
	hake_ver,
	hake_type,
	esp_len,        // ESP length impossible for the suite
	esp_nosa,       // no SA under this SPI
	esp_link,       // SA belongs to another heartbeat link
	esp_class,      // the EtherType is that of another traffic class than the SA's, or nobody here takes the class
	esp_size,       // neither the length the sender uses nor the one it has announced; longer than any of its class
	esp_replay_pre, // sequence number already seen, too old or zero
	esp_budget,     // too many failed integrity checks on this SA: by chance not checked
	esp_icv,        // integrity check failed
	esp_pad,
	esp_nh,            // inner protocol is not IPv4
	esp_policy,        // inner addresses, protocol or ports do not belong to this SA
	inner_parse,       // authentic, but the inner packet or beat does not parse
	hb_stale_echo,     // authentic beat that echoes nothing recent: not life
	hb_rollback,       // peer echoes a beat we have not sent yet
	plain_drop,        // clear heartbeat while policy asks for ESP
	ring_full,         // control did not keep up
	session_ring_full, // the session thread did not keep up
	tx_full,           // the port took no frame
	tx_exhausted,      // the SA has used all its sequence numbers
	session_unsent,    // a session frame for a peer that is gone, has no session SA or is alive on no link
	count_
};
inline constexpr std::size_t drop_count = static_cast<std::size_t>(Drop::count_);
inline constexpr std::array<std::string_view, drop_count> drop_names{
	"rx_short",   "rx_ethertype", "rx_vlan",           "rx_multiseg",    "rx_oversize",   "rx_badip",
	"rx_frag",    "hake_len",     "hake_ver",          "hake_type",      "esp_len",       "esp_nosa",
	"esp_link",   "esp_class",    "esp_size",          "esp_replay_pre", "esp_budget",    "esp_icv",
	"esp_pad",    "esp_nh",       "esp_policy",        "inner_parse",    "hb_stale_echo", "hb_rollback",
	"plain_drop", "ring_full",    "session_ring_full", "tx_full",        "tx_exhausted",  "session_unsent"};

using Counter = std::atomic<std::uint64_t>;
inline void add(Counter &counter, std::uint64_t n = 1)
{
	counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

inline void raise_to(Counter &maximum, std::uint64_t value)
{
	if (value > maximum.load(std::memory_order_relaxed))
		maximum.store(value, std::memory_order_relaxed);
}

// How late heartbeat rounds went out, against their schedule. The last class has no upper end.
inline constexpr std::array<std::uint32_t, 10> late_class_us{100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 0};

// One peer on one link. A cache line of its own: a beat touches one.
struct alignas(64) LinkCounters {
	std::atomic<std::int64_t> last_rx_ns{0}; // CLOCK_MONOTONIC of the last accepted beat, 0 = never
	Counter rx{0};                           // accepted beats
	Counter lost{0};                         // beats missing by the peer's own count
	Counter stale{0};                        // authentic beats whose echo was old
	Counter longest_gap_us{0};               // between two accepted beats while the link was alive
	std::atomic<std::uint32_t> rtt_us{0};
	std::atomic<std::uint32_t> peer_late_us{0}; // the lateness the peer last announced
};

struct PortCounters { // one heartbeat port
	Counter rx_packets{0}, rx_bytes{0}, tx_packets{0}, tx_bytes{0};
	// Of these, frames of session synchronisation: taken and handed up, sent. Bytes of their payload.
	Counter session_rx_packets{0}, session_rx_bytes{0}, session_tx_packets{0}, session_tx_bytes{0};
};

struct WorkerCounters {
	explicit WorkerCounters(std::size_t members = core::max_members) : peers(members) {}
	std::array<Counter, drop_count> drops{};
	std::array<PortCounters, core::max_links> ports{};
	std::vector<std::array<LinkCounters, core::max_links>> peers; // index = PeerSlot; never resized
	Counter integrity_checks{0};                                  // tags computed for received packets
	Counter turns{0};
	Counter beats{0};           // heartbeat rounds sent
	Counter session_retries{0}; // times a session frame had to wait because the port was full
	Counter silences{0};        // times the worker fell silent: see WorkerReturned
	Counter longest_gap_us{0};  // between two turns, since start
	Counter late_us_max{0};     // worst lateness of a heartbeat round against its schedule, since start
	std::array<Counter, late_class_us.size()> late{}; // rounds by lateness
	std::atomic<std::int64_t> last_turn_ns{0};
};

} // namespace systole::control
