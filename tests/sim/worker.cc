// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/worker.h"

#include "tests/sim/world.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::sim {

namespace {

core::LinkHealth health_of(core::LinkLiveness::State state)
{
	switch (state) {
	case core::LinkLiveness::State::alive: return core::LinkHealth::up;
	case core::LinkLiveness::State::one_way:
	case core::LinkLiveness::State::stale: return core::LinkHealth::one_way;
	case core::LinkLiveness::State::unknown:
	case core::LinkLiveness::State::lost: break;
	}
	return core::LinkHealth::down;
}

core::LinkHealth heard_by(core::BeatVerdict verdict)
{
	switch (verdict) {
	case core::BeatVerdict::fresh: return core::LinkHealth::up;
	case core::BeatVerdict::timely: return core::LinkHealth::one_way;
	case core::BeatVerdict::stale:
	case core::BeatVerdict::rollback: break;
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

Worker::Worker(World &world, std::size_t member, std::vector<RingEntry> &ring, const std::uint64_t &watchdog)
    : m_world(world), m_member(member), m_ring(ring), m_watchdog(watchdog),
      m_timing(core::LivenessTiming::from(world.plan.interval(), world.plan.common().hb_lost_threshold)),
      m_grid(world.plan.interval()),
      m_control_watch(world.broken == Break::ignore_watchdog ? Duration{std::chrono::hours{1}} : world.plan.watchdog())
{
	if (world.broken == Break::hasty_detection)
		m_timing.dead /= 3;
	m_grid.start(now() + world.random.between(Duration{}, world.plan.interval()));
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
	peer.handed.forget();
	for (std::size_t link = 0; link < core::max_links; ++link) {
		Way &way = peer.links[link];
		way.used = (action.link_bitmap >> link & 1) != 0;
		way.mac = action.macs[link];
		way.liveness.start();
		way.away.reset();
		way.judge_at = sim_never; // what was planned for an earlier boot is of no use
	}
	m_world.truth.started(m_member, peer_member);
}

void Worker::set_beat(const core::HeartbeatContent &content, bool immediate)
{
	m_content_bytes = core::encode(content, std::span(m_scratch.bytes).subspan(core::beat_stamp_bytes));
	assert(m_content_bytes != 0);
	m_extra_round = m_extra_round || immediate;
	beat();
}

void Worker::end_silence(std::uint32_t number)
{
	if (m_halted) {
		m_silence_to_end = number;
		return;
	}
	if (number != m_silence_number || m_control_hangs)
		return;
	m_silence = 0;
	m_world.trace.line(m_world.now(), member_name(m_member), "may be heard again");
	m_extra_round = true;
	beat();
}

// ---------------------------------------------------------------- out

void Worker::beat()
{
	if (m_halted)
		return;
	if (m_content_bytes == 0) {
		if (m_grid.due(now()))
			(void)m_grid.take(now());
		return;
	}
	if (m_silence != 0 && m_world.broken != Break::talk_when_thawed) {
		if (m_grid.due(now()))
			(void)m_grid.take(now());
		return;
	}
	if (m_grid.due(now()))
		round(m_grid.take(now()));
	else if (m_extra_round)
		round(Duration::zero());
	m_extra_round = false;
}

void Worker::round(Duration late)
{
	// No two rounds of a real worker are sent at the same nanosecond: what is said later has the later stamp.
	m_round_at = std::max(now(), m_round_at + Duration{1});
	const auto late_us = std::chrono::duration_cast<std::chrono::microseconds>(late).count();
	bool sent = false;
	for (std::size_t slot = 1; slot < m_peers.size(); ++slot)
		for (std::size_t link = 0; m_peers[slot].started && link < m_world.plan.links; ++link)
			if (m_peers[slot].links[link].used && m_peers[slot].links[link].keyed) {
				send(m_peers[slot], static_cast<core::LinkIndex>(link),
				     static_cast<std::uint32_t>(late_us));
				sent = true;
			}
	if (sent)
		m_world.checkers.acted(m_member, "beats");
}

void Worker::send(Peer &peer, core::LinkIndex link, std::uint32_t lateness_us)
{
	Way &way = peer.links[link];
	const core::Time at = m_round_at;
	core::BeatStamp stamp;
	stamp.content_length = static_cast<std::uint16_t>(m_content_bytes);
	stamp.lateness_us = lateness_us;
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
	m_world.truth.sent(m_world.now(), m_member, peer.member, head);
	m_world.network.transmit(m_scratch);
}

void Worker::send_sealed(core::PeerSlot slot, core::LinkIndex link, const core::HakeBytes &message)
{
	Way &way = m_peers[slot].links[link];
	if (!m_peers[slot].started || !way.used || !way.keyed)
		return;
	Packet packet;
	packet.head.kind = PacketHead::Kind::sealed_hake;
	packet.head.link = link;
	packet.head.sender = static_cast<std::uint8_t>(m_member);
	packet.head.sender_boot = m_world.member(m_member).boot_number();
	packet.head.length = message.length;
	packet.head.source = m_world.member(m_member).mac(link);
	packet.head.destination = way.mac;
	packet.head.spi = way.keys.spi;
	packet.head.sequence = ++way.sequence;
	packet.head.key = way.keys.key;
	std::copy_n(message.bytes.begin(), message.length, packet.bytes.begin());
	m_world.network.transmit(packet);
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
		deliver(core::SessionConfirmed{it->session});
	}
	// A candidate's packet proves that the peer has the keys, and that is all it does.
	if (it->slot == 0 || !m_peers[it->slot].started)
		return;
	if (packet.head.kind == PacketHead::Kind::sealed_hake)
		take_sealed(packet, *it);
	else
		take_beat(packet, *it);
}

void Worker::take_sealed(const Packet &packet, const Inbound &sa)
{
	if (m_ring.size() >= ring_entries)
		return;
	core::HakeReceived event;
	event.link = sa.link;
	event.slot = sa.slot;
	event.session = sa.session;
	event.message.length = static_cast<std::uint8_t>(packet.head.length);
	std::copy_n(packet.bytes.begin(), packet.head.length, event.message.bytes.begin());
	deliver(event);
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
	const bool was_alive = way.liveness.state() == core::LinkLiveness::State::alive;
	const bool was_heard = std::any_of(peer.links.begin(), peer.links.end(),
					   [](const Way &other) { return other.liveness.life(); });
	const core::BeatVerdict verdict = way.liveness.on_beat(at, *stamp, m_timing);
	if (verdict == core::BeatVerdict::rollback) {
		deliver(core::PeerRolledBack{sa.slot, peer.generation});
		return;
	}
	m_world.truth.accepted(m_world.now(), m_member, packet.head,
			       packet.head.sender_boot == m_world.member(packet.head.sender).boot_number());
	m_world.member(m_member).heard(packet.head.sender, packet.head.sent_at);
	const bool life = verdict != core::BeatVerdict::stale;
	const Duration age = core::age_of(at, *stamp);
	if (life)
		way.away.reset();
	if (verdict == core::BeatVerdict::fresh) {
		if (!was_alive)
			tell(sa.slot, sa.link);
		if (!was_heard)
			peer.handed.forget();
		plan_judge(sa.slot, sa.link);
	} else if (!m_draining) {
		judge(sa.slot, sa.link); // the same turn judges
	}

	const auto content = packet.body().subspan(core::beat_stamp_bytes, stamp->content_length);
	const bool since_return =
		m_returned_at == core::Time{} ||
		(age != core::age_unknown && at - age - core::drift_of(core::held_of(*stamp)) > m_returned_at);
	if (!peer.handed.wants(at, sa.session, stamp->sent_ns, life, since_return, content) ||
	    m_ring.size() >= ring_entries)
		return;
	const auto words = core::decode_content(content);
	assert(words);
	RingEntry &entry = m_ring.emplace_back();
	core::BeatReceived &event = entry.body.emplace<core::BeatReceived>();
	event.slot = sa.slot;
	event.link = sa.link;
	event.session = sa.session;
	event.heard = heard_by(verdict);
	event.since_return = since_return;
	event.sent_ns = stamp->sent_ns;
	event.lateness_us = stamp->lateness_us;
	event.content = *words;
	event.arrived_at = at;
	peer.handed.handed(at, sa.session, stamp->sent_ns, life, since_return, content);
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
	event.life = liveness.life();
	event.last_rx = liveness.last_life();
	event.judged_at = now();
	deliver(event);
}

void Worker::plan_judge(core::PeerSlot slot, core::LinkIndex link)
{
	Way &way = m_peers[slot].links[link];
	const core::Time due = way.liveness.deadline(m_timing);
	if (due == core::never || !m_peers[slot].started)
		return;
	const Member &member = m_world.member(m_member);
	const Duration late =
		m_world.plan.poll_delay + (m_world.broken == Break::late_detection ? m_timing.dead : Duration{});
	// Not the exact moment while another judgement is planned before it: then it is planned again. One entry a dead
	// interval, not one a beat.
	if (way.judge_at != sim_never && due >= way.judge_due)
		return;
	way.judge_due = due;
	const SimTime at = std::max(member.clock().when(due) + late, m_world.now());
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
	Peer &peer = m_peers[slot];
	core::LinkLiveness &liveness = peer.links[link].liveness;
	const bool had_life = liveness.life();
	if (peer.started && liveness.judge(now(), m_timing)) {
		if (liveness.life() && !had_life)
			peer.handed.forget();
		tell(slot, link);
	}
	plan_judge(slot, link);
}

void Worker::judge_all()
{
	m_draining = false;
	for (std::size_t slot = 1; slot < m_peers.size(); ++slot)
		for (std::size_t link = 0; m_peers[slot].started && link < m_world.plan.links; ++link) {
			m_peers[slot].links[link].judge_at = sim_never;
			judge(static_cast<core::PeerSlot>(slot), static_cast<core::LinkIndex>(link));
		}
}

// ---------------------------------------------------------------- absence

void Worker::thaw(Duration gap)
{
	m_halted = false;
	m_draining = true;
	if (gap > m_world.plan.interval()) {
		const bool machine_too = m_world.member(m_member).machine_was_away();
		if (m_world.broken != Break::grant_nothing)
			for (Peer &peer : m_peers)
				for (Way &way : peer.links)
					if (peer.started && way.used)
						dataplane::excuse_absence(way.liveness, way.away, now(), gap,
									  m_timing.dead, machine_too);
		m_control_watch.grant(gap);
		if (gap > m_timing.dead) {
			fall_silent();
			if (!m_control_hangs) // else it is not back yet
				come_back(gap);
		}
	}
	watch_control();
	if (m_silence_to_end != 0)
		end_silence(std::exchange(m_silence_to_end, 0));
}

void Worker::watch_control()
{
	see_control();
	if (m_control_watch.hangs() && !m_control_hangs) {
		m_control_hangs = true;
		fall_silent();
	} else if (!m_control_watch.hangs() && m_control_hangs) {
		m_control_hangs = false;
		come_back(now() - m_silent_since);
	}
}

void Worker::fall_silent()
{
	m_world.member(m_member).note_vital();
	m_silence = ++m_silence_number;
	m_world.trace.line(m_world.now(), member_name(m_member), "falls silent (%u)", m_silence);
	m_silent_since = now();
}

void Worker::come_back(Duration gap)
{
	m_returned_at = now();
	for (Peer &peer : m_peers)
		peer.handed.forget();
	deliver(core::Returned{now(), gap}, m_silence_number);
}

} // namespace systole::sim
