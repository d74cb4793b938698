// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The heartbeat links: each is a segment that every member has a port on. Frames go by MAC address; each direction
// between two members on a link can be cut by itself. What is in flight when a cut comes still arrives.
#pragma once

#include "tests/sim/event_queue.h"
#include "tests/sim/packet.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"

#include <array>
#include <optional>
#include <vector>

namespace systole::sim {

struct NetworkCounts {
	std::uint64_t carried = 0;
	std::uint64_t lost = 0;
	std::uint64_t held_by_cuts = 0;
	std::uint64_t delayed = 0; // by some jitter
	std::uint64_t reordered = 0;
	std::uint64_t duplicated = 0;
};

class Network {
public:
	Network(const Plan &plan, EventQueue &queue, Random random);

	// A member's port: where unicast frames for `mac` go. A member that is dead is attached nowhere.
	void attach(std::size_t member, core::LinkIndex link, const core::MacAddress &mac);
	void detach(std::size_t member);

	void transmit(const Packet &packet);
	// Straight into one member's port, whatever is cut: the attacker sits next to it.
	void inject(std::size_t member, const Packet &packet);
	[[nodiscard]] const Packet &at(std::uint32_t number) const { return m_pool.at(number); }
	void release(std::uint32_t number) { m_pool.release(number); }

	void set_open(std::size_t from, std::size_t to, std::size_t link, bool open);
	void set_open_pair(std::size_t a, std::size_t b, bool open); // both ways, all links
	// Since when at least one and the same link has been open both ways; never if none is. Says nothing of loss.
	[[nodiscard]] SimTime connected_since(std::size_t a, std::size_t b) const { return m_connected_since[a][b]; }

	// At least one link is open from the one to the other.
	[[nodiscard]] bool reaches(std::size_t from, std::size_t to) const;

	// Loss on top of the plan's, until put back to 0.
	void set_extra_loss(int permille) { m_extra_loss_permille = permille; }
	[[nodiscard]] int extra_loss() const { return m_extra_loss_permille; }
	// Every packet arrives from now on, and none very late.
	void end_of_loss();
	[[nodiscard]] const NetworkCounts &counts() const { return m_counts; }

	// The attacker hears everything, cut or lost or not; empty if there is nothing yet.
	void record_from_now_on() { m_recording = true; }
	[[nodiscard]] std::optional<Packet> any_recorded(Random &random) const;

private:
	void carry(const Packet &packet, std::size_t to);
	void record(const Packet &packet);

	const Plan &m_plan;
	EventQueue &m_queue;
	Random m_random;
	PacketPool m_pool;
	std::array<std::array<std::optional<core::MacAddress>, core::max_links>, max_sim_members> m_ports{};
	std::array<std::array<std::array<bool, core::max_links>, max_sim_members>, max_sim_members> m_open{};
	std::array<std::array<SimTime, max_sim_members>, max_sim_members> m_connected_since{};
	int m_loss_permille = 0;
	int m_straggler_permille = 0;
	int m_extra_loss_permille = 0;
	bool m_recording = false;
	std::vector<Packet> m_records;
	std::size_t m_next_record = 0;
	NetworkCounts m_counts;
	// When the packet sent last arrives: one that is sent later and comes earlier has overtaken it.
	std::array<std::array<SimTime, max_sim_members>, max_sim_members> m_last_arrival{};
};

} // namespace systole::sim
