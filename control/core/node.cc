// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/node.h"

#include <algorithm>

namespace systole::core {

using std::chrono::milliseconds;

namespace {

constexpr Duration refresh_interval = milliseconds{100}; // the reception matrix is told this often

// A moment a worker named, which lies before the step that takes it in; without one, the step's own.
Time happened(Time named, Time now)
{
	return named == Time{} ? now : std::min(named, now);
}

// It stops, and has no role any more: nobody need wait for what it does next.
bool gone_for_good(const HeartbeatContent &content)
{
	return !content.vclusters.empty() &&
	       std::all_of(content.vclusters.begin(), content.vclusters.end(),
			   [](const VclusterBeat &words) { return words.leaving && words.state != HaState::work; });
}

} // namespace

Node::Node(const Config &config) : m_config(config), m_memory(config.memory)
{
	for (const VclusterConfig &vcluster : config.vclusters)
		m_vclusters.push_back(Vcluster(vcluster));
	m_carrier_up.fill(true); // until netlink says otherwise
}

Surroundings Node::surroundings(Time now) const
{
	Surroundings here{m_config, m_members};
	here.now = now;
	here.hello_until = m_hello_until;
	here.monitors_down = m_monitors_down;
	here.maintenance = m_maintenance;
	here.mem_failover = m_memory.failed();
	here.ssd_failed = m_ssd_failed && m_config.ssd_failover;
	here.leaving = m_stopping;
	here.retiring = m_retiring;
	here.ready = m_ready;
	return here;
}

void Node::step(const Event &event, Actions &actions)
{
	const Time now = std::max(event.now, m_last_now);
	m_last_now = now;
	const std::size_t before = actions.size();
	std::visit([&](const auto &body) { on(now, body, actions); }, event.body);
	if (m_presence == Presence::returning)
		reenter_when_due(now, actions);
	if (m_started && !m_stopping && m_presence == Presence::present)
		for (Vcluster &vcluster : m_vclusters)
			vcluster.evaluate(scene(now, actions));
	if (m_retiring && !m_stopping && (m_presence != Presence::present || !hands_over(now)))
		stop(now, actions);
	const bool gave_away = std::any_of(actions.begin() + before, actions.end(), [](const Action &action) {
		return std::holds_alternative<BecomeSecondary>(action);
	});
	if (gave_away && m_memory.failed())
		m_memory.failed_over(now);
	if (m_started)
		refresh_beat(now, actions, false);
}

Time Node::next_deadline() const
{
	if (!m_started)
		return never;
	if (m_presence != Presence::present)
		return m_presence == Presence::returning ? std::max(m_return_by, m_last_now) : never;
	const Time handshake = m_stopping ? never : m_handshake.deadline();
	const Time next = std::min({handshake, m_next_refresh, next_wake()});
	return std::max(next, m_last_now);
}

Time Node::next_wake() const
{
	Time wake = never;
	for (const Vcluster &vcluster : m_vclusters)
		wake = m_stopping ? never : std::min(wake, vcluster.wake_at());
	for (const Vcluster &vcluster : m_vclusters)
		if (const Time until = vcluster.state().hand_over.telling_until;
		    m_retiring && !m_stopping && until > m_last_now)
			wake = std::min(wake, until);
	return wake;
}

Notice Node::notice(NoticeKind kind, Time now) const
{
	Notice record;
	record.kind = kind;
	record.at = now;
	record.vcluster = m_vclusters[0].state().id;
	record.epoch = m_vclusters[0].state().epoch;
	return record;
}

const Vcluster *Node::find_vcluster(std::uint8_t id) const
{
	const auto found = std::find_if(m_vclusters.begin(), m_vclusters.end(),
					[id](const Vcluster &vcluster) { return vcluster.state().id == id; });
	return found == m_vclusters.end() ? nullptr : &*found;
}

Vcluster *Node::vcluster_of(std::uint8_t id)
{
	return const_cast<Vcluster *>(find_vcluster(id));
}

void Node::renegotiate()
{
	for (Vcluster &vcluster : m_vclusters)
		vcluster.renegotiate();
}

const Member *Node::member(const MemberId &id) const
{
	const auto it = std::find_if(m_members.begin() + 1, m_members.end(),
				     [&](const Member &m) { return !m.id.empty() && m.id == id; });
	return it == m_members.end() ? nullptr : &*it;
}

bool Node::override_in_force(std::size_t place) const
{
	return m_vclusters[place].override_in_force(m_members);
}

Candidates Node::candidates(bool everybody, std::size_t place) const
{
	return m_vclusters[place].candidates(surroundings(m_last_now), everybody);
}

std::optional<Duration> Node::dual_primary_bound(std::size_t place) const
{
	const Vcluster &vcluster = m_vclusters[place];
	const bool acting = vcluster.state().state == HaState::work;
	const bool without_proof = acting && vcluster.proof_lost(surroundings(m_last_now));
	return core::dual_primary_bound(m_config, m_members, without_proof || vcluster.state().demoted);
}

std::size_t Node::alive_peers() const
{
	return static_cast<std::size_t>(
		std::count_if(m_members.begin() + 1, m_members.end(), [](const Member &m) { return m.alive; }));
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
	for (Vcluster &vcluster : m_vclusters) {
		const VclusterState before = vcluster.state();
		vcluster = Vcluster(vcluster.config());
		vcluster.restore(before);
		vcluster.start(scene(now, actions));
	}
	m_handshake.start(m_config, event, now);
	actions.push_back(notice(NoticeKind::started, now));
	refresh_beat(now, actions, true);
	m_handshake.on_tick(now, actions); // the first HELLO at once
}

void Node::on(Time now, const Tick &, Actions &actions)
{
	if (!m_started || m_stopping || m_presence != Presence::present)
		return;
	m_handshake.on_tick(now, actions);
	while (const auto up = m_handshake.next_released(now, actions))
		session_up(now, *up, actions);
}

void Node::on(Time now, const HakeReceived &event, Actions &actions)
{
	if (!m_started || event.link >= m_config.link_count || event.slot >= max_members)
		return;
	if (event.slot == 0) {
		if (m_presence == Presence::present && !m_stopping) // whoever has said goodbye meets nobody any more
			m_handshake.on_frame(now, event, actions);
		return;
	}
	const Member &peer = m_members[event.slot];
	if (peer.id.empty() || !m_handshake.holds(peer.pair, event.session))
		return;
	if (m_handshake.on_sealed(now, peer.pair, event, actions))
		take_leave(now, event.slot, actions);
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

void Node::on(Time now, const SessionWorn &event, Actions &)
{
	m_handshake.on_worn(now, event.session);
}

void Node::on(Time, const PasswordsChanged &event, Actions &)
{
	if (!event.indexes.empty())
		m_handshake.on_passwords(event);
}

void Node::on(Time now, const Rekey &, Actions &)
{
	m_handshake.rekey_all(now);
}

void Node::on(Time now, const BeatReceived &event, Actions &actions)
{
	if (event.slot == 0 || event.slot >= max_members)
		return;
	Member &peer = m_members[event.slot];
	if (peer.id.empty() || !m_handshake.holds(peer.pair, event.session) || event.heard == LinkHealth::down)
		return;
	m_handshake.on_word(now, peer.pair, event.session, happened(event.arrived_at, now), actions);
	// What the ring still held from before was not sent since.
	if (event.since_return) {
		peer.unheard = false;
		if (m_presence == Presence::returning)
			m_awaited[event.slot] = false;
	}
	// The first beat after a lost carrier makes that good.
	const bool some_carrier = std::any_of(m_carrier_up.begin(), m_carrier_up.begin() + m_config.link_count,
					      [](bool up) { return up; });
	if (some_carrier && m_carrier_lost_at != Time{} && event.arrived_at > m_carrier_lost_at)
		restore_links(now, event.slot, actions);
	// The first beats after a cut has healed: the worker has not taken them for life yet.
	if (event.heard == LinkHealth::one_way &&
	    std::none_of(peer.links.begin(), peer.links.end(), [](const LinkView &link) { return link.life; }))
		return;
	const auto before = peer.content.vclusters;
	const bool knew = peer.has_content;
	for (std::size_t link = 0; link < event.content.macs.size(); ++link)
		if (peer.content.macs.size() <= link || peer.content.macs[link] != event.content.macs[link])
			actions.push_back(
				SetPeerMac{event.slot, static_cast<LinkIndex>(link), event.content.macs[link]});
	peer.content = event.content;
	peer.has_content = true;
	peer.lateness_us = event.lateness_us;
	peer.heard_at = happened(event.arrived_at, now);
	peer.sent_ns = event.sent_ns;
	for (Vcluster &vcluster : m_vclusters) {
		const VclusterBeat *words = words_of(peer, vcluster.state().id);
		if (words == nullptr)
			continue;
		const auto said = std::find_if(before.begin(), before.end(),
					       [&](const VclusterBeat &b) { return b.id == words->id; });
		vcluster.hear(scene(now, actions), peer, knew && said != before.end() ? &*said : nullptr, *words);
	}
	peer.leaving = gone_for_good(peer.content);
	update_alive(now, event.slot, actions);
	follow_capabilities(now);
}

// `suite-policy group` asks whether anybody lacks GCM; only members that have proven themselves are asked.
void Node::follow_capabilities(Time now)
{
	m_handshake.set_group_speaks_gcm(!lacks_gcm(), now);
}

bool Node::lacks_gcm() const
{
	return (m_config.capabilities & cap_gcm) == 0 ||
	       std::any_of(m_members.begin() + 1, m_members.end(), [](const Member &m) {
		       return m.alive && m.has_content && (m.content.capabilities & cap_gcm) == 0;
	       });
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
	if (!m_started || m_stopping || event.slot == 0 || event.slot >= max_members || event.generation == 0 ||
	    m_members[event.slot].generation != event.generation)
		return;
	Notice record = notice(NoticeKind::rolled_back, now);
	record.peer = m_members[event.slot].id;
	actions.push_back(record);
	begin_anew(now, actions);
}

// A peer has heard beats of ours that we do not know of: what we are is what we were at some earlier time. Whatever we
// believe may be over, and keys with sequence numbers used before must not be used again.
void Node::begin_anew(Time now, Actions &actions)
{
	for (Vcluster &vcluster : m_vclusters)
		vcluster.stop(scene(now, actions));
	for (std::size_t slot = 1; slot < max_members; ++slot)
		if (m_members[slot].generation != 0)
			actions.push_back(StopPeerBeats{static_cast<PeerSlot>(slot)});
	m_handshake.drop_all(actions);
	m_members = {};
	m_presence = Presence::present;
	m_awaited.fill(false);
	m_started = false;
	actions.push_back(EndSilence{}); // there is nobody to talk to
	actions.push_back(BeginAnew{});
}

void Node::on(Time now, const MonitorChanged &event, Actions &actions)
{
	if (event.index >= m_config.monitor_count || monitor_up(event.index) == event.up)
		return;
	const std::uint64_t bit = std::uint64_t{1} << event.index;
	m_monitors_down ^= bit;
	if (!m_started)
		return; // the first look at the interfaces
	Notice record = notice(NoticeKind::monitor, now);
	record.link = event.index;
	record.value = event.up ? 1 : 0;
	actions.push_back(record);
	for (Vcluster &vcluster : m_vclusters)
		if ((vcluster.config().monitors & bit) != 0)
			vcluster.monitors_changed(scene(now, actions), !event.up);
}

void Node::on(Time now, const PingMonitorChanged &event, Actions &actions)
{
	if (event.index < m_config.ping_priority.size())
		for (Vcluster &vcluster : m_vclusters)
			vcluster.ping_monitor_changed(scene(now, actions), event.index, event.alive);
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

// ---------------------------------------------------------------- health and the operator

void Node::on(Time now, const MemorySample &event, Actions &actions)
{
	const bool before = m_memory.failed();
	m_memory.sample(now, event.used_percent);
	if (m_memory.failed() == before)
		return;
	// Two short of memory stay as they are: only a member that is well takes over.
	if (!m_memory.failed() && m_config.memory.failback)
		renegotiate();
	Notice record = notice(NoticeKind::mem_failover, now);
	record.value = m_memory.failed() ? 1 : 0;
	actions.push_back(record);
}

void Node::on(Time now, const SsdChanged &event, Actions &actions)
{
	if (m_ssd_failed == event.failed)
		return;
	m_ssd_failed = event.failed;
	if (m_config.ssd_failover)
		renegotiate();
	Notice record = notice(NoticeKind::ssd, now);
	record.value = event.failed ? 1 : 0;
	actions.push_back(record);
}

void Node::on(Time now, const WitnessChanged &event, Actions &actions)
{
	if (Vcluster *vcluster = vcluster_of(event.vcluster))
		vcluster->witness_changed(scene(now, actions), event.reachable, event.held_until);
}

void Node::on(Time now, const SetFailover &event, Actions &actions)
{
	if (Vcluster *vcluster = vcluster_of(event.vcluster))
		vcluster->set_failover(scene(now, actions), event.set);
}

void Node::on(Time now, const SwitchRole &event, Actions &actions)
{
	if (Vcluster *vcluster = vcluster_of(event.vcluster); vcluster != nullptr && !m_retiring)
		vcluster->switch_role(scene(now, actions));
}

void Node::on(Time, const SessionsTold &event, Actions &)
{
	m_vclusters[0].sessions_told(event.number, event.rest);
}

void Node::on(Time, const Readiness &event, Actions &)
{
	if (m_ready == event.ready)
		return;
	m_ready = event.ready;
	for (Vcluster &vcluster : m_vclusters)
		vcluster.readiness_changed();
}

void Node::on(Time now, const SetMaintenance &event, Actions &actions)
{
	if (m_maintenance == event.set)
		return;
	m_maintenance = event.set;
	renegotiate();
	Notice record = notice(NoticeKind::maintenance, now);
	record.value = event.set ? 1 : 0;
	actions.push_back(record);
}

void Node::on(Time now, const SetPriority &event, Actions &actions)
{
	for (Vcluster &vcluster : m_vclusters)
		if (event.vcluster == 0 || event.vcluster == vcluster.state().id)
			vcluster.set_priority(scene(now, actions), event.priority);
}

void Node::on(Time, const SetOverride &event, Actions &)
{
	for (Vcluster &vcluster : m_vclusters)
		if (event.vcluster == 0 || event.vcluster == vcluster.state().id)
			vcluster.set_override(event.enabled);
}

void Node::on(Time now, const ResetUptime &, Actions &actions)
{
	for (Vcluster &vcluster : m_vclusters)
		vcluster.reset_age(now);
	actions.push_back(notice(NoticeKind::uptime_reset, now));
}

// Its roles go over to others first, if there are any who can take them. Told a second time, it does not wait for that.
void Node::on(Time now, const Stopping &, Actions &actions)
{
	if (!m_started || m_stopping)
		return;
	if (m_retiring || m_presence != Presence::present) {
		stop(now, actions);
		return;
	}
	m_retiring = true;
	for (Vcluster &vcluster : m_vclusters)
		vcluster.retire(scene(now, actions));
}

// Also when a role is in other hands: whoever has it from us hears the last sessions over the keys that a goodbye ends.
bool Node::hands_over(Time now) const
{
	return std::any_of(m_vclusters.begin(), m_vclusters.end(), [now](const Vcluster &vcluster) {
		const HandOver &plan = vcluster.state().hand_over;
		return plan.under_way() || now < plan.telling_until;
	});
}

void Node::stop(Time now, Actions &actions)
{
	m_stopping = true;
	for (Vcluster &vcluster : m_vclusters)
		vcluster.stop(scene(now, actions));
	actions.push_back(notice(NoticeKind::stopped, now));
	refresh_beat(now, actions, true);
	for (std::size_t slot = 1; slot < max_members; ++slot)
		if (m_members[slot].alive)
			actions.push_back(SayBye{static_cast<PeerSlot>(slot), m_members[slot].id,
						 m_handshake.nonce_of(m_members[slot].pair)});
}

// ---------------------------------------------------------------- our own absence

void Node::on(Time now, const Absent &, Actions &actions)
{
	if (!m_started || m_stopping || m_presence == Presence::absent)
		return;
	m_await_somebody = false;
	for (std::size_t slot = 1; slot < max_members; ++slot) {
		m_awaited[slot] = m_members[slot].alive;
		m_members[slot].unheard = m_members[slot].alive;
		m_await_somebody = m_await_somebody || m_awaited[slot];
	}
	for (Vcluster &vcluster : m_vclusters) {
		vcluster.forget_waits();
		if (m_presence == Presence::present)
			vcluster.suspend(scene(now, actions));
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

void Node::reenter_when_due(Time now, Actions &actions)
{
	// Who knew nobody has nobody to ask, and there may be somebody by now.
	const bool all_heard = m_await_somebody &&
			       std::none_of(m_awaited.begin(), m_awaited.end(), [](bool awaited) { return awaited; });
	if (now < m_return_by && !all_heard)
		return;
	m_presence = Presence::present;
	m_awaited.fill(false);
	bool with_role = false;
	for (Vcluster &vcluster : m_vclusters)
		with_role = vcluster.reenter(scene(now, actions)) || with_role;
	Notice record = notice(NoticeKind::reentered, now);
	record.value = with_role ? 1 : 0;
	actions.push_back(record);
	refresh_beat(now, actions, true);
	actions.push_back(EndSilence{});
}

// ---------------------------------------------------------------- beat

HeartbeatContent Node::make_beat(const Surroundings &surroundings) const
{
	HeartbeatContent content;
	content.capabilities =
		m_config.capabilities | cap_takes_offers | (m_config.session_pickup ? cap_takes_sessions : 0U);
	content.packet_version = m_packet_version;
	content.config_checksum = m_config_checksum;
	content.hostname = m_hostname;
	content.macs = m_macs;
	for (const Vcluster &vcluster : m_vclusters)
		content.vclusters.push_back(vcluster.words(surroundings));
	for (const Member &m : m_members) {
		if (m.id.empty())
			continue;
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			if ((m.link_bitmap & 1U << link) != 0 && !content.reception.full())
				content.reception.push_back(
					{member_hash(m.id), static_cast<LinkIndex>(link), m.links[link].health});
	}
	return content;
}

void Node::refresh_beat(Time now, Actions &actions, bool immediate)
{
	HeartbeatContent next = make_beat(surroundings(now));
	const bool words_changed = m_beat.vclusters != next.vclusters;
	const bool due = now >= m_next_refresh;
	if (due)
		m_next_refresh = now + refresh_interval;
	if (next == m_beat || (!immediate && !due && !words_changed))
		return;
	++m_packet_version;
	next.packet_version = m_packet_version;
	m_beat = next;
	actions.push_back(SetBeatContent{immediate || words_changed});
}

} // namespace systole::core
