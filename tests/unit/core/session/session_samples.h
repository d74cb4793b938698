// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Sessions to try things with: the ordinary ones by name, any number of different ones by number, any possible one by
// chance; and a table with its memory.
#pragma once

#include "control/core/session/session_table.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <new>
#include <random>

namespace systole::core::samples {

inline IpBytes address(std::initializer_list<unsigned> bytes)
{
	IpBytes out{};
	std::size_t i = 0;
	for (const unsigned byte : bytes)
		out[i++] = static_cast<std::byte>(byte);
	return out;
}

// The reply direction without NAT, for protocols with ports.
inline FlowTuple turned_round(const FlowTuple &tuple)
{
	return {tuple.destination, tuple.source, tuple.destination_port, tuple.source_port};
}

inline SessionRecord tcp4()
{
	SessionRecord record;
	record.key.original = {address({10, 1, 1, 2}), address({192, 0, 2, 80}), 40000, 443};
	record.reply = turned_round(record.key.original);
	record.seen_reply = record.assured = true;
	record.tcp_state = TcpState::established;
	record.tcp_flags = {0x03, 0x23};
	record.tcp_window_scale = {7, 9};
	record.timeout_s = 432000;
	return record;
}

inline SessionRecord udp4()
{
	SessionRecord record;
	record.key.original = {address({10, 1, 1, 2}), address({192, 0, 2, 53}), 40000, 53};
	record.key.protocol = 17;
	record.reply = turned_round(record.key.original);
	record.seen_reply = true;
	record.timeout_s = 30;
	return record;
}

inline SessionRecord ping4()
{
	SessionRecord record;
	record.key.original = {address({10, 1, 1, 2}), address({192, 0, 2, 1}), 77, 8 << 8};
	record.key.protocol = 1;
	record.reply = {record.key.original.destination, record.key.original.source, 77, 0};
	record.seen_reply = true;
	record.timeout_s = 30;
	return record;
}

inline SessionRecord tcp6()
{
	SessionRecord record = tcp4();
	record.key.family = 6;
	record.key.original.source = address({0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
	record.key.original.destination = address({0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80});
	record.reply = turned_round(record.key.original);
	return record;
}

// Another source address for the other side, and the port unless it is 0.
inline SessionRecord with_source_nat(SessionRecord record, std::uint16_t port = 0)
{
	record.reply.destination = record.key.original.source;
	record.reply.destination[0] ^= std::byte{0xc0};
	if (port != 0)
		record.reply.destination_port = port;
	return record;
}

inline SessionRecord with_destination_nat(SessionRecord record, std::uint16_t port = 0)
{
	record.reply.source = record.key.original.destination;
	record.reply.source[0] ^= std::byte{0x30};
	if (port != 0)
		record.reply.source_port = port;
	return record;
}

inline SessionRecord with_everything(SessionRecord record)
{
	record = with_destination_nat(with_source_nat(record, 1025), 8443);
	record.key.zone = 9;
	record.mark = 0x10203040;
	record.helper = SessionHelper::ftp;
	record.adjustment = {SequenceAdjustment{1000, 0, 6}, SequenceAdjustment{2000, -3, -9}};
	return record;
}

// The data connection that FTP's client has asked for by PASV: from the client, any port, to a port of the server.
inline SessionRecord passive_ftp(const SessionRecord &control)
{
	SessionRecord record;
	record.key = control.key;
	record.key.kind = SessionKind::expectation;
	record.key.original.source_port = 0;
	record.key.original.destination_port = 50000;
	record.expectation.master = control.key.original;
	record.expectation.master_protocol = control.key.protocol;
	record.helper = SessionHelper::ftp;
	record.timeout_s = 300;
	return record;
}

// By PORT, through source NAT: from the server to the address in the master's reply, and on to the client.
inline SessionRecord active_ftp(const SessionRecord &control)
{
	SessionRecord record = passive_ftp(control);
	record.key.original.source = control.reply.source;
	record.key.original.destination = control.reply.destination;
	record.expectation.nat_port = 40001;
	record.expectation.of_reply = true;
	record.expectation.nat = ExpectedNat::follow_master;
	return record;
}

// A different one for every number below 2^24.
inline SessionRecord numbered(std::uint32_t number)
{
	SessionRecord record = with_source_nat(tcp4(), static_cast<std::uint16_t>(1024 + number % 60000));
	record.key.original.source[1] = static_cast<std::byte>(number >> 16);
	record.key.original.source[2] = static_cast<std::byte>(number >> 8);
	record.key.original.source[3] = static_cast<std::byte>(number);
	record.mark = 1;
	return record;
}

template <typename Random> SessionRecord any_session(Random &random)
{
	const auto below = [&](std::uint32_t end) {
		return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
	};
	const auto flip = [&] { return below(2) == 0; };
	SessionRecord record;
	record.key.family = flip() ? 4 : 6;
	constexpr std::array<std::uint8_t, 6> usual_protocols{6, 6, 17, 1, 58, 47};
	record.key.protocol = flip() ? usual_protocols[below(6)] : static_cast<std::uint8_t>(below(256));
	record.key.zone = static_cast<std::uint16_t>(flip() ? 0 : below(65536));
	const auto any_address = [&] {
		IpBytes out{};
		for (std::size_t i = 0; i < (record.key.family == 6 ? 16U : 4U); ++i)
			out[i] = static_cast<std::byte>(below(4)); // few values: some are equal
		return out;
	};
	const auto any_port = [&] { return static_cast<std::uint16_t>(flip() ? below(3) << 8 : below(65536)); };
	record.key.original = {any_address(), any_address(), any_port(), any_port()};
	record.reply = flip() ? turned_round(record.key.original)
			      : FlowTuple{any_address(), any_address(), any_port(), any_port()};
	record.mark = flip() ? 0 : below(~0U);
	record.seen_reply = flip();
	record.assured = flip();
	if (record.key.protocol == 6) {
		record.tcp_state = static_cast<TcpState>(below(10));
		record.tcp_flags = {static_cast<std::uint8_t>(below(256)), static_cast<std::uint8_t>(below(256))};
		record.tcp_window_scale = {static_cast<std::uint8_t>(below(15)), static_cast<std::uint8_t>(below(15))};
	}
	for (SequenceAdjustment &adjustment : record.adjustment)
		if (below(4) == 0)
			adjustment = {below(3), static_cast<std::int32_t>(below(7)) - 3,
				      static_cast<std::int32_t>(below(7)) - 3};
	record.helper = static_cast<SessionHelper>(flip() ? 0 : below(11));
	record.timeout_s = below(16384);
	return record;
}

template <typename Random> SessionRecord any_expectation(Random &random)
{
	const auto below = [&](std::uint32_t end) {
		return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
	};
	const auto flip = [&] { return below(2) == 0; };
	SessionRecord record;
	do {
		const SessionRecord like = any_session(random);
		SessionRecord other = any_session(random);
		while (other.key.family != like.key.family)
			other = any_session(random);
		record = {};
		record.key = like.key;
		record.key.kind = SessionKind::expectation;
		if (flip())
			record.key.original.source = {};
		if (flip())
			record.key.original.source_port = 0;
		record.expectation.master = other.key.original;
		if (flip())
			record.expectation.master.source = record.key.original.source;
		if (flip())
			record.expectation.master.destination = record.key.original.destination;
		record.expectation.master_protocol = flip() ? 6 : 17;
		record.expectation.policy = static_cast<std::uint8_t>(below(256));
		if (flip())
			record.expectation.nat_address = other.reply.source;
		record.expectation.nat_port = static_cast<std::uint16_t>(flip() ? 0 : below(65536));
		record.expectation.of_reply =
			(record.expectation.nat_address != IpBytes{} || record.expectation.nat_port != 0) && flip();
		record.expectation.nat = static_cast<ExpectedNat>(below(3));
		record.expectation.permanent = flip();
		record.expectation.inactive = flip();
		record.helper = like.helper;
		record.timeout_s = like.timeout_s;
	} while (!fits(record));
	return record;
}

// Anything that encode() writes as it is.
template <typename Random> SessionRecord any_record(Random &random)
{
	return std::uniform_int_distribution<>(0, 3)(random) == 0 ? any_expectation(random) : any_session(random);
}

// A table and the memory it lives in, which is not zero at first.
class OwnedTable {
public:
	explicit OwnedTable(std::size_t capacity, std::uint64_t secret = 0x0123456789abcdef)
	    : m_bytes(SessionTable::bytes_for(capacity)), m_memory(filled(m_bytes)),
	      m_table({m_memory.get(), m_bytes}, capacity, secret)
	{
	}
	SessionTable &operator*() { return m_table; }
	SessionTable *operator->() { return &m_table; }

private:
	struct Free {
		void operator()(std::byte *memory) const { ::operator delete (memory, std::align_val_t{64}); }
	};
	static std::byte *filled(std::size_t bytes)
	{
		auto *memory = static_cast<std::byte *>(::operator new (bytes, std::align_val_t{64}));
		std::fill_n(memory, bytes, std::byte{0xa5});
		return memory;
	}
	std::size_t m_bytes;
	std::unique_ptr<std::byte, Free> m_memory;
	SessionTable m_table;
};

} // namespace systole::core::samples
