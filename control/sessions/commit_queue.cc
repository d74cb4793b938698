// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/commit_queue.h"

#include <algorithm>

namespace systole::control {

namespace {

constexpr std::size_t batch_sessions = 256;

} // namespace

CommitQueue::CommitQueue(core::SessionTable &table, SessionSink &sink, std::span<std::uint64_t> memory, bool hot)
    : m_table(table), m_sink(sink), m_pending(memory, table.capacity()), m_hot(hot)
{
	m_ended.reserve(batch_sessions);
	m_batch.reserve(batch_sessions);
}

void CommitQueue::erased(core::SlotNumber slot, const core::SessionRecord &record)
{
	m_pending.erase(slot);
	m_ended.push_back(record.key);
	if (m_ended.size() >= batch_sessions)
		remove_ended();
}

void CommitQueue::remove_ended()
{
	// A key that stands in another slot by now has not ended: it has moved.
	std::erase_if(m_ended, [this](const core::SessionKey &key) { return m_table.find(key) != core::no_slot; });
	if (!m_ended.empty())
		m_sink.remove(m_ended);
	m_ended.clear();
}

bool CommitQueue::put(bool nat_only)
{
	m_batch.clear();
	bool more = true;
	while (more && m_batch.size() < batch_sessions) {
		const core::SlotNumber slot = m_pending.next(m_next);
		more = slot != core::no_slot && slot >= m_next;
		m_next = more ? slot + 1 : 0;
		const auto record = more ? m_table.at(slot) : std::nullopt;
		if (record && nat_only && !record->source_nat() && !record->destination_nat())
			continue;
		if (more)
			m_pending.erase(slot);
		if (record)
			m_batch.push_back(*record);
	}
	if (!m_batch.empty())
		m_sink.put(m_batch);
	m_walks += more ? 0 : 1;
	return more;
}

bool CommitQueue::commit(std::size_t most)
{
	if (!m_ended.empty())
		remove_ended();
	for (std::size_t done = 0; done < most && !m_pending.empty(); done += batch_sessions)
		put(false);
	m_walks += m_pending.empty() ? 2 : 0;
	return !m_pending.empty();
}

void CommitQueue::commit_again()
{
	for (core::SlotNumber slot = 0; slot < m_table.high_mark(); ++slot)
		if (m_table.taken(slot))
			m_pending.insert(slot);
}

void CommitQueue::commit_all()
{
	if (!m_ended.empty())
		remove_ended();
	m_next = 0;
	while (put(true))
		continue;
	while (!m_pending.empty())
		put(false);
	m_walks += 2;
}

} // namespace systole::control
