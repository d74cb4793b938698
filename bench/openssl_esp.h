// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The yardstick of esp_bench: the same ciphers over the same bytes by OpenSSL's EVP, as fast as one packet at a time
// goes there: contexts are made once and reused. No ESP framing, no replay window, no padding: it does less.
#pragma once

#include "crypto/suite.h"

#include <cstddef>
#include <memory>
#include <span>

namespace systole::bench {

class OpensslEsp {
public:
	explicit OpensslEsp(crypto::Suite suite);
	~OpensslEsp();
	// `packet` is SPI, sequence, IV, padded plaintext; the ICV goes behind it.
	void seal(std::span<std::byte> packet, std::byte *icv);

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::bench
