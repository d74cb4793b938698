// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/base64.h"

#include <openssl/evp.h>

#include <limits>

namespace systole::control {

namespace {

unsigned char *unsigned_of(char *text)
{
	return reinterpret_cast<unsigned char *>(text);
}
const unsigned char *unsigned_of(const char *text)
{
	return reinterpret_cast<const unsigned char *>(text);
}

} // namespace

std::string base64(std::string_view bytes)
{
	std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL ends it with a NUL
	const int length =
		EVP_EncodeBlock(unsigned_of(text.data()), unsigned_of(bytes.data()), static_cast<int>(bytes.size()));
	text.resize(static_cast<std::size_t>(length));
	return text;
}

std::optional<std::string> from_base64(std::string_view text)
{
	// OpenSSL skips white space at both ends, and counts the padding as zeros wherever it stands.
	if (text.size() % 4 != 0 || text.size() > std::numeric_limits<int>::max() ||
	    text.find_first_of(" \t\r\n") != std::string_view::npos)
		return std::nullopt;
	if (text.empty())
		return std::string{};
	const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
	if (text.substr(0, text.size() - padding).find('=') != std::string_view::npos)
		return std::nullopt;
	std::string bytes(text.size() / 4 * 3, '\0');
	const int length =
		EVP_DecodeBlock(unsigned_of(bytes.data()), unsigned_of(text.data()), static_cast<int>(text.size()));
	if (length < 0)
		return std::nullopt;
	bytes.resize(static_cast<std::size_t>(length) - padding);
	return bytes;
}

} // namespace systole::control
