// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/dump.h"

#include "control/api/cluster_view.h"
#include "control/notice_text.h"

#include <boost/json/array.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace systole::control {

namespace {

using boost::json::array;
using boost::json::object;

constexpr std::int64_t jiffy_ns = 10'000'000; // the product's jiffies: 100 a second
constexpr unsigned flag_primary = 0x1;
constexpr unsigned flag_failover = 0x2;

std::int64_t jiffies(std::int64_t mono_ns)
{
	return mono_ns / jiffy_ns;
}

// A sum of doubles may lie a hair below the second it means.
std::int64_t whole_seconds(double unix_s)
{
	return static_cast<std::int64_t>(std::floor(unix_s + 0.0005));
}

object member_of_group(const MemberRow &member)
{
	object row{{"serial", member.serial},
		   {"local", member.local},
		   {"ha_ip_idx", member.ha_ip_idx},
		   {"hb_packet_version", member.packet_version},
		   {"last_hb_jiffies", member.local ? 0 : jiffies(member.last_rx_ns())},
		   {"linkfails", member.link_fails},
		   {"weight", array{0, 0}},
		   {"support_aes128_gcm_sha256", member.supports_gcm}};
	if (member.local)
		return row;
	array hbdevs;
	for (const LinkRow &link : member.links)
		if (link.shared)
			hbdevs.push_back(object{{"name", link.name},
						{"mac", fmt::format("{:02x}", fmt::join(link.mac, ":"))},
						{"last_hb_jiffies", jiffies(link.last_rx_ns)},
						{"hb_lost", link.lost}});
	row["hbdevs"] = std::move(hbdevs);
	return row;
}

// The flip timer counts down: a second that has begun is still there.
std::int64_t begun_seconds(core::Duration duration)
{
	return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

object vcluster_of(const ApiBackend &backend, const ClusterView &view, std::size_t place)
{
	const core::Node &node = backend.node();
	const core::Vcluster &vcluster = node.virtual_cluster(place);
	const core::VclusterState &state = vcluster.state();
	object row{{"id", state.id},
		   {"start_time", whole_seconds(view.unix_of(state.age_origin))},
		   {"state", object{{"number", static_cast<int>(state.state)}, {"name", state_name(state.state)}}},
		   {"old_state",
		    object{{"number", static_cast<int>(state.previous)}, {"name", state_name(state.previous)}}},
		   {"change_time", whole_seconds(view.unix_of(state.changed_at))}};
	if (vcluster.config().ping_monitors != 0) {
		row["pingsvr_flip_timeout_s"] = begun_seconds(vcluster.config().flip_timeout);
		row["pingsvr_flip_expire_s"] = begun_seconds(vcluster.flip_left(view.now));
	}
	array mondevs;
	const auto names = backend.configuration().ha.monitored_interfaces();
	for (std::size_t i = 0; i < names.size() && i < core::max_monitors; ++i)
		if ((vcluster.config().monitors >> i & 1U) != 0)
			mondevs.push_back(object{{"name", names[i]},
						 {"prio", core::monitor_weight},
						 {"is_aggr", 0},
						 {"status", node.monitor_up(i) ? 1 : 0}});
	row["mondevs"] = std::move(mondevs);

	const auto members = view.live_in_role_order(place);
	double youngest_s = members.empty() ? 0 : view.age_s(*members.front(), place);
	for (const MemberRow *member : members)
		youngest_s = std::min(youngest_s, view.age_s(*member, place));
	array list;
	for (const MemberRow *member : members) {
		const Standing &standing = member->vclusters[place];
		list.push_back(object{{"serial", member->serial},
				      {"ha_prio", standing.ha_prio},
				      {"link_failure", standing.link_failure},
				      {"pingsvr_failure", standing.pingserver_failure},
				      {"flag", (member->is_primary(place) ? flag_primary : 0) |
						       (standing.failover_flag ? flag_failover : 0)},
				      {"mem_failover", standing.mem_failover ? 1 : 0},
				      {"uptime", whole_seconds(view.age_s(*member, place) - youngest_s)},
				      {"reset_cnt", standing.reset_count}});
	}
	row["members"] = std::move(list);
	return row;
}

array vclusters_of(const ApiBackend &backend, const ClusterView &view)
{
	array list;
	for (std::size_t place = 0; place < backend.node().vcluster_count(); ++place)
		list.push_back(vcluster_of(backend, view, place));
	return list;
}

} // namespace

object dump_vclusters(const ApiBackend &backend)
{
	return {{"vclusters", vclusters_of(backend, view_cluster(backend))}};
}

object dump_group(const ApiBackend &backend)
{
	const ClusterView view = view_cluster(backend);
	const Configuration::Ha &ha = backend.configuration().ha;
	array members;
	for (const MemberRow *member : view.live_in_group_order())
		members.push_back(member_of_group(*member));
	return {{"group", object{{"id", ha.group_id}, {"name", ha.group_name}}},
		{"has_no_aes128_gcm_sha256_member", view.has_no_gcm_member},
		{"members", std::move(members)},
		{"vclusters", vclusters_of(backend, view)}};
}

} // namespace systole::control
