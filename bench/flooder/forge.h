// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The frames an attacker without the password can make. Each kind gets as far into the checks of a member as it can:
//
//   random          any EtherType, bytes and length; half of them ours by EtherType
//   spi             outer IPv4 and ESP in order, the SPI invented
//   bulk-spi        the live SPI of a member with the class bits of session sync, plausible lengths and sequence
//   heartbeat-spi   a beat just heard: its SPI and exact length, a sequence number just ahead, the rest noise
//   hello           a member of our group that nobody knows, another one each time
//   ke1             such a member asks for keys: right receiver, right boot nonce, a share that decodes
//   ke2             twenty answers to each KE1 that is heard; right but for the proof
//
// Frames come from our own address: with a member's they would change the switch's mind about where that member is.
#pragma once

#include "bench/flooder/sightings.h"

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace systole::flooder {

enum class Kind : std::uint8_t { random, spi, bulk_spi, heartbeat_spi, hello, ke1, ke2 };
inline constexpr std::array<std::string_view, 7> kind_names{"random", "spi", "bulk-spi", "heartbeat-spi",
							    "hello",  "ke1", "ke2"};
[[nodiscard]] std::optional<Kind> kind_of(std::string_view name);

struct Target {
	std::uint16_t ether_type = 0x8890;
	core::MacAddress own{};
	std::optional<core::MacAddress> victim; // none: all of them, in turn or by broadcast
};

class Forge {
public:
	// `sightings` goes on learning while frames are made.
	Forge(Kind kind, const Target &target, Sightings &sightings, std::uint64_t seed);

	// What must be heard first, in words; empty when nothing is missing.
	[[nodiscard]] std::string missing() const;
	// Whether every victim that receives heartbeats is known well enough; before that the others would get its share.
	[[nodiscard]] bool knows_all() const;
	// False: there is nothing to send at the moment (ke2, while nobody asks).
	[[nodiscard]] bool make(Frame &frame);

private:
	using Share = core::Share;

	void make_random(Frame &frame);
	void make_invented_spi(Frame &frame);
	void make_bulk(Frame &frame);
	void make_beat(Frame &frame);
	void make_hello(Frame &frame);
	void make_ke1(Frame &frame);
	[[nodiscard]] bool make_ke2(Frame &frame);

	[[nodiscard]] bool greets(const core::MacAddress &mac) const;
	[[nodiscard]] bool is_victim(const core::MacAddress &mac) const;
	[[nodiscard]] const LiveSa &next_live();
	[[nodiscard]] const Greeter &next_greeter();
	void address(Frame &frame, const core::MacAddress &to, std::uint16_t ether_type) const;
	void enclose(Frame &frame, const core::MacAddress &to, const core::HakeBytes &message) const;
	void write_esp(Frame &frame, std::uint32_t spi, std::uint32_t sequence, std::size_t esp_length);
	void noise(std::span<std::byte> out);
	[[nodiscard]] std::uint32_t below(std::uint32_t limit);
	template <typename Array> void fill(Array &out)
	{
		for (auto &element : out)
			element = static_cast<typename Array::value_type>(m_random());
	}
	[[nodiscard]] core::MemberId stranger_below(const core::MemberId &limit);

	Kind m_kind;
	Target m_target;
	Sightings &m_sightings;
	std::mt19937_64 m_random;
	std::array<std::byte, 1 << 16>
		m_noise{};           // frames take pieces of it: new bytes for each would cost half the rate
	std::vector<Share> m_shares; // points that decode
	std::size_t m_turn = 0;
	std::uint32_t m_bulk_sequence = 0;
	unsigned m_answers_left = 0; // to the KE1 in front
};

} // namespace systole::flooder
