// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/notice_text.h"

#include <fmt/format.h>

namespace systole::control {

namespace {

using core::NoticeKind;
using core::Rule;

std::string name_at(const std::vector<std::string> &names, std::size_t index, std::string_view kind)
{
	return index < names.size() ? names[index] : fmt::format("{}-{}", kind, index + 1);
}

std::string hbdev_name(const NoticeNames &names, std::size_t link)
{
	return name_at(names.hbdevs, link, "hbdev");
}

std::string monitor_name(const NoticeNames &names, std::size_t index)
{
	return name_at(names.monitors, index, "monitor");
}

std::string link_monitor_name(const NoticeNames &names, std::size_t index)
{
	return name_at(names.link_monitors, index, "link-monitor");
}

// The published lines about one virtual cluster do not name it where there is only one; ours do from the second on.
std::string beyond_the_first(std::uint8_t vcluster)
{
	return vcluster == 1 ? std::string{} : fmt::format("vcluster-{}: ", vcluster);
}

std::string role_text(const core::Notice &notice, const NoticeNames &names)
{
	const core::Decision &decision = notice.decision;
	switch (decision.rule) {
	case Rule::only_member:
		return fmt::format("{}{} is elected as the cluster primary of 1 member",
				   beyond_the_first(notice.vcluster), printable(decision.winner.view()));
	case Rule::live_primary:
		return fmt::format("vcluster-{}: {} joins as secondary because {}", notice.vcluster, names.member,
				   reason_phrase(decision));
	case Rule::stopping:
	case Rule::isolated:
		return fmt::format("vcluster-{}: {} gives up the role of primary because {}", notice.vcluster,
				   names.member, reason_phrase(decision));
	case Rule::none:
		return fmt::format("vcluster-{}: state changed: {}->{}", notice.vcluster, state_name(notice.from),
				   state_name(notice.to));
	default: return selection_text(decision, notice.vcluster);
	}
}

} // namespace

std::string printable(std::string_view text)
{
	std::string safe(text);
	for (char &c : safe)
		if (c < ' ' || c > '~')
			c = '?';
	return safe;
}

std::string_view state_name(core::HaState state)
{
	switch (state) {
	case core::HaState::hello: return "hello";
	case core::HaState::work: return "work";
	case core::HaState::standby: return "standby";
	}
	return "unknown";
}

std::string_view role_name(core::HaState state)
{
	switch (state) {
	case core::HaState::hello: return "hello";
	case core::HaState::work: return "primary";
	case core::HaState::standby: return "secondary";
	}
	return "unknown";
}

std::string_view rule_name(Rule rule)
{
	switch (rule) {
	case Rule::none: return "none";
	case Rule::only_member: return "only-member";
	case Rule::failover_flag: return "failover-flag";
	case Rule::failure_sum: return "failure-sum";
	case Rule::uptime: return "uptime";
	case Rule::priority: return "priority";
	case Rule::serial: return "serial";
	case Rule::live_primary: return "live-primary";
	case Rule::stopping: return "stopping";
	case Rule::tie_break: return "tie-break";
	case Rule::maintenance: return "maintenance";
	case Rule::mem_failover: return "mem-failover";
	case Rule::ssd: return "ssd";
	case Rule::isolated: return "isolated";
	case Rule::handed_over: return "handed-over";
	case Rule::readiness: return "readiness";
	}
	return "unknown";
}

std::string_view suite_name(core::Suite suite)
{
	switch (suite) {
	case core::Suite::none: return "none";
	case core::Suite::null_sha1: return "null-sha1";
	case core::Suite::cbc_sha1: return "aes128-cbc-sha1";
	case core::Suite::gcm: return "aes128-gcm";
	case core::Suite::plain: return "plain";
	}
	return "unknown";
}

std::string_view health_name(core::LinkHealth health)
{
	switch (health) {
	case core::LinkHealth::down: return "down";
	case core::LinkHealth::up: return "up";
	case core::LinkHealth::one_way: return "one-way";
	}
	return "unknown";
}

std::string_view event_name(NoticeKind kind)
{
	switch (kind) {
	case NoticeKind::started: return "start";
	case NoticeKind::stopped: return "stop";
	case NoticeKind::peer_found: return "peer-found";
	case NoticeKind::peer_lost: return "peer-lost";
	case NoticeKind::peer_restarted: return "peer-restarted";
	case NoticeKind::peer_link_up:
	case NoticeKind::peer_link_lost:
	case NoticeKind::peer_link_one_way:
	case NoticeKind::carrier:
	case NoticeKind::monitor: return "link";
	case NoticeKind::role: return "role";
	case NoticeKind::wrong_password: return "wrong-password";
	case NoticeKind::unconfirmed: return "unconfirmed";
	case NoticeKind::policy_mismatch: return "policy-mismatch";
	case NoticeKind::duplicate_member: return "duplicate-member";
	case NoticeKind::cross_cabled: return "cross-cabled";
	case NoticeKind::no_slot: return "no-slot";
	case NoticeKind::peer_left: return "peer-left";
	case NoticeKind::unknown_password_index: return "unknown-password-index";
	case NoticeKind::rekeyed: return "rekeyed";
	case NoticeKind::rekey_overdue: return "rekey-overdue";
	case NoticeKind::rolled_back: return "rolled-back";
	case NoticeKind::absent: return "absent";
	case NoticeKind::reentered: return "reentered";
	case NoticeKind::uptime_reset: return "uptime-reset";
	case NoticeKind::failover_flag: return "failover-flag";
	case NoticeKind::override_in_force: return "override";
	case NoticeKind::maintenance: return "maintenance";
	case NoticeKind::ping_monitor: return "link-monitor";
	case NoticeKind::ping_failure: return "pingsvr-failure";
	case NoticeKind::flip_started: return "flip-started";
	case NoticeKind::flip_expired: return "flip-expired";
	case NoticeKind::mem_failover: return "mem-failover";
	case NoticeKind::ssd: return "ssd";
	case NoticeKind::lease: return "lease";
	case NoticeKind::priority: return "priority";
	case NoticeKind::handed_over: return "handed-over";
	case NoticeKind::not_handed_over: return "not-handed-over";
	}
	return "unknown";
}

std::string reason_phrase(const core::Decision &decision)
{
	const std::string winner = printable(decision.winner.view());
	const std::string other = printable(decision.runner_up.view());
	switch (decision.rule) {
	case Rule::none: return {};
	case Rule::only_member: return "it's the only member in the cluster";
	case Rule::failover_flag: return fmt::format("EXE_FAIL_OVER flag is set on peer member {}", other);
	case Rule::failure_sum:
		return fmt::format("the value {} of link-failure + pingsvr-failure is less than peer member {}",
				   decision.winner_value, other);
	case Rule::uptime: return fmt::format("its uptime is larger than peer member {}", other);
	case Rule::priority: return fmt::format("its override priority is larger than peer member {}", other);
	case Rule::serial: return fmt::format("its serialno is larger than peer member {}", other);
	case Rule::live_primary: return fmt::format("{} is the primary already", winner);
	case Rule::stopping: return "it is stopping";
	case Rule::tie_break:
		return fmt::format("the members did not agree in time and it goes before peer member {}", other);
	case Rule::maintenance: return fmt::format("MAINTENANCE flag is set on peer member {}", other);
	case Rule::mem_failover: return fmt::format("MEM_FAIL_OVER flag is set on peer member {}", other);
	case Rule::ssd: return fmt::format("SSD_FAILURE flag is set on peer member {}", other);
	case Rule::isolated: return "no member hears it and it may not act alone";
	case Rule::handed_over: return fmt::format("peer member {} hands the role over to it", other);
	case Rule::readiness: return fmt::format("peer member {} is not ready to take over", other);
	}
	return {};
}

std::string failure_phrase(core::HandOverFailure failure, std::string_view successor)
{
	switch (failure) {
	case core::HandOverFailure::none: return "the role went over";
	case core::HandOverFailure::nobody: return "there is no other member that could take the role";
	case core::HandOverFailure::worse:
		return "the best of the others is worse off than this member; see diagnose sys ha explain";
	case core::HandOverFailure::sessions:
		return fmt::format("member {} did not have all sessions in time; see session_pickup in status",
				   successor);
	case core::HandOverFailure::no_pickup:
		return fmt::format("member {} takes no sessions: session-pickup is off there, or its version is "
				   "older; execute ha failover set moves the role without them",
				   successor);
	case core::HandOverFailure::no_claim: return fmt::format("member {} did not take the role in time", successor);
	case core::HandOverFailure::lost: return fmt::format("member {} was lost before it took the role", successor);
	case core::HandOverFailure::superseded: return "something else decided about the role meanwhile";
	}
	return {};
}

std::string selection_text(const core::Decision &decision, std::uint8_t vcluster)
{
	switch (decision.rule) {
	case Rule::none:
	case Rule::live_primary:
	case Rule::stopping:
	case Rule::isolated: return {};
	case Rule::only_member:
		return fmt::format("{}{} is selected as the primary because {}.", beyond_the_first(vcluster),
				   printable(decision.winner.view()), reason_phrase(decision));
	default:
		return fmt::format("vcluster-{}: {} is selected as the primary because {}.", vcluster,
				   printable(decision.winner.view()), reason_phrase(decision));
	}
}

std::string notice_text(const core::Notice &notice, const NoticeNames &names)
{
	const std::string peer = printable(notice.peer.view());
	switch (notice.kind) {
	case NoticeKind::started: return "hatalk started";
	case NoticeKind::stopped: return "hatalk exited";
	case NoticeKind::peer_found: return fmt::format("new member '{}' joins the cluster", peer);
	case NoticeKind::peer_lost: return fmt::format("heartbeats from {} are lost on all hbdev", peer);
	case NoticeKind::peer_restarted: return fmt::format("member {} has restarted", peer);
	case NoticeKind::peer_link_up:
		return fmt::format("member {} is heard on hbdev {}", peer, hbdev_name(names, notice.link));
	case NoticeKind::peer_link_lost:
		return fmt::format("member {} lost heartbeat on hbdev {}", peer, hbdev_name(names, notice.link));
	case NoticeKind::peer_link_one_way:
		return fmt::format("member {} does not hear this member on hbdev {}: the link works one way only", peer,
				   hbdev_name(names, notice.link));
	case NoticeKind::carrier:
		return fmt::format("hbdev {} link status changed: {}", hbdev_name(names, notice.link),
				   notice.value != 0 ? "0->1" : "1->0");
	case NoticeKind::monitor:
		return fmt::format("port {} link status changed: {}", monitor_name(names, notice.link),
				   notice.value != 0 ? "0->1" : "1->0");
	case NoticeKind::role: return role_text(notice, names);
	case NoticeKind::wrong_password:
		return fmt::format("member {} is refused: its password is another one; set the same password on both",
				   peer);
	case NoticeKind::unconfirmed:
		return fmt::format("member {} asked for a session and did not prove that it knows the password", peer);
	case NoticeKind::policy_mismatch:
		return fmt::format(
			"member {} is refused: set authentication, encryption and ipsec-phase2-proposal alike on both",
			peer);
	case NoticeKind::duplicate_member:
		if (notice.peer.view() != names.member)
			return fmt::format("two members use the serial {}: the first one stays; give each its own",
					   peer);
		return fmt::format("somebody else on hbdev {} uses the serial {}: give each member its own",
				   hbdev_name(names, notice.link), names.member);
	case NoticeKind::cross_cabled:
		return fmt::format("hbdev {} hears hbdev number {} of member {}: the heartbeat cables are crossed",
				   hbdev_name(names, notice.link), notice.value + 1, peer);
	case NoticeKind::no_slot:
		return fmt::format("member {} is refused: the cluster is full ({} members)", peer, core::max_members);
	case NoticeKind::peer_left: return fmt::format("member {} said goodbye", peer);
	case NoticeKind::unknown_password_index:
		return fmt::format(
			"member {} wants to use the password with index {}, which this member does not have: "
			"set it as password or password-next, then execute ha rekey",
			peer, notice.value);
	case NoticeKind::rekeyed: return fmt::format("new keys with member {}", peer);
	case NoticeKind::rekey_overdue:
		return fmt::format(
			"member {} has not agreed on new keys for long beyond their time: the old ones stay in "
			"use; look for its password and its log",
			peer);
	case NoticeKind::rolled_back:
		return fmt::format("member {} has heard heartbeats that this member has not sent: this machine was set "
				   "back to an earlier state",
				   peer);
	case NoticeKind::absent:
		return fmt::format(
			"{} was away for {:.1f} ms, longer than the dead interval: it is silent until it has "
			"heard the others",
			names.member, static_cast<double>(notice.value) / 1e6);
	case NoticeKind::reentered:
		return notice.value != 0 ? "nobody took the role meanwhile: it is kept"
					 : "the others have been heard: taking part again";
	case NoticeKind::uptime_reset: return fmt::format("HA uptime of {} is reset", names.member);
	case NoticeKind::failover_flag:
		return fmt::format("{}EXE_FAIL_OVER flag is {} on {}", beyond_the_first(notice.vcluster),
				   notice.value != 0 ? "set" : "unset", names.member);
	case NoticeKind::override_in_force:
		return beyond_the_first(notice.vcluster) + (notice.value != 0
								    ? "override is in force: a member enables it"
								    : "override is not in force any more");
	case NoticeKind::maintenance:
		return fmt::format("MAINTENANCE flag is {} on {}", notice.value != 0 ? "set" : "unset", names.member);
	case NoticeKind::ping_monitor:
		return fmt::format("{}ping server {} of link monitor \"{}\": {}", beyond_the_first(notice.vcluster),
				   notice.value != 0 ? "recovery" : "failure", link_monitor_name(names, notice.link),
				   notice.value != 0 ? "alive" : "dead");
	case NoticeKind::ping_failure:
		return beyond_the_first(notice.vcluster) +
		       (notice.value != 0 ? fmt::format("pingsvr-failure of {} counts {}", names.member, notice.value)
					  : fmt::format("pingsvr-failure of {} is cleared", names.member));
	case NoticeKind::flip_started:
		return fmt::format("{}flip timer started: {} s", beyond_the_first(notice.vcluster), notice.value);
	case NoticeKind::flip_expired: return beyond_the_first(notice.vcluster) + "flip timer expired";
	case NoticeKind::mem_failover:
		return notice.value != 0
			       ? fmt::format("{} is short of memory: MEM_FAIL_OVER flag is set", names.member)
			       : fmt::format("{} has memory again: MEM_FAIL_OVER flag is unset", names.member);
	case NoticeKind::ssd:
		return notice.value != 0
			       ? fmt::format("a disk of {} has failed: SSD_FAILURE flag is set", names.member)
			       : fmt::format("the disks of {} are good: SSD_FAILURE flag is unset", names.member);
	case NoticeKind::lease:
		return notice.value != 0
			       ? fmt::format("vcluster-{}: {} holds the lease of the witness", notice.vcluster,
					     names.member)
			       : fmt::format("vcluster-{}: {} does not hold the lease of the witness any more",
					     notice.vcluster, names.member);
	case NoticeKind::priority:
		return fmt::format("{}priority of {} is {} until its next start", beyond_the_first(notice.vcluster),
				   names.member, notice.value);
	case NoticeKind::handed_over:
		return fmt::format("vcluster-{}: {} has taken the role over from {} {:.1f} ms after that began",
				   notice.vcluster, peer, names.member, static_cast<double>(notice.value) / 1e6);
	case NoticeKind::not_handed_over:
		return fmt::format("vcluster-{}: {} stays as it was: {}", notice.vcluster, names.member,
				   failure_phrase(static_cast<core::HandOverFailure>(notice.value), peer));
	}
	return {};
}

boost::json::object notice_json(const core::Notice &notice, const NoticeNames &names, const NoticeTime &time)
{
	boost::json::object json;
	json["mono_ns"] = time.mono_ns;
	json["unix"] = time.unix_s;
	json["boot"] = time.boot_id;
	json["member"] = names.member;
	json["event"] = event_name(notice.kind);
	if (!notice.peer.empty())
		json["peer"] = printable(notice.peer.view());

	const auto last_rx = [&] {
		if (notice.last_rx != core::Time{})
			json["last_rx_ns"] = notice.last_rx.time_since_epoch().count();
	};
	const auto link = [&](std::string_view scope, std::string name, std::string_view state) {
		json["scope"] = scope;
		json["name"] = std::move(name);
		json["state"] = state;
	};
	switch (notice.kind) {
	case NoticeKind::peer_lost: last_rx(); break;
	case NoticeKind::peer_link_up: link("peer", hbdev_name(names, notice.link), "up"); break;
	case NoticeKind::peer_link_lost:
		link("peer", hbdev_name(names, notice.link), "down");
		last_rx();
		break;
	case NoticeKind::peer_link_one_way:
		link("peer", hbdev_name(names, notice.link), "one-way");
		last_rx();
		break;
	case NoticeKind::carrier:
		link("hbdev", hbdev_name(names, notice.link), notice.value != 0 ? "up" : "down");
		break;
	case NoticeKind::monitor:
		link("monitor", monitor_name(names, notice.link), notice.value != 0 ? "up" : "down");
		break;
	case NoticeKind::role: {
		const core::Decision &decision = notice.decision;
		json["vcluster"] = notice.vcluster;
		json["from"] = role_name(notice.from);
		json["to"] = role_name(notice.to);
		json["epoch"] = notice.epoch;
		json["reason"] = reason_phrase(decision);
		json["rule"] = rule_name(decision.rule);
		if (!decision.winner.empty()) {
			json["winner"] = printable(decision.winner.view());
			json["winner_value"] = decision.winner_value;
		}
		if (!decision.runner_up.empty()) {
			json["runner_up"] = printable(decision.runner_up.view());
			json["runner_up_value"] = decision.runner_up_value;
		}
		if (const std::string selection = selection_text(decision, notice.vcluster); !selection.empty())
			json["selection"] = selection;
		break;
	}
	case NoticeKind::cross_cabled:
		json["name"] = hbdev_name(names, notice.link);
		json["peer_link"] = notice.value;
		break;
	case NoticeKind::duplicate_member: json["name"] = hbdev_name(names, notice.link); break;
	case NoticeKind::absent: json["gap_ms"] = static_cast<double>(notice.value) / 1e6; break;
	case NoticeKind::reentered: json["kept"] = notice.value != 0; break;
	case NoticeKind::failover_flag:
	case NoticeKind::override_in_force:
		json["vcluster"] = notice.vcluster;
		json["set"] = notice.value != 0;
		break;
	case NoticeKind::handed_over:
		json["vcluster"] = notice.vcluster;
		json["epoch"] = notice.epoch;
		json["switch_us"] = notice.value / 1000;
		break;
	case NoticeKind::not_handed_over:
		json["vcluster"] = notice.vcluster;
		json["reason"] =
			failure_phrase(static_cast<core::HandOverFailure>(notice.value), printable(notice.peer.view()));
		break;
	case NoticeKind::maintenance:
	case NoticeKind::mem_failover:
	case NoticeKind::ssd: json["set"] = notice.value != 0; break;
	case NoticeKind::ping_monitor:
		json["vcluster"] = notice.vcluster;
		json["name"] = link_monitor_name(names, notice.link);
		json["state"] = notice.value != 0 ? "alive" : "dead";
		break;
	case NoticeKind::ping_failure:
		json["vcluster"] = notice.vcluster;
		json["sum"] = notice.value;
		break;
	case NoticeKind::flip_started:
		json["vcluster"] = notice.vcluster;
		json["seconds"] = notice.value;
		break;
	case NoticeKind::flip_expired: json["vcluster"] = notice.vcluster; break;
	case NoticeKind::lease:
		json["vcluster"] = notice.vcluster;
		json["held"] = notice.value != 0;
		break;
	case NoticeKind::priority:
		json["vcluster"] = notice.vcluster;
		json["priority"] = notice.value;
		break;
	default: break;
	}
	json["text"] = notice_text(notice, names);
	return json;
}

} // namespace systole::control
