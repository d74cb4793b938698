// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ctnetlink messages <-> SessionRecord. The order of what is written is that of the kernel's enumerations.
#include "control/sessions/conntrack_message.h"

#include "control/sessions/netlink_attributes.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>
#include <string_view>

namespace systole::control {

namespace {

using core::ExpectedNat;
using core::FlowTuple;
using core::IpBytes;
using core::SessionHelper;
using core::SessionKey;
using core::SessionRecord;
using core::TcpState;

// In the order of SessionHelper. The kernel has three helpers for H.323; the others' sessions do without.
constexpr std::array<const char *, 11> helper_names{"",     "ftp",    "tftp", "sip",        "Q.931", "irc",
						    "pptp", "amanda", "snmp", "netbios-ns", "sane"};
// In the order of ExpectedNat.
constexpr std::array<const char *, 3> nat_functions{"", "nat-follow-master", "sip"};
constexpr std::uint8_t shared_tcp_flags = IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM;
constexpr std::uint8_t max_tcp_state = 9; // syn_sent2

SessionHelper helper_of(std::string_view name)
{
	// A helper for another port than the usual one is called "ftp-2121".
	const std::string_view family = name.substr(0, name == "netbios-ns" ? name.size() : name.find('-'));
	for (std::size_t i = 1; i < helper_names.size(); ++i)
		if (family == helper_names[i])
			return static_cast<SessionHelper>(i);
	return SessionHelper::none;
}

bool is_icmp(std::uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

bool has_ports(std::uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

// ---- reading

struct ReadTuple {
	FlowTuple flow;
	std::uint8_t protocol = 0;
	std::uint8_t family = 0;
	bool own_zone = false; // a zone of this direction alone
};

template <std::size_t size> void read_address(const nlattr &attribute, IpBytes &address)
{
	const auto bytes = attribute_value<std::array<std::byte, size>>(attribute);
	std::memcpy(address.data(), bytes.data(), size);
}

bool read_addresses(const nlattr &nest, ReadTuple &tuple)
{
	unsigned found = 0;
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		const std::uint16_t type = attribute_type(attribute);
		switch (type) {
		case CTA_IP_V4_SRC: read_address<4>(attribute, tuple.flow.source); break;
		case CTA_IP_V4_DST: read_address<4>(attribute, tuple.flow.destination); break;
		case CTA_IP_V6_SRC: read_address<16>(attribute, tuple.flow.source); break;
		case CTA_IP_V6_DST: read_address<16>(attribute, tuple.flow.destination); break;
		default: continue;
		}
		found |= 1U << type;
	}
	tuple.family = found == (1U << CTA_IP_V4_SRC | 1U << CTA_IP_V4_DST) ? 4 : 6;
	return tuple.family == 4 || found == (1U << CTA_IP_V6_SRC | 1U << CTA_IP_V6_DST);
}

bool read_protocol(const nlattr &nest, ReadTuple &tuple)
{
	std::optional<std::uint8_t> protocol;
	std::uint8_t type = 0;
	std::uint8_t code = 0;
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		switch (attribute_type(attribute)) {
		case CTA_PROTO_NUM: protocol = attribute_value<std::uint8_t>(attribute); break;
		case CTA_PROTO_SRC_PORT:
		case CTA_PROTO_ICMP_ID:
		case CTA_PROTO_ICMPV6_ID:
			tuple.flow.source_port = ntohs(attribute_value<std::uint16_t>(attribute));
			break;
		case CTA_PROTO_DST_PORT:
			tuple.flow.destination_port = ntohs(attribute_value<std::uint16_t>(attribute));
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE: type = attribute_value<std::uint8_t>(attribute); break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE: code = attribute_value<std::uint8_t>(attribute); break;
		default: break;
		}
	}
	if (!protocol)
		return false;
	tuple.protocol = *protocol;
	if (is_icmp(*protocol))
		tuple.flow.destination_port = static_cast<std::uint16_t>(type << 8 | code);
	return true;
}

bool read_tuple(const nlattr &nest, ReadTuple &tuple)
{
	bool addresses = false;
	bool protocol = false;
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		switch (attribute_type(attribute)) {
		case CTA_TUPLE_IP: addresses = read_addresses(attribute, tuple); break;
		case CTA_TUPLE_PROTO: protocol = read_protocol(attribute, tuple); break;
		case CTA_TUPLE_ZONE: tuple.own_zone = true; break;
		default: break;
		}
	}
	return addresses && protocol;
}

bool read_tcp(const nlattr &nest, SessionRecord &record)
{
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		switch (attribute_type(attribute)) {
		case CTA_PROTOINFO_TCP_STATE: {
			const auto state = attribute_value<std::uint8_t>(attribute);
			if (state > max_tcp_state)
				return false;
			record.tcp_state = static_cast<TcpState>(state);
			break;
		}
		case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
			record.tcp_window_scale[0] = attribute_value<std::uint8_t>(attribute);
			break;
		case CTA_PROTOINFO_TCP_WSCALE_REPLY:
			record.tcp_window_scale[1] = attribute_value<std::uint8_t>(attribute);
			break;
		case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
			record.tcp_flags[0] = attribute_value<nf_ct_tcp_flags>(attribute).flags & shared_tcp_flags;
			break;
		case CTA_PROTOINFO_TCP_FLAGS_REPLY:
			record.tcp_flags[1] = attribute_value<nf_ct_tcp_flags>(attribute).flags & shared_tcp_flags;
			break;
		default: break;
		}
	}
	return record.tcp_window_scale[0] <= 14 && record.tcp_window_scale[1] <= 14;
}

// False: there is state, but of another protocol than TCP.
bool read_protocol_state(const nlattr &nest, SessionRecord &record, bool &readable)
{
	for (const nlattr &attribute : NetlinkAttributes(nest))
		if (attribute_type(attribute) == CTA_PROTOINFO_TCP) {
			readable = read_tcp(attribute, record) && readable;
			return true;
		}
	return false;
}

std::string_view text_in(const nlattr &attribute)
{
	const std::span<const std::byte> bytes = attribute_bytes(attribute);
	const auto *text = reinterpret_cast<const char *>(bytes.data());
	return {text, strnlen(text, bytes.size())};
}

SessionHelper read_helper(const nlattr &nest)
{
	for (const nlattr &attribute : NetlinkAttributes(nest))
		if (attribute_type(attribute) == CTA_HELP_NAME)
			return helper_of(text_in(attribute));
	return SessionHelper::none;
}

core::SequenceAdjustment read_adjustment(const nlattr &nest)
{
	core::SequenceAdjustment adjustment;
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		const std::uint32_t value = ntohl(attribute_value<std::uint32_t>(attribute));
		switch (attribute_type(attribute)) {
		case CTA_SEQADJ_CORRECTION_POS: adjustment.correction_at = value; break;
		case CTA_SEQADJ_OFFSET_BEFORE: adjustment.offset_before = std::bit_cast<std::int32_t>(value); break;
		case CTA_SEQADJ_OFFSET_AFTER: adjustment.offset_after = std::bit_cast<std::int32_t>(value); break;
		default: break;
		}
	}
	return adjustment;
}

// ---- reading expectations

// What an expectation's tuple says where its mask is all ones; where it is all zeros, zeros. False: neither.
bool read_masked(const ReadTuple &tuple, const ReadTuple &mask, FlowTuple &flow)
{
	flow = tuple.flow;
	const std::size_t size = tuple.family == 6 ? 16 : 4;
	const auto all = [&](std::byte value) {
		return std::all_of(mask.flow.source.begin(),
				   mask.flow.source.begin() + static_cast<std::ptrdiff_t>(size),
				   [value](std::byte part) { return part == value; });
	};
	if (all(std::byte{0}))
		flow.source = {};
	else if (!all(std::byte{0xff}) || flow.source == IpBytes{})
		return false;
	if (mask.flow.source_port == 0)
		flow.source_port = 0;
	else if (mask.flow.source_port != 0xffff || flow.source_port == 0)
		return false;
	return true;
}

bool read_expected_nat(const nlattr &nest, core::Expectation &expectation)
{
	ReadTuple tuple;
	bool whole = false;
	for (const nlattr &attribute : NetlinkAttributes(nest)) {
		switch (attribute_type(attribute)) {
		case CTA_EXPECT_NAT_DIR:
			expectation.of_reply = ntohl(attribute_value<std::uint32_t>(attribute)) != 0;
			break;
		case CTA_EXPECT_NAT_TUPLE: whole = read_tuple(attribute, tuple); break;
		default: break;
		}
	}
	expectation.nat_address = tuple.flow.source;
	expectation.nat_port = tuple.flow.source_port;
	return whole;
}

bool read_function(const nlattr &attribute, ExpectedNat &nat)
{
	const auto *found = std::ranges::find(nat_functions, text_in(attribute));
	nat = found == nat_functions.end() ? ExpectedNat::none
					   : static_cast<ExpectedNat>(found - nat_functions.begin());
	return nat != ExpectedNat::none;
}

// Their expectations are what is told of them, and nothing else. Of others a session would come that its helper does not
// know how to go on with.
bool can_be_told(SessionHelper helper)
{
	switch (helper) {
	case SessionHelper::ftp:
	case SessionHelper::tftp:
	case SessionHelper::sip:
	case SessionHelper::irc:
	case SessionHelper::amanda:
	case SessionHelper::netbios:
	case SessionHelper::sane: return true;
	case SessionHelper::none:
	case SessionHelper::h323:
	case SessionHelper::pptp:
	case SessionHelper::snmp: break;
	}
	return false;
}

bool is_tcp_or_udp(std::uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

// ---- writing

NetlinkWriter begin(char *buffer, std::uint8_t type, std::uint8_t family, std::uint16_t flags,
		    std::uint8_t subsystem = NFNL_SUBSYS_CTNETLINK)
{
	NetlinkWriter message(buffer, static_cast<std::uint16_t>(subsystem << 8 | type),
			      static_cast<std::uint16_t>(NLM_F_REQUEST | flags));
	nfgenmsg extra{};
	extra.nfgen_family = family == 0 ? AF_UNSPEC : family == 4 ? AF_INET : AF_INET6;
	extra.version = NFNETLINK_V0;
	message.append(extra);
	return message;
}

std::size_t end(const NetlinkWriter &message)
{
	const std::size_t length = message.finish();
	assert(length <= max_conntrack_message);
	return length;
}

using Ipv4Bytes = std::array<std::byte, 4>;

void put_address(NetlinkWriter &message, std::uint16_t type, std::uint16_t type6, const IpBytes &address, bool v6)
{
	if (v6)
		return message.put(type6, address);
	Ipv4Bytes v4;
	std::copy_n(address.begin(), v4.size(), v4.begin());
	message.put(type, v4);
}

void put_tuple(NetlinkWriter &message, std::uint16_t type, const FlowTuple &flow, const SessionKey &key)
{
	const bool v6 = key.family == 6;
	char *tuple = message.begin_nest(type);
	char *addresses = message.begin_nest(CTA_TUPLE_IP);
	put_address(message, CTA_IP_V4_SRC, CTA_IP_V6_SRC, flow.source, v6);
	put_address(message, CTA_IP_V4_DST, CTA_IP_V6_DST, flow.destination, v6);
	message.end_nest(addresses);
	char *protocol = message.begin_nest(CTA_TUPLE_PROTO);
	message.put(CTA_PROTO_NUM, key.protocol);
	if (is_icmp(key.protocol)) {
		const bool icmp6 = key.protocol == IPPROTO_ICMPV6;
		message.put(icmp6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, htons(flow.source_port));
		message.put(icmp6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE,
			    static_cast<std::uint8_t>(flow.destination_port >> 8));
		message.put(icmp6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE,
			    static_cast<std::uint8_t>(flow.destination_port));
	} else if (has_ports(key.protocol) || key.protocol == IPPROTO_GRE) {
		message.put(CTA_PROTO_SRC_PORT, htons(flow.source_port));
		message.put(CTA_PROTO_DST_PORT, htons(flow.destination_port));
	}
	message.end_nest(protocol);
	message.end_nest(tuple);
}

void put_key(NetlinkWriter &message, const SessionKey &key)
{
	put_tuple(message, CTA_TUPLE_ORIG, key.original, key);
}

void put_zone(NetlinkWriter &message, const SessionKey &key)
{
	if (key.zone != 0)
		message.put(CTA_ZONE, htons(key.zone));
}

void put_status(NetlinkWriter &message, const SessionRecord &record)
{
	std::uint32_t status = IPS_CONFIRMED;
	if (record.seen_reply)
		status |= IPS_SEEN_REPLY;
	if (record.assured)
		status |= IPS_ASSURED;
	message.put(CTA_STATUS, htonl(status));
}

void put_protocol_state(NetlinkWriter &message, const SessionRecord &record)
{
	if (record.key.protocol != IPPROTO_TCP)
		return;
	char *information = message.begin_nest(CTA_PROTOINFO);
	char *tcp = message.begin_nest(CTA_PROTOINFO_TCP);
	message.put(CTA_PROTOINFO_TCP_STATE, static_cast<std::uint8_t>(record.tcp_state));
	message.put(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, record.tcp_window_scale[0]);
	message.put(CTA_PROTOINFO_TCP_WSCALE_REPLY, record.tcp_window_scale[1]);
	for (const std::size_t direction : {0U, 1U}) {
		nf_ct_tcp_flags flags{};
		flags.flags = static_cast<std::uint8_t>(record.tcp_flags[direction] | IP_CT_TCP_FLAG_BE_LIBERAL);
		flags.mask = shared_tcp_flags | IP_CT_TCP_FLAG_BE_LIBERAL;
		message.put(direction == 0 ? CTA_PROTOINFO_TCP_FLAGS_ORIGINAL : CTA_PROTOINFO_TCP_FLAGS_REPLY, flags);
	}
	message.end_nest(tcp);
	message.end_nest(information);
}

void put_helper(NetlinkWriter &message, const SessionRecord &record)
{
	if (record.helper == SessionHelper::none)
		return;
	char *nest = message.begin_nest(CTA_HELP);
	message.put_text(CTA_HELP_NAME, helper_names[static_cast<std::size_t>(record.helper)]);
	message.end_nest(nest);
}

void put_adjustments(NetlinkWriter &message, const SessionRecord &record)
{
	for (const std::size_t direction : {0U, 1U}) {
		const core::SequenceAdjustment &adjustment = record.adjustment[direction];
		if (adjustment == core::SequenceAdjustment{})
			continue;
		char *nest = message.begin_nest(direction == 0 ? CTA_SEQ_ADJ_ORIG : CTA_SEQ_ADJ_REPLY);
		message.put(CTA_SEQADJ_CORRECTION_POS, htonl(adjustment.correction_at));
		message.put(CTA_SEQADJ_OFFSET_BEFORE, htonl(std::bit_cast<std::uint32_t>(adjustment.offset_before)));
		message.put(CTA_SEQADJ_OFFSET_AFTER, htonl(std::bit_cast<std::uint32_t>(adjustment.offset_after)));
		message.end_nest(nest);
	}
}

void put_nat(NetlinkWriter &message, std::uint16_t type, const IpBytes &address, std::optional<std::uint16_t> port,
	     bool v6)
{
	char *nest = message.begin_nest(type);
	put_address(message, CTA_NAT_V4_MINIP, CTA_NAT_V6_MINIP, address, v6);
	if (port) {
		char *protocol = message.begin_nest(CTA_NAT_PROTO);
		message.put(CTA_PROTONAT_PORT_MIN, htons(*port));
		message.end_nest(protocol);
	}
	message.end_nest(nest);
}

// Both, whichever is at work: the kernel would make up the other one, and might pick another port.
void put_nats(NetlinkWriter &message, const SessionRecord &record)
{
	const bool v6 = record.key.family == 6;
	std::optional<std::uint16_t> source_port;
	std::optional<std::uint16_t> destination_port;
	if (has_ports(record.key.protocol)) {
		source_port = record.reply.destination_port;
		destination_port = record.reply.source_port;
	} else if (is_icmp(record.key.protocol)) {
		source_port = record.reply.source_port; // the identifier
	}
	put_nat(message, CTA_NAT_SRC, record.reply.destination, source_port, v6);
	put_nat(message, CTA_NAT_DST, record.reply.source, destination_port, v6);
}

// The reply tuple as it would be if there were no NAT.
FlowTuple plain_reply(const SessionRecord &record)
{
	const FlowTuple &original = record.key.original;
	if (is_icmp(record.key.protocol)) // the type of the answer is that of the true reply
		return {original.destination, original.source, original.source_port, record.reply.destination_port};
	return {original.destination, original.source, original.destination_port, original.source_port};
}

} // namespace

ConntrackReading read_conntrack(const nlmsghdr &header, SessionRecord &record)
{
	record = {};
	if (header.nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK || header.nlmsg_len < sizeof(nlmsghdr) + sizeof(nfgenmsg))
		return ConntrackReading::unreadable;
	ReadTuple original;
	ReadTuple reply;
	bool has_original = false;
	bool has_reply = false;
	bool has_state = false;
	bool has_adjustment = false;
	bool readable = true;
	std::uint32_t status = 0;
	for (const nlattr &attribute : NetlinkAttributes(header, sizeof(nfgenmsg))) {
		switch (attribute_type(attribute)) {
		case CTA_TUPLE_ORIG: has_original = read_tuple(attribute, original); break;
		case CTA_TUPLE_REPLY: has_reply = read_tuple(attribute, reply); break;
		case CTA_STATUS: status = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_PROTOINFO: has_state = read_protocol_state(attribute, record, readable); break;
		case CTA_HELP: record.helper = read_helper(attribute); break;
		case CTA_TIMEOUT: record.timeout_s = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_MARK: record.mark = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_ZONE: record.key.zone = ntohs(attribute_value<std::uint16_t>(attribute)); break;
		case CTA_SEQ_ADJ_ORIG:
			record.adjustment[0] = read_adjustment(attribute);
			has_adjustment = true;
			break;
		case CTA_SEQ_ADJ_REPLY:
			record.adjustment[1] = read_adjustment(attribute);
			has_adjustment = true;
			break;
		default: break;
		}
	}
	// A zone for one direction alone has no place in a record; NAT between families is not in the kernel's tracking.
	if (!has_original || !has_reply || !readable || original.own_zone || reply.own_zone ||
	    original.family != reply.family || original.protocol != reply.protocol)
		return ConntrackReading::unreadable;
	record.key.original = original.flow;
	record.key.protocol = original.protocol;
	record.key.family = original.family;
	record.reply = reply.flow;
	record.seen_reply = (status & IPS_SEEN_REPLY) != 0;
	record.assured = (status & IPS_ASSURED) != 0;
	if ((header.nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE)
		return ConntrackReading::ended;
	if ((status & IPS_TEMPLATE) != 0 || (status & IPS_DYING) != 0 || (status & IPS_CONFIRMED) == 0)
		return ConntrackReading::passed;
	if ((record.key.protocol == IPPROTO_TCP && !has_state) || ((status & IPS_SEQ_ADJUST) != 0 && !has_adjustment))
		return ConntrackReading::partial;
	return ConntrackReading::whole;
}

std::size_t write_create(char *buffer, const SessionRecord &record, std::uint32_t timeout_s, WithHelper helper)
{
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_NEW, record.key.family, NLM_F_CREATE | NLM_F_EXCL);
	const bool nat = record.source_nat() || record.destination_nat();
	put_key(message, record.key);
	put_tuple(message, CTA_TUPLE_REPLY, nat ? plain_reply(record) : record.reply, record.key);
	put_status(message, record);
	put_protocol_state(message, record);
	if (helper == WithHelper::yes)
		put_helper(message, record);
	message.put(CTA_TIMEOUT, htonl(timeout_s));
	if (record.mark != 0)
		message.put(CTA_MARK, htonl(record.mark));
	if (nat)
		put_nats(message, record);
	put_adjustments(message, record);
	put_zone(message, record.key);
	return end(message);
}

std::size_t write_update(char *buffer, const SessionRecord &record, std::uint32_t timeout_s, WithHelper helper)
{
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_NEW, record.key.family, 0);
	put_key(message, record.key);
	put_status(message, record);
	put_protocol_state(message, record);
	if (helper == WithHelper::yes)
		put_helper(message, record);
	message.put(CTA_TIMEOUT, htonl(timeout_s));
	message.put(CTA_MARK, htonl(record.mark));
	put_adjustments(message, record);
	put_zone(message, record.key);
	return end(message);
}

std::size_t write_timeout(char *buffer, const SessionKey &key, std::uint32_t timeout_s)
{
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_NEW, key.family, 0);
	put_key(message, key);
	message.put(CTA_TIMEOUT, htonl(timeout_s));
	put_zone(message, key);
	return end(message);
}

// A request to remove that names no tuple would empty the whole table.
std::size_t write_remove(char *buffer, const SessionKey &key)
{
	if (key.kind == core::SessionKind::expectation) {
		NetlinkWriter message = begin(buffer, IPCTNL_MSG_EXP_DELETE, key.family, 0, NFNL_SUBSYS_CTNETLINK_EXP);
		put_tuple(message, CTA_EXPECT_TUPLE, key.original, key);
		if (key.zone != 0)
			message.put(CTA_EXPECT_ZONE, htons(key.zone));
		return end(message);
	}
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_DELETE, key.family, 0);
	put_key(message, key);
	put_zone(message, key);
	return end(message);
}

std::size_t write_remove_reply(char *buffer, const SessionRecord &record)
{
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_DELETE, record.key.family, 0);
	put_tuple(message, CTA_TUPLE_REPLY, record.reply, record.key);
	put_zone(message, record.key);
	return end(message);
}

std::size_t write_get(char *buffer, const SessionKey &key)
{
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_CT_GET, key.family, 0);
	put_key(message, key);
	put_zone(message, key);
	return end(message);
}

std::size_t write_dump(char *buffer)
{
	return end(begin(buffer, IPCTNL_MSG_CT_GET, 0, NLM_F_DUMP));
}

bool is_about_expectations(const nlmsghdr &header)
{
	return header.nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP;
}

ConntrackReading read_expectation(const nlmsghdr &header, SessionRecord &record)
{
	record = {};
	record.key.kind = core::SessionKind::expectation;
	if (!is_about_expectations(header) || header.nlmsg_len < sizeof(nlmsghdr) + sizeof(nfgenmsg))
		return ConntrackReading::unreadable;
	core::Expectation &expectation = record.expectation;
	ReadTuple tuple;
	ReadTuple mask;
	ReadTuple master;
	bool has_tuple = false;
	bool has_mask = false;
	bool has_master = false;
	bool readable = true;
	bool known = true;
	std::uint32_t flags = 0;
	std::uint32_t policy = 0;
	for (const nlattr &attribute : NetlinkAttributes(header, sizeof(nfgenmsg))) {
		switch (attribute_type(attribute)) {
		case CTA_EXPECT_MASTER: has_master = read_tuple(attribute, master); break;
		case CTA_EXPECT_TUPLE: has_tuple = read_tuple(attribute, tuple); break;
		case CTA_EXPECT_MASK: has_mask = read_tuple(attribute, mask); break;
		case CTA_EXPECT_TIMEOUT: record.timeout_s = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_EXPECT_HELP_NAME: record.helper = helper_of(text_in(attribute)); break;
		case CTA_EXPECT_ZONE: record.key.zone = ntohs(attribute_value<std::uint16_t>(attribute)); break;
		case CTA_EXPECT_FLAGS: flags = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_EXPECT_CLASS: policy = ntohl(attribute_value<std::uint32_t>(attribute)); break;
		case CTA_EXPECT_NAT: readable = read_expected_nat(attribute, expectation) && readable; break;
		case CTA_EXPECT_FN: known = read_function(attribute, expectation.nat); break;
		default: break;
		}
	}
	if (!has_tuple || !has_mask || !has_master || !readable || mask.family != tuple.family ||
	    master.family != tuple.family)
		return ConntrackReading::unreadable;
	if (!read_masked(tuple, mask, record.key.original))
		return ConntrackReading::passed;
	record.key.protocol = tuple.protocol;
	record.key.family = tuple.family;
	expectation.master = master.flow;
	expectation.master_protocol = master.protocol;
	expectation.policy = static_cast<std::uint8_t>(policy);
	expectation.permanent = (flags & NF_CT_EXPECT_PERMANENT) != 0;
	expectation.inactive = (flags & NF_CT_EXPECT_INACTIVE) != 0;
	if ((header.nlmsg_type & 0xff) == IPCTNL_MSG_EXP_DELETE)
		return ConntrackReading::ended;
	if (!known || policy != expectation.policy || (flags & NF_CT_EXPECT_USERSPACE) != 0 ||
	    !can_be_told(record.helper) || !is_tcp_or_udp(tuple.protocol) || !is_tcp_or_udp(master.protocol) ||
	    !core::fits(record))
		return ConntrackReading::passed;
	return ConntrackReading::whole;
}

std::size_t write_expectation(char *buffer, const SessionRecord &record, std::uint32_t timeout_s, Create create)
{
	const SessionKey &key = record.key;
	const core::Expectation &expectation = record.expectation;
	NetlinkWriter message = begin(buffer, IPCTNL_MSG_EXP_NEW, key.family,
				      create == Create::yes ? NLM_F_CREATE | NLM_F_EXCL : 0, NFNL_SUBSYS_CTNETLINK_EXP);
	const SessionKey master = record.master();
	put_tuple(message, CTA_EXPECT_MASTER, master.original, master);
	put_tuple(message, CTA_EXPECT_TUPLE, key.original, key);
	FlowTuple mask;
	if (key.original.source != IpBytes{})
		mask.source.fill(std::byte{0xff});
	mask.destination.fill(std::byte{0xff});
	mask.source_port = key.original.source_port != 0 ? 0xffff : 0;
	mask.destination_port = 0xffff;
	put_tuple(message, CTA_EXPECT_MASK, mask, key);
	message.put(CTA_EXPECT_TIMEOUT, htonl(timeout_s));
	// The kernel names the helper of the master, but takes the name for that of the new session. SIP's have the same;
	// FTP's and others' have none, or somebody's data would be read as commands.
	if (record.helper == SessionHelper::sip)
		message.put_text(CTA_EXPECT_HELP_NAME, helper_names[static_cast<std::size_t>(record.helper)]);
	if (key.zone != 0)
		message.put(CTA_EXPECT_ZONE, htons(key.zone));
	message.put(CTA_EXPECT_FLAGS, htonl((expectation.permanent ? std::uint32_t{NF_CT_EXPECT_PERMANENT} : 0U) |
					    (expectation.inactive ? std::uint32_t{NF_CT_EXPECT_INACTIVE} : 0U)));
	message.put(CTA_EXPECT_CLASS, htonl(std::uint32_t{expectation.policy}));
	if (expectation.nat_address != IpBytes{} || expectation.nat_port != 0) {
		char *nest = message.begin_nest(CTA_EXPECT_NAT);
		message.put(CTA_EXPECT_NAT_DIR, htonl(expectation.of_reply ? 1U : 0U));
		put_tuple(message, CTA_EXPECT_NAT_TUPLE, {expectation.nat_address, {}, expectation.nat_port, 0},
			  master);
		message.end_nest(nest);
	}
	if (expectation.nat != ExpectedNat::none)
		message.put_text(CTA_EXPECT_FN, nat_functions[static_cast<std::size_t>(expectation.nat)]);
	return end(message);
}

std::size_t write_expectation_dump(char *buffer)
{
	return end(begin(buffer, IPCTNL_MSG_EXP_GET, 0, NLM_F_DUMP, NFNL_SUBSYS_CTNETLINK_EXP));
}

} // namespace systole::control
