// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The field forms are those of Wireshark's user table "esp_sa"; the algorithm names must match it to the letter.
#include "crypto/key_log.h"

#include "crypto/bytes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace systole::crypto {
namespace {

constexpr std::string_view preferences = "esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n";

bool write_all(int file, std::string_view text)
{
	while (!text.empty()) {
		const ssize_t wrote = write(file, text.data(), text.size());
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		text.remove_prefix(static_cast<std::size_t>(wrote));
	}
	return true;
}

// One line, wiped when it ends. Long enough for the longest: 104 digits of key and the names.
class Line {
public:
	~Line() { wipe(std::as_writable_bytes(std::span(m_text))); }
	void add(std::string_view text)
	{
		for (const char c : text)
			m_text.at(m_length++) = c;
	}
	void add_hex(Bytes bytes)
	{
		static constexpr std::string_view digits = "0123456789abcdef";
		add("0x");
		for (const std::byte b : bytes) {
			m_text.at(m_length++) = digits[std::to_integer<std::size_t>(b >> 4)];
			m_text.at(m_length++) = digits[std::to_integer<std::size_t>(b & std::byte{15})];
		}
	}
	[[nodiscard]] std::string_view view() const { return {m_text.data(), m_length}; }

private:
	std::array<char, 320> m_text{};
	std::size_t m_length = 0;
};

std::string failure(const std::filesystem::path &path, int error)
{
	return "key log " + path.string() + ": " + std::strerror(error);
}

} // namespace

std::optional<KeyLog> KeyLog::open(const std::filesystem::path &directory, std::string &error)
{
	std::error_code made;
	if (std::filesystem::create_directories(directory, made))
		std::filesystem::permissions(directory, std::filesystem::perms::owner_all, made);
	if (made) {
		error = failure(directory, made.value());
		return std::nullopt;
	}
	const auto create = [&](const char *name, int flags) {
		const std::filesystem::path path = directory / name;
		const int file = ::open(path.c_str(), flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0)
			error = failure(path, errno);
		return file;
	};
	const int settings = create("preferences", O_TRUNC);
	if (settings < 0)
		return std::nullopt;
	const bool written = write_all(settings, preferences);
	if (!written)
		error = failure(directory / "preferences", errno);
	close(settings);
	if (!written)
		return std::nullopt;
	const int file = create("esp_sa", O_APPEND);
	if (file < 0)
		return std::nullopt;
	return KeyLog(file);
}

KeyLog::~KeyLog()
{
	if (m_file >= 0)
		close(m_file);
}

KeyLog::KeyLog(KeyLog &&other) noexcept : m_file(std::exchange(other.m_file, -1)) {}

bool KeyLog::append(const SaSpec &spec)
{
	if (spec.suite == Suite::none || spec.key.size() != shape_of(spec.suite).key_bytes)
		return false;
	Line line;
	std::array<std::byte, 4> spi;
	store_be32(spi.data(), spec.spi);
	line.add(R"("IPv4","*","*",")");
	line.add_hex(spi);
	switch (spec.suite) {
	case Suite::null_sha1:
		line.add(R"(","NULL","","HMAC-SHA-1-96 [RFC2404]",")");
		line.add_hex(spec.key);
		break;
	case Suite::cbc_sha1:
		line.add(R"(","AES-CBC [RFC3602]",")");
		line.add_hex(spec.key.first(16));
		line.add(R"(","HMAC-SHA-1-96 [RFC2404]",")");
		line.add_hex(spec.key.subspan(16, 20));
		break;
	case Suite::gcm:
		line.add(R"(","AES-GCM with 16 octet ICV [RFC4106]",")");
		line.add_hex(spec.key);
		line.add(R"(","NULL",")");
		break;
	case Suite::plain: line.add(R"(","NULL","","NULL",")"); break;
	case Suite::none: break;
	}
	line.add("\"\n");
	return write_all(m_file, line.view());
}

} // namespace systole::crypto
