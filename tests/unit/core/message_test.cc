// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// HAKE-1 messages as bytes: what is refused, and that the known answers survive being read and written.
#include "control/core/message.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace systole::core {
namespace {

using testing::ElementsAreArray;

std::vector<std::byte> from_hex(std::string_view text)
{
	std::vector<std::byte> out;
	for (std::size_t i = 0; i + 1 < text.size(); i += 2)
		out.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
	return out;
}

HakeHeader header_of(HakeType type)
{
	return {type, 103, 1, MemberId::from("SYS0000000000001"), {1, 2, 3}};
}

std::vector<HakeBytes> one_of_each()
{
	Hello hello;
	hello.header = header_of(HakeType::hello);
	Ke1 ke1;
	ke1.head.header = header_of(HakeType::ke1);
	Ke2 ke2;
	ke2.head.header = header_of(HakeType::ke2);
	Ke3 ke3;
	ke3.header = header_of(HakeType::ke3);
	return {encode(hello), encode(ke1), encode(ke2), encode(ke3)};
}

// Decoded as every type: only the right one may succeed.
std::array<bool, 4> readable_as(std::span<const std::byte> bytes)
{
	return {decode_hello(bytes).has_value(), decode_ke1(bytes).has_value(), decode_ke2(bytes).has_value(),
		decode_ke3(bytes).has_value()};
}

HakeBytes reencoded(std::span<const std::byte> bytes)
{
	if (const auto hello = decode_hello(bytes))
		return encode(*hello);
	if (const auto ke1 = decode_ke1(bytes))
		return encode(*ke1);
	if (const auto ke2 = decode_ke2(bytes))
		return encode(*ke2);
	if (const auto ke3 = decode_ke3(bytes))
		return encode(*ke3);
	return {};
}

TEST(HakeMessage, HasTheSizeOfItsType)
{
	const auto messages = one_of_each();
	const std::array<std::size_t, 4> sizes{84, 148, 180, 116};
	for (std::size_t i = 0; i < 4; ++i) {
		EXPECT_EQ(messages[i].length, sizes[i]);
		EXPECT_EQ(bytes_of(static_cast<HakeType>(i + 1)), sizes[i]);
		std::array<bool, 4> only{};
		only[i] = true;
		EXPECT_EQ(readable_as(messages[i].span()), only);
	}
}

TEST(HakeMessage, P8AnyOtherLengthFieldIsRefused)
{
	for (const HakeBytes &good : one_of_each())
		for (const int length : {0, 43, good.length - 1, good.length + 1, 65535}) {
			HakeBytes bad = good;
			bad.bytes[6] = static_cast<std::byte>(length >> 8);
			bad.bytes[7] = static_cast<std::byte>(length);
			EXPECT_FALSE(decode_header(bad.span()))
				<< "length field " << length << " of a message of " << int{good.length};
		}
}

TEST(HakeMessage, P8TruncatedOrPaddedAtAnyByteIsRefused)
{
	for (const HakeBytes &good : one_of_each()) {
		std::vector<std::byte> longer(good.span().begin(), good.span().end());
		for (std::size_t length = 0; length < good.length; ++length)
			EXPECT_EQ(readable_as(good.span().first(length)), (std::array<bool, 4>{})) << length;
		longer.push_back(std::byte{0});
		EXPECT_EQ(readable_as(longer), (std::array<bool, 4>{}));
	}
}

TEST(HakeMessage, P9AnyOtherVersionTypeOrMagicIsRefused)
{
	struct Row {
		std::size_t at;
		int value;
	};
	for (const HakeBytes &good : one_of_each())
		for (const Row row : {Row{4, 0}, Row{4, 2}, Row{4, 255}, Row{5, 0}, Row{5, 5}, Row{5, 255}, Row{0, 'h'},
				      Row{1, 0}, Row{2, 'k'}, Row{3, 'e'}}) {
			HakeBytes bad = good;
			bad.bytes[row.at] = static_cast<std::byte>(row.value);
			EXPECT_FALSE(decode_header(bad.span())) << "byte " << row.at << " = " << row.value;
		}
}

TEST(HakeMessage, P9ATypeThatDoesNotFitTheLengthIsRefused)
{
	const auto messages = one_of_each();
	for (const HakeBytes &good : messages)
		for (int type = 1; type <= 4; ++type) {
			HakeBytes changed = good;
			changed.bytes[5] = static_cast<std::byte>(type);
			EXPECT_EQ(decode_header(changed.span()).has_value(), changed == good);
		}
}

TEST(HakeMessage, P10AndP11NamesAreAnyBytes)
{
	Hello hello;
	hello.header = header_of(HakeType::hello);
	hello.header.sender.text.fill(static_cast<char>(0x1b));
	hello.group_name.fill(static_cast<char>(0xff));
	const auto back = decode_hello(encode(hello).span());
	ASSERT_TRUE(back);
	EXPECT_EQ(back->group_name, hello.group_name);
	EXPECT_EQ(back->header.sender, hello.header.sender);
	EXPECT_EQ(back->header.sender.view().size(), 16U);
}

TEST(HakeMessage, RandomMessagesSurviveTheRoundTrip)
{
	std::mt19937 random(20260101);
	for (int round = 0; round < 2000; ++round)
		for (HakeBytes message : one_of_each()) {
			for (std::size_t i = 8; i < message.length; ++i)
				message.bytes[i] = static_cast<std::byte>(random());
			message.bytes[11] = std::byte{0};
			if (message.bytes[5] == std::byte{2} || message.bytes[5] == std::byte{3})
				message.bytes[99] = std::byte{0};
			EXPECT_EQ(reencoded(message.span()), message);
		}
}

TEST(HakeMessage, RandomBytesAreReadOrRefusedWithoutHarm)
{
	std::mt19937 random(7);
	for (int round = 0; round < 20000; ++round) {
		std::vector<std::byte> data(random() % 200);
		for (std::byte &b : data)
			b = static_cast<std::byte>(random());
		if (data.size() > 8 && random() % 2 == 0)
			std::copy_n(one_of_each()[0].bytes.begin(), 8, data.begin());
		(void)readable_as(data);
	}
}

TEST(HakeMessage, SpiNamesLinkAndClass)
{
	EXPECT_EQ(spi_for(0x5a5a0040, 0, 0), 0x5a5a0040U);
	EXPECT_EQ(spi_for(0x5a5a0040, 1, 0), 0x5a5a0044U);
	EXPECT_EQ(spi_for(0x5a5a0040, 7, 3), 0x5a5a005fU);
}

// tests/vectors/kat.json was made by an independent implementation in Python.
class KnownAnswers : public testing::TestWithParam<const char *> {
protected:
	static boost::json::value load()
	{
		std::ifstream in(SYSTOLE_TEST_VECTORS "/kat.json");
		const std::string text((std::istreambuf_iterator<char>(in)), {});
		return boost::json::parse(text);
	}
};

TEST_P(KnownAnswers, AreReadAndWrittenBackByteForByte)
{
	const auto file = load();
	const auto &suite = file.at("suites").at(GetParam());
	for (const char *name : {"ke1", "ke2", "ke3"}) {
		const auto want = from_hex(std::string_view(suite.at(name).as_string()));
		const HakeBytes found = reencoded(want);
		EXPECT_THAT(found.span(), ElementsAreArray(want)) << name;
	}
}

TEST_P(KnownAnswers, SayWhatTheFileSays)
{
	const auto file = load();
	const auto &suite = file.at("suites").at(GetParam());
	const auto field = [&](const char *name) { return from_hex(std::string_view(suite.at(name).as_string())); };
	const auto ke1 = decode_ke1(field("ke1"));
	const auto ke2 = decode_ke2(field("ke2"));
	const auto ke3 = decode_ke3(field("ke3"));
	ASSERT_TRUE(ke1 && ke2 && ke3);
	EXPECT_EQ(ke1->head.header.group_id, file.at("group_id").as_int64());
	EXPECT_LT(ke1->head.header.sender, ke2->head.header.sender) << "A has the smaller id";
	EXPECT_EQ(ke1->head.destination, ke2->head.header.sender);
	EXPECT_EQ(ke2->head.destination_nonce, ke1->head.header.nonce);
	EXPECT_EQ(ke2->head.x, ke1->head.x);
	EXPECT_EQ(ke3->x, ke1->head.x);
	EXPECT_EQ(ke1->head.suite, 0);
	EXPECT_EQ(std::to_string(ke2->head.suite), GetParam());
	EXPECT_THAT(std::as_bytes(std::span(ke1->share)), ElementsAreArray(field("YA")));
	EXPECT_THAT(std::as_bytes(std::span(ke2->share)), ElementsAreArray(field("YB")));
	for (const auto &[label, sa] : suite.at("sa").as_object()) {
		// "dir0 link1 class0": the receiver chose the SPI, so dir 0 (A to B) uses B's base.
		const std::uint32_t base = label[3] == '0' ? ke2->head.spi_base : ke1->head.spi_base;
		const std::uint32_t spi = spi_for(base, static_cast<LinkIndex>(label[9] - '0'),
						  static_cast<std::uint8_t>(label[16] - '0'));
		EXPECT_EQ(spi, std::stoul(std::string(sa.at("spi").as_string()), nullptr, 16)) << label;
	}
}

INSTANTIATE_TEST_SUITE_P(Suite, KnownAnswers, testing::Values("1", "2", "3"));

} // namespace
} // namespace systole::core
