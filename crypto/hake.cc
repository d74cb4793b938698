// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The labels and layouts of HAKE-1. Each line follows one line of docs/PROTOCOL.md "Key schedule".
#include "crypto/hake.h"

#include "crypto/cpace.h"
#include "crypto/kdf.h"
#include "crypto/ristretto.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <vector>

namespace systole::crypto {
namespace {

// 0.1 s and 32 MiB; OpenSSL wants to be told that it may use them.
constexpr ScryptCost prs_cost{32768, 8, 1, 64ull << 20};

constexpr std::size_t head_bytes = 100; // of KE1 and KE2: what a side binds as associated data
constexpr std::size_t ke1_bytes = 148;
constexpr std::size_t ke2_bytes = 180;
constexpr std::size_t before_tag_bytes = 132; // of KE2
constexpr std::size_t ke3_head_bytes = 84;

std::array<std::byte, 2> be16(std::uint16_t value)
{
	std::array<std::byte, 2> out;
	store_be16(out.data(), value);
	return out;
}

std::vector<std::byte> channel_identifier(const ExchangeContext &context)
{
	const auto group_id = be16(context.group_id);
	return cpace::lv_cat({bytes_of("HAKE-1"), group_id, bytes_of(context.group_name), context.id_a, context.id_b});
}

std::array<std::byte, 40> session_id(const ExchangeContext &context)
{
	std::array<std::byte, 40> out;
	auto end = std::copy(context.nonce_a.begin(), context.nonce_a.end(), out.begin());
	end = std::copy(context.nonce_b.begin(), context.nonce_b.end(), end);
	std::copy(context.x.begin(), context.x.end(), end);
	return out;
}

template <std::size_t N> std::array<std::byte, N> front_of(const Secret<32> &secret)
{
	std::array<std::byte, N> out;
	std::copy_n(secret.bytes().begin(), N, out.begin());
	return out;
}

Secret<32> expand32(const Secret<32> &prk, std::string_view label)
{
	Secret<32> out;
	hkdf_expand(prk, bytes_of(label), out.span());
	return out;
}

} // namespace

std::optional<Secret<32>> derive_prs(std::string_view password, std::uint16_t group_id, std::string_view group_name)
{
	std::vector<std::byte> salt;
	const auto append = [&salt](Bytes part) { salt.insert(salt.end(), part.begin(), part.end()); };
	append(bytes_of("HAKE-1 prs"));
	append(be16(group_id));
	append(bytes_of(group_name));
	return scrypt(bytes_of(password), salt, prs_cost);
}

OwnShare make_share_with(const Secret<32> &prs, const ExchangeContext &context, const Secret<32> &scalar)
{
	const Secret<32> generator = cpace::generator(prs.bytes(), channel_identifier(context), session_id(context));
	const std::optional<Secret<32>> share = multiply(scalar, generator.bytes());
	assert(share.has_value()); // the generator decodes, and neither it nor the scalar is zero but with chance 2^-252
	return {Secret<32>(scalar.bytes()), front_of<32>(*share)};
}

OwnShare make_share(const Secret<32> &prs, const ExchangeContext &context)
{
	return make_share_with(prs, context, random_scalar());
}

std::optional<SessionSecrets> SessionSecrets::derive(const ExchangeContext &context, const Secret<32> &own_scalar,
						     Bytes peer_share, bool own_is_a, const Share &share_a,
						     Bytes head_a, const Share &share_b, Bytes head_b)
{
	assert(head_a.size() == head_bytes && head_b.size() == head_bytes);
	assert(std::ranges::equal(peer_share, own_is_a ? share_b : share_a));
	const std::optional<Secret<32>> k = multiply(own_scalar, peer_share);
	if (!k)
		return std::nullopt;
	const Secret<64> isk = cpace::session_key(session_id(context), *k, share_a, head_a, share_b, head_b);
	SessionSecrets secrets;
	secrets.m_prk = hkdf_extract(bytes_of("HAKE-1"), isk.bytes());
	secrets.m_key_confirm_a = expand32(secrets.m_prk, "HAKE-1 confA");
	secrets.m_key_confirm_b = expand32(secrets.m_prk, "HAKE-1 confB");
	return secrets;
}

Tag32 SessionSecrets::confirm_b(Bytes ke1, Bytes ke2_before_tag) const
{
	assert(ke1.size() == ke1_bytes && ke2_before_tag.size() == before_tag_bytes);
	return front_of<32>(hmac_sha256(m_key_confirm_b.bytes(), {bytes_of("HAKE-1 KE2"), ke1, ke2_before_tag}));
}

Tag32 SessionSecrets::confirm_a(Bytes ke1, Bytes ke2, Bytes ke3_before_tag) const
{
	assert(ke1.size() == ke1_bytes && ke2.size() == ke2_bytes && ke3_before_tag.size() == ke3_head_bytes);
	return front_of<32>(hmac_sha256(m_key_confirm_a.bytes(), {bytes_of("HAKE-1 KE3"), ke1, ke2, ke3_before_tag}));
}

Secret<32> SessionSecrets::resume_key() const
{
	return expand32(m_prk, "HAKE-1 resume");
}

void SessionSecrets::sa_key(Suite suite, std::uint8_t dir, std::uint8_t link, TrafficClass traffic_class,
			    std::uint32_t spi, std::span<std::byte> out) const
{
	const std::size_t length = shape_of(suite).key_bytes;
	assert(out.size() >= length);
	if (length == 0)
		return; // plain has no key
	std::vector<std::byte> info;
	std::ranges::copy(bytes_of("HAKE-1 sa"), std::back_inserter(info));
	info.push_back(static_cast<std::byte>(suite));
	info.push_back(static_cast<std::byte>(dir));
	info.push_back(static_cast<std::byte>(link));
	info.push_back(static_cast<std::byte>(traffic_class));
	info.resize(info.size() + 4);
	store_be32(info.data() + info.size() - 4, spi);
	hkdf_expand(m_prk, info, out.first(length));
}

Tag16 ticket(const Secret<32> &resume_key, int label, Bytes message)
{
	assert(label == 1 || label == 2);
	return front_of<16>(
		hmac_sha256(resume_key.bytes(), {bytes_of(label == 1 ? "HAKE-1 ticket1" : "HAKE-1 ticket2"), message}));
}

} // namespace systole::crypto
