// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The two hashes of CPace. Everything goes straight into the hash; no buffer ever holds PRS or K beside other data.
#include "crypto/cpace.h"

#include "crypto/kdf.h"
#include "crypto/ristretto.h"

#include <array>

namespace systole::crypto::cpace {
namespace {

constexpr std::size_t sha512_block_bytes = 128;

struct Leb128 {
	std::array<std::byte, 10> bytes;
	std::size_t length = 0;
};

Leb128 leb128(std::size_t value)
{
	Leb128 out;
	do {
		const auto low = static_cast<std::byte>(value & 0x7f);
		value >>= 7;
		out.bytes[out.length++] = value != 0 ? low | std::byte{0x80} : low;
	} while (value != 0);
	return out;
}

std::size_t lv_length(std::size_t value_length)
{
	return leb128(value_length).length + value_length;
}

void update_lv(Sha512 &hash, Bytes value)
{
	const Leb128 prefix = leb128(value.size());
	hash.update(Bytes(prefix.bytes).first(prefix.length));
	hash.update(value);
}

} // namespace

std::vector<std::byte> lv_cat(std::initializer_list<Bytes> values)
{
	std::vector<std::byte> out;
	for (const Bytes value : values) {
		const Leb128 prefix = leb128(value.size());
		out.insert(out.end(), prefix.bytes.begin(),
			   prefix.bytes.begin() + static_cast<std::ptrdiff_t>(prefix.length));
		out.insert(out.end(), value.begin(), value.end());
	}
	return out;
}

Secret<32> generator(Bytes prs, Bytes channel_identifier, Bytes session_id)
{
	const Bytes domain = bytes_of("CPaceRistretto255");
	// zpad fills the first hash block, so that hashing PRS costs the same time for every length of what follows.
	static constexpr std::array<std::byte, sha512_block_bytes> zero{};
	const std::size_t used = 1 + lv_length(prs.size()) + lv_length(domain.size());
	const std::size_t zpad = used < sha512_block_bytes ? sha512_block_bytes - used : 0;

	Sha512 hash;
	for (const Bytes value : {domain, prs, Bytes(zero).first(zpad), channel_identifier, session_id})
		update_lv(hash, value);
	return point_from_hash(hash.finish());
}

Secret<64> session_key(Bytes session_id, const Secret<32> &k, Bytes share_a, Bytes data_a, Bytes share_b, Bytes data_b)
{
	Sha512 hash;
	for (const Bytes value :
	     {bytes_of("CPaceRistretto255_ISK"), session_id, k.bytes(), share_a, data_a, share_b, data_b})
		update_lv(hash, value);
	return hash.finish();
}

} // namespace systole::crypto::cpace
