// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/election.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace systole::core {

namespace {

std::int64_t age_seconds(const Candidate &candidate, Time now)
{
	return std::chrono::duration_cast<std::chrono::seconds>(now - candidate.age_origin).count();
}

std::int64_t value_of(const Candidate &candidate, Rule rule, Time now)
{
	switch (rule) {
	case Rule::failover_flag: return candidate.failover_flag ? 1 : 0;
	case Rule::failure_sum: return candidate.failure_sum;
	case Rule::uptime: return age_seconds(candidate, now);
	case Rule::priority: return candidate.priority;
	default: return 0;
	}
}

// True if `a` may stay when `best` is the best of those left.
bool stays(const Candidate &a, const Candidate &best, Rule rule, Duration margin)
{
	switch (rule) {
	case Rule::failover_flag: return a.failover_flag == best.failover_flag;
	case Rule::failure_sum: return a.failure_sum == best.failure_sum;
	case Rule::uptime: return a.age_origin - best.age_origin <= margin;
	case Rule::priority: return a.priority == best.priority;
	default: return a.id == best.id;
	}
}

bool better(const Candidate &a, const Candidate &b, Rule rule)
{
	switch (rule) {
	case Rule::failover_flag: return !a.failover_flag && b.failover_flag;
	case Rule::failure_sum: return a.failure_sum < b.failure_sum;
	case Rule::uptime: return a.age_origin < b.age_origin;
	case Rule::priority: return a.priority > b.priority;
	default: return a.id > b.id;
	}
}

} // namespace

Decision elect(std::span<const Candidate> candidates, const ElectionOptions &options, Time now)
{
	assert(!candidates.empty() && candidates.size() <= max_members);
	FixedVector<const Candidate *, max_members> left;
	for (const Candidate &candidate : candidates)
		left.push_back(&candidate);

	Decision decision;
	if (left.size() == 1) {
		decision.rule = Rule::only_member;
		decision.winner = left[0]->id;
		return decision;
	}
	constexpr std::array<Rule, 5> plain{Rule::failover_flag, Rule::failure_sum, Rule::uptime, Rule::priority,
					    Rule::serial};
	constexpr std::array<Rule, 5> with_override{Rule::failover_flag, Rule::failure_sum, Rule::priority,
						    Rule::uptime, Rule::serial};

	for (const Rule rule : options.override_in_force ? with_override : plain) {
		const Candidate *best = left[0];
		for (const Candidate *candidate : left)
			if (better(*candidate, *best, rule))
				best = candidate;
		FixedVector<const Candidate *, max_members> stay;
		const Candidate *runner_up = nullptr; // the best of those this rule drops
		for (const Candidate *candidate : left) {
			if (stays(*candidate, *best, rule, options.uptime_margin))
				stay.push_back(candidate);
			else if (runner_up == nullptr || better(*candidate, *runner_up, rule) ||
				 (!better(*runner_up, *candidate, rule) && candidate->id > runner_up->id))
				runner_up = candidate;
		}
		left = stay;
		if (left.size() == 1) {
			decision.rule = rule;
			decision.winner = left[0]->id;
			decision.runner_up = runner_up->id;
			decision.winner_value = value_of(*left[0], rule, now);
			decision.runner_up_value = value_of(*runner_up, rule, now);
			return decision;
		}
	}
	assert(false && "two candidates with one serial");
	return decision;
}

} // namespace systole::core
