// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// CPace over ristretto255 and SHA-512 (draft-irtf-cfrg-cpace, CPACE-RISTR255-SHA512), initiator-responder setting:
// a password-authenticated exchange that gives neither a listener nor a forger anything to test guesses on offline.
#pragma once

#include "crypto/bytes.h"

#include <initializer_list>
#include <vector>

namespace systole::crypto::cpace {

// lv_cat of the draft: each value behind its length in LEB128. For public values only.
[[nodiscard]] std::vector<std::byte> lv_cat(std::initializer_list<Bytes> values);

// The generator both sides must share; as secret as the password.
[[nodiscard]] Secret<32> generator(Bytes prs, Bytes channel_identifier, Bytes session_id);

// ISK from the shared point K, the shares and each side's associated data.
[[nodiscard]] Secret<64> session_key(Bytes session_id, const Secret<32> &k, Bytes share_a, Bytes data_a, Bytes share_b,
				     Bytes data_b);

} // namespace systole::crypto::cpace
