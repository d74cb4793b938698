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

// True if `a` may stay when `best` is the best of those left.
bool stays(const Candidate &a, const Candidate &best, Rule rule, Duration margin)
{
	switch (rule) {
	case Rule::maintenance: return a.maintenance == best.maintenance;
	case Rule::failover_flag: return a.failover_flag == best.failover_flag;
	case Rule::mem_failover: return a.mem_failover == best.mem_failover;
	case Rule::failure_sum: return a.failure_sum == best.failure_sum;
	case Rule::ssd: return a.ssd_failed == best.ssd_failed;
	case Rule::uptime: return a.age_origin - best.age_origin <= margin;
	case Rule::priority: return a.priority == best.priority;
	default: return a.id == best.id;
	}
}

bool better(const Candidate &a, const Candidate &b, Rule rule)
{
	switch (rule) {
	case Rule::maintenance: return !a.maintenance && b.maintenance;
	case Rule::failover_flag: return !a.failover_flag && b.failover_flag;
	case Rule::mem_failover: return !a.mem_failover && b.mem_failover;
	case Rule::failure_sum: return a.failure_sum < b.failure_sum;
	case Rule::ssd: return !a.ssd_failed && b.ssd_failed;
	case Rule::uptime: return a.age_origin < b.age_origin;
	case Rule::priority: return a.priority > b.priority;
	default: return a.id > b.id;
	}
}

} // namespace

std::int64_t value_of(const Candidate &candidate, Rule rule, Time now)
{
	switch (rule) {
	case Rule::maintenance: return candidate.maintenance ? 1 : 0;
	case Rule::failover_flag: return candidate.failover_flag ? 1 : 0;
	case Rule::mem_failover: return candidate.mem_failover ? 1 : 0;
	case Rule::failure_sum: return candidate.failure_sum;
	case Rule::ssd: return candidate.ssd_failed ? 1 : 0;
	case Rule::uptime: return age_seconds(candidate, now);
	case Rule::priority: return candidate.priority;
	default: return 0;
	}
}

bool is_ill(const Candidate &primary, const Candidate &other, Time now)
{
	const std::array rules{Rule::mem_failover, Rule::failure_sum, Rule::ssd};
	return std::any_of(rules.begin(), rules.end(),
			   [&](Rule rule) { return value_of(primary, rule, now) > value_of(other, rule, now); });
}

bool healthier(const Candidate &other, const Candidate &self, Time now)
{
	for (const Rule rule :
	     {Rule::maintenance, Rule::failover_flag, Rule::mem_failover, Rule::failure_sum, Rule::ssd})
		if (const std::int64_t ours = value_of(self, rule, now), theirs = value_of(other, rule, now);
		    theirs != ours)
			return theirs < ours;
	return false;
}

std::span<const Rule> criteria(bool override_in_force)
{
	static constexpr std::array plain{Rule::maintenance, Rule::failover_flag, Rule::mem_failover, Rule::failure_sum,
					  Rule::ssd,         Rule::uptime,        Rule::priority,     Rule::serial};
	static constexpr std::array with_override{Rule::maintenance, Rule::failover_flag, Rule::mem_failover,
						  Rule::failure_sum, Rule::ssd,           Rule::priority,
						  Rule::uptime,      Rule::serial};
	return override_in_force ? std::span<const Rule>(with_override) : std::span<const Rule>(plain);
}

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
	for (const Rule rule : criteria(options.override_in_force)) {
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
