// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/health.h"

#include "control/api/reception.h"
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

std::string_view obstacle_word(core::Obstacle obstacle)
{
	switch (obstacle) {
	case core::Obstacle::wrong_password: return "wrong-password";
	case core::Obstacle::unconfirmed: return "unconfirmed";
	case core::Obstacle::policy: return "mismatch";
	case core::Obstacle::password_index: return "unknown-password-index";
	case core::Obstacle::none: break;
	}
	return "none";
}

namespace {

// Neither dead nor alive: no member, and no machine without power either.
std::string_view obstacle_text(core::Obstacle obstacle)
{
	switch (obstacle) {
	case core::Obstacle::wrong_password: return "is alive and refused: its password is another one";
	case core::Obstacle::unconfirmed: return "is alive and no member: it has not proved that it knows the password";
	case core::Obstacle::policy:
		return "is alive and refused: MISMATCH of authentication, encryption or ipsec-phase2-proposal";
	case core::Obstacle::password_index: return "is alive and refused: it uses a password-index unknown here";
	case core::Obstacle::none: break;
	}
	return "is alive and no member";
}

} // namespace

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
	const core::Node &node = backend.node();
	const std::size_t vclusters = node.vcluster_count();
	const auto of_vcluster = [&](std::size_t place) {
		return vclusters == 1 ? std::string() : " of vcluster-" + std::to_string(node.vcluster(place).id);
	};
	for (std::size_t place = 0; place < vclusters; ++place) {
		const auto primaries = std::count_if(view.members.begin(), view.members.end(),
						     [&](const MemberRow &m) { return m.is_primary(place); });
		for (const MemberRow &member : view.members)
			if (primaries > 1 && member.is_primary(place))
				add(Health::error, "two-primaries", member,
				    "claims to be the primary" + of_vcluster(place) + ", and is not the only one");
		if (node.vcluster(place).demoted)
			add(Health::error, "demoted", local,
			    "has stopped acting as the primary" + of_vcluster(place) +
				    ": nobody heard it and its own proof of life was gone; it waits for a peer");
	}
	for (std::size_t slot = 1; slot < core::max_members; ++slot) {
		const core::Member &other = node.members()[slot];
		if (const MemberRow *member = view.find(other.id);
		    other.alive && member != nullptr && !core::hears(other, node.config().self))
			add(Health::error, "not-heard", *member,
			    "does not hear this member on any hbdev, though it is heard itself");
	}

	// it works, and something needs a look
	for (const MemberRow &member : view.members) {
		if (!member.alive)
			continue;
		const auto anywhere = [&](auto &&is_so) {
			return std::any_of(member.vclusters.begin(), member.vclusters.end(), is_so);
		};
		if (anywhere([](const Standing &s) { return s.link_failure != 0; }))
			add(Health::warning, "mondev-down", member, "has mondev down");
		if (anywhere([](const Standing &s) { return s.pingserver_failure != 0; }))
			add(Health::warning, "pingsvr-down", member, "has pingsvr down");
		if (anywhere([](const Standing &s) { return s.failover_flag; }))
			add(Health::warning, "failover-flag", member, "has the EXE_FAIL_OVER flag set");
		if (anywhere([](const Standing &s) { return s.maintenance; }))
			add(Health::warning, "maintenance", member, "is in maintenance");
		if (anywhere([](const Standing &s) { return s.mem_failover; }))
			add(Health::warning, "memory", member, "is short of memory");
		if (anywhere([](const Standing &s) { return s.ssd_failed; }))
			add(Health::warning, "ssd", member, "has a failed disk");
		if (member.checksum != local.checksum)
			add(Health::warning, "out-of-sync", member, "has a configuration that is out of sync");
	}
	for (const core::Stranger &stranger : node.handshake().strangers(view.now)) {
		report.reasons.push_back({Health::warning, obstacle_word(stranger.obstacle),
					  printable(stranger.id.view()), std::string(obstacle_text(stranger.obstacle)),
					  0});
		report.health = std::max(report.health, Health::warning);
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
	for (const Deafness &pair : deaf_pairs(view))
		add(Health::warning, pair.mutual ? "pair-link-down" : "pair-link-one-way", *pair.listener,
		    (pair.mutual ? "and " + pair.speaker->serial + " do not hear each other"
				 : "does not hear " + pair.speaker->serial) +
			    " on hbdev " + local.links[pair.link].name);
	if (const boost::json::value *keeper = extra.if_contains("keeper");
	    keeper != nullptr && keeper->is_bool() && !keeper->get_bool())
		add(Health::warning, "no-keeper", local,
		    "has no keeper: killed or frozen, it would go on answering for the cluster addresses");
	for (std::size_t place = 0; place < vclusters; ++place) {
		if (node.override_in_force(place) && !node.vcluster(place).override_enabled)
			add(Health::warning, "override", local,
			    "has override disabled, but another member enables it, so it is in force" +
				    (vclusters == 1 ? "" : " in vcluster-" + std::to_string(node.vcluster(place).id)));
	}
	if (backend.configuration().ha.uses_witness() && node.vcluster().witness == core::Witness::unreachable)
		add(Health::warning, "witness", local, "cannot reach the witness");
	if (const boost::json::value *blockers = extra.if_contains("readiness");
	    blockers != nullptr && blockers->is_array())
		for (const boost::json::value &blocker : blockers->get_array())
			if (blocker.is_string())
				add(Health::warning, "not-ready", local,
				    "could not take over: " + std::string(blocker.get_string()));
	return report;
}

} // namespace systole::control
