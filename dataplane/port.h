// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One heartbeat port: a started ethdev with one rx and one tx queue and a pool of its own. Which link it is, is its
// place in `set hbdev`. Whether the cable is good is not asked here: the software drivers always say yes
// (control watches the carrier of the netdev instead).
#pragma once

#include "control/core/types.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace systole::dataplane {

struct PortSpec {
	std::string name;   // as in `set hbdev`
	std::string ethdev; // name under which EAL knows the device
	std::size_t mbufs = 2047;
	core::MacAddress own_mac{}; // taken if the driver has none
};

class Port {
public:
	// Null: `error` names the port and the cause.
	[[nodiscard]] static std::unique_ptr<Port> open(const PortSpec &spec, std::string &error);
	~Port(); // stops and closes the ethdev
	Port(const Port &) = delete;
	Port &operator=(const Port &) = delete;

	// Poll core only.
	[[nodiscard]] std::uint16_t receive(std::span<rte_mbuf *> out)
	{
		return rte_eth_rx_burst(m_id, 0, out.data(), static_cast<std::uint16_t>(out.size()));
	}
	[[nodiscard]] std::uint16_t send(std::span<rte_mbuf *> frames)
	{
		return rte_eth_tx_burst(m_id, 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
	}
	[[nodiscard]] rte_mbuf *allocate() { return rte_pktmbuf_alloc(m_pool); }

	[[nodiscard]] const std::string &name() const { return m_name; }
	[[nodiscard]] const core::MacAddress &mac() const { return m_mac; }
	[[nodiscard]] std::size_t max_frame_bytes() const { return m_max_frame_bytes; }
	// Upper bound of the frames that can wait unseen at one moment.
	[[nodiscard]] std::uint32_t queue_frames() const { return m_queue_frames; }

private:
	Port() = default;
	std::string m_name;
	std::uint16_t m_id = 0;
	rte_mempool *m_pool = nullptr;
	core::MacAddress m_mac{};
	std::size_t m_max_frame_bytes = 0;
	std::uint32_t m_queue_frames = 0;
	bool m_configured = false;
};

// A locally administered address that does not change as long as both words do not.
[[nodiscard]] core::MacAddress made_up_mac(std::string_view instance, std::string_view port);

} // namespace systole::dataplane
