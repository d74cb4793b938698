// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What of resume keys outlives a process, and what in their directory is refused or left out.
#include "control/resume_keys.h"
#include "tests/unit/api/temporary_directory.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace systole::control {
namespace {

using core::MemberId;
using Key = ResumeKeys::Key;

const MemberId peer = MemberId::from("SYS1");
const MemberId other = MemberId::from("SYS2");
const std::string peer_name = "53595331"; // the serial in hexadecimal
const std::string other_name = "53595332";

Key key_of(char fill)
{
	return Key(std::vector<std::byte>(Key::size(), static_cast<std::byte>(fill)));
}

// The letter of key_of(); '-': no key.
char letter(const Key *key)
{
	if (key == nullptr)
		return '-';
	const auto bytes = key->bytes();
	const bool even = std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) { return b == bytes[0]; });
	return even ? std::to_integer<char>(bytes[0]) : '?';
}

std::string letters(const ResumeKeys &keys, const MemberId &member)
{
	return {letter(keys.newest(member)), letter(keys.older(member))};
}

std::string hex_of(char fill)
{
	constexpr std::string_view digits = "0123456789abcdef";
	std::string text;
	for (std::size_t i = 0; i < Key::size(); ++i)
		text += {digits[static_cast<unsigned char>(fill) >> 4], digits[static_cast<unsigned char>(fill) & 15]};
	return text;
}

std::string file_of(char newest, std::optional<char> older = std::nullopt)
{
	return "systole resume keys 1\n" + hex_of(newest) + "\n" + (older ? hex_of(*older) : "-") + "\n";
}

std::string contents(const std::string &path)
{
	std::ifstream file(path, std::ios::binary);
	return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string &path)
{
	struct stat found {};
	EXPECT_EQ(lstat(path.c_str(), &found), 0) << path;
	return found.st_mode & 07777U;
}

class ResumeKeysOnDisk : public testing::Test {
protected:
	// One process: opened, used, ended.
	template <typename Use> void process(Use &&use)
	{
		m_complaints.clear();
		ResumeKeys keys;
		std::string error;
		ASSERT_TRUE(open(keys, error)) << error;
		use(keys);
	}
	bool open(ResumeKeys &keys, std::string &error)
	{
		return keys.open(
			m_directory, [this](const std::string &line) { m_complaints.push_back(line); }, error);
	}
	void write(const std::string &name, const std::string &text, mode_t mode = 0600)
	{
		ASSERT_TRUE(mkdir(m_directory.c_str(), 0700) == 0 || errno == EEXIST);
		std::ofstream(m_directory + "/" + name, std::ios::binary) << text;
		ASSERT_EQ(chmod((m_directory + "/" + name).c_str(), mode), 0);
	}
	std::set<std::string> names() const
	{
		std::set<std::string> found;
		for (const auto &entry : std::filesystem::directory_iterator(m_directory))
			found.insert(entry.path().filename());
		return found;
	}

	test::TemporaryDirectory m_parent;
	std::string m_directory = m_parent / "resume";
	std::vector<std::string> m_complaints; // read when no thread of the keys runs any more
};

TEST(ResumeKeys, without_a_directory_they_are_kept_in_memory)
{
	ResumeKeys keys;
	EXPECT_EQ(letters(keys, peer), "--");
	EXPECT_TRUE(keys.acquainted().empty());
	keys.keep(peer, key_of('a'));
	EXPECT_EQ(letters(keys, peer), "a-");
	keys.keep(peer, key_of('b'));
	keys.keep(peer, key_of('c'));
	EXPECT_EQ(letters(keys, peer), "cb");
	EXPECT_EQ(letters(keys, other), "--") << "keys of one peer are nobody else's";
	ASSERT_EQ(keys.acquainted().size(), 1U);
	EXPECT_EQ(keys.acquainted()[0], peer);
}

TEST_F(ResumeKeysOnDisk, what_was_kept_is_there_in_the_next_process_and_the_one_after)
{
	process([](ResumeKeys &keys) {
		EXPECT_TRUE(keys.acquainted().empty());
		keys.keep(peer, key_of('a'));
		keys.keep(peer, key_of('b'));
		keys.keep(other, key_of('x'));
	});
	EXPECT_TRUE(m_complaints.empty()) << m_complaints[0];
	process([](ResumeKeys &keys) {
		EXPECT_EQ(letters(keys, peer), "ba");
		EXPECT_EQ(letters(keys, other), "x-");
		EXPECT_EQ(keys.acquainted().size(), 2U);
		keys.keep(peer, key_of('c'));
	});
	process([](ResumeKeys &keys) {
		EXPECT_EQ(letters(keys, peer), "cb");
		EXPECT_EQ(letters(keys, other), "x-");
	});
	EXPECT_TRUE(m_complaints.empty()) << m_complaints[0];
}

TEST_F(ResumeKeysOnDisk, the_two_newest_are_kept_and_older_ones_are_nowhere)
{
	process([](ResumeKeys &keys) {
		for (char fill = 'a'; fill <= 'z'; ++fill)
			keys.keep(peer, key_of(fill));
	});
	EXPECT_EQ(contents(m_directory + "/" + peer_name), file_of('z', 'y'));
	EXPECT_EQ(names(), std::set<std::string>{peer_name});
	process([](ResumeKeys &keys) { EXPECT_EQ(letters(keys, peer), "zy"); });
}

TEST_F(ResumeKeysOnDisk, a_serial_may_hold_any_byte)
{
	const MemberId strange = MemberId::from("../a\n\xff/*");
	process([&](ResumeKeys &keys) { keys.keep(strange, key_of('s')); });
	EXPECT_EQ(names(), std::set<std::string>{"2e2e2f610aff2f2a"});
	process([&](ResumeKeys &keys) { EXPECT_EQ(letters(keys, strange), "s-"); });
	EXPECT_TRUE(m_complaints.empty()) << m_complaints[0];
}

TEST_F(ResumeKeysOnDisk, nobody_else_gets_at_them_whatever_the_umask)
{
	for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{077}}) {
		std::filesystem::remove_all(m_directory);
		const mode_t before = umask(mask);
		process([](ResumeKeys &keys) {
			keys.keep(peer, key_of('a'));
			keys.keep(peer, key_of('b'));
		});
		umask(before);
		EXPECT_EQ(mode_of(m_directory), 0700U);
		EXPECT_EQ(mode_of(m_directory + "/" + peer_name), 0600U);
	}
}

TEST_F(ResumeKeysOnDisk, Z7_a_directory_that_is_open_to_others_is_refused_by_name_mode_and_cure)
{
	write(peer_name, file_of('a'));
	for (const auto &[mode, text] : {std::pair{0755U, "0755"}, {0750U, "0750"}, {0701U, "0701"}, {0702U, "0702"}}) {
		ASSERT_EQ(chmod(m_directory.c_str(), mode), 0);
		ResumeKeys keys;
		std::string error;
		EXPECT_FALSE(open(keys, error)) << text;
		EXPECT_EQ(error, m_directory + " holds keys and is open to others (mode " + text + "): chmod 0700 " +
					 m_directory);
	}
	ASSERT_EQ(chmod(m_directory.c_str(), 0700), 0);
	process([](ResumeKeys &keys) { EXPECT_EQ(letters(keys, peer), "a-"); });
}

TEST_F(ResumeKeysOnDisk, Z7_a_file_that_is_open_to_others_is_refused_by_name_mode_and_cure)
{
	const std::string path = m_directory + "/" + peer_name;
	for (const auto &[mode, text] : {std::pair{0644U, "0644"}, {0640U, "0640"}, {0604U, "0604"}, {0620U, "0620"}}) {
		write(peer_name, file_of('a'), mode);
		ResumeKeys keys;
		std::string error;
		EXPECT_FALSE(open(keys, error)) << text;
		EXPECT_EQ(error, path + " holds keys and is open to others (mode " + text + "): chmod 0600 " + path);
	}
	ASSERT_EQ(chmod(path.c_str(), 0600), 0);
	process([](ResumeKeys &keys) { EXPECT_EQ(letters(keys, peer), "a-"); });
}

TEST_F(ResumeKeysOnDisk, a_directory_that_cannot_be_made_is_said)
{
	m_directory = m_parent / "nowhere/resume";
	ResumeKeys keys;
	std::string error;
	EXPECT_FALSE(open(keys, error));
	EXPECT_EQ(error, "cannot create the directory " + m_directory + ": No such file or directory");
}

TEST_F(ResumeKeysOnDisk, a_damaged_file_is_complained_of_and_left_out)
{
	const std::string good = file_of('a', 'b');
	std::string capital = good;
	std::transform(capital.begin() + 22, capital.end(), capital.begin() + 22,
		       [](char c) { return c == '6' ? 'A' : c; });
	std::string no_digit = good;
	no_digit[30] = 'g';
	std::string bad_older = good;
	bad_older[100] = ' ';
	std::string nul = good;
	nul[0] = '\0';
	const std::vector<std::string> damaged{
		"",
		"systole resume keys 1\n",
		"systole resume keys 2" + good.substr(21),
		good.substr(22),
		capital,
		no_digit,
		bad_older,
		nul,
		"systole resume keys 1\n" + hex_of('a'),
		"systole resume keys 1\n" + hex_of('a') + "\n",
		"systole resume keys 1\n" + hex_of('a') + "\n-",
		"systole resume keys 1\n-\n" + hex_of('a') + "\n",
		"systole resume keys 1\n" + hex_of('a') + "00\n-\n",
		file_of('a') + "\n",
		good + "\n",
		good + std::string(39, ' '), // ends before what is read at once, there, behind it
		good + std::string(40, ' '),
		good + std::string(41, ' '),
		good + good,
		good + std::string(100'000, 'x'),
		std::string(100'000, '\0'),
	};
	for (std::size_t i = 0; i < damaged.size(); ++i) {
		write(peer_name, damaged[i]);
		write(other_name, file_of('x', 'y'));
		process([&](ResumeKeys &keys) {
			EXPECT_EQ(letters(keys, peer), "--") << "text " << i;
			EXPECT_EQ(letters(keys, other), "xy") << "text " << i;
		});
		EXPECT_EQ(m_complaints, std::vector<std::string>{m_directory + "/" + peer_name +
								 " is damaged: left out; that peer has to join "
								 "without a ticket once"})
			<< "text " << i;
	}
	for (std::size_t length = 0; length < good.size(); ++length) { // cut short by a full disk
		write(peer_name, good.substr(0, length));
		process([&](ResumeKeys &keys) { EXPECT_EQ(letters(keys, peer), "--") << "length " << length; });
		EXPECT_EQ(m_complaints.size(), 1U) << "length " << length;
	}
	process([](ResumeKeys &keys) { keys.keep(peer, key_of('n')); }); // and the next session heals it
	process([](ResumeKeys &keys) { EXPECT_EQ(letters(keys, peer), "n-"); });
	EXPECT_TRUE(m_complaints.empty()) << m_complaints[0];
}

TEST_F(ResumeKeysOnDisk, what_is_no_file_of_ours_is_complained_of_and_left_out)
{
	write(other_name, file_of('x'));
	const std::string foreign_file = m_parent / "foreign";
	std::ofstream(foreign_file) << file_of('f');
	ASSERT_EQ(chmod(foreign_file.c_str(), 0600), 0);
	ASSERT_EQ(symlink(foreign_file.c_str(), (m_directory + "/" + peer_name).c_str()), 0);
	ASSERT_EQ(mkdir((m_directory + "/5359").c_str(), 0700), 0);
	for (const char *name : {"README", "5", "535", "53G9", "53595A", "SYS1", ".hidden",
				 "5353535353535353535353535353535353"}) // a serial of 17 bytes
		write(name, file_of('f'));
	process([](ResumeKeys &keys) {
		ASSERT_EQ(keys.acquainted().size(), 1U);
		EXPECT_EQ(keys.acquainted()[0], other);
		EXPECT_EQ(letters(keys, other), "x-");
	});
	std::set<std::string> expected;
	for (const std::string &name : names())
		if (name != other_name)
			expected.insert(m_directory + "/" + name + " is no file of resume keys: left out");
	EXPECT_EQ(expected.size(), 10U);
	EXPECT_EQ(std::set<std::string>(m_complaints.begin(), m_complaints.end()), expected);
	EXPECT_EQ(m_complaints.size(), expected.size());
}

TEST_F(ResumeKeysOnDisk, a_half_written_file_counts_for_nothing_and_the_next_session_replaces_it)
{
	write(peer_name, file_of('b', 'a'));
	write(peer_name + ".new", file_of('c', 'b').substr(0, 40));
	write(other_name + ".new", file_of('x')); // whole, but its writer did not get to say so
	process([](ResumeKeys &keys) {
		EXPECT_EQ(letters(keys, peer), "ba");
		EXPECT_EQ(letters(keys, other), "--");
		keys.keep(peer, key_of('d'));
		keys.keep(other, key_of('y'));
	});
	EXPECT_TRUE(m_complaints.empty()) << m_complaints[0];
	EXPECT_EQ(names(), (std::set<std::string>{peer_name, other_name}));
	EXPECT_EQ(contents(m_directory + "/" + peer_name), file_of('d', 'b'));
	EXPECT_EQ(contents(m_directory + "/" + other_name), file_of('y'));
}

TEST_F(ResumeKeysOnDisk, what_cannot_be_written_is_complained_of_and_kept_in_memory)
{
	process([&](ResumeKeys &keys) {
		std::filesystem::remove_all(m_directory);
		keys.keep(peer, key_of('a'));
		EXPECT_EQ(letters(keys, peer), "a-");
	});
	EXPECT_EQ(m_complaints, std::vector<std::string>{"cannot write " + m_directory + "/" + peer_name +
							 ": No such file or directory; that peer may have to join "
							 "without a ticket"});
}

MemberId numbered(int number)
{
	return MemberId::from("SYS" + std::to_string(1000 + number));
}

TEST(ResumeKeys, acquainted_are_the_newest_first_and_no_more_than_a_cluster_has_members)
{
	ResumeKeys keys;
	for (int i = 0; i < 20; ++i)
		keys.keep(numbered(i), key_of('a'));
	auto list = keys.acquainted();
	ASSERT_EQ(list.size(), core::max_members);
	for (std::size_t i = 0; i < list.size(); ++i)
		EXPECT_EQ(list[i], numbered(19 - static_cast<int>(i)));
	keys.keep(numbered(2), key_of('b')); // which had no place in the list
	list = keys.acquainted();
	EXPECT_EQ(list[0], numbered(2));
	EXPECT_EQ(list[1], numbered(19));
	EXPECT_EQ(list[15], numbered(5));
}

TEST_F(ResumeKeysOnDisk, after_a_start_the_newest_file_is_first_and_what_is_kept_then_comes_before_it)
{
	process([](ResumeKeys &keys) {
		for (int i = 0; i < 20; ++i)
			keys.keep(numbered(i), key_of('a'));
	});
	for (int i = 0; i < 20; ++i) { // in another order than that of their serials
		const int place = i * 7 % 20;
		const MemberId member = numbered(place);
		std::string name;
		for (const char c : member.view())
			name += hex_of(c).substr(0, 2);
		const timespec when[2]{{1'000'000 + i, 0}, {1'000'000 + i, 0}};
		ASSERT_EQ(utimensat(AT_FDCWD, (m_directory + "/" + name).c_str(), when, 0), 0) << name;
	}
	process([](ResumeKeys &keys) {
		auto list = keys.acquainted();
		ASSERT_EQ(list.size(), core::max_members);
		for (std::size_t i = 0; i < list.size(); ++i)
			EXPECT_EQ(list[i], numbered((19 - static_cast<int>(i)) * 7 % 20));
		keys.keep(numbered(0), key_of('b')); // of the oldest file
		list = keys.acquainted();
		EXPECT_EQ(list[0], numbered(0));
		EXPECT_EQ(list[1], numbered(19 * 7 % 20));
	});
}

} // namespace
} // namespace systole::control
