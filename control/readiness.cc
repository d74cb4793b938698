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

namespace systole::control {

namespace {

class Blockers {
public:
	void add(std::string_view name, std::string text)
	{
		m_list.push_back(boost::json::object{{"name", name}, {"text", std::move(text)}});
	}
	[[nodiscard]] boost::json::object take()
	{
		return {{"ready", m_list.empty()}, {"blockers", std::move(m_list)}};
	}

private:
	boost::json::array m_list;
};

const core::Member *primary_of(const core::Node &node)
{
	for (const core::Member &member : node.members())
		if (!member.id.empty() && member.alive && !member.content.vclusters.empty() &&
		    member.content.vclusters[0].state == core::HaState::work)
			return &member;
	return nullptr;
}

void look_at_hook(Blockers &blockers, std::string_view option, const std::string &path)
{
	if (!path.empty() && access(path.c_str(), X_OK) != 0)
		blockers.add("hooks", fmt::format("{} {}: {}", option, path, std::strerror(errno)));
}

} // namespace

boost::json::object readiness_json(const ReadinessView &view)
{
	Blockers blockers;
	for (const std::string &text : view.takeover_blockers)
		blockers.add(text.find("virtual MAC") != std::string::npos ? "virtual-mac" : "addresses", text);
	if (const core::Member *primary = view.node.primary() ? nullptr : primary_of(view.node);
	    primary != nullptr && primary->content.config_checksum != view.node.beat().config_checksum)
		blockers.add("config", fmt::format("the primary {} has another configuration", primary->id.view()));
	if (const std::string text = view.sessions.lacks(); !text.empty())
		blockers.add("sessions", text);
	look_at_hook(blockers, "hook-primary", view.configuration.ha.hook_primary);
	look_at_hook(blockers, "hook-secondary", view.configuration.ha.hook_secondary);
	for (const core::Stranger &stranger : view.node.handshake().strangers(view.now))
		blockers.add("key", fmt::format("no keys with {}", printable(stranger.id.view())));
	return blockers.take();
}

} // namespace systole::control
