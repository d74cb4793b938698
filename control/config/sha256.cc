// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/sha256.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace systole::control::config {

std::array<std::byte, 32> sha256(std::string_view text)
{
	std::array<unsigned char, 32> digest{};
	unsigned int size = 0;
	// Fails only when the OpenSSL installation has no default provider or there is no memory.
	if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1 ||
	    size != digest.size())
		throw std::runtime_error("OpenSSL cannot compute SHA-256: check the installation of libssl3");
	std::array<std::byte, 32> bytes{};
	for (std::size_t i = 0; i < bytes.size(); ++i)
		bytes[i] = static_cast<std::byte>(digest[i]);
	return bytes;
}

} // namespace systole::control::config
