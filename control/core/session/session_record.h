// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One session of the appliance's connection tracking, as the members tell it to each other: two tuples, what NAT made of
// them, and as much of the protocol's state as a kernel needs to take the next packet for the next packet.
//
// Both tuples as they appear on the wire. `reply` mirrors `original` unless NAT is at work, so NAT needs no field of its
// own: source NAT is reply.destination != original.source, destination NAT is reply.source != original.destination.
//
// Or what a helper expects: a session that has not begun, and belongs to one that has (FTP's data connections). It has a key
// of its own kind, and rides the same table and the same stream.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

using IpBytes = std::array<std::byte, 16>; // IPv4 in the first four, network order; the rest zero

struct FlowTuple {
	IpBytes source{};
	IpBytes destination{};
	// TCP, UDP, SCTP, DCCP: ports. ICMP: identifier, and type << 8 | code. GRE: keys. Others: 0. Host order.
	std::uint16_t source_port = 0;
	std::uint16_t destination_port = 0;
	friend bool operator==(const FlowTuple &, const FlowTuple &) = default;
};

enum class SessionKind : std::uint16_t { session, expectation };

// What identifies a session on one member and on all: the original direction of its flow. Of an expectation: the first packet
// it waits for, where a source address or a source port of zero stands for any.
struct SessionKey {
	FlowTuple original;
	std::uint16_t zone = 0;
	std::uint8_t protocol = 6; // IANA: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6, ...
	std::uint8_t family = 4;   // 4 or 6
	SessionKind kind = SessionKind::session;
	friend bool operator==(const SessionKey &, const SessionKey &) = default;
};

// What a NAT helper added to or took from the byte stream of one direction (kernel: nf_ct_seqadj).
struct SequenceAdjustment {
	std::uint32_t correction_at = 0;
	std::int32_t offset_before = 0;
	std::int32_t offset_after = 0;
	friend bool operator==(const SequenceAdjustment &, const SequenceAdjustment &) = default;
};

// The kernel's numbers (linux/netfilter/nf_conntrack_tcp.h), which other data planes map to theirs.
enum class TcpState : std::uint8_t {
	none,
	syn_sent,
	syn_recv,
	established,
	fin_wait,
	close_wait,
	last_ack,
	time_wait,
	close,
	syn_sent2
};

// Helpers that are told by number; others by none, and their sessions do without.
enum class SessionHelper : std::uint8_t { none, ftp, tftp, sip, h323, irc, pptp, amanda, snmp, netbios, sane };

// What the kernel does with a session that was expected, before its first packet goes on.
enum class ExpectedNat : std::uint8_t { none, follow_master, sip };

// Of an expectation, beside its key and its helper (kernel: nf_conntrack_expect).
struct Expectation {
	FlowTuple master; // original direction of the session it belongs to, of the same family and zone
	// Where NAT sends the new session (kernel: saved_addr, saved_proto), zeros: nowhere else; `of_reply`: it goes the way
	// of the reply direction of the master.
	IpBytes nat_address{};
	std::uint16_t nat_port = 0;
	std::uint8_t master_protocol = 6; // 6 or 17
	std::uint8_t policy = 0;          // which of its helper's (kernel: class)
	ExpectedNat nat = ExpectedNat::none;
	bool of_reply = false;
	bool permanent = false; // stays when a session has come of it
	bool inactive = false;  // nothing comes of it now
	friend bool operator==(const Expectation &, const Expectation &) = default;
};

struct SessionRecord {
	SessionKey key;
	FlowTuple reply; // not of an expectation
	std::uint32_t mark = 0;
	bool seen_reply = false;
	bool assured = false;
	TcpState tcp_state = TcpState::none;
	// Of the original and the reply direction; flags: window scaling 1, selective acknowledgement 2 (the kernel's bits).
	std::array<std::uint8_t, 2> tcp_flags{};
	std::array<std::uint8_t, 2> tcp_window_scale{}; // 0-14
	std::array<SequenceAdjustment, 2> adjustment{};
	SessionHelper helper = SessionHelper::none;
	Expectation expectation; // of the record of one
	// Left to live when it was read, s. Not part of what members compare: it changes by itself.
	std::uint32_t timeout_s = 0;

	[[nodiscard]] bool is_expectation() const { return key.kind == SessionKind::expectation; }
	// Of an expectation: the key of the session it belongs to.
	[[nodiscard]] SessionKey master() const
	{
		return {expectation.master, key.zone, expectation.master_protocol, key.family, SessionKind::session};
	}
	// Not of an expectation.
	[[nodiscard]] bool source_nat() const
	{
		return reply.destination != key.original.source || reply_port_differs_at_destination();
	}
	[[nodiscard]] bool destination_nat() const
	{
		return reply.source != key.original.destination || reply_port_differs_at_source();
	}
	// All but timeout_s.
	[[nodiscard]] bool same_state(const SessionRecord &other) const
	{
		SessionRecord copy = other;
		copy.timeout_s = timeout_s;
		return *this == copy;
	}
	friend bool operator==(const SessionRecord &, const SessionRecord &) = default;

private:
	[[nodiscard]] bool has_ports() const { return key.protocol != 1 && key.protocol != 58; }
	[[nodiscard]] bool reply_port_differs_at_destination() const
	{
		return has_ports() ? reply.destination_port != key.original.source_port
				   : reply.source_port != key.original.source_port;
	}
	[[nodiscard]] bool reply_port_differs_at_source() const
	{
		return has_ports() && reply.source_port != key.original.destination_port;
	}
};

// The compact form of a record, the same on the wire and in the table (docs/PROTOCOL.md "Session records"): the key first,
// then a head that says which fields follow, what has its usual value being left out, and the timeout last. IPv4 TCP with
// source NAT takes 26 bytes, IPv6 62. One record has one form: what means the same is the same bytes.
inline constexpr std::size_t max_record_bytes = 111; // IPv6 TCP with everything
inline constexpr std::size_t max_key_bytes = 41;
inline constexpr std::size_t max_expectation_bytes = 94; // one that would be longer is no record: see fits()
inline constexpr std::size_t record_timeout_bytes = 2;
inline constexpr std::uint8_t session_record_version = 1; // in the first byte of every record

// Bytes written. `out` must have max_record_bytes. What a record cannot mean is not written: TCP fields of other protocols,
// the rest of an IPv4 address, unknown helpers and states. timeout_s is rounded up, to minutes from 4.6 hours on, to hours
// from 11 days on.
[[nodiscard]] std::size_t encode(const SessionRecord &record, std::span<std::byte> out);
// False: an expectation in IPv6 that has no address in common with its master. A table has no room for it, and nobody reads it.
[[nodiscard]] bool fits(const SessionRecord &record);
struct DecodedRecord {
	SessionRecord record;
	std::size_t bytes = 0; // taken from the front
};
// Empty: truncated, or a field has a value that encode() never writes.
[[nodiscard]] std::optional<DecodedRecord> decode_record(std::span<const std::byte> bytes);
// The key alone as records begin with it; `out` must have max_key_bytes. No key is the beginning of another one.
[[nodiscard]] std::size_t encode(const SessionKey &key, std::span<std::byte> out);
// The key at the front of what encode() wrote.
[[nodiscard]] std::span<const std::byte> key_part(std::span<const std::byte> record);
[[nodiscard]] SessionKind kind_of(std::span<const std::byte> record);

// Of the key; keyed, so that nobody outside can aim at one bucket. Of the state: what digests are made of, not keyed.
[[nodiscard]] std::uint64_t key_hash(const SessionKey &key, std::uint64_t secret);
[[nodiscard]] std::uint64_t state_hash(const SessionRecord &record);
// The same of what encode() wrote: of a key, of a record.
[[nodiscard]] std::uint64_t key_hash(std::span<const std::byte> key, std::uint64_t secret);
[[nodiscard]] std::uint64_t state_hash(std::span<const std::byte> record);

} // namespace systole::core
