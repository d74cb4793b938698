// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Straight from RFC 4303, 3602, 2404 and 4106 with OpenSSL's EVP; shares no code with the engine but
// the big-endian stores.
#include "tests/unit/crypto/reference_esp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace systole::crypto::test {
namespace {

const unsigned char *octets(const std::byte *bytes)
{
	return reinterpret_cast<const unsigned char *>(bytes);
}
unsigned char *octets(std::byte *bytes)
{
	return reinterpret_cast<unsigned char *>(bytes);
}

void require(bool ok)
{
	if (!ok)
		throw std::runtime_error("OpenSSL refused");
}

std::vector<std::byte> cipher(const EVP_CIPHER *algorithm, Bytes key, const std::byte *iv, Bytes additional,
			      Bytes plaintext, std::byte *tag)
{
	const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX *)> context(EVP_CIPHER_CTX_new(),
										  EVP_CIPHER_CTX_free);
	require(EVP_EncryptInit_ex(context.get(), algorithm, nullptr, octets(key.data()),
				   iv == nullptr ? nullptr : octets(iv)) == 1);
	EVP_CIPHER_CTX_set_padding(context.get(), 0);
	int length = 0;
	if (!additional.empty())
		require(EVP_EncryptUpdate(context.get(), nullptr, &length, octets(additional.data()),
					  static_cast<int>(additional.size())) == 1);
	std::vector<std::byte> out(plaintext.size());
	require(EVP_EncryptUpdate(context.get(), octets(out.data()), &length, octets(plaintext.data()),
				  static_cast<int>(plaintext.size())) == 1);
	int rest = 0;
	require(EVP_EncryptFinal_ex(context.get(), octets(out.data()) + length, &rest) == 1);
	if (tag != nullptr)
		require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
	return out;
}

void append(std::vector<std::byte> &out, Bytes more)
{
	std::ranges::copy(more, std::back_inserter(out));
}

} // namespace

std::vector<std::byte> reference_seal(Suite suite, Bytes key, std::uint32_t spi, std::uint32_t sequence,
				      Bytes plaintext)
{
	std::vector<std::byte> out(8);
	store_be32(out.data(), spi);
	store_be32(out.data() + 4, sequence);
	Bytes auth_key = key;
	if (suite == Suite::gcm) {
		std::array<std::byte, 12> nonce{};
		std::copy_n(key.begin() + 16, 4, nonce.begin());
		store_be64(nonce.data() + 4, sequence);
		std::array<std::byte, 16> tag;
		const auto ciphertext =
			cipher(EVP_aes_128_gcm(), key.first(16), nonce.data(), Bytes(out), plaintext, tag.data());
		append(out, Bytes(nonce).subspan(4));
		append(out, ciphertext);
		append(out, tag);
		return out;
	}
	if (suite == Suite::cbc_sha1) {
		std::array<std::byte, 16> counter{};
		store_be64(counter.data() + 8, sequence);
		const auto iv = cipher(EVP_aes_128_ecb(), key.subspan(36, 16), nullptr, {}, counter, nullptr);
		append(out, iv);
		append(out, cipher(EVP_aes_128_cbc(), key.first(16), iv.data(), {}, plaintext, nullptr));
		auth_key = key.subspan(16, 20);
	} else {
		append(out, plaintext);
	}
	std::array<std::byte, 20> digest;
	require(HMAC(EVP_sha1(), auth_key.data(), static_cast<int>(auth_key.size()), octets(out.data()), out.size(),
		     octets(digest.data()), nullptr) != nullptr);
	append(out, Bytes(digest).first(12));
	return out;
}

std::vector<std::byte> with_trailer(Suite suite, Bytes inner, std::byte next_header)
{
	std::vector<std::byte> out(inner.begin(), inner.end());
	std::byte pad{0};
	while ((out.size() + 2) % shape_of(suite).align != 0) {
		pad = static_cast<std::byte>(std::to_integer<int>(pad) + 1);
		out.push_back(pad);
	}
	out.push_back(pad);
	out.push_back(next_header);
	return out;
}

} // namespace systole::crypto::test
