// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The part of Vcluster that hands the role over as planned, make before break:
//
//   old primary                                            successor
//   at work, wants another to have the role
//     tells it the sessions that there are
//     at work, offers (offering, choice) ----------------> claims the next epoch: addresses, announcements
//     hears the claim: standby, lets go   <--------------- at work, epoch + 1
//     tells it those of the time between  ---------------> hears that: announces once more
//
// Until the last line but one the old primary forwards, so there is no moment at which nobody does. If the successor does
// not claim in time, nothing has happened: the old primary withdraws its offer and stays. Only the primary decides; the
// successor takes what it is offered unless it has become worse off itself meanwhile. Where two owners were promised never
// to be, the old primary yields first.
#include "control/core/isolation.h"
#include "control/core/vcluster.h"

#include <algorithm>

namespace systole::core {

namespace {

constexpr Duration least_patience = std::chrono::seconds{1};
constexpr Duration barrier_patience = std::chrono::seconds{1};
// The session thread gives up before that (control/sessions/session_engine.cc).
constexpr Duration rest_patience = std::chrono::milliseconds{1000};

// For a successor's claim. Where it must wait before it claims, that comes on top.
Duration patience(const Config &config)
{
	return std::max(config.dead_interval() * claim_patience, least_patience) + config.isolation_wait;
}

bool takes_sessions(const Member &successor)
{
	return (successor.content.capabilities & cap_takes_sessions) != 0;
}

} // namespace

// ---------------------------------------------------------------- the old primary

// The failover flag keeps the role away from here afterwards, as `execute ha failover set` does. It is set when the role
// has gone, so that nothing is to be taken back if nothing comes of it.
void Vcluster::switch_role(const Scene &scene)
{
	HandOver &plan = m_state.hand_over;
	if (m_state.state != HaState::work || plan.under_way())
		return;
	const std::uint32_t number = plan.number + 1;
	plan = HandOver{};
	plan.stage = HandOver::Stage::wanted;
	plan.asked = true;
	plan.flag_before = m_state.failover_flag;
	plan.number = number;
	plan.begun_at = scene.now;
	plan.until = scene.now + least_patience;
}

// As if our flag were set, and it alone.
void Vcluster::pick_successor(const Scene &scene)
{
	Candidates list;
	for (Candidate candidate : candidates(scene, false)) {
		candidate.failover_flag = candidate.id == scene.config.self;
		if (candidate.failover_flag || !candidate.barred)
			list.push_back(candidate);
	}
	if (list.size() == 1)
		return; // somebody may come yet
	const Decision decision =
		elect_ready(scene, list,
			    elect({list.begin(), list.size()},
				  {override_in_force(scene.members), scene.config.uptime_margin}, scene.now));
	list[0].failover_flag = false;
	const auto other =
		std::find_if(list.begin(), list.end(), [&](const Candidate &c) { return c.id == decision.winner; });
	if (other == list.begin() || healthier(list[0], *other, scene.now))
		end_hand_over(scene, HandOverFailure::worse);
	else
		hand_over(scene, decision);
}

// Offers to a member of an earlier version would be in vain; where a lease decides, one must be without it first; and a
// claim that a primary without proof of life does not hear, because it is cut off now, must not find it at work.
bool Vcluster::can_offer(const Scene &scene, const Member &successor) const
{
	const Isolation isolation = scene.config.isolation;
	return isolation != Isolation::witness && !(isolation == Isolation::demote && proof_lost(scene)) &&
	       (successor.content.capabilities & cap_takes_offers) != 0;
}

void Vcluster::retire(const Scene &scene)
{
	if (m_state.state != HaState::work || scene.config.isolation == Isolation::witness)
		return;
	if (HandOver &plan = m_state.hand_over; plan.stage == HandOver::Stage::wanted) {
		end_hand_over(scene, HandOverFailure::superseded);
	} else if (plan.under_way()) { // goes on, and no longer depends on the sessions
		plan.asked = false;
		return;
	}
	Candidates others;
	for (const Candidate &candidate : candidates(scene, false)) {
		const Member *other = find(scene.members, candidate.id);
		if (other != nullptr && !candidate.barred && can_offer(scene, *other) &&
		    words_of(*other, m_state.id)->state == HaState::standby)
			others.push_back(candidate);
	}
	if (others.empty())
		return;
	Decision decision =
		elect_ready(scene, others,
			    elect({others.begin(), others.size()},
				  {override_in_force(scene.members), scene.config.uptime_margin}, scene.now));
	decision.rule = Rule::stopping;
	hand_over(scene, decision);
}

void Vcluster::hand_over(const Scene &scene, const Decision &decision)
{
	HandOver &plan = m_state.hand_over;
	const Member &successor = *find(scene.members, decision.winner);
	const bool asked = plan.stage == HandOver::Stage::wanted;
	if (!asked) // else it is still due if nothing comes of the switch
		m_renegotiate = false;
	if (!can_offer(scene, successor) && !(asked && moves_sessions(scene))) {
		let_go_first(scene, decision);
		return;
	}
	if (!asked) {
		const std::uint32_t number = plan.number + 1;
		plan = HandOver{};
		plan.number = number;
		plan.begun_at = scene.now;
	}
	plan.stage = HandOver::Stage::barrier;
	plan.successor = decision.winner;
	plan.decision = decision;
	plan.told = !moves_sessions(scene);
	const bool waits = takes_sessions(successor) && (asked || !worse_off_than(scene, successor.id));
	plan.until = waits ? scene.now + barrier_patience : scene.now;
	(void)hand_over_waits(scene);
}

// A member that is ill does not wait for sessions.
bool Vcluster::worse_off_than(const Scene &scene, const MemberId &successor) const
{
	const Candidates list = candidates(scene, false);
	return std::any_of(list.begin() + 1, list.end(), [&](const Candidate &candidate) {
		return candidate.id == successor && is_ill(list[0], candidate, scene.now);
	});
}

// No claim overlaps with ours: the role is nobody's for a moment.
void Vcluster::let_go_first(const Scene &scene, const Decision &decision)
{
	HandOver &plan = m_state.hand_over;
	if (plan.asked && plan.under_way()) {
		plan.stage = HandOver::Stage::let_go;
		plan.successor = decision.winner;
		set_failover(scene, true);
	}
	become_standby(scene, decision, decision.winner);
}

// Sessions are those of the first virtual cluster's primary.
bool Vcluster::moves_sessions(const Scene &scene) const
{
	return scene.config.session_pickup && m_state.id == scene.config.vclusters[0].id;
}

void Vcluster::sessions_told(std::uint32_t number, bool rest)
{
	HandOver &plan = m_state.hand_over;
	if (number != plan.number)
		return;
	if (rest)
		plan.telling_until = Time{};
	else
		plan.told = true;
}

void Vcluster::offer(const Scene &scene)
{
	HandOver &plan = m_state.hand_over;
	plan.stage = HandOver::Stage::offered;
	plan.offered_at = scene.now;
	plan.until = scene.now + patience(scene.config);
	plan.epoch = m_state.epoch;
	wake(plan.until);
}

// True: nothing else is decided before that has come to an end.
bool Vcluster::hand_over_waits(const Scene &scene)
{
	HandOver &plan = m_state.hand_over;
	if (!plan.under_way())
		return false;
	const bool patient = scene.now < plan.until;
	if (patient)
		wake(plan.until);
	if (plan.stage == HandOver::Stage::wanted) {
		if (!patient)
			end_hand_over(scene, HandOverFailure::nobody);
		return false;
	}
	const Member *successor = find(scene.members, plan.successor);
	if (successor == nullptr || !successor->alive) {
		end_hand_over(scene, HandOverFailure::lost);
		return false;
	}
	if (plan.stage == HandOver::Stage::offered && !can_offer(scene, *successor)) { // since a moment ago
		let_go_first(scene, plan.decision);
		return true;
	}
	if (plan.stage == HandOver::Stage::barrier) {
		if (!plan.told && patient)
			return true;
		if (!plan.told && plan.asked) {
			end_hand_over(scene, takes_sessions(*successor) ? HandOverFailure::sessions
									: HandOverFailure::no_pickup);
			return false;
		}
		if (!can_offer(scene, *successor))
			let_go_first(scene, plan.decision);
		else
			offer(scene);
		return true;
	}
	if (patient)
		return true;
	end_hand_over(scene, HandOverFailure::no_claim);
	return false;
}

bool Vcluster::takes_our_offer(const Member &other) const
{
	const HandOver &plan = m_state.hand_over;
	return plan.stage == HandOver::Stage::offered && other.id == plan.successor &&
	       words_of(other, m_state.id)->epoch > plan.epoch;
}

void Vcluster::give_way(const Scene &scene, const Member &successor)
{
	if (m_state.hand_over.asked)
		set_failover(scene, true);
	become_standby(scene, m_state.hand_over.decision, successor.id, true);
	end_hand_over(scene, HandOverFailure::none);
	if (moves_sessions(scene) && takes_sessions(successor))
		m_state.hand_over.telling_until = scene.now + rest_patience;
}

void Vcluster::end_hand_over(const Scene &scene, HandOverFailure failure)
{
	HandOver &plan = m_state.hand_over;
	if (!plan.under_way() && plan.stage != HandOver::Stage::let_go)
		return;
	const bool good = failure == HandOverFailure::none;
	const bool let_go = plan.stage == HandOver::Stage::let_go;
	plan.stage = good ? HandOver::Stage::done : HandOver::Stage::failed;
	plan.failure = failure;
	plan.ended_at = scene.now;
	Notice record = notice(good ? NoticeKind::handed_over : NoticeKind::not_handed_over, scene.now);
	record.peer = plan.successor;
	record.value = good ? (scene.now - plan.begun_at).count() : static_cast<std::int64_t>(failure);
	if (failure != HandOverFailure::superseded || plan.asked) // else the change of role tells all
		scene.actions.push_back(record);
	if (good)
		return;
	if (failure == HandOverFailure::no_claim && !plan.asked)
		m_declined = plan.successor; // or it would be offered again at once
	if (let_go && !plan.flag_before)
		set_failover(scene, false);
}

// ---------------------------------------------------------------- the successor

bool Vcluster::offers_to_us(const Scene &scene, const Member &primary) const
{
	const VclusterBeat *words = words_of(primary, m_state.id);
	return words != nullptr && words->offering && words->state == HaState::work &&
	       words->choice == member_hash(scene.config.self);
}

bool Vcluster::may_accept(const Scene &scene, const Member &primary) const
{
	// One that does not hear us would not hear our claim; and where there are two, the other has offered nothing.
	const auto is_another = [&](const Member &m) {
		const VclusterBeat *words = m.alive && m.id != primary.id ? words_of(m, m_state.id) : nullptr;
		return words != nullptr && words->state == HaState::work;
	};
	if (!offers_to_us(scene, primary) || primary.unheard || !hears(primary, scene.config.self) ||
	    std::any_of(scene.members.begin() + 1, scene.members.end(), is_another))
		return false;
	const VclusterBeat &words = *words_of(primary, m_state.id);
	if (words.leaving || words.failover_flag)
		return true;
	Candidates list = candidates(scene, false);
	list[0].failover_flag = false; // ends with the switch
	const auto other =
		std::find_if(list.begin(), list.end(), [&](const Candidate &c) { return c.id == primary.id; });
	return other == list.end() || !healthier(*other, list[0], scene.now);
}

void Vcluster::take_offer(const Scene &scene, const Member &primary)
{
	Decision decision = elect_able(scene, scene.config.uptime_margin);
	if (decision.winner != scene.config.self || words_of(primary, m_state.id)->leaving) {
		decision = Decision{};
		decision.rule = Rule::handed_over;
		decision.winner = scene.config.self;
		decision.runner_up = primary.id;
	}
	become_primary(scene, decision, true);
}

} // namespace systole::core
