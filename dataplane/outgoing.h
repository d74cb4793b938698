// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A packet on its way out, whatever its class: the inner packet stands where the pool puts data; sealing grows into the
// head- and tailroom around it, and the headers go in front of that.
#pragma once

#include "crypto/esp.h"
#include "dataplane/frame.h"
#include "dataplane/port.h"
#include "dataplane/worker_state.h"

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace systole::dataplane {

inline constexpr std::size_t front_bytes = ethernet_bytes + ipv4_bytes; // before ESP
inline constexpr std::size_t inner_front_bytes = ipv4_bytes + udp_bytes;

// `inner` lies in the mbuf.
[[nodiscard]] crypto::Seal seal_of(const rte_mbuf &mbuf, std::span<std::byte> inner, crypto::OutboundSa &sa);
// Headers in front of the sealed packet, which is the whole frame from then on.
void finish(rte_mbuf &mbuf, const crypto::Seal &seal, const AddressPair &addresses, const core::MacAddress &destination,
	    const core::MacAddress &source, std::uint16_t ether_type);
// How many the port has taken, which are counted; the rest is still ours.
[[nodiscard]] std::size_t transmit(WorkerState &state, core::LinkIndex link, std::span<rte_mbuf *> frames);
// Half of the numbers is where new keys are asked for, once. False: the SA has used up all of them, which is counted.
[[nodiscard]] bool may_seal(WorkerState &state, core::Time now, const crypto::OutboundSa &sa, core::SessionId session,
			    bool &worn_told);

} // namespace systole::dataplane
