// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One frame on a heartbeat link: a clear HAKE message, or a heartbeat body inside ideal ESP (whoever does not hold
// `key` can neither make nor change it, only send it again). The bytes are the real wire bytes.
#pragma once

#include "control/core/heartbeat.h"
#include "control/worker_messages.h"
#include "tests/sim/sim_time.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <vector>

namespace systole::sim {

inline constexpr std::uint8_t nobody = 0xff;
inline constexpr std::size_t max_body_bytes = core::beat_stamp_bytes + control::max_beat_content;

struct PacketHead {
	enum class Kind : std::uint8_t { hake, esp, sealed_hake }; // sealed: in ESP, too
	Kind kind = Kind::hake;
	core::LinkIndex link = 0;
	std::uint8_t sender = nobody; // member index, for the network and the checkers
	std::uint16_t length = 0;
	std::uint32_t sender_boot = 0;
	core::MacAddress source{};
	core::MacAddress destination{};
	// ESP
	std::uint32_t spi = 0;
	std::uint32_t sequence = 0;
	std::uint64_t key = 0;
	// What the checkers know and the members do not: how many beats this is from the sender to its receiver on this
	// link, and which of the receiver's beats the sender had heard by then.
	std::uint64_t number = 0;
	std::uint64_t echo_number = 0;
	SimTime sent_at{};
	Duration echo_way{};  // that beat's time on the way
	Duration echo_held{}; // since it came
};

struct Packet {
	PacketHead head;
	std::array<std::byte, max_body_bytes> bytes;

	Packet() {} // bytes stay as they are: head.length says how many count
	Packet(const Packet &other) { *this = other; }
	Packet &operator=(const Packet &other)
	{
		head = other.head;
		std::memcpy(bytes.data(), other.bytes.data(), other.head.length);
		return *this;
	}
	[[nodiscard]] std::span<const std::byte> body() const { return {bytes.data(), head.length}; }
};

// Packets in flight, by number.
class PacketPool {
public:
	std::uint32_t put(const Packet &packet)
	{
		if (m_free.empty()) {
			m_packets.push_back(packet);
			return static_cast<std::uint32_t>(m_packets.size() - 1);
		}
		const std::uint32_t number = m_free.back();
		m_free.pop_back();
		m_packets[number] = packet;
		return number;
	}
	[[nodiscard]] const Packet &at(std::uint32_t number) const { return m_packets[number]; }
	void release(std::uint32_t number) { m_free.push_back(number); }

private:
	std::deque<Packet> m_packets;
	std::vector<std::uint32_t> m_free;
};

} // namespace systole::sim
