// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What really reached whom, beside what the members believe. The checkers judge the members by this.
//
// A beat proves life if its sender had, when it sent it, heard one of the receiver's last hb-lost-threshold + 5
// beats on that link (docs/PROTOCOL.md, freshness); numbers here are the simulator's own count, not the wire's.
#pragma once

#include "tests/sim/packet.h"
#include "tests/sim/plan.h"

#include <algorithm>
#include <array>

namespace systole::sim {

class Truth {
public:
	explicit Truth(const Plan &plan) : m_plan(plan) {}

	// A member boots or dies: nothing said to or by its former self counts for the next.
	void forget(std::size_t member)
	{
		for (std::size_t other = 0; other < m_plan.members.size(); ++other) {
			m_pairs[member][other] = Pair{};
			m_pairs[other][member].ways = {};
		}
	}
	// `from` begins to number its beats to `to` anew.
	void started(std::size_t from, std::size_t to)
	{
		for (std::size_t link = 0; link < core::max_links; ++link) {
			m_pairs[from][to].ways[link].sent = 0;
			m_pairs[to][from].ways[link].newest = 0;
		}
	}
	// Stamps a beat that `from` sends to `to`.
	void sent(std::size_t from, std::size_t to, PacketHead &head)
	{
		Way &way = m_pairs[from][to].ways[head.link];
		head.number = ++way.sent;
		head.echo_number = way.newest;
	}
	// `to` has opened and taken a beat.
	void accepted(SimTime now, std::size_t to, const PacketHead &head, bool present_boot)
	{
		Pair &pair = m_pairs[to][head.sender];
		pair.boot = head.sender_boot;
		Way &way = pair.ways[head.link];
		const std::uint64_t threshold = m_plan.common().hb_lost_threshold;
		const std::uint64_t behind = way.sent > head.echo_number ? way.sent - head.echo_number : 0;
		if (behind <= threshold + 6 || way.sent <= threshold + 1)
			pair.possible = now;
		if (!present_boot)
			return;
		way.newest = std::max(way.newest, head.number);
		if (behind <= threshold + 5 || way.sent <= threshold) {
			if (now - pair.proven > m_plan.dead())
				pair.hearing_since = now;
			pair.proven = now;
			way.proven = now;
		}
	}
	// `member` was itself away for `gap` and is granted that time.
	void granted(std::size_t member, Duration gap)
	{
		for (Pair &pair : m_pairs[member])
			pair.possible += gap;
	}

	// The last moment at which `to` had, or may have had, a reason to hold `from` for alive.
	[[nodiscard]] SimTime proven(std::size_t to, std::size_t from, std::size_t link) const
	{
		return m_pairs[to][from].ways[link].proven;
	}
	[[nodiscard]] SimTime possible(std::size_t to, std::size_t from) const { return m_pairs[to][from].possible; }
	// The boot of `from` whose beat `to` has taken last.
	[[nodiscard]] std::uint32_t boot_heard(std::size_t to, std::size_t from) const
	{
		return m_pairs[to][from].boot;
	}
	// Since when two members have heard each other without a gap of a dead interval; never if they do not.
	[[nodiscard]] SimTime hearing_since(SimTime now, std::size_t a, std::size_t b) const
	{
		const Pair &x = m_pairs[a][b];
		const Pair &y = m_pairs[b][a];
		// A little less than a dead interval: clocks drift.
		const Duration enough = m_plan.dead() - m_plan.dead() / 1000;
		if (now - x.proven >= enough || now - y.proven >= enough)
			return sim_never;
		return std::max(x.hearing_since, y.hearing_since);
	}

private:
	struct Way {                      // one member's side of one link to another
		std::uint64_t sent = 0;   // beats to the other
		std::uint64_t newest = 0; // highest number heard from the other
		SimTime proven = long_ago;
	};
	struct Pair {
		std::array<Way, core::max_links> ways{};
		SimTime proven = long_ago;
		SimTime possible = long_ago;
		std::uint32_t boot = 0;
		SimTime hearing_since = sim_never;
	};

	const Plan &m_plan;
	std::array<std::array<Pair, max_sim_members>, max_sim_members> m_pairs{};
};

} // namespace systole::sim
