// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/breaks.h"

#include <algorithm>
#include <span>

namespace systole::sim {

namespace {

constexpr std::array<BreakInfo, 45> table{{
	{Break::skip_release, "skip-release", "roles-alternate",
	 "BecomeSecondary is not carried out: a standby keeps the addresses"},
	{Break::repeat_epoch, "repeat-epoch", "epochs-grow", "every claim is epoch 1"},
	{Break::claim_over_primary, "claim-over-primary", "no-usurper",
	 "a standby does not see that another one is primary"},
	{Break::displace_primary, "displace-primary", "joiner-does-not-displace",
	 "a primary takes every other member for one with override and priority 255, and a standby for one with "
	 "priority 0"},
	{Break::yield_unasked, "yield-unasked", "role-change-cause",
	 "a primary sets its own failover flag now and then, unasked"},
	{Break::never_yield, "never-yield", "one-primary", "a primary does not see that another one is primary too"},
	{Break::ignore_peer_lost, "ignore-peer-lost", "detection-in-time",
	 "the core never hears that a peer's link was lost"},
	{Break::late_detection, "late-detection", "detection-in-time", "the worker judges a dead interval late"},
	{Break::any_echo, "any-echo", "detection-in-time", "a beat counts as life whatever it echoes"},
	{Break::hasty_detection, "hasty-detection", "no-false-loss",
	 "the worker judges after a third of the dead interval"},
	{Break::accept_any_tag, "accept-any-tag", "right-password-only", "the key agent finds every tag good"},
	{Break::wrong_slot, "wrong-slot", "known-slots", "beats are started for a slot where nobody is"},
	{Break::flood_actions, "flood-actions", "actions-bounded", "now and then a step has some hundred notices more"},
	{Break::keep_sessions, "keep-sessions", "sessions-released", "DropSession is not carried out"},
	{Break::deaf_after_restart, "deaf-after-restart", "converges",
	 "a member that has restarted hears no handshake"},
	{Break::restless_timer, "restless-timer", "ticks-make-progress", "the next deadline is always now"},
	{Break::sleepy_keeper, "sleepy-keeper", "keeper-in-time", "the keeper never looks"},
	{Break::hasty_keeper, "hasty-keeper", "keeper-in-time", "the keeper acts after half a dead interval"},
	{Break::talk_when_thawed, "talk-when-thawed", "silent-until-reentry", "a worker that was away beats at once"},
	{Break::act_when_thawed, "act-when-thawed", "silent-until-reentry",
	 "the core is not told that it was absent, and goes on announcing"},
	{Break::grant_nothing, "grant-nothing", "host-freeze", "a worker grants nobody the time it was away itself"},
	{Break::ignore_watchdog, "ignore-watchdog", "hung-is-lost", "a worker goes on beating while control hangs"},
	{Break::keep_addresses, "keep-addresses", "two-owners", "who steps down leaves the addresses in the kernel"},
	{Break::overlook_half_heard, "overlook-half-heard", "one-way-cut",
	 "who hears a rival that does not hear it takes it for a standby"},
	{Break::ignore_carrier, "ignore-carrier", "carrier-loss", "the core never hears that carrier was lost"},
	{Break::ignore_flip_timer, "ignore-flip-timer", "flip-timer", "the flip timer is over at once"},
	{Break::keep_record, "keep-record", "flip-timer", "the end of the flip timer does not clear the record"},
	{Break::failback_unasked, "failback-unasked", "flip-timer",
	 "every member takes override for enabled once a flip timer has ended"},
	{Break::ignore_override, "ignore-override", "override-obeyed",
	 "nobody hears that another one has override enabled"},
	{Break::ignore_hold, "ignore-hold", "hold-time", "failover-hold-time is 0"},
	{Break::ignore_override_wait, "ignore-override-wait", "override-wait", "override-wait-time is 0"},
	{Break::ignore_ping, "ignore-ping", "ping-counted", "no verdict of a link monitor arrives"},
	{Break::ignore_threshold, "ignore-threshold", "ping-counted", "pingserver-failover-threshold is 0"},
	{Break::ignore_monitor, "ignore-monitor", "hold-time", "no change of a monitored interface arrives"},
	{Break::ignore_memory, "ignore-memory", "healthy-leads", "no memory sample arrives"},
	{Break::ignore_ssd, "ignore-ssd", "healthy-leads", "no failed disk arrives"},
	{Break::ignore_orders, "ignore-orders", "orders-obeyed", "set priority has no effect"},
	{Break::margin_apart, "margin-apart", "ranking-alike",
	 "each member has another margin: as if ages were compared in pairs, in another order on each"},
	{Break::wrong_vcluster, "wrong-vcluster", "same-primary",
	 "what is said of a virtual cluster is taken for the next one's"},
	{Break::claim_without_lease, "claim-without-lease", "lease-held", "the lease is always thought to be held"},
	{Break::hasty_claim, "hasty-claim", "isolation-bound", "a claim does not wait until the other has stopped"},
	{Break::stay_isolated, "stay-isolated", "isolation-bound", "a primary that nobody hears goes on"},
	{Break::forget_demotion, "forget-demotion", "demoted-waits", "who had to stop claims again by itself"},
	{Break::ignore_readiness, "ignore-readiness", "ready-first", "session-sync-wait is 0"},
	{Break::wait_for_ever, "wait-for-ever", "override-obeyed", "session-sync-wait is an hour"},
}};

// Everything that a peer says, virtual cluster by virtual cluster.
std::span<core::VclusterBeat> words_in(core::Event &event)
{
	auto *beat = std::get_if<core::BeatReceived>(&event.body);
	return beat == nullptr ? std::span<core::VclusterBeat>{}
			       : std::span(beat->content.vclusters.begin(), beat->content.vclusters.size());
}

bool now_and_then(core::Time now)
{
	constexpr auto period = std::chrono::seconds{7};
	return now.time_since_epoch() % period < std::chrono::milliseconds{200};
}

std::uint8_t first_of(const std::bitset<core::max_vclusters + 1> &ids)
{
	std::uint8_t id = 0;
	while (!ids[id])
		++id;
	return id;
}

} // namespace

const std::array<BreakInfo, 45> &all_breaks()
{
	return table;
}

std::optional<BreakInfo> find_break(std::string_view name)
{
	const auto it =
		std::find_if(table.begin(), table.end(), [&](const BreakInfo &info) { return info.name == name; });
	return it == table.end() ? std::nullopt : std::optional(*it);
}

bool spoil(Break what, const MemberView &member, core::Event &event)
{
	switch (what) {
	case Break::ignore_peer_lost: {
		const auto *link = std::get_if<core::PeerLinkChanged>(&event.body);
		return link == nullptr || link->health == core::LinkHealth::up;
	}
	case Break::never_yield:
	case Break::claim_over_primary:
		for (core::VclusterBeat &words : words_in(event)) {
			if (member.primary[words.id] != (what == Break::never_yield))
				continue;
			if (words.state == core::HaState::work)
				words.state = core::HaState::standby;
			words.choice = 0;
		}
		return true;
	case Break::displace_primary:
		// Both who offers the role and who takes it must believe so.
		for (core::VclusterBeat &words : words_in(event)) {
			words.override_enabled = true;
			words.priority = member.primary[words.id] ? 255 : 0;
		}
		return true;
	case Break::yield_unasked:
		if (std::holds_alternative<core::Tick>(event.body) && member.primary.any() && now_and_then(event.now))
			event.body = core::SetFailover{true, first_of(member.primary)};
		return true;
	case Break::overlook_half_heard: {
		const auto *beat = std::get_if<core::BeatReceived>(&event.body);
		for (core::VclusterBeat &words : words_in(event))
			if (beat->heard != core::LinkHealth::up && words.state == core::HaState::work)
				words.state = core::HaState::standby;
		return true;
	}
	case Break::failback_unasked:
		// Its clock and the time of the timer's end are both the peer's.
		for (core::VclusterBeat &words : words_in(event))
			if (const auto sent = std::get<core::BeatReceived>(event.body).sent_ns;
			    words.flip_epoch != 0 && sent / core::tenth_of_a_second.count() > words.flip_until_tenths)
				words.override_enabled = true;
		return true;
	case Break::ignore_override:
		for (core::VclusterBeat &words : words_in(event))
			words.override_enabled = false;
		return true;
	case Break::ignore_ping: return !std::holds_alternative<core::PingMonitorChanged>(event.body);
	case Break::ignore_monitor: return !std::holds_alternative<core::MonitorChanged>(event.body);
	case Break::ignore_memory: return !std::holds_alternative<core::MemorySample>(event.body);
	case Break::ignore_ssd: return !std::holds_alternative<core::SsdChanged>(event.body);
	case Break::ignore_orders: return !std::holds_alternative<core::SetPriority>(event.body);
	case Break::wrong_vcluster:
		if (const auto words = words_in(event); words.size() > 1) {
			const std::uint8_t first = words[0].id;
			for (std::size_t i = 0; i + 1 < words.size(); ++i)
				words[i].id = words[i + 1].id;
			words.back().id = first;
		}
		return true;
	case Break::claim_without_lease:
		if (auto *witness = std::get_if<core::WitnessChanged>(&event.body))
			witness->held_until = core::never;
		return true;
	case Break::act_when_thawed: return !std::holds_alternative<core::Absent>(event.body);
	case Break::deaf_after_restart:
		return !(member.ever_restarted && std::holds_alternative<core::HakeReceived>(event.body));
	default: return true;
	}
}

void spoil(Break what, const MemberView &member, core::Actions &actions)
{
	switch (what) {
	case Break::skip_release: {
		const core::Actions wanted = actions;
		actions.clear();
		for (const core::Action &action : wanted)
			if (!std::holds_alternative<core::BecomeSecondary>(action))
				actions.push_back(action);
		break;
	}
	case Break::repeat_epoch:
		for (core::Action &action : actions)
			if (auto *claim = std::get_if<core::BecomePrimary>(&action))
				claim->epoch = 1;
		break;
	case Break::wrong_slot:
		for (core::Action &action : actions)
			if (auto *start = std::get_if<core::StartPeerBeats>(&action))
				start->slot = core::max_members - 1;
		break;
	case Break::forget_demotion:
		if (member.demoted != 0 && now_and_then(member.now))
			actions.push_back(core::BecomePrimary{member.demoted, 1'000'000, {}});
		break;
	case Break::flood_actions:
		if (now_and_then(member.now))
			while (actions.size() <= core::Actions::capacity() / 2)
				actions.push_back(core::Notice{});
		break;
	default: break;
	}
}

void spoil(Break what, std::size_t member, core::Config &config)
{
	for (core::VclusterConfig &vcluster : config.vclusters)
		switch (what) {
		case Break::ignore_flip_timer: vcluster.flip_timeout = {}; break;
		case Break::keep_record: vcluster.force_reset = false; break;
		case Break::ignore_override_wait: vcluster.override_wait = {}; break;
		case Break::ignore_threshold: vcluster.ping_threshold = 0; break;
		default: break;
		}
	switch (what) {
	case Break::ignore_hold: config.failover_hold = {}; break;
	case Break::margin_apart: config.uptime_margin *= member + 1; break;
	case Break::hasty_claim: config.isolation_wait = {}; break;
	case Break::stay_isolated: config.isolation = core::Isolation::fgcp; break;
	case Break::ignore_readiness: config.session_sync_wait = {}; break;
	case Break::wait_for_ever: config.session_sync_wait = std::chrono::hours{1}; break;
	default: break;
	}
}

} // namespace systole::sim
