// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The group ristretto255 (RFC 9496) as CPace uses it, from libsodium. Its order is prime, so the one check a received
// point needs is that it decodes and that the product is not the identity.
#pragma once

#include "crypto/bytes.h"

#include <array>
#include <cstddef>
#include <optional>

namespace systole::crypto {

[[nodiscard]] Secret<32> random_scalar();
[[nodiscard]] Secret<32> point_from_hash(const Secret<64> &hash); // one-way map, encoded point

// Empty optional: `point` (32 bytes) is no valid encoding, or the result is the identity.
[[nodiscard]] std::optional<Secret<32>> multiply(const Secret<32> &scalar, Bytes point);

} // namespace systole::crypto
