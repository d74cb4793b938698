// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One security association: one direction, one link, one traffic class. Made by the control thread in locked memory,
// then owned by exactly one worker, which is the only writer of its sequence number or replay window.
#pragma once

#include "crypto/admission.h"
#include "crypto/replay_window.h"
#include "crypto/suite.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace systole::crypto {

struct SaKeySchedule; // IPsec-MB's expanded keys, see ipsec_mb.h

struct SaSpec {
	std::uint32_t spi; // >= 256; chosen by the receiver
	Suite suite;
	std::span<const std::byte>
		key; // shape_of(suite).key_bytes: enc16 | auth20 | ivkey16, or auth20, or enc16 | salt4, or none
};

class OutboundSa;
class InboundSa;

// SAs live in locked memory that is left out of core dumps; destruction wipes object and keys.
struct SaDeleter {
	void operator()(OutboundSa *sa) const;
	void operator()(InboundSa *sa) const;
};
using OutboundSaPtr = std::unique_ptr<OutboundSa, SaDeleter>;
using InboundSaPtr = std::unique_ptr<InboundSa, SaDeleter>;

// Null if the specification is impossible (key length, SPI < 256) or locked memory is not to be had.
[[nodiscard]] OutboundSaPtr make_outbound_sa(const SaSpec &spec);
[[nodiscard]] InboundSaPtr make_inbound_sa(const SaSpec &spec);

// How many bytes of locked memory one SA takes, object and keys; the object is at their front.
[[nodiscard]] std::size_t sa_slot_bytes();

class OutboundSa {
public:
	OutboundSa(const OutboundSa &) = delete;
	OutboundSa &operator=(const OutboundSa &) = delete;

	[[nodiscard]] std::uint32_t spi() const { return m_spi; }
	[[nodiscard]] Suite suite() const { return m_suite; }
	[[nodiscard]] std::uint32_t next_sequence() const { return m_next; } // 1 first; 0 once the numbers are used up
	void set_next_sequence(std::uint32_t value) { m_next = value; }      // tests and hard-stop drills
	void prefetch() const; // a packet will soon be sealed with this SA

	// opaque tags of the owner
	std::uint32_t session = 0;
	TrafficClass traffic_class = TrafficClass::heartbeat;

private:
	friend class EspEngine;
	friend OutboundSaPtr make_outbound_sa(const SaSpec &spec);
	OutboundSa() = default;

	std::uint32_t m_spi = 0;
	Suite m_suite = Suite::none;
	std::uint32_t m_next = 1; // written by the engine of the owning worker
	const SaKeySchedule *m_keys = nullptr;
};

class InboundSa {
public:
	InboundSa(const InboundSa &) = delete;
	InboundSa &operator=(const InboundSa &) = delete;

	[[nodiscard]] std::uint32_t spi() const { return m_spi; }
	[[nodiscard]] Suite suite() const { return m_suite; }
	[[nodiscard]] const ReplayWindow &window() const { return m_window; }
	void prefetch() const; // a packet will soon be opened with this SA; the object itself should be at hand

	// Accepted only, dummies included: replays and forgeries must not age an SA.
	std::uint64_t packets = 0;
	std::uint64_t bytes = 0; // SPI .. ICV
	Admission admission;     // kept by the owner: the engine does not ask it
	// opaque tags of the owner, set by control before it hands the SA over
	std::uint32_t session = 0;
	std::uint16_t slot = 0;
	std::uint8_t link = 0;
	TrafficClass traffic_class = TrafficClass::heartbeat;
	bool confirmed = false;

private:
	friend class EspEngine;
	friend InboundSaPtr make_inbound_sa(const SaSpec &spec);
	InboundSa() = default;

	// In this order all that is asked of a packet before its integrity check lies in one cache line.
	Suite m_suite = Suite::none;
	std::uint32_t m_spi = 0;
	const SaKeySchedule *m_keys = nullptr;
	ReplayWindow m_window; // written by the engine of the owning worker
};

} // namespace systole::crypto
