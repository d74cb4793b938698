// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The words the core speaks: time, identities, limits. Everything here is trivially copyable, because these
// values cross the rings between a poll-mode worker and the control thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace systole::core {

// CLOCK_MONOTONIC as a type without now(): the core is told the time, it cannot ask for it.
struct MonoClock {
	using rep = std::int64_t;
	using period = std::nano;
	using duration = std::chrono::duration<rep, period>;
	using time_point = std::chrono::time_point<MonoClock>;
	static constexpr bool is_steady = true;
};
using Duration = MonoClock::duration;
using Time = MonoClock::time_point;
inline constexpr Time never = Time::max();
// Whole microseconds, 0 for what is negative.
[[nodiscard]] constexpr std::uint64_t microseconds(Duration duration)
{
	return duration.count() <= 0 ? 0 : static_cast<std::uint64_t>(duration.count() / 1000);
}

inline constexpr std::size_t max_members = 16; // this member included
inline constexpr std::size_t max_links = 8;    // three bits of an SPI (docs/PROTOCOL.md)
inline constexpr std::size_t max_monitors = 64;
inline constexpr std::size_t max_ping_monitors = 64; // link monitors that count in the election
inline constexpr std::size_t max_vclusters = 30;

// A member's serial: 16 characters, NUL padded, compared as unsigned bytes. The higher serial wins a tie in the election.
struct MemberId {
	std::array<char, 16> text{};

	[[nodiscard]] static constexpr MemberId from(std::string_view serial)
	{
		MemberId id;
		for (std::size_t i = 0; i < serial.size() && i < id.text.size(); ++i)
			id.text[i] = serial[i];
		return id;
	}
	[[nodiscard]] constexpr std::string_view view() const
	{
		std::size_t n = 0;
		while (n < text.size() && text[n] != '\0')
			++n;
		return {text.data(), n};
	}
	[[nodiscard]] constexpr bool empty() const { return text[0] == '\0'; }
	friend constexpr bool operator==(const MemberId &, const MemberId &) = default;
	friend constexpr std::strong_ordering operator<=>(const MemberId &a, const MemberId &b)
	{
		for (std::size_t i = 0; i < a.text.size(); ++i) {
			const auto x = static_cast<unsigned char>(a.text[i]);
			const auto y = static_cast<unsigned char>(b.text[i]);
			if (x != y)
				return x <=> y;
		}
		return std::strong_ordering::equal;
	}
};

using MacAddress = std::array<std::uint8_t, 6>;
inline constexpr MacAddress broadcast_mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

using BootNonce = std::array<std::uint8_t, 16>; // fresh random bytes per start of the daemon
using GroupName = std::array<char, 32>;         // NUL padded

using LinkIndex = std::uint8_t;  // order in `set hbdev`, 0-based
using PeerSlot = std::uint16_t;  // 1 .. max_members-1; slot 0 is this member
using SessionId = std::uint32_t; // one key exchange of one pair; 0 = none

// plain: ESP's framing without cipher or integrity check, when authentication and encryption are both switched off.
enum class Suite : std::uint8_t { none = 0, null_sha1 = 1, cbc_sha1 = 2, gcm = 3, plain = 4 };

// spec: hello/work/standby as the vendor numbers them (2 and 3 are published, 1 is inferred).
enum class HaState : std::uint8_t { hello = 1, work = 2, standby = 3 };

} // namespace systole::core
