// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/readiness.h"

#include "control/notice_text.h"
#include "control/session_pickup.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace systole::control {

namespace {

struct Blocker {
	std::string_view name;
	std::string text;
};

const core::Member *primary_of(const core::Node &node)
{
	for (const core::Member &member : node.members())
		if (!member.id.empty() && member.alive && !member.content.vclusters.empty() &&
		    member.content.vclusters[0].state == core::HaState::work)
			return &member;
	return nullptr;
}

void look_at_hook(std::vector<Blocker> &blockers, std::string_view option, const std::string &path)
{
	if (!path.empty() && access(path.c_str(), X_OK) != 0)
		blockers.push_back({"hooks", fmt::format("{} {}: {}", option, path, std::strerror(errno))});
}

// Everything but sessions and strangers.
std::vector<Blocker> lasting_blockers(const ReadinessView &view)
{
	std::vector<Blocker> blockers;
	for (const std::string &text : view.takeover_blockers)
		blockers.push_back({text.find("virtual MAC") != std::string::npos ? "virtual-mac" : "addresses", text});
	if (const core::Member *primary = view.node.primary() ? nullptr : primary_of(view.node);
	    primary != nullptr && primary->content.config_checksum != view.node.beat().config_checksum)
		blockers.push_back(
			{"config", fmt::format("the primary {} has another configuration", primary->id.view())});
	look_at_hook(blockers, "hook-primary", view.configuration.ha.hook_primary);
	look_at_hook(blockers, "hook-secondary", view.configuration.ha.hook_secondary);
	return blockers;
}

} // namespace

boost::json::object readiness_json(const ReadinessView &view)
{
	std::vector<Blocker> blockers = lasting_blockers(view);
	if (const std::string text = view.sessions.lacks(); !text.empty())
		blockers.push_back({"sessions", text});
	for (const core::Stranger &stranger : view.node.handshake().strangers(view.now))
		blockers.push_back({"key", fmt::format("no keys with {}", printable(stranger.id.view()))});
	boost::json::array list;
	for (const Blocker &blocker : blockers)
		list.push_back(boost::json::object{{"name", blocker.name}, {"text", blocker.text}});
	return {{"ready", list.empty()}, {"blockers", std::move(list)}, {"in_election", view.node.ready()}};
}

std::optional<bool> readiness_for_election(const ReadinessView &view)
{
	const bool chosen = view.node.vcluster().state != core::HaState::standby || primary_of(view.node) != nullptr;
	if (!chosen)
		return std::nullopt;
	return view.sessions.whole() && lasting_blockers(view).empty();
}

} // namespace systole::control
