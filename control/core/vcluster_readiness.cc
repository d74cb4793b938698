// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The part of Vcluster that prefers members that are ready: that would lose nothing if they took over now.
//
//   nobody is primary   the best of those who are ready claims in the stead of a better one that is not
//   a primary at work   who is not ready does not get the role before it is
//
// Either for session-sync-wait at most, counted once, and never to the advantage of a member that is ill. Nobody waits
// when nobody is ready. Beyond that time, and for everything else, readiness counts for nothing.
#include "control/core/vcluster.h"

#include <algorithm>

namespace systole::core {

namespace {

const Candidate &find(const Candidates &list, const MemberId &id)
{
	return *std::find_if(list.begin(), list.end(), [&](const Candidate &candidate) { return candidate.id == id; });
}

} // namespace

// Whoever is chosen by now may be another one: all look again.
void Vcluster::readiness_changed()
{
	if (m_state.state == HaState::standby)
		m_successor = MemberId{};
}

Candidates Vcluster::ready_ones(const Scene &scene, const Candidates &list, const MemberId &first) const
{
	const Candidate &best = find(list, first);
	// It waits itself, for somebody who is not ready: an earlier version, or one that has just given the role away.
	const auto waits = [&](const Candidate &candidate) {
		const Member *member = core::find(scene.members, candidate.id);
		const VclusterBeat *words = member == nullptr ? nullptr : words_of(*member, m_state.id);
		return words != nullptr && words->state == HaState::standby &&
		       std::any_of(list.begin(), list.end(), [&](const Candidate &other) {
			       return other.unready && member_hash(other.id) == words->choice;
		       });
	};
	Candidates ready;
	for (const Candidate &candidate : list)
		if (!candidate.unready && !candidate.barred && !healthier(best, candidate, scene.now) &&
		    !waits(candidate))
			ready.push_back(candidate);
	return ready;
}

Decision Vcluster::elect_ready(const Scene &scene, const Candidates &list, const Decision &decision) const
{
	if (!find(list, decision.winner).unready)
		return decision;
	const Candidates ready = ready_ones(scene, list, decision.winner);
	if (ready.empty())
		return decision;
	Decision instead;
	instead.rule = Rule::readiness;
	instead.winner = elect({ready.begin(), ready.size()},
			       {override_in_force(scene.members), scene.config.uptime_margin}, scene.now)
				 .winner;
	instead.runner_up = decision.winner;
	return instead;
}

Decision Vcluster::prefer_ready(const Scene &scene, bool everybody, const Decision &decision) const
{
	const bool waits = scene.now < m_vacant_since + scene.config.session_sync_wait;
	return waits ? elect_ready(scene, candidates(scene, everybody), decision) : decision;
}

Decision Vcluster::put_off(const Scene &scene, const Candidates &list, const Decision &decision,
			   const ElectionOptions &options, Time since)
{
	const Candidate &self = list[0];
	const Candidate &other = find(list, decision.winner);
	if (!other.unready || scene.config.session_sync_wait == Duration::zero())
		return decision;
	Candidates ready;
	ready.push_back(self);
	for (const Candidate &candidate : ready_ones(scene, list, other.id))
		if (candidate.id != self.id && candidate.id != m_declined)
			ready.push_back(candidate);
	const Decision meanwhile = elect({ready.begin(), ready.size()}, options, scene.now);
	if (meanwhile.winner != self.id)
		return meanwhile;
	if (is_ill(self, other, scene.now))
		return decision;
	if (since == never)
		since = scene.now;
	const Time until = since + scene.config.session_sync_wait;
	if (scene.now >= until)
		return decision;
	m_state.put_off_since = since;
	wake(until);
	return meanwhile;
}

} // namespace systole::core
