// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The same ciphers over the same framed packets by OpenSSL's EVP, as fast as it goes there: algorithms are fetched,
// keys expanded and contexts made once; HMAC starts from two saved digests that have taken the key pads, which is a
// fifth faster than EVP_MAC. No framing, no IVs made, no padding, no replay window: it does less than we do.
#pragma once

#include "bench/esp_bytes.h"

#include <cstddef>
#include <memory>

namespace systole::bench {

class OpensslEsp {
public:
	OpensslEsp(const SaKey &key, std::size_t inner);
	~OpensslEsp();
	OpensslEsp(const OpensslEsp &) = delete;
	OpensslEsp &operator=(const OpensslEsp &) = delete;

	[[nodiscard]] FramedPackets &packets();
	void seal(std::size_t count); // packets 0 .. count-1, ICV behind them
	// False if a tag is wrong; the rest is not looked at then.
	[[nodiscard]] bool open(std::size_t first, std::size_t count);

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::bench
