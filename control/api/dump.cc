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
constexpr int monitor_weight = 50; // prio= of mondev, what one failure adds to link_failure

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

object vcluster_of(const ApiBackend &backend, const ClusterView &view)
{
	const core::VclusterState &vcluster = backend.node().vcluster();
	const Configuration::Ha &ha = backend.configuration().ha;
	object row{
		{"id", vcluster.id},
		{"start_time", whole_seconds(view.unix_of(vcluster.age_origin))},
		{"state", object{{"number", static_cast<int>(vcluster.state)}, {"name", state_name(vcluster.state)}}},
		{"old_state",
		 object{{"number", static_cast<int>(vcluster.previous)}, {"name", state_name(vcluster.previous)}}},
		{"change_time", whole_seconds(view.unix_of(vcluster.changed_at))}};
	if (!ha.pingserver_monitor_interface.empty()) {
		const object extra = backend.extra_status();
		const auto *expire = extra.if_contains("pingserver_flip_expire_s");
		row["pingsvr_flip_timeout_s"] =
			std::chrono::duration_cast<std::chrono::seconds>(ha.pingserver_flip_timeout).count();
		row["pingsvr_flip_expire_s"] = expire != nullptr ? *expire : boost::json::value(0);
	}
	array mondevs;
	for (std::size_t i = 0; i < ha.monitor.size() && i < core::max_monitors; ++i)
		mondevs.push_back(object{{"name", ha.monitor[i]},
					 {"prio", monitor_weight},
					 {"is_aggr", 0},
					 {"status", backend.node().monitor_up(i) ? 1 : 0}});
	row["mondevs"] = std::move(mondevs);

	const auto members = view.live_in_role_order();
	double youngest_s = members.empty() ? 0 : view.age_s(*members.front());
	for (const MemberRow *member : members)
		youngest_s = std::min(youngest_s, view.age_s(*member));
	array list;
	for (const MemberRow *member : members)
		list.push_back(object{{"serial", member->serial},
				      {"ha_prio", member->ha_prio},
				      {"link_failure", member->link_failure},
				      {"pingsvr_failure", member->pingserver_failure},
				      {"flag", (member->state == core::HaState::work ? flag_primary : 0) |
						       (member->failover_flag ? flag_failover : 0)},
				      {"mem_failover", 0},
				      {"uptime", whole_seconds(view.age_s(*member) - youngest_s)},
				      {"reset_cnt", member->reset_count}});
	row["members"] = std::move(list);
	return row;
}

} // namespace

object dump_vclusters(const ApiBackend &backend)
{
	return {{"vclusters", array{vcluster_of(backend, view_cluster(backend))}}};
}

object dump_group(const ApiBackend &backend)
{
	const ClusterView view = view_cluster(backend);
	const Configuration::Ha &ha = backend.configuration().ha;
	array members;
	for (const MemberRow *member : view.live_in_role_order())
		members.push_back(member_of_group(*member));
	return {{"group", object{{"id", ha.group_id}, {"name", ha.group_name}}},
		{"has_no_aes128_gcm_sha256_member", view.has_no_gcm_member},
		{"members", std::move(members)},
		{"vclusters", array{vcluster_of(backend, view)}}};
}

} // namespace systole::control
