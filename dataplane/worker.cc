// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/worker.h"

#include "dataplane/nap.h"

#include <algorithm>
#include <cassert>
#include <ctime>
#include <variant>

namespace systole::dataplane {

namespace {

constexpr core::Duration backlog_nap = std::chrono::microseconds{200};
// Session frames flow: for so long after the last one, in naps of this length, or shorter ones when many come at once. A
// wake-up costs as much as a frame.
constexpr core::Duration sessions_flow = std::chrono::milliseconds{2};
constexpr core::Duration sessions_nap = std::chrono::milliseconds{1};
constexpr std::size_t many_session_frames = 16; // in one turn

using control::LinkVerdict;
using core::Duration;
using core::LinkLiveness;
using core::Time;

LinkVerdict verdict_of(LinkLiveness::State state)
{
	switch (state) {
	case LinkLiveness::State::alive: return LinkVerdict::alive;
	case LinkLiveness::State::one_way: return LinkVerdict::one_way;
	case LinkLiveness::State::stale: return LinkVerdict::stale;
	case LinkLiveness::State::unknown:
	case LinkLiveness::State::lost: break;
	}
	return LinkVerdict::lost;
}

} // namespace

Worker::Worker(const WorkerConfig &config, std::span<Port *const> ports, control::WorkerChannel &channel,
	       TscClock &clock)
    : m_channel(channel), m_clock(clock), m_state(config, ports, channel), m_rx(m_state), m_tx(m_state),
      m_session_tx(m_state), m_grid(config.interval), m_control_watch(config.control_watchdog),
      m_waiter(choose_wait(config.poll_mode, offer_of(ports)), longest_nap_for(config.interval, m_state.timing.dead),
	       m_state.ports, channel)
{
	assert(ports.size() <= core::max_links);
}

void Worker::turn(Time now)
{
	const Duration gap = m_turned ? now - m_last_turn : Duration::zero();
	const bool was_away = gap > m_state.config.interval;
	if (!m_turned)
		m_grid.start(now);
	m_turned = true;
	m_last_turn = now;
	for (Port *port : m_state.ports)
		port->look_at_gate();
	m_state.outbox.retry();
	if (was_away)
		note_gap(now, gap);
	watch_control(now);
	say_alive(now, gap);
	take_commands(now);
	m_rx.drain(now, was_away);
	beat(now);
	judge(now);
	send_sessions(now);
	ring_bells();
}

void Worker::note_gap(Time now, Duration gap)
{
	// Before rx is drained: a beat that waited in the queue then cancels the grant of its peer.
	const Duration dead = m_state.timing.dead;
	const bool machine_too = m_channel.signs == nullptr || m_channel.signs->machine_was_away(now, dead);
	for (Peer &peer : m_state.peers)
		for (PeerLinkState &way : peer.links)
			if (peer.started && way.used)
				excuse_absence(way.liveness, way.away, now, gap, dead, machine_too);
	m_control_watch.grant(gap);
	m_state.outbox.deliver(control::WorkerLate{now, gap});
	if (gap > m_state.timing.dead) {
		fall_silent();
		if (!m_control_hangs) // else it is not back yet
			come_back(now, gap);
	}
}

// A control thread that hangs must look dead, or nobody would take over from it.
void Worker::watch_control(Time now)
{
	m_control_watch.look(now, m_channel.watchdog.load(std::memory_order_relaxed));
	if (m_control_watch.hangs() && !m_control_hangs) {
		m_control_hangs = true;
		fall_silent();
	} else if (!m_control_watch.hangs() && m_control_hangs) {
		m_control_hangs = false;
		come_back(now, now - m_silent_since);
	}
}

// Every absence is a silence of its own: the end of an earlier one does not end this one.
void Worker::fall_silent()
{
	m_channel.silence.store(++m_silence_number, std::memory_order_release);
	m_silent_since = m_last_turn;
	control::add(m_state.counters.silences);
}

// Listening again; beats wait until control has looked around (EndSilence).
void Worker::come_back(Time now, Duration gap)
{
	m_state.returned_at = now;
	for (Peer &peer : m_state.peers)
		peer.handed.forget(); // what they say from now on is news
	m_state.outbox.deliver(control::WorkerReturned{now, gap, m_silence_number});
}

// After it is decided whether this member is silent: who reads a young time finds the flag that belongs to it.
void Worker::say_alive(Time now, Duration gap)
{
	const std::int64_t now_ns = now.time_since_epoch().count();
	control::add(m_state.counters.turns);
	control::raise_to(m_state.counters.longest_gap_us, core::microseconds(gap));
	m_state.counters.last_turn_ns.store(now_ns, std::memory_order_release);
	if (m_channel.signs != nullptr && !silent())
		m_channel.signs->worker_ns.store(now_ns, std::memory_order_release);
}

void Worker::take_commands(Time now)
{
	const auto dispatch = [&](const control::WorkerCommand &command) {
		std::visit([&](const auto &what) { on(what, now); }, command);
	};
	for (int i = 0; i < commands_per_turn && m_channel.commands.consume_one(dispatch); ++i) {}
}

void Worker::beat(Time now)
{
	if (!m_tx.has_content()) {
		if (m_grid.due(now))
			(void)m_grid.take(now); // nobody waits for it, so nobody is late
		return;
	}
	if (silent()) {
		if (m_grid.due(now))
			(void)m_grid.take(now); // a silence is no lateness
		return;
	}
	if (m_grid.due(now)) {
		const Duration late = m_grid.take(now);
		count_late(core::microseconds(late));
		m_tx.round(now, late);
	} else if (m_extra_round) {
		m_tx.round(now, Duration::zero());
	}
	m_extra_round = false;
}

void Worker::count_late(std::uint64_t late_us)
{
	control::raise_to(m_state.counters.late_us_max, late_us);
	const auto last = control::late_class_us.end() - 1;
	const auto found = std::find_if(control::late_class_us.begin(), last,
					[late_us](std::uint32_t upper_us) { return late_us < upper_us; });
	control::add(m_state.counters.late[static_cast<std::size_t>(found - control::late_class_us.begin())]);
}

void Worker::judge(Time now)
{
	for (std::size_t slot = 1; slot < m_state.peers.size(); ++slot) {
		Peer &peer = m_state.peers[slot];
		for (std::size_t link = 0; peer.started && link < m_state.ports.size(); ++link) {
			LinkLiveness &liveness = peer.links[link].liveness;
			const bool had_life = liveness.life();
			if (!liveness.judge(m_state.heard[link].until(), m_state.timing))
				continue;
			if (liveness.life() && !had_life)
				peer.handed.forget(); // control has forgotten what a lost peer said
			m_state.outbox.deliver(control::PeerLink{
				now, liveness.last_life(), static_cast<core::PeerSlot>(slot), peer.generation,
				static_cast<core::LinkIndex>(link), verdict_of(liveness.state())});
		}
	}
}

// What is said while we are silent claims something too: it waits in the lane.
void Worker::send_sessions(Time now)
{
	m_session_frames = silent() ? 0 : m_session_tx.send(now);
}

void Worker::ring_bells()
{
	if (m_state.outbox.take_pushed())
		m_channel.bell.ring();
	if (const std::size_t handed = m_rx.take_handed_sessions(); handed != 0) {
		m_session_frames += handed;
		m_state.lanes->bell.ring();
	}
	if (m_session_frames != 0)
		m_sessions_flow_until = m_last_turn + sessions_flow;
}

Time Worker::next_wake() const
{
	Time wake = m_tx.has_content() && !silent() ? m_grid.next() : core::never;
	for (const Peer &peer : m_state.peers)
		for (std::size_t link = 0; peer.started && link < m_state.ports.size(); ++link)
			wake = std::min(wake, peer.links[link].liveness.deadline(m_state.timing));
	return wake;
}

// When the next beat of a peer is to be looked for.
Time Worker::next_look(Time now) const
{
	Time look = core::never;
	for (const Peer &peer : m_state.peers)
		for (std::size_t link = 0; peer.started && link < m_state.ports.size(); ++link)
			if (const PeerLinkState &way = peer.links[link]; way.liveness.life())
				look = std::min(look, look_for(now, way.last_rx + m_state.config.interval));
	return look;
}

// What neither a beat nor a deadline asks for.
Time Worker::wake_for_others(Time now) const
{
	if (silent())
		return m_rx.more() ? now + backlog_nap : core::never;
	if (m_session_tx.left() == SessionTx::Left::more)
		return now;
	// A flood: the queue is emptied faster than it can fill, and the machine has something left for others. Or session
	// frames flow, and more of them, or the answers, are on their way.
	const bool soon = m_rx.more() || m_session_tx.left() == SessionTx::Left::blocked ||
			  m_session_frames >= many_session_frames;
	if (soon)
		return now + backlog_nap;
	return now < m_sessions_flow_until ? now + sessions_nap : core::never;
}

void Worker::run()
{
	while (!m_channel.stop.load(std::memory_order_relaxed)) {
		turn(m_clock.now());
		const Time now = m_clock.now();
		const Time wake = std::min({next_wake(), next_look(now), wake_for_others(now)});
		const bool frames_wait = silent() || m_session_tx.left() == SessionTx::Left::blocked;
		m_waiter.wait(now, wake, frames_wait);
	}
	turn(m_clock.now()); // what control said last, for instance a farewell
	release_everything();
}

void Worker::release_everything()
{
	m_state.inbound.remove_if(
		[](const crypto::InboundSa &) { return true; },
		[this](crypto::InboundSa *sa) { m_state.outbox.deliver(control::ReleasedInbound{sa}); });
	const auto release = [this](auto &way) {
		if (crypto::OutboundSa *sa = std::exchange(way.outbound, nullptr); sa != nullptr)
			m_state.outbox.deliver(control::ReleasedOutbound{sa});
	};
	for (Peer &peer : m_state.peers) {
		std::for_each(peer.links.begin(), peer.links.end(), release);
		std::for_each(peer.session_ways.begin(), peer.session_ways.end(), release);
	}
	ring_bells();
}

// ---------------------------------------------------------------- commands

void Worker::on(const control::InstallInbound &command, Time)
{
	assert(command.slot < m_state.peers.size() && command.link < core::max_links);
	command.sa->slot = command.slot;
	command.sa->link = command.link;
	command.sa->session = command.session;
	if (crypto::InboundSa *back = m_state.inbound.install(command.sa); back != nullptr)
		m_state.outbox.deliver(control::ReleasedInbound{back});
}

void Worker::on(const control::BindSession &command, Time)
{
	assert(command.slot < m_state.peers.size());
	m_state.inbound.each_of(command.session, [&](crypto::InboundSa &sa) { sa.slot = command.slot; });
}

void Worker::on(const control::InstallOutbound &command, Time)
{
	assert(command.slot < m_state.peers.size() && command.link < core::max_links);
	command.sa->session = command.session;
	const auto install = [&](auto &way) {
		way.outbound_session = command.session;
		way.worn_told = false;
		if (crypto::OutboundSa *old = std::exchange(way.outbound, command.sa);
		    old != nullptr && old != command.sa)
			m_state.outbox.deliver(control::ReleasedOutbound{old});
	};
	Peer &peer = m_state.peers[command.slot];
	if (command.sa->traffic_class == crypto::TrafficClass::session) {
		install(peer.session_ways[command.link]);
	} else {
		assert(command.sa->traffic_class == crypto::TrafficClass::heartbeat);
		peer.links[command.link].size.restart();
		install(peer.links[command.link]);
	}
}

void Worker::on(const control::RemoveSession &command, Time)
{
	m_state.inbound.remove_if(
		[&](const crypto::InboundSa &sa) { return sa.session == command.session; },
		[this](crypto::InboundSa *sa) { m_state.outbox.deliver(control::ReleasedInbound{sa}); });
	const auto release = [&](auto &way) {
		if (way.outbound != nullptr && way.outbound_session == command.session)
			m_state.outbox.deliver(control::ReleasedOutbound{std::exchange(way.outbound, nullptr)});
	};
	for (Peer &peer : m_state.peers) {
		std::for_each(peer.links.begin(), peer.links.end(), release);
		std::for_each(peer.session_ways.begin(), peer.session_ways.end(), release);
	}
}

void Worker::on(const control::StartPeer &command, Time)
{
	assert(command.slot != 0 && command.slot < m_state.peers.size());
	Peer &peer = m_state.peers[command.slot];
	if (!peer.started)
		clear_counters(command.slot); // they were somebody else's
	peer.addresses = {command.local_address, command.remote_address};
	peer.started = true;
	peer.generation = command.generation;
	peer.handed.forget();
	for (std::size_t link = 0; link < core::max_links; ++link) {
		PeerLinkState &way = peer.links[link];
		way.used = (command.link_bitmap >> link & 1) != 0;
		way.mac = command.macs[link];
		way.liveness.start();
		way.size.renumber();
		way.away.reset();
		way.lost_counted = 0;
		way.rollback_told = false;
	}
}

void Worker::on(const control::StopPeer &command, Time)
{
	assert(command.slot < m_state.peers.size());
	m_state.peers[command.slot].started = false;
}

void Worker::on(const control::SetPeerMac &command, Time)
{
	assert(command.slot < m_state.peers.size() && command.link < core::max_links);
	m_state.peers[command.slot].links[command.link].mac = command.mac;
}

void Worker::on(const control::SetBeat &command, Time)
{
	m_tx.set_content(command);
	m_extra_round = m_extra_round || command.immediate;
}

void Worker::on(const control::EndSilence &command, Time)
{
	if (command.number != m_silence_number || m_control_hangs)
		return;
	m_channel.silence.store(0, std::memory_order_release);
	m_extra_round = true; // the sooner the others hear us, the better
}

void Worker::on(const control::SendFrame &command, Time)
{
	m_tx.send_clear(command);
}

// Also while we are silent: whoever says goodbye or changes keys claims nothing by it.
void Worker::on(const control::SendSealed &command, Time now)
{
	if (m_extra_round)
		beat(now); // what was said before: after a goodbye nobody listens
	m_tx.send_sealed(command);
}

void Worker::clear_counters(core::PeerSlot slot)
{
	for (control::LinkCounters &counters : m_state.counters.peers[slot]) {
		counters.last_rx_ns.store(0, std::memory_order_relaxed);
		counters.rx.store(0, std::memory_order_relaxed);
		counters.lost.store(0, std::memory_order_relaxed);
		counters.stale.store(0, std::memory_order_relaxed);
		counters.rtt_us.store(0, std::memory_order_relaxed);
		counters.peer_late_us.store(0, std::memory_order_relaxed);
		counters.longest_gap_us.store(0, std::memory_order_relaxed);
	}
}

} // namespace systole::dataplane
