// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How long the packets to one peer on one link are. All have one length, so that the receiver can drop every other
// before it computes anything (crypto/admission.h). A change is announced in the beats before it, and made when the peer
// has echoed one of these: then it knows, and no beat is lost.
//
//   content grows  ->  announce  --echo of an announcing beat-->  change
//                          '-------- nobody echoes for `patience` beats: the peer hears us and we do not hear it, or it
//                                    has lost us anyhow, and takes any length after that silence ------> change
//
// Room is kept for some more content than there is, so the usual small growth needs no change at all. Content that is
// suddenly too long waits for the change; until then beats are sent without it and say only that we live.
#pragma once

#include "control/core/heartbeat.h"
#include "control/worker_messages.h"
#include "crypto/suite.h"
#include "dataplane/frame.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace systole::dataplane {

class BeatSize {
public:
	static constexpr std::size_t overhead = ipv4_bytes + udp_bytes + core::beat_stamp_bytes;
	static constexpr std::size_t room = 16; // another peer on three links

	// The length that holds this much: with ESP's trailer behind it a whole number of AES blocks, so that no suite pads
	// it further.
	[[nodiscard]] static constexpr std::size_t fit(std::size_t inner_length)
	{
		constexpr std::size_t step = 16;
		return (inner_length + crypto::esp_trailer_bytes + step - 1) / step * step - crypto::esp_trailer_bytes;
	}
	// Of a beat with this much content when nothing has been announced.
	[[nodiscard]] static constexpr std::size_t of_content(std::size_t length)
	{
		return fit(overhead + length + room);
	}
	// A handshake message inside ESP is as long as a beat, or as this if beats are shorter: it holds every one of them,
	// and the receiver takes it at any time.
	static constexpr std::size_t handshake = ipv4_bytes + udp_bytes + control::max_hake_bytes;

	// Of the inner packets that are sent now; beats and handshake messages are padded to it.
	[[nodiscard]] std::size_t current() const { return m_current; }
	[[nodiscard]] std::size_t announced() const { return m_announced; }
	[[nodiscard]] std::size_t for_handshake() const { return std::max<std::size_t>(m_current, fit(handshake)); }

	// A new SA takes any length.
	void restart() { *this = {}; }
	// The beats are numbered from 1 again, under whatever SA.
	void renumber()
	{
		m_acknowledged = 0;
		m_announced_by = 1;
	}
	// The peer has this beat of ours.
	void acknowledge(std::uint64_t echo) { m_acknowledged = std::max(m_acknowledged, echo); }
	// Before beat number `tx`, of which the content takes this much.
	void next_beat(std::size_t content_length, std::uint64_t tx, unsigned patience)
	{
		const std::size_t wanted = of_content(content_length);
		if (m_current == 0)
			m_current = m_announced = static_cast<std::uint16_t>(wanted);
		if (m_announced != m_current && (m_acknowledged >= m_announced_by || tx - m_announced_by >= patience))
			m_current = m_announced;
		// Less is asked for only when there is nothing to wait for and it is worth it.
		const bool grows = overhead + content_length + room > m_announced;
		const bool shrinks = m_announced == m_current && wanted + min_gain <= m_current;
		if (grows || shrinks) {
			m_announced = static_cast<std::uint16_t>(wanted);
			m_announced_by = tx;
		}
	}
	[[nodiscard]] bool holds(std::size_t content_length) const { return overhead + content_length <= m_current; }

private:
	static constexpr std::size_t min_gain = 64;

	std::uint16_t m_current = 0; // 0: nothing sent yet
	std::uint16_t m_announced = 0;
	std::uint64_t m_announced_by = 0; // the first beat that said so
	std::uint64_t m_acknowledged = 0; // the highest beat the peer is known to have
};

inline constexpr std::size_t longest_inner = BeatSize::of_content(control::max_beat_content);

} // namespace systole::dataplane
