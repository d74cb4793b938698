// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/checkers.h"

#include "tests/sim/world.h"

#include <iterator>

namespace systole::sim {

namespace {

// What a member says of itself has changed, and others act on it.
void note_words(World &world, std::size_t vcluster, const core::VclusterState &before, const core::VclusterState &now)
{
	if (before.link_failure != now.link_failure || before.ping_failure < now.ping_failure ||
	    before.reset_count != now.reset_count ||
	    (before.failover_flag && !now.failover_flag) || // somebody else's is newer
	    before.witness != now.witness)
		world.note_upset(vcluster);
	if (before.ping_failure > now.ping_failure || before.priority != now.priority ||
	    before.override_enabled != now.override_enabled)
		world.note_cause(vcluster);
	if (before.put_off_since != now.put_off_since) // an election that was due took, or takes, place later
		world.note_upset(vcluster);
	if (before.waiting != now.waiting)
		world.note_timer(vcluster);
}

std::string of_vcluster(const World &world, std::uint8_t id)
{
	return world.plan.vcluster_count() == 1 ? std::string() : " of vcluster " + std::to_string(id);
}

// Notices are what a member itself says happened: they go into the trace, and some are causes of role changes. That
// they are true is for no-false-loss to check.
void note(World &world, const Step &step)
{
	const std::string who = member_name(step.member);
	for (std::size_t v = 0; v < step.before.size(); ++v) {
		const core::VclusterState &now = world.member(step.member).node().vcluster(v);
		note_words(world, v, step.before[v], now);
		if (now.choice == step.before[v].choice || !world.trace.enabled())
			continue;
		const auto choice = world.index_of(now.choice);
		world.trace.line(world.now(), who, "names %s its primary%s",
				 choice ? member_name(*choice).c_str() : "nobody", world.plan.vcluster_text(v).c_str());
	}
	for (const core::Action &action : step.actions) {
		const auto *notice = std::get_if<core::Notice>(&action);
		if (notice == nullptr)
			continue;
		const auto peer = world.index_of(notice->peer);
		const std::string whom = peer ? member_name(*peer) : std::string(notice->peer.view());
		switch (notice->kind) {
		case core::NoticeKind::peer_lost:
		case core::NoticeKind::peer_restarted:
		case core::NoticeKind::mem_failover: world.note_upset(); break;
		case core::NoticeKind::peer_found: world.note_cause(); break;
		case core::NoticeKind::ping_monitor: // proof of life lost, or found again
		case core::NoticeKind::lease: world.note_upset(world.plan.place_of(notice->vcluster)); break;
		case core::NoticeKind::handed_over:
		case core::NoticeKind::not_handed_over: // a patience has ended
			world.note_cause(world.plan.place_of(notice->vcluster));
			break;
		case core::NoticeKind::flip_expired: world.note_timer(world.plan.place_of(notice->vcluster)); break;
		default: break;
		}
		if (!world.trace.enabled())
			continue;
		if (notice->kind == core::NoticeKind::role)
			world.trace.line(world.now(), who, "role %s -> %s%s, epoch %u, %s %s", name_of(notice->from),
					 name_of(notice->to), of_vcluster(world, notice->vcluster).c_str(),
					 notice->epoch, name_of(notice->decision.rule),
					 world.index_of(notice->decision.winner)
						 ? member_name(*world.index_of(notice->decision.winner)).c_str()
						 : "");
		else
			world.trace.line(world.now(), who, "%s %s link %u value %lld%s", name_of(notice->kind),
					 whom.c_str(), notice->link, static_cast<long long>(notice->value),
					 of_vcluster(world, notice->vcluster).c_str());
	}
}

} // namespace

void Checker::fail(const std::string &text)
{
	m_world.fail(m_name, text);
}

bool gives_away(const core::VclusterState &before, const core::VclusterState &now)
{
	using Stage = core::HandOver::Stage;
	const bool had_offered = before.hand_over.stage == Stage::offered;
	if (now.hand_over.stage == Stage::offered)
		return !had_offered || before.hand_over.number != now.hand_over.number;
	return before.state == core::HaState::work && now.state != core::HaState::work && !had_offered;
}

const core::Decision &why_given_away(const core::VclusterState &now)
{
	return now.hand_over.stage == core::HandOver::Stage::offered ? now.hand_over.decision : now.decision;
}

bool was_asked_for(const core::VclusterState &now)
{
	using Stage = core::HandOver::Stage;
	return now.hand_over.asked && (now.hand_over.stage == Stage::offered || now.hand_over.stage == Stage::let_go);
}

Checkers::Checkers(World &world) : m_world(world)
{
	for (auto make : {election_checkers, readiness_checkers, isolation_checkers, role_checkers, membership_checkers,
			  absence_checkers}) {
		auto more = make(world);
		std::move(more.begin(), more.end(), std::back_inserter(m_checkers));
	}
}

bool Checkers::may_carry_out(std::size_t member, const core::Actions &actions)
{
	bool good = true;
	for (const auto &checker : m_checkers)
		good = checker->may_carry_out(member, actions) && good;
	return good;
}

void Checkers::after_step(const Step &step)
{
	++m_world.statistics.steps;
	note(m_world, step);
	for (const auto &checker : m_checkers)
		checker->after_step(step);
}

void Checkers::acted(std::size_t member, const char *what)
{
	for (const auto &checker : m_checkers)
		checker->acted(member, what);
}

void Checkers::taken(std::size_t member)
{
	for (const auto &checker : m_checkers)
		checker->taken(member);
}

void Checkers::sweep()
{
	for (const auto &checker : m_checkers)
		checker->sweep();
}

void Checkers::settled()
{
	for (const auto &checker : m_checkers)
		checker->settled();
}

} // namespace systole::sim
