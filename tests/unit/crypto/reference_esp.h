// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ESP sealed packet by packet with OpenSSL: what the engine is compared with, and the way to packets that the engine
// would never make (bad padding, strange next headers) but whose ICV is right.
#pragma once

#include "crypto/bytes.h"
#include "crypto/suite.h"

#include <cstdint>
#include <vector>

namespace systole::crypto::test {

// `plaintext` ends with the trailer and must fill the suite's alignment.
[[nodiscard]] std::vector<std::byte> reference_seal(Suite suite, Bytes key, std::uint32_t spi, std::uint32_t sequence,
						    Bytes plaintext);

// Inner packet, padding 1, 2, 3, ..., pad length, next header.
[[nodiscard]] std::vector<std::byte> with_trailer(Suite suite, Bytes inner, std::byte next_header = std::byte{4});

} // namespace systole::crypto::test
