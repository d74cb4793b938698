// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The bounds-checked reader and writer at every edge.
#include "control/core/wire.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace systole::core {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values)
{
	std::vector<std::byte> out;
	for (const int value : values)
		out.push_back(static_cast<std::byte>(value));
	return out;
}

TEST(WireReader, NumbersAreBigEndian)
{
	const auto data =
		bytes({0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f});
	WireReader in(data);
	EXPECT_EQ(in.number<std::uint8_t>(), 0x01);
	EXPECT_EQ(in.number<std::uint16_t>(), 0x0203);
	EXPECT_EQ(in.number<std::uint32_t>(), 0x04050607U);
	EXPECT_EQ(in.number<std::uint64_t>(), 0x08090a0b0c0d0e0fULL);
	EXPECT_TRUE(in.ok());
	EXPECT_EQ(in.left(), 0U);
}

TEST(WireReader, NegativeNumbersKeepTheirSign)
{
	const auto data = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe});
	EXPECT_EQ(WireReader(data).number<std::int64_t>(), -2);
	EXPECT_EQ(WireReader(data).number<std::int16_t>(), -1);
}

TEST(WireReader, AReadPastTheEndYieldsZeroAndIsRemembered)
{
	const auto data = bytes({1, 2, 3});
	WireReader in(data);
	EXPECT_EQ(in.number<std::uint32_t>(), 0U);
	EXPECT_FALSE(in.ok());
	// What would still fit does not come back to life.
	EXPECT_EQ(in.number<std::uint8_t>(), 0);
	EXPECT_TRUE(in.take(1).empty());
	EXPECT_FALSE(in.ok());
}

TEST(WireReader, TheLastByteIsStillReadable)
{
	const auto data = bytes({1, 2, 3});
	WireReader in(data);
	EXPECT_EQ(in.take(2).size(), 2U);
	EXPECT_EQ(in.number<std::uint8_t>(), 3);
	EXPECT_TRUE(in.ok());
	in.skip(0);
	EXPECT_TRUE(in.ok());
	in.skip(1);
	EXPECT_FALSE(in.ok());
}

TEST(WireReader, AnEnormousLengthDoesNotWrapAround)
{
	const auto data = bytes({1, 2, 3});
	WireReader in(data);
	in.skip(2);
	EXPECT_TRUE(in.take(std::numeric_limits<std::size_t>::max()).empty());
	EXPECT_FALSE(in.ok());
}

TEST(WireReader, AnArrayIsReadWholeOrNotAtAll)
{
	const auto data = bytes({1, 2, 3});
	std::array<std::uint8_t, 4> out{9, 9, 9, 9};
	WireReader in(data);
	in.bytes_into(out);
	EXPECT_FALSE(in.ok());
	EXPECT_EQ(out, (std::array<std::uint8_t, 4>{9, 9, 9, 9}));
}

TEST(WireReader, NothingCanBeReadFromNothing)
{
	WireReader in({});
	EXPECT_TRUE(in.ok());
	EXPECT_EQ(in.left(), 0U);
	EXPECT_EQ(in.number<std::uint8_t>(), 0);
	EXPECT_FALSE(in.ok());
}

TEST(WireWriter, WritesWhatTheReaderReads)
{
	std::array<std::byte, 15> buffer{};
	WireWriter out(buffer);
	out.number(std::uint8_t{0xab});
	out.number(std::int16_t{-2});
	out.number(std::uint32_t{0xdeadbeef});
	out.number(std::int64_t{std::numeric_limits<std::int64_t>::min()});
	EXPECT_TRUE(out.ok());
	EXPECT_EQ(out.written(), 15U);
	WireReader in(buffer);
	EXPECT_EQ(in.number<std::uint8_t>(), 0xab);
	EXPECT_EQ(in.number<std::int16_t>(), -2);
	EXPECT_EQ(in.number<std::uint32_t>(), 0xdeadbeef);
	EXPECT_EQ(in.number<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
}

TEST(WireWriter, AWritePastTheEndWritesNothingAndIsRemembered)
{
	std::array<std::byte, 5> buffer{};
	WireWriter out{std::span(buffer).first(3)};
	out.number(std::uint16_t{0x0102});
	out.number(std::uint32_t{0xffffffff});
	EXPECT_FALSE(out.ok());
	EXPECT_EQ(out.written(), 2U);
	out.number(std::uint8_t{0xff}); // would fit, but the message is broken
	EXPECT_EQ(out.written(), 2U);
	for (std::size_t i = 2; i < buffer.size(); ++i)
		EXPECT_EQ(buffer[i], std::byte{0}) << i;
}

TEST(WireWriter, EmptyBytesAreNoError)
{
	WireWriter out({});
	out.bytes(std::string());
	EXPECT_TRUE(out.ok());
	out.bytes(std::string("x"));
	EXPECT_FALSE(out.ok());
}

} // namespace
} // namespace systole::core
