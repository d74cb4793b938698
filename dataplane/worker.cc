// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/worker.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <ctime>
#include <variant>

namespace systole::dataplane {

namespace {

using control::LinkVerdict;
using core::Duration;
using core::LinkLiveness;
using core::Time;

std::uint64_t microseconds(Duration duration)
{
	return static_cast<std::uint64_t>(
		std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
}

void raise_to(std::atomic<std::uint64_t> &maximum, std::uint64_t value)
{
	if (value > maximum.load(std::memory_order_relaxed))
		maximum.store(value, std::memory_order_relaxed);
}

LinkVerdict verdict_of(LinkLiveness::State state)
{
	switch (state) {
	case LinkLiveness::State::alive: return LinkVerdict::alive;
	case LinkLiveness::State::one_way: return LinkVerdict::one_way;
	case LinkLiveness::State::unknown:
	case LinkLiveness::State::lost: break;
	}
	return LinkVerdict::lost;
}

} // namespace

Worker::Worker(const WorkerConfig &config, std::span<Port *const> ports, control::WorkerChannel &channel,
	       TscClock &clock)
    : m_channel(channel), m_clock(clock), m_state(config, ports, channel), m_rx(m_state), m_tx(m_state),
      m_grid(config.interval)
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
	control::add(m_state.counters.turns);
	m_state.counters.last_turn_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
	raise_to(m_state.counters.longest_gap_us, microseconds(gap));

	m_state.outbox.retry();
	if (was_away)
		note_gap(now, gap);
	take_commands(now);
	m_rx.drain(now, was_away);
	beat(now);
	judge(now);
	ring_bell();
}

void Worker::note_gap(Time now, Duration gap)
{
	// Before rx is drained: a beat that waited in the queue then cancels the grant of its peer.
	for (Peer &peer : m_state.peers)
		for (PeerLinkState &way : peer.links)
			if (peer.started && way.used)
				way.liveness.grant(way.away.take(gap, m_state.timing.dead));
	if (gap > m_state.timing.dead)
		m_hold_beats_until = now + m_state.config.interval;
	m_state.outbox.deliver(control::WorkerLate{now, gap});
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
	if (now < m_hold_beats_until)
		return;
	if (m_grid.due(now)) {
		const Duration late = m_grid.take(now);
		raise_to(m_state.counters.late_us_max, microseconds(late));
		m_tx.round(now, late);
	} else if (m_extra_round) {
		m_tx.round(now, Duration::zero());
	}
	m_extra_round = false;
}

void Worker::judge(Time now)
{
	for (std::size_t slot = 1; slot < m_state.peers.size(); ++slot) {
		Peer &peer = m_state.peers[slot];
		for (std::size_t link = 0; peer.started && link < m_state.ports.size(); ++link) {
			LinkLiveness &liveness = peer.links[link].liveness;
			if (liveness.judge(m_state.heard[link].until(), m_state.timing))
				m_state.outbox.deliver(control::PeerLink{
					now, liveness.last_fresh(), static_cast<core::PeerSlot>(slot), peer.generation,
					static_cast<core::LinkIndex>(link), verdict_of(liveness.state())});
		}
	}
}

void Worker::ring_bell()
{
	if (!m_state.outbox.take_pushed())
		return;
	// The push must be visible before we look whether control sleeps; control does the same the other way round.
	std::atomic_thread_fence(std::memory_order_seq_cst);
	if (m_channel.bell.sleeping.exchange(false) && m_channel.bell.fd >= 0) {
		const std::uint64_t one = 1;
		// Fails only when the counter is full, and then control is already awake.
		[[maybe_unused]] const ssize_t written = write(m_channel.bell.fd, &one, sizeof(one));
	}
}

Time Worker::next_wake() const
{
	Time wake = m_tx.has_content() ? std::max(m_grid.next(), m_hold_beats_until) : core::never;
	for (const Peer &peer : m_state.peers)
		for (std::size_t link = 0; peer.started && link < m_state.ports.size(); ++link)
			wake = std::min(wake, peer.links[link].liveness.deadline(m_state.timing));
	return wake;
}

void Worker::run()
{
	while (!m_channel.stop.load(std::memory_order_relaxed)) {
		turn(m_clock.now());
		if (m_state.config.poll_mode != PollMode::adaptive)
			continue;
		const Duration nap = nap_length(m_clock.now(), next_wake());
		if (nap > Duration::zero()) {
			const timespec length{.tv_sec = 0, .tv_nsec = static_cast<long>(nap.count())};
			clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
		}
	}
	turn(m_clock.now()); // what control said last, for instance a farewell
	release_everything();
}

void Worker::release_everything()
{
	m_state.inbound.remove_if(
		[](const crypto::InboundSa &) { return true; },
		[this](crypto::InboundSa *sa) { m_state.outbox.deliver(control::ReleasedInbound{sa}); });
	for (Peer &peer : m_state.peers) {
		for (PeerLinkState &way : peer.links)
			if (crypto::OutboundSa *sa = std::exchange(way.outbound, nullptr); sa != nullptr)
				m_state.outbox.deliver(control::ReleasedOutbound{sa});
	}
	ring_bell();
}

// ---------------------------------------------------------------- commands

void Worker::on(const control::InstallInbound &command, Time)
{
	assert(command.slot < core::max_members && command.link < core::max_links);
	command.sa->slot = command.slot;
	command.sa->link = command.link;
	command.sa->session = command.session;
	if (crypto::InboundSa *back = m_state.inbound.install(command.sa); back != nullptr)
		m_state.outbox.deliver(control::ReleasedInbound{back});
}

void Worker::on(const control::BindSession &command, Time)
{
	assert(command.slot < core::max_members);
	m_state.inbound.each_of(command.session, [&](crypto::InboundSa &sa) { sa.slot = command.slot; });
}

void Worker::on(const control::InstallOutbound &command, Time)
{
	assert(command.slot < core::max_members && command.link < core::max_links);
	command.sa->session = command.session;
	PeerLinkState &way = m_state.peers[command.slot].links[command.link];
	way.outbound_session = command.session;
	if (crypto::OutboundSa *old = std::exchange(way.outbound, command.sa); old != nullptr && old != command.sa)
		m_state.outbox.deliver(control::ReleasedOutbound{old});
}

void Worker::on(const control::RemoveSession &command, Time)
{
	m_state.inbound.remove_if(
		[&](const crypto::InboundSa &sa) { return sa.session == command.session; },
		[this](crypto::InboundSa *sa) { m_state.outbox.deliver(control::ReleasedInbound{sa}); });
	for (Peer &peer : m_state.peers) {
		for (PeerLinkState &way : peer.links) {
			if (way.outbound == nullptr || way.outbound_session != command.session)
				continue;
			m_state.outbox.deliver(control::ReleasedOutbound{std::exchange(way.outbound, nullptr)});
		}
	}
}

void Worker::on(const control::StartPeer &command, Time)
{
	assert(command.slot != 0 && command.slot < core::max_members);
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
		way.away.reset();
		way.lost_counted = 0;
		way.rollback_told = false;
	}
}

void Worker::on(const control::StopPeer &command, Time)
{
	assert(command.slot < core::max_members);
	m_state.peers[command.slot].started = false;
}

void Worker::on(const control::SetPeerMac &command, Time)
{
	assert(command.slot < core::max_members && command.link < core::max_links);
	m_state.peers[command.slot].links[command.link].mac = command.mac;
}

void Worker::on(const control::SetBeat &command, Time)
{
	m_tx.set_content(command);
	m_extra_round = m_extra_round || command.immediate;
	m_hold_beats_until = Time{};
}

void Worker::on(const control::SendFrame &command, Time)
{
	m_tx.send_clear(command);
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
	}
}

} // namespace systole::dataplane
