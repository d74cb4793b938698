// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/commit_queue.h"

#include <algorithm>

namespace systole::control {

namespace {

constexpr std::size_t batch_sessions = 256;
constexpr int most_tries = 3; // of commit_all()
constexpr auto shortest_pause = std::chrono::seconds{1};
constexpr auto longest_pause = std::chrono::seconds{30};
// Sessions that have ended and that the data plane would not give up. It forgets more than these by itself, in an hour.
constexpr std::size_t most_unremoved = 4096;

} // namespace

CommitQueue::CommitQueue(core::SessionTable &table, SessionSink &sink, std::span<std::uint64_t> memory, bool hot)
    : m_table(table), m_sink(sink), m_pending(memory, table.capacity()),
      m_refused(memory.subspan(core::SlotSet::words_for(table.capacity())), table.capacity()), m_hot(hot)
{
	m_ended.reserve(batch_sessions);
	m_batch.reserve(batch_sessions);
	m_batch_slots.reserve(batch_sessions);
}

void CommitQueue::stored(core::SlotNumber slot)
{
	m_refused.erase(slot);
	if (core::kind_of(m_table.bytes_at(slot)) == core::SessionKind::expectation) {
		m_pending.erase(slot);
		m_expected.insert(slot);
	} else {
		m_expected.erase(slot);
		m_pending.insert(slot);
	}
}

void CommitQueue::erased(core::SlotNumber slot, const core::SessionRecord &record)
{
	m_pending.erase(slot);
	m_refused.erase(slot);
	m_expected.erase(slot);
	m_ended.push_back(record.key);
	if (m_ended.size() >= batch_sessions)
		remove_ended();
}

void CommitQueue::remove_ended()
{
	// A key that stands in another slot by now has not ended: it has moved.
	std::erase_if(m_ended, [this](const core::SessionKey &key) { return m_table.find(key) != core::no_slot; });
	if (!m_ended.empty()) {
		m_sink.remove(m_ended);
		for (const std::size_t place : m_sink.refused())
			if (m_unremoved.size() < most_unremoved)
				m_unremoved.push_back(m_ended[place]);
	}
	m_ended.clear();
}

bool CommitQueue::put(core::SlotSet &from, core::SlotNumber &next, bool nat_only)
{
	m_batch.clear();
	m_batch_slots.clear();
	bool more = true;
	while (more && m_batch.size() < batch_sessions) {
		const core::SlotNumber slot = from.next(next);
		more = slot != core::no_slot && slot >= next;
		next = more ? slot + 1 : 0;
		const auto record = more ? m_table.at(slot) : std::nullopt;
		if (record && nat_only && !record->source_nat() && !record->destination_nat())
			continue;
		if (more)
			from.erase(slot);
		if (record) {
			m_batch.push_back(*record);
			m_batch_slots.push_back(slot);
		}
	}
	if (&from == &m_pending)
		m_walks += more ? 0 : 1;
	if (m_batch.empty())
		return more;
	m_sink.put(m_batch);
	for (const std::size_t place : m_sink.refused())
		m_refused.insert(m_batch_slots[place]);
	return more;
}

// Those whose master the data plane has; of the others the master is yet to be put, or to be told. One that is refused is
// not tried again: it is only of use for seconds.
void CommitQueue::put_expectations()
{
	m_batch.clear();
	std::erase_if(m_expected, [this](core::SlotNumber slot) {
		const auto record = m_table.at(slot);
		if (!record)
			return true;
		const core::SlotNumber master = m_table.find(record->master());
		if (master == core::no_slot || m_pending.contains(master) || m_refused.contains(master))
			return false;
		m_batch.push_back(*record);
		return true;
	});
	if (!m_batch.empty())
		m_sink.put(m_batch);
}

bool CommitQueue::commit(core::Time now, std::size_t most)
{
	if (m_refused.empty() && m_unremoved.empty()) {
		m_retry_pause = {};
		m_next_retry = now + shortest_pause;
	}
	if (!m_ended.empty())
		remove_ended();
	for (std::size_t done = 0; done < most && !m_pending.empty(); done += batch_sessions)
		put(m_pending, m_next, false);
	put_expectations();
	m_walks += m_pending.empty() ? 2 : 0;
	return retry_some(now) || !m_pending.empty();
}

bool CommitQueue::retry_some(core::Time now)
{
	const std::size_t before = m_refused.size() + m_unremoved.size();
	if (before == 0 || now < m_next_retry)
		return false;
	m_ended.swap(m_unremoved);
	remove_ended();
	put(m_refused, m_next_refused, false);
	const std::size_t left = m_refused.size() + m_unremoved.size();
	m_retry_pause = left < before ? core::Duration{}
				      : std::clamp<core::Duration>(2 * m_retry_pause, shortest_pause, longest_pause);
	m_next_retry = now + m_retry_pause;
	return left != 0 && left < before;
}

void CommitQueue::commit_again()
{
	m_refused.clear();
	m_expected.clear(); // of the time before
	for (core::SlotNumber slot = 0; slot < m_table.high_mark(); ++slot)
		if (m_table.taken(slot))
			stored(slot);
}

void CommitQueue::commit_all(bool again)
{
	m_ended.insert(m_ended.end(), m_unremoved.begin(), m_unremoved.end());
	m_unremoved.clear();
	remove_ended();
	for (int tries = 0; tries < (again ? most_tries : 1); ++tries) {
		const std::size_t before = m_refused.size();
		for (core::SlotNumber slot = m_refused.next(0); again && slot != core::no_slot;
		     slot = m_refused.next(0)) {
			m_refused.erase(slot);
			m_pending.insert(slot);
		}
		m_next = 0;
		while (put(m_pending, m_next, true))
			continue;
		while (!m_pending.empty())
			put(m_pending, m_next, false);
		// None of them got in: it is not the moment.
		if (m_refused.empty() || (tries != 0 && m_refused.size() == before))
			break;
	}
	put_expectations();
	m_walks += 2;
}

void CommitQueue::give_up_refused()
{
	m_refused.clear();
	m_unremoved.clear();
	m_expected.clear();
}

} // namespace systole::control
