// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What this project takes from Intel IPsec-MB, and the only place that knows it: expanded keys of one SA, and the
// ciphers over a burst of ESP packets in place. ipsec_mb.cc alone includes the library's header.
//
// Encryption and authentication are separate calls on purpose. The library's chained job deciphers a packet even when
// its tag is wrong; two calls take the same time or less, and a forged packet is never deciphered. GCM cannot be
// split: its caller wipes what a bad packet left.
#pragma once

#include "crypto/bytes.h"
#include "crypto/locked_memory.h"
#include "crypto/suite.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace systole::crypto {

// The keys of one SA as the library wants them. Lives in memory of the caller, which must be key_schedule_bytes long
// and 64-byte aligned, and is wiped by the caller.
struct SaKeySchedule;
inline constexpr std::size_t key_schedule_bytes = 1088;
inline constexpr std::size_t key_schedule_align = 64;

// Null if the key has not the length of the suite, or the CPU lacks what IPsec-MB needs.
[[nodiscard]] SaKeySchedule *expand_keys(std::span<std::byte, key_schedule_bytes> memory, Suite suite, Bytes key);

// Hints: a packet will soon be sealed, or opened, with these keys.
void prefetch_to_seal(const SaKeySchedule *keys);
void prefetch_to_open(const SaKeySchedule *keys);

// One packet: `bytes` counts from the SPI to the last byte before the ICV. The ICV goes where icv points.
struct CipherJob {
	const SaKeySchedule *keys;
	std::byte *packet;
	std::size_t bytes;
	std::byte *icv;
};

// Burst functions take up to max_burst jobs of mixed SAs, all of a suite that has the operation.
class IpsecMb {
public:
	static constexpr std::size_t max_burst = 64;

	// From this many packets on the wide manager is the faster one. ns per packet to seal / open 128 inner bytes with
	// CBC + HMAC-SHA1-96, Xeon with SHA-NI and AVX-512, by build/tests/unit/crypto/esp_timing:
	//   burst       1        4        6        7       32       64
	//   narrow  377/212  236/192  221/192  220/193  208/194  206/194
	//   wide    941/718  327/261  255/204  232/186  172/129  114/92
	// Longer packets cross earlier (512 bytes: at 6).
	static constexpr std::size_t measured_wide_from = 7;

	// Throws std::runtime_error if the CPU or the locked memory does not suffice.
	explicit IpsecMb(std::size_t wide_from = measured_wide_from);
	~IpsecMb();
	IpsecMb(const IpsecMb &) = delete;
	IpsecMb &operator=(const IpsecMb &) = delete;

	// IV of suite 2, 16 bytes: AES-128-ECB(ivkey, 0^8 || be64(sequence)), unpredictable as RFC 3602 asks.
	static void make_cbc_iv(const SaKeySchedule *keys, std::uint32_t sequence, std::byte *iv);
	void encrypt_cbc(std::span<const CipherJob> burst);
	void decrypt_cbc(std::span<const CipherJob> burst);
	void authenticate(std::span<const CipherJob> burst); // HMAC-SHA1-96 over the whole packet: 12 bytes to icv
	void encrypt_gcm(const CipherJob &job);              // tag: 16 bytes to icv
	void decrypt_gcm(const CipherJob &job); // deciphers in place, writes the tag it should have had to icv

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::crypto
