// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The secrets of one HAKE-1 exchange: PRS -> CPace -> ISK -> PRK -> confirmation tags and SA keys
// (docs/PROTOCOL.md "Key schedule"). Works on message bytes; knows nothing of timers, members or retries.
// A = the member with the smaller id. Every secret type wipes itself; K and ISK never leave derive().
#pragma once

#include "crypto/bytes.h"
#include "crypto/suite.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace systole::crypto {

using Tag16 = std::array<std::byte, 16>;
using Tag32 = std::array<std::byte, 32>;
using Share = std::array<std::byte, 32>;

// Password -> PRS: scrypt N=32768 r=8 p=1, about 0.1 s and 32 MiB, once per start. Empty optional: out of memory.
[[nodiscard]] std::optional<Secret<32>> derive_prs(std::string_view password, std::uint16_t group_id,
						   std::string_view group_name);

struct ExchangeContext {
	std::uint16_t group_id = 0;
	std::string_view group_name;              // without NUL padding
	std::array<std::byte, 16> id_a{}, id_b{}; // member ids
	std::array<std::byte, 16> nonce_a{}, nonce_b{};
	std::array<std::byte, 8> x{}; // exchange nonce, chosen by A
};

// A fresh scalar (used once) and the share Y = scalar * g.
struct OwnShare {
	Secret<32> scalar;
	Share share{};
};
[[nodiscard]] OwnShare make_share(const Secret<32> &prs, const ExchangeContext &context);
// Same with a given scalar: known-answer tests only.
[[nodiscard]] OwnShare make_share_with(const Secret<32> &prs, const ExchangeContext &context, const Secret<32> &scalar);

class SessionSecrets { // wiped on destruction
public:
	// Empty optional: the peer's share does not decode or the result is the identity (hake_point).
	// head_a/head_b: the first 100 bytes of KE1/KE2, the associated data of each side.
	[[nodiscard]] static std::optional<SessionSecrets> derive(const ExchangeContext &context,
								  const Secret<32> &own_scalar, Bytes peer_share,
								  bool own_is_a, const Share &share_a, Bytes head_a,
								  const Share &share_b, Bytes head_b);

	// T_B over KE1[0..148), KE2[0..132); T_A over KE1, KE2[0..180), KE3[0..84).
	[[nodiscard]] Tag32 confirm_b(Bytes ke1, Bytes ke2_before_tag) const;
	[[nodiscard]] Tag32 confirm_a(Bytes ke1, Bytes ke2, Bytes ke3_before_tag) const;
	[[nodiscard]] Secret<32> resume_key() const;
	// Key material of one SA; dir 0 = A->B, 1 = B->A. Writes shape_of(suite).key_bytes bytes.
	void sa_key(Suite suite, std::uint8_t dir, std::uint8_t link, TrafficClass traffic_class, std::uint32_t spi,
		    std::span<std::byte> out) const;

private:
	SessionSecrets() = default;

	Secret<32> m_prk, m_key_confirm_a, m_key_confirm_b;
};

// Ticket of a resume key over the message bytes before it; label 1 for KE1[0..132), 2 for KE2[0..132).
[[nodiscard]] Tag16 ticket(const Secret<32> &resume_key, int label, Bytes message);

} // namespace systole::crypto
