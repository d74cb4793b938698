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
	std::atomic<std::uint64_t> expectations{0}; // beside them, in the same table
	std::atomic<std::uint64_t> capacity{0};
	std::atomic<std::uint64_t> young{0};          // too young to be told (session-pickup-delay)
	std::atomic<bool> in_step{false};             // source: every member has all; copy: we have all
	std::atomic<bool> whole{false};               // copy: has had all once, and its data plane too if it is hot
	std::atomic<std::uint64_t> at_risk{0};        // of the member that lacks most
	std::atomic<std::int64_t> lag_ns{0};          // age of the oldest change that a member has not confirmed
	std::atomic<std::uint64_t> commit_pending{0}; // told, and not in the data plane yet
	std::atomic<std::uint64_t> kernel_refused{
		0}; // told, tried, refused by the data plane; tried again now and then
	std::atomic<std::uint64_t> generation{0};
	// Planned changes of the role, by SessionSituation::hand_over: the successor has what there was when it was named;
	// we have told it the rest, or have given up.
	std::atomic<std::uint32_t> fence_passed{0};
	std::atomic<std::uint32_t> rest_told{0};
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
	std::atomic<std::uint64_t> told_late{0};      // sessions that our predecessors told after we had claimed
	std::atomic<std::uint64_t> rest_lost{0};      // sessions that our successors did not confirm
	std::atomic<std::uint64_t> rest_missed{0};    // times a predecessor did not say that we had heard everything
	std::atomic<std::uint64_t> full{0};           // sessions that found no room
	std::atomic<std::uint64_t> filtered{0};
	std::atomic<std::uint64_t> source_events{0};
	std::atomic<std::uint64_t> source_overruns{0};
	std::atomic<std::uint64_t> source_dumps{0};
	std::atomic<std::uint64_t> dump_sessions{0}; // of the last one that is complete
	std::atomic<std::int64_t> dump_ns{0};
	std::atomic<std::uint64_t> expectations_left_out{0}; // of helpers whose expectations cannot be told
	std::atomic<std::uint64_t> committed{0};
	std::atomic<std::uint64_t> commit_refused{0}; // each time counts
	std::atomic<int> commit_errno{0};             // the last one's
};

} // namespace systole::control
