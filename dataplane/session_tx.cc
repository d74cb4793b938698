// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/session_tx.h"

#include "dataplane/outgoing.h"

#include <algorithm>
#include <cassert>

namespace systole::dataplane {

namespace {

using control::Drop;

constexpr std::size_t longest_session_inner = inner_front_bytes + control::max_session_payload;
static_assert(RTE_MBUF_DEFAULT_DATAROOM >= longest_session_inner + crypto::seal_tailroom);
static_assert(front_bytes + crypto::esp_length_of(crypto::Suite::cbc_sha1, longest_session_inner) <=
	      ethernet_bytes + 1500);
static_assert(front_bytes + crypto::esp_length_of(crypto::Suite::gcm, longest_session_inner) <= ethernet_bytes + 1500);

} // namespace

bool SessionTx::usable(const Peer &peer, std::size_t link) const
{
	return link < m_state.ports.size() && peer.links[link].used && peer.session_ways[link].outbound != nullptr &&
	       m_state.ports[link]->usable();
}

// Alive in both directions: on a one-way link we hear a peer that does not hear us.
bool SessionTx::alive(const Peer &peer, std::size_t link) const
{
	return usable(peer, link) && peer.links[link].liveness.state() == core::LinkLiveness::State::alive;
}

std::optional<core::LinkIndex> SessionTx::choose(const control::SessionFrame &frame)
{
	if (frame.slot == 0 || frame.slot >= m_state.peers.size() || !m_state.peers[frame.slot].started)
		return std::nullopt;
	const Peer &peer = m_state.peers[frame.slot];
	if (frame.link != control::any_link)
		return usable(peer, frame.link) ? std::optional(frame.link) : std::nullopt;
	const std::size_t links = m_state.ports.size();
	for (std::size_t i = 0; i < links; ++i) {
		const std::size_t link = (m_next_link + i) % links;
		if ((m_state.config.session_links >> link & 1) == 0 || !alive(peer, link))
			continue;
		m_next_link = link + 1;
		return static_cast<core::LinkIndex>(link);
	}
	const auto &order = m_state.config.link_order;
	const auto best = std::find_if(order.begin(), order.end(), [&](auto link) { return alive(peer, link); });
	return best == order.end() ? std::nullopt : std::optional(*best);
}

void SessionTx::build(const Pending &item, crypto::Seal &seal)
{
	const control::SessionFrame &frame = *item.frame;
	assert(frame.length <= frame.payload.size());
	const Peer &peer = m_state.peers[frame.slot];
	const std::span<std::byte> inner(rte_pktmbuf_mtod(item.mbuf, std::byte *), inner_front_bytes + frame.length);
	write_session_inner(inner.first<inner_front_bytes>(), peer.addresses, frame.length);
	std::copy_n(frame.payload.begin(), frame.length, inner.begin() + inner_front_bytes);
	seal = seal_of(*item.mbuf, inner, *peer.session_ways[item.link].outbound);
}

void SessionTx::gather(core::Time now, control::FrameLane &lane)
{
	m_count = 0;
	m_blocked = false;
	const std::size_t waiting = lane.waiting(burst_frames);
	for (std::size_t place = 0; place < waiting && m_count < m_burst; ++place) {
		control::SessionFrame &frame = lane.at(place);
		if (frame.done)
			continue;
		const auto link = choose(frame);
		if (!link) {
			m_state.count(Drop::session_unsent);
			frame.done = true;
			continue;
		}
		SessionWay &way = m_state.peers[frame.slot].session_ways[*link];
		if (!may_seal(m_state, now, *way.outbound, way.outbound_session, way.worn_told)) {
			frame.done = true;
			continue;
		}
		rte_mbuf *mbuf = m_state.ports[*link]->allocate();
		if (mbuf == nullptr) { // they are all in the port's queue
			m_blocked = true;
			break;
		}
		m_pending[m_count] = {mbuf, &frame, *link};
		build(m_pending[m_count], m_seals[m_count]);
		++m_count;
	}
}

std::size_t SessionTx::send_link(core::LinkIndex link)
{
	std::array<rte_mbuf *, burst_frames> mbufs;
	std::array<control::SessionFrame *, burst_frames> frames;
	std::size_t ready = 0;
	for (std::size_t i = 0; i < m_count; ++i) {
		const Pending &item = m_pending[i];
		if (item.link != link)
			continue;
		const Peer &peer = m_state.peers[item.frame->slot];
		// The last number may have gone to the frame before.
		if (m_seals[i].refusal == crypto::Refusal::exhausted) {
			m_state.count(Drop::tx_exhausted);
			item.frame->done = true;
			rte_pktmbuf_free(item.mbuf);
			continue;
		}
		finish(*item.mbuf, m_seals[i], peer.addresses, peer.links[link].mac, m_state.ports[link]->mac(),
		       m_state.config.session_ether_type);
		frames[ready] = item.frame;
		mbufs[ready++] = item.mbuf;
	}
	const std::size_t sent = transmit(m_state, link, {mbufs.data(), ready});
	std::uint64_t bytes = 0;
	for (std::size_t i = 0; i < sent; ++i) {
		frames[i]->done = true;
		bytes += frames[i]->length;
	}
	control::add(m_state.counters.ports[link].session_tx_packets, sent);
	control::add(m_state.counters.ports[link].session_tx_bytes, bytes);
	if (sent < ready) {
		m_blocked = true;
		control::add(m_state.counters.session_retries, ready - sent);
		rte_pktmbuf_free_bulk(mbufs.data() + sent, static_cast<unsigned>(ready - sent));
	}
	return sent;
}

// True: more waits.
bool SessionTx::pop_done(control::FrameLane &lane)
{
	while (control::SessionFrame *frame = lane.front()) {
		if (!frame->done)
			return true;
		frame->done = false;
		lane.pop();
	}
	return false;
}

std::size_t SessionTx::send(core::Time now)
{
	m_left = Left::nothing;
	if (m_state.lanes == nullptr || m_state.lanes->out.front() == nullptr)
		return 0;
	control::FrameLane &lane = m_state.lanes->out;
	gather(now, lane);
	m_state.esp.seal({m_seals.data(), m_count});
	std::size_t sent = 0;
	for (std::size_t link = 0; link < m_state.ports.size(); ++link)
		sent += send_link(static_cast<core::LinkIndex>(link));
	m_burst = m_blocked ? 1 : std::min(burst_frames, m_burst * 2);
	if (pop_done(lane))
		m_left = m_blocked ? Left::blocked : Left::more;
	return sent;
}

} // namespace systole::dataplane
