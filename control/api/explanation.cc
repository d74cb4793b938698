// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/explanation.h"

#include "control/api/cluster_view.h"
#include "control/api/ranking.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace systole::control {

namespace {

using boost::json::array;
using boost::json::object;
using core::Candidate;
using core::Rule;

class Explanation {
public:
	Explanation(const ApiBackend &backend, std::size_t place)
	    : m_node(backend.node()), m_place(place), m_view(view_cluster(backend)),
	      m_options(election_options(m_node, place))
	{
		const core::Candidates all = m_node.candidates(true, place);
		m_ranking = rank(all, m_options, m_view.now);
		for (const core::Decision &decision : m_ranking) {
			m_candidates.push_back(*std::find_if(
				all.begin(), all.end(), [&](const Candidate &c) { return c.id == decision.winner; }));
			m_youngest = std::max(m_youngest, m_candidates.back().age_origin);
		}
	}
	[[nodiscard]] object json() const;

private:
	[[nodiscard]] std::int64_t value(const Candidate &candidate, Rule rule) const;
	[[nodiscard]] boost::json::value shown(const Candidate &candidate, Rule rule) const;
	[[nodiscard]] bool dropped(const Candidate &candidate, const Candidate &best, Rule rule) const;
	[[nodiscard]] std::string why_dropped(const Candidate &candidate, const Candidate &best, Rule rule) const;
	[[nodiscard]] array criteria() const;
	[[nodiscard]] array candidates() const;
	[[nodiscard]] array ranking() const;
	[[nodiscard]] std::string why_primary_stays() const;
	[[nodiscard]] const Candidate &candidate(const core::MemberId &id) const;
	[[nodiscard]] std::int64_t margin_s() const
	{
		return std::chrono::duration_cast<std::chrono::seconds>(m_options.uptime_margin).count();
	}

	const core::Node &m_node;
	std::size_t m_place;
	ClusterView m_view;
	core::ElectionOptions m_options;
	std::vector<core::Decision> m_ranking;
	std::vector<Candidate> m_candidates; // in the order of the ranking
	core::Time m_youngest{core::Duration::min()};
};

const Candidate &Explanation::candidate(const core::MemberId &id) const
{
	return *std::find_if(m_candidates.begin(), m_candidates.end(), [&](const Candidate &c) { return c.id == id; });
}

std::int64_t Explanation::value(const Candidate &candidate, Rule rule) const
{
	if (rule == Rule::uptime)
		return std::chrono::round<std::chrono::seconds>(m_youngest - candidate.age_origin).count();
	return core::value_of(candidate, rule, m_view.now);
}

boost::json::value Explanation::shown(const Candidate &candidate, Rule rule) const
{
	switch (rule) {
	case Rule::maintenance:
	case Rule::failover_flag:
	case Rule::mem_failover:
	case Rule::ssd: return value(candidate, rule) != 0;
	case Rule::serial: return boost::json::string(printable(candidate.id.view()));
	default: return value(candidate, rule);
	}
}

bool Explanation::dropped(const Candidate &candidate, const Candidate &best, Rule rule) const
{
	if (rule == Rule::uptime)
		return candidate.age_origin - best.age_origin > m_options.uptime_margin;
	if (rule == Rule::serial)
		return candidate.id != best.id;
	return value(candidate, rule) != value(best, rule);
}

std::string Explanation::why_dropped(const Candidate &candidate, const Candidate &best, Rule rule) const
{
	const std::int64_t own = value(candidate, rule);
	const std::int64_t other = value(best, rule);
	switch (rule) {
	case Rule::maintenance: return "it is in maintenance";
	case Rule::failover_flag: return "its EXE_FAIL_OVER flag is set";
	case Rule::mem_failover: return "it is short of memory";
	case Rule::failure_sum: return fmt::format("{} is more than {}", own, other);
	case Rule::ssd: return "a disk of it has failed";
	case Rule::uptime: return fmt::format("younger by {} s, more than the margin of {} s", other - own, margin_s());
	case Rule::priority: return fmt::format("{} is less than {}", own, other);
	default: return fmt::format("it is lower than {}", printable(best.id.view()));
	}
}

// Each criterion drops whoever is worse than the best that is left, as core::elect() does.
array Explanation::criteria() const
{
	array list;
	std::vector<const Candidate *> left;
	for (const Candidate &candidate : m_candidates)
		left.push_back(&candidate);
	for (const Rule rule : core::criteria(m_options.override_in_force)) {
		const auto worse = [&](const Candidate *a, const Candidate *b) {
			if (rule == Rule::uptime)
				return a->age_origin > b->age_origin;
			if (rule == Rule::serial)
				return a->id < b->id;
			return rule == Rule::priority ? value(*a, rule) < value(*b, rule)
						      : value(*a, rule) > value(*b, rule);
		};
		const Candidate &best = **std::max_element(left.begin(), left.end(), worse);
		const bool asked = left.size() > 1;
		std::vector<const Candidate *> stay;
		array members;
		for (const Candidate &candidate : m_candidates) {
			object member{{"serial", printable(candidate.id.view())}, {"value", shown(candidate, rule)}};
			if (std::find(left.begin(), left.end(), &candidate) == left.end()) {
				member["verdict"] = "out";
			} else if (!asked) {
				member["verdict"] = "won";
			} else if (dropped(candidate, best, rule)) {
				member["verdict"] = "dropped";
				member["why"] = why_dropped(candidate, best, rule);
			} else {
				member["verdict"] = "stays";
				if (rule == Rule::uptime && candidate.age_origin != best.age_origin)
					member["why"] = fmt::format(
						"younger by {} s, within the margin of {} s: does not count",
						value(best, rule) - value(candidate, rule), margin_s());
				stay.push_back(&candidate);
			}
			members.push_back(std::move(member));
		}
		if (asked)
			left = stay;
		list.push_back(object{{"rule", rule_name(rule)},
				      {"asked", asked},
				      {"decided", asked && left.size() == 1},
				      {"members", std::move(members)}});
	}
	return list;
}

array Explanation::candidates() const
{
	array list;
	for (const Candidate &candidate : m_candidates) {
		const MemberRow &member = *m_view.find(candidate.id);
		list.push_back(object{{"serial", member.serial},
				      {"role", member.role_word(m_place)},
				      {"state", member.state_word(m_place)},
				      {"maintenance", candidate.maintenance},
				      {"failover_flag", candidate.failover_flag},
				      {"mem_failover", candidate.mem_failover},
				      {"failure_sum", candidate.failure_sum},
				      {"link_failure", member.vclusters[m_place].link_failure},
				      {"pingsvr_failure", member.vclusters[m_place].pingserver_failure},
				      {"ssd_failed", candidate.ssd_failed},
				      {"uptime_s", value(candidate, Rule::uptime)},
				      {"priority", candidate.priority},
				      {"waiting", candidate.waiting},
				      {"ready", !candidate.unready}});
	}
	return list;
}

array Explanation::ranking() const
{
	array list;
	for (const core::Decision &decision : m_ranking) {
		object place{{"serial", printable(decision.winner.view())}, {"rule", rule_name(decision.rule)}};
		if (!decision.runner_up.empty()) {
			place["over"] = printable(decision.runner_up.view());
			place["value"] = value(candidate(decision.winner), decision.rule);
			place["over_value"] = value(candidate(decision.runner_up), decision.rule);
			place["reason"] = reason_phrase(decision);
		}
		list.push_back(std::move(place));
	}
	return list;
}

// Empty: it is the first of the ranking, or there is none.
std::string Explanation::why_primary_stays() const
{
	const core::MemberId &primary = m_view.primaries[m_place];
	const MemberRow *row = m_view.find(primary);
	if (row == nullptr || !row->is_primary(m_place) || m_candidates.front().id == primary)
		return {};
	const Candidate &first = m_candidates.front();
	const std::string serial = printable(first.id.view());
	if (m_view.find(first.id)->vclusters[m_place].state == core::HaState::hello)
		return fmt::format("{} is still in state hello", serial);
	if (core::healthier(first, candidate(primary), m_view.now))
		return "the role is about to move";
	if (first.waiting)
		return fmt::format("the override-wait-time of {} is not over", serial);
	if (first.unready && m_node.config().session_sync_wait > core::Duration::zero() &&
	    (m_options.override_in_force || m_node.vcluster(m_place).put_off_since != core::never))
		return fmt::format("{} is not ready to take over, and has the session-sync-wait to become so", serial);
	if (!m_options.override_in_force)
		return "a joiner never displaces a live primary while override is disabled";
	return "the role is about to move";
}

object Explanation::json() const
{
	object reply{{"vcluster", m_node.vcluster(m_place).id}};
	const core::MemberId &primary = m_view.primaries[m_place];
	if (primary.empty())
		reply["primary"] = nullptr;
	else
		reply["primary"] = printable(primary.view());
	reply["override_in_force"] = m_options.override_in_force;
	reply["uptime_margin_s"] = margin_s();
	array order;
	for (const Rule rule : core::criteria(m_options.override_in_force))
		order.emplace_back(rule_name(rule));
	reply["order"] = std::move(order);
	reply["candidates"] = candidates();
	reply["criteria"] = criteria();
	reply["ranking"] = ranking();
	if (const std::string why = why_primary_stays(); !why.empty())
		reply["primary_stays"] = why;
	return reply;
}

} // namespace

object ha_explanation(const ApiBackend &backend, std::size_t place)
{
	return Explanation(backend, place).json();
}

} // namespace systole::control
