// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One heartbeat port: a started ethdev with one rx and one tx queue and a pool of its own. Which link it is, is its
// place in `set hbdev`. Whether the cable is good is not asked here: the software drivers always say yes
// (control watches the carrier of the netdev instead).
//
// The object lives as long as the worker; the device behind it may go and come back (port_keeper.h), and then keeps
// the MAC address it had, because peers have learnt it.
#pragma once

#include "control/core/types.h"
#include "dataplane/port_gate.h"

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
	// The other side need not be there yet: the port starts when it is (a memif client).
	bool may_start_later = false;
};

class Port {
public:
	// Null: `error` names the port and the cause.
	[[nodiscard]] static std::unique_ptr<Port> open(const PortSpec &spec, std::string &error);
	~Port(); // stops and closes the ethdev
	Port(const Port &) = delete;
	Port &operator=(const Port &) = delete;

	// ---- poll core only
	// Once a turn, when no frame of the port's is held. Behind a closed gate nothing arrives, and no frame is to be had.
	void look_at_gate() { m_usable = m_gate.look(); }
	[[nodiscard]] std::uint16_t receive(std::span<rte_mbuf *> out)
	{
		return m_usable ? rte_eth_rx_burst(m_id, 0, out.data(), static_cast<std::uint16_t>(out.size()))
				: std::uint16_t{0};
	}
	[[nodiscard]] std::uint16_t send(std::span<rte_mbuf *> frames)
	{
		return m_usable ? rte_eth_tx_burst(m_id, 0, frames.data(), static_cast<std::uint16_t>(frames.size()))
				: std::uint16_t{0};
	}
	[[nodiscard]] std::uint16_t id() const { return m_id; }
	[[nodiscard]] bool usable() const { return m_usable; }
	[[nodiscard]] rte_mbuf *allocate() { return m_usable ? rte_pktmbuf_alloc(m_pool) : nullptr; }

	// ---- port keeper only; what changes the device asks for a closed gate
	[[nodiscard]] PortGate &gate() { return m_gate; }
	// The device under its name, from its configuration to its start. False: `error` names the port and the cause.
	[[nodiscard]] bool bring_up(std::string &error);
	// Stops and closes the device; it is no ethdev any more.
	void take_down();
	// The device is there and only looks for its other side again.
	[[nodiscard]] bool start_again();
	[[nodiscard]] bool has_link() const;

	[[nodiscard]] const std::string &name() const { return m_spec.name; }
	[[nodiscard]] const core::MacAddress &mac() const { return m_mac; }
	[[nodiscard]] std::size_t max_frame_bytes() const { return m_max_frame_bytes; }
	// Upper bound of the frames that can wait unseen at one moment.
	[[nodiscard]] std::uint32_t queue_frames() const { return m_queue_frames; }

private:
	explicit Port(const PortSpec &spec) : m_spec(spec) {}
	[[nodiscard]] bool prepare(std::string &error);

	const PortSpec m_spec;
	PortGate m_gate{false};
	bool m_usable = false; // poll core's
	std::uint16_t m_id = 0;
	rte_mempool *m_pool = nullptr;
	core::MacAddress m_mac{};
	std::size_t m_max_frame_bytes = 0;
	std::uint32_t m_queue_frames = 0;
	bool m_configured = false;
	bool m_prepared = false; // everything but started
};

// A locally administered address that does not change as long as both words do not.
[[nodiscard]] core::MacAddress made_up_mac(std::string_view instance, std::string_view port);

} // namespace systole::dataplane
