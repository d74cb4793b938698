// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The part of Node that decides about the role: who would win, whether to claim, to wait or to yield.
#include "control/core/node.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;

namespace {

// Waiting for somebody else to claim, or for a rival to yield, is counted in dead intervals.
constexpr int claim_patience = 3;
// A primary yields by age only if the difference is clearly over the margin, so that the winner, who sees the same
// ages a few milliseconds apart, comes to the same result.
constexpr Duration yield_hysteresis = milliseconds{100};

} // namespace

FixedVector<Candidate, max_members> Node::candidates(bool everybody) const
{
	FixedVector<Candidate, max_members> list;
	Candidate self;
	self.id = m_config.self;
	self.priority = m_config.priority;
	self.failover_flag = m_vcluster.failover_flag;
	self.failure_sum = link_failure();
	self.age_origin = m_vcluster.age_origin;
	list.push_back(self);
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = m_members[i];
		const VclusterBeat *words = words_of(m);
		if (!m.alive || words == nullptr || (!everybody && words->state == HaState::hello))
			continue;
		Candidate other;
		other.id = m.id;
		other.priority = words->priority;
		other.failover_flag = words->failover_flag;
		other.failure_sum = failure_sum(*words);
		other.age_origin = m.age_origin;
		list.push_back(other);
	}
	return list;
}

Decision Node::run_election(Time now, bool everybody, Duration margin) const
{
	const auto list = candidates(everybody);
	return elect({list.begin(), list.size()}, {override_in_force(), margin}, now);
}

const Member *Node::live_primary() const
{
	const Member *best = nullptr;
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = m_members[i];
		if (!m.alive || state_of(m) != HaState::work)
			continue;
		if (best == nullptr || words_of(m)->epoch > words_of(*best)->epoch ||
		    (words_of(m)->epoch == words_of(*best)->epoch && m.id > best->id))
			best = &m;
	}
	return best;
}

// By what we see of the links, or by what it says: one of the two may be a little old.
bool Node::hears_us(const Member &other) const
{
	if (std::any_of(other.links.begin(), other.links.end(),
			[](const LinkView &link) { return link.health == LinkHealth::up; }))
		return true;
	const std::uint32_t self = member_hash(m_config.self);
	const auto tells = [self](const Reception &cell) { return cell.peer_hash == self; };
	const auto hears = [&](const Reception &cell) { return tells(cell) && cell.health != LinkHealth::down; };
	const auto &cells = other.content.reception; // has room for some only: no word is no proof
	return std::none_of(cells.begin(), cells.end(), tells) || std::any_of(cells.begin(), cells.end(), hears);
}

// A live member out of hello still holds somebody else for primary: perhaps it hears whom we have lost.
bool Node::somebody_follows_another() const
{
	return std::any_of(m_members.begin() + 1, m_members.end(), [&](const Member &m) {
		const VclusterBeat *words = words_of(m);
		return m.alive && words != nullptr && words->state == HaState::standby && !words->choice.empty() &&
		       words->choice != m_config.self;
	});
}

// A live standby is better than us by a criterion that stands above age and priority.
bool Node::somebody_is_healthier() const
{
	const auto list = candidates(false);
	const Candidate &self = list[0];
	return std::any_of(list.begin() + 1, list.end(), [&](const Candidate &other) {
		if (other.failover_flag != self.failover_flag)
			return self.failover_flag;
		return other.failure_sum < self.failure_sum;
	});
}

void Node::evaluate(Time now, Actions &actions)
{
	const bool in_force = override_in_force();
	if (in_force != m_override_was_in_force) {
		m_override_was_in_force = in_force;
		Notice record = notice(NoticeKind::override_in_force, now);
		record.value = in_force ? 1 : 0;
		actions.push_back(record);
	}
	m_wake_at = never;
	switch (m_vcluster.state) {
	case HaState::hello: evaluate_hello(now, actions); break;
	case HaState::standby: evaluate_standby(now, actions); break;
	case HaState::work: evaluate_primary(now, actions); break;
	}
	m_renegotiate = false;
}

void Node::evaluate_hello(Time now, Actions &actions)
{
	if (const Member *primary = live_primary()) {
		Decision decision;
		decision.rule = Rule::live_primary;
		decision.winner = primary->id;
		become_standby(now, decision, primary->id, actions);
		return;
	}
	const bool complete = m_config.expected_members != 0 && alive_peers() + 1 >= m_config.expected_members;
	// The others have chosen while we were still looking: our vote is due. But a cluster that has had a primary (epoch)
	// will have one again without us; its words may still be about our own earlier boot.
	const bool formed = std::any_of(m_members.begin() + 1, m_members.end(), [](const Member &m) {
		return m.alive && state_of(m) == HaState::standby && words_of(m)->epoch == 0;
	});
	if (!complete && !formed && now < m_hello_until) {
		m_wake_at = m_hello_until;
		return;
	}
	const Decision decision = run_election(now, true, m_config.uptime_margin);
	if (decision.winner == m_config.self && !somebody_follows_another())
		become_primary(now, decision, actions);
	else
		become_standby(now, decision, decision.winner, actions);
}

void Node::evaluate_standby(Time now, Actions &actions)
{
	if (const Member *primary = live_primary()) {
		m_orphan_since = never;
		m_successor = MemberId{};
		m_vcluster.choice = primary->id;
		return;
	}
	if (m_orphan_since == never)
		m_orphan_since = now;
	// Whoever has the higher serial among the live runs out of patience first.
	const auto list = candidates(false);
	const auto above =
		std::count_if(list.begin() + 1, list.end(), [&](const Candidate &c) { return c.id > m_config.self; });
	const Time patience = m_orphan_since + m_config.dead_interval() * (claim_patience + above);

	const Member *successor = member(m_successor);
	if (successor == nullptr || !successor->alive || now >= patience)
		m_successor = MemberId{};
	m_vcluster.choice = m_successor;
	m_wake_at = now < patience ? patience : now + m_config.dead_interval();
	if (!m_successor.empty() || somebody_follows_another())
		return;
	Decision decision = run_election(now, false, m_config.uptime_margin);
	if (decision.winner != m_config.self) {
		if (now < patience)
			return;
		decision.rule = Rule::tie_break;
		decision.runner_up = decision.winner;
		decision.winner = m_config.self;
	}
	become_primary(now, decision, actions);
	if (decision.rule == Rule::tie_break) // whom we would yield to as a primary: by age that may be another one
		m_declined = run_election(now, false, m_config.uptime_margin + yield_hysteresis).winner;
}

void Node::evaluate_primary(Time now, Actions &actions)
{
	FixedVector<Candidate, max_members> rivals;
	const auto list = candidates(false);
	rivals.push_back(list[0]);
	for (std::size_t i = 1; i < list.size(); ++i)
		if (state_of(*member(list[i].id)) == HaState::work)
			rivals.push_back(list[i]);

	// Whoever does not hear us cannot yield to us, and was free to claim: we do.
	for (std::size_t i = 1; i < rivals.size(); ++i) {
		if (hears_us(*member(rivals[i].id)))
			continue;
		Decision decision;
		decision.rule = Rule::live_primary;
		decision.winner = rivals[i].id;
		become_standby(now, decision, decision.winner, actions);
		return;
	}
	if (rivals.size() > 1) { // a split has healed: the full order decides, among the primaries
		if (m_rival_since == never)
			m_rival_since = now;
		m_rival_seen = true;
		Decision decision =
			elect({rivals.begin(), rivals.size()}, {override_in_force(), m_config.uptime_margin}, now);
		const Time patience = m_rival_since + m_config.dead_interval() * claim_patience;
		if (decision.winner == m_config.self) {
			const auto highest =
				std::max_element(rivals.begin(), rivals.end(),
						 [](const Candidate &a, const Candidate &b) { return a.id < b.id; });
			if (now < patience || highest->id == m_config.self) {
				m_wake_at = now < patience ? patience : now + m_config.dead_interval();
				return;
			}
			decision.rule = Rule::tie_break;
			decision.runner_up = m_config.self;
			decision.winner = highest->id;
		}
		become_standby(now, decision, decision.winner, actions);
		return;
	}
	m_rival_since = never;
	if (m_rival_seen) { // whoever it was claimed our addresses too: tell the neighbours again
		m_rival_seen = false;
		actions.push_back(Reannounce{m_vcluster.id});
	}
	if (list.size() == 1)
		return;
	if (!override_in_force() && !m_renegotiate && !somebody_is_healthier())
		return; // a joiner never displaces a live primary
	if (m_renegotiate)
		m_declined = MemberId{};
	const Decision decision = run_election(now, false, m_config.uptime_margin + yield_hysteresis);
	if (decision.winner != m_config.self && decision.winner != m_declined)
		become_standby(now, decision, decision.winner, actions);
}

void Node::become_primary(Time now, const Decision &decision, Actions &actions)
{
	Notice role = notice(NoticeKind::role, now);
	role.from = m_vcluster.state;
	role.to = HaState::work;
	m_vcluster.previous = m_vcluster.state;
	m_vcluster.state = HaState::work;
	m_vcluster.changed_at = now;
	m_vcluster.decided_at = now;
	m_vcluster.decision = decision;
	m_vcluster.choice = m_config.self;
	m_vcluster.epoch = m_vcluster.epoch == last_epoch ? last_epoch : m_vcluster.epoch + 1;
	m_orphan_since = never;
	m_rival_since = never;
	m_rival_seen = false;
	m_successor = MemberId{};
	m_declined = MemberId{};
	actions.push_back(BecomePrimary{m_vcluster.id, m_vcluster.epoch, decision});
	refresh_beat(now, actions, true);
	role.epoch = m_vcluster.epoch;
	role.decision = decision;
	actions.push_back(role);
}

void Node::become_standby(Time now, const Decision &decision, const MemberId &choice, Actions &actions)
{
	Notice role = notice(NoticeKind::role, now);
	role.from = m_vcluster.state;
	role.to = HaState::standby;
	m_vcluster.previous = m_vcluster.state;
	m_vcluster.state = HaState::standby;
	m_vcluster.changed_at = now;
	m_vcluster.decided_at = now;
	m_vcluster.decision = decision;
	m_vcluster.choice = choice;
	m_successor = choice;
	m_orphan_since = now;
	m_rival_since = never;
	m_rival_seen = false;
	m_wake_at = now + m_config.dead_interval() * claim_patience;
	if (role.from == HaState::work) // the addresses go first, then the word goes out
		actions.push_back(BecomeSecondary{m_vcluster.id, m_vcluster.epoch, decision});
	refresh_beat(now, actions, true);
	role.epoch = m_vcluster.epoch;
	role.decision = decision;
	actions.push_back(role);
}

} // namespace systole::core
