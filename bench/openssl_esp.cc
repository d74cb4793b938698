// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/openssl_esp.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdlib>

namespace systole::bench {

namespace {

unsigned char *octets(std::byte *bytes)
{
	return reinterpret_cast<unsigned char *>(bytes);
}

void must(bool good)
{
	if (!good)
		std::abort();
}

} // namespace

struct OpensslEsp::Impl {
	crypto::Suite suite;
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	~Impl()
	{
		EVP_MAC_CTX_free(mac);
		EVP_MAC_free(hmac);
		EVP_CIPHER_CTX_free(cipher);
	}
};

OpensslEsp::OpensslEsp(crypto::Suite suite) : m_impl(std::make_unique<Impl>())
{
	m_impl->suite = suite;
	const std::array<unsigned char, 20> key{1, 2, 3};
	std::array<char, 5> digest{"SHA1"};
	const std::array<OSSL_PARAM, 2> sha1{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
					     OSSL_PARAM_construct_end()};
	must(EVP_MAC_init(m_impl->mac, key.data(), key.size(), sha1.data()) == 1);
	if (suite == crypto::Suite::cbc_sha1)
		must(EVP_EncryptInit_ex2(m_impl->cipher, EVP_aes_128_cbc(), key.data(), nullptr, nullptr) == 1);
	if (suite == crypto::Suite::gcm)
		must(EVP_EncryptInit_ex2(m_impl->cipher, EVP_aes_128_gcm(), key.data(), nullptr, nullptr) == 1);
	EVP_CIPHER_CTX_set_padding(m_impl->cipher, 0);
}

OpensslEsp::~OpensslEsp() = default;

void OpensslEsp::seal(std::span<std::byte> packet, std::byte *icv)
{
	const std::size_t head = crypto::esp_header_bytes + crypto::shape_of(m_impl->suite).iv_bytes;
	const auto body = packet.subspan(head);
	int written = 0;
	if (m_impl->suite == crypto::Suite::gcm) {
		std::array<unsigned char, 12> nonce{};
		must(EVP_EncryptInit_ex2(m_impl->cipher, nullptr, nullptr, nonce.data(), nullptr) == 1);
		must(EVP_EncryptUpdate(m_impl->cipher, nullptr, &written, octets(packet.data()), 8) == 1);
		must(EVP_EncryptUpdate(m_impl->cipher, octets(body.data()), &written, octets(body.data()),
				       static_cast<int>(body.size())) == 1);
		must(EVP_EncryptFinal_ex(m_impl->cipher, octets(body.data()), &written) == 1);
		must(EVP_CIPHER_CTX_ctrl(m_impl->cipher, EVP_CTRL_AEAD_GET_TAG, 16, icv) == 1);
		return;
	}
	if (m_impl->suite == crypto::Suite::cbc_sha1) {
		must(EVP_EncryptInit_ex2(m_impl->cipher, nullptr, nullptr, octets(packet.data() + 8), nullptr) == 1);
		must(EVP_EncryptUpdate(m_impl->cipher, octets(body.data()), &written, octets(body.data()),
				       static_cast<int>(body.size())) == 1);
	}
	std::array<unsigned char, 20> tag{};
	std::size_t tag_bytes = 0;
	must(EVP_MAC_init(m_impl->mac, nullptr, 0, nullptr) == 1);
	must(EVP_MAC_update(m_impl->mac, octets(packet.data()), packet.size()) == 1);
	must(EVP_MAC_final(m_impl->mac, tag.data(), &tag_bytes, tag.size()) == 1);
	for (std::size_t i = 0; i < 12; ++i)
		icv[i] = static_cast<std::byte>(tag[i]);
}

} // namespace systole::bench
