// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/rx.h"

#include "crypto/bytes.h"

#include <rte_random.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::dataplane {

namespace {

using control::Drop;
using core::BeatVerdict;

constexpr std::size_t longest_session_inner = ipv4_bytes + udp_bytes + control::max_session_payload;

std::uint32_t wrapping_us(core::Duration duration)
{
	return static_cast<std::uint32_t>(core::microseconds(duration));
}

// 0 if the sender says nothing, or what no packet can have.
std::size_t announced_length(crypto::Suite suite, const core::BeatStamp &stamp)
{
	return stamp.inner_length == 0 || stamp.inner_length > longest_inner
		       ? 0
		       : crypto::esp_length_of(suite, stamp.inner_length);
}

Drop drop_of(crypto::Refusal refusal)
{
	switch (refusal) {
	case crypto::Refusal::len: return Drop::esp_len;
	case crypto::Refusal::replay_pre: return Drop::esp_replay_pre;
	case crypto::Refusal::icv: return Drop::esp_icv;
	case crypto::Refusal::pad: return Drop::esp_pad;
	case crypto::Refusal::nh: return Drop::esp_nh;
	case crypto::Refusal::none:
	case crypto::Refusal::dummy:
	case crypto::Refusal::exhausted:
	case crypto::Refusal::room: break;
	}
	assert(false); // not refusals of open()
	return Drop::esp_len;
}

control::LinkVerdict verdict_of(BeatVerdict verdict)
{
	switch (verdict) {
	case BeatVerdict::fresh: return control::LinkVerdict::alive;
	case BeatVerdict::timely: return control::LinkVerdict::one_way;
	case BeatVerdict::stale: return control::LinkVerdict::stale;
	case BeatVerdict::rollback: break;
	}
	return control::LinkVerdict::rollback;
}

} // namespace

Rx::Rx(WorkerState &state) : m_state(state), m_dead_us(wrapping_us(state.timing.dead)), m_chance(rte_rand() | 1) {}

void Rx::drain(core::Time now, bool completely)
{
	m_more = false;
	m_hake_left = hake_per_turn;
	m_now_us = wrapping_us(now.time_since_epoch());
	for (std::size_t link = 0; link < m_state.ports.size(); ++link) {
		Port &port = *m_state.ports[link];
		HeardOut &heard = m_state.heard[link];
		std::size_t bursts = completely ? heard.queue_frames() / burst_frames + 1 : bursts_per_turn;
		m_session_frames = 0;
		for (bool done = false; !done; --bursts) {
			std::array<rte_mbuf *, burst_frames> frames;
			const std::uint16_t count = port.receive(frames);
			// Some drivers give short bursts while more is waiting; only nothing is nothing.
			const bool empty = count == 0;
			if (!empty)
				take_burst(now, static_cast<core::LinkIndex>(link), {frames.data(), count});
			heard.took(now, count, empty);
			const bool enough =
				bursts == 1 || (!completely && m_session_frames >= session_frames_per_visit);
			m_more = m_more || (enough && !empty);
			done = empty || enough;
		}
	}
}

void Rx::take_burst(core::Time now, core::LinkIndex link, std::span<rte_mbuf *> frames)
{
	const std::size_t esp_count = find_sas(link, sort_burst(now, link, frames));
	m_state.esp.open({m_opens.data(), esp_count});
	m_state.counters.integrity_checks.store(m_state.esp.integrity_checks(), std::memory_order_relaxed);
	for (std::size_t i = 0; i < esp_count; ++i)
		take_opened(now, link, m_opens[i]);
	rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
}

std::size_t Rx::sort_burst(core::Time now, core::LinkIndex link, std::span<rte_mbuf *> frames)
{
	const FramePolicy policy{m_state.config.ether_type, m_state.config.session_ether_type,
				 m_state.ports[link]->max_frame_bytes()};
	std::size_t count = 0;
	std::uint64_t bytes_total = 0;
	for (rte_mbuf *mbuf : frames) {
		bytes_total += mbuf->pkt_len;
		const std::span<std::byte> bytes(rte_pktmbuf_mtod(mbuf, std::byte *), mbuf->data_len);
		const bool tagged = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
		const Frame frame = classify(bytes, mbuf->nb_segs, tagged, policy);
		if (frame.kind == FrameKind::refused) {
			m_state.count(frame.drop);
		} else if (frame.kind == FrameKind::hake) {
			hand_up_hake(now, link, frame, bytes.subspan(frame.offset, frame.length));
		} else {
			std::byte *const esp = bytes.data() + frame.offset;
			m_esp[count] = {crypto::load_be32(esp), frame.traffic_class, esp, frame.length};
			m_state.inbound.prefetch_place(m_esp[count++].spi);
		}
	}
	control::add(m_state.counters.ports[link].rx_packets, frames.size());
	control::add(m_state.counters.ports[link].rx_bytes, bytes_total);
	return count;
}

// Each step asks for what the next one touches: with thousands of peers none of it is in a cache near by.
std::size_t Rx::find_sas(core::LinkIndex link, std::size_t count)
{
	for (std::size_t i = 0; i < count; ++i)
		m_state.inbound.prefetch_sa(m_esp[i].spi);
	std::size_t found = 0;
	for (std::size_t i = 0; i < count; ++i) {
		crypto::InboundSa *sa = m_state.inbound.find(m_esp[i].spi);
		if (const auto why = objection(link, m_esp[i], sa)) {
			m_state.count(*why);
		} else {
			sa->prefetch();
			m_state.peers[sa->slot].prefetch_to_receive(link);
			__builtin_prefetch(&m_state.counters.peers[sa->slot][link], 1);
			m_opens[found++] = {.sa = sa, .esp = m_esp[i].esp, .esp_length = m_esp[i].length};
		}
	}
	return found;
}

// Cheap first, nothing computed, nothing changed.
std::optional<Drop> Rx::objection(core::LinkIndex link, const EspFrame &frame, crypto::InboundSa *sa)
{
	if (sa == nullptr)
		return Drop::esp_nosa;
	if (sa->link != link)
		return Drop::esp_link;
	if (sa->traffic_class != frame.traffic_class || !takes(sa->traffic_class))
		return Drop::esp_class;
	if (!has_right_size(frame, *sa))
		return Drop::esp_size;
	if (sa->admission.short_of_tokens()) {
		// The engine looks at the number too; here a replay must not take the place of a packet that may be genuine.
		if (!sa->window().check(crypto::load_be32(frame.esp + 4)))
			return Drop::esp_replay_pre;
		m_chance ^= m_chance << 13;
		m_chance ^= m_chance >> 7;
		m_chance ^= m_chance << 17;
		if (!sa->admission.draw(m_now_us, m_chance >> 32))
			return Drop::esp_budget;
	}
	return std::nullopt;
}

// Beats and what is sealed among them have the announced length, session frames any up to the longest.
bool Rx::has_right_size(const EspFrame &frame, const crypto::InboundSa &sa) const
{
	if (sa.traffic_class == crypto::TrafficClass::session)
		return frame.length <= crypto::esp_length_of(sa.suite(), longest_session_inner);
	return sa.admission.takes(frame.length, m_now_us, m_dead_us) ||
	       frame.length == crypto::esp_length_of(sa.suite(), BeatSize::fit(BeatSize::handshake));
}

void Rx::hand_up_hake(core::Time now, core::LinkIndex link, const Frame &frame, std::span<const std::byte> bytes)
{
	if (m_hake_left == 0) {
		m_state.count(Drop::ring_full);
		return;
	}
	--m_hake_left;
	control::HakeFrame event{.at = now,
				 .link = link,
				 .slot = 0,
				 .session = 0,
				 .source = frame.source,
				 .length = static_cast<std::uint16_t>(bytes.size()),
				 .payload = {}};
	std::copy(bytes.begin(), bytes.end(), event.payload.begin());
	m_state.outbox.offer(event);
}

void Rx::take_opened(core::Time now, core::LinkIndex link, const crypto::Open &packet)
{
	const bool dummy = packet.refusal == crypto::Refusal::dummy;
	if (packet.refusal != crypto::Refusal::none && !dummy) {
		m_state.count(drop_of(packet.refusal));
		if (packet.refusal == crypto::Refusal::icv)
			packet.sa->admission.failed(m_now_us);
		return;
	}
	confirm(now, *packet.sa);
	// A candidate's packets prove that the peer has the keys, and that is all they do before BindSession; the same
	// holds for a peer that control has not started. A dummy (next header 59) was never more than noise.
	const Peer &peer = m_state.peers[packet.sa->slot];
	if (dummy || packet.sa->slot == 0 || !peer.started)
		return;

	if (packet.sa->traffic_class == crypto::TrafficClass::session)
		return take_session_frame(link, packet, peer.addresses);
	const Inner inner = parse_inner({packet.inner, packet.inner_length});
	if (!inner.good)
		m_state.count(inner.drop);
	else if (inner.addresses != peer.addresses)
		m_state.count(Drop::esp_policy);
	else if (const std::size_t length = hake_length(inner.payload); length != 0)
		hand_up_sealed(now, link, *packet.sa, inner.payload.first(length));
	else
		take_beat(now, link, packet, inner.payload);
}

void Rx::take_session_frame(core::LinkIndex link, const crypto::Open &packet, const AddressPair &addresses)
{
	++m_session_frames;
	const Inner inner = parse_inner({packet.inner, packet.inner_length}, core::session_udp_port);
	if (!inner.good)
		return m_state.count(inner.drop);
	if (inner.addresses != addresses)
		return m_state.count(Drop::esp_policy);
	if (inner.payload.empty() || inner.payload.size() > control::max_session_payload)
		return m_state.count(Drop::inner_parse);
	control::SessionFrame *frame = m_state.lanes->in.reserve();
	if (frame == nullptr)
		return m_state.count(Drop::session_ring_full);
	frame->slot = packet.sa->slot;
	frame->link = link;
	frame->length = static_cast<std::uint16_t>(inner.payload.size());
	std::copy(inner.payload.begin(), inner.payload.end(), frame->payload.begin());
	m_state.lanes->in.commit();
	++m_handed_sessions;
	control::add(m_state.counters.ports[link].session_rx_packets);
	control::add(m_state.counters.ports[link].session_rx_bytes, inner.payload.size());
}

// The peer's own word, and its pace: no budget of forged frames applies.
void Rx::hand_up_sealed(core::Time now, core::LinkIndex link, const crypto::InboundSa &sa,
			std::span<const std::byte> bytes)
{
	if (sa.suite() == crypto::Suite::plain) { // nobody's word: anybody could have written it
		m_state.count(Drop::plain_drop);
		return;
	}
	control::HakeFrame event{.at = now,
				 .link = link,
				 .slot = sa.slot,
				 .session = sa.session,
				 .source = {},
				 .length = static_cast<std::uint16_t>(bytes.size()),
				 .payload = {}};
	std::copy(bytes.begin(), bytes.end(), event.payload.begin());
	m_state.outbox.offer(event);
}

void Rx::confirm(core::Time now, crypto::InboundSa &sa)
{
	// Without an integrity check a packet proves nothing: a plain session is confirmed by the key exchange alone.
	if (sa.confirmed || sa.suite() == crypto::Suite::plain)
		return;
	m_state.inbound.each_of(sa.session, [](crypto::InboundSa &other) { other.confirmed = true; });
	m_state.outbox.deliver(control::SessionConfirmed{now, sa.slot, sa.session});
}

void Rx::take_beat(core::Time now, core::LinkIndex link, const crypto::Open &packet, std::span<const std::byte> body)
{
	crypto::InboundSa &sa = *packet.sa;
	const auto stamp = core::decode_stamp(body);
	if (!stamp || stamp->content_length > control::max_beat_content) {
		m_state.count(Drop::inner_parse);
		return;
	}
	const auto content = body.subspan(core::beat_stamp_bytes, stamp->content_length);
	Peer &peer = m_state.peers[sa.slot];
	PeerLinkState &way = peer.links[link];
	control::LinkCounters &counters = m_state.counters.peers[sa.slot][link];

	const bool was_alive = way.liveness.state() == core::LinkLiveness::State::alive;
	const bool had_life = way.liveness.life();
	const bool was_heard = had_life || // nearly always; the other links lie in other cache lines
			       std::any_of(peer.links.begin(), peer.links.end(),
					   [](const PeerLinkState &other) { return other.liveness.life(); });
	const BeatVerdict verdict = way.liveness.on_beat(now, *stamp, m_state.timing);
	const auto tell = [&](control::LinkVerdict what) {
		m_state.outbox.deliver(
			control::PeerLink{now, way.liveness.last_life(), sa.slot, peer.generation, link, what});
	};
	if (verdict == BeatVerdict::rollback) {
		m_state.count(Drop::hb_rollback);
		if (!std::exchange(way.rollback_told, true))
			tell(control::LinkVerdict::rollback);
		return;
	}
	way.size.acknowledge(stamp->echo);
	if (stamp->tx == way.liveness.rx()) // what overtaken beats announce is past
		sa.admission.heard(packet.esp_length, announced_length(sa.suite(), *stamp), m_now_us);

	control::add(counters.lost,
		     way.liveness.lost_beats() - std::exchange(way.lost_counted, way.liveness.lost_beats()));
	counters.peer_late_us.store(stamp->lateness_us, std::memory_order_relaxed);
	const bool life = verdict != BeatVerdict::stale;
	const core::Duration age = core::age_of(now, *stamp);
	if (life) {
		way.away.reset();
		control::add(counters.rx);
		if (had_life && way.last_rx != core::Time{})
			control::raise_to(counters.longest_gap_us, core::microseconds(now - way.last_rx));
		way.last_rx = now;
		counters.last_rx_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
		if (age != core::age_unknown)
			counters.rtt_us.store(static_cast<std::uint32_t>(
						      std::min<std::uint64_t>(core::microseconds(age), UINT32_MAX)),
					      std::memory_order_relaxed);
	}
	if (verdict == BeatVerdict::fresh) {
		if (!was_alive)
			tell(control::LinkVerdict::alive);
		if (!was_heard)
			peer.handed.forget(); // control has forgotten what a lost peer said: hand it up again at once
	} else {
		control::add(counters.stale);
	}
	if (!life)
		m_state.count(Drop::hb_stale_echo);
	if (content.empty()) // the sender waits until it may send more; it lives, and there is no news
		return;

	const bool since_return =
		m_state.returned_at == core::Time{} ||
		(age != core::age_unknown && now - age - core::drift_of(core::held_of(*stamp)) > m_state.returned_at);
	if (!peer.handed.wants(now, sa.session, stamp->sent_ns, life, since_return, content))
		return;
	control::PeerBeat event{.at = now,
				.slot = sa.slot,
				.link = link,
				.session = sa.session,
				.sent_ns = stamp->sent_ns,
				.lateness_us = stamp->lateness_us,
				.verdict = verdict_of(verdict),
				.since_return = since_return,
				.length = stamp->content_length,
				.content = {}};
	std::copy(content.begin(), content.end(), event.content.begin());
	if (m_state.outbox.offer(event))
		peer.handed.handed(now, sa.session, stamp->sent_ns, life, since_return, content);
}

} // namespace systole::dataplane
