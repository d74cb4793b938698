// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/scenario/trace.h"

#include <array>
#include <cstdio>

namespace systole::scenario {

using namespace core;

namespace {

std::string state_name(HaState state)
{
	switch (state) {
	case HaState::hello: return "hello";
	case HaState::work: return "work";
	case HaState::standby: return "standby";
	}
	return "?";
}

std::string seconds_text(Duration duration)
{
	std::array<char, 32> text{};
	std::snprintf(text.data(), text.size(), "%.3f", std::chrono::duration<double>(duration).count());
	return text.data();
}

std::string why(const Cluster &cluster, const Decision &decision)
{
	const std::string winner = cluster.name_of(decision.winner);
	const std::string pair = winner + " over " + cluster.name_of(decision.runner_up) + " by ";
	const std::string values = " (" + std::to_string(decision.winner_value) + " against " +
				   std::to_string(decision.runner_up_value) + ")";
	switch (decision.rule) {
	case Rule::none: return "no reason";
	case Rule::only_member: return "the only member";
	case Rule::failover_flag: return pair + "failover flag" + values;
	case Rule::failure_sum: return pair + "failure sum" + values;
	case Rule::uptime: return pair + "uptime" + values;
	case Rule::priority: return pair + "priority" + values;
	case Rule::serial: return pair + "serial";
	case Rule::live_primary: return winner + " is primary already";
	case Rule::stopping: return "stopping";
	case Rule::readiness: return pair + "readiness";
	case Rule::handed_over: return "handed over by " + cluster.name_of(decision.runner_up);
	case Rule::tie_break: return pair + "tie-break";
	case Rule::maintenance: return pair + "maintenance" + values;
	case Rule::mem_failover: return pair + "memory" + values;
	case Rule::ssd: return pair + "SSD" + values;
	case Rule::isolated: return "nobody hears it, and it may not act alone";
	}
	return "?";
}

std::string failure_text(HandOverFailure failure, const std::string &peer)
{
	switch (failure) {
	case HandOverFailure::none: return "nothing failed";
	case HandOverFailure::nobody: return "nobody could take the role";
	case HandOverFailure::worse: return "the others are worse off";
	case HandOverFailure::sessions: return peer + " does not have all sessions";
	case HandOverFailure::no_pickup: return peer + " takes no sessions";
	case HandOverFailure::no_claim: return peer + " does not take the role";
	case HandOverFailure::lost: return peer + " is lost";
	case HandOverFailure::superseded: return "the role went another way";
	}
	return "?";
}

bool is_of_vcluster(NoticeKind kind)
{
	switch (kind) {
	case NoticeKind::role:
	case NoticeKind::override_in_force:
	case NoticeKind::failover_flag:
	case NoticeKind::ping_monitor:
	case NoticeKind::ping_failure:
	case NoticeKind::flip_started:
	case NoticeKind::flip_expired:
	case NoticeKind::lease:
	case NoticeKind::handed_over:
	case NoticeKind::not_handed_over:
	case NoticeKind::priority: return true;
	default: return false;
	}
}

std::optional<std::string> describe_notice(const Cluster &cluster, const Notice &notice, const TraceNames &names)
{
	const std::string peer = cluster.name_of(notice.peer);
	const std::string link = "hb" + std::to_string(notice.link);
	const bool on = notice.value != 0;
	switch (notice.kind) {
	case NoticeKind::started: return std::nullopt;
	case NoticeKind::stopped: return "stops";
	case NoticeKind::peer_found: return "finds " + peer;
	case NoticeKind::peer_lost:
		return "loses " + peer + ", last heard " + seconds_text(notice.at - notice.last_rx) + " s before";
	case NoticeKind::peer_restarted: return "sees that " + peer + " has restarted";
	case NoticeKind::peer_link_up:
		return names.show_links ? std::optional("hears " + peer + " on " + link) : std::nullopt;
	case NoticeKind::peer_link_lost:
		return names.show_links ? std::optional("no longer hears " + peer + " on " + link) : std::nullopt;
	case NoticeKind::peer_link_one_way: return "hears " + peer + " on " + link + " but is not heard";
	case NoticeKind::carrier: return link + (on ? " has its carrier again" : " has lost its carrier");
	case NoticeKind::monitor: return names.monitors.at(notice.link) + (on ? " is up" : " is down");
	case NoticeKind::role:
		return state_name(notice.from) + " -> " + state_name(notice.to) + ": " + why(cluster, notice.decision) +
		       (notice.to == HaState::work ? ", epoch " + std::to_string(notice.epoch) : "");
	case NoticeKind::wrong_password: return "gets a wrong answer from " + peer + ": another password?";
	case NoticeKind::unconfirmed: return "waited in vain for " + peer + " to prove that it knows the password";
	case NoticeKind::policy_mismatch:
		return "cannot agree with " + peer + ": authentication or encryption is set differently";
	case NoticeKind::duplicate_member: return "hears somebody else with its own serial";
	case NoticeKind::cross_cabled: return link + " is cabled to hb" + std::to_string(notice.value) + " of " + peer;
	case NoticeKind::no_slot: return "has no place for " + peer;
	case NoticeKind::peer_left: return "takes leave of " + peer;
	case NoticeKind::unknown_password_index:
		return "is asked by " + peer + " for password " + std::to_string(notice.value) + " and has none";
	case NoticeKind::rekeyed: return "has new keys with " + peer;
	case NoticeKind::rekey_overdue: return "has not had new keys with " + peer + " for too long";
	case NoticeKind::rolled_back: return "was set back: " + peer + " echoes a beat it has not sent";
	case NoticeKind::absent: return "was away for " + seconds_text(Duration{notice.value}) + " s";
	case NoticeKind::reentered: return on ? "keeps its role" : "takes part again";
	case NoticeKind::uptime_reset: return "resets its uptime";
	case NoticeKind::failover_flag: return on ? "sets its failover flag" : "clears its failover flag";
	case NoticeKind::override_in_force:
		return on ? "knows that override is in force" : "knows that override is no longer in force";
	case NoticeKind::maintenance: return on ? "goes into maintenance" : "comes out of maintenance";
	case NoticeKind::ping_monitor:
		return names.link_monitors.at(notice.link) + (on ? " answers again" : " is dead");
	case NoticeKind::ping_failure:
		return on ? "counts a ping server failure of " + std::to_string(notice.value)
			  : std::string("counts no ping server failure any more");
	case NoticeKind::flip_started: return "starts the flip timer: " + std::to_string(notice.value) + " s";
	case NoticeKind::flip_expired: return "ends the flip timer";
	case NoticeKind::mem_failover: return on ? "is out of memory" : "has memory again";
	case NoticeKind::ssd: return on ? "has a failed SSD" : "has a good SSD again";
	case NoticeKind::lease: return on ? "holds the lease" : "no longer holds the lease";
	case NoticeKind::priority: return "has priority " + std::to_string(notice.value);
	case NoticeKind::handed_over:
		return "lets go: " + peer + " has the role after " + seconds_text(Duration{notice.value}) + " s";
	case NoticeKind::not_handed_over:
		return "goes on: " + failure_text(static_cast<HandOverFailure>(notice.value), peer);
	}
	return "?";
}

} // namespace

std::optional<std::string> describe(const Cluster &cluster, const Record &entry, const TraceNames &names)
{
	std::optional<std::string> text;
	if (std::holds_alternative<Reannounce>(entry.action))
		text = "announces its addresses again";
	else if (const auto *notice = std::get_if<Notice>(&entry.action))
		text = describe_notice(cluster, *notice, names);
	if (!text)
		return text;
	const auto *notice = std::get_if<Notice>(&entry.action);
	const bool several = cluster.settings(entry.member).config.vclusters.size() > 1;
	const bool of_vcluster = notice != nullptr && is_of_vcluster(notice->kind);
	*text = cluster.settings(entry.member).name +
		(several && of_vcluster ? " vcluster-" + std::to_string(notice->vcluster) : "") + " " + *text;
	return text;
}

std::string describe_state(const Cluster &cluster)
{
	std::string text;
	for (std::size_t i = 0; i < cluster.size(); ++i) {
		text += i == 0 ? "" : "; ";
		text += cluster.settings(i).name;
		if (!cluster.running(i)) {
			text += " is not running";
			continue;
		}
		for (std::size_t place = 0; place < cluster.node(i).vcluster_count(); ++place) {
			const VclusterState &own = cluster.node(i).vcluster(place);
			text += place == 0 ? " " : " / ";
			text += state_name(own.state);
			if (own.state == HaState::work)
				text += ", epoch " + std::to_string(own.epoch);
			if (own.state == HaState::standby)
				text += own.choice.empty() ? ", follows nobody"
							   : ", follows " + cluster.name_of(own.choice);
		}
	}
	return text;
}

} // namespace systole::scenario
