// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Two members in one process: real workers on real ethdevs (net_ring), each link a pair of rte_rings that the test
// can look into, hold back, twist and copy. Time is assigned: nobody sleeps.
//
//   a: worker --port--> [ a_to_b ring ] --port--> worker :b        and the same back, for each link
#pragma once

#include "control/core/heartbeat.h"
#include "control/ring.h"
#include "control/session_lanes.h"
#include "crypto/esp.h"
#include "dataplane/worker.h"

#include <rte_ring.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace systole::dataplane::testing {

using Bytes = std::vector<std::byte>;
using core::Duration;
using core::Time;

inline constexpr Duration interval = std::chrono::milliseconds{10};
inline constexpr std::uint8_t lost_threshold = 3;
inline constexpr Duration dead = interval * lost_threshold;
inline constexpr Duration control_watchdog = std::chrono::milliseconds{200};
inline constexpr Duration tick = std::chrono::milliseconds{1}; // between two turns, when all is well
inline constexpr core::PeerSlot peer_slot = 1;                 // each is the other's slot 1

// The suite's name as gtest takes it.
[[nodiscard]] std::string test_name_of(crypto::Suite suite);

// One direction of one link.
class Wire {
public:
	explicit Wire(const std::string &name);
	~Wire();
	Wire(const Wire &) = delete;
	Wire &operator=(const Wire &) = delete;

	[[nodiscard]] rte_ring *ring() const { return m_ring; }
	[[nodiscard]] std::vector<Bytes> take(); // everything in flight, off the wire
	void put(std::span<const std::byte> frame);
	void put(std::span<const std::byte> frame, unsigned segments); // as one mbuf chain, in equal parts
	void put(std::span<const std::byte> frame, std::span<const std::size_t> cuts); // or cut at these places
	[[nodiscard]] unsigned in_flight() const { return rte_ring_count(m_ring); }

private:
	rte_ring *m_ring;
	rte_mempool *m_pool;
};

struct Key {
	std::uint32_t spi = 0;
	crypto::Suite suite = crypto::Suite::cbc_sha1;
	std::array<std::byte, 52> bytes{};
	[[nodiscard]] crypto::SaSpec spec() const
	{
		return {spi, suite, std::span(bytes).first(crypto::shape_of(suite).key_bytes)};
	}
};
// Any key, always the same for the same arguments.
[[nodiscard]] Key make_key(crypto::Suite suite, std::uint8_t direction, core::LinkIndex link, std::uint16_t generation,
			   crypto::TrafficClass traffic_class = crypto::TrafficClass::heartbeat);

class Member {
public:
	Member(const std::string &name, std::span<const std::unique_ptr<Wire>> out,
	       std::span<const std::unique_ptr<Wire>> in, const WorkerConfig &config, bool takes_sessions);
	~Member();
	Member(const Member &) = delete;
	Member &operator=(const Member &) = delete;

	void command(const control::WorkerCommand &command);
	void turn(Time now) { worker->turn(now); }
	// What control finds in its ring since the last call; SAs that came back are wiped and counted.
	[[nodiscard]] std::vector<control::WorkerEvent> events();
	[[nodiscard]] std::uint64_t drops(control::Drop drop) const
	{
		return channel->counters.drops[static_cast<std::size_t>(drop)];
	}
	[[nodiscard]] std::uint64_t all_drops() const;
	[[nodiscard]] const control::LinkCounters &link(core::LinkIndex index) const
	{
		return channel->counters.peers[peer_slot][index];
	}

	std::vector<std::unique_ptr<Port>> ports;
	std::unique_ptr<control::WorkerChannel> channel;
	std::unique_ptr<control::SessionLanes> lanes; // null: nobody takes session frames
	TscClock clock;
	std::unique_ptr<Worker> worker;
	unsigned released = 0;
};

class Pair {
public:
	explicit Pair(std::size_t links, crypto::Suite suite = crypto::Suite::cbc_sha1, bool takes_sessions = false,
		      std::uint8_t session_links = 0);

	// SAs both ways on every link (of the session class too if sessions are taken), peers started, something to say.
	void connect(core::SessionId session = 1, std::uint16_t generation = 1);
	void install(core::SessionId session, std::uint16_t generation, core::PeerSlot inbound_slot_of_b = peer_slot);
	void start_peers(core::SessionId boot);
	void say(Member &member, std::string_view content, bool immediate = false);
	// Both turn every `tick` until `time` (included).
	void run_until(Time time);
	void run_for(Duration duration) { run_until(now + duration); }
	// Only this one turns; the other stands still.
	void run_alone(Member &member, Duration duration);

	std::size_t link_count;
	crypto::Suite suite;
	bool takes_sessions;
	Time now{std::chrono::seconds{1000}};
	std::vector<std::unique_ptr<Wire>> a_to_b;
	std::vector<std::unique_ptr<Wire>> b_to_a;
	std::unique_ptr<Member> a;
	std::unique_ptr<Member> b;
};

template <typename Event> std::vector<Event> only(const std::vector<control::WorkerEvent> &events)
{
	std::vector<Event> chosen;
	for (const auto &event : events)
		if (const auto *wanted = std::get_if<Event>(&event))
			chosen.push_back(*wanted);
	return chosen;
}

inline constexpr std::uint32_t address_of_a = 0xa9fe0001;
inline constexpr std::uint32_t address_of_b = 0xa9fe0002;

// Packets that only somebody with the keys can make: what a correct peer never sends.
class Forger {
public:
	explicit Forger(const Key &key, std::uint32_t first_sequence) : m_sa(crypto::make_outbound_sa(key.spec()))
	{
		m_sa->set_next_sequence(first_sequence);
	}
	// An Ethernet frame around a sealed `inner`.
	[[nodiscard]] Bytes frame(std::span<const std::byte> inner, std::uint16_t ether_type = 0x8890);

private:
	crypto::OutboundSaPtr m_sa;
	crypto::EspEngine m_engine;
};
// An inner packet: `body` between the given addresses.
[[nodiscard]] Bytes inner_packet(AddressPair from_to, std::span<const std::byte> body);
// The same between the ports of session synchronisation.
[[nodiscard]] Bytes session_packet(AddressPair from_to, std::span<const std::byte> body);
// Stamp and content, and zeros up to `length` if that is more.
[[nodiscard]] Bytes beat_body(const core::BeatStamp &stamp, std::string_view content, std::size_t length = 0);

} // namespace systole::dataplane::testing
