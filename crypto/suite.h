// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The protection suites and what each costs in bytes (docs/PROTOCOL.md; RFC 2404, 3602, 4106, 4303).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace systole::crypto {

// plain is no protection at all: ESP's framing, sequence numbers and trailer with neither cipher nor integrity check,
// which RFC 4303 does not know. Whoever is on the segment can read it and write it.
enum class Suite : std::uint8_t { none = 0, null_sha1 = 1, cbc_sha1 = 2, gcm = 3, plain = 4 };
enum class TrafficClass : std::uint8_t { heartbeat = 0, session = 1, config = 2, relay = 3 };

struct SuiteShape {
	std::size_t key_bytes; // key material of one SA
	std::size_t iv_bytes;  // explicit IV on the wire
	std::size_t icv_bytes;
	std::size_t align; // ciphertext alignment
};
[[nodiscard]] constexpr SuiteShape shape_of(Suite suite)
{
	switch (suite) {
	case Suite::null_sha1: return {20, 0, 12, 4};
	case Suite::cbc_sha1: return {52, 16, 12, 16};
	case Suite::gcm: return {20, 8, 16, 4};
	case Suite::plain: return {0, 0, 0, 4};
	case Suite::none: break;
	}
	return {0, 0, 0, 1};
}
[[nodiscard]] constexpr std::string_view name_of(Suite suite)
{
	switch (suite) {
	case Suite::null_sha1: return "null-sha1";
	case Suite::cbc_sha1: return "aes128-cbc-sha1";
	case Suite::gcm: return "aes128-gcm";
	case Suite::plain: return "plain";
	case Suite::none: break;
	}
	return "none";
}
inline constexpr std::size_t esp_header_bytes = 8;
inline constexpr std::size_t esp_trailer_bytes = 2; // pad length, next header
inline constexpr std::size_t max_sa_key_bytes = 52;
// What a caller must leave free around an inner packet that is sealed in place.
inline constexpr std::size_t seal_headroom = esp_header_bytes + 16;
inline constexpr std::size_t seal_tailroom = 15 + esp_trailer_bytes + 16;

// SPI .. ICV of an inner packet of this length, with the padding that seal() makes.
[[nodiscard]] constexpr std::size_t esp_length_of(Suite suite, std::size_t inner_length)
{
	const SuiteShape shape = shape_of(suite);
	// align is a power of two; a division for each packet would show in the figures
	const std::size_t aligned = (inner_length + esp_trailer_bytes + shape.align - 1) & ~(shape.align - 1);
	return esp_header_bytes + shape.iv_bytes + aligned + shape.icv_bytes;
}

} // namespace systole::crypto
