// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Brings the data plane of a standby to what its copy of the table says: at once and all the time (`session-commit hot`),
// or before the addresses are claimed (`on-takeover`). Sessions that have ended are taken out before others are put in,
// and what has changed twice is put in once. An expectation waits for its master to be there.
//
//   pending --put--> there
//      |      '----> refused --a batch now and then--> there
//      '<--- changed or told anew ---'
//
// What it refuses is tried again for as long as it is in the table: one batch at a time, after ever longer pauses while
// none of the batch gets in, and without a pause once some do. So a data plane that is full costs a batch every 30 s.
#pragma once

#include "control/core/session/session_table.h"
#include "control/core/session/slot_set.h"
#include "control/core/session/sync_receiver.h"
#include "control/core/types.h"
#include "control/sessions/session_source.h"

#include <cstddef>
#include <set>
#include <span>
#include <vector>

namespace systole::control {

class CommitQueue final : public core::SyncSink {
public:
	static constexpr std::size_t few_refused = 64;
	[[nodiscard]] static std::size_t words_for(std::size_t capacity)
	{
		return 2 * core::SlotSet::words_for(capacity);
	}
	// `hot`: somebody calls commit() all the time, so what was told is in the data plane a little later.
	CommitQueue(core::SessionTable &table, SessionSink &sink, std::span<std::uint64_t> memory, bool hot);

	// ---- SyncSink
	void stored(core::SlotNumber slot) override;
	void erased(core::SlotNumber slot, const core::SessionRecord &record) override;
	// What waits now has had its turn when the walk has come to its end twice, or nothing is left. Some are refused for
	// reasons of their own, as one whose tuple another entry holds: a few are no reason to wait.
	[[nodiscard]] std::uint64_t mark() override { return pending() == 0 ? m_walks : m_walks + 2; }
	[[nodiscard]] bool reached(std::uint64_t mark) const override
	{
		return !m_hot || (m_walks >= mark && m_refused.size() <= few_refused);
	}

	// At most about `most` sessions; true: there is more to do now.
	bool commit(core::Time now, std::size_t most);
	// Everything, sessions with NAT first: without their entry the data plane would take another port for them;
	// expectations last. With `again` what it refuses, and has refused before, is tried three times in all, at once.
	void commit_all(bool again);
	// Everything anew: what the data plane has is as old as the time it stopped being asked.
	void commit_again();
	// What is refused is nobody's task any more.
	void give_up_refused();
	[[nodiscard]] std::size_t pending() const { return m_pending.size() + m_expected.size() + m_ended.size(); }
	// Are in the table and not in the data plane.
	[[nodiscard]] std::size_t refused() const { return m_refused.size(); }

private:
	void remove_ended();
	// One batch of `from`, those from `next` on; false: the walk has come to the end, and begins anew.
	bool put(core::SlotSet &from, core::SlotNumber &next, bool nat_only);
	void put_expectations();
	// True: some of them got in, and there are more.
	bool retry_some(core::Time now);

	core::SessionTable &m_table;
	SessionSink &m_sink;
	core::SlotSet m_pending; // sessions
	core::SlotSet m_refused;
	std::set<core::SlotNumber> m_expected; // expectations: a kernel has few of them
	bool m_hot;
	core::SlotNumber m_next = 0; // where the walk goes on
	std::uint64_t m_walks = 0;   // that have come to their end; two if nothing was left
	core::SlotNumber m_next_refused = 0;
	core::Time m_next_retry{};
	core::Duration m_retry_pause{};
	std::vector<core::SessionKey> m_ended;
	std::vector<core::SessionKey> m_unremoved; // have ended, and the data plane has kept them
	std::vector<core::SessionRecord> m_batch;
	std::vector<core::SlotNumber> m_batch_slots;
};

} // namespace systole::control
