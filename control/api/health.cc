// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/health.h"

#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <algorithm>

namespace systole::control {

std::string_view health_word(Health health)
{
	switch (health) {
	case Health::ok: return "OK";
	case Health::warning: return "WARNING";
	case Health::error: break;
	}
	return "ERROR";
}

boost::json::array HealthReport::json() const
{
	boost::json::array list;
	for (const HealthReason &reason : reasons) {
		boost::json::object entry{{"level", health_word(reason.level)},
					  {"cause", reason.cause},
					  {"member", reason.member},
					  {"text", reason.text}};
		if (reason.since_unix != 0)
			entry["since_unix"] = reason.since_unix;
		list.push_back(std::move(entry));
	}
	return list;
}

HealthReport judge_health(const ApiBackend &backend, const ClusterView &view, const boost::json::object &extra)
{
	HealthReport report;
	const auto add = [&](Health level, std::string_view cause, const MemberRow &member, std::string text,
			     double since_unix = 0) {
		report.reasons.push_back({level, cause, member.serial, std::move(text), since_unix});
		report.health = std::max(report.health, level);
	};
	const MemberRow &local = view.local();

	// redundancy is gone
	for (const MemberRow &member : view.members)
		if (member.lost)
			add(Health::error, "member-lost", member, "is lost", view.unix_of(member.lost_at));
	const auto primaries = std::count_if(view.members.begin(), view.members.end(), [](const MemberRow &m) {
		return m.alive && m.state == core::HaState::work;
	});
	if (primaries > 1)
		for (const MemberRow &member : view.members)
			if (member.alive && member.state == core::HaState::work)
				add(Health::error, "two-primaries", member,
				    "claims to be the primary, and is not the only one");

	// it works, and something needs a look
	for (const MemberRow &member : view.members) {
		if (!member.alive)
			continue;
		if (member.link_failure != 0)
			add(Health::warning, "mondev-down", member, "has mondev down");
		if (member.pingserver_failure != 0)
			add(Health::warning, "pingsvr-down", member, "has pingsvr down");
		if (member.failover_flag)
			add(Health::warning, "failover-flag", member, "has the EXE_FAIL_OVER flag set");
		if (member.checksum != local.checksum)
			add(Health::warning, "out-of-sync", member, "has a configuration that is out of sync");
	}
	for (const LinkRow &link : local.links)
		if (link.health == core::LinkHealth::down)
			add(Health::warning, "hbdev-down", local, "has hbdev " + link.name + " down");
	for (const MemberRow &member : view.members) {
		if (member.local || !member.alive)
			continue;
		for (const LinkRow &link : member.links) {
			if (!link.shared)
				add(Health::warning, "link-missing", member, "has no hbdev " + link.name);
			else if (link.health == core::LinkHealth::down)
				add(Health::warning, "link-down", member, "is not heard on hbdev " + link.name);
			else if (link.health == core::LinkHealth::one_way)
				add(Health::warning, "link-one-way", member,
				    "does not hear this member on hbdev " + link.name);
		}
	}
	if (const boost::json::value *keeper = extra.if_contains("keeper");
	    keeper != nullptr && keeper->is_bool() && !keeper->get_bool())
		add(Health::warning, "no-keeper", local,
		    "has no keeper: killed or frozen, it would go on answering for the cluster addresses");
	const core::Node &node = backend.node();
	if (node.override_in_force() && !node.config().override_enabled)
		add(Health::warning, "override", local,
		    "has override disabled, but another member enables it, so it is in force");
	if (const boost::json::value *blockers = extra.if_contains("readiness");
	    blockers != nullptr && blockers->is_array())
		for (const boost::json::value &blocker : blockers->get_array())
			if (blocker.is_string())
				add(Health::warning, "not-ready", local,
				    "could not take over: " + std::string(blocker.get_string()));
	return report;
}

} // namespace systole::control
