// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// scrypt, HMAC, HKDF and SHA-512 by OpenSSL 3.
#include "crypto/kdf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstdio>
#include <cstdlib>

namespace systole::crypto {
namespace {

// There is no way on from here: half a key schedule must not reach the wire.
void require(bool ok, const char *what)
{
	if (ok)
		return;
	std::fprintf(stderr, "systole: OpenSSL %s failed: %s\n", what, ERR_reason_error_string(ERR_peek_last_error()));
	std::abort();
}

const unsigned char *octets(Bytes bytes)
{
	return reinterpret_cast<const unsigned char *>(bytes.data());
}
unsigned char *writable(std::span<std::byte> bytes)
{
	return reinterpret_cast<unsigned char *>(bytes.data());
}

struct Free {
	void operator()(EVP_KDF *kdf) const { EVP_KDF_free(kdf); }
	void operator()(EVP_KDF_CTX *context) const { EVP_KDF_CTX_free(context); }
	void operator()(EVP_MAC *mac) const { EVP_MAC_free(mac); }
	void operator()(EVP_MAC_CTX *context) const { EVP_MAC_CTX_free(context); }
	void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};
template <typename T> using Owned = std::unique_ptr<T, Free>;

OSSL_PARAM octet_param(const char *name, Bytes bytes)
{
	// OSSL_PARAM is used in both directions and therefore not const; a derivation only reads it.
	return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte *>(bytes.data()), bytes.size());
}

OSSL_PARAM digest_param(char *name)
{
	return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
}

void hkdf(int mode, Bytes key, const char *extra_name, Bytes extra, std::span<std::byte> out)
{
	static const Owned<EVP_KDF> algorithm(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
	const Owned<EVP_KDF_CTX> context(EVP_KDF_CTX_new(algorithm.get()));
	require(context != nullptr, "HKDF");
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {digest_param(digest), OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
				     octet_param(OSSL_KDF_PARAM_KEY, key), octet_param(extra_name, extra),
				     OSSL_PARAM_construct_end()};
	require(EVP_KDF_derive(context.get(), writable(out), out.size(), params) == 1, "HKDF");
}

} // namespace

std::optional<Secret<32>> scrypt(Bytes password, Bytes salt, const ScryptCost &cost)
{
	std::optional<Secret<32>> out(std::in_place);
	if (EVP_PBE_scrypt(reinterpret_cast<const char *>(password.data()), password.size(), octets(salt), salt.size(),
			   cost.n, cost.r, cost.p, cost.memory_limit_bytes, writable(out->span()), out->size()) != 1) {
		ERR_clear_error();
		return std::nullopt;
	}
	return out;
}

Secret<32> hmac_sha256(Bytes key, std::initializer_list<Bytes> message)
{
	static const Owned<EVP_MAC> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
	const Owned<EVP_MAC_CTX> context(EVP_MAC_CTX_new(algorithm.get()));
	require(context != nullptr, "HMAC");
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {digest_param(digest), OSSL_PARAM_construct_end()};
	require(EVP_MAC_init(context.get(), octets(key), key.size(), params) == 1, "HMAC");
	for (const Bytes part : message)
		require(EVP_MAC_update(context.get(), octets(part), part.size()) == 1, "HMAC");
	Secret<32> out;
	std::size_t length = 0;
	require(EVP_MAC_final(context.get(), writable(out.span()), &length, out.size()) == 1 && length == out.size(),
		"HMAC");
	return out;
}

Secret<32> hkdf_extract(Bytes salt, Bytes input)
{
	Secret<32> prk;
	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, input, OSSL_KDF_PARAM_SALT, salt, prk.span());
	return prk;
}

void hkdf_expand(const Secret<32> &prk, Bytes info, std::span<std::byte> out)
{
	hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, prk.bytes(), OSSL_KDF_PARAM_INFO, info, out);
}

struct Sha512::Context {
	Owned<EVP_MD_CTX> context{EVP_MD_CTX_new()};
};

Sha512::Sha512() : m_context(std::make_unique<Context>())
{
	require(m_context->context != nullptr &&
			EVP_DigestInit_ex(m_context->context.get(), EVP_sha512(), nullptr) == 1,
		"SHA-512");
}

Sha512::~Sha512() = default;

void Sha512::update(Bytes bytes)
{
	require(EVP_DigestUpdate(m_context->context.get(), bytes.data(), bytes.size()) == 1, "SHA-512");
}

Secret<64> Sha512::finish()
{
	Secret<64> out;
	require(EVP_DigestFinal_ex(m_context->context.get(), writable(out.span()), nullptr) == 1, "SHA-512");
	return out;
}

} // namespace systole::crypto
