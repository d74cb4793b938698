// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/cliques.h"

#include "tests/sim/world.h"

#include <algorithm>
#include <bitset>

namespace systole::sim {

namespace {

using Set = std::bitset<max_sim_members>;

// A clock that drifts makes an age differ; and a primary yields by age only beyond 100 ms more than the margin.
Duration margin_blur(Duration age)
{
	return std::chrono::milliseconds{300} + age / 500;
}

bool steady(const World &world, std::size_t index, std::size_t v, SimTime since)
{
	if (!world.takes_part(index))
		return false;
	const Member &member = world.member(index);
	return member.present_since() <= since && member.orders().changed_at <= since && !member.stopping() &&
	       member.booted_at() + world.plan.common().hello_holddown <= since &&
	       (member.node().vcluster(v).state != core::HaState::hello ||
		world.plan.common().isolation == core::Isolation::witness);
}

} // namespace

std::vector<Clique> calm_cliques(const World &world, std::size_t v)
{
	std::vector<Clique> cliques;
	const SimTime since = world.now() - world.plan.settling();
	if (world.last_cause(v) > since || world.last_loss_burst > since || world.host_frozen_until() > since)
		return cliques;
	std::array<Set, max_sim_members> hears{};
	std::array<Set, max_sim_members> touches{}; // heard somehow, in one direction at least, not long ago
	for (std::size_t a = 0; a < world.size(); ++a) {
		hears[a].set(a);
		touches[a].set(a);
		for (std::size_t b = 0; b < world.size(); ++b) {
			if (a == b)
				continue;
			if (world.truth.hearing_since(world.now(), a, b) <= since)
				hears[a].set(b);
			if (world.truth.possible(a, b) > since || world.truth.possible(b, a) > since)
				touches[a].set(b);
		}
	}
	for (std::size_t a = 0; a < world.size(); ++a) {
		Clique clique;
		bool good = true;
		for (std::size_t b = 0; b < world.size(); ++b)
			if (hears[a][b]) {
				good = good && hears[b] == hears[a] && touches[b] == hears[a] &&
				       steady(world, b, v, since);
				clique.push_back(b);
			}
		if (good && clique[0] == a)
			cliques.push_back(clique);
	}
	return cliques;
}

Standing standing_of(const World &world, std::size_t index, std::size_t v)
{
	const Member &member = world.member(index);
	const core::VclusterState &state = member.node().vcluster(v);
	const Orders &orders = member.orders();
	Standing standing;
	standing.member = index;
	// Flags are cleared by others' flags, and what counts of interfaces and ping servers is for other checkers.
	standing.health = {orders.maintenance ? 1U : 0U, state.failover_flag ? 1U : 0U,
			   orders.short_of_memory ? 1U : 0U,
			   static_cast<std::uint32_t>(state.link_failure + state.ping_failure),
			   orders.ssd_failed && world.plan.common().ssd_failover ? 1U : 0U};
	standing.priority = orders.priority[v];
	standing.age_origin = member.clock().when(state.age_origin);
	return standing;
}

std::size_t first_with_override(const World &world, std::vector<Standing> left)
{
	const auto keep = [&](const auto &worse_than_best) {
		std::vector<Standing> best;
		for (const Standing &one : left)
			if (std::none_of(left.begin(), left.end(),
					 [&](const Standing &other) { return worse_than_best(one, other); }))
				best.push_back(one);
		left = best;
	};
	const Duration margin = world.plan.common().uptime_margin;
	keep([](const Standing &a, const Standing &b) { return b.health < a.health; });
	keep([](const Standing &a, const Standing &b) { return b.priority > a.priority; });
	keep([&](const Standing &a, const Standing &b) { return a.age_origin - b.age_origin > margin; });
	keep([&](const Standing &a, const Standing &b) {
		return world.plan.members[b.member].config.self > world.plan.members[a.member].config.self;
	});
	return left[0].member;
}

bool near_margin(const World &world, const Clique &clique, std::size_t v)
{
	const Duration margin = world.plan.common().uptime_margin;
	for (const std::size_t a : clique)
		for (const std::size_t b : clique) {
			const SimTime older = standing_of(world, a, v).age_origin;
			const Duration apart = standing_of(world, b, v).age_origin - older;
			const Duration blur = margin_blur(world.now() - older);
			if (apart > margin - blur && apart < margin + blur)
				return true;
		}
	return false;
}

bool ages_drift(const World &world, std::size_t v)
{
	Clique running;
	for (std::size_t i = 0; i < world.size(); ++i)
		if (world.member(i).running() && !world.outsider(i))
			running.push_back(i);
	return near_margin(world, running, v);
}

std::vector<std::size_t> ranking_of(const World &world, std::size_t index, std::size_t v)
{
	const core::Node &node = world.member(index).node();
	core::Candidates left = node.candidates(true, v);
	std::vector<std::size_t> ranking;
	while (!left.empty()) {
		const core::Decision decision =
			core::elect({left.begin(), left.size()},
				    {node.override_in_force(v), node.config().uptime_margin}, node.now());
		core::Candidates others;
		for (const core::Candidate &candidate : left)
			if (candidate.id != decision.winner)
				others.push_back(candidate);
		left = others;
		ranking.push_back(world.index_of(decision.winner).value_or(world.size()));
	}
	return ranking;
}

} // namespace systole::sim
