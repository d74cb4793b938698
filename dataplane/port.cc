// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/port.h"

#include "dataplane/frame.h"

#include <rte_errno.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace systole::dataplane {

namespace {

constexpr std::uint16_t wanted_descriptors = 512;
constexpr unsigned mempool_cache = 128;
// Queues behind the ethdev that its descriptor count does not show: af_packet holds 512 frames, af_xdp and memif 2048.
constexpr std::uint32_t hidden_queue_frames = 2048;

std::string cause_of(int result)
{
	return rte_strerror(result < 0 ? -result : rte_errno);
}

} // namespace

core::MacAddress made_up_mac(std::string_view instance, std::string_view port)
{
	std::uint64_t hash = 14695981039346656037ULL; // FNV-1a
	const auto mix = [&hash](std::string_view text) {
		for (const char c : text)
			hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
		hash *= 1099511628211ULL;
	};
	mix(instance);
	mix(port);
	core::MacAddress mac{0x02};
	for (std::size_t i = 1; i < mac.size(); ++i, hash >>= 8)
		mac[i] = static_cast<std::uint8_t>(hash);
	return mac;
}

std::unique_ptr<Port> Port::open(const PortSpec &spec, std::string &error)
{
	std::unique_ptr<Port> port(new Port(spec));
	if (!port->bring_up(error) && !(spec.may_start_later && port->m_prepared))
		return nullptr;
	port->look_at_gate();
	return port;
}

bool Port::prepare(std::string &error)
{
	const auto failed = [&](const std::string &what) {
		error = "port \"" + m_spec.name + "\" (" + m_spec.ethdev + "): " + what;
		return false;
	};
	if (rte_eth_dev_get_port_by_name(m_spec.ethdev.c_str(), &m_id) != 0)
		return failed("the driver could not make the device; check `set device`, rights and driver");

	rte_eth_dev_info info{};
	if (const int result = rte_eth_dev_info_get(m_id, &info); result != 0)
		return failed("cannot be asked for its limits: " + cause_of(result));

	const std::string pool_name = "systole_" + std::to_string(m_id);
	m_pool = rte_pktmbuf_pool_create(pool_name.c_str(), static_cast<unsigned>(m_spec.mbufs), mempool_cache, 0,
					 RTE_MBUF_DEFAULT_BUF_SIZE, rte_eth_dev_socket_id(m_id));
	if (m_pool == nullptr)
		return failed("no memory for " + std::to_string(m_spec.mbufs) +
			      " packet buffers; give EAL more with -m");

	rte_eth_conf configuration{};
	if (const int result = rte_eth_dev_configure(m_id, 1, 1, &configuration); result != 0)
		return failed("refuses one rx and one tx queue: " + cause_of(result));
	m_configured = true;
	std::uint16_t rx_descriptors = wanted_descriptors;
	std::uint16_t tx_descriptors = wanted_descriptors;
	if (const int result = rte_eth_dev_adjust_nb_rx_tx_desc(m_id, &rx_descriptors, &tx_descriptors); result != 0)
		return failed("has no acceptable queue length: " + cause_of(result));
	const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(m_id));
	if (const int result = rte_eth_rx_queue_setup(m_id, 0, rx_descriptors, socket, nullptr, m_pool); result != 0)
		return failed("rx queue: " + cause_of(result));
	if (const int result = rte_eth_tx_queue_setup(m_id, 0, tx_descriptors, socket, nullptr); result != 0)
		return failed("tx queue: " + cause_of(result));

	std::uint16_t mtu = 0;
	m_max_frame_bytes =
		ethernet_bytes + (rte_eth_dev_get_mtu(m_id, &mtu) == 0 && mtu != 0 ? mtu : std::uint16_t{1500});
	m_queue_frames = std::max<std::uint32_t>(rx_descriptors, hidden_queue_frames);
	m_prepared = true;
	return true;
}

bool Port::bring_up(std::string &error)
{
	assert(m_gate.is_closed());
	if (!prepare(error))
		return false;
	core::MacAddress mac{};
	rte_ether_addr address{};
	if (rte_eth_macaddr_get(m_id, &address) == 0)
		std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), mac.begin());
	if (m_mac == core::MacAddress{})
		m_mac = mac != core::MacAddress{} ? mac : m_spec.own_mac;
	else if (mac != m_mac)
		(void)rte_eth_promiscuous_enable(m_id); // peers write to the address we had

	if (const int result = rte_eth_dev_start(m_id); result != 0) {
		error = "port \"" + m_spec.name + "\" (" + m_spec.ethdev + "): does not start: " + cause_of(result);
		return false;
	}
	m_gate.open();
	return true;
}

bool Port::start_again()
{
	assert(m_gate.is_closed());
	(void)rte_eth_dev_stop(m_id); // it may be stopped already
	if (rte_eth_dev_start(m_id) != 0)
		return false;
	m_gate.open();
	return true;
}

bool Port::has_link() const
{
	rte_eth_link link{};
	return rte_eth_link_get_nowait(m_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void Port::take_down()
{
	if (m_configured) {
		(void)rte_eth_dev_stop(m_id);
		(void)rte_eth_dev_close(m_id);
	}
	rte_mempool_free(m_pool);
	m_pool = nullptr;
	m_configured = false;
	m_prepared = false;
}

Port::~Port()
{
	take_down();
}

} // namespace systole::dataplane
