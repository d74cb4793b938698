// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The floor of esp_bench: the same cipher and hash by IPsec-MB over packets that stand there framed, with nothing
// around: no sequence numbers, no IVs made, no padding, no replay window, no comparison of tags. The library can be
// asked in three ways; each is measured and the fastest one is what we are compared with. The manager is chosen by
// the size of the burst as crypto/ipsec_mb.h does.
#pragma once

#include "bench/esp_bytes.h"

#include <cstddef>
#include <memory>
#include <span>

namespace systole::bench {

enum class ImbApi : std::uint8_t {
	job,   // submit one chained job (cipher and hash) at a time, flush at the end
	burst, // one burst of chained jobs
	split, // a burst of ciphers and a burst of hashes; GCM: the direct call, one packet at a time
};

class IpsecMbRaw {
public:
	IpsecMbRaw(const SaKey &key, std::size_t inner, ImbApi api);
	~IpsecMbRaw();
	IpsecMbRaw(const IpsecMbRaw &) = delete;
	IpsecMbRaw &operator=(const IpsecMbRaw &) = delete;

	[[nodiscard]] FramedPackets &packets();
	void seal(std::size_t count); // packets 0 .. count-1, ICV behind them
	void open(std::size_t first, std::size_t count);
	[[nodiscard]] bool tags_match(std::size_t first, std::size_t count); // of the packets opened last

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::bench
