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
}

std::optional<std::size_t> World::index_of(const core::MemberId &id) const
{
	for (std::size_t i = 0; i < plan.members.size(); ++i)
		if (plan.members[i].config.self == id)
			return i;
	return std::nullopt;
}

void World::fail(const std::string &checker, const std::string &text)
{
	if (m_failure)
		return;
	m_failure = Failure{checker, now(), text};
	trace.line(now(), "!!!!", "%s: %s", checker.c_str(), text.c_str());
}

} // namespace systole::sim
