// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Brings the data plane of a standby to what its copy of the table says: at once and all the time (`session-commit hot`),
// or before the addresses are claimed (`on-takeover`). Sessions that have ended are taken out before others are put in,
// and what has changed twice is put in once. An expectation waits for its master to be there.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/slot_set.h"
#include "control/core/session/sync_receiver.h"
#include "control/sessions/session_source.h"

#include <cstddef>
#include <set>
#include <span>
#include <vector>

namespace systole::control {

class CommitQueue final : public core::SyncSink {
public:
	CommitQueue(core::SessionTable &table, SessionSink &sink, std::span<std::uint64_t> memory);

	// ---- SyncSink
	void stored(core::SlotNumber slot) override;
	void erased(core::SlotNumber slot, const core::SessionRecord &record) override;

	// At most about `most` sessions; true: there is more.
	bool commit(std::size_t most);
	// Everything, sessions with NAT first: without their entry the data plane would take another port for them;
	// expectations last.
	void commit_all();
	// Everything anew: what the data plane has is as old as the time it stopped being asked.
	void commit_again();
	[[nodiscard]] std::size_t pending() const { return m_pending.size() + m_expected.size() + m_ended.size(); }

private:
	void remove_ended();
	// One batch of those from m_next on; false: the walk has come to the end, and begins anew.
	bool put(bool nat_only);
	void put_expectations();

	core::SessionTable &m_table;
	SessionSink &m_sink;
	core::SlotSet m_pending;               // sessions
	std::set<core::SlotNumber> m_expected; // expectations: a kernel has few of them
	core::SlotNumber m_next = 0;           // where the walk goes on
	std::vector<core::SessionKey> m_ended;
	std::vector<core::SessionRecord> m_batch;
};

} // namespace systole::control
