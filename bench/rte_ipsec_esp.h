// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The same packets through DPDK's librte_ipsec: tunnel mode, synchronous CPU crypto (the fastest way to ask it), on
// the aesni_mb driver, GCM on aesni_gcm. It does about what we do: sequence numbers, IVs, padding, a replay window of
// 128; and it writes the outer IPv4 header, which we leave to the frame code.
#pragma once

#include "bench/esp_bytes.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace systole::bench {

// EAL and the drivers. Ends the program with a message if they do not come up.
void start_crypto_devices(const std::string &program);

class RteIpsecEsp {
public:
	RteIpsecEsp(const SaKey &key, std::size_t inner);
	~RteIpsecEsp();
	RteIpsecEsp(const RteIpsecEsp &) = delete;
	RteIpsecEsp &operator=(const RteIpsecEsp &) = delete;

	void seal(std::size_t count);
	[[nodiscard]] std::span<const std::byte> sealed(std::size_t index) const; // SPI .. ICV
	void refill(const SealedPackets &sealed);                                 // and a fresh replay window
	[[nodiscard]] bool open(std::size_t first, std::size_t count);
	[[nodiscard]] std::span<const std::byte> opened(std::size_t index) const;

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::bench
