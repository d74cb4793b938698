// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What enters the worker: frames are classified, ESP is opened a burst at a time, the inner packet is checked against
// the SA it came in, the beat goes to the liveness of its peer and link, and what is news goes up to control.
// Every refusal has a name and a counter (control/worker_counters.h); no refusal changes a peer's state.
#pragma once

#include "control/core/heartbeat.h"
#include "crypto/esp.h"
#include "dataplane/frame.h"
#include "dataplane/worker_state.h"

#include <array>
#include <cstdint>
#include <optional>

namespace systole::dataplane {

class Rx {
public:
	explicit Rx(WorkerState &state);

	// Takes what waits on every port: a few bursts, so that a flood cannot keep the worker from sending, or with
	// `completely` all that can have been waiting, so that nobody is judged by what we have not looked at.
	void drain(core::Time now, bool completely);
	// The last drain() ended at its bound: there may be more in a queue.
	[[nodiscard]] bool more() const { return m_more; }
	// How many session frames were put into their lane since: ring the bell if the session thread sleeps.
	[[nodiscard]] std::size_t take_handed_sessions() { return std::exchange(m_handed_sessions, 0); }

private:
	static constexpr std::size_t burst_frames = 32;
	static constexpr std::uint32_t bursts_per_turn = 8;
	static constexpr std::uint32_t hake_per_turn = 64; // each may cost control an elliptic curve operation
	// A port's share of a turn ends early when this many session frames came: they are long and many, and beats must
	// go out meanwhile. The rest stays in the port's queue. Forged ones do not count: as of heartbeats, the bursts above
	// and the failure budget of each SA are bound enough.
	static constexpr std::uint32_t session_frames_per_visit = 128;

	void take_burst(core::Time now, core::LinkIndex link, std::span<rte_mbuf *> frames);
	void hand_up_hake(core::Time now, core::LinkIndex link, const Frame &frame, std::span<const std::byte> bytes);
	void hand_up_sealed(core::Time now, core::LinkIndex link, const crypto::InboundSa &sa,
			    std::span<const std::byte> bytes);
	void take_opened(core::Time now, core::LinkIndex link, const crypto::Open &packet);
	void take_beat(core::Time now, core::LinkIndex link, const crypto::Open &packet,
		       std::span<const std::byte> body);
	void take_session_frame(core::LinkIndex link, const crypto::Open &packet, const AddressPair &addresses);
	void confirm(core::Time now, crypto::InboundSa &sa);
	// Classes that nobody here takes are not opened.
	[[nodiscard]] bool takes(crypto::TrafficClass traffic_class) const
	{
		return traffic_class == crypto::TrafficClass::heartbeat ||
		       (traffic_class == crypto::TrafficClass::session && m_state.lanes != nullptr);
	}

	WorkerState &m_state;
	struct EspFrame {
		std::uint32_t spi;
		crypto::TrafficClass traffic_class;
		std::byte *esp;
		std::size_t length;
	};
	// Fills m_esp; everything else is dealt with. Returns how many there are.
	[[nodiscard]] std::size_t sort_burst(core::Time now, core::LinkIndex link, std::span<rte_mbuf *> frames);
	// m_esp -> m_opens; returns how many have an SA.
	[[nodiscard]] std::size_t find_sas(core::LinkIndex link, std::size_t count);
	// What there is to say against opening this packet, if anything.
	[[nodiscard]] std::optional<control::Drop> objection(core::LinkIndex link, const EspFrame &frame,
							     crypto::InboundSa *sa);
	[[nodiscard]] bool has_right_size(const EspFrame &frame, const crypto::InboundSa &sa) const;

	bool m_more = false;
	std::uint32_t m_hake_left = 0;
	std::uint32_t m_session_frames = 0; // of this visit to a port
	std::size_t m_handed_sessions = 0;
	// Of this turn, for Admission.
	std::uint32_t m_now_us = 0;
	const std::uint32_t m_dead_us;
	std::uint64_t m_chance; // xorshift64: nobody outside sees what comes of it
	std::array<EspFrame, burst_frames> m_esp;
	std::array<crypto::Open, burst_frames> m_opens;
};

} // namespace systole::dataplane
