// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ristretto255 by libsodium; random bytes by the kernel alone.
#include "crypto/ristretto.h"

#include <sodium.h>

namespace systole::crypto {
namespace {

static_assert(crypto_core_ristretto255_BYTES == 32 && crypto_core_ristretto255_SCALARBYTES == 32);
static_assert(crypto_core_ristretto255_HASHBYTES == 64 && crypto_core_ristretto255_NONREDUCEDSCALARBYTES == 64);

unsigned char *writable(std::span<std::byte> bytes)
{
	return reinterpret_cast<unsigned char *>(bytes.data());
}
const unsigned char *octets(Bytes bytes)
{
	return reinterpret_cast<const unsigned char *>(bytes.data());
}

} // namespace

Secret<32> random_scalar()
{
	Secret<64> wide; // twice the length of the order: the reduction leaves no bias to speak of
	random_bytes(wide.span());
	Secret<32> scalar;
	crypto_core_ristretto255_scalar_reduce(writable(scalar.span()), octets(wide.bytes()));
	return scalar;
}

Secret<32> point_from_hash(const Secret<64> &hash)
{
	Secret<32> point;
	crypto_core_ristretto255_from_hash(writable(point.span()), octets(hash.bytes()));
	return point;
}

std::optional<Secret<32>> multiply(const Secret<32> &scalar, Bytes point)
{
	if (point.size() != crypto_core_ristretto255_BYTES)
		return std::nullopt;
	std::optional<Secret<32>> product(std::in_place);
	if (crypto_scalarmult_ristretto255(writable(product->span()), octets(scalar.bytes()), octets(point)) != 0)
		return std::nullopt;
	return product;
}

} // namespace systole::crypto
