// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Readiness in the election: while another member that is ready could take the role, one that is not does not get it
// before session-sync-wait is over. That it does then, same-primary and override-obeyed say.
#include "tests/sim/checkers.h"
#include "tests/sim/cliques.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

namespace {

constexpr int claim_patience = 3; // dead intervals that whoever is chosen has for its claim

class ReadyFirst final : public Checker {
public:
	explicit ReadyFirst(World &world)
	    : Checker(world, "ready-first"), m_wait(world.plan.common().session_sync_wait),
	      m_on(world.plan.fills && m_wait > world.plan.tolerance() * 2),
	      m_followed(world.plan.members.size(), std::vector<SimTime>(world.plan.vcluster_count(), long_ago)),
	      m_unready(world.plan.members.size()), m_rivals_at(world.plan.vcluster_count(), long_ago)
	{
	}
	void after_step(const Step &step) override
	{
		if (!m_on)
			return;
		for (std::size_t v = 0; v < step.before.size(); ++v)
			note_rivals(v);
		if (!m_world.takes_part(step.member))
			return;
		for (const core::Action &action : step.actions)
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action);
			    claim != nullptr && !claim->offered)
				look_claim(step.member, m_world.plan.place_of(claim->vcluster));
		for (std::size_t v = 0; v < step.before.size(); ++v) {
			const core::VclusterState &now = m_world.member(step.member).node().vcluster(v);
			if (gives_away(step.before[v], now))
				look_gift(step, v);
		}
	}
	void sweep() override
	{
		for (std::size_t i = 0; m_on && i < m_world.size(); ++i) {
			const Member &member = m_world.member(i);
			if (member.running() && !member.ready()) {
				if (m_world.now() - m_unready[i].last > m_world.plan.hearsay() * 2)
					m_unready[i].first = m_world.now();
				m_unready[i].last = m_world.now();
			}
			for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
				if (member.running() && follows_somebody(i, v))
					m_followed[i][v] = m_world.now();
		}
	}

private:
	struct Spell { // gaps that others may not have heard of do not end it
		SimTime first = long_ago;
		SimTime last = long_ago;
	};

	[[nodiscard]] bool follows_somebody(std::size_t index, std::size_t v) const
	{
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != index && m_world.member(other).takeover(v).claims() &&
			    m_world.truth.half_hearing_since(m_world.now(), index, other) != sim_never)
				return true;
		return false;
	}
	[[nodiscard]] bool long_unready(std::size_t index) const
	{
		const Member &member = m_world.member(index);
		return member.running() && !member.ready() &&
		       m_world.now() - member.ready_changed_at() > m_world.plan.hearsay();
	}
	// Ready and well for long, heard by that member and hearing it, and free to claim.
	[[nodiscard]] bool could_claim(std::size_t index, std::size_t heard_by, std::size_t v) const
	{
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		const Member &member = m_world.member(index);
		if (!m_world.takes_part(index) || !member.ready() || member.stopping() ||
		    std::max({member.ready_changed_at(), member.present_since(), member.orders().changed_at,
			      member.monitor_changed_at(v), m_world.last_timer(v),
			      m_world.truth.hearing_since(m_world.now(), heard_by, index)}) > old)
			return false;
		const core::VclusterState &state = member.node().vcluster(v);
		const auto health = standing_of(m_world, index, v).health;
		const bool well = std::all_of(health.begin(), health.end(), [](std::uint32_t ill) { return ill == 0; });
		// Whom it names it may have chosen before the other one fell behind.
		return well && state.state == core::HaState::standby && member.clock().when(state.changed_at) <= old &&
		       state.choice != m_world.plan.members[heard_by].config.self;
	}
	// Nobody has been primary for so short a time that nobody may have run out of patience.
	void look_claim(std::size_t index, std::size_t v)
	{
		const Duration vacant = m_world.now() - m_followed[index][v];
		const Duration patience = std::min(m_wait - m_wait / 1000, m_world.plan.dead() * claim_patience);
		if (!long_unready(index) || vacant >= patience - m_world.plan.tolerance() ||
		    m_world.plan.common().isolation == core::Isolation::witness ||
		    m_world.member(index).present_since() > m_world.now() - m_world.plan.hearsay())
			return;
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != index && could_claim(other, index, v))
				fail(member_name(index) + " is not ready and claims the role" +
				     m_world.plan.vcluster_text(v) + " " + in_ms(vacant) +
				     " after it heard a primary, although " + member_name(other) + " is ready");
	}
	// A primary that is well and stays is not in a hurry.
	void look_gift(const Step &step, std::size_t v)
	{
		const Member &member = m_world.member(step.member);
		const core::VclusterState &now = member.node().vcluster(v);
		const auto winner = m_world.index_of(why_given_away(now).winner);
		const Orders &orders = member.orders();
		if (!winner || !long_unready(*winner) || was_asked_for(now) || member.stopping() ||
		    now.link_failure != 0 || step.before[v].ping_failure != 0 || now.ping_failure != 0 ||
		    orders.ssd_failed || orders.short_of_memory ||
		    m_world.now() - m_rivals_at[v] <= m_world.plan.hearsay())
			return;
		SimTime since = m_world.now();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != step.member && m_world.now() - m_unready[other].last <= m_world.plan.hearsay() * 2)
				since = std::min(since, m_unready[other].first - m_world.plan.hearsay());
		since = std::max(since, member.clock().when(step.before[v].changed_at));
		if (m_world.now() - since < m_wait - m_wait / 1000 - m_world.plan.tolerance())
			fail(member_name(step.member) + " is well and gives the role" + m_world.plan.vcluster_text(v) +
			     " to " + member_name(*winner) + ", which is not ready, after " +
			     in_ms(m_world.now() - since) + ", session-sync-wait " + in_ms(m_wait));
	}
	// When there were two primaries last: who gives way to a rival gives nothing away.
	void note_rivals(std::size_t v)
	{
		int primaries = 0;
		for (std::size_t i = 0; i < m_world.size(); ++i)
			primaries += m_world.member(i).takeover(v).claims() ? 1 : 0;
		if (primaries > 1)
			m_rivals_at[v] = m_world.now();
	}

	Duration m_wait;
	bool m_on;
	std::vector<std::vector<SimTime>> m_followed; // by member and virtual cluster: when it last heard a primary
	std::vector<Spell> m_unready;
	std::vector<SimTime> m_rivals_at; // by virtual cluster
};

} // namespace

std::vector<std::unique_ptr<Checker>> readiness_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<ReadyFirst>(world));
	return list;
}

} // namespace systole::sim
