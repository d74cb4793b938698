// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/status.h"

#include "control/api/cluster_view.h"
#include "control/api/health.h"
#include "control/api/poll_core.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace systole::control {

namespace {

using boost::json::array;
using boost::json::object;

constexpr std::size_t selections_shown = 4; // "Primary selected using" of the product

std::uint64_t read(const Counter &counter)
{
	return counter.load(std::memory_order_relaxed);
}

std::string_view mode_word(Configuration::Mode mode)
{
	switch (mode) {
	case Configuration::Mode::standalone: return "standalone";
	case Configuration::Mode::active_passive: return "a-p";
	case Configuration::Mode::active_active: return "a-a";
	}
	return "unknown";
}

// Numbers of `Mode=` (docs: 1 = a-a, 2 = a-p).
int mode_number(Configuration::Mode mode)
{
	return mode == Configuration::Mode::standalone ? 0 : mode == Configuration::Mode::active_active ? 1 : 2;
}

array links_json(const ClusterView &view, const MemberRow &member)
{
	array list;
	for (const LinkRow &link : member.links) {
		object entry{{"name", link.name}, {"state", member.alive ? health_name(link.health) : "down"}};
		if (link.last_rx_ns == 0)
			entry["last_rx_us"] = nullptr;
		else
			entry["last_rx_us"] = std::max<std::int64_t>(
				0, (view.now.time_since_epoch().count() - link.last_rx_ns) / 1000);
		entry["rx"] = link.rx;
		entry["lost"] = link.lost;
		entry["rtt_us"] = link.rtt_us;
		entry["late_us"] = link.late_us;
		entry["longest_gap_us"] = link.longest_gap_us;
		list.push_back(std::move(entry));
	}
	return list;
}

array members_json(const ClusterView &view)
{
	array list;
	for (const MemberRow &member : view.members) {
		object entry{{"serial", member.serial},
			     {"hostname", member.hostname},
			     {"local", member.local},
			     {"role", member.role_word()},
			     {"state", member.state_word()},
			     {"ha_ip_idx", member.ha_ip_idx},
			     {"ha_ip", heartbeat_address(member.ha_ip_idx)},
			     {"ha_prio", member.ha_prio},
			     {"priority", member.priority},
			     {"override", member.override_enabled},
			     {"failover_flag", member.failover_flag},
			     {"age_s", view.age_s(member)},
			     {"reset_count", member.reset_count},
			     {"link_failure", member.link_failure},
			     {"pingsvr_failure", member.pingserver_failure},
			     {"epoch", member.epoch},
			     {"suite", suite_name(member.local ? view.suite : member.suite)},
			     {"late_us", member.lateness_us},
			     {"link_fails", member.link_fails},
			     {"links", links_json(view, member)}};
		if (member.lost) {
			entry["last_state"] = state_name(member.state);
			entry["lost_unix"] = view.unix_of(member.lost_at);
		}
		list.push_back(std::move(entry));
	}
	return list;
}

array vclusters_json(const ApiBackend &backend, const ClusterView &view)
{
	const core::VclusterState &vcluster = backend.node().vcluster();
	object entry{{"id", vcluster.id}};
	if (view.primary.empty())
		entry["primary"] = nullptr;
	else
		entry["primary"] = printable(view.primary.view());
	entry["state"] = state_name(vcluster.state);
	entry["epoch"] = vcluster.epoch;
	entry["since_unix"] = view.unix_of(vcluster.changed_at);
	entry["reason"] = reason_phrase(vcluster.decision);
	entry["rule"] = rule_name(vcluster.decision.rule);
	if (const MemberRow *primary = view.find(view.primary))
		entry["primary_ip"] = heartbeat_address(primary->ha_ip_idx);
	return {std::move(entry)};
}

array ports_json(const ApiBackend &backend)
{
	array list;
	for (std::size_t link = 0; link < backend.ports().size(); ++link) {
		const PortCounters &counters = backend.counters().ports[link];
		const HeartbeatPort &port = backend.ports()[link];
		list.push_back(object{{"name", port.name},
				      {"priority", port.priority},
				      {"device", port.device},
				      {"state", backend.node().carrier_up(link) ? "up" : "down"},
				      {"mac", fmt::format("{:02x}", fmt::join(port.mac, ":"))},
				      {"rx_packets", read(counters.rx_packets)},
				      {"rx_bytes", read(counters.rx_bytes)},
				      {"tx_packets", read(counters.tx_packets)},
				      {"tx_bytes", read(counters.tx_bytes)}});
	}
	return list;
}

array monitors_json(const ApiBackend &backend)
{
	array list;
	const auto &names = backend.configuration().ha.monitor;
	for (std::size_t i = 0; i < names.size() && i < core::max_monitors; ++i)
		list.push_back(object{{"name", names[i]}, {"state", backend.node().monitor_up(i) ? "up" : "down"}});
	return list;
}

object counters_json(const ApiBackend &backend)
{
	const WorkerCounters &counters = backend.counters();
	object drops;
	for (std::size_t i = 0; i < drop_count; ++i)
		drops[drop_names[i]] = read(counters.drops[i]);
	drops["esp_replay"] = drops["esp_replay_pre"]; // the one that is refused before the tag is looked at
	return {{"failovers", backend.history().failovers()},
		{"late_us_max", counters.late_us_max.load(std::memory_order_relaxed)},
		{"longest_gap_us", counters.longest_gap_us.load(std::memory_order_relaxed)},
		{"beats", read(counters.beats)},
		{"turns", read(counters.turns)},
		{"history_dropped", backend.history().dropped()},
		{"history_write_errors", backend.history().write_errors()},
		{"drops", std::move(drops)}};
}

// The newest elections, newest first.
array selections_json(const History &history)
{
	array list;
	for (auto it = history.entries().rbegin(); it != history.entries().rend() && list.size() < selections_shown;
	     ++it) {
		const auto *text = it->if_contains("selection");
		const auto *unix_s = it->if_contains("unix");
		if (text != nullptr && unix_s != nullptr)
			list.push_back(object{{"unix", *unix_s}, {"text", *text}});
	}
	return list;
}

// In step with the primary, or with this member while there is none.
array configuration_json(const ClusterView &view)
{
	const MemberRow *primary = view.find(view.primary);
	const auto &reference = primary != nullptr && primary->alive ? primary->checksum : view.local().checksum;
	array list;
	for (const MemberRow &member : view.members) {
		if (!member.alive)
			continue;
		const double heard_s =
			member.local
				? 0
				: static_cast<double>(view.now.time_since_epoch().count() - member.last_rx_ns()) / 1e9;
		list.push_back(object{{"serial", member.serial},
				      {"updated_s", static_cast<std::int64_t>(std::max(0.0, heard_s))},
				      {"in_sync", member.checksum == reference},
				      {"checksum", fmt::format("{:02x}", fmt::join(member.checksum, " "))}});
	}
	return list;
}

double cluster_uptime_s(const ClusterView &view, const core::Node &node)
{
	double uptime = std::chrono::duration<double>(view.now - node.started_at()).count();
	for (const MemberRow &member : view.members)
		if (member.alive)
			uptime = std::max(uptime, view.age_s(member));
	return uptime;
}

} // namespace

object ha_status(const ApiBackend &backend)
{
	const core::Node &node = backend.node();
	const core::Config &config = node.config();
	const Configuration::Ha &ha = backend.configuration().ha;
	const ClusterView view = view_cluster(backend);
	object extra = backend.extra_status();
	const HealthReport health = judge_health(backend, view, extra);

	object status{
		{"version", backend.version()},
		{"hostname", view.local().hostname},
		{"serial", view.local().serial},
		{"mode", mode_word(ha.mode)},
		{"group", object{{"id", ha.group_id}, {"name", ha.group_name}}},
		{"health", health_word(health.health)},
		{"health_reasons", health.json()},
		{"override", ha.override_enabled},
		{"override_in_force", node.override_in_force()},
		{"protection", object{{"authentication", ha.authentication},
				      {"encryption", ha.encryption},
				      {"suite", suite_name(view.suite)}}},
		{"has_no_aes128_gcm_sha256_member", view.has_no_gcm_member},
		{"timing",
		 object{{"interval_ms",
			 std::chrono::duration_cast<std::chrono::milliseconds>(config.hb_interval).count()},
			{"lost_threshold", config.hb_lost_threshold},
			{"dead_ms",
			 std::chrono::duration_cast<std::chrono::milliseconds>(config.dead_interval()).count()},
			{"poll_mode", backend.poll_mode()}}},
		{"members", members_json(view)},
		{"vclusters", vclusters_json(backend, view)},
		{"counters", counters_json(backend)},
		{"poll", poll_status(backend)},
		{"ports", ports_json(backend)},
		{"monitors", monitors_json(backend)},
		{"session_pickup", object{{"enabled", ha.session_pickup}, {"delay", ha.session_pickup_delay}}},
		{"selections", selections_json(backend.history())},
		{"configuration", configuration_json(view)},
		{"cluster_uptime_s", cluster_uptime_s(view, node)},
		{"state_change_unix", view.unix_of(node.vcluster().changed_at)},
	};
	for (auto &entry : extra)
		if (!status.contains(entry.key()))
			status.emplace(entry.key(), entry.value());
	return status;
}

object ha_diagnosis(const ApiBackend &backend)
{
	const Configuration::Ha &ha = backend.configuration().ha;
	const ClusterView view = view_cluster(backend);
	std::uint64_t sent_packets = 0, sent_bytes = 0, heard_packets = 0, heard_bytes = 0;
	for (const PortCounters &port : backend.counters().ports) {
		sent_packets += read(port.tx_packets);
		sent_bytes += read(port.tx_bytes);
		heard_packets += read(port.rx_packets);
		heard_bytes += read(port.rx_bytes);
	}
	array members;
	for (const MemberRow &member : view.members)
		if (member.alive)
			members.push_back(object{{"serial", member.serial},
						 {"hostname", member.hostname},
						 {"local", member.local},
						 {"role", member.role_word()},
						 {"serialno_prio", member.ha_ip_idx},
						 {"usr_priority", member.priority},
						 {"ha_prio", member.ha_prio}});
	object vcluster{{"id", backend.node().vcluster().id}, {"state", state_name(backend.node().vcluster().state)}};
	if (const MemberRow *primary = view.find(view.primary)) {
		vcluster["primary_ip"] = heartbeat_address(primary->ha_ip_idx);
		vcluster["primary_id"] = primary->ha_ip_idx;
	} else {
		vcluster["primary_ip"] = nullptr;
		vcluster["primary_id"] = nullptr;
	}
	return {{"statistics", object{{"local", object{{"packets", sent_packets}, {"bytes", sent_bytes}}},
				      {"total", object{{"packets", sent_packets + heard_packets},
						       {"bytes", sent_bytes + heard_bytes}}},
				      {"failovers", backend.history().failovers()}}},
		{"mode", mode_number(ha.mode)},
		{"group_id", ha.group_id},
		{"session_pickup", ha.session_pickup},
		{"session_pickup_delay", ha.session_pickup_delay},
		{"is_manage_primary", backend.node().primary()},
		{"members", std::move(members)},
		{"vclusters", array{std::move(vcluster)}}};
}

object ha_explanation(const ApiBackend &backend)
{
	const core::Node &node = backend.node();
	const ClusterView view = view_cluster(backend);
	const bool in_force = node.override_in_force();

	array candidates;
	auto left = node.candidates(true);
	for (const core::Candidate &candidate : left) {
		const MemberRow *member = view.find(candidate.id);
		candidates.push_back(
			object{{"serial", printable(candidate.id.view())},
			       {"role", member != nullptr ? member->role_word() : "secondary"},
			       {"failover_flag", candidate.failover_flag},
			       {"failure_sum", candidate.failure_sum},
			       {"age_s", std::chrono::duration<double>(view.now - candidate.age_origin).count()},
			       {"priority", candidate.priority}});
	}
	// Who would win if everybody could choose freely now, who next if that one were gone, and so on.
	array ranking;
	while (!left.empty()) {
		const core::Decision decision =
			core::elect({left.begin(), left.size()}, {in_force, node.config().uptime_margin}, view.now);
		object place{{"serial", printable(decision.winner.view())}, {"rule", rule_name(decision.rule)}};
		if (!decision.runner_up.empty()) {
			place["over"] = printable(decision.runner_up.view());
			place["value"] = decision.winner_value;
			place["over_value"] = decision.runner_up_value;
			place["reason"] = reason_phrase(decision);
		}
		ranking.push_back(std::move(place));
		core::FixedVector<core::Candidate, core::max_members> others;
		for (const core::Candidate &candidate : left)
			if (candidate.id != decision.winner)
				others.push_back(candidate);
		left = others;
	}
	const core::VclusterState &vcluster = node.vcluster();
	object last{{"rule", rule_name(vcluster.decision.rule)},
		    {"reason", reason_phrase(vcluster.decision)},
		    {"winner", printable(vcluster.decision.winner.view())},
		    {"winner_value", vcluster.decision.winner_value},
		    {"runner_up", printable(vcluster.decision.runner_up.view())},
		    {"runner_up_value", vcluster.decision.runner_up_value}};
	if (vcluster.decided_at != core::Time{})
		last["unix"] = view.unix_of(vcluster.decided_at);
	object reply{{"vcluster", vcluster.id}};
	if (view.primary.empty())
		reply["primary"] = nullptr;
	else
		reply["primary"] = printable(view.primary.view());
	reply["override_in_force"] = in_force;
	reply["uptime_margin_s"] =
		std::chrono::duration_cast<std::chrono::seconds>(node.config().uptime_margin).count();
	reply["order"] = in_force ? array{"failover-flag", "failure-sum", "priority", "uptime", "serial"}
				  : array{"failover-flag", "failure-sum", "uptime", "priority", "serial"};
	reply["last_decision"] = std::move(last);
	reply["candidates"] = std::move(candidates);
	reply["ranking"] = std::move(ranking);
	return reply;
}

} // namespace systole::control
