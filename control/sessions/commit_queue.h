// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Brings the data plane of a standby to what its copy of the table says: at once and all the time (`session-commit hot`),
// or before the addresses are claimed (`on-takeover`). Sessions that have ended are taken out before others are put in,
// and what has changed twice is put in once.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/slot_set.h"
#include "control/core/session/sync_receiver.h"
#include "control/sessions/session_source.h"

#include <cstddef>
#include <span>
#include <vector>

namespace systole::control {

class CommitQueue final : public core::SyncSink {
public:
	// `hot`: somebody calls commit() all the time, so what was told is in the data plane a little later.
	CommitQueue(core::SessionTable &table, SessionSink &sink, std::span<std::uint64_t> memory, bool hot);

	// ---- SyncSink
	void stored(core::SlotNumber slot) override { m_pending.insert(slot); }
	void erased(core::SlotNumber slot, const core::SessionRecord &record) override;
	// What waits now has had its turn when the walk has come to its end twice, or nothing is left.
	[[nodiscard]] std::uint64_t mark() override { return pending() == 0 ? m_walks : m_walks + 2; }
	[[nodiscard]] bool reached(std::uint64_t mark) const override { return !m_hot || m_walks >= mark; }

	// At most about `most` sessions; true: there is more.
	bool commit(std::size_t most);
	// Everything, sessions with NAT first: without their entry the data plane would take another port for them.
	void commit_all();
	// Everything anew: what the data plane has is as old as the time it stopped being asked.
	void commit_again();
	[[nodiscard]] std::size_t pending() const { return m_pending.size() + m_ended.size(); }

private:
	void remove_ended();
	// One batch of those from m_next on; false: the walk has come to the end, and begins anew.
	bool put(bool nat_only);

	core::SessionTable &m_table;
	SessionSink &m_sink;
	core::SlotSet m_pending;
	bool m_hot;
	core::SlotNumber m_next = 0; // where the walk goes on
	std::uint64_t m_walks = 0;   // that have come to their end; two if nothing was left
	std::vector<core::SessionKey> m_ended;
	std::vector<core::SessionRecord> m_batch;
};

} // namespace systole::control
