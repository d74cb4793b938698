// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/tx.h"

#include "dataplane/frame.h"
#include "dataplane/outgoing.h"

#include <algorithm>
#include <cassert>

namespace systole::dataplane {

namespace {

using control::Drop;

static_assert(RTE_MBUF_DEFAULT_DATAROOM >= longest_inner + crypto::seal_tailroom);
constexpr std::size_t longest_frame(crypto::Suite suite)
{
	return front_bytes + crypto::esp_length_of(suite, longest_inner);
}
static_assert(longest_frame(crypto::Suite::cbc_sha1) <= ethernet_bytes + 1500);
static_assert(longest_frame(crypto::Suite::gcm) <= ethernet_bytes + 1500);
static_assert(longest_frame(crypto::Suite::null_sha1) <= ethernet_bytes + 1500);

} // namespace

void Tx::set_content(const control::SetBeat &beat)
{
	assert(beat.length <= m_content.size());
	m_content_length = beat.length;
	std::copy_n(beat.content.begin(), beat.length, m_content.begin());
}

rte_mbuf *Tx::build(core::Time now, core::Duration late, Peer &peer, PeerLinkState &way, Port &port, crypto::Seal &seal)
{
	rte_mbuf *mbuf = port.allocate();
	if (mbuf == nullptr)
		return nullptr;
	const std::uint64_t tx = way.liveness.next_tx();
	way.size.next_beat(m_content_length, tx, 2U * m_state.config.lost_threshold);
	const std::uint16_t content_length = way.size.holds(m_content_length) ? m_content_length : 0;
	const std::span<std::byte> inner(rte_pktmbuf_mtod(mbuf, std::byte *), way.size.current());
	const auto body = inner.subspan(inner_front_bytes);

	core::BeatStamp stamp;
	stamp.content_length = content_length;
	const auto late_us = std::chrono::duration_cast<std::chrono::microseconds>(late).count();
	stamp.lateness_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(late_us, 0, UINT32_MAX));
	stamp.tx = tx;
	stamp.inner_length = static_cast<std::uint16_t>(way.size.announced());
	stamp.sent_ns = now.time_since_epoch().count();
	way.liveness.fill_echo(now, stamp);
	core::encode(stamp, body.first<core::beat_stamp_bytes>());
	const auto padding = std::copy_n(m_content.begin(), content_length, body.begin() + core::beat_stamp_bytes);
	std::fill(padding, body.end(), std::byte{0});
	write_inner(inner.first<inner_front_bytes>(), peer.addresses, body);

	seal = seal_of(*mbuf, inner, *way.outbound);
	return mbuf;
}

void Tx::send(core::LinkIndex link, std::span<rte_mbuf *> frames)
{
	const std::size_t sent = transmit(m_state, link, frames);
	if (sent < frames.size()) {
		m_state.count(Drop::tx_full, frames.size() - sent);
		rte_pktmbuf_free_bulk(frames.data() + sent, static_cast<unsigned>(frames.size() - sent));
	}
}

void Tx::round(core::Time now, core::Duration late)
{
	beat_to(1, m_state.peers.size(), now, late);
	control::add(m_state.counters.beats);
}

// Takes whole peers from `slot` on until a burst is full. What the burst and the next one will touch is asked for
// while this one is built and sealed: with thousands of peers none of it is in a cache near by.
std::size_t Tx::gather(std::size_t slot, std::size_t last)
{
	const std::size_t links = m_state.ports.size();
	for (m_count = 0; slot < last && m_count + links <= burst_frames; ++slot) {
		const Peer &peer = m_state.peers[slot];
		for (std::size_t link = 0; peer.started && link < links; ++link) {
			const PeerLinkState &way = peer.links[link];
			if (!way.used || way.outbound == nullptr)
				continue;
			way.outbound->prefetch();
			m_pending[m_count++] = {nullptr, static_cast<core::PeerSlot>(slot),
						static_cast<core::LinkIndex>(link)};
		}
	}
	const std::size_t next_burst = std::min(last, slot + burst_frames / std::max<std::size_t>(links, 1));
	for (std::size_t next = slot; next < next_burst; ++next)
		for (std::size_t link = 0; link < links; ++link)
			m_state.peers[next].prefetch_to_send(static_cast<core::LinkIndex>(link));
	return slot;
}

void Tx::build_all(core::Time now, core::Duration late)
{
	std::size_t built = 0;
	for (std::size_t i = 0; i < m_count; ++i) {
		Pending item = m_pending[i];
		Peer &peer = m_state.peers[item.slot];
		PeerLinkState &way = peer.links[item.link];
		if (!may_seal(m_state, now, *way.outbound, way.outbound_session, way.worn_told))
			continue;
		item.mbuf = build(now, late, peer, way, *m_state.ports[item.link], m_seals[built]);
		if (item.mbuf == nullptr)
			m_state.count(Drop::tx_full);
		else
			m_pending[built++] = item;
	}
	m_count = built;
}

void Tx::beat_to(std::size_t first, std::size_t last, core::Time now, core::Duration late)
{
	while (first < last) {
		first = gather(first, last);
		build_all(now, late);
		m_state.esp.seal({m_seals.data(), m_count});
		for (std::size_t link = 0; link < m_state.ports.size(); ++link) {
			std::array<rte_mbuf *, burst_frames> frames;
			std::size_t ready = 0;
			for (std::size_t i = 0; i < m_count; ++i) {
				const Pending &item = m_pending[i];
				if (item.link != link)
					continue;
				const Peer &peer = m_state.peers[item.slot];
				finish(*item.mbuf, m_seals[i], peer.addresses, peer.links[link].mac,
				       m_state.ports[link]->mac(), m_state.config.ether_type);
				frames[ready++] = item.mbuf;
			}
			send(static_cast<core::LinkIndex>(link), {frames.data(), ready});
		}
	}
}

void Tx::send_clear(const control::SendFrame &frame)
{
	assert(frame.length <= frame.payload.size());
	if (frame.link >= m_state.ports.size())
		return;
	Port &port = *m_state.ports[frame.link];
	rte_mbuf *mbuf = port.allocate();
	if (mbuf == nullptr) {
		m_state.count(Drop::tx_full);
		return;
	}
	const std::size_t length = ethernet_bytes + frame.length;
	const std::span<std::byte> out(rte_pktmbuf_mtod(mbuf, std::byte *), length);
	write_ethernet(out.first<ethernet_bytes>(), frame.destination, port.mac(), m_state.config.ether_type);
	std::copy_n(frame.payload.begin(), frame.length, out.begin() + ethernet_bytes);
	mbuf->data_len = static_cast<std::uint16_t>(length);
	mbuf->pkt_len = static_cast<std::uint32_t>(length);
	send(frame.link, {&mbuf, 1});
}

void Tx::send_sealed(const control::SendSealed &message)
{
	assert(message.length <= message.payload.size());
	if (message.link >= m_state.ports.size() || message.slot >= m_state.peers.size())
		return;
	const Peer &peer = m_state.peers[message.slot];
	PeerLinkState &way = m_state.peers[message.slot].links[message.link];
	if (!peer.started || !way.used || way.outbound == nullptr || way.outbound->next_sequence() == 0)
		return;
	Port &port = *m_state.ports[message.link];
	rte_mbuf *mbuf = port.allocate();
	if (mbuf == nullptr) {
		m_state.count(Drop::tx_full);
		return;
	}
	const std::span<std::byte> inner(rte_pktmbuf_mtod(mbuf, std::byte *), padded_inner(message.slot, message.link));
	const auto body = inner.subspan(inner_front_bytes);
	assert(message.length <= body.size());
	std::fill(std::copy_n(message.payload.begin(), message.length, body.begin()), body.end(), std::byte{0});
	write_inner(inner.first<inner_front_bytes>(), peer.addresses, body);
	crypto::Seal seal = seal_of(*mbuf, inner, *way.outbound);
	m_state.esp.seal({&seal, 1});
	finish(*mbuf, seal, peer.addresses, way.mac, port.mac(), m_state.config.ether_type);
	send(message.link, {&mbuf, 1});
}

} // namespace systole::dataplane
