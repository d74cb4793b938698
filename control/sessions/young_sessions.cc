// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/young_sessions.h"

namespace systole::control {

void YoungSessions::seen(const core::SessionRecord &record, core::Time now)
{
	const auto [place, fresh] = m_sessions.try_emplace(record.key, Young{record, now + m_delay});
	if (fresh)
		m_order.push_back({record.key, now + m_delay});
	else
		place->second.record = record;
}

void YoungSessions::clear()
{
	m_sessions.clear();
	m_order.clear();
}

void YoungSessions::take(core::Time now, const std::function<void(const core::SessionRecord &)> &grown)
{
	while (!m_order.empty() && m_order.front().due <= now) {
		const auto found = m_sessions.find(m_order.front().key);
		if (found != m_sessions.end() && found->second.due == m_order.front().due) {
			grown(found->second.record);
			m_sessions.erase(found);
		}
		m_order.pop_front();
	}
}

} // namespace systole::control
