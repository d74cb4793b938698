// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a UDP flow and a ping carry. The server writes into a flow's reply from which address and port it came: so the
// client sees when a gateway has begun to translate the flow to something else. Both ends are on one machine, so host
// byte order will do.
#pragma once

#include <array>
#include <cstdint>

namespace systole::prober {

inline constexpr std::uint64_t flow_magic = 0x53595354'4f4c4502ULL;
inline constexpr std::uint64_t ping_magic = 0x53595354'4f4c4503ULL;

struct FlowDatagram {
	std::uint64_t magic = flow_magic;
	std::uint64_t sequence = 0;
	std::uint32_t flow = 0;
	std::uint32_t seen_port = 0;
	std::array<std::uint8_t, 16> seen_address{};
};
static_assert(sizeof(FlowDatagram) == 40);

struct PingPayload {
	std::uint64_t magic = ping_magic;
	std::uint64_t sequence = 0;
	std::uint32_t ping = 0;
	std::uint32_t port = 0; // of this prober: two of them may run
};
static_assert(sizeof(PingPayload) == 24);

} // namespace systole::prober
