// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/node.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;

namespace {

constexpr std::uint16_t monitor_weight = 50;             // per failed monitored interface (spec: mondev prio=50)
constexpr Duration refresh_interval = milliseconds{100}; // the reception matrix is told this often

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
	if (m_presence == Presence::returning)
		reenter_when_due(now, actions);
	if (m_started && !m_stopping && m_presence == Presence::present)
		evaluate(now, actions);
	if (m_started)
		refresh_beat(now, actions, false);
}

Time Node::next_deadline() const
{
	if (!m_started)
		return never;
	if (m_presence != Presence::present)
		return m_presence == Presence::returning ? std::max(m_return_by, m_last_now) : never;
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
	if (m_started && m_presence == Presence::present)
		m_handshake.on_tick(now, actions);
}

void Node::on(Time now, const HakeReceived &event, Actions &actions)
{
	if (m_started && m_presence == Presence::present && event.link < m_config.link_count)
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
	if (peer.id.empty() || peer.session != event.session || event.heard == LinkHealth::down)
		return;
	// What the ring still held from before was not sent since.
	if (event.since_return && m_presence == Presence::returning)
		m_awaited[event.slot] = false;
	// The first beat after a lost carrier makes that good.
	const bool some_carrier = std::any_of(m_carrier_up.begin(), m_carrier_up.begin() + m_config.link_count,
					      [](bool up) { return up; });
	if (some_carrier && m_carrier_lost_at != Time{} && event.arrived_at > m_carrier_lost_at)
		restore_links(now, event.slot, actions);
	// The first beats after a cut has healed: the worker has not taken them for life yet.
	if (event.heard == LinkHealth::one_way &&
	    std::none_of(peer.links.begin(), peer.links.end(), [](const LinkView &link) { return link.life; }))
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
	link.judged_health = event.health;
	link.judged_life = event.life;
	const Time judged_at = happened(event.judged_at, now);
	if (event.life && m_carrier_lost_at != Time{} && judged_at <= m_carrier_lost_at)
		return; // from before
	set_link(judged_at, event.slot, event.link, event.health, event.life, actions);
	update_alive(judged_at, event.slot, actions);
}

void Node::set_link(Time now, PeerSlot slot, LinkIndex index, LinkHealth health, bool life, Actions &actions)
{
	LinkView &link = m_members[slot].links[index];
	link.life = life;
	if (link.health == health)
		return;
	link.health = health;
	Notice record = notice(health == LinkHealth::up        ? NoticeKind::peer_link_up
			       : health == LinkHealth::one_way ? NoticeKind::peer_link_one_way
							       : NoticeKind::peer_link_lost,
			       now);
	record.peer = m_members[slot].id;
	record.link = index;
	record.last_rx = link.last_rx;
	actions.push_back(record);
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
	Notice record = notice(NoticeKind::carrier, now);
	record.link = event.link;
	record.value = event.up ? 1 : 0;
	actions.push_back(record);
	// As a rule the loss of beats decides, as in the vendor's product.
	if (m_config.carrier_loss_immediate &&
	    std::none_of(m_carrier_up.begin(), m_carrier_up.begin() + m_config.link_count, [](bool up) { return up; }))
		lose_carrier(now, actions);
}

// On direct cables no port has carrier because the other machine has no power.
void Node::lose_carrier(Time now, Actions &actions)
{
	m_carrier_lost_at = now;
	for (std::size_t slot = 1; slot < max_members; ++slot) {
		if (!m_members[slot].alive)
			continue;
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			set_link(now, static_cast<PeerSlot>(slot), static_cast<LinkIndex>(link), LinkHealth::down,
				 false, actions);
		update_alive(now, static_cast<PeerSlot>(slot), actions);
	}
}

void Node::restore_links(Time now, PeerSlot slot, Actions &actions)
{
	for (std::size_t index = 0; index < m_config.link_count; ++index) {
		const LinkView &link = m_members[slot].links[index];
		set_link(now, slot, static_cast<LinkIndex>(index), link.judged_health, link.judged_life, actions);
	}
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

// ---------------------------------------------------------------- our own absence

void Node::on(Time, const Absent &, Actions &actions)
{
	if (!m_started || m_stopping || m_presence == Presence::absent)
		return;
	m_await_somebody = false;
	for (std::size_t slot = 1; slot < max_members; ++slot) {
		m_awaited[slot] = m_members[slot].alive;
		m_await_somebody = m_await_somebody || m_awaited[slot];
	}
	m_orphan_since = never;
	m_rival_since = never;
	if (m_presence == Presence::present) {
		m_epoch_before = m_vcluster.epoch;
		if (m_vcluster.state == HaState::work)
			actions.push_back(SuspendClaim{m_vcluster.id});
	}
	m_presence = Presence::absent;
}

void Node::on(Time now, const Returned &event, Actions &actions)
{
	if (!m_started || m_stopping) {
		actions.push_back(EndSilence{}); // a farewell must still be heard
		return;
	}
	on(now, Absent{}, actions);
	m_presence = Presence::returning;
	m_return_by = now + m_config.dead_interval(); // from when we can take in what is heard; it may be old already
	m_hello_until += event.gap;                   // it was not looking for the others in that time
	Notice record = notice(NoticeKind::absent, now);
	record.value = event.gap.count();
	actions.push_back(record);
}

// A newer epoch was heard than before: the role has moved on, whoever holds it now.
bool Node::somebody_claimed_meanwhile() const
{
	return live_primary() != nullptr || m_vcluster.epoch > m_epoch_before;
}

void Node::reenter_when_due(Time now, Actions &actions)
{
	// Who knew nobody has nobody to ask, and there may be somebody by now.
	const bool all_heard = m_await_somebody &&
			       std::none_of(m_awaited.begin(), m_awaited.end(), [](bool awaited) { return awaited; });
	if (now < m_return_by && !all_heard)
		return;
	m_presence = Presence::present;
	m_awaited.fill(false);
	const bool was_primary = m_vcluster.state == HaState::work;
	if (was_primary && somebody_claimed_meanwhile()) {
		Decision decision;
		decision.rule = Rule::live_primary;
		const Member *primary = live_primary();
		if (primary != nullptr)
			decision.winner = primary->id;
		become_standby(now, decision, decision.winner, actions);
	} else if (was_primary) {
		actions.push_back(ResumeClaim{m_vcluster.id});
	}
	Notice record = notice(NoticeKind::reentered, now);
	record.value = was_primary && m_vcluster.state == HaState::work ? 1 : 0;
	actions.push_back(record);
	refresh_beat(now, actions, true);
	actions.push_back(EndSilence{});
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
	const bool heard =
		std::any_of(peer.links.begin(), peer.links.end(), [](const LinkView &link) { return link.life; });
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
