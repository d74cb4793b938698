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

// A member in each virtual cluster it takes part in.
array standings_json(const ClusterView &view, const MemberRow &member)
{
	array list;
	for (std::size_t place = 0; place < member.vclusters.size(); ++place) {
		const Standing &standing = member.vclusters[place];
		if (standing.said)
			list.push_back(object{{"id", standing.id},
					      {"role", member.role_word(place)},
					      {"state", member.state_word(place)},
					      {"ha_prio", standing.ha_prio},
					      {"priority", standing.priority},
					      {"override", standing.override_enabled},
					      {"failover_flag", standing.failover_flag},
					      {"maintenance", standing.maintenance},
					      {"mem_failover", standing.mem_failover},
					      {"ssd_failed", standing.ssd_failed},
					      {"waiting", standing.waiting},
					      {"ready", standing.ready},
					      {"age_s", view.age_s(member, place)},
					      {"reset_count", standing.reset_count},
					      {"link_failure", standing.link_failure},
					      {"pingsvr_failure", standing.pingserver_failure},
					      {"epoch", standing.epoch}});
	}
	return list;
}

// What is said of one virtual cluster here is said of the first one.
array members_json(const ClusterView &view)
{
	array list;
	for (const MemberRow &member : view.members) {
		const Standing &first = member.first();
		object entry{{"serial", member.serial},
			     {"hostname", member.hostname},
			     {"local", member.local},
			     {"role", member.role_word(0)},
			     {"state", member.state_word(0)},
			     {"ha_ip_idx", member.ha_ip_idx},
			     {"ha_ip", heartbeat_address(member.ha_ip_idx)},
			     {"ha_prio", first.ha_prio},
			     {"priority", first.priority},
			     {"override", first.override_enabled},
			     {"failover_flag", first.failover_flag},
			     {"age_s", view.age_s(member, 0)},
			     {"reset_count", first.reset_count},
			     {"link_failure", first.link_failure},
			     {"pingsvr_failure", first.pingserver_failure},
			     {"epoch", first.epoch},
			     {"suite", suite_name(member.local ? view.suite : member.suite)},
			     {"late_us", member.lateness_us},
			     {"link_fails", member.link_fails},
			     {"links", links_json(view, member)},
			     {"vclusters", standings_json(view, member)}};
		if (member.lost) {
			entry["last_state"] = state_name(first.state);
			entry["lost_unix"] = view.unix_of(member.lost_at);
		}
		list.push_back(std::move(entry));
	}
	return list;
}

double milliseconds(core::Duration duration)
{
	return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds_left(core::Time until, core::Time now)
{
	return until == core::never || until <= now ? 0 : std::chrono::duration<double>(until - now).count();
}

std::string_view witness_word(core::Witness witness)
{
	switch (witness) {
	case core::Witness::unknown: return "unknown";
	case core::Witness::reachable: return "reachable";
	case core::Witness::unreachable: break;
	}
	return "unreachable";
}

std::string_view isolation_word(core::Isolation isolation)
{
	switch (isolation) {
	case core::Isolation::fgcp: return "fgcp";
	case core::Isolation::demote: return "demote";
	case core::Isolation::witness: break;
	}
	return "witness";
}

object decision_json(const ClusterView &view, const core::VclusterState &state)
{
	object json{{"rule", rule_name(state.decision.rule)}, {"reason", reason_phrase(state.decision)}};
	if (!state.decision.winner.empty()) {
		json["winner"] = printable(state.decision.winner.view());
		json["winner_value"] = state.decision.winner_value;
	}
	if (!state.decision.runner_up.empty()) {
		json["runner_up"] = printable(state.decision.runner_up.view());
		json["runner_up_value"] = state.decision.runner_up_value;
	}
	if (state.decided_at != core::Time{})
		json["unix"] = view.unix_of(state.decided_at);
	return json;
}

object vcluster_json(const ApiBackend &backend, const ClusterView &view, std::size_t place)
{
	const core::Node &node = backend.node();
	const core::VclusterState &state = node.vcluster(place);
	object entry{{"id", state.id}};
	if (view.primaries[place].empty())
		entry["primary"] = nullptr;
	else
		entry["primary"] = printable(view.primaries[place].view());
	entry["state"] = state_name(state.state);
	entry["epoch"] = state.epoch;
	entry["since_unix"] = view.unix_of(state.changed_at);
	entry["reason"] = reason_phrase(state.decision);
	entry["rule"] = rule_name(state.decision.rule);
	entry["decision"] = decision_json(view, state);
	if (const MemberRow *primary = view.primary(place))
		entry["primary_ip"] = heartbeat_address(primary->ha_ip_idx);
	entry["priority"] = state.priority;
	entry["override"] = state.override_enabled;
	entry["override_in_force"] = node.override_in_force(place);
	entry["link_failure"] = state.link_failure;
	entry["ping_failure"] = state.ping_failure;
	entry["flip_expire_s"] =
		std::chrono::ceil<std::chrono::seconds>(node.virtual_cluster(place).flip_left(view.now)).count();
	entry["hold_s"] = seconds_left(state.hold_until, view.now);
	entry["waiting"] = state.waiting;
	entry["put_off_s"] =
		state.put_off_since == core::never
			? boost::json::value(nullptr)
			: boost::json::value(std::chrono::duration<double>(view.now - state.put_off_since).count());
	entry["demoted"] = state.demoted;
	const auto bound = node.dual_primary_bound(place);
	entry["dual_primary_bound_ms"] = bound ? boost::json::value(milliseconds(*bound)) : boost::json::value(nullptr);
	if (backend.configuration().ha.uses_witness())
		entry["witness"] = object{{"state", witness_word(state.witness)},
					  {"held_ms", 1000 * seconds_left(state.held_until, view.now)}};
	return entry;
}

array vclusters_json(const ApiBackend &backend, const ClusterView &view)
{
	array list;
	for (std::size_t place = 0; place < backend.node().vcluster_count(); ++place)
		list.push_back(vcluster_json(backend, view, place));
	return list;
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
				      {"tx_bytes", read(counters.tx_bytes)},
				      {"session_rx_packets", read(counters.session_rx_packets)},
				      {"session_rx_bytes", read(counters.session_rx_bytes)},
				      {"session_tx_packets", read(counters.session_tx_packets)},
				      {"session_tx_bytes", read(counters.session_tx_bytes)}});
	}
	return list;
}

array monitors_json(const ApiBackend &backend)
{
	array list;
	const auto names = backend.configuration().ha.monitored_interfaces();
	for (std::size_t i = 0; i < names.size() && i < core::max_monitors; ++i)
		list.push_back(object{{"name", names[i]}, {"state", backend.node().monitor_up(i) ? "up" : "down"}});
	return list;
}

// The link monitors that count in an election. Only a primary probes.
array pingservers_json(const ApiBackend &backend)
{
	const core::Node &node = backend.node();
	const Configuration &configuration = backend.configuration();
	const std::vector<LinkMonitorStatus> probed = backend.link_monitor_status();
	const std::vector<std::size_t> counting = configuration.counting_link_monitors();
	array list;
	for (std::size_t i = 0; i < counting.size() && i < core::max_ping_monitors; ++i) {
		const Configuration::LinkMonitor &monitor = configuration.link_monitors[counting[i]];
		bool ours = false, dead = false;
		for (std::size_t place = 0; place < node.vcluster_count(); ++place)
			if (node.primary(place) &&
			    (node.virtual_cluster(place).config().ping_monitors >> i & 1U) != 0) {
				ours = true;
				dead = dead || (node.vcluster(place).ping_monitors_down >> i & 1U) != 0;
			}
		array servers;
		for (const std::string &server : monitor.servers)
			servers.emplace_back(server);
		for (const Configuration::LinkMonitorServer &server : monitor.server_list)
			servers.emplace_back(server.dst);
		object entry{{"name", monitor.name},
			     {"state", !ours  ? "not-probed"
				       : dead ? "dead"
					      : "alive"},
			     {"interface", monitor.srcintf},
			     {"ha_priority", monitor.ha_priority},
			     {"servers", std::move(servers)}};
		const auto status = std::find_if(probed.begin(), probed.end(), [&](const LinkMonitorStatus &one) {
			return one.name == monitor.name;
		});
		if (ours && status != probed.end()) {
			double loss_percent = 0;
			for (const LinkServerStatus &server : status->servers)
				loss_percent = std::max(loss_percent, server.loss_percent);
			entry["loss_percent"] = loss_percent;
		}
		list.push_back(std::move(entry));
	}
	return list;
}

object counters_json(const ApiBackend &backend)
{
	const WorkerCounters &counters = backend.counters();
	object drops;
	for (std::size_t i = 0; i < drop_count; ++i)
		drops[drop_names[i]] = read(counters.drops[i]);
	drops["esp_replay"] = drops["esp_replay_pre"]; // the one that is refused before the tag is looked at
	for (std::size_t i = 0; i < core::hake_drop_count; ++i)
		drops[core::hake_drop_names[i]] = backend.node().handshake().drops()[i];
	return {{"failovers", backend.history().failovers()},
		{"late_us_max", counters.late_us_max.load(std::memory_order_relaxed)},
		{"longest_gap_us", counters.longest_gap_us.load(std::memory_order_relaxed)},
		{"beats", read(counters.beats)},
		{"turns", read(counters.turns)},
		{"integrity_checks", read(counters.integrity_checks)},
		{"session_retries", read(counters.session_retries)},
		{"handshake_evaluations", backend.node().handshake().evaluations()},
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
	const MemberRow *primary = view.primary(0);
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

object memory_json(const core::MemoryWatch &memory, bool enabled)
{
	object json{{"used_percent", memory.used_percent()},
		    {"threshold_percent", memory.threshold_percent()},
		    {"enabled", enabled},
		    {"failed", memory.failed()}};
	if (memory.used_percent() == 0) // no sample yet, or nobody asks for one
		json["used_percent"] = nullptr;
	return json;
}

double cluster_uptime_s(const ClusterView &view, const core::Node &node)
{
	double uptime = std::chrono::duration<double>(view.now - node.started_at()).count();
	for (const MemberRow &member : view.members)
		for (std::size_t place = 0; member.alive && place < member.vclusters.size(); ++place)
			uptime = std::max(uptime, view.age_s(member, place));
	return uptime;
}

array strangers_json(const core::Node &node, const ClusterView &view)
{
	array list;
	for (const core::Stranger &stranger : node.handshake().strangers(view.now))
		list.push_back(object{{"serial", printable(stranger.id.view())},
				      {"obstacle", obstacle_word(stranger.obstacle)},
				      {"heard_unix", view.unix_of(stranger.heard_at)}});
	return list;
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
		{"override", node.vcluster().override_enabled},
		{"override_in_force", node.override_in_force()},
		{"protection", object{{"authentication", ha.authentication},
				      {"encryption", ha.encryption},
				      {"suite", suite_name(view.suite)}}},
		{"has_no_aes128_gcm_sha256_member", view.has_no_gcm_member},
		{"strangers", strangers_json(node, view)},
		{"timing",
		 object{{"interval_ms",
			 std::chrono::duration_cast<std::chrono::milliseconds>(config.hb_interval).count()},
			{"lost_threshold", config.hb_lost_threshold},
			{"dead_ms",
			 std::chrono::duration_cast<std::chrono::milliseconds>(config.dead_interval()).count()},
			{"poll_mode", backend.poll_mode()}}},
		{"isolation", isolation_word(ha.isolation)},
		{"isolation_wait_ms", milliseconds(config.isolation_wait)},
		{"memory", memory_json(node.memory(), ha.memory_based_failover)},
		{"maintenance", node.maintenance()},
		{"ssd", object{{"failed", node.ssd_failed()}, {"counts", ha.ssd_failover}}},
		{"members", members_json(view)},
		{"vclusters", vclusters_json(backend, view)},
		{"counters", counters_json(backend)},
		{"poll", poll_status(backend)},
		{"ports", ports_json(backend)},
		{"monitors", monitors_json(backend)},
		{"pingservers", pingservers_json(backend)},
		{"selections", selections_json(backend.history())},
		{"configuration", configuration_json(view)},
		{"cluster_uptime_s", cluster_uptime_s(view, node)},
		{"state_change_unix", view.unix_of(node.vcluster().changed_at)},
	};
	extra.emplace("session_pickup", object{{"enabled", ha.session_pickup}, {"delay", ha.session_pickup_delay}});
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
						 {"role", member.role_word(0)},
						 {"serialno_prio", member.ha_ip_idx},
						 {"usr_priority", member.first().priority},
						 {"ha_prio", member.first().ha_prio}});
	array vclusters;
	for (std::size_t place = 0; place < backend.node().vcluster_count(); ++place) {
		const core::VclusterState &state = backend.node().vcluster(place);
		object vcluster{{"id", state.id}, {"state", state_name(state.state)}};
		const MemberRow *primary = view.primary(place);
		vcluster["primary_ip"] = primary == nullptr ? boost::json::value(nullptr)
							    : boost::json::value(heartbeat_address(primary->ha_ip_idx));
		vcluster["primary_id"] =
			primary == nullptr ? boost::json::value(nullptr) : boost::json::value(primary->ha_ip_idx);
		array roles;
		for (const MemberRow &member : view.members)
			if (member.alive && member.vclusters[place].said)
				roles.push_back(object{{"serial", member.serial},
						       {"role", member.role_word(place)},
						       {"ha_prio", member.vclusters[place].ha_prio}});
		vcluster["members"] = std::move(roles);
		vclusters.push_back(std::move(vcluster));
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
		{"vclusters", std::move(vclusters)}};
}

} // namespace systole::control
