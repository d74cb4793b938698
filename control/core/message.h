// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// HAKE-1 messages as bytes (docs/PROTOCOL.md "Key agreement"): fixed layout, big endian, explicit length, one a frame.
//
//   header (44)  "HAKE" | version | type | length(2) | group-id(2) | link | zero | member-id(16) | boot nonce(16)
//   HELLO  (84)  group-name(32) | caps(4) | policy(4)
//   KE1   (148)  dst id(16) | dst nonce(16) | X(8) | caps(4) | policy(4) | SPI base(4) | link bitmap | password-index
//                | suite | flags || Y_A(32) | ticket(16)
//   KE2   (180)  as KE1 to byte 99, from B || Y_B(32) | T_B(32) | ticket(16)
//   KE3   (116)  dst id(16) | dst nonce(16) | X(8) | T_A(32)
//   BYE    (76)  dst id(16) | dst nonce(16); counts only inside ESP
//
// A message may also travel inside the heartbeat SA, where a beat would stand ("sealed"): the peer's word. A sealed
// HELLO asks the peer, who starts exchanges, for new keys.
#pragma once

#include "control/core/types.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace systole::core {

enum class HakeType : std::uint8_t { hello = 1, ke1 = 2, ke2 = 3, ke3 = 4, bye = 5 };
inline constexpr std::uint8_t hake_version = 1;
inline constexpr std::size_t hake_header_bytes = 44;
inline constexpr std::size_t hake_max_bytes = 180;
inline constexpr std::size_t exchange_head_bytes = 100; // associated data of KE1 and KE2

[[nodiscard]] constexpr std::size_t bytes_of(HakeType type)
{
	switch (type) {
	case HakeType::hello: return 84;
	case HakeType::ke1: return 148;
	case HakeType::ke2: return 180;
	case HakeType::ke3: return 116;
	case HakeType::bye: return 76;
	}
	return 0;
}

using ExchangeNonce = std::array<std::uint8_t, 8>; // X
using Share = std::array<std::uint8_t, 32>;
using Tag = std::array<std::uint8_t, 32>;
using Ticket = std::array<std::uint8_t, 16>;

struct HakeHeader {
	HakeType type = HakeType::hello;
	std::uint16_t group_id = 0;
	LinkIndex link = 0;
	MemberId sender;
	BootNonce nonce{};
};
struct Hello {
	HakeHeader header;
	GroupName group_name{};
	std::uint32_t capabilities = 0;
	std::uint32_t policy = 0;
};
struct ExchangeHead { // bytes 0..99 of KE1 and KE2
	HakeHeader header;
	MemberId destination;
	BootNonce destination_nonce{};
	ExchangeNonce x{};
	std::uint32_t capabilities = 0;
	std::uint32_t policy = 0;
	std::uint32_t spi_base = 0;
	std::uint8_t link_bitmap = 0;
	std::uint8_t password_index = 0;
	std::uint8_t suite = 0; // 0 in KE1
	// Flag 0: the sender goes on counting the beats of an earlier session with this boot of the receiver. Numbers
	// begin anew unless both do.
	bool continues = false;
};
struct Ke1 {
	ExchangeHead head;
	Share share{};
	Ticket ticket{};
};
struct Ke2 {
	ExchangeHead head;
	Share share{};
	Tag confirm{};
	Ticket ticket{};
};
struct Ke3 {
	HakeHeader header;
	MemberId destination;
	BootNonce destination_nonce{};
	ExchangeNonce x{};
	Tag confirm{};
};

struct Bye {
	HakeHeader header;
	MemberId destination;
	BootNonce destination_nonce{};
};

// Bytes of one message, by value: what crosses rings, events and actions.
struct HakeBytes {
	std::uint8_t length = 0;
	std::array<std::byte, hake_max_bytes> bytes{};
	[[nodiscard]] std::span<const std::byte> span() const { return {bytes.data(), length}; }
	friend bool operator==(const HakeBytes &a, const HakeBytes &b)
	{
		if (a.length != b.length)
			return false;
		for (std::size_t i = 0; i < a.length; ++i)
			if (a.bytes[i] != b.bytes[i])
				return false;
		return true;
	}
};
[[nodiscard]] HakeBytes encode(const Hello &message);
[[nodiscard]] HakeBytes encode(const Ke1 &message);
[[nodiscard]] HakeBytes encode(const Ke2 &message);
[[nodiscard]] HakeBytes encode(const Ke3 &message);
[[nodiscard]] HakeBytes encode(const Bye &message);

// Magic, version, type and length; nothing behind the header. Empty if any is wrong.
[[nodiscard]] std::optional<HakeHeader> decode_header(std::span<const std::byte> bytes);
// Empty if the type or length is another one.
[[nodiscard]] std::optional<Hello> decode_hello(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<Ke1> decode_ke1(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<Ke2> decode_ke2(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<Ke3> decode_ke3(std::span<const std::byte> bytes);
[[nodiscard]] std::optional<Bye> decode_bye(std::span<const std::byte> bytes);

// SPI = base | link << 2 | class; base has its low five bits free and is never below 256.
[[nodiscard]] constexpr std::uint32_t spi_for(std::uint32_t base, LinkIndex link, std::uint8_t traffic_class)
{
	return base | static_cast<std::uint32_t>(link) << 2 | traffic_class;
}

} // namespace systole::core
