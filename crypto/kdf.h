// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Hashes and key derivation, all from OpenSSL. Control thread only; a failure inside the library (no memory, a broken
// provider) aborts, except where an empty optional says otherwise.
#pragma once

#include "crypto/bytes.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace systole::crypto {

// The bytes of a literal, without its NUL.
[[nodiscard]] inline Bytes bytes_of(std::string_view text)
{
	return std::as_bytes(std::span(text));
}

struct ScryptCost {
	std::uint64_t n, r, p;
	std::uint64_t memory_limit_bytes;
};
// RFC 7914. Empty optional: out of memory, or over the limit.
[[nodiscard]] std::optional<Secret<32>> scrypt(Bytes password, Bytes salt, const ScryptCost &cost);

[[nodiscard]] Secret<32> hmac_sha256(Bytes key, std::initializer_list<Bytes> message);

// RFC 5869 with SHA-256.
[[nodiscard]] Secret<32> hkdf_extract(Bytes salt, Bytes input);
void hkdf_expand(const Secret<32> &prk, Bytes info, std::span<std::byte> out); // out.size() <= 255 * 32

// SHA-512 fed piece by piece, so that secrets are never gathered in a buffer of their own.
class Sha512 {
public:
	Sha512();
	~Sha512();
	Sha512(const Sha512 &) = delete;
	Sha512 &operator=(const Sha512 &) = delete;

	void update(Bytes bytes);
	[[nodiscard]] Secret<64> finish(); // once

private:
	struct Context;
	std::unique_ptr<Context> m_context;
};

} // namespace systole::crypto
