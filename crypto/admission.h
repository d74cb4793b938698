// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which packets of an inbound SA are worth an integrity check. Nothing here is proof of anything: it only keeps a
// flood of forged packets from buying more work than it should. Its state lies in the SA's first cache line.
//
//   length    A sender pads all its packets to one length and announces the next one inside the SA before it changes.
//             So three lengths pass: this one, the one before (packets overtake each other) and the announced one.
//             Any length passes before the first announcement, and after a silence: who missed an announcement while
//             the link was cut must not stay deaf.
//   failures  Each failed check costs a token; `refill` a second come back. With plenty left every packet is checked.
//             Below that a packet is checked with the probability left / plenty, so that in a flood the failures settle
//             at the refill rate, and a genuine packet among n forged ones has the chance of any of them, refill / rate,
//             wherever it stands. First-come would let the attacker fill every turn before the genuine packet, and
//             newest-first after it; chance is the one choice that is not the attacker's. Nothing is ever answered, so
//             nobody outside sees how it fell.
//
// Times are microseconds that wrap; what that costs is one refill, or one delayed reopening, every 71 minutes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace systole::crypto {

class Admission {
public:
	static constexpr std::uint16_t full = 2048;
	static constexpr std::uint16_t plenty = 1024;     // a power of two
	static constexpr std::uint32_t refill_per_us = 1; // a million failures a second: a quarter of a core or so

	[[nodiscard]] bool takes(std::size_t length, std::uint32_t now_us, std::uint32_t silence_us) const
	{
		if (length == m_current || length == m_previous || length == m_announced)
			return true;
		return m_current == 0 || now_us - m_heard_us >= silence_us;
	}
	// An authentic packet, the newest so far, had this length and its sender announces the next; 0 = the same.
	void heard(std::size_t length, std::size_t announced, std::uint32_t now_us)
	{
		m_heard_us = now_us;
		if (length != m_current) {
			m_previous = m_current == 0 ? static_cast<std::uint16_t>(length) : m_current;
			m_current = static_cast<std::uint16_t>(length);
		}
		m_announced = announced == 0 ? m_current : static_cast<std::uint16_t>(announced);
	}

	[[nodiscard]] bool short_of_tokens() const { return m_left < plenty; }
	// Is this packet checked? Only to be asked when tokens are short; `chance` is any random number.
	[[nodiscard]] bool draw(std::uint32_t now_us, std::uint64_t chance)
	{
		come_back(now_us);
		return (chance & (plenty - 1U)) < m_left;
	}
	void failed(std::uint32_t now_us)
	{
		come_back(now_us);
		if (m_left != 0)
			--m_left;
	}

private:
	void come_back(std::uint32_t now_us)
	{
		const std::uint64_t back = std::uint64_t{now_us - m_refilled_us} * refill_per_us;
		m_left = static_cast<std::uint16_t>(std::min<std::uint64_t>(m_left + back, full));
		m_refilled_us = now_us;
	}

	std::uint32_t m_heard_us = 0;
	std::uint32_t m_refilled_us = 0;
	std::uint16_t m_left = full;
	std::uint16_t m_current = 0; // 0: nothing announced yet
	std::uint16_t m_previous = 0;
	std::uint16_t m_announced = 0;
};

} // namespace systole::crypto
