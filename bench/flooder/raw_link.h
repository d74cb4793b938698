// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One kernel interface, raw Ethernet frames both ways: AF_PACKET, past the queueing discipline, many frames a system
// call. It hears frames of one EtherType, also those that are meant for others.
#pragma once

#include "bench/prober/descriptor.h"
#include "control/core/types.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace systole::flooder {

struct Frame {
	std::size_t length = 0;
	std::array<std::byte, 1514> bytes{};
};

class RawLink {
public:
	RawLink(const std::string &interface, std::uint16_t ether_type);

	[[nodiscard]] const core::MacAddress &mac() const { return m_mac; }
	// The next frame that waits, valid until the next call; empty when none does.
	[[nodiscard]] std::span<const std::byte> receive();
	// How many went out, from the first one on: fewer when the device has no room.
	[[nodiscard]] std::size_t send(std::span<const Frame> frames);
	[[nodiscard]] static constexpr std::size_t most_frames() { return 64; }

private:
	prober::Descriptor m_socket;
	core::MacAddress m_mac{};
	std::array<std::byte, 2048> m_received{};
};

} // namespace systole::flooder
