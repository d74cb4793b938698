// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/what_if_driver.h"

#include "tests/sim/cliques.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Everything that may lie between a change and the role where it belongs.
Duration longest_way(const Plan &plan)
{
	return plan.settling() + plan.common().failover_hold + plan.probe_delay + plan.vcluster(0).override_wait +
	       seconds{1};
}

bool may_come_first(const core::Change &change)
{
	return change.kind == core::ChangeKind::priority ||
	       (change.kind == core::ChangeKind::override_enabled && change.value != 0);
}

} // namespace

void WhatIfDriver::turn()
{
	if (m_next_at == sim_never)
		ask();
	else if (m_world.now() >= m_next_at && m_rest)
		carry_out_next();
	else if (m_world.now() >= m_next_at)
		compare();
}

std::optional<std::size_t> WhatIfDriver::primary() const
{
	for (std::size_t i = 0; i < m_world.size(); ++i)
		if (m_world.member(i).takeover(m_vcluster).claims())
			return i;
	return std::nullopt;
}

// All are there and settled, and no timer will end before the comparison.
bool WhatIfDriver::quiet(std::size_t v) const
{
	const auto cliques = calm_cliques(m_world, v);
	if (cliques.size() != 1 || cliques[0].size() != m_world.size() || near_margin(m_world, cliques[0], v))
		return false;
	return std::all_of(cliques[0].begin(), cliques[0].end(), [&](std::size_t i) {
		const core::Node &node = m_world.member(i).node();
		const core::VclusterState &state = node.vcluster(v);
		return node.virtual_cluster(v).flip_left(node.now()) == Duration::zero() && !state.waiting &&
		       state.hold_until == core::never;
	});
}

void WhatIfDriver::ask()
{
	m_vcluster = m_random.index(m_world.plan.vcluster_count());
	if (!quiet(m_vcluster) || !primary())
		return;
	m_former = primary();
	const auto suggestion = suggest();
	if (!suggestion || !ages_clear(*suggestion))
		return;
	for (std::size_t i = 0; i < m_world.size(); ++i) {
		const core::Facts facts = core::facts_of(m_world.member(i).node(), m_vcluster);
		const core::Outlook outlook =
			core::what_if(facts, {suggestion->changes.data(), suggestion->changes.size()});
		if (i == 0)
			m_outlook = outlook;
		else if (outlook.primary != m_outlook.primary || outlook.role_moves != m_outlook.role_moves)
			m_world.fail("what-if", member_name(i) + " and " + member_name(0) + " answer differently to " +
							suggestion->text);
	}
	m_text = suggestion->text;
	const auto named = m_world.index_of(m_outlook.primary);
	m_world.trace.line(m_world.now(), "", "what if%s%s? %s, %s", m_text.c_str(),
			   m_world.plan.vcluster_text(m_vcluster).c_str(),
			   named ? member_name(*named).c_str() : "nobody", name_of(m_outlook.decision.rule));
	m_rest = suggestion;
	carry_out_next();
}

void WhatIfDriver::carry_out_next()
{
	m_world.upset();
	m_next_at = m_world.now() + longest_way(m_world.plan);
	carry_out(m_rest->changes.front(), m_rest->members.front());
	m_rest->changes.erase(m_rest->changes.begin());
	m_rest->members.erase(m_rest->members.begin());
	if (m_rest->changes.empty())
		m_rest.reset();
}

void WhatIfDriver::compare()
{
	m_next_at = sim_never;
	const auto now = primary();
	const auto named = m_world.index_of(m_outlook.primary);
	++m_world.statistics.what_ifs;
	m_world.statistics.what_if_moves += m_outlook.role_moves ? 1 : 0;
	const auto text = [](const std::optional<std::size_t> &who) { return who ? member_name(*who) : "nobody"; };
	if (now != named)
		m_world.fail("what-if", "if" + m_text + m_world.plan.vcluster_text(m_vcluster) + ": " + text(named) +
						" was said to be primary, and it is " + text(now));
	else if (m_outlook.role_moves != (now != m_former))
		m_world.fail("what-if", "if" + m_text + ": the role was said to " +
						(m_outlook.role_moves ? "move" : "stay") + ", and did not");
	// Only a primary knows its paths: what the next one will find out, what-if cannot say.
	for (std::size_t i = 0; i < m_world.size(); ++i)
		for (std::size_t path = 0; path < m_world.plan.common().ping_priority.size(); ++path)
			if (i != now && !m_world.member(i).path_good(path))
				m_world.member(i).set_path(path, true);
	if (m_lost) {
		m_world.queue.put(m_world.now(), Wake::boot, *m_lost);
		m_lost.reset();
	}
}

std::optional<WhatIfDriver::Suggestion> WhatIfDriver::suggest()
{
	Suggestion suggestion;
	const int wanted = m_random.permille(300) ? 2 : 1;
	for (int tries = 0; tries < 20 && static_cast<int>(suggestion.changes.size()) < wanted; ++tries) {
		(void)add(suggestion);
		if (!suggestion.changes.empty() && !may_come_first(suggestion.changes[0]))
			break;
	}
	return suggestion.changes.empty() ? std::nullopt : std::optional(suggestion);
}

// One more, of a member that is not among them yet.
bool WhatIfDriver::add(Suggestion &suggestion)
{
	const std::size_t who = m_random.index(m_world.size());
	if (std::find(suggestion.members.begin(), suggestion.members.end(), who) != suggestion.members.end())
		return false;
	const Member &member = m_world.member(who);
	const Orders &orders = member.orders();
	core::Change change;
	change.kind = static_cast<core::ChangeKind>(m_random.index(10));
	change.member = m_world.plan.members[who].config.self;
	std::string text;
	switch (change.kind) {
	case core::ChangeKind::link_down:
	case core::ChangeKind::link_up:
		if (!add_links(change, who, text))
			return false;
		break;
	case core::ChangeKind::ping_dead:
	case core::ChangeKind::ping_alive:
		if (!suggestion.changes.empty() || !add_pings(change, who, text)) // who is primary then?
			return false;
		break;
	case core::ChangeKind::member_lost:
		// Who is left alone may have to stop (docs/ISOLATION.md), which is no matter of the election.
		if (m_world.plan.common().isolation == core::Isolation::demote && m_world.size() == 2)
			return false;
		text = " lost";
		break;
	case core::ChangeKind::priority:
		change.value = m_random.between(98, 105);
		text = " priority " + std::to_string(change.value);
		break;
	case core::ChangeKind::override_enabled:
		change.value = orders.override_enabled[m_vcluster] ? 0 : 1;
		if (!suggestion.changes.empty() && change.value == 0) // then the first has moved the role, or has not
			return false;
		text = change.value != 0 ? " override enable" : " override disable";
		break;
	case core::ChangeKind::failover_flag:
		change.value = member.node().vcluster(m_vcluster).failover_flag ? 0 : 1;
		text = change.value != 0 ? " failover set" : " failover unset";
		break;
	case core::ChangeKind::maintenance:
		change.value = orders.maintenance ? 0 : 1;
		text = change.value != 0 ? " maintenance enable" : " maintenance disable";
		break;
	case core::ChangeKind::uptime_reset: text = " reset-uptime"; break;
	}
	suggestion.changes.push_back(change);
	suggestion.members.push_back(who);
	suggestion.text.append(" ").append(member_name(who)).append(text);
	return true;
}

bool WhatIfDriver::add_links(core::Change &change, std::size_t who, std::string &text)
{
	const bool up = change.kind == core::ChangeKind::link_up;
	m_links.clear();
	for (std::size_t monitor = 0; monitor < m_world.plan.common().monitor_count; ++monitor)
		if ((m_world.plan.vcluster(m_vcluster).monitors >> monitor & 1U) != 0 &&
		    m_world.member(who).monitor_up(monitor) != up && m_random.permille(700))
			m_links.push_back(monitor);
	change.value = static_cast<std::int64_t>(m_links.size());
	text = " links " + std::to_string(m_links.size()) + (up ? " up" : " down");
	return !m_links.empty();
}

// Of the primary: one path more dies and counts, or all are good again.
bool WhatIfDriver::add_pings(core::Change &change, std::size_t who, std::string &text)
{
	const Plan &plan = m_world.plan;
	const Member &member = m_world.member(who);
	if (who != m_former)
		return false;
	m_links.clear();
	unsigned sum = 0;
	bool one_more = false;
	for (std::size_t i = 0; i < plan.common().ping_priority.size(); ++i) {
		if ((plan.vcluster(m_vcluster).ping_monitors >> i & 1U) == 0)
			continue;
		const bool dies = change.kind == core::ChangeKind::ping_dead && !one_more && member.path_good(i);
		one_more = one_more || dies;
		if (dies || (change.kind == core::ChangeKind::ping_alive && !member.path_good(i)))
			m_links.push_back(i);
		if (dies || !member.path_good(i))
			sum += plan.common().ping_priority[i];
	}
	change.value = sum;
	text = change.kind == core::ChangeKind::ping_dead ? " ping servers dead, " + std::to_string(sum)
							  : " ping servers alive";
	// What is below the threshold changes nothing; what counts already begins no age anew.
	const unsigned counted = member.node().vcluster(m_vcluster).ping_failure;
	return !m_links.empty() && (change.kind == core::ChangeKind::ping_alive
					    ? counted != 0
					    : counted == 0 && sum >= plan.vcluster(m_vcluster).ping_threshold);
}

// An age that begins anew is not about the margin younger than another: what-if starts it at once, reality a little later.
bool WhatIfDriver::ages_clear(const Suggestion &suggestion) const
{
	const bool begins_anew =
		std::any_of(suggestion.changes.begin(), suggestion.changes.end(), [](const core::Change &change) {
			return change.kind == core::ChangeKind::link_down ||
			       change.kind == core::ChangeKind::link_up || // with failover-hold-time
			       change.kind == core::ChangeKind::ping_dead ||
			       change.kind == core::ChangeKind::uptime_reset;
		});
	if (!begins_anew)
		return true;
	const Duration margin = m_world.plan.common().uptime_margin;
	const Duration way = longest_way(m_world.plan) * static_cast<int>(suggestion.changes.size());
	for (std::size_t i = 0; i < m_world.size(); ++i) {
		const Duration age = m_world.now() - standing_of(m_world, i, m_vcluster).age_origin;
		const Duration blur = way + age / 500;
		if (age > margin - blur && age < margin + blur)
			return false;
	}
	return true;
}

void WhatIfDriver::carry_out(const core::Change &change, std::size_t who)
{
	Member &member = m_world.member(who);
	const std::uint8_t id = m_world.plan.vcluster(m_vcluster).id;
	switch (change.kind) {
	case core::ChangeKind::link_down:
	case core::ChangeKind::link_up:
		for (const std::size_t monitor : m_links)
			member.set_monitor(monitor, change.kind == core::ChangeKind::link_up);
		break;
	case core::ChangeKind::ping_dead:
	case core::ChangeKind::ping_alive:
		for (const std::size_t path : m_links)
			member.set_path(path, change.kind == core::ChangeKind::ping_alive);
		break;
	case core::ChangeKind::member_lost:
		m_lost = who;
		member.crash();
		break;
	case core::ChangeKind::priority:
		member.order_priority(m_vcluster, static_cast<std::uint8_t>(change.value));
		break;
	case core::ChangeKind::override_enabled: member.order_override(m_vcluster, change.value != 0); break;
	case core::ChangeKind::failover_flag: member.command(core::SetFailover{change.value != 0, id}); break;
	case core::ChangeKind::maintenance: member.order_maintenance(change.value != 0); break;
	case core::ChangeKind::uptime_reset: member.command(core::ResetUptime{}); break;
	}
}

} // namespace systole::sim
