// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The key comes first and needs no more than its own first byte (of an expectation: two) to be read. So the table compares
// keys by comparing bytes, and hashes them as they lie in a record.
#include "control/core/session/session_record.h"

#include "control/core/wire.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace systole::core {

namespace {

// The first byte: bits 0-1 the protocol, bit 2 IPv6, bit 3 a zone follows, bits 4-6 the version, bit 7 an expectation.
constexpr unsigned protocol_bits = 3;
constexpr unsigned key_ipv6 = 1U << 2;
constexpr unsigned key_zone = 1U << 3;
constexpr unsigned version_shift = 4;
constexpr unsigned version_bits = 7;
constexpr unsigned key_expectation = 1U << 7;

// The second byte, of expectations alone: what is left out stands for any.
constexpr unsigned any_source = 1U << 0;
constexpr unsigned any_source_port = 1U << 1;

enum ProtocolCode : unsigned { protocol_other, protocol_tcp, protocol_udp, protocol_icmp }; // other: a byte follows

// The byte behind the key. Reply fields follow if they are not those of the original direction turned round.
enum BodyFlag : unsigned {
	body_seen_reply = 1U << 0,
	body_assured = 1U << 1,
	body_reply_source = 1U << 2,
	body_reply_destination = 1U << 3,
	body_reply_source_port = 1U << 4,
	body_reply_destination_port = 1U << 5,
	body_mark = 1U << 6,
	body_more = 1U << 7, // a byte: helper in bits 0-3, adjustments follow: original bit 4, reply bit 5
};
constexpr unsigned helper_bits = 15;
constexpr unsigned more_adjustment = 1U << 4; // << direction
constexpr unsigned more_unused = 3U << 6;
constexpr std::uint8_t max_window_scale = 14;

// The three bytes behind the key of an expectation: what it is, what follows, and the policy.
constexpr unsigned expected_nat_shift = 4; // helper in bits 0-3, ExpectedNat in bits 4-5
constexpr unsigned expected_nat_bits = 3;
constexpr unsigned expected_permanent = 1U << 6;
constexpr unsigned expected_inactive = 1U << 7;
constexpr unsigned place_bits = 3; // of the master's source; of its destination two bits further
constexpr unsigned destination_shift = 2;
constexpr unsigned master_udp = 1U << 4;
constexpr unsigned follows_nat_address = 1U << 5;
constexpr unsigned follows_nat_port = 1U << 6;
constexpr unsigned nat_of_reply = 1U << 7;
// Where an address of the master is found.
enum Place : unsigned { place_here, place_source, place_destination }; // here: it follows; else: in the key

constexpr std::uint8_t tcp = 6;
constexpr std::uint8_t udp = 17;
constexpr std::uint8_t icmp = 1;
constexpr std::uint8_t icmpv6 = 58;

static_assert(max_key_bytes == 1 + 1 + 1 + 2 + 2 * 16 + 2 * 2);
// TCP has no byte for its protocol and a session none for what stands for any, so the longest key is not in the longest record.
static_assert(max_record_bytes == max_key_bytes - 2 + 1 + 2 * 16 + 2 * 2 + 4 + 4 + 1 + 2 * 12 + record_timeout_bytes);

std::size_t address_bytes(unsigned head)
{
	return (head & key_ipv6) != 0 ? 16 : 4;
}

ProtocolCode code_of(std::uint8_t protocol, bool ipv6)
{
	if (protocol == tcp)
		return protocol_tcp;
	if (protocol == udp)
		return protocol_udp;
	return protocol == (ipv6 ? icmpv6 : icmp) ? protocol_icmp : protocol_other;
}

// The type of the message that answers, as the kernel pairs them.
std::uint16_t icmp_answer(std::uint8_t protocol, std::uint16_t type_and_code)
{
	const unsigned type = type_and_code >> 8;
	unsigned answer = type;
	if (protocol == icmp) {
		if (type == 0 || type == 8)
			answer = 8 - type;
		else if (type >= 13 && type <= 18) // timestamp, information, address mask: request odd, reply even
			answer = type % 2 != 0 ? type + 1 : type - 1;
	} else if (type == 128 || type == 129) {
		answer = 128 + 129 - type;
	} else if (type == 139 || type == 140) {
		answer = 139 + 140 - type;
	}
	return static_cast<std::uint16_t>(answer << 8 | (type_and_code & 0xffU));
}

// What the reply direction looks like without NAT.
FlowTuple turned_round(const SessionKey &key)
{
	FlowTuple reply{key.original.destination, key.original.source, key.original.destination_port,
			key.original.source_port};
	if (key.protocol == icmp || key.protocol == icmpv6) {
		reply.source_port = key.original.source_port; // the identifier
		reply.destination_port = icmp_answer(key.protocol, key.original.destination_port);
	}
	return reply;
}

// Two bytes: bits 14-15 the unit, the others how many. Rounded up, so that no session ends sooner on the other side.
constexpr std::uint32_t most_units = (1U << 14) - 1;
constexpr std::array<std::uint32_t, 3> unit_s{1, 60, 3600};

std::uint16_t timeout_code(std::uint32_t seconds)
{
	unsigned unit = 0;
	while (unit + 1 < unit_s.size() && seconds > most_units * unit_s[unit])
		++unit;
	const std::uint32_t units = seconds / unit_s[unit] + (seconds % unit_s[unit] != 0 ? 1 : 0);
	return static_cast<std::uint16_t>(unit << 14 | std::min(units, most_units));
}

// Room was asked for once, for the longest record.
class Writer {
public:
	explicit Writer(std::byte *at) : m_begin(at), m_at(at) {}
	void u8(unsigned value) { *m_at++ = static_cast<std::byte>(value); }
	void u16(unsigned value)
	{
		u8(value >> 8);
		u8(value & 0xffU);
	}
	void u32(std::uint32_t value)
	{
		u16(value >> 16);
		u16(value & 0xffffU);
	}
	void address(const IpBytes &address, std::size_t bytes)
	{
		std::memcpy(m_at, address.data(), bytes);
		m_at += bytes;
	}
	[[nodiscard]] std::size_t written() const { return static_cast<std::size_t>(m_at - m_begin); }

private:
	std::byte *m_begin;
	std::byte *m_at;
};

bool is_zero(const IpBytes &address, std::size_t bytes)
{
	return std::all_of(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(bytes),
			   [](std::byte byte) { return byte == std::byte{0}; });
}

unsigned any_of(const SessionKey &key, std::size_t addresses)
{
	if (key.kind != SessionKind::expectation)
		return 0;
	return (is_zero(key.original.source, addresses) ? any_source : 0U) |
	       (key.original.source_port == 0 ? any_source_port : 0U);
}

unsigned write_key(Writer &w, const SessionKey &key)
{
	const bool ipv6 = key.family == 6;
	const unsigned code = code_of(key.protocol, ipv6);
	const unsigned head = static_cast<unsigned>(session_record_version) << version_shift | code |
			      (ipv6 ? key_ipv6 : 0U) | (key.zone != 0 ? key_zone : 0U) |
			      (key.kind == SessionKind::expectation ? key_expectation : 0U);
	const unsigned any = any_of(key, address_bytes(head));
	w.u8(head);
	if (key.kind == SessionKind::expectation)
		w.u8(any);
	if (code == protocol_other)
		w.u8(key.protocol);
	if (key.zone != 0)
		w.u16(key.zone);
	if ((any & any_source) == 0)
		w.address(key.original.source, address_bytes(head));
	w.address(key.original.destination, address_bytes(head));
	if ((any & any_source_port) == 0)
		w.u16(key.original.source_port);
	w.u16(key.original.destination_port);
	return head;
}

IpBytes read_address(WireReader &in, std::size_t bytes)
{
	IpBytes address{};
	const auto part = in.take(bytes);
	if (!part.empty())
		std::memcpy(address.data(), part.data(), part.size());
	return address;
}

// False: not as encode() writes it. What is truncated the reader knows.
bool read_key(WireReader &in, SessionKey &key, std::size_t &addresses)
{
	const unsigned head = in.number<std::uint8_t>();
	if ((head >> version_shift & version_bits) != session_record_version)
		return false;
	unsigned any = 0;
	if ((head & key_expectation) != 0) {
		key.kind = SessionKind::expectation;
		any = in.number<std::uint8_t>();
		if ((any & ~(any_source | any_source_port)) != 0)
			return false;
	}
	const bool ipv6 = (head & key_ipv6) != 0;
	key.family = ipv6 ? 6 : 4;
	switch (static_cast<ProtocolCode>(head & protocol_bits)) {
	case protocol_tcp: key.protocol = tcp; break;
	case protocol_udp: key.protocol = udp; break;
	case protocol_icmp: key.protocol = ipv6 ? icmpv6 : icmp; break;
	case protocol_other:
		key.protocol = in.number<std::uint8_t>();
		if (code_of(key.protocol, ipv6) != protocol_other)
			return false;
	}
	if ((head & key_zone) != 0) {
		key.zone = in.number<std::uint16_t>();
		if (key.zone == 0)
			return false;
	}
	addresses = address_bytes(head);
	if ((any & any_source) == 0)
		key.original.source = read_address(in, addresses);
	key.original.destination = read_address(in, addresses);
	if ((any & any_source_port) == 0)
		key.original.source_port = in.number<std::uint16_t>();
	key.original.destination_port = in.number<std::uint16_t>();
	return any_of(key, addresses) == any;
}

// False: a field that says what would be so without it.
bool read_reply(WireReader &in, unsigned body, std::size_t addresses, FlowTuple &reply)
{
	const FlowTuple usual = reply;
	if ((body & body_reply_source) != 0)
		reply.source = read_address(in, addresses);
	if ((body & body_reply_destination) != 0)
		reply.destination = read_address(in, addresses);
	if ((body & body_reply_source_port) != 0)
		reply.source_port = in.number<std::uint16_t>();
	if ((body & body_reply_destination_port) != 0)
		reply.destination_port = in.number<std::uint16_t>();
	return ((body & body_reply_source) == 0 || reply.source != usual.source) &&
	       ((body & body_reply_destination) == 0 || reply.destination != usual.destination) &&
	       ((body & body_reply_source_port) == 0 || reply.source_port != usual.source_port) &&
	       ((body & body_reply_destination_port) == 0 || reply.destination_port != usual.destination_port);
}

void write_tcp(Writer &w, const SessionRecord &record)
{
	w.u8(record.tcp_state <= TcpState::syn_sent2 ? static_cast<unsigned>(record.tcp_state) : 0U);
	w.u8(record.tcp_flags[0]);
	w.u8(record.tcp_flags[1]);
	w.u8(static_cast<unsigned>(std::min(record.tcp_window_scale[0], max_window_scale)) << 4 |
	     std::min(record.tcp_window_scale[1], max_window_scale));
}

bool read_tcp(WireReader &in, SessionRecord &record)
{
	const auto state = in.number<std::uint8_t>();
	record.tcp_state = static_cast<TcpState>(state);
	record.tcp_flags[0] = in.number<std::uint8_t>();
	record.tcp_flags[1] = in.number<std::uint8_t>();
	const auto scales = in.number<std::uint8_t>();
	record.tcp_window_scale = {static_cast<std::uint8_t>(scales >> 4), static_cast<std::uint8_t>(scales & 15U)};
	return state <= static_cast<std::uint8_t>(TcpState::syn_sent2) &&
	       record.tcp_window_scale[0] <= max_window_scale && record.tcp_window_scale[1] <= max_window_scale;
}

unsigned more_of(const SessionRecord &record)
{
	unsigned more = record.helper <= SessionHelper::sane ? static_cast<unsigned>(record.helper) : 0U;
	for (unsigned direction = 0; direction < 2; ++direction)
		if (record.adjustment[direction] != SequenceAdjustment{})
			more |= more_adjustment << direction;
	return more;
}

bool read_more(WireReader &in, SessionRecord &record)
{
	const unsigned more = in.number<std::uint8_t>();
	if (more == 0 || (more & more_unused) != 0 || (more & helper_bits) > static_cast<unsigned>(SessionHelper::sane))
		return false;
	record.helper = static_cast<SessionHelper>(more & helper_bits);
	for (unsigned direction = 0; direction < 2; ++direction) {
		if ((more & more_adjustment << direction) == 0)
			continue;
		SequenceAdjustment &adjustment = record.adjustment[direction];
		adjustment.correction_at = in.number<std::uint32_t>();
		adjustment.offset_before = in.number<std::int32_t>();
		adjustment.offset_after = in.number<std::int32_t>();
		if (adjustment == SequenceAdjustment{})
			return false;
	}
	return true;
}

bool read_timeout(WireReader &in, std::uint32_t &seconds)
{
	const auto code = in.number<std::uint16_t>();
	const unsigned unit = code >> 14;
	if (unit >= unit_s.size())
		return false;
	seconds = (code & most_units) * unit_s[unit];
	return timeout_code(seconds) == code;
}

Place place_of(const IpBytes &address, const SessionKey &key, std::size_t addresses)
{
	const auto same = [&](const IpBytes &other) {
		return std::memcmp(address.data(), other.data(), addresses) == 0;
	};
	if (!is_zero(key.original.source, addresses) && same(key.original.source))
		return place_source;
	return same(key.original.destination) ? place_destination : place_here;
}

void write_expectation(Writer &w, const SessionRecord &record, std::size_t addresses)
{
	const Expectation &expectation = record.expectation;
	const Place source = place_of(expectation.master.source, record.key, addresses);
	const Place destination = place_of(expectation.master.destination, record.key, addresses);
	const bool nat_address = !is_zero(expectation.nat_address, addresses);
	const bool nat_port = expectation.nat_port != 0;
	const unsigned nat =
		expectation.nat <= ExpectedNat::sip ? static_cast<unsigned>(expectation.nat) << expected_nat_shift : 0U;
	const unsigned helper = record.helper <= SessionHelper::sane ? static_cast<unsigned>(record.helper) : 0U;
	w.u8(helper | nat | (expectation.permanent ? expected_permanent : 0U) |
	     (expectation.inactive ? expected_inactive : 0U));
	w.u8(source | destination << destination_shift | (expectation.master_protocol == udp ? master_udp : 0U) |
	     (nat_address ? follows_nat_address : 0U) | (nat_port ? follows_nat_port : 0U) |
	     ((nat_address || nat_port) && expectation.of_reply ? nat_of_reply : 0U));
	w.u8(expectation.policy);
	if (source == place_here)
		w.address(expectation.master.source, addresses);
	if (destination == place_here)
		w.address(expectation.master.destination, addresses);
	w.u16(expectation.master.source_port);
	w.u16(expectation.master.destination_port);
	if (nat_address)
		w.address(expectation.nat_address, addresses);
	if (nat_port)
		w.u16(expectation.nat_port);
}

// False: that place holds another address, or one that would be found elsewhere.
bool read_master_address(WireReader &in, unsigned place, const SessionKey &key, std::size_t addresses, IpBytes &address)
{
	switch (place) {
	case place_here: address = read_address(in, addresses); break;
	case place_source: address = key.original.source; break;
	case place_destination: address = key.original.destination; break;
	default: return false;
	}
	return place_of(address, key, addresses) == place;
}

bool read_expectation(WireReader &in, SessionRecord &record, std::size_t addresses)
{
	Expectation &expectation = record.expectation;
	const unsigned head = in.number<std::uint8_t>();
	const unsigned follows = in.number<std::uint8_t>();
	const unsigned helper = head & helper_bits;
	const unsigned nat = head >> expected_nat_shift & expected_nat_bits;
	if (helper > static_cast<unsigned>(SessionHelper::sane) || nat > static_cast<unsigned>(ExpectedNat::sip))
		return false;
	record.helper = static_cast<SessionHelper>(helper);
	expectation.nat = static_cast<ExpectedNat>(nat);
	expectation.permanent = (head & expected_permanent) != 0;
	expectation.inactive = (head & expected_inactive) != 0;
	expectation.master_protocol = (follows & master_udp) != 0 ? udp : tcp;
	expectation.of_reply = (follows & nat_of_reply) != 0;
	expectation.policy = in.number<std::uint8_t>();
	if (!read_master_address(in, follows & place_bits, record.key, addresses, expectation.master.source) ||
	    !read_master_address(in, follows >> destination_shift & place_bits, record.key, addresses,
				 expectation.master.destination))
		return false;
	expectation.master.source_port = in.number<std::uint16_t>();
	expectation.master.destination_port = in.number<std::uint16_t>();
	const bool nat_address = (follows & follows_nat_address) != 0;
	const bool nat_port = (follows & follows_nat_port) != 0;
	if (nat_address)
		expectation.nat_address = read_address(in, addresses);
	if (nat_port)
		expectation.nat_port = in.number<std::uint16_t>();
	return nat_address == !is_zero(expectation.nat_address, addresses) && nat_port == (expectation.nat_port != 0) &&
	       (nat_address || nat_port || !expectation.of_reply);
}

// What lies between key and timeout; of an expectation read_expectation().
bool read_session(WireReader &in, SessionRecord &record, std::size_t addresses)
{
	const unsigned body = in.number<std::uint8_t>();
	record.seen_reply = (body & body_seen_reply) != 0;
	record.assured = (body & body_assured) != 0;
	record.reply = turned_round(record.key);
	if (!read_reply(in, body, addresses, record.reply))
		return false;
	if ((body & body_mark) != 0) {
		record.mark = in.number<std::uint32_t>();
		if (record.mark == 0)
			return false;
	}
	if (record.key.protocol == tcp && !read_tcp(in, record))
		return false;
	return (body & body_more) == 0 || read_more(in, record);
}

// Little-endian on every machine: members compare what comes of it.
std::uint64_t load_word(const std::byte *at, std::size_t bytes)
{
	std::uint64_t word = 0;
	if constexpr (std::endian::native == std::endian::little) {
		if (bytes != 0) // `at` may be null
			std::memcpy(&word, at, bytes);
	} else {
		for (std::size_t i = 0; i < bytes; ++i)
			word |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
	}
	return word;
}

class SipHash13 {
public:
	explicit SipHash13(std::uint64_t secret)
	    : m_v0(secret ^ 0x736f6d6570736575U), m_v1(~secret ^ 0x646f72616e646f6dU),
	      m_v2(secret ^ 0x6c7967656e657261U), m_v3(~secret ^ 0x7465646279746573U)
	{
	}
	void word(std::uint64_t word)
	{
		m_v3 ^= word;
		round();
		m_v0 ^= word;
	}
	std::uint64_t end()
	{
		m_v2 ^= 0xff;
		round();
		round();
		round();
		return m_v0 ^ m_v1 ^ m_v2 ^ m_v3;
	}

private:
	void round()
	{
		m_v0 += m_v1;
		m_v2 += m_v3;
		m_v1 = std::rotl(m_v1, 13) ^ m_v0;
		m_v3 = std::rotl(m_v3, 16) ^ m_v2;
		m_v0 = std::rotl(m_v0, 32);
		m_v2 += m_v1;
		m_v0 += m_v3;
		m_v1 = std::rotl(m_v1, 17) ^ m_v2;
		m_v3 = std::rotl(m_v3, 21) ^ m_v0;
		m_v2 = std::rotl(m_v2, 32);
	}
	std::uint64_t m_v0, m_v1, m_v2, m_v3;
};

} // namespace

std::size_t encode(const SessionKey &key, std::span<std::byte> out)
{
	assert(out.size() >= max_key_bytes);
	Writer w(out.data());
	write_key(w, key);
	return w.written();
}

std::size_t encode(const SessionRecord &record, std::span<std::byte> out)
{
	assert(out.size() >= max_record_bytes);
	Writer w(out.data());
	const unsigned head = write_key(w, record.key);
	const std::size_t addresses = address_bytes(head);
	if (record.is_expectation()) {
		write_expectation(w, record, addresses);
		w.u16(timeout_code(record.timeout_s));
		return w.written();
	}
	const FlowTuple usual = turned_round(record.key);
	const FlowTuple &reply = record.reply;
	const auto differ = [&](const IpBytes &a, const IpBytes &b) {
		return std::memcmp(a.data(), b.data(), addresses) != 0;
	};
	const unsigned more = more_of(record);
	unsigned body = 0;
	const auto add = [&](bool set, unsigned flag) { body |= set ? flag : 0U; };
	add(record.seen_reply, body_seen_reply);
	add(record.assured, body_assured);
	add(differ(reply.source, usual.source), body_reply_source);
	add(differ(reply.destination, usual.destination), body_reply_destination);
	add(reply.source_port != usual.source_port, body_reply_source_port);
	add(reply.destination_port != usual.destination_port, body_reply_destination_port);
	add(record.mark != 0, body_mark);
	add(more != 0, body_more);
	w.u8(body);
	if ((body & body_reply_source) != 0)
		w.address(reply.source, addresses);
	if ((body & body_reply_destination) != 0)
		w.address(reply.destination, addresses);
	if ((body & body_reply_source_port) != 0)
		w.u16(reply.source_port);
	if ((body & body_reply_destination_port) != 0)
		w.u16(reply.destination_port);
	if (record.mark != 0)
		w.u32(record.mark);
	if (record.key.protocol == tcp)
		write_tcp(w, record);
	if (more != 0) {
		w.u8(more);
		for (unsigned direction = 0; direction < 2; ++direction) {
			if ((more & more_adjustment << direction) == 0)
				continue;
			const SequenceAdjustment &adjustment = record.adjustment[direction];
			w.u32(adjustment.correction_at);
			w.u32(static_cast<std::uint32_t>(adjustment.offset_before));
			w.u32(static_cast<std::uint32_t>(adjustment.offset_after));
		}
	}
	w.u16(timeout_code(record.timeout_s));
	return w.written();
}

bool fits(const SessionRecord &record)
{
	std::array<std::byte, max_record_bytes> bytes;
	return !record.is_expectation() || encode(record, bytes) <= max_expectation_bytes;
}

std::optional<DecodedRecord> decode_record(std::span<const std::byte> bytes)
{
	WireReader in(bytes);
	std::optional<DecodedRecord> decoded(std::in_place);
	SessionRecord &record = decoded->record;
	std::size_t addresses = 0;
	if (!read_key(in, record.key, addresses))
		return std::nullopt;
	if (!(record.is_expectation() ? read_expectation(in, record, addresses) : read_session(in, record, addresses)))
		return std::nullopt;
	if (!read_timeout(in, record.timeout_s) || !in.ok())
		return std::nullopt;
	decoded->bytes = bytes.size() - in.left();
	if (record.is_expectation() && decoded->bytes > max_expectation_bytes)
		return std::nullopt;
	return decoded;
}

SessionKind kind_of(std::span<const std::byte> record)
{
	return (std::to_integer<unsigned>(record[0]) & key_expectation) != 0 ? SessionKind::expectation
									     : SessionKind::session;
}

std::span<const std::byte> key_part(std::span<const std::byte> record)
{
	const auto head = std::to_integer<unsigned>(record[0]);
	std::size_t bytes = 1 + ((head & protocol_bits) == protocol_other ? 1U : 0U) +
			    ((head & key_zone) != 0 ? 2U : 0U) + 2 * address_bytes(head) + 2 * 2;
	if ((head & key_expectation) != 0) {
		const auto any = std::to_integer<unsigned>(record[1]);
		bytes += 1 - ((any & any_source) != 0 ? address_bytes(head) : 0) -
			 ((any & any_source_port) != 0 ? 2 : 0);
	}
	return record.first(bytes);
}

// SipHash-1-3: whoever opens sessions through the appliance chooses keys, and must not be able to choose buckets. One
// round and three are what Linux and Rust take for their hash tables.
std::uint64_t key_hash(std::span<const std::byte> key, std::uint64_t secret)
{
	SipHash13 hash(secret);
	std::size_t at = 0;
	for (; at + 8 <= key.size(); at += 8)
		hash.word(load_word(key.data() + at, 8));
	hash.word(load_word(key.data() + at, key.size() - at) | static_cast<std::uint64_t>(key.size()) << 56);
	return hash.end();
}

std::uint64_t key_hash(const SessionKey &key, std::uint64_t secret)
{
	std::array<std::byte, max_key_bytes> bytes;
	return key_hash(std::span(bytes).first(encode(key, bytes)), secret);
}

// Multiply and mix: nobody gains by two states that look alike, members only must not differ by chance.
std::uint64_t state_hash(std::span<const std::byte> record)
{
	const auto state = record.first(record.size() - record_timeout_bytes);
	std::uint64_t hash = state.size();
	const auto mix = [&hash](std::uint64_t word) {
		hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	};
	std::size_t at = 0;
	for (; at + 8 <= state.size(); at += 8)
		mix(load_word(state.data() + at, 8));
	mix(load_word(state.data() + at, state.size() - at));
	mix(0x94d049bb133111ebU);
	return hash;
}

std::uint64_t state_hash(const SessionRecord &record)
{
	std::array<std::byte, max_record_bytes> bytes;
	return state_hash(std::span<const std::byte>(bytes).first(encode(record, bytes)));
}

} // namespace systole::core
