// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/breaks.h"

#include <algorithm>

namespace systole::sim {

namespace {

constexpr std::array<BreakInfo, 25> table{{
	{Break::skip_release, "skip-release", "roles-alternate",
	 "BecomeSecondary is not carried out: a standby keeps the addresses"},
	{Break::repeat_epoch, "repeat-epoch", "epochs-grow", "every claim is epoch 1"},
	{Break::claim_over_primary, "claim-over-primary", "no-usurper",
	 "a standby does not see that another one is primary"},
	{Break::displace_primary, "displace-primary", "joiner-does-not-displace",
	 "a primary takes every other member for one with override and priority 255"},
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
	{Break::flood_actions, "flood-actions", "actions-bounded", "now and then a step has a hundred notices more"},
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
}};

core::VclusterBeat *words_in(core::Event &event)
{
	auto *beat = std::get_if<core::BeatReceived>(&event.body);
	return beat == nullptr || beat->content.vclusters.empty() ? nullptr : &beat->content.vclusters[0];
}

bool now_and_then(core::Time now)
{
	constexpr auto period = std::chrono::seconds{7};
	return now.time_since_epoch() % period < std::chrono::milliseconds{200};
}

} // namespace

const std::array<BreakInfo, 25> &all_breaks()
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
		if (core::VclusterBeat *words = words_in(event);
		    words != nullptr && member.primary == (what == Break::never_yield)) {
			if (words->state == core::HaState::work)
				words->state = core::HaState::standby;
			words->choice = core::MemberId{};
		}
		return true;
	case Break::displace_primary:
		if (core::VclusterBeat *words = words_in(event); words != nullptr && member.primary) {
			words->override_enabled = true;
			words->priority = 255;
		}
		return true;
	case Break::yield_unasked:
		if (std::holds_alternative<core::Tick>(event.body) && member.primary && now_and_then(event.now))
			event.body = core::SetFailover{true};
		return true;
	case Break::overlook_half_heard: {
		const auto *beat = std::get_if<core::BeatReceived>(&event.body);
		core::VclusterBeat *words = words_in(event);
		if (words != nullptr && beat->heard != core::LinkHealth::up && words->state == core::HaState::work)
			words->state = core::HaState::standby;
		return true;
	}
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
	case Break::flood_actions:
		if (now_and_then(member.now))
			for (int i = 0; i < 100 && !actions.full(); ++i)
				actions.push_back(core::Notice{});
		break;
	default: break;
	}
}

} // namespace systole::sim
