// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the session thread shows to others: numbers it writes now and then, and anybody reads at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "control/core/types.h"

namespace systole::control {

enum class SessionRole : std::uint8_t { idle, source, copy };

struct PeerSyncStatus {
	std::atomic<bool> running{false}; // we tell this member our sessions
	std::atomic<bool> in_step{false};
	std::atomic<std::uint64_t> at_risk{0};
};

struct SessionStatus {
	std::atomic<SessionRole> role{SessionRole::idle};
	std::atomic<std::uint64_t> sessions{0};
	std::atomic<std::uint64_t> capacity{0};
	std::atomic<std::uint64_t> young{0};          // too young to be told (session-pickup-delay)
	std::atomic<bool> in_step{false};             // source: every member has all; copy: we have all
	std::atomic<bool> whole{false};               // copy: has had all once, and its data plane too if it is hot
	std::atomic<std::uint64_t> at_risk{0};        // of the member that lacks most
	std::atomic<std::int64_t> lag_ns{0};          // age of the oldest change that a member has not confirmed
	std::atomic<std::uint64_t> commit_pending{0}; // told, and not in the data plane yet
	std::atomic<std::uint64_t> generation{0};
	std::array<PeerSyncStatus, core::max_members> peers;

	// ---- since the start
	std::atomic<std::uint64_t> frames_sent{0}; // of any kind
	std::atomic<std::uint64_t> frames_received{0};
	std::atomic<std::uint64_t> frames_lost{0}; // their sessions were told again
	std::atomic<std::uint64_t> records_sent{0};
	std::atomic<std::uint64_t> record_bytes_sent{0};
	std::atomic<std::uint64_t> records_received{0};
	std::atomic<std::uint64_t> repairs{0};        // blocks that differed
	std::atomic<std::uint64_t> refused{0};        // frames that say nothing to us
	std::atomic<std::uint64_t> refused_sender{0}; // frames of a member that does not hold the role
	std::atomic<std::uint64_t> full{0};           // sessions that found no room
	std::atomic<std::uint64_t> filtered{0};
	std::atomic<std::uint64_t> source_events{0};
	std::atomic<std::uint64_t> source_overruns{0};
	std::atomic<std::uint64_t> source_dumps{0};
	std::atomic<std::uint64_t> committed{0};
	std::atomic<std::uint64_t> commit_refused{0};
	std::atomic<int> commit_errno{0};
};

} // namespace systole::control
