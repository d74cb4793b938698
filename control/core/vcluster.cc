// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a virtual cluster knows and counts. vcluster_election.cc decides about the role.
#include "control/core/vcluster.h"

#include <algorithm>

namespace systole::core {

Vcluster::Vcluster(const VclusterConfig &config) : m_config(config)
{
	m_state.id = config.id;
	m_state.priority = config.priority;
	m_state.override_enabled = config.override_enabled;
}

Notice Vcluster::notice(NoticeKind kind, Time at) const
{
	Notice record;
	record.kind = kind;
	record.at = at;
	record.vcluster = m_state.id;
	record.epoch = m_state.epoch;
	return record;
}

// ---------------------------------------------------------------- what happens

void Vcluster::start(const Scene &scene)
{
	m_state.age_origin = scene.now;
	m_state.changed_at = scene.now;
	settle(scene);
	m_renegotiate = false;
}

void Vcluster::hear(const Scene &scene, const Member &peer, const VclusterBeat *before, const VclusterBeat &words)
{
	// It may have claimed our addresses while we did not hear each other (or were frozen), and have heard us first and
	// yielded: then we never see it at work, and the switches still send our traffic its way. A newer epoch is
	// proof; the first words of somebody found are suspicion enough, unless it was never in a cluster.
	if (m_state.state == HaState::work && (words.epoch > m_state.epoch || (before == nullptr && words.epoch != 0)))
		m_rival_seen = true;
	m_state.epoch = std::max(m_state.epoch, std::min(words.epoch, last_epoch - 1));
	if (std::min(words.flip_epoch, last_epoch - 1) >
	    m_state.flip_epoch) { // the timer belongs to the claim it protects: one for all members
		m_state.flip_epoch = std::min(words.flip_epoch, last_epoch - 1);
		m_state.flip_until = peer.heard_at + std::min(flip_left_of(peer, words), m_config.flip_timeout);
		// Also one that is over by now ends what waits for it.
		m_flip_runs = m_flip_runs || m_state.ping_failure != 0 || m_state.flip_until > scene.now;
	}
	if (before == nullptr) { // who joins may be what the declined one was waiting for
		m_declined = MemberId{};
		m_retried = MemberId{};
		return;
	}
	// A ping failure that is over is none: with override off the incumbent stays (seed 001).
	if (words.link_failure != before->link_failure || words.pingserver_failure > before->pingserver_failure ||
	    words.failover_flag != before->failover_flag || words.maintenance != before->maintenance ||
	    words.ssd_failed != before->ssd_failed || words.reset_count != before->reset_count ||
	    (before->mem_failover && !words.mem_failover && scene.config.memory.failback))
		m_renegotiate = true;
	if (words.unready != before->unready || words.barred != before->barred)
		readiness_changed();
	// Two members flagged would leave nobody: the newer flag clears ours.
	if (words.failover_flag && !before->failover_flag && m_state.failover_flag) {
		m_state.failover_flag = false;
		m_renegotiate = true;
		scene.actions.push_back(notice(NoticeKind::failover_flag, scene.now));
	}
}

// `somewhat_down`: of what changed, something went down.
void Vcluster::monitors_changed(const Scene &scene, bool somewhat_down)
{
	const bool primary_lives = m_state.state == HaState::work || live_primary(scene.members) != nullptr;
	if (scene.config.failover_hold > Duration::zero() && primary_lives) {
		m_state.hold_until = scene.now + scene.config.failover_hold;
		return;
	}
	settle(scene);
	if (somewhat_down)
		reset_age(scene.now); // a restored link does not give the age back
}

void Vcluster::settle(const Scene &scene)
{
	m_state.hold_until = never;
	m_state.link_failure = 0;
	for (std::uint64_t down = m_config.monitors & scene.monitors_down; down != 0; down &= down - 1) // a bit each
		m_state.link_failure = static_cast<std::uint16_t>(m_state.link_failure + monitor_weight);
	m_renegotiate = true;
}

// After the hold time the age is reset even if the interface came back meanwhile: the hold is no excuse (KB384955).
void Vcluster::settle_monitors(const Scene &scene)
{
	if (m_state.hold_until == never)
		return;
	const bool primary_lives = m_state.state == HaState::work || live_primary(scene.members) != nullptr;
	if (scene.now < m_state.hold_until && primary_lives) {
		wake(m_state.hold_until);
		return;
	}
	settle(scene);
	reset_age(scene.now);
}

void Vcluster::ping_monitor_changed(const Scene &scene, std::uint8_t index, bool alive)
{
	const std::uint64_t bit = std::uint64_t{1} << index;
	const bool was_alive = (m_state.ping_monitors_down & bit) == 0;
	if ((m_config.ping_monitors & bit) == 0 || was_alive == alive || m_state.state != HaState::work)
		return;
	m_state.ping_monitors_down ^= bit;
	Notice record = notice(NoticeKind::ping_monitor, scene.now);
	record.link = index;
	record.value = alive ? 1 : 0;
	scene.actions.push_back(record);
}

void Vcluster::witness_changed(const Scene &scene, bool reachable, Time held_until)
{
	m_state.witness = reachable ? Witness::reachable : Witness::unreachable;
	m_state.held_until = m_wants_witness ? held_until : Time{}; // else from before we gave it away
	note_lease(scene);
}

void Vcluster::note_lease(const Scene &scene)
{
	const bool held = scene.now < m_state.held_until;
	if (held == m_lease_was_held)
		return;
	m_lease_was_held = held;
	Notice record = notice(NoticeKind::lease, scene.now);
	record.value = held ? 1 : 0;
	scene.actions.push_back(record);
}

void Vcluster::set_failover(const Scene &scene, bool set)
{
	if (m_state.failover_flag == set)
		return;
	m_state.failover_flag = set;
	m_flagged_at = scene.now;
	m_renegotiate = true;
	Notice record = notice(NoticeKind::failover_flag, scene.now);
	record.value = set ? 1 : 0;
	scene.actions.push_back(record);
}

void Vcluster::set_priority(const Scene &scene, std::uint8_t priority)
{
	if (m_state.priority == priority)
		return;
	m_state.priority = priority;
	Notice record = notice(NoticeKind::priority, scene.now);
	record.value = priority;
	scene.actions.push_back(record);
}

void Vcluster::reset_age(Time now)
{
	m_state.age_origin = now;
	++m_state.reset_count;
	m_renegotiate = true;
}

void Vcluster::stop(const Scene &scene)
{
	m_wake_at = never; // nothing is decided any more
	end_hand_over(scene, HandOverFailure::superseded);
	const HaState from = m_state.state;
	m_state.previous = from;
	m_state.state = HaState::hello; // out of the election, and heard to be
	m_state.choice = MemberId{};
	m_state.changed_at = scene.now;
	m_state.decision = Decision{};
	m_state.decision.rule = Rule::stopping;
	if (from == HaState::work)
		scene.actions.push_back(BecomeSecondary{m_state.id, m_state.epoch, m_state.decision});
	seek_witness(scene, false); // only then: whoever has the lease may act
	if (from != HaState::work)
		return;
	Notice role = notice(NoticeKind::role, scene.now);
	role.from = from;
	role.to = HaState::hello;
	role.decision = m_state.decision;
	scene.actions.push_back(role);
}

void Vcluster::suspend(const Scene &scene)
{
	m_epoch_before = m_state.epoch;
	end_hand_over(scene, HandOverFailure::superseded);
	if (m_state.state == HaState::work)
		scene.actions.push_back(SuspendClaim{m_state.id});
}

void Vcluster::forget_waits()
{
	m_orphan_since = never;
	m_vacant_since = never;
	m_rival_since = never;
}

bool Vcluster::reenter(const Scene &scene)
{
	if (m_state.state != HaState::work)
		return false;
	const Member *primary = live_primary(scene.members);
	Decision decision;
	// A newer epoch was heard than before: the role has moved on, whoever holds it now.
	if (primary != nullptr || m_state.epoch > m_epoch_before) {
		decision.rule = Rule::live_primary;
		if (primary != nullptr)
			decision.winner = primary->id;
		become_standby(scene, decision, decision.winner);
		return false;
	}
	follow_isolation(scene);
	if (may_not_act(scene, true)) {
		decision.rule = Rule::isolated;
		become_standby(scene, decision, MemberId{});
		return false;
	}
	scene.actions.push_back(ResumeClaim{m_state.id});
	return true;
}

// ---------------------------------------------------------------- remote link failover

std::uint16_t Vcluster::ping_sum(const Config &config) const
{
	unsigned sum = 0;
	for (std::size_t i = 0; i < config.ping_priority.size(); ++i)
		if ((m_state.ping_monitors_down & m_config.ping_monitors) >> i & 1U)
			sum += config.ping_priority[i];
	return static_cast<std::uint16_t>(sum);
}

bool Vcluster::reached(std::uint16_t sum) const
{
	return sum != 0 && sum >= m_config.ping_threshold;
}

Duration Vcluster::flip_left(Time now) const
{
	return std::max(m_state.flip_until - now, Duration::zero());
}

void Vcluster::set_ping_failure(const Scene &scene, std::uint16_t sum)
{
	if (m_state.ping_failure == sum)
		return;
	m_state.ping_failure = sum;
	Notice record = notice(NoticeKind::ping_failure, scene.now);
	record.value = sum;
	scene.actions.push_back(record);
}

void Vcluster::start_flip(const Scene &scene, std::uint32_t claim)
{
	// Of the next claim; above every earlier timer too, also if the claim that one was for never came.
	const std::uint32_t newest = std::max(claim, m_state.flip_epoch);
	m_state.flip_epoch = newest == last_epoch ? last_epoch : newest + 1;
	m_state.flip_until = scene.now + m_config.flip_timeout;
	m_flip_runs = true;
	Notice record = notice(NoticeKind::flip_started, scene.now);
	record.value = std::chrono::duration_cast<std::chrono::seconds>(m_config.flip_timeout).count();
	scene.actions.push_back(record);
}

// Only a primary probes. What it found when it gave the role away stays on record until the flip timer ends.
void Vcluster::follow_ping_servers(const Scene &scene)
{
	if (m_flip_runs && scene.now >= m_state.flip_until) {
		m_flip_runs = false;
		scene.actions.push_back(notice(NoticeKind::flip_expired, scene.now));
		if (m_state.state != HaState::work && m_state.ping_failure != 0) {
			if (m_config.force_reset)
				set_ping_failure(scene, 0);
			else
				m_record_expired = true; // until something else causes an election
		}
	}
	if (m_flip_runs)
		wake(m_state.flip_until);
	if (m_state.state != HaState::work) {
		if (m_record_expired && m_renegotiate) {
			m_record_expired = false;
			set_ping_failure(scene, 0);
		}
		return;
	}
	const std::uint16_t sum = ping_sum(scene.config);
	if (m_state.ping_failure != 0) {
		set_ping_failure(scene, reached(sum) ? sum : 0);
	} else if (reached(sum) && !m_flip_runs) {
		set_ping_failure(scene, sum);
		reset_age(scene.now);
	}
}

// ---------------------------------------------------------------- what it says

VclusterBeat Vcluster::words(const Surroundings &scene) const
{
	VclusterBeat words;
	words.id = m_state.id;
	words.state = m_state.state;
	words.priority = m_state.priority;
	words.override_enabled = m_state.override_enabled;
	words.failover_flag = m_state.failover_flag;
	words.maintenance = scene.maintenance;
	words.mem_failover = scene.mem_failover;
	words.ssd_failed = scene.ssd_failed;
	words.waiting = m_state.waiting;
	words.barred = m_state.barred;
	words.leaving = scene.leaving || scene.retiring;
	words.epoch = m_state.epoch;
	words.age_origin_ns = m_state.age_origin.time_since_epoch().count();
	words.reset_count = m_state.reset_count;
	words.link_failure = m_state.link_failure;
	words.pingserver_failure = m_state.ping_failure;
	words.offering = m_state.hand_over.stage == HandOver::Stage::offered;
	words.unready = !scene.ready && m_state.state != HaState::work;
	const MemberId &choice = words.offering ? m_state.hand_over.successor : m_state.choice;
	words.choice = choice.empty() ? 0 : member_hash(choice);
	words.flip_epoch = m_state.flip_epoch;
	words.flip_until_tenths = static_cast<std::uint32_t>(
		std::clamp<std::int64_t>(m_state.flip_until.time_since_epoch() / tenth_of_a_second, 0, UINT32_MAX));
	return words;
}

bool Vcluster::override_in_force(const Members &members) const
{
	return m_state.override_enabled || std::any_of(members.begin() + 1, members.end(), [&](const Member &m) {
		       const VclusterBeat *words = words_of(m, m_state.id);
		       return m.alive && words != nullptr && words->override_enabled;
	       });
}

Candidates Vcluster::candidates(const Surroundings &scene, bool everybody) const
{
	Candidates list;
	Candidate self;
	self.id = scene.config.self;
	self.priority = m_state.priority;
	self.maintenance = scene.maintenance;
	self.failover_flag = m_state.failover_flag;
	self.mem_failover = scene.mem_failover;
	self.ssd_failed = scene.ssd_failed;
	self.waiting = m_state.waiting;
	self.barred = m_state.barred;
	self.unready = !scene.ready && m_state.state != HaState::work;
	self.failure_sum = std::uint32_t{m_state.link_failure} + m_state.ping_failure;
	self.age_origin = m_state.age_origin;
	list.push_back(self);
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = scene.members[i];
		const VclusterBeat *words = m.alive ? words_of(m, m_state.id) : nullptr;
		if (words == nullptr || (!everybody && words->state == HaState::hello))
			continue;
		Candidate other;
		other.id = m.id;
		other.priority = words->priority;
		other.maintenance = words->maintenance;
		// Ours clears an older one as soon as it is heard; who decides about the role does not wait for that.
		other.failover_flag = words->failover_flag && !(m_state.failover_flag && m.heard_at <= m_flagged_at);
		other.mem_failover = words->mem_failover;
		other.ssd_failed = words->ssd_failed;
		other.waiting = words->waiting;
		other.barred = words->barred;
		other.unready = words->unready;
		// What a standby has on record ends with the first election after the flip timer, told or not.
		const bool record_over =
			m_renegotiate && words->state != HaState::work && flip_left(scene.now) == Duration::zero();
		other.failure_sum = record_over ? words->link_failure : failure_sum(*words);
		other.age_origin = age_origin_of(m, *words);
		list.push_back(other);
	}
	return list;
}

const Member *Vcluster::live_primary(const Members &members) const
{
	const Member *best = nullptr;
	std::uint32_t best_epoch = 0;
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = members[i];
		const VclusterBeat *words = m.alive ? words_of(m, m_state.id) : nullptr;
		if (words == nullptr || words->state != HaState::work)
			continue;
		if (best == nullptr || words->epoch > best_epoch || (words->epoch == best_epoch && m.id > best->id)) {
			best = &m;
			best_epoch = words->epoch;
		}
	}
	return best;
}

bool Vcluster::proof_lost(const Surroundings &scene) const
{
	return (m_config.monitors & scene.monitors_down) != 0 || reached(ping_sum(scene.config)) ||
	       (m_state.state == HaState::work && m_state.ping_failure != 0); // of a standby it is an old record
}

} // namespace systole::core
