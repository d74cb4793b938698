// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The heartbeat body: round trips, and hostile TLVs (P12).
#include "control/core/heartbeat.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace systole::core {
namespace {

// Of type 0xee or as given; `claimed` may lie about the length.
std::vector<std::byte> tlv(int type, std::size_t claimed, std::size_t present)
{
	std::vector<std::byte> out{static_cast<std::byte>(type), static_cast<std::byte>(claimed >> 8),
				   static_cast<std::byte>(claimed)};
	out.resize(3 + present, std::byte{0x5a});
	return out;
}

std::vector<std::byte> encoded(const HeartbeatContent &content)
{
	std::vector<std::byte> out(2048);
	out.resize(encode(content, out));
	return out;
}

HeartbeatContent random_content(std::mt19937_64 &random)
{
	HeartbeatContent content;
	content.capabilities = static_cast<std::uint32_t>(random());
	content.packet_version = static_cast<std::uint32_t>(random());
	for (auto &byte : content.config_checksum)
		byte = static_cast<std::uint8_t>(random());
	content.hostname =
		Hostname::from(std::string(random() % (max_hostname + 1), static_cast<char>('a' + random() % 26)));
	for (std::size_t i = random() % (max_vclusters + 1); i != 0; --i) {
		VclusterBeat words;
		words.id = static_cast<std::uint8_t>(1 + random() % 30);
		words.state = static_cast<HaState>(1 + random() % 3);
		words.priority = static_cast<std::uint8_t>(random());
		words.override_enabled = random() % 2 != 0;
		words.failover_flag = random() % 2 != 0;
		words.epoch = static_cast<std::uint32_t>(random());
		words.age_origin_ns = static_cast<std::int64_t>(random());
		words.reset_count = static_cast<std::uint16_t>(random());
		words.link_failure = static_cast<std::uint16_t>(random());
		words.pingserver_failure = static_cast<std::uint16_t>(random());
		words.maintenance = random() % 2 != 0;
		words.mem_failover = random() % 2 != 0;
		words.ssd_failed = random() % 2 != 0;
		words.waiting = random() % 2 != 0;
		words.leaving = random() % 2 != 0;
		words.choice = static_cast<std::uint32_t>(random());
		words.flip_epoch = static_cast<std::uint32_t>(random());
		words.flip_until_tenths = static_cast<std::uint32_t>(random());
		content.vclusters.push_back(words);
	}
	for (std::size_t i = random() % (max_links + 1); i != 0; --i) {
		MacAddress mac{};
		for (auto &byte : mac)
			byte = static_cast<std::uint8_t>(random());
		content.macs.push_back(mac);
	}
	for (std::size_t i = random() % (content.reception.capacity() + 1); i != 0; --i)
		content.reception.push_back({static_cast<std::uint32_t>(random()),
					     static_cast<LinkIndex>(random() % max_links),
					     static_cast<LinkHealth>(random() % 3)});
	return content;
}

TEST(HeartbeatContentTest, RandomContentsSurviveTheRoundTrip)
{
	std::mt19937_64 random(42);
	for (int round = 0; round < 5000; ++round) {
		const HeartbeatContent content = random_content(random);
		const auto back = decode_content(encoded(content));
		ASSERT_TRUE(back);
		EXPECT_EQ(*back, content);
	}
}

TEST(HeartbeatContentTest, TheLargestContentFitsTheRingMessage)
{
	std::mt19937_64 random(1);
	HeartbeatContent content = random_content(random);
	content.hostname = Hostname::from(std::string(max_hostname, 'x'));
	while (!content.macs.full())
		content.macs.push_back({});
	while (!content.reception.full())
		content.reception.push_back({});
	while (!content.vclusters.full())
		content.vclusters.push_back({});
	EXPECT_LE(encoded(content).size(), 1312U); // max_beat_content of control/worker_messages.h
}

TEST(HeartbeatContentTest, ABufferThatIsTooSmallTakesNothing)
{
	std::mt19937_64 random(2);
	const HeartbeatContent content = random_content(random);
	const std::size_t length = encoded(content).size();
	std::vector<std::byte> buffer(length);
	EXPECT_EQ(encode(content, buffer), length);
	for (std::size_t smaller = 0; smaller < length; ++smaller)
		EXPECT_EQ(encode(content, std::span(buffer).first(smaller)), 0U) << smaller;
}

TEST(HeartbeatContentTest, P12TruncatedAtAnyByteIsRefusedOrEndsAtATlv)
{
	std::mt19937_64 random(3);
	HeartbeatContent content = random_content(random);
	content.hostname = Hostname::from("m1");
	content.macs.clear();
	content.macs.push_back({1, 2, 3, 4, 5, 6});
	content.reception.clear();
	content.reception.push_back({});
	const auto whole = encoded(content);
	std::size_t accepted = 0;
	for (std::size_t length = 0; length < whole.size(); ++length)
		accepted += decode_content(std::span(whole).first(length)).has_value();
	// Nothing at all, and after identity, hostname, (vcluster,) MACs: where a TLV ends.
	EXPECT_EQ(accepted, content.vclusters.empty() ? 4U : 5U);
	EXPECT_TRUE(decode_content(whole));
}

TEST(HeartbeatContentTest, P12LengthsThatLeaveTheFrameAreRefused)
{
	for (const int type : {1, 2, 3, 4, 5, 6, 0, 255})
		for (const std::size_t present : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
			EXPECT_FALSE(decode_content(tlv(type, 65535, present))) << type;
			EXPECT_FALSE(decode_content(tlv(type, present + 1, present))) << type;
		}
}

TEST(HeartbeatContentTest, P12LengthsZeroAndOne)
{
	struct Row {
		int type;
		bool readable;
	};
	// identity and vcluster have a least size; a hostname may be empty; a list of MACs or receptions too.
	for (const Row row : {Row{1, false}, Row{2, true}, Row{3, false}, Row{4, true}, Row{5, true}, Row{99, true}})
		for (const std::size_t length : {0U, 1U})
			EXPECT_EQ(decode_content(tlv(row.type, length, length)).has_value(), row.readable)
				<< row.type << " length " << length;
}

TEST(HeartbeatContentTest, P12UnknownTypesAreSkipped)
{
	std::mt19937_64 random(4);
	const HeartbeatContent content = random_content(random);
	auto bytes = tlv(200, 17, 17);
	const auto body = encoded(content);
	bytes.insert(bytes.end(), body.begin(), body.end());
	const auto tail = tlv(201, 0, 0);
	bytes.insert(bytes.end(), tail.begin(), tail.end());
	const auto back = decode_content(bytes);
	ASSERT_TRUE(back);
	EXPECT_EQ(*back, content);
}

TEST(HeartbeatContentTest, P12ALongerKnownTlvIsANewerMembersWord)
{
	HeartbeatContent content;
	content.vclusters.push_back({});
	auto bytes = encoded(content);
	bytes[27 + 2] = static_cast<std::byte>(std::to_integer<int>(bytes[27 + 2]) + 3); // identity is 3 + 24 bytes
	bytes.insert(bytes.end(), 3, std::byte{0x77});
	const auto back = decode_content(bytes);
	ASSERT_TRUE(back);
	EXPECT_EQ(*back, content);
}

TEST(HeartbeatContentTest, ANewerMemberMaySayMoreOfEachVirtualCluster)
{
	HeartbeatContent content;
	content.vclusters.push_back({});
	content.vclusters.push_back({});
	content.vclusters[1].id = 2;
	content.vclusters[1].priority = 77;
	const auto bytes = encoded(content);
	const std::size_t tlv_at = 27, record = 34; // behind the identity
	std::vector<std::byte> longer(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(tlv_at));
	longer.insert(longer.end(),
		      {std::byte{3}, std::byte{0}, std::byte{1 + 2 * (record + 2)}, std::byte{record + 2}});
	for (std::size_t i = 0; i < 2; ++i) {
		const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(tlv_at + 4 + i * record);
		longer.insert(longer.end(), at, at + static_cast<std::ptrdiff_t>(record));
		longer.insert(longer.end(), 2, std::byte{0xff});
	}
	const auto back = decode_content(longer);
	ASSERT_TRUE(back);
	EXPECT_EQ(*back, content);
}

TEST(HeartbeatContentTest, P12TenThousandTlvsAreBoundedWork)
{
	std::vector<std::byte> bytes;
	for (int i = 0; i < 10000; ++i) {
		const auto one = tlv(4, 6, 6);
		bytes.insert(bytes.end(), one.begin(), one.end());
	}
	const auto back = decode_content(bytes);
	ASSERT_TRUE(back);
	EXPECT_TRUE(back->macs.full());
}

TEST(HeartbeatContentTest, UnknownStatesAndHealthsAreTheHarmlessOnes)
{
	HeartbeatContent content;
	content.vclusters.push_back({});
	content.vclusters[0].state = static_cast<HaState>(9);
	content.reception.push_back({1, 0, static_cast<LinkHealth>(9)});
	const auto back = decode_content(encoded(content));
	ASSERT_TRUE(back);
	EXPECT_EQ(back->vclusters[0].state, HaState::hello);
	EXPECT_EQ(back->reception[0].health, LinkHealth::down);
}

TEST(HeartbeatContentTest, AnOverlongHostnameIsCut)
{
	const auto back = decode_content(tlv(2, 200, 200));
	ASSERT_TRUE(back);
	EXPECT_EQ(back->hostname.length, max_hostname);
}

TEST(HeartbeatContentTest, RandomBytesAreReadOrRefusedWithoutHarm)
{
	std::mt19937 random(5);
	for (int round = 0; round < 20000; ++round) {
		std::vector<std::byte> data(random() % 300);
		for (std::byte &b : data)
			b = static_cast<std::byte>(random() % 4 == 0 ? random() : random() % 8);
		(void)decode_content(data);
		(void)decode_stamp(data);
	}
}

TEST(BeatStampTest, EveryFieldSurvivesTheRoundTrip)
{
	BeatStamp stamp;
	stamp.flags = 0x81;
	stamp.content_length = 5;
	stamp.lateness_us = 0xfffffffe;
	stamp.tx = std::numeric_limits<std::uint64_t>::max();
	stamp.echo = 0x0102030405060708;
	stamp.sent_ns = std::numeric_limits<std::int64_t>::min();
	stamp.echo_sent_ns = -1;
	stamp.echo_held_us = 77;
	stamp.inner_length = 0x0578;
	std::array<std::byte, beat_stamp_bytes + 5> body{};
	encode(stamp, std::span(body).first<beat_stamp_bytes>());
	const auto back = decode_stamp(body);
	ASSERT_TRUE(back);
	EXPECT_EQ(back->flags, stamp.flags);
	EXPECT_EQ(back->content_length, stamp.content_length);
	EXPECT_EQ(back->lateness_us, stamp.lateness_us);
	EXPECT_EQ(back->tx, stamp.tx);
	EXPECT_EQ(back->echo, stamp.echo);
	EXPECT_EQ(back->sent_ns, stamp.sent_ns);
	EXPECT_EQ(back->echo_sent_ns, stamp.echo_sent_ns);
	EXPECT_EQ(back->echo_held_us, stamp.echo_held_us);
	EXPECT_EQ(back->inner_length, stamp.inner_length);
	EXPECT_FALSE(decode_stamp(std::span(body).first(body.size() - 1))) << "the content does not fit";
	for (std::size_t length = 0; length < beat_stamp_bytes; ++length)
		EXPECT_FALSE(decode_stamp(std::span(body).first(length))) << length;
}

TEST(BeatStampTest, AnotherVersionOrNumberZeroIsRefused)
{
	BeatStamp stamp;
	stamp.tx = 1;
	std::array<std::byte, beat_stamp_bytes> body{};
	encode(stamp, body);
	ASSERT_TRUE(decode_stamp(body));
	for (const int version : {0, 2, 255}) {
		body[0] = static_cast<std::byte>(version);
		EXPECT_FALSE(decode_stamp(body)) << version;
	}
	stamp.tx = 0;
	encode(stamp, body);
	EXPECT_FALSE(decode_stamp(body));
}

TEST(MemberHash, IsFnv1aOverSixteenBytes)
{
	EXPECT_NE(member_hash(MemberId::from("SYS0000000000001")), member_hash(MemberId::from("SYS0000000000002")));
	std::uint32_t hash = 2166136261U;
	for (const char c : std::string_view("SYS0000000000001"))
		hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
	EXPECT_EQ(member_hash(MemberId::from("SYS0000000000001")), hash);
}

} // namespace
} // namespace systole::core
