// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The part of Vcluster that decides about the role: who would win, whether to claim, to wait or to yield.
#include "control/core/isolation.h"
#include "control/core/vcluster.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;

namespace {

// A primary yields by age only if the difference is clearly over the margin, so that the winner, who sees the same
// ages a few milliseconds apart, comes to the same result.
constexpr Duration yield_hysteresis = milliseconds{100};

} // namespace

Decision Vcluster::run_election(const Scene &scene, bool everybody, Duration margin) const
{
	const auto list = candidates(scene, everybody);
	return elect({list.begin(), list.size()}, {override_in_force(scene.members), margin}, scene.now);
}

// Among those out of hello who could claim; whoever cannot is not waited for.
Decision Vcluster::elect_able(const Scene &scene, Duration margin) const
{
	const auto everybody = candidates(scene, false);
	Candidates able;
	for (const Candidate &candidate : everybody)
		if (candidate.id == scene.config.self || !candidate.barred)
			able.push_back(candidate);
	return elect({able.begin(), able.size()}, {override_in_force(scene.members), margin}, scene.now);
}

// A live member out of hello still holds somebody else for primary: perhaps it hears whom we have lost. It does not if
// that one is alive for us too, and waits for us.
bool Vcluster::somebody_follows_another(const Scene &scene) const
{
	const std::uint32_t self = member_hash(scene.config.self);
	const auto standby_words = [&](const Member &m) {
		const VclusterBeat *words = m.alive ? words_of(m, m_state.id) : nullptr;
		return words != nullptr && words->state == HaState::standby ? words : nullptr;
	};
	const auto waits_for_us = [&](std::uint32_t choice) {
		return std::any_of(scene.members.begin() + 1, scene.members.end(), [&](const Member &m) {
			const VclusterBeat *words = standby_words(m);
			return words != nullptr && member_hash(m.id) == choice && words->choice == self;
		});
	};
	return std::any_of(scene.members.begin() + 1, scene.members.end(), [&](const Member &m) {
		const VclusterBeat *words = standby_words(m);
		return words != nullptr && words->choice != 0 && words->choice != self && !waits_for_us(words->choice);
	});
}

// It waits for us, and hears nobody who is unknown to us and could bind it.
bool Vcluster::follows_us(const Scene &scene, const MemberId &id) const
{
	const Member *other = find(scene.members, id);
	const VclusterBeat *words = other == nullptr || !other->alive ? nullptr : words_of(*other, m_state.id);
	const std::uint32_t self = member_hash(scene.config.self);
	if (words == nullptr || words->choice != self)
		return false;
	const auto known = [&](const Reception &cell) {
		return cell.health == LinkHealth::down || cell.peer_hash == self ||
		       std::any_of(scene.members.begin() + 1, scene.members.end(),
				   [&](const Member &m) { return m.alive && member_hash(m.id) == cell.peer_hash; });
	};
	const auto &cells = other->content.reception;
	const auto hears_too = [&](const Member &m) {
		const std::uint32_t hash = member_hash(m.id);
		return !m.alive || m.id == id || cells.full() ||
		       std::any_of(cells.begin(), cells.end(), [hash](const Reception &cell) {
			       return cell.peer_hash == hash && cell.health != LinkHealth::down;
		       });
	};
	return std::all_of(cells.begin(), cells.end(), known) &&
	       std::all_of(scene.members.begin() + 1, scene.members.end(), hears_too);
}

void Vcluster::note_override(const Scene &scene)
{
	const bool in_force = override_in_force(scene.members);
	if (in_force == m_override_was_in_force)
		return;
	m_override_was_in_force = in_force;
	Notice record = notice(NoticeKind::override_in_force, scene.now);
	record.value = in_force ? 1 : 0;
	scene.actions.push_back(record);
}

void Vcluster::evaluate(const Scene &scene)
{
	m_wake_at = never;
	m_asks_witness = false;
	if (scene.retiring && m_state.state != HaState::work)
		return;
	note_override(scene);
	note_lease(scene);
	settle_monitors(scene);
	follow_ping_servers(scene);
	follow_isolation(scene);
	switch (m_state.state) {
	case HaState::hello: evaluate_hello(scene); break;
	case HaState::standby: evaluate_standby(scene); break;
	case HaState::work: evaluate_primary(scene); break;
	}
	follow_override_wait(scene);
	seek_witness(scene, m_asks_witness);
	// After it.
	m_renegotiate = m_renegotiate && (m_state.hand_over.under_way() || m_state.put_off_since != never);
}

void Vcluster::evaluate_hello(const Scene &scene)
{
	if (const Member *primary = live_primary(scene.members)) {
		Decision decision;
		decision.rule = Rule::live_primary;
		decision.winner = primary->id;
		become_standby(scene, decision, primary->id);
		return;
	}
	const Config &config = scene.config;
	const auto alive =
		std::count_if(scene.members.begin() + 1, scene.members.end(), [](const Member &m) { return m.alive; });
	const bool complete = config.expected_members != 0 && alive + 1 >= config.expected_members;
	// The others have chosen while we were still looking: our vote is due. But a cluster that has had a primary (epoch)
	// will have one again without us; its words may still be about our own earlier boot.
	const bool formed = std::any_of(scene.members.begin() + 1, scene.members.end(), [&](const Member &m) {
		const VclusterBeat *words = m.alive ? words_of(m, m_state.id) : nullptr;
		return words != nullptr && words->state == HaState::standby && words->epoch == 0;
	});
	if (!complete && !formed && scene.now < scene.hello_until) {
		wake(scene.hello_until);
		return;
	}
	m_vacant_since = scene.now;
	const Decision decision = prefer_ready(scene, true, run_election(scene, true, config.uptime_margin));
	m_gave_way = decision.rule == Rule::readiness;
	if (decision.winner != config.self || somebody_follows_another(scene))
		become_standby(scene, decision, decision.winner);
	else if (may_claim(scene))
		become_primary(scene, decision);
	else // seen by the others to be out of hello, and claims from there
		become_standby(scene, decision, MemberId{});
}

void Vcluster::evaluate_standby(const Scene &scene)
{
	if (const Member *primary = live_primary(scene.members)) {
		m_orphan_since = never;
		m_vacant_since = never;
		m_successor = MemberId{};
		m_state.choice = primary->id;
		m_last_primary = primary->id;
		if (m_state.hand_over.stage == HandOver::Stage::let_go)
			end_hand_over(scene, HandOverFailure::none);
		if (may_accept(scene, *primary) && may_claim(scene))
			take_offer(scene, *primary);
		return;
	}
	const Config &config = scene.config;
	const Time now = scene.now;
	if (m_orphan_since == never)
		m_orphan_since = now;
	if (m_vacant_since == never) {
		m_vacant_since = now;
		m_gave_way = false;
	}
	const Time gives_way_until = m_vacant_since + config.session_sync_wait;
	if (m_gave_way && now >= gives_way_until) { // now the order counts, and whoever is first by it has its time
		m_gave_way = false;
		m_orphan_since = now;
		m_successor = MemberId{};
	}
	// Whoever has the higher serial among the live runs out of patience first.
	const auto list = candidates(scene, false);
	const auto above =
		std::count_if(list.begin() + 1, list.end(), [&](const Candidate &c) { return c.id > config.self; });
	// Where a claim has to wait, the winner is given that time too.
	const Time patience =
		m_orphan_since + config.dead_interval() * (claim_patience + above) + config.isolation_wait;

	const Member *successor = find(scene.members, m_successor);
	if (successor == nullptr || !successor->alive || now >= patience || m_renegotiate)
		m_successor = MemberId{}; // also when something failed meanwhile: the others elect anew, too
	m_state.choice = m_successor;
	wake(now < patience ? patience : now + config.dead_interval());
	if (m_gave_way)
		wake(gives_way_until);
	if (!m_successor.empty() || somebody_follows_another(scene))
		return;
	Decision decision = prefer_ready(scene, false, elect_able(scene, config.uptime_margin));
	m_gave_way = decision.rule == Rule::readiness;
	if (m_gave_way)
		wake(gives_way_until);
	if (decision.winner != config.self) {
		if (now < patience) { // said, so that whoever waits for us knows whom we wait for
			m_successor = decision.winner;
			m_state.choice = m_successor;
			return;
		}
		decision.rule = Rule::tie_break;
		decision.runner_up = decision.winner;
		decision.winner = config.self;
	}
	if (!may_claim(scene)) {
		m_orphan_since = now; // nobody's patience runs while a claim must wait
		return;
	}
	become_primary(scene, decision);
	if (decision.rule == Rule::tie_break) // whom we would yield to as a primary: by age that may be another one
		m_declined = elect_able(scene, config.uptime_margin + yield_hysteresis).winner;
}

void Vcluster::evaluate_primary(const Scene &scene)
{
	const Time put_off_since = m_state.put_off_since;
	m_state.put_off_since = never;
	if (may_not_act(scene)) {
		Decision decision;
		decision.rule = Rule::isolated;
		become_standby(scene, decision, MemberId{});
		return;
	}
	const auto everybody = candidates(scene, false);
	if (settle_with_rivals(scene, everybody))
		return;
	if (hand_over_waits(scene) || m_state.hand_over.stage == HandOver::Stage::wanted) {
		if (m_state.state == HaState::work) // else it is over
			m_state.put_off_since = put_off_since;
		if (m_state.hand_over.stage == HandOver::Stage::wanted && everybody.size() > 1 && !scene.retiring)
			pick_successor(scene);
		return;
	}
	if (everybody.size() == 1 || scene.retiring)
		return;
	const bool somebody_healthier =
		std::any_of(everybody.begin() + 1, everybody.end(),
			    [&](const Candidate &other) { return healthier(other, everybody[0], scene.now); });
	const bool in_force = override_in_force(scene.members);
	if (!in_force && !m_renegotiate && !somebody_healthier)
		return; // a joiner never displaces a live primary
	if (m_renegotiate) {
		m_declined = MemberId{};
		m_retried = MemberId{};
	} else if (m_declined != m_retried && follows_us(scene, m_declined)) {
		m_retried = m_declined; // once: if it still cannot claim, the role would go to and fro
		m_declined = MemberId{};
	}
	const Candidates list = worth_yielding_to(scene, everybody);
	const ElectionOptions options{in_force, scene.config.uptime_margin + yield_hysteresis};
	const Decision decision =
		put_off(scene, list, elect({list.begin(), list.size()}, options, scene.now), options, put_off_since);
	if (decision.winner != scene.config.self && decision.winner != m_declined)
		hand_over(scene, decision);
}

// Who has booted and still waits (override-wait-time) gets the role from us only if we are ill.
Candidates Vcluster::worth_yielding_to(const Scene &scene, const Candidates &everybody) const
{
	Candidates list;
	for (const Candidate &candidate : everybody)
		if (candidate.id == scene.config.self ||
		    (!candidate.barred && (!candidate.waiting || healthier(candidate, everybody[0], scene.now))))
			list.push_back(candidate);
	return list;
}

// Other members at work. True: that is settled, or waits.
bool Vcluster::settle_with_rivals(const Scene &scene, const Candidates &everybody)
{
	const Config &config = scene.config;
	bool predecessor = false;
	Candidates rivals;
	rivals.push_back(everybody[0]);
	for (std::size_t i = 1; i < everybody.size(); ++i) {
		const Member &other = *find(scene.members, everybody[i].id);
		if (words_of(other, m_state.id)->state != HaState::work)
			continue;
		if (takes_our_offer(other)) {
			give_way(scene, other);
			return true;
		}
		if (offers_to_us(scene, other)) {
			predecessor = true;
			continue;
		}
		if (!hears(other, config.self)) { // it cannot yield to us, and was free to claim: we do
			Decision decision;
			decision.rule = Rule::live_primary;
			decision.winner = other.id;
			become_standby(scene, decision, decision.winner);
			return true;
		}
		rivals.push_back(everybody[i]);
	}
	if (rivals.size() == 1) {
		m_rival_since = never;
		const bool let_go = m_predecessor_seen && !predecessor;
		m_predecessor_seen = predecessor;
		if (predecessor)
			return true;
		if (let_go) // the last frames it forwarded may have turned switches back to it
			scene.actions.push_back(Reannounce{m_state.id, false});
		if (m_rival_seen) { // whoever it was claimed our addresses too: tell the neighbours again
			m_rival_seen = false;
			scene.actions.push_back(Reannounce{m_state.id});
		}
		return false;
	}
	// A split has healed: the full order decides, among the primaries.
	if (m_rival_since == never)
		m_rival_since = scene.now;
	m_rival_seen = true;
	Decision decision = elect({rivals.begin(), rivals.size()},
				  {override_in_force(scene.members), config.uptime_margin}, scene.now);
	if (decision.winner == config.self) {
		const Time patience = m_rival_since + config.dead_interval() * claim_patience;
		const auto highest =
			std::max_element(rivals.begin(), rivals.end(),
					 [](const Candidate &a, const Candidate &b) { return a.id < b.id; });
		if (scene.now < patience || highest->id == config.self) {
			wake(scene.now < patience ? patience : scene.now + config.dead_interval());
			return true;
		}
		decision.rule = Rule::tie_break;
		decision.runner_up = config.self;
		decision.winner = highest->id;
	}
	become_standby(scene, decision, decision.winner);
	return true;
}

// Only after a boot, and only while there is a live primary to wait for (KB196568).
void Vcluster::follow_override_wait(const Scene &scene)
{
	const bool follows = m_state.state == HaState::standby && live_primary(scene.members) != nullptr;
	if (m_booted && m_state.state != HaState::hello) {
		m_booted = false;
		if (follows && override_in_force(scene.members) && m_config.override_wait > Duration::zero())
			m_wait_until = scene.now + m_config.override_wait;
	}
	m_state.waiting = follows && m_wait_until != never && scene.now < m_wait_until;
	if (m_state.waiting)
		wake(m_wait_until);
}

// ---------------------------------------------------------------- isolation

// A primary that was isolated and could not prove that it works does not act before it has heard somebody: the other
// has waited for that, and may be primary since.
void Vcluster::follow_isolation(const Scene &scene)
{
	if (scene.config.isolation == Isolation::fgcp)
		return;
	const Hearing hearing = hearing_of(scene.config, scene.members);
	if (unheard_is_followed(scene))
		m_unheard_followed_at = scene.now;
	if (!hearing.all_accounted)
		m_accounted_since = never;
	else if (m_accounted_since == never)
		m_accounted_since = scene.now;
	if (scene.config.isolation == Isolation::witness) {
		m_state.barred = m_state.state != HaState::work && m_state.witness == Witness::unreachable &&
				 !scene.config.witness_fallback_act && !hearing.all_accounted;
		return;
	}
	const bool was_primary =
		m_state.state == HaState::work ||
		(m_state.previous == HaState::work && scene.now <= m_state.changed_at + scene.config.isolation_wait);
	if (hearing.anybody)
		m_state.demoted = false;
	else if (hearing.isolated && was_primary && proof_lost(scene))
		m_state.demoted = true;
}

// A primary that others may have replaced without its knowledge.
bool Vcluster::may_not_act(const Scene &scene, bool was_silent)
{
	const Config &config = scene.config;
	if (config.isolation == Isolation::fgcp)
		return false;
	if (config.isolation == Isolation::demote)
		return m_state.demoted;
	const Hearing hearing = hearing_of(config, scene.members);
	m_asks_witness = true; // held also in good days: when it is needed it is too late to ask
	// Of who was silent nobody has heard anything since: what they echo was said before.
	if (hearing.all_accounted && !was_silent)
		return false;
	if (scene.now < m_state.held_until) {
		wake(m_state.held_until);
		return false;
	}
	return !config.witness_fallback_act || m_state.witness != Witness::unreachable;
}

// A member without a live primary that has won the election.
bool Vcluster::may_claim(const Scene &scene)
{
	const Config &config = scene.config;
	if (config.isolation == Isolation::fgcp)
		return true;
	if (config.isolation == Isolation::demote) {
		if (m_state.demoted || (hearing_of(config, scene.members).isolated && proof_lost(scene)))
			return false;
	} else {
		m_asks_witness = true;
		// Where nobody answers, members that have long heard each other may do without.
		const bool all_here =
			m_accounted_since != never && scene.now >= m_accounted_since + config.isolation_wait;
		const bool alone = m_state.witness == Witness::unreachable && (all_here || config.witness_fallback_act);
		if (scene.now >= m_state.held_until && !alone) {
			if (m_accounted_since != never && !all_here)
				wake(m_accounted_since + config.isolation_wait);
			return false;
		}
	}
	// Whoever vanished without a word may have been primary, or have become it since; it is given the time in which it
	// must have stopped, counted from when the last of us let go of it.
	Time free_at = m_unheard_followed_at == never ? Time{} : m_unheard_followed_at + config.isolation_wait;
	for (const Member &m : scene.members)
		if (m.known && !m.alive && !m.leaving)
			free_at = std::max(free_at, m.lost_at + config.isolation_wait);
	if (scene.now >= free_at)
		return true;
	wake(free_at);
	return false;
}

// A live member holds one for primary that we do not hear.
bool Vcluster::unheard_is_followed(const Scene &scene) const
{
	const auto alive = [&](std::uint32_t hash) {
		return std::any_of(scene.members.begin() + 1, scene.members.end(),
				   [&](const Member &m) { return m.alive && member_hash(m.id) == hash; });
	};
	return std::any_of(scene.members.begin() + 1, scene.members.end(), [&](const Member &m) {
		const VclusterBeat *words = m.alive ? words_of(m, m_state.id) : nullptr;
		return words != nullptr && words->state == HaState::standby && words->choice != 0 &&
		       words->choice != member_hash(scene.config.self) && !alive(words->choice);
	});
}

void Vcluster::seek_witness(const Scene &scene, bool wanted)
{
	if (m_wants_witness == wanted)
		return;
	m_wants_witness = wanted;
	m_state.held_until = Time{};
	note_lease(scene);
	scene.actions.push_back(SeekWitness{m_state.id, wanted});
}

// ---------------------------------------------------------------- the role changes

void Vcluster::become_primary(const Scene &scene, const Decision &decision, bool offered)
{
	Notice role = notice(NoticeKind::role, scene.now);
	if (m_state.hand_over.stage == HandOver::Stage::let_go)
		end_hand_over(scene, HandOverFailure::no_claim);
	role.from = m_state.state;
	role.to = HaState::work;
	m_state.previous = m_state.state;
	m_state.state = HaState::work;
	m_state.changed_at = scene.now;
	m_state.decided_at = scene.now;
	m_state.decision = decision;
	m_state.choice = scene.config.self;
	m_state.epoch = m_state.epoch == last_epoch ? last_epoch : m_state.epoch + 1;
	m_orphan_since = never;
	m_vacant_since = never;
	m_rival_since = never;
	m_rival_seen = false;
	m_predecessor_seen = offered;
	m_successor = MemberId{};
	m_declined = MemberId{};
	// Its link monitors begin anew, and alive.
	m_state.ping_monitors_down = 0;
	m_record_expired = false;
	set_ping_failure(scene, 0);
	const Member *former = find(scene.members, m_last_primary);
	const VclusterBeat *said = former == nullptr ? nullptr : words_of(*former, m_state.id);
	m_flipped_from = said != nullptr && said->pingserver_failure != 0 ? former->id : MemberId{};
	if (former != nullptr && !former->alive && !former->leaving &&
	    role.from == HaState::standby) { // whom it succeeds
		role.peer = former->id;
		role.value = (scene.now - former->lost_at).count();
		for (const LinkView &link : former->links)
			role.last_rx = std::max(role.last_rx, link.last_rx);
	}
	scene.actions.push_back(BecomePrimary{m_state.id, m_state.epoch, decision, offered});
	role.epoch = m_state.epoch;
	role.decision = decision;
	scene.actions.push_back(role);
}

void Vcluster::become_standby(const Scene &scene, const Decision &decision, const MemberId &choice, bool succeeded)
{
	const std::uint32_t claim = succeeded ? m_state.hand_over.epoch : m_state.epoch;
	if (!succeeded && m_state.hand_over.under_way())
		end_hand_over(scene, HandOverFailure::superseded);
	Notice role = notice(NoticeKind::role, scene.now);
	role.from = m_state.state;
	role.to = HaState::standby;
	m_state.previous = m_state.state;
	m_state.state = HaState::standby;
	m_state.changed_at = scene.now;
	m_state.decided_at = scene.now;
	m_state.decision = decision;
	m_state.choice = choice;
	m_successor = decision.rule == Rule::live_primary || succeeded ? MemberId{} : choice; // at work: need not claim
	m_last_primary = choice;
	m_orphan_since = scene.now;
	m_state.put_off_since = never;
	m_rival_since = never;
	m_rival_seen = false;
	wake(scene.now + scene.config.dead_interval() * claim_patience);
	if (role.from == HaState::work) {
		// A remote link failover, or the way back when its flip timer has ended: either starts the timer (seed 001).
		const Duration soon = std::max<Duration>(std::chrono::seconds{1}, scene.config.dead_interval() * 10);
		const bool way_back = choice == m_flipped_from && !choice.empty() &&
				      scene.now <= m_state.flip_until + soon &&
				      (decision.rule == Rule::priority || decision.rule == Rule::uptime ||
				       decision.rule == Rule::serial);
		if (m_state.ping_failure != 0 || way_back)
			start_flip(scene, claim);
		m_flipped_from = MemberId{};
		m_state.ping_monitors_down = 0; // nobody looks any more
		scene.actions.push_back(BecomeSecondary{m_state.id, m_state.epoch, decision, succeeded});
	}
	role.epoch = m_state.epoch;
	role.decision = decision;
	scene.actions.push_back(role);
}

} // namespace systole::core
