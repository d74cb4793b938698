// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/outgoing.h"

#include <array>
#include <cassert>
#include <utility>

namespace systole::dataplane {

namespace {

constexpr std::uint32_t worn_sequence = 1U << 31;
constexpr std::size_t longest_burst = 64;
static_assert(RTE_PKTMBUF_HEADROOM >= front_bytes + crypto::seal_headroom);

} // namespace

crypto::Seal seal_of(const rte_mbuf &mbuf, std::span<std::byte> inner, crypto::OutboundSa &sa)
{
	crypto::Seal seal;
	seal.sa = &sa;
	seal.inner = inner.data();
	seal.inner_length = inner.size();
	seal.headroom = rte_pktmbuf_headroom(&mbuf) - front_bytes;
	seal.tailroom = static_cast<std::size_t>(mbuf.buf_len - mbuf.data_off) - inner.size();
	return seal;
}

void finish(rte_mbuf &mbuf, const crypto::Seal &seal, const AddressPair &addresses, const core::MacAddress &destination,
	    const core::MacAddress &source, std::uint16_t ether_type)
{
	// Neither room nor numbers can be missing: they have been seen to.
	assert(seal.refusal == crypto::Refusal::none);
	const std::span<std::byte> frame(seal.esp - front_bytes, front_bytes + seal.esp_length);
	write_ethernet(frame.first<ethernet_bytes>(), destination, source, ether_type);
	write_outer(frame.subspan<ethernet_bytes, ipv4_bytes>(), addresses, seal.esp_length);
	mbuf.data_off = static_cast<std::uint16_t>(frame.data() - static_cast<std::byte *>(mbuf.buf_addr));
	mbuf.data_len = static_cast<std::uint16_t>(frame.size());
	mbuf.pkt_len = static_cast<std::uint32_t>(frame.size());
}

std::size_t transmit(WorkerState &state, core::LinkIndex link, std::span<rte_mbuf *> frames)
{
	if (frames.empty())
		return 0;
	assert(frames.size() <= longest_burst);
	std::uint64_t bytes = 0;
	std::array<std::uint32_t, longest_burst> lengths;
	for (std::size_t i = 0; i < frames.size(); ++i)
		lengths[i] = frames[i]->pkt_len; // the port owns a frame once it has taken it
	const std::size_t sent = state.ports[link]->send(frames);
	for (std::size_t i = 0; i < sent; ++i)
		bytes += lengths[i];
	control::add(state.counters.ports[link].tx_packets, sent);
	control::add(state.counters.ports[link].tx_bytes, bytes);
	return sent;
}

bool may_seal(WorkerState &state, core::Time now, const crypto::OutboundSa &sa, core::SessionId session,
	      bool &worn_told)
{
	const std::uint32_t next = sa.next_sequence();
	if ((next == 0 || next >= worn_sequence) && !std::exchange(worn_told, true))
		state.outbox.deliver(control::SessionWorn{now, session});
	if (next == 0)
		state.count(control::Drop::tx_exhausted);
	return next != 0;
}

} // namespace systole::dataplane
