// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What an attacker who reads the whole segment knows, and nothing more: who says HELLO, which SPIs are alive between
// whom and how far their sequence numbers are, which KE1 was just sent.
#pragma once

#include "bench/flooder/raw_link.h"
#include "control/core/message.h"

#include <deque>
#include <vector>

namespace systole::flooder {

struct LiveSa { // the newest heartbeat of one sender to one receiver
	core::MacAddress from{}, to{};
	std::uint32_t spi = 0;
	std::uint32_t sequence = 0;
	Frame beat;
};

struct Greeter {
	core::MacAddress mac{};
	core::Hello hello;
};

struct Asked { // a KE1 that waits for its KE2
	core::MacAddress from{};
	core::Ke1 ke1;
};

class Sightings {
public:
	explicit Sightings(const core::MacAddress &own) : m_own(own) {}

	void look_at(std::span<const std::byte> frame);

	[[nodiscard]] const std::vector<LiveSa> &live() const { return m_live; }
	[[nodiscard]] const std::vector<Greeter> &greeters() const { return m_greeters; }
	[[nodiscard]] std::deque<Asked> &asked() { return m_asked; }

	struct Counts {
		std::uint64_t beats = 0, hello = 0, ke1 = 0, ke2 = 0, ke3 = 0;
		std::uint64_t to_us = 0; // whatever was sent to our address: a member's answer to a forged frame
	};
	[[nodiscard]] const Counts &counts() const { return m_counts; }

private:
	void look_at_esp(const core::MacAddress &to, const core::MacAddress &from, std::span<const std::byte> frame);
	void look_at_hake(const core::MacAddress &from, std::span<const std::byte> message);
	void look_at_hello(const core::MacAddress &from, std::span<const std::byte> bytes);
	void look_at_ke1(const core::MacAddress &from, std::span<const std::byte> bytes);

	core::MacAddress m_own;
	std::vector<LiveSa> m_live;
	std::vector<Greeter> m_greeters;
	std::deque<Asked> m_asked;
	Counts m_counts;
};

} // namespace systole::flooder
