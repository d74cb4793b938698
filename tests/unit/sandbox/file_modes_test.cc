// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which modes of secret files are refused, and that the line says what to do.
#include "control/sandbox/file_modes.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace systole::control {
namespace {

class FileModes : public testing::Test {
protected:
	FileModes()
	{
		std::string pattern = (std::filesystem::temp_directory_path() / "systole-modes-XXXXXX").string();
		m_directory = mkdtemp(pattern.data());
		std::filesystem::create_directory(m_directory / "resume");
		mode("resume", 0700);
		for (const char *name : {"systole.conf", "resume/peer"}) {
			std::ofstream(m_directory / name) << "secret\n";
			mode(name, 0600);
		}
	}
	~FileModes() override { std::filesystem::remove_all(m_directory); }

	void mode(const std::string &name, mode_t value) { ASSERT_EQ(chmod(path(name).c_str(), value), 0); }
	[[nodiscard]] std::string path(const std::string &name) const
	{
		return name.empty() ? m_directory.string() : (m_directory / name).string();
	}

	std::filesystem::path m_directory;
};
using HostileFileModes = FileModes;

TEST_F(HostileFileModes, Z7_a_configuration_that_others_can_read_or_change_is_refused_by_name_mode_and_cure)
{
	for (const mode_t good : {0600, 0400, 0640, 0440}) {
		mode("systole.conf", good);
		EXPECT_EQ(loose_configuration(path("systole.conf")).size(), 0U) << good;
	}
	for (const mode_t loose : {0644, 0604, 0602, 0620, 0660, 0666, 0641}) {
		mode("systole.conf", loose);
		EXPECT_EQ(loose_configuration(path("systole.conf")).size(), 1U) << loose;
	}
	mode("systole.conf", 0644);
	const std::string line = loose_configuration(path("systole.conf")).at(0);
	for (const std::string &part :
	     {path("systole.conf"), std::string("0644"), "chmod 0600 " + path("systole.conf")})
		EXPECT_NE(line.find(part), std::string::npos) << line;
}

TEST_F(HostileFileModes, Z7_a_state_directory_or_a_resume_key_that_others_can_get_at_is_refused)
{
	EXPECT_TRUE(loose_state(path("")).empty());
	mode("", 0750); // what the daemon itself makes
	EXPECT_TRUE(loose_state(path("")).empty());
	for (const mode_t loose : {0755, 0770, 0701}) {
		mode("", loose);
		EXPECT_EQ(loose_state(path("")).size(), 1U) << loose;
	}
	mode("", 0700);
	for (const mode_t loose : {0750, 0701}) {
		mode("resume", loose);
		EXPECT_EQ(loose_state(path("")).size(), 1U) << loose;
	}
	mode("resume", 0700);
	for (const mode_t loose : {0644, 0640, 0620, 0602}) {
		mode("resume/peer", loose);
		const auto faults = loose_state(path(""));
		ASSERT_EQ(faults.size(), 1U) << loose;
		EXPECT_NE(faults[0].find("chmod 0600 " + path("resume/peer")), std::string::npos) << faults[0];
	}
	mode("", 0755);
	EXPECT_EQ(loose_state(path("")).size(), 2U); // all of them at once
}

TEST_F(HostileFileModes, Z7_what_belongs_to_somebody_else_is_refused)
{
	if (geteuid() != 0)
		GTEST_SKIP() << "needs root to give a file away";
	ASSERT_EQ(chown(path("systole.conf").c_str(), 65534, 65534), 0);
	ASSERT_EQ(loose_configuration(path("systole.conf")).size(), 1U);
	EXPECT_NE(loose_configuration(path("systole.conf"))[0].find("65534"), std::string::npos);
}

TEST_F(FileModes, what_is_not_there_is_good)
{
	EXPECT_TRUE(loose_state(path("none")).empty());
	EXPECT_TRUE(loose_configuration(path("none")).empty());
}

} // namespace
} // namespace systole::control
