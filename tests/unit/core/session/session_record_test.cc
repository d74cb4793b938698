// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The compact form: how long it is, that it is the only one, and that nothing else is taken for one.
#include "tests/unit/core/session/session_samples.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace systole::core {
namespace {

using namespace samples;

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const SessionRecord &record)
{
	Bytes out(max_record_bytes);
	out.resize(encode(record, out));
	return out;
}

Bytes from_hex(const std::string &text)
{
	Bytes out;
	std::string digits;
	for (const char c : text)
		if (c != ' ')
			digits += c;
	for (std::size_t i = 0; i < digits.size(); i += 2)
		out.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
	return out;
}

Bytes key_bytes_of(const SessionKey &key)
{
	Bytes out(max_key_bytes);
	out.resize(encode(key, out));
	return out;
}

// docs/PROTOCOL.md "Session records" has the same table.
TEST(SessionRecord, IsAsLongAsTheDocumentSays)
{
	const auto marked = [](SessionRecord record) {
		record.mark = 7;
		return record;
	};
	const auto bytes = [](const SessionRecord &record) { return bytes_of(record).size(); };
	SessionRecord udp6 = tcp6();
	udp6.key.protocol = 17;
	EXPECT_EQ(bytes(tcp4()), 20U);
	EXPECT_EQ(bytes(with_source_nat(tcp4())), 24U);
	EXPECT_EQ(bytes(with_source_nat(tcp4(), 1025)), 26U);
	EXPECT_EQ(bytes(marked(with_source_nat(tcp4()))), 28U);
	EXPECT_EQ(bytes(marked(with_source_nat(tcp4(), 1025))), 30U);
	EXPECT_EQ(bytes(with_destination_nat(with_source_nat(tcp4(), 1025), 8443)), 32U);
	EXPECT_EQ(bytes(with_everything(tcp4())), 63U);
	EXPECT_EQ(bytes(udp4()), 16U);
	EXPECT_EQ(bytes(with_source_nat(udp4())), 20U);
	EXPECT_EQ(bytes(with_source_nat(udp4(), 1025)), 22U);
	EXPECT_EQ(bytes(ping4()), 16U);
	EXPECT_EQ(bytes(with_source_nat(ping4())), 20U);
	EXPECT_EQ(bytes(tcp6()), 44U);
	EXPECT_EQ(bytes(with_source_nat(tcp6())), 60U);
	EXPECT_EQ(bytes(with_source_nat(tcp6(), 1025)), 62U);
	EXPECT_EQ(bytes(marked(with_source_nat(tcp6()))), 64U);
	EXPECT_EQ(bytes(marked(with_source_nat(tcp6(), 1025))), 66U);
	EXPECT_EQ(bytes(with_destination_nat(with_source_nat(tcp6(), 1025), 8443)), 80U);
	EXPECT_EQ(bytes(udp6), 40U);
	EXPECT_EQ(bytes(with_source_nat(udp6)), 56U);
	EXPECT_EQ(bytes(with_source_nat(udp6, 1025)), 58U);
	EXPECT_EQ(bytes(with_everything(tcp6())), max_record_bytes);
	EXPECT_EQ(bytes(passive_ftp(tcp4())), 21U);
	EXPECT_EQ(bytes(active_ftp(with_source_nat(tcp4(), 1025))), 27U);
	EXPECT_EQ(bytes(passive_ftp(tcp6())), 45U);
	EXPECT_EQ(bytes(active_ftp(with_source_nat(tcp6(), 1025))), 63U);
}

TEST(SessionRecord, LooksLikeThisOnTheWire)
{
	SessionRecord record = with_source_nat(tcp4(), 1025);
	record.mark = 0x10203040;
	// TCP, IPv4, version 1 | 10.1.1.2 192.0.2.80 40000 443 | seen, assured, destination and its port, mark | 202.1.1.2
	// 1025 | mark | established, flags, scales | 7200 minutes
	EXPECT_EQ(bytes_of(record),
		  from_hex("11 0a010102 c0000250 9c40 01bb 6b ca010102 0401 10203040 03 03 23 79 5c20"));
	// Another protocol (GRE) in zone 5.
	record = udp4();
	record.key.protocol = 47;
	record.key.zone = 5;
	EXPECT_EQ(bytes_of(record), from_hex("18 2f 0005 0a010102 c0000235 9c40 0035 01 001e"));
	record = tcp4();
	record.helper = SessionHelper::irc;
	record.adjustment[1] = {0x01020304, -1, 6};
	EXPECT_EQ(bytes_of(record),
		  from_hex("11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 25 01020304 ffffffff 00000006 5c20"));
}

TEST(SessionRecord, AnExpectationLooksLikeThisOnTheWire)
{
	// TCP, IPv4, version 1, expectation; no source port | 10.1.1.2 192.0.2.80 50000 | ftp | both addresses of the master
	// are those of the expectation | policy 0 | 40000 443 | 300 s
	EXPECT_EQ(bytes_of(passive_ftp(tcp4())), from_hex("91 02 0a010102 c0000250 c350 01 09 00 9c40 01bb 012c"));
	// From 192.0.2.80 to 202.1.1.2, of which 10.1.1.2 is the master's client; NAT to port 40001, as the reply goes.
	EXPECT_EQ(bytes_of(active_ftp(with_source_nat(tcp4()))),
		  from_hex("91 02 c0000250 ca010102 c350 11 c4 00 0a010102 9c40 01bb 9c41 012c"));
	// A UDP master, from anywhere, in zone 5, with an address for NAT.
	SessionRecord record = passive_ftp(udp4());
	record.key.original.source = {};
	record.key.zone = 5;
	record.helper = SessionHelper::sip;
	record.expectation.policy = 2;
	record.expectation.permanent = record.expectation.inactive = true;
	record.expectation.nat = ExpectedNat::sip;
	record.expectation.nat_address = address({10, 1, 1, 9});
	EXPECT_EQ(bytes_of(record), from_hex("9a 03 0005 c0000235 c350 e3 38 02 0a010102 9c40 0035 0a010109 012c"));
}

TEST(SessionRecord, AnExpectationIsNoSessionOfTheSamePorts)
{
	const SessionRecord control = tcp4();
	SessionRecord expected = passive_ftp(control);
	expected.key.original = control.key.original;
	EXPECT_NE(expected.key, control.key);
	EXPECT_NE(key_bytes_of(expected.key), key_bytes_of(control.key));
	EXPECT_EQ(expected.master(), control.key);
	EXPECT_EQ(kind_of(bytes_of(expected)), SessionKind::expectation);
	EXPECT_EQ(kind_of(bytes_of(control)), SessionKind::session);
}

TEST(SessionRecord, AnExpectationTooLongForASlotIsNotOne)
{
	SessionRecord record = passive_ftp(tcp6());
	record.key.zone = 1;
	record.key.protocol = 47;
	record.key.original.source_port = 9;
	record.expectation.nat_address = address({1, 2, 3});
	record.expectation.nat_port = 7;
	EXPECT_TRUE(fits(record));
	EXPECT_EQ(bytes_of(record).size(), 68U);
	record.expectation.master.destination = address({4});
	EXPECT_TRUE(fits(record));
	record.expectation.master.source = address({5});
	EXPECT_FALSE(fits(record));
	EXPECT_EQ(bytes_of(record).size(), 100U);
	EXPECT_FALSE(decode_record(bytes_of(record)));
	record.key.original.source = {};
	EXPECT_TRUE(fits(record));
	EXPECT_TRUE(decode_record(bytes_of(record)));
}

TEST(SessionRecord, AnyOneComesBackAsItWasAndNoneIsTooLong)
{
	std::mt19937_64 random(1);
	for (int i = 0; i < 100000; ++i) {
		const SessionRecord record = any_record(random);
		const Bytes bytes = bytes_of(record);
		ASSERT_LE(bytes.size(), record.key.family == 6 ? max_record_bytes : 64);
		const auto decoded = decode_record(bytes);
		ASSERT_TRUE(decoded);
		ASSERT_EQ(decoded->record, record);
		ASSERT_EQ(decoded->bytes, bytes.size());
	}
}

TEST(SessionRecord, BeginsWithItsKey)
{
	std::mt19937_64 random(2);
	for (int i = 0; i < 10000; ++i) {
		const SessionRecord record = any_record(random);
		const Bytes bytes = bytes_of(record);
		const auto key = key_part(bytes);
		ASSERT_EQ(Bytes(key.begin(), key.end()), key_bytes_of(record.key));
		ASSERT_EQ(key_hash(key, 5), key_hash(record.key, 5));
		ASSERT_EQ(state_hash(bytes), state_hash(record));
	}
}

// Few fields are numbers of any value: of random bytes with a good beginning many are records, and many are not.
TEST(SessionRecord, WhateverDecodesIsWrittenAsTheSameBytes)
{
	std::mt19937_64 random(3);
	int taken = 0;
	int refused = 0;
	for (int i = 0; i < 200000; ++i) {
		Bytes bytes = bytes_of(any_record(random));
		for (auto changes = random() % 4; changes != 0; --changes)
			bytes[random() % bytes.size()] ^=
				static_cast<std::byte>(random() % 2 == 0 ? 1U << random() % 8 : random());
		const auto decoded = decode_record(bytes);
		++(decoded ? taken : refused);
		if (!decoded)
			continue;
		bytes.resize(decoded->bytes);
		ASSERT_EQ(bytes_of(decoded->record), bytes);
	}
	EXPECT_GT(taken, 10000);
	EXPECT_GT(refused, 10000);
}

// There is no count and no length in a record that could lie: its flags say how long it is, 111 bytes at most.
TEST(SessionRecord, P13_one_that_is_cut_short_is_refused_and_none_reads_further_than_its_own_bytes)
{
	std::mt19937_64 random(4);
	for (int i = 0; i < 2000; ++i) {
		const Bytes bytes = bytes_of(i == 0 ? with_everything(tcp6()) : any_record(random));
		for (std::size_t length = 0; length < bytes.size(); ++length) {
			const Bytes cut(bytes.begin(),
					bytes.begin() + static_cast<std::ptrdiff_t>(length)); // its own memory
			ASSERT_FALSE(decode_record(cut)) << length << " of " << bytes.size();
		}
		Bytes longer = bytes;
		longer.resize(max_record_bytes * 3, std::byte{0xff});
		const auto decoded = decode_record(longer);
		ASSERT_TRUE(decoded);
		ASSERT_EQ(decoded->bytes, bytes.size());
	}
	for (unsigned first = 0; first < 256; ++first) {
		Bytes ones(max_record_bytes * 2, std::byte{0xff}); // says that everything follows
		ones[0] = static_cast<std::byte>(first);
		ASSERT_FALSE(decode_record(ones));
	}
}

TEST(SessionRecord, WhatEncodeNeverWritesIsRefused)
{
	struct Row {
		const char *what;
		const char *bytes;
	};
	const char *const good = "11 0a010102 c0000250 9c40 01bb 03 03 03 23 79 5c20";
	ASSERT_TRUE(decode_record(from_hex(good)));
	for (const Row &row : std::initializer_list<Row>{
		     {"version 0", "01 0a010102 c0000250 9c40 01bb 03 03 03 23 79 5c20"},
		     {"version 2", "21 0a010102 c0000250 9c40 01bb 03 03 03 23 79 5c20"},
		     {"TCP as another protocol", "10 06 0a010102 c0000250 9c40 01bb 03 03 03 23 79 5c20"},
		     {"UDP as another protocol", "10 11 0a010102 c0000250 9c40 01bb 03 5c20"},
		     {"ICMP as another protocol", "10 01 0a010102 c0000250 004d 0800 03 5c20"},
		     {"zone 0", "19 0000 0a010102 c0000250 9c40 01bb 03 03 03 23 79 5c20"},
		     {"the usual reply source", "11 0a010102 c0000250 9c40 01bb 07 c0000250 03 03 23 79 5c20"},
		     {"the usual reply destination", "11 0a010102 c0000250 9c40 01bb 0b 0a010102 03 03 23 79 5c20"},
		     {"the usual reply source port", "11 0a010102 c0000250 9c40 01bb 13 01bb 03 03 23 79 5c20"},
		     {"the usual reply destination port", "11 0a010102 c0000250 9c40 01bb 23 9c40 03 03 23 79 5c20"},
		     {"the usual answer to a ping", "13 0a010102 c0000250 004d 0800 23 0000 001e"},
		     {"mark 0", "11 0a010102 c0000250 9c40 01bb 43 00000000 03 03 23 79 5c20"},
		     {"TCP state 10", "11 0a010102 c0000250 9c40 01bb 03 0a 03 23 79 5c20"},
		     {"window scale 15", "11 0a010102 c0000250 9c40 01bb 03 03 03 23 f9 5c20"},
		     {"the other window scale 15", "11 0a010102 c0000250 9c40 01bb 03 03 03 23 7f 5c20"},
		     {"more, but nothing", "11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 00 5c20"},
		     {"helper 11", "11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 0b 5c20"},
		     {"an unknown flag of more", "11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 41 5c20"},
		     {"the other unknown flag", "11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 81 5c20"},
		     {"an adjustment of nothing",
		      "11 0a010102 c0000250 9c40 01bb 83 03 03 23 79 10 00000000 00000000 00000000 5c20"},
		     {"minutes for seconds", "11 0a010102 c0000250 9c40 01bb 03 03 03 23 79 4111"},
		     {"hours for minutes", "11 0a010102 c0000250 9c40 01bb 03 03 03 23 79 8111"},
		     {"no unit of time", "11 0a010102 c0000250 9c40 01bb 03 03 03 23 79 c000"},
		     {"expectation, an unknown flag of the key",
		      "91 06 0a010102 c0000250 c350 01 09 00 9c40 01bb 012c"},
		     {"expectation, source 0", "91 02 00000000 c0000250 c350 01 08 00 9c40 01bb 012c"},
		     {"expectation, source port 0", "91 00 0a010102 c0000250 0000 c350 01 09 00 9c40 01bb 012c"},
		     {"expectation, helper 11", "91 02 0a010102 c0000250 c350 0b 09 00 9c40 01bb 012c"},
		     {"expectation, NAT by nobody", "91 02 0a010102 c0000250 c350 31 09 00 9c40 01bb 012c"},
		     {"expectation, a place that is none", "91 02 0a010102 c0000250 c350 01 0b 00 9c40 01bb 012c"},
		     {"expectation, the other place", "91 02 0a010102 c0000250 c350 01 0d 00 9c40 01bb 012c"},
		     {"expectation, the master's source once more",
		      "91 02 0a010102 c0000250 c350 01 08 00 0a010102 9c40 01bb 012c"},
		     {"expectation, the master's destination once more",
		      "91 02 0a010102 c0000250 c350 01 01 00 c0000250 9c40 01bb 012c"},
		     {"expectation, two places for one", "91 02 0a010102 0a010102 c350 01 0a 00 9c40 01bb 012c"},
		     {"expectation, any source as a place", "91 03 c0000250 c350 01 09 00 9c40 01bb 012c"},
		     {"expectation, a direction of no NAT", "91 02 0a010102 c0000250 c350 01 89 00 9c40 01bb 012c"},
		     {"expectation, NAT to port 0", "91 02 0a010102 c0000250 c350 01 49 00 9c40 01bb 0000 012c"},
		     {"expectation, NAT to address 0", "91 02 0a010102 c0000250 c350 01 29 00 9c40 01bb 00000000 012c"},
		     {"expectation, minutes for seconds", "91 02 0a010102 c0000250 c350 01 09 00 9c40 01bb 4005"},
	     })
		EXPECT_FALSE(decode_record(from_hex(row.bytes))) << row.what;
}

TEST(SessionRecord, ATimeoutIsNeverShorterAndRoundedOnlyWhenItIsLong)
{
	struct Row {
		std::uint32_t seconds;
		std::uint32_t told;
	};
	for (const Row &row : std::initializer_list<Row>{{0, 0},
							 {1, 1},
							 {16383, 16383},
							 {16384, 16440}, // 274 minutes
							 {16440, 16440},
							 {16441, 16500},
							 {432000, 432000},
							 {16383 * 60, 16383 * 60},
							 {16383 * 60 + 1, 274 * 3600},
							 {16383U * 3600, 16383U * 3600},
							 {~0U, 16383U * 3600}}) {
		SessionRecord record = udp4();
		record.timeout_s = row.seconds;
		const Bytes bytes = bytes_of(record);
		const auto decoded = decode_record(bytes);
		ASSERT_TRUE(decoded) << row.seconds;
		EXPECT_EQ(decoded->record.timeout_s, row.told) << row.seconds;
		EXPECT_EQ(bytes_of(decoded->record), bytes) << row.seconds;
		EXPECT_TRUE(decoded->record.same_state(record));
	}
}

TEST(SessionRecord, WhatARecordCannotMeanIsLeftOut)
{
	SessionRecord odd = udp4();
	odd.tcp_state = TcpState::close;
	odd.tcp_flags = {1, 1};
	odd.tcp_window_scale = {3, 3};
	odd.helper = static_cast<SessionHelper>(200);
	odd.key.original.source[15] = std::byte{9}; // of an IPv4 address
	odd.reply.source[4] = std::byte{9};
	EXPECT_EQ(bytes_of(odd), bytes_of(udp4()));
	odd = tcp4();
	odd.tcp_state = static_cast<TcpState>(11);
	odd.tcp_window_scale = {15, 255};
	const auto decoded = decode_record(bytes_of(odd));
	ASSERT_TRUE(decoded);
	EXPECT_EQ(decoded->record.tcp_state, TcpState::none);
	EXPECT_EQ(decoded->record.tcp_window_scale, (std::array<std::uint8_t, 2>{14, 14}));
}

TEST(SessionRecord, APingIsAnsweredByThePairedType)
{
	struct Row {
		std::uint8_t family, protocol;
		unsigned request, answer;
	};
	for (const Row &row :
	     {Row{4, 1, 8, 0}, Row{4, 1, 0, 8}, Row{4, 1, 13, 14}, Row{4, 1, 14, 13}, Row{4, 1, 15, 16},
	      Row{4, 1, 17, 18}, Row{4, 1, 18, 17}, Row{4, 1, 5, 5}, Row{6, 58, 128, 129}, Row{6, 58, 129, 128},
	      Row{6, 58, 139, 140}, Row{6, 58, 140, 139}, Row{6, 58, 135, 135}}) {
		SessionRecord record = row.family == 6 ? tcp6() : ping4();
		record.key.protocol = row.protocol;
		record.key.original.destination_port = static_cast<std::uint16_t>(row.request << 8 | 3);
		record.reply.source_port = record.key.original.source_port;
		record.reply.destination_port = static_cast<std::uint16_t>(row.answer << 8 | 3);
		EXPECT_EQ(bytes_of(record).size(), row.family == 6 ? 40U : 16U) << row.request;
		EXPECT_FALSE(record.source_nat());
	}
}

TEST(SessionRecord, TheStatesHashTellsEveryFieldButTheTimeout)
{
	std::vector<SessionRecord> different(1, with_everything(tcp6()));
	const auto add = [&](auto change) {
		different.push_back(different.front());
		change(different.back());
	};
	add([](SessionRecord &r) { r.key.zone = 10; });
	add([](SessionRecord &r) { r.key.original.source[15] ^= std::byte{1}; });
	add([](SessionRecord &r) { r.key.original.destination[15] ^= std::byte{1}; });
	add([](SessionRecord &r) { ++r.key.original.source_port; });
	add([](SessionRecord &r) { ++r.key.original.destination_port; });
	add([](SessionRecord &r) { r.key.protocol = 17; });
	add([](SessionRecord &r) { r.key.family = 4; });
	add([](SessionRecord &r) { r.reply.source[9] ^= std::byte{1}; });
	add([](SessionRecord &r) { r.reply.destination[9] ^= std::byte{1}; });
	add([](SessionRecord &r) { ++r.reply.source_port; });
	add([](SessionRecord &r) { ++r.reply.destination_port; });
	add([](SessionRecord &r) { ++r.mark; });
	add([](SessionRecord &r) { r.seen_reply = false; });
	add([](SessionRecord &r) { r.assured = false; });
	add([](SessionRecord &r) { r.tcp_state = TcpState::fin_wait; });
	add([](SessionRecord &r) { r.tcp_flags[0] ^= 8; });
	add([](SessionRecord &r) { r.tcp_flags[1] ^= 8; });
	add([](SessionRecord &r) { ++r.tcp_window_scale[0]; });
	add([](SessionRecord &r) { ++r.tcp_window_scale[1]; });
	add([](SessionRecord &r) { ++r.adjustment[0].correction_at; });
	add([](SessionRecord &r) { ++r.adjustment[1].offset_before; });
	add([](SessionRecord &r) { ++r.adjustment[1].offset_after; });
	add([](SessionRecord &r) { r.helper = SessionHelper::sip; });
	different.push_back(active_ftp(with_source_nat(tcp6())));
	different.back().expectation.nat_address = address({7});
	const auto expect = [&, base = different.back()](auto change) {
		different.push_back(base);
		change(different.back());
	};
	expect([](SessionRecord &r) { r.key.original.source = {}; });
	expect([](SessionRecord &r) { r.key.original.source_port = 1; });
	expect([](SessionRecord &r) { ++r.key.original.destination_port; });
	expect([](SessionRecord &r) { r.expectation.master.source[15] ^= std::byte{1}; });
	expect([](SessionRecord &r) { r.expectation.master.destination[15] ^= std::byte{1}; });
	expect([](SessionRecord &r) { ++r.expectation.master.source_port; });
	expect([](SessionRecord &r) { ++r.expectation.master.destination_port; });
	expect([](SessionRecord &r) { r.expectation.master_protocol = 17; });
	expect([](SessionRecord &r) { r.expectation.nat_address[1] = std::byte{1}; });
	expect([](SessionRecord &r) { ++r.expectation.nat_port; });
	expect([](SessionRecord &r) { r.expectation.of_reply = false; });
	expect([](SessionRecord &r) { r.expectation.nat = ExpectedNat::sip; });
	expect([](SessionRecord &r) { ++r.expectation.policy; });
	expect([](SessionRecord &r) { r.expectation.permanent = true; });
	expect([](SessionRecord &r) { r.expectation.inactive = true; });
	expect([](SessionRecord &r) { r.helper = SessionHelper::irc; });
	std::map<std::uint64_t, std::size_t> seen;
	for (std::size_t i = 0; i < different.size(); ++i) {
		const auto [at, fresh] = seen.emplace(state_hash(different[i]), i);
		EXPECT_TRUE(fresh) << i << " and " << at->second;
		SessionRecord later = different[i];
		later.timeout_s = 1;
		EXPECT_EQ(state_hash(later), state_hash(different[i]));
		EXPECT_TRUE(later.same_state(different[i]));
	}
}

// SipHash-1-3 with the key secret, ~secret; the numbers come from another implementation, which agrees with hash() of
// Python 3.11 for a key of zeros.
TEST(SessionRecord, TheKeysHashIsSipHash13)
{
	const auto hash = [](const std::string &hex) { return key_hash(from_hex(hex), 0x0123456789abcdef); };
	EXPECT_EQ(hash(""), 0xf4b3fee397802911U);
	EXPECT_EQ(hash("11 0a010102 c0000250 9c40 01bb"), 0xbb50b7eef5bf3d90U);
	EXPECT_EQ(hash("0001020304050607 08090a0b0c0d0e0f"), 0xff601b860af555abU);
}

TEST(SessionRecord, KeysLikeEachOtherSpreadAndNobodyWithoutTheSecretKnowsHow)
{
	constexpr std::size_t buckets = 1024;
	std::array<int, buckets> filled{};
	int alike = 0;
	for (std::uint32_t i = 0; i < 64 * buckets; ++i) {
		const auto bucket = key_hash(numbered(i).key, 1) >> 54;
		++filled[bucket];
		alike += key_hash(numbered(i).key, 2) >> 54 == bucket ? 1 : 0;
	}
	// 64 are expected in each, with a deviation of 8; 64 alike by chance.
	EXPECT_GT(*std::min_element(filled.begin(), filled.end()), 64 - 6 * 8);
	EXPECT_LT(*std::max_element(filled.begin(), filled.end()), 64 + 6 * 8);
	EXPECT_LT(alike, 64 + 6 * 8);
}

} // namespace
} // namespace systole::core
