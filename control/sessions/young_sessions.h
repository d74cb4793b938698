// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `session-pickup-delay`: sessions that are too young to be told to anybody, oldest first.
//
// Memory: some 250 bytes for each that is young and has not ended, so however many come and go in the delay it is bounded
// by `most`. What finds no room is not remembered: a later dump tells it again.
#pragma once

#include "control/core/session/session_record.h"
#include "control/core/types.h"

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>

namespace systole::control {

class YoungSessions {
public:
	YoungSessions(core::Duration delay, std::size_t most, std::uint64_t hash_secret)
	    : m_delay(delay), m_most(most), m_places(0, Hash{hash_secret})
	{
	}
	// New, or one we hold that has changed. False: there is no room for another one.
	[[nodiscard]] bool seen(const core::SessionRecord &record, core::Time now);
	[[nodiscard]] bool holds(const core::SessionKey &key) const { return m_places.contains(key); }
	bool ended(const core::SessionKey &key);
	void clear();
	// Calls `grown` for each that is old enough now.
	void take(core::Time now, const std::function<void(const core::SessionRecord &)> &grown);
	[[nodiscard]] core::Time next_deadline() const { return m_order.empty() ? core::never : m_order.front().due; }
	[[nodiscard]] std::size_t size() const { return m_order.size(); }

private:
	struct Hash {
		std::uint64_t secret;
		std::size_t operator()(const core::SessionKey &key) const { return core::key_hash(key, secret); }
	};
	struct Young {
		core::SessionRecord record;
		core::Time due;
	};

	core::Duration m_delay;
	std::size_t m_most;
	std::list<Young> m_order;
	std::unordered_map<core::SessionKey, std::list<Young>::iterator, Hash> m_places;
};

} // namespace systole::control
