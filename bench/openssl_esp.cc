// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/openssl_esp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace systole::bench {

namespace {

using crypto::Suite;

unsigned char *octets(std::byte *bytes)
{
	return reinterpret_cast<unsigned char *>(bytes);
}
const unsigned char *octets(const std::byte *bytes)
{
	return reinterpret_cast<const unsigned char *>(bytes);
}

void must(bool good)
{
	if (!good)
		std::abort();
}

struct Free {
	void operator()(EVP_MD *md) const { EVP_MD_free(md); }
	void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
	void operator()(EVP_CIPHER *cipher) const { EVP_CIPHER_free(cipher); }
	void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
};
template <typename T> using Owned = std::unique_ptr<T, Free>;

} // namespace

struct OpensslEsp::Impl {
	Impl(const SaKey &key, std::size_t inner) : suite(key.suite), packets(key.suite, inner)
	{
		if (suite != Suite::null_sha1) {
			cipher.reset(EVP_CIPHER_fetch(nullptr, suite == Suite::gcm ? "AES-128-GCM" : "AES-128-CBC",
						      nullptr));
			must(EVP_EncryptInit_ex2(encrypt.get(), cipher.get(), octets(key.encryption().data()), nullptr,
						 nullptr) == 1);
			must(EVP_DecryptInit_ex2(decrypt.get(), cipher.get(), octets(key.encryption().data()), nullptr,
						 nullptr) == 1);
			EVP_CIPHER_CTX_set_padding(encrypt.get(), 0);
			EVP_CIPHER_CTX_set_padding(decrypt.get(), 0);
		}
		if (suite == Suite::gcm) {
			std::memcpy(nonce.data(), key.salt().data(), key.salt().size());
			return;
		}
		absorb(inner_pad.get(), key.authentication(), std::byte{0x36});
		absorb(outer_pad.get(), key.authentication(), std::byte{0x5c});
	}
	void absorb(EVP_MD_CTX *context, crypto::Bytes key, std::byte pad) const
	{
		std::array<std::byte, 64> block;
		for (std::size_t i = 0; i < block.size(); ++i)
			block[i] = (i < key.size() ? key[i] : std::byte{0}) ^ pad;
		must(EVP_DigestInit_ex2(context, sha1.get(), nullptr) == 1);
		must(EVP_DigestUpdate(context, block.data(), block.size()) == 1);
	}

	std::array<unsigned char, 20> hmac(const std::byte *packet)
	{
		std::array<unsigned char, 20> digest;
		EVP_MD_CTX *const context = work.get();
		must(EVP_MD_CTX_copy_ex(context, inner_pad.get()) == 1);
		must(EVP_DigestUpdate(context, packet, packets.layout().icv) == 1);
		must(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
		must(EVP_MD_CTX_copy_ex(context, outer_pad.get()) == 1);
		must(EVP_DigestUpdate(context, digest.data(), digest.size()) == 1);
		must(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
		return digest;
	}
	const unsigned char *nonce_of(const std::byte *packet)
	{
		std::memcpy(nonce.data() + 4, packet + 8, 8);
		return nonce.data();
	}

	void seal(std::byte *packet)
	{
		const EspLayout &at = packets.layout();
		unsigned char *const payload = octets(packet + at.payload);
		const int bytes = static_cast<int>(at.padded);
		int written = 0;
		if (suite == Suite::gcm) {
			must(EVP_EncryptInit_ex2(encrypt.get(), nullptr, nullptr, nonce_of(packet), nullptr) == 1);
			must(EVP_EncryptUpdate(encrypt.get(), nullptr, &written, octets(packet), 8) == 1);
			must(EVP_EncryptUpdate(encrypt.get(), payload, &written, payload, bytes) == 1);
			must(EVP_EncryptFinal_ex(encrypt.get(), payload, &written) == 1);
			must(EVP_CIPHER_CTX_get_params(encrypt.get(), tag_to(packet + at.icv)) == 1);
			return;
		}
		if (suite == Suite::cbc_sha1) {
			must(EVP_EncryptInit_ex2(encrypt.get(), nullptr, nullptr, octets(packet + 8), nullptr) == 1);
			must(EVP_EncryptUpdate(encrypt.get(), payload, &written, payload, bytes) == 1);
		}
		const auto tag = hmac(packet);
		std::memcpy(packet + at.icv, tag.data(), at.icv_bytes);
	}

	bool open(std::byte *packet)
	{
		const EspLayout &at = packets.layout();
		unsigned char *const payload = octets(packet + at.payload);
		const int bytes = static_cast<int>(at.padded);
		int written = 0;
		if (suite == Suite::gcm) {
			must(EVP_DecryptInit_ex2(decrypt.get(), nullptr, nullptr, nonce_of(packet), nullptr) == 1);
			must(EVP_CIPHER_CTX_set_params(decrypt.get(), tag_to(packet + at.icv)) == 1);
			must(EVP_DecryptUpdate(decrypt.get(), nullptr, &written, octets(packet), 8) == 1);
			must(EVP_DecryptUpdate(decrypt.get(), payload, &written, payload, bytes) == 1);
			return EVP_DecryptFinal_ex(decrypt.get(), payload, &written) == 1;
		}
		const auto tag = hmac(packet);
		if (CRYPTO_memcmp(packet + at.icv, tag.data(), at.icv_bytes) != 0)
			return false;
		if (suite == Suite::cbc_sha1) {
			must(EVP_DecryptInit_ex2(decrypt.get(), nullptr, nullptr, octets(packet + 8), nullptr) == 1);
			must(EVP_DecryptUpdate(decrypt.get(), payload, &written, payload, bytes) == 1);
		}
		return true;
	}

	OSSL_PARAM *tag_to(std::byte *icv)
	{
		tag_parameter[0].data = icv;
		return tag_parameter.data();
	}

	Suite suite;
	FramedPackets packets;
	Owned<EVP_MD> sha1{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
	Owned<EVP_CIPHER> cipher;
	Owned<EVP_MD_CTX> inner_pad{EVP_MD_CTX_new()}, outer_pad{EVP_MD_CTX_new()}, work{EVP_MD_CTX_new()};
	Owned<EVP_CIPHER_CTX> encrypt{EVP_CIPHER_CTX_new()}, decrypt{EVP_CIPHER_CTX_new()};
	std::array<unsigned char, 12> nonce{};
	std::array<OSSL_PARAM, 2> tag_parameter{
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, 16), OSSL_PARAM_construct_end()};
};

OpensslEsp::OpensslEsp(const SaKey &key, std::size_t inner) : m_impl(std::make_unique<Impl>(key, inner)) {}

OpensslEsp::~OpensslEsp() = default;

FramedPackets &OpensslEsp::packets()
{
	return m_impl->packets;
}

void OpensslEsp::seal(std::size_t count)
{
	for (std::size_t i = 0; i < count; ++i)
		m_impl->seal(m_impl->packets.packet(i));
}

bool OpensslEsp::open(std::size_t first, std::size_t count)
{
	for (std::size_t i = 0; i < count; ++i)
		if (!m_impl->open(m_impl->packets.packet(first + i)))
			return false;
	return true;
}

} // namespace systole::bench
