// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/world.h"

namespace systole::sim {

World::World(const Plan &run_plan, Break what_is_broken)
    : plan(run_plan), broken(what_is_broken), truth(plan), random(plan.seed ^ 0x574f524c44ULL),
      network(plan, queue, random.fork()), checkers(*this)
{
	for (std::size_t i = 0; i < plan.members.size(); ++i)
		m_members.push_back(std::make_unique<Member>(*this, i, random.fork()));
	for (std::size_t a = 0; a < size(); ++a)
		for (std::size_t b = 0; b < a; ++b)
			network.set_open_pair(a, b, true);
	m_plugged.fill(true);
	m_last_cause.fill(long_ago);
	m_last_upset.fill(long_ago);
	m_last_timer.fill(long_ago);
	m_no_carrier_since.fill(sim_never);
}

std::optional<std::size_t> World::index_of(const core::MemberId &id) const
{
	for (std::size_t i = 0; i < plan.members.size(); ++i)
		if (plan.members[i].config.self == id)
			return i;
	return std::nullopt;
}

void World::freeze_host(Duration length)
{
	constexpr Duration together = std::chrono::milliseconds{2}; // nobody wakes at the same moment
	m_host_frozen_last = m_host_frozen_until;
	m_host_frozen_at = now();
	m_host_frozen_until = now() + length + together;
	for (const auto &member : m_members)
		for (const Thread thread : {Thread::worker, Thread::control, Thread::keeper})
			member->halt(thread, now() + length + random.between(Duration{}, together));
	queue.put(m_host_frozen_until, Wake::host_thaw);
}

void World::host_thawed()
{
	// Who must not act alone may have had to stop, until it has heard somebody again.
	if (plan.common().isolation != core::Isolation::fgcp)
		note_upset();
	// And for as long as everybody listens before it decides anything.
	const Duration later = m_host_frozen_until - m_host_frozen_at + plan.dead() * 2;
	for (std::size_t v = 0; v < plan.vcluster_count(); ++v) {
		m_last_cause[v] += later;
		m_last_upset[v] += later;
		m_last_timer[v] += later;
	}
}

bool World::carrier(std::size_t member, std::size_t link) const
{
	return !plan.direct || (m_plugged[link] && m_members[member]->powered() && m_members[1 - member]->powered());
}

void World::plug(std::size_t link, bool in)
{
	if (m_plugged[link] == in)
		return;
	m_plugged[link] = in;
	carriers_changed();
}

void World::carriers_changed()
{
	if (!plan.direct)
		return;
	for (std::size_t i = 0; i < size(); ++i) {
		bool any = false;
		for (std::size_t link = 0; link < plan.links; ++link)
			any = any || carrier(i, link);
		if (any)
			m_no_carrier_since[i] = sim_never;
		else if (m_no_carrier_since[i] == sim_never)
			m_no_carrier_since[i] = now();
		m_members[i]->carrier_changed();
	}
}

void World::fail(const std::string &checker, const std::string &text)
{
	if (m_failure)
		return;
	m_failure = Failure{checker, now(), text};
	trace.line(now(), "!!!!", "%s: %s", checker.c_str(), text.c_str());
}

} // namespace systole::sim
