// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sessions by few words, and a listener that keeps what it is told as the engine does.
#pragma once

#include "control/sessions/session_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace systole::core {

inline std::string text_of(const IpBytes &address, std::uint8_t family)
{
	char text[INET6_ADDRSTRLEN];
	return inet_ntop(family == 6 ? AF_INET6 : AF_INET, address.data(), text, sizeof(text));
}

inline std::string text_of(const FlowTuple &flow, std::uint8_t family)
{
	return text_of(flow.source, family) + " " + std::to_string(flow.source_port) + " > " +
	       text_of(flow.destination, family) + " " + std::to_string(flow.destination_port);
}

inline std::ostream &operator<<(std::ostream &out, const SessionKey &key)
{
	return out << "protocol " << unsigned{key.protocol} << " zone " << key.zone << " "
		   << text_of(key.original, key.family) << (key.kind == SessionKind::expectation ? " expected" : "");
}

inline std::ostream &operator<<(std::ostream &out, const SessionRecord &record)
{
	out << record.key << ", reply " << text_of(record.reply, record.key.family) << ", mark " << record.mark
	    << " seen_reply " << record.seen_reply << " assured " << record.assured << " state "
	    << static_cast<int>(record.tcp_state) << " flags " << unsigned{record.tcp_flags[0]} << "/"
	    << unsigned{record.tcp_flags[1]} << " scale " << unsigned{record.tcp_window_scale[0]} << "/"
	    << unsigned{record.tcp_window_scale[1]} << " helper " << static_cast<int>(record.helper) << " timeout "
	    << record.timeout_s;
	if (record.is_expectation())
		out << " master " << record.master() << " NAT "
		    << text_of(record.expectation.nat_address, record.key.family) << " " << record.expectation.nat_port
		    << " of reply " << record.expectation.of_reply << " by " << static_cast<int>(record.expectation.nat)
		    << " policy " << unsigned{record.expectation.policy} << " permanent "
		    << record.expectation.permanent << " inactive " << record.expectation.inactive;
	for (const SequenceAdjustment &adjustment : record.adjustment)
		out << " adjustment " << adjustment.correction_at << " " << adjustment.offset_before << " "
		    << adjustment.offset_after;
	return out;
}

} // namespace systole::core

namespace systole::control::test {

using core::IpBytes;
using core::SessionKey;
using core::SessionRecord;
using core::TcpState;

inline IpBytes address(const std::string &text)
{
	IpBytes bytes{};
	const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
	if (inet_pton(family, text.c_str(), bytes.data()) != 1)
		throw std::invalid_argument(text);
	return bytes;
}

inline SessionRecord session(std::uint8_t protocol, const std::string &source, std::uint16_t source_port,
			     const std::string &destination, std::uint16_t destination_port)
{
	SessionRecord record;
	record.key.protocol = protocol;
	record.key.family = source.find(':') == std::string::npos ? 4 : 6;
	record.key.original = {address(source), address(destination), source_port, destination_port};
	record.reply = {address(destination), address(source), destination_port, source_port};
	record.seen_reply = true;
	record.timeout_s = 600;
	if (protocol == IPPROTO_TCP) {
		record.assured = true;
		record.tcp_state = TcpState::established;
		record.tcp_flags = {3, 3};
		record.tcp_window_scale = {7, 9};
		record.timeout_s = 432000;
	}
	return record;
}

// Port numbers of a ping: identifier, and type << 8 | code.
inline SessionRecord ping(const std::string &source, const std::string &destination, std::uint16_t identifier)
{
	const bool v6 = source.find(':') != std::string::npos;
	const std::uint8_t protocol = v6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
	SessionRecord record = session(protocol, source, identifier, destination, 0);
	record.key.original.destination_port = (v6 ? 128 : 8) << 8;
	record.reply.source_port = identifier;
	record.reply.destination_port = (v6 ? 129 : 0) << 8;
	return record;
}

// What FTP's client expects after PASV: from itself, any port.
inline SessionRecord passive_ftp(const SessionRecord &control, std::uint16_t port)
{
	SessionRecord record;
	record.key = control.key;
	record.key.kind = core::SessionKind::expectation;
	record.key.original.source_port = 0;
	record.key.original.destination_port = port;
	record.expectation.master = control.key.original;
	record.expectation.master_protocol = control.key.protocol;
	record.helper = core::SessionHelper::ftp;
	record.timeout_s = 300;
	return record;
}

// After PORT: from the server to what NAT has made of the client, and on to the client.
inline SessionRecord active_ftp(const SessionRecord &control, std::uint16_t port, std::uint16_t client_port)
{
	SessionRecord record = passive_ftp(control, port);
	record.key.original.source = control.reply.source;
	record.key.original.destination = control.reply.destination;
	record.expectation.nat = core::ExpectedNat::follow_master;
	record.expectation.nat_port = client_port;
	record.expectation.of_reply = true;
	return record;
}

struct KeyOrder {
	bool operator()(const SessionKey &one, const SessionKey &other) const
	{
		return std::memcmp(&one, &other, sizeof(one)) < 0;
	}
};
using Sessions = std::map<SessionKey, SessionRecord, KeyOrder>;

class Model : public SessionListener {
public:
	void seen(const SessionRecord &record) override
	{
		orphans += record.is_expectation() && !sessions.contains(record.master()) ? 1 : 0;
		sessions[record.key] = record;
		m_told[record.key] = m_dump;
		story += "+";
	}
	void ended(const SessionKey &key) override
	{
		sessions.erase(key);
		story += "-";
	}
	void dump_began() override
	{
		++m_dump;
		story += "[";
	}
	void dump_ended() override
	{
		std::erase_if(sessions, [this](const auto &entry) { return m_told[entry.first] != m_dump; });
		story += "]";
	}

	Sessions sessions;
	std::string story;       // + seen, - ended, [ ] a dump
	std::size_t orphans = 0; // expectations that were told before their masters

private:
	std::map<SessionKey, int, KeyOrder> m_told;
	int m_dump = 0;
};

// All but the timeouts, which run.
inline bool same(const Sessions &one, const Sessions &other)
{
	return std::ranges::equal(one, other,
				  [](const auto &a, const auto &b) { return a.second.same_state(b.second); });
}

} // namespace systole::control::test
