// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/history.h"

#include "tests/unit/api/temporary_directory.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

namespace systole::control::test {
namespace {

class HistoryFile : public testing::Test {
protected:
	static boost::json::object entry(int number)
	{
		return {{"event", "test"}, {"text", "event " + std::to_string(number)}};
	}
	static std::string text_of(const boost::json::object &one) { return std::string(one.at("text").as_string()); }
	void write(const std::string &text) const { std::ofstream(file, std::ios::binary) << text; }
	[[nodiscard]] std::string contents() const
	{
		std::ifstream stream(file, std::ios::binary);
		return {std::istreambuf_iterator<char>(stream), {}};
	}
	[[nodiscard]] auto lines() const
	{
		const std::string text = contents();
		return std::count(text.begin(), text.end(), '\n');
	}

	TemporaryDirectory directory;
	std::string file = directory / "history.jsonl";
	std::string error;
};

TEST_F(HistoryFile, what_was_appended_is_there_after_a_restart_in_order)
{
	{
		History history;
		ASSERT_TRUE(history.load(file, error)) << error;
		for (int i = 0; i < 3; ++i)
			history.append(entry(i));
	}
	History again;
	ASSERT_TRUE(again.load(file, error)) << error;
	ASSERT_EQ(again.entries().size(), 3U);
	EXPECT_EQ(text_of(again.entries()[0]), "event 0");
	EXPECT_EQ(text_of(again.entries()[2]), "event 2");
	EXPECT_EQ(again.skipped_lines(), 0U);
	struct stat info {};
	ASSERT_EQ(stat(file.c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 0137U, 0U) << "nobody outside the group reads it, nobody but us writes it";
}

TEST_F(HistoryFile, what_was_written_survives_a_process_that_dies_without_a_word)
{
	const pid_t child = fork();
	if (child == 0) {
		History history;
		std::string failure;
		if (!history.load(file, failure))
			_exit(1);
		history.append(entry(1));
		while (contents().find("event 1") == std::string::npos)
			usleep(1000);
		_exit(0); // no stop(), no destructor
	}
	int status = 0;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT_EQ(status, 0);
	History history;
	ASSERT_TRUE(history.load(file, error)) << error;
	EXPECT_EQ(history.entries().size(), 1U);
}

TEST_F(HistoryFile, only_the_newest_512_are_kept_and_the_file_is_compacted)
{
	{
		History history;
		ASSERT_TRUE(history.load(file, error)) << error;
		for (int i = 0; i < 3000; ++i)
			history.append(entry(i));
		EXPECT_EQ(history.entries().size(), History::max_entries);
		history.stop();
		EXPECT_EQ(history.dropped(), 0U);
		EXPECT_LE(lines(), static_cast<long>(History::max_file_lines));
		EXPECT_NE(access((file + ".new").c_str(), F_OK), 0);
	}
	History again;
	ASSERT_TRUE(again.load(file, error)) << error;
	ASSERT_EQ(again.entries().size(), History::max_entries);
	EXPECT_EQ(text_of(again.entries().front()), "event " + std::to_string(3000 - 512));
	EXPECT_EQ(text_of(again.entries().back()), "event 2999");
}

TEST_F(HistoryFile, a_torn_last_line_is_skipped_counted_and_not_glued_to_the_next)
{
	write("{\"text\":\"event 1\"}\n{\"text\":\"eve");
	{
		History history;
		ASSERT_TRUE(history.load(file, error)) << error;
		EXPECT_EQ(history.skipped_lines(), 1U);
		ASSERT_EQ(history.entries().size(), 1U);
		history.append(entry(2));
	}
	History again;
	ASSERT_TRUE(again.load(file, error)) << error;
	EXPECT_EQ(again.skipped_lines(), 0U) << contents();
	ASSERT_EQ(again.entries().size(), 2U);
	EXPECT_EQ(text_of(again.entries()[1]), "event 2");
}

TEST_F(HistoryFile, a_whole_last_line_without_its_newline_counts)
{
	write("{\"text\":\"event 1\"}");
	{
		History history;
		ASSERT_TRUE(history.load(file, error)) << error;
		EXPECT_EQ(history.skipped_lines(), 0U);
		history.append(entry(2));
	}
	EXPECT_EQ(lines(), 2);
}

TEST_F(HistoryFile, garbage_is_skipped_and_counted_wherever_it_stands)
{
	std::string text = "{\"text\":\"event 1\"}\n";
	text += std::string("\0\xff\xfe garbage\n", 12);
	text += "[1,2]\n\n{\"text\":7}\n{\"no\":\"text\"}\n" + std::string(70000, '[') + "\n{\"text\":\"event 2\"}\n";
	write(text);
	History history;
	ASSERT_TRUE(history.load(file, error)) << error;
	EXPECT_EQ(history.skipped_lines(), 6U);
	ASSERT_EQ(history.entries().size(), 2U);
	EXPECT_EQ(text_of(history.entries()[1]), "event 2");
	history.stop();
	EXPECT_EQ(lines(), 2) << "the garbage is gone from the file";
}

TEST_F(HistoryFile, of_a_huge_file_only_the_end_is_read)
{
	std::string text;
	while (text.size() < History::max_file_bytes + 1000)
		text += "{\"text\":\"" + std::string(1000, 'x') + "\"}\n";
	write(text + "{\"text\":\"last\"}\n");
	History history;
	ASSERT_TRUE(history.load(file, error)) << error;
	EXPECT_EQ(history.entries().size(), History::max_entries);
	EXPECT_EQ(text_of(history.entries().back()), "last");
}

TEST_F(HistoryFile, without_a_directory_events_are_kept_in_memory_and_it_says_so)
{
	History history;
	EXPECT_FALSE(history.load(directory / "missing/history.jsonl", error));
	EXPECT_NE(error.find("missing/history.jsonl"), std::string::npos);
	history.append(entry(1));
	EXPECT_EQ(history.snapshot().size(), 1U);
}

TEST_F(HistoryFile, a_symbolic_link_in_its_place_is_not_followed)
{
	std::filesystem::create_symlink(directory / "elsewhere", file);
	History history;
	EXPECT_FALSE(history.load(file, error));
	EXPECT_NE(access((directory / "elsewhere").c_str(), F_OK), 0);
}

TEST_F(HistoryFile, a_disk_that_takes_nothing_is_counted_and_the_file_is_whole_again_afterwards)
{
	const pid_t child = fork(); // the limit is the process's
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		History history;
		std::string failure;
		rlimit tight{20, RLIM_INFINITY}; // a write beyond 20 bytes fails, and may leave half a line
		if (!history.load(file, failure) || setrlimit(RLIMIT_FSIZE, &tight) != 0)
			_exit(1);
		history.append(entry(1));
		while (history.write_errors() == 0)
			usleep(1000);
		tight.rlim_cur = RLIM_INFINITY;
		if (setrlimit(RLIMIT_FSIZE, &tight) != 0)
			_exit(2);
		history.append(entry(2));
		history.stop();
		_exit(0);
	}
	int status = 0;
	ASSERT_EQ(waitpid(child, &status, 0), child);
	ASSERT_EQ(status, 0);
	History history;
	ASSERT_TRUE(history.load(file, error)) << error;
	EXPECT_EQ(history.skipped_lines(), 0U) << contents();
	EXPECT_EQ(history.entries().size(), 2U);
}

TEST_F(HistoryFile, failovers_are_counted_from_the_start_of_the_process)
{
	History history;
	history.append({{"event", "role"}, {"from", "hello"}, {"to", "primary"}, {"text", ""}});
	EXPECT_EQ(history.failovers(), 0U);
	history.append({{"event", "role"}, {"from", "primary"}, {"to", "secondary"}, {"text", ""}});
	history.append({{"event", "role"}, {"from", "secondary"}, {"to", "primary"}, {"text", ""}});
	history.append({{"event", "link"}, {"from", "primary"}, {"to", "secondary"}, {"text", ""}});
	EXPECT_EQ(history.failovers(), 2U);
}

} // namespace
} // namespace systole::control::test
