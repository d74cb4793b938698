// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/young_sessions.h"

namespace systole::control {

bool YoungSessions::seen(const core::SessionRecord &record, core::Time now)
{
	const auto found = m_places.find(record.key);
	if (found != m_places.end()) {
		found->second->record = record;
		return true;
	}
	if (m_order.size() >= m_most)
		return false;
	m_order.push_back({record, now + m_delay});
	m_places.emplace(record.key, std::prev(m_order.end()));
	return true;
}

bool YoungSessions::ended(const core::SessionKey &key)
{
	const auto found = m_places.find(key);
	if (found == m_places.end())
		return false;
	m_order.erase(found->second);
	m_places.erase(found);
	return true;
}

void YoungSessions::clear()
{
	m_places.clear();
	m_order.clear();
}

void YoungSessions::take(core::Time now, const std::function<void(const core::SessionRecord &)> &grown)
{
	while (!m_order.empty() && m_order.front().due <= now) {
		grown(m_order.front().record);
		m_places.erase(m_order.front().record.key);
		m_order.pop_front();
	}
}

} // namespace systole::control
