// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/cluster_view.h"

#include "control/api/ranking.h"
#include "control/notice_text.h"

#include <algorithm>

namespace systole::control {

namespace {

double seconds(core::Duration duration)
{
	return std::chrono::duration<double>(duration).count();
}

void take_words(MemberRow &row, const core::HeartbeatContent &content)
{
	row.hostname = printable(content.hostname.view());
	row.packet_version = content.packet_version;
	row.checksum = content.config_checksum;
	row.supports_gcm = (content.capabilities & core::cap_gcm) != 0;
}

Standing local_standing(const core::Node &node, std::size_t place)
{
	const core::VclusterState &state = node.vcluster(place);
	Standing row;
	row.id = state.id;
	row.said = true;
	row.state = state.state;
	row.priority = state.priority;
	row.override_enabled = state.override_enabled;
	row.failover_flag = state.failover_flag;
	row.maintenance = node.maintenance();
	row.mem_failover = node.memory().failed();
	row.ssd_failed = node.ssd_failed() && node.config().ssd_failover;
	row.waiting = state.waiting;
	row.link_failure = state.link_failure;
	row.pingserver_failure = state.ping_failure;
	row.epoch = state.epoch;
	row.age_origin = state.age_origin;
	row.reset_count = state.reset_count;
	return row;
}

Standing peer_standing(const core::Member &member, std::uint8_t id)
{
	Standing row;
	row.id = id;
	const core::VclusterBeat *words = core::words_of(member, id);
	if (words == nullptr)
		return row;
	row.said = true;
	row.state = words->state;
	row.priority = words->priority;
	row.override_enabled = words->override_enabled;
	row.failover_flag = words->failover_flag;
	row.maintenance = words->maintenance;
	row.mem_failover = words->mem_failover;
	row.ssd_failed = words->ssd_failed;
	row.waiting = words->waiting;
	row.ready = !words->unready;
	row.link_failure = words->link_failure;
	row.pingserver_failure = words->pingserver_failure;
	row.epoch = words->epoch;
	row.age_origin = core::age_origin_of(member, *words);
	row.reset_count = words->reset_count;
	return row;
}

std::string port_name(const ApiBackend &backend, std::size_t link)
{
	const auto ports = backend.ports();
	return link < ports.size() ? ports[link].name : "hbdev" + std::to_string(link + 1);
}

MemberRow local_row(const ApiBackend &backend)
{
	const core::Node &node = backend.node();
	MemberRow row;
	take_words(row, node.beat()); // hostname, checksum, version; the rest is newer in the node itself
	row.id = node.config().self;
	row.serial = printable(row.id.view());
	row.local = row.alive = true;
	row.ha_ip_idx = node.rank_of(0);
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		row.vclusters.push_back(local_standing(node, place));
	row.supports_gcm = (node.config().capabilities & core::cap_gcm) != 0;
	const WorkerCounters &counters = backend.counters();
	for (std::size_t link = 0; link < node.config().link_count; ++link) {
		LinkRow entry;
		entry.name = port_name(backend, link);
		entry.health = node.carrier_up(link) ? core::LinkHealth::up : core::LinkHealth::down;
		entry.rx = counters.ports[link].rx_packets.load(std::memory_order_relaxed);
		for (const auto &peer : counters.peers)
			entry.last_rx_ns =
				std::max(entry.last_rx_ns, peer[link].last_rx_ns.load(std::memory_order_relaxed));
		if (link < backend.ports().size())
			entry.mac = backend.ports()[link].mac;
		row.links.push_back(std::move(entry));
	}
	return row;
}

MemberRow peer_row(const ApiBackend &backend, std::size_t slot)
{
	const core::Node &node = backend.node();
	const core::Member &member = node.members()[slot];
	MemberRow row;
	take_words(row, member.content);
	row.id = member.id;
	row.serial = printable(member.id.view());
	row.alive = member.alive;
	row.lost = !member.alive && member.lost_at != core::Time{};
	row.ha_ip_idx = node.rank_of(static_cast<core::PeerSlot>(slot));
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		row.vclusters.push_back(peer_standing(member, node.vcluster(place).id));
	row.hears.assign(member.content.reception.begin(), member.content.reception.end());
	row.lost_at = member.lost_at;
	row.link_fails = member.link_fails;
	row.lateness_us = member.lateness_us;
	row.suite = member.suite;
	for (std::size_t link = 0; link < node.config().link_count; ++link) {
		const LinkCounters &counters = backend.counters().peers[slot][link];
		LinkRow entry;
		entry.name = port_name(backend, link);
		entry.health = member.links[link].health;
		entry.shared = (member.link_bitmap & 1U << link) != 0;
		entry.last_rx_ns = counters.last_rx_ns.load(std::memory_order_relaxed);
		entry.rx = counters.rx.load(std::memory_order_relaxed);
		entry.lost = counters.lost.load(std::memory_order_relaxed);
		entry.rtt_us = counters.rtt_us.load(std::memory_order_relaxed);
		entry.late_us = counters.peer_late_us.load(std::memory_order_relaxed);
		entry.longest_gap_us = counters.longest_gap_us.load(std::memory_order_relaxed);
		if (link < member.content.macs.size())
			entry.mac = member.content.macs[link];
		row.links.push_back(std::move(entry));
	}
	return row;
}

// What this member would agree on with one of its own kind: the answer while nobody else is there.
core::Suite own_suite(const core::Config &config)
{
	if (config.policy & core::policy_encryption)
		return config.capabilities & core::cap_gcm ? core::Suite::gcm : core::Suite::cbc_sha1;
	return config.policy & core::policy_authentication ? core::Suite::null_sha1 : core::Suite::plain;
}

// The primary first, then whoever would win if those before were gone.
void number_roles(ClusterView &view, const core::Node &node, std::size_t place)
{
	std::uint32_t next = 0;
	const auto number = [&](const core::MemberId &id) {
		for (MemberRow &row : view.members)
			if (row.id == id)
				row.vclusters[place].ha_prio = next;
		++next;
	};
	for (MemberRow &row : view.members)
		row.vclusters[place].ha_prio = static_cast<std::uint32_t>(view.members.size());
	const MemberRow *primary = view.primary(place);
	if (primary != nullptr && primary->alive)
		number(primary->id);
	else
		primary = nullptr;
	core::Candidates others;
	for (const core::Candidate &candidate : node.candidates(true, place))
		if (primary == nullptr || candidate.id != primary->id)
			others.push_back(candidate);
	for (const core::Decision &decision : rank(others, election_options(node, place), view.now))
		number(decision.winner);
}

} // namespace

bool MemberRow::is_primary(std::size_t place) const
{
	return alive && vclusters[place].state == core::HaState::work;
}

std::string_view MemberRow::state_word(std::size_t place) const
{
	if (alive)
		return state_name(vclusters[place].state);
	return lost ? "lost" : "hello";
}

std::string_view MemberRow::role_word(std::size_t place) const
{
	return is_primary(place) ? "primary" : "secondary";
}

std::int64_t MemberRow::last_rx_ns() const
{
	std::int64_t latest = 0;
	for (const LinkRow &link : links)
		latest = std::max(latest, link.last_rx_ns);
	return latest;
}

const MemberRow *ClusterView::find(const core::MemberId &id) const
{
	const auto it =
		std::find_if(members.begin(), members.end(), [&](const MemberRow &row) { return row.id == id; });
	return it == members.end() ? nullptr : &*it;
}

std::vector<const MemberRow *> ClusterView::live_in_group_order() const
{
	std::vector<const MemberRow *> rows;
	for (const MemberRow &row : members)
		if (row.alive)
			rows.push_back(&row);
	std::stable_sort(rows.begin(), rows.end(), [](const MemberRow *a, const MemberRow *b) {
		return a->first().ha_prio < b->first().ha_prio;
	});
	return rows;
}

std::vector<const MemberRow *> ClusterView::live_in_role_order(std::size_t place) const
{
	std::vector<const MemberRow *> rows;
	for (const MemberRow &row : members)
		if (row.alive && row.vclusters[place].said)
			rows.push_back(&row);
	std::stable_sort(rows.begin(), rows.end(), [place](const MemberRow *a, const MemberRow *b) {
		return a->vclusters[place].ha_prio < b->vclusters[place].ha_prio;
	});
	return rows;
}

double ClusterView::unix_of(core::Time at) const
{
	return unix_now - seconds(now - at);
}

double ClusterView::age_s(const MemberRow &member, std::size_t place) const
{
	const core::Time origin = member.vclusters[place].age_origin;
	if (origin == core::Time{})
		return 0;
	return seconds((member.lost ? member.lost_at : now) - origin);
}

ClusterView view_cluster(const ApiBackend &backend)
{
	const core::Node &node = backend.node();
	ClusterView view;
	view.now = backend.mono_now();
	view.unix_now = backend.unix_now();
	view.members.push_back(local_row(backend));
	for (std::size_t slot = 1; slot < core::max_members; ++slot)
		if (!node.members()[slot].id.empty())
			view.members.push_back(peer_row(backend, slot));
	std::sort(view.members.begin() + 1, view.members.end(),
		  [](const MemberRow &a, const MemberRow &b) { return a.id > b.id; });

	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		view.primaries.push_back(node.primary(place) ? node.config().self : node.vcluster(place).choice);
	view.suite = own_suite(node.config());
	view.has_no_gcm_member = !view.local().supports_gcm;
	bool first = true;
	for (const MemberRow &row : view.members) {
		if (row.local || !row.alive)
			continue;
		view.suite =
			first ? row.suite : std::min(view.suite, row.suite); // Suite stands in the order of strength
		view.has_no_gcm_member = view.has_no_gcm_member || !row.supports_gcm;
		first = false;
	}
	for (std::size_t place = 0; place < node.vcluster_count(); ++place)
		number_roles(view, node, place);
	return view;
}

std::string heartbeat_address(std::uint8_t ha_ip_idx)
{
	return "169.254.0." + std::to_string(ha_ip_idx + 1);
}

} // namespace systole::control
