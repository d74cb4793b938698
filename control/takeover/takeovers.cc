// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The takeovers of all virtual clusters of this member.
#include "control/takeover/takeovers.h"

#include "control/takeover/leftovers.h"
#include "control/takeover/readiness.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace systole::control {

namespace {

template <typename Item> void append(std::vector<Item> &to, std::vector<Item> more)
{
	to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

TakeoverSettings part_of(const TakeoverSettings &whole, std::uint8_t vcluster)
{
	TakeoverSettings part = whole;
	part.vclusters = {vcluster};
	std::erase_if(part.interfaces, [&](const TrafficInterface &other) { return other.vcluster != vcluster; });
	return part;
}

} // namespace

Takeovers::Takeovers(TakeoverSettings settings) : m_settings(std::move(settings))
{
	for (const std::uint8_t vcluster : m_settings.vclusters)
		m_takeovers.push_back(std::make_unique<Takeover>(
			vcluster, part_of(m_settings, vcluster),
			Takeover::Tools{.socket = m_socket, .announcer = m_announcer, .holdings = m_holdings}));
}

Takeovers::~Takeovers()
{
	shutdown();
}

TakeoverErrors Takeovers::start()
{
	if (const std::error_code error = m_socket.open())
		return {{TakeoverFault::netlink, "", error.value(), "opening a route socket"}};
	TakeoverErrors errors = remove_leftovers(m_socket, m_settings);
	if (const std::error_code error = m_announcer.open())
		errors.push_back(
			{TakeoverFault::announcement, "", error.value(), "opening a packet socket; needs CAP_NET_RAW"});
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->start());
	return errors;
}

TakeoverErrors Takeovers::shutdown()
{
	TakeoverErrors errors;
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->shutdown());
	m_socket = {};
	return errors;
}

Takeover &Takeovers::of(std::uint8_t vcluster)
{
	const auto found = std::find_if(m_takeovers.begin(), m_takeovers.end(),
					[&](const auto &takeover) { return takeover->vcluster() == vcluster; });
	assert(found != m_takeovers.end());
	return **found;
}

TakeoverErrors Takeovers::finish_releases()
{
	TakeoverErrors errors;
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->finish_release());
	return errors;
}

core::Time Takeovers::next_announcement() const
{
	core::Time next = core::never;
	for (const auto &takeover : m_takeovers)
		next = std::min(next, takeover->next_announcement());
	return next;
}

TakeoverErrors Takeovers::announce(core::Time now)
{
	TakeoverErrors errors;
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->announce(now));
	return errors;
}

std::vector<std::string> Takeovers::watched_links() const
{
	std::vector<std::string> names;
	for (const auto &takeover : m_takeovers)
		append(names, takeover->watched_links());
	return names;
}

TakeoverErrors Takeovers::handle_link(std::string_view name)
{
	TakeoverErrors errors;
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->handle_link(name));
	return errors;
}

void Takeovers::handle_address(int ifindex, const IpPrefix &prefix, bool present)
{
	for (const auto &takeover : m_takeovers)
		takeover->handle_address(ifindex, prefix, present);
}

void Takeovers::doubt_addresses()
{
	for (const auto &takeover : m_takeovers)
		takeover->doubt_addresses();
}

TakeoverErrors Takeovers::mend_addresses()
{
	TakeoverErrors errors;
	for (const auto &takeover : m_takeovers)
		append(errors, takeover->mend_addresses());
	return errors;
}

std::vector<std::string> Takeovers::blockers()
{
	std::vector<std::string> reasons = takeover_blockers(m_socket, m_settings);
	for (const auto &takeover : m_takeovers)
		append(reasons, takeover->problems());
	return reasons;
}

} // namespace systole::control
