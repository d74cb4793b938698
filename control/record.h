// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What this member can tell of itself besides the core's state: its history, how the last takeover went, what its hooks
// said, how its machine is. Written by the control thread, read by the API.
#pragma once

#include "control/core/action.h"
#include "control/core/types.h"
#include "control/history.h"
#include "control/machine_usage.h"
#include "control/notice_text.h"
#include "control/ring.h"
#include "control/takeover/hooks.h"
#include "control/takeover/takeover.h"

#include <boost/json/object.hpp>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace systole::control {

// One line each.
void log_errors(const TakeoverErrors &errors);

class Record {
public:
	explicit Record(NoticeNames names) : m_names(std::move(names)) {}

	[[nodiscard]] bool start(const std::string &history_file, std::string &error)
	{
		return m_history.load(history_file, error);
	}
	void stop() { m_history.stop(); }

	// Log and history; the entry, for whoever follows. `unix_now` is the wall clock's reading at `now`.
	[[nodiscard]] boost::json::object take(const core::Notice &notice, core::Time now, double unix_now);
	void take(std::uint8_t vcluster, const ClaimReport &claim);
	void take(std::uint8_t vcluster, const ReleaseReport &release);
	void take(const HookResult &result);
	// Why a claim now would fail; and what the machine is doing. Call it once a second.
	void look(std::vector<std::string> blockers);

	[[nodiscard]] const History &history() const { return m_history; }
	[[nodiscard]] const std::vector<std::string> &blockers() const { return m_blockers; }
	// Addresses are held as far as the last claim knows.
	[[nodiscard]] bool claim_was_good(std::uint8_t vcluster) const
	{
		const auto claim = m_claims.find(vcluster);
		return claim != m_claims.end() && claim->second.errors.empty();
	}
	void tell(boost::json::object &status) const;

private:
	History m_history;
	NoticeNames m_names;
	std::string m_boot_id = boot_id();
	std::map<std::uint8_t, ClaimReport> m_claims; // the last one of each virtual cluster
	std::uint8_t m_last_claimed = 0;              // virtual cluster; 0 = none so far
	std::string m_last_hook;
	std::vector<std::string> m_blockers;
	MachineUsage m_machine;
	boost::json::object m_usage;
};

} // namespace systole::control
