// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/fields.h"
#include "control/cli/render.h"

#include <fmt/format.h>

namespace systole::control::cli {

namespace {

// 00:43:0a:0b:0c:05 -> 0043..05: the product shows the first two bytes and the last one.
std::string short_mac(const std::string &mac)
{
	if (mac.size() != 17)
		return mac;
	return mac.substr(0, 2) + mac.substr(3, 2) + ".." + mac.substr(15, 2);
}

std::string stamp(std::int64_t unix_s)
{
	return fmt::format("{}({})", unix_s, local_time(static_cast<double>(unix_s), "%Y-%m-%d %H:%M:%S"));
}

std::string group_part(const object &reply)
{
	const object &group = part(reply, "group");
	const array &members = list(reply, "members");
	std::string out = fmt::format(
		"HA information.\ngroup-id={}, group-name='{}'\nhas_no_aes128_gcm_sha256_member={}\n\ngmember_nr={}\n",
		number(group, "id"), text(group, "name"), flag(reply, "has_no_aes128_gcm_sha256_member") ? 1 : 0,
		members.size());
	each(members, [&](const object &member) {
		// weight/o of the product's A-A schedule; "o" has always been seen equal
		out += fmt::format(
			"'{}': ha_ip_idx={}, hb_packet_version={}, last_hb_jiffies={}, linkfails={}, weight/o=0/0, "
			"support_aes128_gcm_sha256={}\n",
			text(member, "serial"), number(member, "ha_ip_idx"), number(member, "hb_packet_version"),
			number(member, "last_hb_jiffies"), number(member, "linkfails"),
			flag(member, "support_aes128_gcm_sha256") ? 1 : 0);
		if (flag(member, "local"))
			return; // nobody hears itself
		const array &hbdevs = list(member, "hbdevs");
		out += fmt::format("hbdev_nr={}:", hbdevs.size());
		each(hbdevs, [&](const object &hbdev) {
			out += fmt::format(" {}(mac={}, last_hb_jiffies={}, hb_lost={}),", text(hbdev, "name"),
					   short_mac(text(hbdev, "mac")), number(hbdev, "last_hb_jiffies"),
					   number(hbdev, "hb_lost"));
		});
		out += "\n";
	});
	return out + "\n";
}

std::string vcluster_part(const object &vcluster)
{
	const object &state = part(vcluster, "state");
	const object &old_state = part(vcluster, "old_state");
	std::string out = fmt::format("vcluster-{}: start_time={}, state/o/chg_time={}({})/{}({})/{}\n",
				      number(vcluster, "id"), stamp(number(vcluster, "start_time")),
				      number(state, "number"), text(state, "name"), number(old_state, "number"),
				      text(old_state, "name"), stamp(number(vcluster, "change_time")));
	if (vcluster.contains("pingsvr_flip_timeout_s"))
		out += fmt::format("pingsvr_flip_timeout/expire={}s/{}s\n", number(vcluster, "pingsvr_flip_timeout_s"),
				   number(vcluster, "pingsvr_flip_expire_s"));
	if (const array &mondevs = list(vcluster, "mondevs"); !mondevs.empty()) {
		out += "mondev:";
		each(mondevs, [&](const object &mondev) {
			out += fmt::format(" {}(prio={},is_aggr={},status={})", text(mondev, "name"),
					   number(mondev, "prio"), number(mondev, "is_aggr"), number(mondev, "status"));
		});
		out += "\n";
	}
	each(list(vcluster, "members"), [&](const object &member) {
		const std::int64_t ha_prio = number(member, "ha_prio");
		out += fmt::format("'{}': ha_prio/o={}/{}, link_failure={}, pingsvr_failure={}, flag=0x{:08x}, "
				   "mem_failover={}, uptime/reset_cnt={}/{}\n",
				   text(member, "serial"), ha_prio, ha_prio, number(member, "link_failure"),
				   number(member, "pingsvr_failure"), number(member, "flag"),
				   number(member, "mem_failover"), number(member, "uptime"),
				   number(member, "reset_cnt"));
	});
	return out;
}

} // namespace

std::string render_dump(const object &reply)
{
	std::string out;
	if (reply.contains("group"))
		out += group_part(reply);
	const array &vclusters = list(reply, "vclusters");
	out += fmt::format("vcluster_nr={}\n", vclusters.size());
	each(vclusters, [&](const object &vcluster) { out += vcluster_part(vcluster); });
	return out;
}

} // namespace systole::control::cli
