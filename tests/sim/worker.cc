// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/worker.h"

#include "tests/sim/world.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::sim {

namespace {

constexpr Duration hand_up_again = std::chrono::milliseconds{100};

core::LinkHealth health_of(core::LinkLiveness::State state)
{
	switch (state) {
	case core::LinkLiveness::State::alive: return core::LinkHealth::up;
	case core::LinkLiveness::State::one_way: return core::LinkHealth::one_way;
	case core::LinkLiveness::State::unknown:
	case core::LinkLiveness::State::lost: break;
	}
	return core::LinkHealth::down;
}

} // namespace

bool Worker::ReplaySet::take(std::uint32_t sequence)
{
	if (sequence == 0 || (m_top >= size && sequence <= m_top - size))
		return false;
	if (sequence > m_top) {
		if (sequence - m_top >= size)
			m_seen.reset();
		else
			for (std::uint32_t s = m_top + 1; s <= sequence; ++s)
				m_seen[s % size] = false;
		m_top = sequence;
	}
	if (m_seen[sequence % size])
		return false;
	m_seen[sequence % size] = true;
	return true;
}

Worker::Worker(World &world, std::size_t member, std::vector<core::Event> &ring)
    : m_world(world), m_member(member), m_ring(ring),
      m_timing(core::LivenessTiming::from(world.plan.interval(), world.plan.common().hb_lost_threshold))
{
	if (world.broken == Break::hasty_detection)
		m_timing.dead /= 3;
}

core::Time Worker::now() const
{
	return m_world.plan.members[m_member].clock.local(m_world.now());
}

// ---------------------------------------------------------------- commands

void Worker::install_inbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys)
{
	Inbound sa;
	sa.keys = keys;
	sa.session = session;
	sa.slot = slot;
	sa.link = link;
	m_inbound.push_back(sa);
}

void Worker::bind(core::SessionId session, core::PeerSlot slot)
{
	for (Inbound &sa : m_inbound)
		if (sa.session == session)
			sa.slot = slot;
}

void Worker::install_outbound(core::SessionId session, core::PeerSlot slot, core::LinkIndex link, const SaKeys &keys)
{
	Way &way = m_peers[slot].links[link];
	way.keyed = true;
	way.session = session;
	way.keys = keys;
	way.sequence = 0;
}

void Worker::remove_session(core::SessionId session)
{
	std::erase_if(m_inbound, [&](const Inbound &sa) { return sa.session == session; });
	for (Peer &peer : m_peers)
		for (Way &way : peer.links)
			if (way.keyed && way.session == session)
				way.keyed = false;
}

void Worker::start_peer(const core::StartPeerBeats &action, std::size_t peer_member)
{
	Peer &peer = m_peers[action.slot];
	peer.started = true;
	peer.member = static_cast<std::uint8_t>(peer_member);
	peer.generation = action.generation;
	peer.handed_session = 0;
	for (std::size_t link = 0; link < core::max_links; ++link) {
		Way &way = peer.links[link];
		way.used = (action.link_bitmap >> link & 1) != 0;
		way.mac = action.macs[link];
		way.liveness.start();
		way.away.reset();
	}
	m_world.truth.started(m_member, peer_member);
}

void Worker::set_beat(const core::SetBeatContent &action)
{
	m_content_bytes = core::encode(action.content, std::span(m_scratch.bytes).subspan(core::beat_stamp_bytes));
	assert(m_content_bytes != 0);
	m_silent_until = core::Time{};
	if (action.immediate)
		beat();
}

// ---------------------------------------------------------------- out

void Worker::beat()
{
	if (m_content_bytes == 0 || now() < m_silent_until)
		return;
	for (std::size_t slot = 1; slot < m_peers.size(); ++slot)
		for (std::size_t link = 0; m_peers[slot].started && link < m_world.plan.links; ++link)
			if (m_peers[slot].links[link].used && m_peers[slot].links[link].keyed)
				send(m_peers[slot], static_cast<core::LinkIndex>(link));
}

void Worker::send(Peer &peer, core::LinkIndex link)
{
	Way &way = peer.links[link];
	const core::Time at = now();
	core::BeatStamp stamp;
	stamp.content_length = static_cast<std::uint16_t>(m_content_bytes);
	stamp.tx = way.liveness.next_tx();
	stamp.sent_ns = at.time_since_epoch().count();
	way.liveness.fill_echo(at, stamp);
	encode(stamp, std::span(m_scratch.bytes).first<core::beat_stamp_bytes>());

	PacketHead &head = m_scratch.head;
	head = PacketHead{};
	head.kind = PacketHead::Kind::esp;
	head.link = link;
	head.sender = static_cast<std::uint8_t>(m_member);
	head.sender_boot = m_world.member(m_member).boot_number();
	head.length = static_cast<std::uint16_t>(core::beat_stamp_bytes + m_content_bytes);
	head.source = m_world.member(m_member).mac(link);
	head.destination = way.mac;
	head.spi = way.keys.spi;
	head.sequence = ++way.sequence;
	head.key = way.keys.key;
	m_world.truth.sent(m_member, peer.member, head);
	m_world.network.transmit(m_scratch);
}

// ---------------------------------------------------------------- in

void Worker::take(const Packet &packet)
{
	const auto it = std::find_if(m_inbound.begin(), m_inbound.end(),
				     [&](const Inbound &sa) { return sa.keys.spi == packet.head.spi; });
	if (it == m_inbound.end() || it->link != packet.head.link || it->keys.key != packet.head.key ||
	    !it->replay.take(packet.head.sequence))
		return;
	if (!it->confirmed) {
		for (Inbound &sa : m_inbound)
			sa.confirmed = sa.confirmed || sa.session == it->session;
		m_ring.push_back({now(), core::SessionConfirmed{it->session}});
	}
	// A candidate's packet proves that the peer has the keys, and that is all it does.
	if (it->slot != 0 && m_peers[it->slot].started)
		take_beat(packet, *it);
}

void Worker::take_beat(const Packet &packet, const Inbound &sa)
{
	const core::Time at = now();
	auto stamp = core::decode_stamp(packet.body());
	assert(stamp); // whoever has the key writes good stamps
	Peer &peer = m_peers[sa.slot];
	Way &way = peer.links[sa.link];
	if (m_world.broken == Break::any_echo)
		stamp->echo = way.liveness.tx();
	const auto before = way.liveness.state();
	const core::BeatVerdict verdict = way.liveness.on_beat(at, *stamp, m_timing);
	if (verdict == core::BeatVerdict::rollback) {
		m_ring.push_back({at, core::PeerRolledBack{sa.slot}});
		return;
	}
	m_world.truth.accepted(m_world.now(), m_member, packet.head,
			       packet.head.sender_boot == m_world.member(packet.head.sender).boot_number());
	const bool fresh = verdict == core::BeatVerdict::fresh;
	if (fresh) {
		way.away.reset();
		if (before != core::LinkLiveness::State::alive)
			tell(sa.slot, sa.link);
		plan_judge(sa.slot, sa.link);
	} else {
		judge(sa.slot, sa.link); // one-way is judged in the same turn
	}

	const auto content = packet.body().subspan(core::beat_stamp_bytes, stamp->content_length);
	if (peer.handed_session == sa.session) {
		if (stamp->sent_ns < peer.handed_sent_ns)
			return; // overtaken on another link
		if (at - peer.handed_at < hand_up_again && (!fresh || peer.handed_fresh) &&
		    std::equal(content.begin(), content.end(), peer.handed.begin(), peer.handed.end()))
			return;
	}
	const auto words = core::decode_content(content);
	assert(words);
	core::BeatReceived event;
	event.slot = sa.slot;
	event.link = sa.link;
	event.session = sa.session;
	event.fresh = fresh;
	event.sent_ns = stamp->sent_ns;
	event.lateness_us = stamp->lateness_us;
	event.content = *words;
	m_ring.push_back({at, event});
	peer.handed_session = sa.session;
	peer.handed_at = at;
	peer.handed_sent_ns = stamp->sent_ns;
	peer.handed_fresh = fresh;
	peer.handed.assign(content.begin(), content.end());
}

// ---------------------------------------------------------------- liveness

void Worker::tell(core::PeerSlot slot, core::LinkIndex link)
{
	const Peer &peer = m_peers[slot];
	const core::LinkLiveness &liveness = peer.links[link].liveness;
	core::PeerLinkChanged event;
	event.slot = slot;
	event.generation = peer.generation;
	event.link = link;
	event.health = health_of(liveness.state());
	event.last_rx = liveness.last_fresh();
	m_ring.push_back({now(), event});
}

void Worker::plan_judge(core::PeerSlot slot, core::LinkIndex link)
{
	Way &way = m_peers[slot].links[link];
	const core::Time due = way.liveness.deadline(m_timing);
	if (due == core::never)
		return;
	const Member &member = m_world.member(m_member);
	const Duration late =
		m_world.plan.poll_delay + (m_world.broken == Break::late_detection ? m_timing.dead : Duration{});
	const SimTime at = member.clock().when(due) + late;
	if (at >= way.judge_at)
		return; // it is planned again when that has come: one entry a dead interval, not one a beat
	way.judge_at = at;
	m_world.queue.put(at, Wake::judge, m_member, member.boot_number(), slot, link);
}

void Worker::judge_planned(SimTime at, core::PeerSlot slot, core::LinkIndex link)
{
	Way &way = m_peers[slot].links[link];
	if (at != way.judge_at)
		return;
	way.judge_at = sim_never;
	judge(slot, link);
}

void Worker::judge(core::PeerSlot slot, core::LinkIndex link)
{
	if (m_peers[slot].started && m_peers[slot].links[link].liveness.judge(now(), m_timing))
		tell(slot, link);
	plan_judge(slot, link);
}

void Worker::was_away(Duration gap)
{
	for (Peer &peer : m_peers)
		for (Way &way : peer.links)
			if (peer.started && way.used)
				way.liveness.grant(way.away.take(gap, m_timing.dead));
	if (gap > m_timing.dead)
		m_silent_until = now() + m_world.plan.interval();
}

void Worker::judge_all()
{
	for (std::size_t slot = 1; slot < m_peers.size(); ++slot)
		for (std::size_t link = 0; m_peers[slot].started && link < m_world.plan.links; ++link) {
			m_peers[slot].links[link].judge_at = sim_never;
			judge(static_cast<core::PeerSlot>(slot), static_cast<core::LinkIndex>(link));
		}
}

} // namespace systole::sim
