// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What really reached whom, beside what the members believe. The checkers judge the members by this.
//
// A beat proves life if its sender had, when it sent it, heard one of the receiver's last hb-lost-threshold + 5
// beats on that link, or if that beat and this one were together on the way for no longer than a dead interval
// (docs/PROTOCOL.md, freshness); numbers and times here are the simulator's own, not the wire's.
#pragma once

#include "tests/sim/packet.h"
#include "tests/sim/plan.h"

#include <algorithm>
#include <array>

namespace systole::sim {

class Truth {
public:
	explicit Truth(const Plan &plan)
	    : m_plan(plan), m_dead(plan.dead()), m_enough(plan.dead() - plan.dead() / 1000),
	      m_threshold(plan.common().hb_lost_threshold)
	{
	}

	// A member boots or dies: nothing said to or by its former self counts for the next.
	void forget(std::size_t member)
	{
		for (std::size_t other = 0; other < m_plan.members.size(); ++other) {
			m_pairs[member][other] = Pair{};
			for (Way &way : m_pairs[other][member].ways) {
				const Belief belief = way.belief;
				const SimTime not_before = way.not_before;
				way = Way{};
				way.not_before = not_before;
				way.belief = belief; // what they may believe of the dead does not change by its death
			}
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
	void sent(SimTime now, std::size_t from, std::size_t to, PacketHead &head)
	{
		Way &way = m_pairs[from][to].ways[head.link];
		head.number = ++way.sent;
		head.sent_at = now;
		head.echo_number = way.newest;
		head.echo_way = way.newest_way;
		head.echo_held = now - way.newest_at;
	}
	// `to` has opened and taken a beat.
	void accepted(SimTime now, std::size_t to, const PacketHead &head, bool present_boot)
	{
		Pair &pair = m_pairs[to][head.sender];
		pair.boot = head.sender_boot;
		Way &way = pair.ways[head.link];
		const std::uint64_t behind = way.sent > head.echo_number ? way.sent - head.echo_number : 0;
		const Duration round = head.echo_number == 0 ? Duration::max() / 2 : now - head.sent_at + head.echo_way;
		// Clocks drift apart by up to 1000 ppm, and as much is granted.
		const Duration clocks = head.echo_held / 450 + std::chrono::milliseconds{1};
		if (behind <= m_threshold + 6 || way.sent <= m_threshold + 1 || round <= m_dead + clocks)
			way.belief = Belief{now, false, Duration{}};
		if (!present_boot)
			return;
		if (head.number > way.newest) {
			way.newest = head.number;
			way.newest_way = now - head.sent_at;
			way.newest_at = now;
		}
		if (behind <= m_threshold + 5 || way.sent <= m_threshold) {
			if (now - pair.proven > m_dead)
				pair.hearing_since = now;
			pair.proven = now;
			count_as_life(now, pair, way);
		} else if (round <= m_dead - std::chrono::milliseconds{1}) {
			if (now - way.timely > m_enough)
				way.timely_since = now;
			way.timely = now;
			// Life that never ceased goes on; else it takes a dead interval of such beats.
			if (now - way.life < m_enough || now - way.timely_since > m_dead + m_plan.tolerance())
				count_as_life(now, pair, way);
		}
	}
	// `member` was itself away for `gap` and is granted that time: one absence in full, further ones before the next
	// beat up to four dead intervals. If its whole machine was frozen for more than a dead interval, nobody is judged
	// before the others, who may have been frozen too, have had time to look around and to speak.
	void granted(SimTime now, std::size_t member, Duration gap, bool machine)
	{
		for (Pair &pair : m_pairs[member])
			for (Way &way : pair.ways) {
				Belief &belief = way.belief;
				const Duration more = belief.absent ? std::min(gap, m_dead * 4 - belief.further) : gap;
				belief.further += belief.absent ? more : Duration{};
				belief.absent = true;
				belief.since += more;
				if (gap > m_dead && machine)
					way.not_before = now + m_dead * 5 / 2;
			}
	}

	// The last moment at which `to` had a reason to hold `from` for alive on a link.
	[[nodiscard]] SimTime life(std::size_t to, std::size_t from, std::size_t link) const
	{
		return m_pairs[to][from].ways[link].life;
	}
	[[nodiscard]] SimTime life(std::size_t to, std::size_t from) const { return m_pairs[to][from].life; }
	// The last moment at which it may have had one.
	[[nodiscard]] SimTime possible(std::size_t to, std::size_t from) const
	{
		SimTime last = long_ago;
		for (const Way &way : m_pairs[to][from].ways)
			last = std::max({last, way.belief.since, way.not_before - m_dead});
		return last;
	}
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
		if (now - x.proven >= m_enough || now - y.proven >= m_enough) // clocks drift
			return sim_never;
		return std::max(x.hearing_since, y.hearing_since);
	}
	// Since when `to` has heard `from`, whether or not `from` hears `to`.
	[[nodiscard]] SimTime half_hearing_since(SimTime now, std::size_t to, std::size_t from) const
	{
		const Pair &pair = m_pairs[to][from];
		return now - pair.life >= m_enough ? sim_never : pair.life_since;
	}

private:
	struct Belief {
		SimTime since = long_ago; // the last beat that could count, and the grants since
		bool absent = false;
		Duration further{};
	};
	struct Way {                      // one member's side of one link to another
		std::uint64_t sent = 0;   // beats to the other
		std::uint64_t newest = 0; // highest number heard from the other
		Duration newest_way{};
		SimTime newest_at{};
		SimTime life = long_ago;
		SimTime timely = long_ago;
		SimTime timely_since = long_ago;
		Belief belief;
		SimTime not_before = long_ago + std::chrono::hours{1};
	};
	struct Pair {
		std::array<Way, core::max_links> ways{};
		SimTime proven = long_ago; // heard, and heard by it
		SimTime hearing_since = sim_never;
		SimTime life = long_ago; // heard
		SimTime life_since = sim_never;
		std::uint32_t boot = 0;
	};

	void count_as_life(SimTime now, Pair &pair, Way &way) const
	{
		way.life = now;
		if (now - pair.life > m_enough)
			pair.life_since = now;
		pair.life = now;
	}

	const Plan &m_plan;
	const Duration m_dead;
	const Duration m_enough; // a little less than a dead interval: clocks drift
	const std::uint64_t m_threshold;
	std::array<std::array<Pair, max_sim_members>, max_sim_members> m_pairs{};
};

} // namespace systole::sim
