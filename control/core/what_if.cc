// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/what_if.h"

#include "control/core/node.h"

#include <algorithm>

namespace systole::core {

namespace {

Supposed *find(Facts &facts, const MemberId &id)
{
	const auto found = std::find_if(facts.members.begin(), facts.members.end(),
					[&](const Supposed &member) { return member.candidate.id == id; });
	return found == facts.members.end() ? nullptr : &*found;
}

void remove(Facts &facts, const MemberId &id)
{
	FixedVector<Supposed, max_members> left;
	for (const Supposed &member : facts.members)
		if (member.candidate.id != id)
			left.push_back(member);
	facts.members = left;
}

// True: a live primary runs the full order for it, also with override off.
bool apply(Facts &facts, const Change &change)
{
	Supposed *member = find(facts, change.member);
	if (member == nullptr)
		return false;
	Candidate &candidate = member->candidate;
	switch (change.kind) {
	case ChangeKind::link_down:
		member->link_failure += static_cast<std::uint32_t>(change.value) * monitor_weight;
		candidate.age_origin = facts.now;
		return true;
	case ChangeKind::link_up:
		member->link_failure -=
			std::min(member->link_failure, static_cast<std::uint32_t>(change.value) * monitor_weight);
		if (facts.hold)
			candidate.age_origin = facts.now;
		return true;
	case ChangeKind::ping_dead:
		if (facts.primary != change.member) // only a primary probes
			return false;
		member->ping_failure = static_cast<std::uint32_t>(change.value);
		candidate.age_origin = facts.now;
		return true;
	case ChangeKind::ping_alive: member->ping_failure = 0; return false;
	case ChangeKind::member_lost: remove(facts, change.member); return true;
	case ChangeKind::priority: candidate.priority = static_cast<std::uint8_t>(change.value); return false;
	case ChangeKind::override_enabled: member->override_enabled = change.value != 0; return false;
	case ChangeKind::failover_flag:
		if (change.value != 0) // the newer flag clears the older
			for (Supposed &other : facts.members)
				other.candidate.failover_flag = false;
		candidate.failover_flag = change.value != 0;
		return true;
	case ChangeKind::maintenance: candidate.maintenance = change.value != 0; return true;
	case ChangeKind::uptime_reset: candidate.age_origin = facts.now; return true;
	}
	return false;
}

// Who is not ready gives way to the best of those who are and no worse off; with override in force only until it is ready.
// An incumbent goes on meanwhile.
void prefer_ready(const Candidates &candidates, const MemberId &incumbent, const ElectionOptions &options, Time now,
		  Decision &decision)
{
	const auto first = std::find_if(candidates.begin(), candidates.end(),
					[&](const Candidate &candidate) { return candidate.id == decision.winner; });
	Candidates ready;
	for (const Candidate &candidate : candidates)
		if (candidate.id == incumbent ||
		    (!candidate.unready && !candidate.barred && !healthier(*first, candidate, now)))
			ready.push_back(candidate);
	if (!first->unready || ready.empty())
		return;
	const Decision instead = elect({ready.begin(), ready.size()}, options, now);
	if (instead.winner == incumbent)
		return;
	const MemberId passed_over = decision.winner;
	decision = Decision{};
	decision.rule = Rule::readiness;
	decision.winner = instead.winner;
	decision.runner_up = passed_over;
}

} // namespace

Facts facts_of(const Node &node, std::size_t place)
{
	Facts facts;
	facts.margin = node.config().uptime_margin;
	facts.hold = node.config().failover_hold > Duration::zero();
	facts.prefers_ready = node.config().session_sync_wait > Duration::zero();
	const VclusterState &own = node.vcluster(place);
	for (const Candidate &candidate : node.candidates(false, place)) {
		Supposed member;
		member.candidate = candidate;
		if (candidate.id == node.config().self) {
			member.override_enabled = own.override_enabled;
			member.link_failure = own.link_failure;
			member.ping_failure = own.ping_failure;
		} else if (const Member *other = node.member(candidate.id)) {
			const VclusterBeat &words = *words_of(*other, own.id);
			member.override_enabled = words.override_enabled;
			member.link_failure = words.link_failure;
			member.ping_failure = words.pingserver_failure;
		}
		facts.members.push_back(member);
	}
	facts.now = node.now();
	facts.flip_over = node.virtual_cluster(place).flip_left(facts.now) == Duration::zero();
	if (own.state == HaState::work)
		facts.primary = node.config().self;
	else if (const Member *primary = node.virtual_cluster(place).live_primary(node.members()))
		facts.primary = primary->id;
	return facts;
}

Outlook what_if(Facts facts, std::span<const Change> changes)
{
	const MemberId incumbent = facts.primary;
	bool full_order = false;
	for (const Change &change : changes)
		full_order = apply(facts, change) || full_order;

	Outlook outlook;
	if (facts.members.empty()) {
		outlook.role_moves = !incumbent.empty();
		return outlook;
	}
	if (full_order && facts.flip_over)
		for (Supposed &member : facts.members)
			if (member.candidate.id != incumbent)
				member.ping_failure = 0;
	Candidates candidates;
	bool override_in_force = false;
	const Supposed *primary = nullptr;
	for (Supposed &member : facts.members) {
		member.candidate.failure_sum = member.link_failure + member.ping_failure;
		override_in_force = override_in_force || member.override_enabled;
		candidates.push_back(member.candidate);
		if (member.candidate.id == incumbent)
			primary = &member;
	}
	outlook.decision = elect({candidates.begin(), candidates.size()}, {override_in_force, facts.margin}, facts.now);
	const bool somebody_healthier =
		primary != nullptr && std::any_of(candidates.begin(), candidates.end(), [&](const Candidate &other) {
			return healthier(other, primary->candidate, facts.now);
		});
	if (primary != nullptr && !override_in_force && !full_order && !somebody_healthier) {
		outlook.decision = Decision{};
		outlook.decision.rule = Rule::live_primary;
		outlook.decision.winner = incumbent;
	}
	if (facts.prefers_ready && !override_in_force && outlook.decision.rule != Rule::live_primary)
		prefer_ready(candidates, incumbent, {override_in_force, facts.margin}, facts.now, outlook.decision);
	outlook.primary = outlook.decision.winner;
	outlook.role_moves = outlook.primary != incumbent;
	return outlook;
}

} // namespace systole::core
