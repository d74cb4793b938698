// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The key log to the letter, its file modes, and its errors.
#include "crypto/key_log.h"
#include "tests/unit/crypto/known_answers.h"
#include "tests/unit/crypto/sa_pair.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace systole::crypto {
namespace {

class KeyLogTest : public testing::Test {
protected:
	void SetUp() override
	{
		std::string pattern = testing::TempDir() + "/systole-key-log-XXXXXX";
		ASSERT_NE(mkdtemp(pattern.data()), nullptr);
		directory = pattern;
	}
	void TearDown() override { std::filesystem::remove_all(directory); }

	[[nodiscard]] static std::string read(const std::filesystem::path &path)
	{
		std::ifstream file(path);
		std::ostringstream text;
		text << file.rdbuf();
		return text.str();
	}
	[[nodiscard]] static unsigned mode(const std::filesystem::path &path)
	{
		struct stat status {};
		return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
	}

	std::filesystem::path directory;
	std::string error;
};

TEST_F(KeyLogTest, writes_one_line_for_each_suite_as_tshark_reads_it)
{
	const auto path = directory / "new" / "m1";
	auto log = KeyLog::open(path, error);
	ASSERT_TRUE(log.has_value()) << error;
	const auto key = test::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223ffffff"
					"ffffffffffffffffffffffffff");
	const Bytes bytes(key);
	EXPECT_TRUE(log->append({0x01000101, Suite::cbc_sha1, bytes}));
	EXPECT_EQ(read(path / "esp_sa"),
		  "\"IPv4\",\"*\",\"*\",\"0x01000101\",\"AES-CBC [RFC3602]\",\"0x000102030405060708090a0b0c0d0e0f\","
		  "\"HMAC-SHA-1-96 [RFC2404]\",\"0x101112131415161718191a1b1c1d1e1f20212223\"\n")
		<< "must be in the file when append() returns";
	EXPECT_TRUE(log->append({0x01000202, Suite::gcm, bytes.first(20)}));
	EXPECT_TRUE(log->append({0xffff0303, Suite::null_sha1, bytes.first(20)}));
	EXPECT_TRUE(read(path / "esp_sa")
			    .ends_with("\"IPv4\",\"*\",\"*\",\"0x01000202\",\"AES-GCM with 16 octet ICV [RFC4106]\","
				       "\"0x000102030405060708090a0b0c0d0e0f10111213\",\"NULL\",\"\"\n"
				       "\"IPv4\",\"*\",\"*\",\"0xffff0303\",\"NULL\",\"\",\"HMAC-SHA-1-96 [RFC2404]\","
				       "\"0x000102030405060708090a0b0c0d0e0f10111213\"\n"));
	EXPECT_TRUE(log->append({0xffff0404, Suite::plain, {}}));
	EXPECT_TRUE(
		read(path / "esp_sa").ends_with("\"IPv4\",\"*\",\"*\",\"0xffff0404\",\"NULL\",\"\",\"NULL\",\"\"\n"));
	EXPECT_EQ(read(path / "preferences"),
		  "esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n");
	EXPECT_EQ(mode(path / "esp_sa"), 0600u);
	EXPECT_EQ(mode(path / "preferences"), 0600u);
	EXPECT_EQ(mode(path), 0700u);
}

TEST_F(KeyLogTest, appends_after_a_restart_and_refuses_impossible_SAs)
{
	const std::vector<std::byte> key(20);
	for (int start = 0; start < 2; ++start) {
		auto log = KeyLog::open(directory, error);
		ASSERT_TRUE(log.has_value()) << error;
		EXPECT_TRUE(log->append({0x1000, Suite::gcm, key}));
		EXPECT_FALSE(log->append({0x1000, Suite::cbc_sha1, key}));
		EXPECT_FALSE(log->append({0x1000, Suite::none, {}}));
	}
	const std::string text = read(directory / "esp_sa");
	EXPECT_EQ(std::ranges::count(text, '\n'), 2);
}

TEST_F(KeyLogTest, names_the_file_it_cannot_write)
{
	std::ofstream(directory / "file") << "not a directory";
	EXPECT_FALSE(KeyLog::open(directory / "file", error).has_value());
	EXPECT_NE(error.find((directory / "file").string()), std::string::npos) << error;
	// a planted link is not followed
	std::filesystem::create_symlink(directory / "file", directory / "esp_sa");
	EXPECT_FALSE(KeyLog::open(directory, error).has_value());
	EXPECT_NE(error.find("esp_sa"), std::string::npos) << error;
	EXPECT_EQ(read(directory / "file"), "not a directory");
}

// One frame of a capture file (pcap, big endian, IPv4 without Ethernet): an outer header, then the ESP packet.
void write_capture(const std::filesystem::path &path, Bytes esp)
{
	constexpr std::array<std::uint32_t, 6> file_header{0xa1b2c3d4, 0x00020004, 0, 0, 65535, 228}; // LINKTYPE_IPV4
	std::vector<std::byte> bytes;
	const auto put = [&](std::uint32_t word) {
		bytes.resize(bytes.size() + 4);
		store_be32(bytes.data() + bytes.size() - 4, word);
	};
	const auto length = static_cast<std::uint32_t>(20 + esp.size());
	for (const std::uint32_t word : file_header)
		put(word);
	for (const std::uint32_t word : {0U, 0U, length, length}) // time, captured and real length
		put(word);
	for (const std::uint32_t word : {0x45000000U | length, 0x00004000U, 0x40320000U, 0xa9fe0001U, 0xa9fe0002U})
		put(word);
	bytes.insert(bytes.end(), esp.begin(), esp.end());
	std::ofstream(path, std::ios::binary)
		.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TEST_F(KeyLogTest, lets_tshark_read_a_packet_of_the_plain_suite)
{
	const char *const tshark = std::getenv("TSHARK");
	if (tshark == nullptr)
		GTEST_SKIP() << "tshark was not found by the build";
	test::SaPair pair(Suite::plain);
	{
		auto log = KeyLog::open(directory, error);
		ASSERT_TRUE(log.has_value()) << error;
		ASSERT_TRUE(log->append({pair.spi, Suite::plain, {}}));
	}
	// 169.254.0.1 to .2, UDP 8890 to 8890, "beat"
	const auto inner = test::from_hex("45000020000000004011"
					  "0000a9fe0001a9fe000222ba22ba000c000062656174");
	write_capture(directory / "plain.pcap", pair.seal(inner));
	const std::string command = "WIRESHARK_CONFIG_DIR='" + directory.string() + "' '" + tshark + "' -r '" +
				    (directory / "plain.pcap").string() +
				    "' -T fields -e ip.proto -e udp.dstport -e data.data 2>/dev/null > '" +
				    (directory / "verdict").string() + "'";
	ASSERT_EQ(std::system(command.c_str()), 0);
	EXPECT_EQ(read(directory / "verdict"), "50,17\t8890\t62656174\n");
}

// With TSHARK set, as the build does when it has found the program: an outside judge of names and forms.
TEST_F(KeyLogTest, lets_tshark_verify_every_packet_of_the_capture)
{
	const char *const tshark = std::getenv("TSHARK");
	if (tshark == nullptr)
		GTEST_SKIP() << "tshark was not found by the build";
	{
		auto log = KeyLog::open(directory, error);
		ASSERT_TRUE(log.has_value()) << error;
		const test::KnownAnswers known = test::load_known_answers();
		for (const auto &exchange : known.exchanges)
			for (const auto &sa : exchange.sas)
				ASSERT_TRUE(log->append(sa.spec()));
	}
	const std::string command = "WIRESHARK_CONFIG_DIR='" + directory.string() + "' '" + tshark +
				    "' -r '" SYSTOLE_TEST_VECTORS
				    "/hake.pcap' -Y esp -T fields -e esp.icv_good -e ip.proto 2>/dev/null > '" +
				    (directory / "verdict").string() + "'";
	ASSERT_EQ(std::system(command.c_str()), 0);
	std::string expected;
	for (int packet = 0; packet < 24; ++packet)
		expected += "1\t50,17\n"; // ICV good, and the inner UDP was reached
	EXPECT_EQ(read(directory / "verdict"), expected);
}

} // namespace
} // namespace systole::crypto
