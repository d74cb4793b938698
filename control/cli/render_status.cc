// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/fields.h"
#include "control/cli/render.h"

#include <fmt/format.h>

#include <string>

namespace systole::control::cli {

namespace {

constexpr const char *slashed_time = "%Y/%m/%d %H:%M:%S";

bool is_alive(const object &member)
{
	return text(member, "state") != "lost";
}

std::string role_title(const object &member)
{
	return text(member, "role") == "primary" ? "Primary" : "Secondary";
}

std::string enable(bool on)
{
	return on ? "enable" : "disable";
}

std::string health_text(const object &reply)
{
	const array &reasons = list(reply, "health_reasons");
	if (reasons.empty())
		return "HA Health Status: " + text(reply, "health") + "\n";
	std::string out = "HA Health Status: \n";
	each(reasons, [&](const object &reason) {
		const std::string level = text(reason, "level");
		if (text(reason, "cause") == "member-lost")
			out += fmt::format("    {} {} is lost @ {}\n", level, text(reason, "member"),
					   local_time(real(reason, "since_unix"), slashed_time));
		else
			out += fmt::format("    {}: {} {};\n", level, text(reason, "member"), text(reason, "text"));
	});
	return out;
}

std::string uptime_text(double seconds)
{
	const std::int64_t full_seconds = whole(seconds);
	return fmt::format("{} days {}:{}:{}", full_seconds / 86400, full_seconds / 3600 % 24, full_seconds / 60 % 60,
			   full_seconds % 60);
}

// "port10: physical/1000auto, up, rx-bytes/packets/dropped/errors=1/2/0/0, tx=3/4/0/0"; what is not known is left out.
std::string interface_text(const std::string &name, const std::string &state, const object &counters)
{
	std::string out = fmt::format("        {}: physical/{}, {}", name, text(counters, "speed", "00"), state);
	if (counters.contains("rx_packets"))
		out += fmt::format(", rx-bytes/packets/dropped/errors={}/{}/{}/{}, tx={}/{}/{}/{}",
				   number(counters, "rx_bytes"), number(counters, "rx_packets"),
				   number(counters, "rx_dropped"), number(counters, "rx_errors"),
				   number(counters, "tx_bytes"), number(counters, "tx_packets"),
				   number(counters, "tx_dropped"), number(counters, "tx_errors"));
	return out + "\n";
}

std::string interfaces_text(std::string_view title, const object &reply, const array &interfaces,
			    bool with_own_counters)
{
	std::string out = fmt::format("{}:\n    {}(updated 0 seconds ago):\n", title, text(reply, "serial"));
	each(interfaces, [&](const object &interface) {
		const std::string name = text(interface, "name");
		object counters = with_own_counters ? interface : object {
		};
		for (const auto &entry : part(part(reply, "interfaces"), name))
			counters.insert_or_assign(entry.key(), entry.value()); // the kernel or the NIC knows more
		out += interface_text(name, text(interface, "state"), counters);
	});
	return out;
}

// A member as it takes part in a virtual cluster; of a daemon that says so once for all: in the only one.
const object &standing(const object &member, std::int64_t vcluster)
{
	const object *found = nullptr;
	each(list(member, "vclusters"), [&](const object &one) {
		if (number(one, "id") == vcluster)
			found = &one;
	});
	return found != nullptr ? *found : member;
}

bool takes_part(const object &member, std::int64_t vcluster)
{
	return is_alive(member) && (!member.contains("vclusters") || &standing(member, vcluster) != &member);
}

// "isolation: demote, dual primary for at most 0 ms"
std::string isolation_text(const object &reply)
{
	if (!reply.contains("isolation"))
		return {};
	const array &vclusters = list(reply, "vclusters");
	std::string out = "isolation: " + text(reply, "isolation");
	each(vclusters, [&](const object &vcluster) {
		const auto *bound = field(vcluster, "dual_primary_bound_ms");
		out += vclusters.size() == 1 ? ", " : fmt::format(", vcluster {}: ", number(vcluster, "id"));
		if (bound == nullptr || !bound->is_number())
			out += "dual primary unbounded";
		else
			out += fmt::format("dual primary for at most {} ms", real(vcluster, "dual_primary_bound_ms"));
	});
	return out + "\n";
}

// The published text stops at "present if ping servers are used; a secondary shows N/A": the lines are ours.
std::string pingservers_text(const object &reply)
{
	const array &servers = list(reply, "pingservers");
	if (servers.empty())
		return {};
	std::string out = fmt::format("PINGSVR stats:\n    {}(updated 0 seconds ago):\n", text(reply, "serial"));
	bool probes = false;
	each(servers, [&](const object &monitor) {
		if (text(monitor, "state") == "not-probed")
			return;
		probes = true;
		std::string names;
		for (const boost::json::value &server : list(monitor, "servers"))
			if (server.is_string())
				names += fmt::format("{}{}", names.empty() ? "" : " ",
						     std::string_view(server.get_string()));
		out += fmt::format("        {}: {}, interface={}, server={}, ha-priority={}", text(monitor, "name"),
				   text(monitor, "state"), text(monitor, "interface"), names,
				   number(monitor, "ha_priority"));
		if (monitor.contains("loss_percent"))
			out += fmt::format(", loss={:.1f}%", real(monitor, "loss_percent"));
		out += "\n";
	});
	return probes ? out : out + "        N/A\n";
}

std::string readiness_text(const object &reply)
{
	if (!reply.contains("ha_ready"))
		return {};
	const object &ready = part(reply, "ha_ready");
	std::string out = fmt::format("ha_ready: {}\n", flag(ready, "ready") ? "yes" : "no");
	each(list(ready, "blockers"), [&](const object &blocker) {
		out += fmt::format("    {}: {}\n", text(blocker, "name"), text(blocker, "text"));
	});
	return out;
}

} // namespace

std::string render_status(const object &reply)
{
	const object &group = part(reply, "group");
	const std::string mode = text(reply, "mode");
	std::string out = health_text(reply);
	out += "Model: Systole " + text(reply, "version") + "\n";
	out += "Mode: " + (mode == "a-p" ? "HA A-P" : mode == "a-a" ? "HA A-A" : mode) + "\n";
	out += fmt::format("Group Name: {}\nGroup ID: {}\nDebug: 0\n", text(group, "name"), number(group, "id"));
	out += "Cluster Uptime: " + uptime_text(real(reply, "cluster_uptime_s")) + "\n";
	out += "Cluster state change time: " + local_time(real(reply, "state_change_unix"), "%Y-%m-%d %H:%M:%S") + "\n";
	out += "Primary selected using:\n";
	each(list(reply, "selections"), [&](const object &selection) {
		out += fmt::format("    <{}> {}\n", local_time(real(selection, "unix"), slashed_time),
				   text(selection, "text"));
	});
	const object &pickup = part(reply, "session_pickup");
	out += flag(pickup, "enabled") ? "ses_pickup: enable, ses_pickup_delay=" + enable(flag(pickup, "delay")) + "\n"
				       : "ses_pickup: disable\n";
	if (flag(pickup, "enabled") && flag(pickup, "expectation"))
		out += fmt::format("ses_pickup_expectation: enable, expectations={}, left_out={}\n",
				   number(pickup, "expectations"), number(pickup, "expectations_left_out"));
	out += readiness_text(reply);
	out += "upgrade_mode: unset\n";
	out += "override: " + enable(flag(reply, "override")) + "\n";
	out += isolation_text(reply);

	out += "Configuration Status:\n";
	each(list(reply, "configuration"), [&](const object &member) {
		const std::string serial = text(member, "serial");
		out += fmt::format("    {}(updated {} seconds ago): {}\n    {} chksum dump: {}\n", serial,
				   number(member, "updated_s"), flag(member, "in_sync") ? "in-sync" : "out-of-sync",
				   serial, text(member, "checksum"));
	});
	if (const object &usage = part(reply, "usage"); !usage.empty())
		out += fmt::format("System Usage stats:\n    {}(updated 0 seconds ago):\n        sessions={}, "
				   "average-cpu-user/nice/system/idle={}%/{}%/{}%/{}%, memory={}%\n",
				   text(reply, "serial"), number(usage, "sessions"), number(usage, "cpu_user"),
				   number(usage, "cpu_nice"), number(usage, "cpu_system"), number(usage, "cpu_idle"),
				   number(usage, "memory"));
	out += interfaces_text("HBDEV stats", reply, list(reply, "ports"), true);
	if (const array &monitors = list(reply, "monitors"); !monitors.empty())
		out += interfaces_text("MONDEV stats", reply, monitors, false);
	out += pingservers_text(reply);

	each(list(reply, "members"), [&](const object &member) {
		if (is_alive(member))
			out += fmt::format("{:<12}: {:<16}, {}, HA cluster index = {}\n", role_title(member),
					   text(member, "hostname"), text(member, "serial"),
					   number(member, "ha_ip_idx"));
	});
	const array &vclusters = list(reply, "vclusters");
	out += fmt::format("number of vcluster: {}\n", vclusters.size());
	each(vclusters, [&](const object &vcluster) {
		const std::string primary_ip = text(vcluster, "primary_ip");
		const std::int64_t id = number(vcluster, "id");
		out += fmt::format("vcluster {}: {}{}{}\n", id, text(vcluster, "state"), primary_ip.empty() ? "" : " ",
				   primary_ip);
		each(list(reply, "members"), [&](const object &member) {
			if (takes_part(member, id))
				out += fmt::format("{}: {}, HA operating index = {}\n",
						   role_title(standing(member, id)), text(member, "serial"),
						   number(standing(member, id), "ha_prio"));
		});
	});
	return out;
}

std::string render_diagnosis(const object &reply)
{
	const object &statistics = part(reply, "statistics");
	const object &local = part(statistics, "local");
	const object &total = part(statistics, "total");
	const array &members = list(reply, "members");
	const array &vclusters = list(reply, "vclusters");
	std::string out = "HA information\nStatistics\n";
	out += fmt::format("        traffic.local = s:0 p:{} b:{}\n        traffic.total = s:0 p:{} b:{}\n",
			   number(local, "packets"), number(local, "bytes"), number(total, "packets"),
			   number(total, "bytes"));
	out += fmt::format("        activity.ha_id_changes = {}\n        activity.fdb  = c:0 q:0\n\n",
			   number(statistics, "failovers"));
	// Model, load balancing and upgrades are the product's; they stand here with the values of a unit that has none.
	out += fmt::format("Model=0, Mode={} Group={} Debug=0\n", number(reply, "mode"), number(reply, "group_id"));
	out += fmt::format(
		"nvcluster={}, ses_pickup={}, delay={}, load_balance=0, schedule=3, ldb_udp=0, upgrade_mode=0.\n\n",
		vclusters.size(), flag(reply, "session_pickup") ? 1 : 0, flag(reply, "session_pickup_delay") ? 1 : 0);
	out += fmt::format("[Debug_Zone HA information]\nHA group member information: is_manage_primary={}.\n",
			   flag(reply, "is_manage_primary") ? 1 : 0);
	each(members, [&](const object &member) {
		out += fmt::format("{}:{:>13}, serialno_prio={}, usr_priority={}, hostname={}\n",
				   text(member, "serial"), role_title(member), number(member, "serialno_prio"),
				   number(member, "usr_priority"), text(member, "hostname"));
	});
	out += "\n[Kernel HA information]\n";
	each(vclusters, [&](const object &vcluster) {
		out += fmt::format("vcluster {}, state={}, primary_ip={}, primary_id={}:\n", number(vcluster, "id"),
				   text(vcluster, "state"), text(vcluster, "primary_ip", "0.0.0.0"),
				   number(vcluster, "primary_id"));
		const bool has_own = vcluster.contains("members");
		each(has_own ? list(vcluster, "members") : members, [&](const object &member) {
			out += fmt::format("{}:{:>13}, ha_prio/o_ha_prio={}/{}\n", text(member, "serial"),
					   role_title(member), number(member, "ha_prio"), number(member, "ha_prio"));
		});
	});
	return out;
}

} // namespace systole::control::cli
