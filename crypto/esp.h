// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// ESP in tunnel mode (RFC 4303), sealed and opened in place, one packet or a burst. One engine per thread: it owns
// two IPsec-MB managers and takes the one that is faster for the burst at hand (ipsec_mb.h has the figures).
//
// A refused packet yields no plaintext: `inner` stays null, and what GCM or a bad trailer left in the buffer is wiped.
// A burst may hold a sequence number twice; exactly one of the two is accepted.
//
// The suite `plain` has the framing alone: its packets are numbered, and anybody can write one.
//
// Not handled: extended sequence numbers, implicit IVs, traffic flow confidentiality padding.
#pragma once

#include "crypto/sa.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace systole::crypto {

enum class Refusal : std::uint8_t {
	none,
	len,        // length impossible for the suite
	replay_pre, // sequence number zero, seen, or left of the window
	icv,        // integrity check failed (compared in constant time)
	pad,        // padding bytes or pad length wrong
	nh,         // next header neither 4 (IPv4) nor 59 (dummy)
	dummy,      // next header 59: authentic, to be discarded silently
	exhausted,  // seal: the SA's sequence numbers are used up
	room,       // seal: not enough head- or tailroom, or inner packet empty or too long
};
inline constexpr std::size_t max_esp_bytes = 65535 - 20; // what one IPv4 packet can carry

struct Seal {
	OutboundSa *sa = nullptr;
	std::byte *inner = nullptr; // inner IPv4 packet; the bytes around it are written
	std::size_t inner_length = 0;
	std::size_t headroom = 0; // writable bytes before inner, >= seal_headroom is always enough
	std::size_t tailroom = 0; // writable bytes behind it,   >= seal_tailroom is always enough
	// results
	std::byte *esp = nullptr;   // first byte of the SPI
	std::size_t esp_length = 0; // SPI .. ICV
	std::uint32_t sequence = 0;
	Refusal refusal = Refusal::none;
};

struct Open {
	InboundSa *sa = nullptr;
	std::byte *esp = nullptr;   // first byte of the SPI; decrypted in place
	std::size_t esp_length = 0; // SPI .. ICV exactly (from the outer IP length)
	// results
	std::byte *inner = nullptr;
	std::size_t inner_length = 0;
	std::uint32_t sequence = 0;
	Refusal refusal = Refusal::none;
};

class EspEngine {
public:
	EspEngine(); // throws std::runtime_error if the CPU or the locked memory does not suffice
	~EspEngine();
	EspEngine(const EspEngine &) = delete;
	EspEngine &operator=(const EspEngine &) = delete;

	// Any length; a burst may mix SAs and suites. Nothing is allocated. The results of every entry are set.
	void seal(std::span<Seal> burst);
	void open(std::span<Open> burst);
	// Tags computed by open(): what received packets have cost.
	[[nodiscard]] std::uint64_t integrity_checks() const;

private:
	struct Impl;
	std::unique_ptr<Impl> m_impl;
};

} // namespace systole::crypto
