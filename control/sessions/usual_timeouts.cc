// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How long the kernel lets a session live after a packet.
#include "control/sessions/usual_timeouts.h"

#include <netinet/in.h>

#include <fstream>
#include <string>

namespace systole::control {

namespace {

void read_setting(const std::string &name, std::uint32_t &value)
{
	std::ifstream file("/proc/sys/net/netfilter/nf_conntrack_" + name);
	std::uint32_t read = 0;
	if (file >> read)
		value = read;
}

} // namespace

void UsualTimeouts::read()
{
	// In the order of TcpState. `none` has no setting; the kernel gives a second SYN the time of the first.
	constexpr std::array<const char *, 9> states{"",           "syn_sent", "syn_recv",  "established", "fin_wait",
						     "close_wait", "last_ack", "time_wait", "close"};
	for (std::size_t i = 1; i < states.size(); ++i)
		read_setting(std::string("tcp_timeout_") + states[i], m_tcp[i]);
	m_tcp[static_cast<std::size_t>(core::TcpState::syn_sent2)] = m_tcp[1];
	read_setting("udp_timeout", m_udp[0]);
	read_setting("udp_timeout_stream", m_udp[1]);
	read_setting("gre_timeout", m_gre[0]);
	read_setting("gre_timeout_stream", m_gre[1]);
	read_setting("icmp_timeout", m_icmp);
	read_setting("icmpv6_timeout", m_icmp6);
	read_setting("generic_timeout", m_generic);
}

std::uint32_t UsualTimeouts::of(const core::SessionRecord &record) const
{
	switch (record.key.protocol) {
	case IPPROTO_TCP: return m_tcp[static_cast<std::size_t>(record.tcp_state)];
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: return m_udp[record.assured ? 1 : 0];
	case IPPROTO_GRE: return m_gre[record.assured ? 1 : 0];
	case IPPROTO_ICMP: return m_icmp;
	case IPPROTO_ICMPV6: return m_icmp6;
	default: return m_generic;
	}
}

} // namespace systole::control
