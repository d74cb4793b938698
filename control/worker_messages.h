// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What crosses the two rings between a poll-mode worker and the control thread. Every value is trivially copyable.
//
//   control --WorkerCommand--> worker      one producer (control thread), one consumer (worker lcore)
//   control <--WorkerEvent---- worker      one producer (worker lcore), one consumer (control thread)
//
// Security associations cross as owned pointers: control makes them in locked memory, the worker uses them and is
// then their only reader and writer, and gives them back with Released* for control to wipe.
#pragma once

#include "control/core/types.h"

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <variant>

namespace systole::crypto {
class InboundSa;
class OutboundSa;
} // namespace systole::crypto

namespace systole::control {

using core::LinkIndex;
using core::MacAddress;
using core::PeerSlot;
using core::SessionId;

inline constexpr std::size_t max_hake_bytes = 180; // the longest HAKE message, KE2
// Heartbeat body without the worker's stamp (docs/PROTOCOL.md): 30 virtual clusters fit, and a frame of 1500 bytes holds
// it in every suite.
inline constexpr std::size_t max_beat_content = 1312;

// ---------------------------------------------------------------- control -> worker

// Takes an inbound SA into use. Slot 0: a candidate session, whose first good packet is only reported
// (SessionConfirmed) and otherwise discarded, until BindSession gives it a slot.
struct InstallInbound {
	crypto::InboundSa *sa;
	PeerSlot slot;
	LinkIndex link;
	SessionId session;
};
// Gives every inbound SA of a candidate session its peer slot: from now on its packets count.
struct BindSession {
	SessionId session;
	PeerSlot slot;
};
// Takes an outbound SA into use for its traffic class on (slot, link); the SA it replaces comes back as ReleasedOutbound.
struct InstallOutbound {
	crypto::OutboundSa *sa;
	PeerSlot slot;
	LinkIndex link;
	SessionId session;
};
// Gives back every SA of a session (ReleasedInbound/ReleasedOutbound for each). Unknown sessions are ignored.
struct RemoveSession {
	SessionId session;
};
// Starts beating to a peer and judging it. Resets tx, echo and liveness of all its links: a new boot of the peer.
struct StartPeer {
	PeerSlot slot;
	SessionId
		generation; // comes back in every PeerLink, so that control can tell the judgements of two boots apart
	std::uint32_t local_address;  // inner/outer IPv4 source, host order (169.254.0.x)
	std::uint32_t remote_address; // host order
	std::uint8_t link_bitmap;     // links both sides have
	std::array<MacAddress, core::max_links> macs;
};
struct StopPeer {
	PeerSlot slot;
};
struct SetPeerMac {
	PeerSlot slot;
	LinkIndex link;
	MacAddress mac;
};
// The newest heartbeat content; latest wins. `immediate` asks for one extra beat now (a role has changed).
struct SetBeat {
	std::uint16_t length;
	bool immediate;
	std::array<std::byte, max_beat_content> content;
};
// One clear frame payload (HAKE) for one link, in the heartbeat EtherType.
struct SendFrame {
	LinkIndex link;
	MacAddress destination;
	std::uint16_t length;
	std::array<std::byte, max_hake_bytes> payload;
};
// One HAKE message, sealed in the heartbeat SA of (slot, link) and as long as a beat. Nothing happens where there is none.
struct SendSealed {
	PeerSlot slot;
	LinkIndex link;
	std::uint16_t length;
	std::array<std::byte, max_hake_bytes> payload;
};
// Ends the worker's silence that WorkerReturned named by this number; a later one stays.
struct EndSilence {
	std::uint32_t number;
};
using WorkerCommand = std::variant<InstallInbound, BindSession, InstallOutbound, RemoveSession, StartPeer, StopPeer,
				   SetPeerMac, SetBeat, SendFrame, SendSealed, EndSilence>;

// ---------------------------------------------------------------- worker -> control

struct HakeFrame {
	core::Time at;
	LinkIndex link;
	PeerSlot slot;     // 0: came in the clear
	SessionId session; // else: of the SA it came in on
	MacAddress source;
	std::uint16_t length;
	std::array<std::byte, max_hake_bytes> payload;
};
struct SessionConfirmed {
	core::Time at;
	PeerSlot slot;
	SessionId session;
};
// One of the session's outbound SAs has used half of its sequence numbers.
struct SessionWorn {
	core::Time at;
	SessionId session;
};
// alive and one_way are life, stale is not: authentic beats come that do not prove when they were sent.
enum class LinkVerdict : std::uint8_t { alive, lost, one_way, stale, rollback };
// An authentic heartbeat whose content differs from the last one handed up for this peer, or 100 ms after it.
struct PeerBeat {
	core::Time at;
	PeerSlot slot;
	LinkIndex link;
	SessionId session;
	std::int64_t sent_ns;      // sender's CLOCK_MONOTONIC at send
	std::uint32_t lateness_us; // how late the sender says it was
	LinkVerdict verdict;       // of this beat: alive, one_way or stale
	bool since_return;         // sent after this worker's last absence ended (always so if there was none)
	std::uint16_t length;
	std::array<std::byte, max_beat_content> content;
};
// Liveness of one peer on one link changed. `at` is the moment of the judgement, `last_rx` of the last accepted beat.
struct PeerLink {
	core::Time at;
	core::Time last_rx;
	PeerSlot slot;
	SessionId generation; // of the StartPeer it was judged under
	LinkIndex link;
	LinkVerdict verdict;
};
struct ReleasedInbound {
	crypto::InboundSa *sa;
};
struct ReleasedOutbound {
	crypto::OutboundSa *sa;
};
// The worker noticed a gap of its own between two turns longer than one heartbeat interval.
struct WorkerLate {
	core::Time at;
	core::Duration gap;
};
// The worker fell silent, because it was itself away for longer than the dead interval or because control's watchdog
// stood still, and is back: it listens, and sends nothing before EndSilence with this number.
struct WorkerReturned {
	core::Time at;
	core::Duration gap;
	std::uint32_t number;
};
using WorkerEvent = std::variant<HakeFrame, SessionConfirmed, SessionWorn, PeerBeat, PeerLink, ReleasedInbound,
				 ReleasedOutbound, WorkerLate, WorkerReturned>;

static_assert(std::is_trivially_copyable_v<WorkerCommand>);
static_assert(std::is_trivially_copyable_v<WorkerEvent>);

} // namespace systole::control
