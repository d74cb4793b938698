// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The passwords of a configuration file that changes under a running daemon.
#include "control/password_reader.h"
#include "crypto/hake.h"
#include "tests/unit/api/temporary_directory.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace systole::control {
namespace {

constexpr std::uint16_t group_id = 103;
constexpr const char *group_name = "remote-mon";

std::string cluster(const std::string &inside)
{
	return "config system ha\nset mode a-p\nset group-id 103\nset group-name \"remote-mon\"\nset hbdev \"hb0\" "
	       "50\n" +
	       inside + "end\n";
}

const std::string first_only = cluster("set password \"correct horse battery\"\n");
const std::string both = cluster("set password \"correct horse battery\"\nset password-index 4\n"
				 "set password-next \"staple of another sort\"\nset password-next-index 9\n");

bool is_of(const crypto::Secret<32> &prs, std::string_view password)
{
	const auto expected = crypto::derive_prs(password, group_id, group_name);
	return expected && crypto::equal_constant_time(prs.bytes(), expected->bytes());
}

std::vector<int> numbers(const PasswordSet &set)
{
	return {set.indexes.begin(), set.indexes.end()};
}

class PasswordReading : public testing::Test {
protected:
	PasswordReading() { write(first_only); }
	// As an editor does it: another file takes the name.
	void write(const std::string &text)
	{
		std::ofstream(m_file + ".swap") << text;
		std::filesystem::rename(m_file + ".swap", m_file);
	}
	PasswordSet read(PasswordReader &reader)
	{
		std::optional<PasswordSet> result;
		const auto done = [&](PasswordSet set) {
			result = std::move(set);
			m_called_by = std::this_thread::get_id();
		};
		EXPECT_TRUE(reader.read(done));
		wait_for(result);
		return std::move(*result);
	}
	// `done` has been called; it must not have been before the io_context ran.
	void wait_for(const std::optional<PasswordSet> &result)
	{
		EXPECT_FALSE(result.has_value());
		while (!result && m_io.run_one_for(std::chrono::seconds{60}) > 0) {}
		if (!result)
			throw std::runtime_error("no answer within a minute");
	}

	test::TemporaryDirectory m_directory;
	std::string m_file = m_directory / "systole.conf";
	boost::asio::io_context m_io;
	boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work = make_work_guard(m_io);
	std::thread::id m_called_by;
};

TEST_F(PasswordReading, a_file_that_is_as_it_was_is_not_read)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	for (int i = 0; i < 2; ++i) {
		const PasswordSet set = read(reader);
		EXPECT_TRUE(set.unchanged);
		EXPECT_EQ(set.error, "");
		EXPECT_TRUE(set.passwords.empty());
		EXPECT_TRUE(set.indexes.empty());
	}
	EXPECT_EQ(m_called_by, std::this_thread::get_id());
}

TEST_F(PasswordReading, a_changed_file_gives_its_passwords_under_their_indexes_once)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	write(both);
	PasswordSet set = read(reader);
	EXPECT_FALSE(set.unchanged);
	EXPECT_EQ(set.error, "");
	EXPECT_EQ(numbers(set), (std::vector{4, 9})) << "the one to begin with is first";
	ASSERT_EQ(set.passwords.size(), 2U);
	EXPECT_TRUE(is_of(set.passwords.at(4), "correct horse battery"));
	EXPECT_TRUE(is_of(set.passwords.at(9), "staple of another sort"));
	EXPECT_TRUE(read(reader).unchanged);

	write(cluster("set password \"staple of another sort\"\nset password-index 9\n"));
	set = read(reader);
	EXPECT_EQ(numbers(set), std::vector{9});
	ASSERT_EQ(set.passwords.size(), 1U) << "the old one is gone";
	EXPECT_TRUE(is_of(set.passwords.at(9), "staple of another sort"));
}

TEST_F(PasswordReading, a_file_that_is_written_in_place_has_changed_too)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	std::ofstream(m_file) << both;
	EXPECT_EQ(numbers(read(reader)), (std::vector{4, 9}));
}

TEST_F(PasswordReading, the_group_is_that_of_the_start)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	write("config system ha\nset mode a-p\nset group-id 7\nset group-name \"another\"\nset hbdev \"hb0\" 50\n"
	      "set password \"correct horse battery\"\nend\n");
	const PasswordSet set = read(reader);
	ASSERT_EQ(set.passwords.size(), 1U);
	EXPECT_TRUE(is_of(set.passwords.at(0), "correct horse battery")) << "nothing else of the file is taken";
}

TEST_F(PasswordReading, a_broken_file_is_refused_in_one_line)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	write("config system ha\nset mode a-q\nset hbdev\nset password \"\"\nend\n"); // more than one thing is wrong
	PasswordSet set = read(reader);
	EXPECT_FALSE(set.unchanged);
	EXPECT_TRUE(set.passwords.empty());
	EXPECT_TRUE(set.indexes.empty());
	const std::string begin =
		"the passwords stay as they are, because the configuration is not good: " + m_file + ":2:";
	EXPECT_EQ(set.error.substr(0, begin.size()), begin);
	EXPECT_EQ(std::count(set.error.begin(), set.error.end(), '\n'), 0);
	EXPECT_EQ(set.error.find("correct horse"), std::string::npos);

	write(both);
	set = read(reader);
	EXPECT_EQ(set.error, "");
	EXPECT_EQ(numbers(set), (std::vector{4, 9})) << "mended";
}

TEST_F(PasswordReading, passwords_that_cannot_stand_side_by_side_are_refused)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	write(cluster("set password \"correct horse battery\"\nset password-index 1\n"
		      "set password-next \"staple of another sort\"\n"));
	const PasswordSet set = read(reader);
	EXPECT_NE(set.error.find("password and password-next have the same index (1)"), std::string::npos) << set.error;
	EXPECT_TRUE(set.passwords.empty());
}

TEST_F(PasswordReading, a_file_that_is_gone_is_said_each_time)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	std::filesystem::remove(m_file);
	for (int i = 0; i < 2; ++i) {
		const PasswordSet set = read(reader);
		EXPECT_NE(set.error.find("cannot read: No such file or directory"), std::string::npos) << set.error;
		EXPECT_EQ(std::count(set.error.begin(), set.error.end(), '\n'), 0);
		EXPECT_TRUE(set.passwords.empty());
	}
	write(first_only);
	EXPECT_EQ(numbers(read(reader)), std::vector{0});
}

TEST_F(PasswordReading, one_reading_at_a_time)
{
	PasswordReader reader(m_io, m_file, group_id, group_name);
	write(both);
	std::optional<PasswordSet> first;
	ASSERT_TRUE(reader.read([&](PasswordSet set) { first = std::move(set); }));
	EXPECT_FALSE(reader.read([](PasswordSet) { FAIL() << "of a reading that was refused"; }));
	wait_for(first);
	EXPECT_EQ(first->passwords.size(), 2U);
	EXPECT_TRUE(read(reader).unchanged) << "and then the next";
}

TEST_F(PasswordReading, may_end_while_it_reads)
{
	bool called = false;
	{
		PasswordReader reader(m_io, m_file, group_id, group_name);
		write(both);
		ASSERT_TRUE(reader.read([&](PasswordSet) { called = true; }));
	}
	EXPECT_FALSE(called);
}

} // namespace
} // namespace systole::control
