// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The operator's own value comes back, whatever happens in between.
#include "control/sessions/tcp_liberality.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace systole::control {
namespace {

class Liberality : public testing::Test {
protected:
	void SetUp() override
	{
		std::string name = testing::TempDir() + "systole-liberality-XXXXXX";
		ASSERT_NE(mkdtemp(name.data()), nullptr);
		directory = name;
		set(0);
	}
	void TearDown() override { std::filesystem::remove_all(directory); }
	void set(int value) const { std::ofstream(setting()) << value; }
	[[nodiscard]] int value() const
	{
		int number = -1;
		std::ifstream(setting()) >> number;
		return number;
	}
	[[nodiscard]] std::string setting() const { return directory / "be_liberal"; }
	[[nodiscard]] std::string note() const { return directory / "note"; }

	std::filesystem::path directory;
	std::string error;
};

TEST_F(Liberality, is_on_for_as_long_as_it_runs)
{
	{
		TcpLiberality liberality(note(), setting());
		ASSERT_TRUE(liberality.start(error)) << error;
		EXPECT_EQ(value(), 1);
	}
	EXPECT_EQ(value(), 0);
	EXPECT_FALSE(std::filesystem::exists(note()));
}

TEST_F(Liberality, that_the_operator_has_switched_on_stays_on)
{
	set(1);
	{
		TcpLiberality liberality(note(), setting());
		ASSERT_TRUE(liberality.start(error)) << error;
	}
	EXPECT_EQ(value(), 1);
}

TEST_F(Liberality, after_a_crash_the_next_end_gives_the_old_value_back)
{
	auto *crashed = new TcpLiberality(note(), setting()); // never ends
	ASSERT_TRUE(crashed->start(error)) << error;
	ASSERT_EQ(value(), 1);
	{
		TcpLiberality next(note(), setting());
		ASSERT_TRUE(next.start(error)) << error;
		EXPECT_EQ(value(), 1);
	}
	EXPECT_EQ(value(), 0);
	EXPECT_FALSE(std::filesystem::exists(note()));
	set(1); // and what the operator does then is the operator's
	{
		TcpLiberality last(note(), setting());
		ASSERT_TRUE(last.start(error)) << error;
	}
	EXPECT_EQ(value(), 1);
	delete crashed;
}

TEST_F(Liberality, says_what_it_cannot_do)
{
	TcpLiberality no_kernel(note(), (directory / "nowhere" / "be_liberal").string());
	EXPECT_FALSE(no_kernel.start(error));
	EXPECT_NE(error.find("cannot read"), std::string::npos) << error;
	TcpLiberality no_room((directory / "nowhere" / "note").string(), setting());
	EXPECT_FALSE(no_room.start(error));
	EXPECT_NE(error.find("cannot write"), std::string::npos) << error;
	EXPECT_EQ(value(), 0);
}

} // namespace
} // namespace systole::control
