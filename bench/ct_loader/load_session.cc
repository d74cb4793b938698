// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/ct_loader/load_session.h"

#include <algorithm>
#include <initializer_list>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace systole::ct_loader {

namespace {

constexpr std::uint16_t first_port = 1024;
constexpr std::uint16_t service_port = 443;
constexpr std::uint32_t blocks = most_sessions / sessions_per_block;

Address address(std::initializer_list<std::uint8_t> head, std::uint8_t last, std::size_t size)
{
	Address result{};
	std::ranges::copy(head, result.begin());
	result[size - 1] = last;
	return result;
}

Address client_of(std::uint8_t family, std::uint8_t host)
{
	return family == AF_INET ? address({10, 1, 128}, host, 4) : address({0xfd, 0, 0, 1, 0, 0x80}, host, 16);
}

Address server_of(std::uint8_t family, std::uint8_t host)
{
	return family == AF_INET ? address({203, 0, 113}, host, 4)
				 : address({0x20, 1, 0x0d, 0xb8, 0x01, 0x13}, host, 16);
}

Address gateway_of(std::uint8_t family)
{
	return family == AF_INET ? address({10, 2, 2}, 254, 4) : // of the lab: its WAN cluster addresses
		       address({0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02}, 0x54, 16);
}

} // namespace

std::uint32_t lasting_status(std::uint32_t status)
{
	return status & (IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT | IPS_DST_NAT);
}

Session load_session(std::uint32_t number, std::uint8_t family, bool nat)
{
	const auto host = static_cast<std::uint8_t>(1 + number / sessions_per_block);
	const std::uint32_t slot = number % sessions_per_block;
	Session session;
	session.family = family;
	session.original = {client_of(family, host), server_of(family, host),
			    static_cast<std::uint16_t>(first_port + slot), service_port, IPPROTO_TCP};
	session.reply = {session.original.destination, session.original.source, service_port,
			 session.original.source_port, IPPROTO_TCP};
	session.status = IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED;
	if (nat) {
		session.reply.destination = gateway_of(family);
		// 7 and 60000 have no common divisor: every slot has a port of its own, and hardly ever the client's.
		session.reply.destination_port = static_cast<std::uint16_t>(first_port + slot * 7 % sessions_per_block);
		session.status |= IPS_SRC_NAT;
	}
	session.mark = 1 + number % 0xffff;
	session.tcp_state = tcp_established;
	return session;
}

std::optional<std::uint32_t> number_of(const Session &session)
{
	const Tuple &tuple = session.original;
	const std::size_t last = session.family == AF_INET ? 3 : 15;
	const std::uint8_t host = tuple.destination[last];
	if (host == 0 || host > blocks || tuple.destination != server_of(session.family, host) ||
	    tuple.source != client_of(session.family, host) || tuple.source_port < first_port ||
	    tuple.source_port >= first_port + sessions_per_block || tuple.destination_port != service_port ||
	    tuple.protocol != IPPROTO_TCP)
		return std::nullopt;
	return (host - 1U) * sessions_per_block + tuple.source_port - first_port;
}

bool as_loaded(const Session &session, std::uint32_t number, bool nat)
{
	const Session wanted = load_session(number, session.family, nat);
	return session.original == wanted.original && session.reply == wanted.reply && session.mark == wanted.mark &&
	       session.tcp_state == wanted.tcp_state && lasting_status(session.status) == lasting_status(wanted.status);
}

} // namespace systole::ct_loader
