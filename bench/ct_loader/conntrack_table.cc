// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/ct_loader/conntrack_table.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <system_error>

namespace systole::ct_loader {

namespace {

constexpr std::size_t most_message_bytes = 512; // an IPv6 entry with NAT takes 340
constexpr std::size_t receive_bytes = 1U << 16;
constexpr std::uint32_t lifetime_s = 3600;

constexpr std::uint16_t conntrack_message(std::uint16_t type)
{
	return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8) | type;
}

[[noreturn]] void fail(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

std::size_t address_size(std::uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

void put_tuple(nlmsghdr *message, std::uint16_t type, const Tuple &tuple, std::uint8_t family)
{
	nlattr *whole = mnl_attr_nest_start(message, type);
	nlattr *ip = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	const bool four = family == AF_INET;
	mnl_attr_put(message, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, address_size(family), tuple.source.data());
	mnl_attr_put(message, four ? CTA_IP_V4_DST : CTA_IP_V6_DST, address_size(family), tuple.destination.data());
	mnl_attr_nest_end(message, ip);
	nlattr *protocol = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, tuple.protocol);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(tuple.source_port));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(tuple.destination_port));
	mnl_attr_nest_end(message, protocol);
	mnl_attr_nest_end(message, whole);
}

// The kernel wants the reply as it would be without NAT, and the NAT beside it.
void put_source_nat(nlmsghdr *message, const Session &session)
{
	const bool four = session.family == AF_INET;
	nlattr *nat = mnl_attr_nest_start(message, CTA_NAT_SRC);
	for (const auto type :
	     four ? std::array{CTA_NAT_V4_MINIP, CTA_NAT_V4_MAXIP} : std::array{CTA_NAT_V6_MINIP, CTA_NAT_V6_MAXIP})
		mnl_attr_put(message, static_cast<std::uint16_t>(type), address_size(session.family),
			     session.reply.destination.data());
	nlattr *ports = mnl_attr_nest_start(message, CTA_NAT_PROTO);
	for (const auto type : {CTA_PROTONAT_PORT_MIN, CTA_PROTONAT_PORT_MAX})
		mnl_attr_put_u16(message, static_cast<std::uint16_t>(type), htons(session.reply.destination_port));
	mnl_attr_nest_end(message, ports);
	mnl_attr_nest_end(message, nat);
}

void put_tcp(nlmsghdr *message, std::uint8_t state)
{
	nlattr *whole = mnl_attr_nest_start(message, CTA_PROTOINFO);
	nlattr *tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(message, CTA_PROTOINFO_TCP_STATE, state);
	const nf_ct_tcp_flags flags{.flags = IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_WINDOW_SCALE,
				    .mask = IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_WINDOW_SCALE};
	for (const auto type : {CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY})
		mnl_attr_put(message, static_cast<std::uint16_t>(type), sizeof flags, &flags);
	for (const auto type : {CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, CTA_PROTOINFO_TCP_WSCALE_REPLY})
		mnl_attr_put_u8(message, static_cast<std::uint16_t>(type), 7);
	mnl_attr_nest_end(message, tcp);
	mnl_attr_nest_end(message, whole);
}

// libmnl's loops are macros that are no C++.
template <typename Take> void for_each_attribute(const void *first, std::size_t bytes, Take take)
{
	const auto *attribute = static_cast<const nlattr *>(first);
	for (auto left = static_cast<int>(bytes); mnl_attr_ok(attribute, left);
	     left -= static_cast<int>(MNL_ALIGN(attribute->nla_len)), attribute = mnl_attr_next(attribute))
		take(attribute, mnl_attr_get_type(attribute));
}

template <typename Take> void for_each_nested(const nlattr *nest, Take take)
{
	for_each_attribute(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), take);
}

void read_address(const nlattr *attribute, Address &address)
{
	std::memcpy(address.data(), mnl_attr_get_payload(attribute),
		    std::min<std::size_t>(mnl_attr_get_payload_len(attribute), address.size()));
}

Tuple read_tuple(const nlattr *whole)
{
	Tuple tuple;
	for_each_nested(whole, [&](const nlattr *part, int part_type) {
		if (part_type == CTA_TUPLE_IP) {
			for_each_nested(part, [&](const nlattr *field, int type) {
				if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
					read_address(field, tuple.source);
				else if (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST)
					read_address(field, tuple.destination);
			});
		} else if (part_type == CTA_TUPLE_PROTO) {
			for_each_nested(part, [&](const nlattr *field, int type) {
				if (type == CTA_PROTO_NUM)
					tuple.protocol = mnl_attr_get_u8(field);
				else if (type == CTA_PROTO_SRC_PORT)
					tuple.source_port = ntohs(mnl_attr_get_u16(field));
				else if (type == CTA_PROTO_DST_PORT)
					tuple.destination_port = ntohs(mnl_attr_get_u16(field));
			});
		}
	});
	return tuple;
}

std::uint8_t read_tcp_state(const nlattr *protocol_info)
{
	std::uint8_t state = 0;
	for_each_nested(protocol_info, [&](const nlattr *protocol, int protocol_type) {
		if (protocol_type != CTA_PROTOINFO_TCP)
			return;
		for_each_nested(protocol, [&](const nlattr *field, int type) {
			if (type == CTA_PROTOINFO_TCP_STATE)
				state = mnl_attr_get_u8(field);
		});
	});
	return state;
}

Session read_session(const nlmsghdr *message)
{
	Session session;
	session.family = static_cast<const nfgenmsg *>(mnl_nlmsg_get_payload(message))->nfgen_family;
	const std::size_t offset = MNL_ALIGN(sizeof(nfgenmsg));
	for_each_attribute(mnl_nlmsg_get_payload_offset(message, offset), mnl_nlmsg_get_payload_len(message) - offset,
			   [&](const nlattr *attribute, int type) {
				   switch (type) {
				   case CTA_TUPLE_ORIG: session.original = read_tuple(attribute); break;
				   case CTA_TUPLE_REPLY: session.reply = read_tuple(attribute); break;
				   case CTA_STATUS: session.status = ntohl(mnl_attr_get_u32(attribute)); break;
				   case CTA_MARK: session.mark = ntohl(mnl_attr_get_u32(attribute)); break;
				   case CTA_PROTOINFO: session.tcp_state = read_tcp_state(attribute); break;
				   default: break;
				   }
			   });
	return session;
}

} // namespace

ConntrackTable::ConntrackTable() : m_socket(mnl_socket_open(NETLINK_NETFILTER)), m_in(receive_bytes)
{
	if (m_socket == nullptr)
		fail("netlink socket");
	if (mnl_socket_bind(m_socket, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("netlink bind");
	m_port = mnl_socket_get_portid(m_socket);
}

ConntrackTable::~ConntrackTable()
{
	if (m_socket != nullptr)
		mnl_socket_close(m_socket);
}

nlmsghdr *ConntrackTable::begin(std::uint16_t type, std::uint16_t flags, std::uint8_t family)
{
	m_out.resize(std::max(m_out.size(), m_filled + most_message_bytes));
	nlmsghdr *message = mnl_nlmsg_put_header(m_out.data() + m_filled);
	message->nlmsg_type = conntrack_message(type);
	message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
	message->nlmsg_seq = ++m_sequence;
	auto *const extra = static_cast<nfgenmsg *>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
	*extra = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0};
	return message;
}

void ConntrackTable::append(const Session &session, bool last)
{
	// Without NLM_F_ACK the kernel answers only what it refuses.
	const int flags = NLM_F_CREATE | NLM_F_EXCL | (last ? NLM_F_ACK : 0);
	nlmsghdr *message = begin(IPCTNL_MSG_CT_NEW, static_cast<std::uint16_t>(flags), session.family);
	put_tuple(message, CTA_TUPLE_ORIG, session.original, session.family);
	Tuple plain_reply = session.reply;
	plain_reply.destination = session.original.source;
	plain_reply.destination_port = session.original.source_port;
	put_tuple(message, CTA_TUPLE_REPLY, plain_reply, session.family);
	if (session.reply != plain_reply)
		put_source_nat(message, session);
	mnl_attr_put_u32(message, CTA_STATUS, htonl(session.status & ~static_cast<std::uint32_t>(IPS_NAT_MASK)));
	mnl_attr_put_u32(message, CTA_TIMEOUT, htonl(lifetime_s));
	mnl_attr_put_u32(message, CTA_MARK, htonl(session.mark));
	put_tcp(message, session.tcp_state);
	m_filled += NLMSG_ALIGN(message->nlmsg_len);
}

std::size_t ConntrackTable::create(std::span<const Session> sessions)
{
	m_filled = 0;
	for (std::size_t i = 0; i < sessions.size(); ++i)
		append(sessions[i], i + 1 == sessions.size());
	if (mnl_socket_sendto(m_socket, m_out.data(), m_filled) < 0)
		fail("netlink send");
	std::size_t refused = 0;
	for (;;) {
		const auto size = mnl_socket_recvfrom(m_socket, m_in.data(), m_in.size());
		if (size < 0)
			fail("netlink receive");
		int left = static_cast<int>(size);
		for (auto *message = reinterpret_cast<const nlmsghdr *>(m_in.data()); mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_type != NLMSG_ERROR)
				continue;
			const auto *error = static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(message));
			if (error->error != 0) {
				++refused;
				m_last_errno = -error->error;
			}
			if (message->nlmsg_seq == m_sequence)
				return refused;
		}
	}
}

std::size_t ConntrackTable::dump(std::uint8_t family, const std::function<void(const nlmsghdr *)> &take)
{
	m_filled = 0;
	const nlmsghdr *request = begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	if (mnl_socket_sendto(m_socket, request, request->nlmsg_len) < 0)
		fail("netlink send");
	std::size_t found = 0;
	for (;;) {
		const auto size = mnl_socket_recvfrom(m_socket, m_in.data(), m_in.size());
		if (size < 0)
			fail("netlink receive");
		int left = static_cast<int>(size);
		for (auto *message = reinterpret_cast<const nlmsghdr *>(m_in.data()); mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return found;
			if (message->nlmsg_type == NLMSG_ERROR) {
				const auto *error = static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(message));
				errno = -error->error;
				fail("listing the connection tracking");
			}
			++found;
			take(message);
		}
	}
}

std::size_t ConntrackTable::list(std::uint8_t family, const std::function<void(const Session &)> &take)
{
	return dump(family, [&](const nlmsghdr *message) { take(read_session(message)); });
}

std::size_t ConntrackTable::count(std::uint8_t family)
{
	return dump(family, [](const nlmsghdr *) {});
}

void ConntrackTable::flush()
{
	m_filled = 0;
	const nlmsghdr *request = begin(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_UNSPEC);
	if (mnl_socket_sendto(m_socket, request, request->nlmsg_len) < 0)
		fail("netlink send");
	const auto size = mnl_socket_recvfrom(m_socket, m_in.data(), m_in.size());
	if (size < 0)
		fail("netlink receive");
	const auto *answer = reinterpret_cast<const nlmsghdr *>(m_in.data());
	const auto *error = static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(answer));
	if (answer->nlmsg_type != NLMSG_ERROR || error->error != 0) {
		errno = answer->nlmsg_type == NLMSG_ERROR ? -error->error : EPROTO;
		fail("flushing the connection tracking");
	}
}

} // namespace systole::ct_loader
