// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The sessions that are loaded: number N is always the same established TCP connection, from a client behind the gateway
// to a server beyond it, and its number can be read off its tuple. So a table can be checked without keeping what was put
// in. The server addresses are of the ranges for documentation (RFC 5737, RFC 3849): nothing real is taken for one.
//
//   N = block * 60000 + slot     10.1.128.(1+block):(1024+slot) -> 203.0.113.(1+block):443
//                                with NAT from 10.2.2.254:(1024 + 7 * slot mod 60000)
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace systole::ct_loader {

inline constexpr std::uint32_t sessions_per_block = 60'000;
inline constexpr std::uint32_t most_sessions = 250 * sessions_per_block;
inline constexpr std::uint8_t tcp_established = 3; // TCP_CONNTRACK_ESTABLISHED

using Address = std::array<std::uint8_t, 16>; // an IPv4 address in the first four

struct Tuple {
	Address source{};
	Address destination{};
	std::uint16_t source_port = 0;
	std::uint16_t destination_port = 0;
	std::uint8_t protocol = 0;

	friend bool operator==(const Tuple &, const Tuple &) = default;
};

struct Session {
	std::uint8_t family = 0; // AF_INET, AF_INET6
	Tuple original;
	Tuple reply; // as the kernel shows it: with NAT its destination is the gateway
	std::uint32_t mark = 0;
	std::uint32_t status = 0; // IPS_... of nf_conntrack_common.h
	std::uint8_t tcp_state = 0;
};

// The bits of `status` that make a difference to packets.
[[nodiscard]] std::uint32_t lasting_status(std::uint32_t status);

[[nodiscard]] Session load_session(std::uint32_t number, std::uint8_t family, bool nat);
// The number of a session that load_session() could have made, by its original tuple; nothing for all others.
[[nodiscard]] std::optional<std::uint32_t> number_of(const Session &session);
// Whether it is in every way that load_session() made it.
[[nodiscard]] bool as_loaded(const Session &session, std::uint32_t number, bool nat);

} // namespace systole::ct_loader
