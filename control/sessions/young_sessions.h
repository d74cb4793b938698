// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `session-pickup-delay`: sessions that are too young to be told to anybody, oldest first.
#pragma once

#include "control/core/session/session_record.h"
#include "control/core/types.h"

#include <deque>
#include <functional>
#include <unordered_map>

namespace systole::control {

class YoungSessions {
public:
	explicit YoungSessions(core::Duration delay, std::uint64_t hash_secret)
	    : m_delay(delay), m_sessions(0, Hash{hash_secret})
	{
	}
	// New, or one we hold that has changed.
	void seen(const core::SessionRecord &record, core::Time now);
	[[nodiscard]] bool holds(const core::SessionKey &key) const { return m_sessions.contains(key); }
	bool ended(const core::SessionKey &key) { return m_sessions.erase(key) != 0; }
	void clear();
	// Calls `grown` for each that is old enough now.
	void take(core::Time now, const std::function<void(const core::SessionRecord &)> &grown);
	[[nodiscard]] core::Time next_deadline() const { return m_order.empty() ? core::never : m_order.front().due; }
	[[nodiscard]] std::size_t size() const { return m_sessions.size(); }

private:
	struct Hash {
		std::uint64_t secret;
		std::size_t operator()(const core::SessionKey &key) const { return core::key_hash(key, secret); }
	};
	struct Young {
		core::SessionRecord record;
		core::Time due;
	};
	struct Place {
		core::SessionKey key;
		core::Time due; // another one than Young's: an earlier session of that key, which has ended
	};

	core::Duration m_delay;
	std::unordered_map<core::SessionKey, Young, Hash> m_sessions;
	std::deque<Place> m_order;
};

} // namespace systole::control
