// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/node.h"

#include <algorithm>
#include <bit>

namespace systole::core {

using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t last_epoch = UINT32_MAX;         // never wraps, whatever a member says
constexpr std::uint16_t monitor_weight = 50;             // per failed monitored interface (spec: mondev prio=50)
constexpr Duration refresh_interval = milliseconds{100}; // the reception matrix is told this often
// Waiting for somebody else to claim, or for a rival to yield, is counted in dead intervals.
constexpr int claim_patience = 3;
// A primary yields by age only if the difference is clearly over the margin, so that the winner, who sees the same
// ages a few milliseconds apart, comes to the same result.
constexpr Duration yield_hysteresis = milliseconds{100};

const VclusterBeat *words_of(const Member &member)
{
	return member.content.vclusters.empty() ? nullptr : &member.content.vclusters[0];
}

HaState state_of(const Member &member)
{
	const VclusterBeat *words = words_of(member);
	return words == nullptr ? HaState::hello : words->state;
}

std::uint32_t failure_sum(const VclusterBeat &words)
{
	return std::uint32_t{words.link_failure} + words.pingserver_failure;
}

// A moment a worker named, which lies before the step that takes it in; without one, the step's own.
Time happened(Time named, Time now)
{
	return named == Time{} ? now : std::min(named, now);
}

// How old a member says it is. Authentic numbers may still be nonsense: held to 0 .. 100 years, without overflow.
Duration age_said(std::int64_t sent_ns, std::int64_t origin_ns)
{
	constexpr Duration longest = std::chrono::hours{24 * 365 * 100};
	if (sent_ns <= origin_ns)
		return Duration::zero();
	const std::uint64_t age = static_cast<std::uint64_t>(sent_ns) - static_cast<std::uint64_t>(origin_ns);
	return age > static_cast<std::uint64_t>(longest.count()) ? longest : Duration{static_cast<std::int64_t>(age)};
}

} // namespace

Node::Node(const Config &config) : m_config(config)
{
	m_monitor_up.fill(true); // until netlink says otherwise
	m_carrier_up.fill(true);
}

void Node::step(const Event &event, Actions &actions)
{
	const Time now = std::max(event.now, m_last_now);
	m_last_now = now;
	std::visit([&](const auto &body) { on(now, body, actions); }, event.body);
	if (m_started && !m_stopping)
		evaluate(now, actions);
	if (m_started)
		refresh_beat(now, actions, false);
}

Time Node::next_deadline() const
{
	if (!m_started)
		return never;
	const Time next = std::min({m_handshake.deadline(), m_next_refresh, m_wake_at});
	return std::max(next, m_last_now);
}

Notice Node::notice(NoticeKind kind, Time now) const
{
	Notice record;
	record.kind = kind;
	record.at = now;
	record.vcluster = m_vcluster.id;
	record.epoch = m_vcluster.epoch;
	return record;
}

const Member *Node::member(const MemberId &id) const
{
	const auto it = std::find_if(m_members.begin() + 1, m_members.end(),
				     [&](const Member &m) { return !m.id.empty() && m.id == id; });
	return it == m_members.end() ? nullptr : &*it;
}

bool Node::override_in_force() const
{
	return m_config.override_enabled || std::any_of(m_members.begin() + 1, m_members.end(), [](const Member &m) {
		       const VclusterBeat *words = words_of(m);
		       return m.alive && words != nullptr && words->override_enabled;
	       });
}

std::size_t Node::alive_peers() const
{
	return static_cast<std::size_t>(
		std::count_if(m_members.begin() + 1, m_members.end(), [](const Member &m) { return m.alive; }));
}

std::uint16_t Node::link_failure() const
{
	std::uint16_t sum = 0;
	for (std::size_t i = 0; i < m_config.monitor_count; ++i)
		sum = static_cast<std::uint16_t>(sum + (m_monitor_up[i] ? 0 : monitor_weight));
	return sum;
}

std::uint8_t Node::rank_of(PeerSlot slot) const
{
	const MemberId &id = slot == 0 ? m_config.self : m_members[slot].id;
	if (id.empty())
		return 0xff;
	std::uint8_t rank = m_config.self > id ? 1 : 0;
	for (std::size_t i = 1; i < max_members; ++i)
		if (!m_members[i].id.empty() && m_members[i].id > id)
			++rank;
	return rank;
}

// ---------------------------------------------------------------- events

void Node::on(Time now, const Started &event, Actions &actions)
{
	m_started = true;
	m_started_at = now;
	m_hello_until = now + m_config.hello_holddown;
	m_next_refresh = now + refresh_interval;
	m_hostname = event.hostname;
	m_macs = event.macs;
	m_config_checksum = event.config_checksum;
	m_vcluster.age_origin = now;
	m_vcluster.changed_at = now;
	m_handshake.start(m_config, event, now);
	actions.push_back(notice(NoticeKind::started, now));
	refresh_beat(now, actions, true);
	m_handshake.on_tick(now, actions); // the first HELLO at once
}

void Node::on(Time now, const Tick &, Actions &actions)
{
	if (m_started)
		m_handshake.on_tick(now, actions);
}

void Node::on(Time now, const HakeReceived &event, Actions &actions)
{
	if (m_started && event.link < m_config.link_count)
		m_handshake.on_frame(now, event, actions);
}

void Node::on(Time now, const KeyResult &event, Actions &actions)
{
	if (const auto up = m_handshake.on_key_result(now, event, actions))
		session_up(now, *up, actions);
}

void Node::on(Time now, const SessionConfirmed &event, Actions &actions)
{
	if (const auto up = m_handshake.on_confirmed(now, event.session, actions))
		session_up(now, *up, actions);
}

void Node::on(Time now, const BeatReceived &event, Actions &actions)
{
	if (event.slot == 0 || event.slot >= max_members)
		return;
	Member &peer = m_members[event.slot];
	if (peer.id.empty() || peer.session != event.session || !event.fresh)
		return;
	const VclusterBeat before = words_of(peer) != nullptr ? *words_of(peer) : VclusterBeat{};
	const bool knew = peer.has_content && words_of(peer) != nullptr;
	for (std::size_t link = 0; link < event.content.macs.size(); ++link)
		if (peer.content.macs.size() <= link || peer.content.macs[link] != event.content.macs[link])
			actions.push_back(
				SetPeerMac{event.slot, static_cast<LinkIndex>(link), event.content.macs[link]});
	peer.content = event.content;
	peer.has_content = true;
	peer.lateness_us = event.lateness_us;
	if (const VclusterBeat *words = words_of(peer)) {
		peer.age_origin = happened(event.arrived_at, now) - age_said(event.sent_ns, words->age_origin_ns);
		// It may have claimed our addresses while we did not hear each other (or were frozen), and have heard us first and
		// yielded: then we never see it at work, and the switches still send our traffic its way. A newer epoch is
		// proof; the first words of somebody found are suspicion enough, unless it was never in a cluster.
		if (m_vcluster.state == HaState::work &&
		    (words->epoch > m_vcluster.epoch || (!knew && words->epoch != 0)))
			m_rival_seen = true;
		m_vcluster.epoch = std::max(m_vcluster.epoch, std::min(words->epoch, last_epoch - 1));
		if (knew && (failure_sum(*words) != failure_sum(before) ||
			     words->failover_flag != before.failover_flag || words->reset_count != before.reset_count))
			m_renegotiate = true;
		// Two members flagged would leave nobody: the newer flag clears ours.
		if (words->failover_flag && !before.failover_flag && m_vcluster.failover_flag) {
			m_vcluster.failover_flag = false;
			m_renegotiate = true;
			actions.push_back(notice(NoticeKind::failover_flag, now));
		}
	}
	update_alive(now, event.slot, actions);
}

void Node::on(Time now, const PeerLinkChanged &event, Actions &actions)
{
	if (event.slot == 0 || event.slot >= max_members || event.link >= max_links)
		return;
	Member &peer = m_members[event.slot];
	if (peer.id.empty() || event.generation != peer.generation)
		return;
	LinkView &link = peer.links[event.link];
	link.last_rx = event.last_rx;
	if (link.health == event.health)
		return;
	link.health = event.health;
	Notice record = notice(event.health == LinkHealth::up        ? NoticeKind::peer_link_up
			       : event.health == LinkHealth::one_way ? NoticeKind::peer_link_one_way
								     : NoticeKind::peer_link_lost,
			       now);
	record.peer = peer.id;
	record.at = happened(event.judged_at, now);
	record.link = event.link;
	record.last_rx = event.last_rx;
	actions.push_back(record);
	update_alive(record.at, event.slot, actions);
}

void Node::on(Time now, const PeerRolledBack &event, Actions &actions)
{
	Notice record = notice(NoticeKind::rolled_back, now);
	if (event.slot < max_members)
		record.peer = m_members[event.slot].id;
	actions.push_back(record);
}

void Node::on(Time now, const MonitorChanged &event, Actions &actions)
{
	if (event.index >= m_config.monitor_count || m_monitor_up[event.index] == event.up)
		return;
	m_monitor_up[event.index] = event.up;
	if (!m_started)
		return; // the first look at the interfaces
	Notice record = notice(NoticeKind::monitor, now);
	record.link = event.index;
	record.value = event.up ? 1 : 0;
	actions.push_back(record);
	if (!event.up)
		reset_age(now); // a restored link does not give the age back
	m_renegotiate = true;
}

void Node::on(Time now, const CarrierChanged &event, Actions &actions)
{
	if (event.link >= m_config.link_count || m_carrier_up[event.link] == event.up)
		return;
	m_carrier_up[event.link] = event.up;
	if (!m_started)
		return;
	// Recorded, not judged: the loss of beats decides (as the vendor's product does).
	Notice record = notice(NoticeKind::carrier, now);
	record.link = event.link;
	record.value = event.up ? 1 : 0;
	actions.push_back(record);
}

void Node::on(Time now, const SetFailover &event, Actions &actions)
{
	if (m_vcluster.failover_flag == event.set)
		return;
	m_vcluster.failover_flag = event.set;
	m_renegotiate = true;
	Notice record = notice(NoticeKind::failover_flag, now);
	record.value = event.set ? 1 : 0;
	actions.push_back(record);
}

void Node::on(Time now, const ResetUptime &, Actions &actions)
{
	reset_age(now);
	m_renegotiate = true;
	actions.push_back(notice(NoticeKind::uptime_reset, now));
}

void Node::on(Time now, const Stopping &, Actions &actions)
{
	if (!m_started || m_stopping)
		return;
	m_stopping = true;
	m_wake_at = never; // nothing is decided any more
	const HaState from = m_vcluster.state;
	m_vcluster.previous = from;
	m_vcluster.state = HaState::hello; // out of the election, and heard to be
	m_vcluster.choice = MemberId{};
	m_vcluster.changed_at = now;
	m_vcluster.decision = Decision{};
	m_vcluster.decision.rule = Rule::stopping;
	if (from == HaState::work) {
		actions.push_back(BecomeSecondary{m_vcluster.id, m_vcluster.epoch, m_vcluster.decision});
		Notice role = notice(NoticeKind::role, now);
		role.from = from;
		role.to = HaState::hello;
		role.decision = m_vcluster.decision;
		actions.push_back(role);
	}
	actions.push_back(notice(NoticeKind::stopped, now));
}

void Node::reset_age(Time now)
{
	m_vcluster.age_origin = now;
	++m_vcluster.reset_count;
}

// ---------------------------------------------------------------- membership

PeerSlot Node::slot_for(const MemberId &id)
{
	PeerSlot free = 0;
	PeerSlot oldest_lost = 0;
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = m_members[i];
		if (m.id == id)
			return static_cast<PeerSlot>(i);
		if (m.id.empty() && free == 0)
			free = static_cast<PeerSlot>(i);
		if (!m.id.empty() && !m.alive && (oldest_lost == 0 || m.lost_at < m_members[oldest_lost].lost_at))
			oldest_lost = static_cast<PeerSlot>(i);
	}
	return free != 0 ? free : oldest_lost;
}

void Node::session_up(Time now, const SessionUp &up, Actions &actions)
{
	const PeerSlot slot = slot_for(up.peer);
	if (slot == 0) {
		Notice record = notice(NoticeKind::no_slot, now);
		record.peer = up.peer;
		actions.push_back(record);
		m_handshake.forget(up.pair, now, actions);
		return;
	}
	Member &peer = m_members[slot];
	const bool other_member = peer.id != up.peer;
	if (other_member && !peer.id.empty()) { // a member lost long ago gives its place
		actions.push_back(StopPeerBeats{slot});
		m_handshake.forget(peer.pair, now, actions);
	}
	if (!other_member && up.new_boot && peer.alive) {
		Notice record = notice(NoticeKind::peer_restarted, now);
		record.peer = peer.id;
		actions.push_back(record);
		lose(now, slot, actions);
	}
	if (other_member || up.new_boot) {
		const Time lost_at = other_member ? Time{} : peer.lost_at;
		const std::uint32_t fails = other_member ? 0 : peer.link_fails;
		peer = Member{};
		peer.id = up.peer;
		peer.lost_at = lost_at;
		peer.link_fails = fails;
		peer.generation = up.session;
		StartPeerBeats begin;
		begin.slot = slot;
		begin.generation = up.session;
		begin.above_peer = m_config.self > up.peer;
		begin.link_bitmap = up.link_bitmap;
		begin.macs = up.macs;
		actions.push_back(begin);
	} else if (!peer.alive) { // its beats may have gone astray: start again from where its handshake came from
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			if ((up.link_bitmap >> link & 1) != 0)
				actions.push_back(SetPeerMac{slot, static_cast<LinkIndex>(link), up.macs[link]});
		peer.content.macs.clear(); // and what its next beat says counts as news
	}
	peer.pair = up.pair;
	peer.session = up.session;
	peer.suite = up.suite;
	peer.link_bitmap = up.link_bitmap;
	actions.push_back(BindCandidate{up.session, slot});
	actions.push_back(InstallOutboundKeys{up.session, slot, up.link_bitmap, up.suite});
	if (up.replaced != 0)
		actions.push_back(DropSession{up.replaced});
	refresh_beat(now, actions, true);
}

void Node::update_alive(Time now, PeerSlot slot, Actions &actions)
{
	Member &peer = m_members[slot];
	const bool heard = std::any_of(peer.links.begin(), peer.links.end(),
				       [](const LinkView &l) { return l.health == LinkHealth::up; });
	const bool alive = heard && peer.has_content;
	if (alive == peer.alive)
		return;
	if (!alive) {
		lose(now, slot, actions);
		return;
	}
	peer.alive = true;
	peer.found_at = now;
	m_handshake.set_heard(peer.pair, true, now);
	Notice record = notice(NoticeKind::peer_found, now);
	record.peer = peer.id;
	actions.push_back(record);
}

void Node::lose(Time now, PeerSlot slot, Actions &actions)
{
	Member &peer = m_members[slot];
	peer.alive = false;
	peer.has_content = false; // its next words count as new
	peer.lost_at = now;
	++peer.link_fails;
	m_handshake.set_heard(peer.pair, false, now);
	m_renegotiate = true; // a unit has failed: the full order applies
	Notice record = notice(NoticeKind::peer_lost, now);
	record.peer = peer.id;
	for (const LinkView &link : peer.links)
		record.last_rx = std::max(record.last_rx, link.last_rx);
	actions.push_back(record);
}

// ---------------------------------------------------------------- election

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
}

void Node::evaluate_primary(Time now, Actions &actions)
{
	FixedVector<Candidate, max_members> rivals;
	const auto list = candidates(false);
	rivals.push_back(list[0]);
	for (std::size_t i = 1; i < list.size(); ++i)
		if (state_of(*member(list[i].id)) == HaState::work)
			rivals.push_back(list[i]);

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
	m_vcluster.epoch = std::min(m_vcluster.epoch + 1, last_epoch);
	m_orphan_since = never;
	m_rival_since = never;
	m_rival_seen = false;
	m_successor = MemberId{};
	m_declined = decision.rule == Rule::tie_break ? decision.runner_up : MemberId{};
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

// ---------------------------------------------------------------- beat

HeartbeatContent Node::make_beat() const
{
	HeartbeatContent content;
	content.capabilities = m_config.capabilities;
	content.packet_version = m_packet_version;
	content.config_checksum = m_config_checksum;
	content.hostname = m_hostname;
	content.macs = m_macs;
	VclusterBeat words;
	words.id = m_vcluster.id;
	words.state = m_vcluster.state;
	words.priority = m_config.priority;
	words.override_enabled = m_config.override_enabled;
	words.failover_flag = m_vcluster.failover_flag;
	words.epoch = m_vcluster.epoch;
	words.age_origin_ns = m_vcluster.age_origin.time_since_epoch().count();
	words.reset_count = m_vcluster.reset_count;
	words.link_failure = link_failure();
	words.choice = m_vcluster.choice;
	content.vclusters.push_back(words);
	for (const Member &m : m_members) {
		if (m.id.empty())
			continue;
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			if ((m.link_bitmap & 1U << link) != 0 && !content.reception.full())
				content.reception.push_back(
					{member_hash(m.id), static_cast<LinkIndex>(link), m.links[link].health, 0});
	}
	return content;
}

void Node::refresh_beat(Time now, Actions &actions, bool immediate)
{
	HeartbeatContent next = make_beat();
	const bool words_changed = m_beat.vclusters != next.vclusters;
	const bool due = now >= m_next_refresh;
	if (due)
		m_next_refresh = now + refresh_interval;
	if (next == m_beat || (!immediate && !due && !words_changed))
		return;
	++m_packet_version;
	next.packet_version = m_packet_version;
	m_beat = next;
	SetBeatContent action;
	action.immediate = immediate || words_changed;
	action.content = next;
	actions.push_back(action);
}

} // namespace systole::core
