// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The state of a set of links known by name.
#include "control/netlink/link_monitor_table.h"

#include <linux/rtnetlink.h>

#include <algorithm>

namespace systole::control {

LinkMonitorTable::LinkMonitorTable(std::vector<std::string> names, LinkChanged link_changed,
				   AddressChanged address_changed)
    : m_link_changed(std::move(link_changed)), m_address_changed(std::move(address_changed))
{
	for (std::string &name : names) {
		if (find(name) == nullptr)
			m_links.push_back({.name = std::move(name)});
	}
}

std::error_code LinkMonitorTable::start()
{
	if (const std::error_code error = m_monitor.open({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}))
		return error;
	if (const std::error_code error = m_socket.open())
		return error;
	std::vector<LinkInfo> present;
	if (const std::error_code error = list_links(m_socket, present))
		return error;
	for (LinkState &slot : m_links) {
		const auto found = std::find_if(present.begin(), present.end(),
						[&slot](const LinkInfo &link) { return link.name == slot.name; });
		slot = {.name = slot.name};
		if (found != present.end())
			slot = {.name = slot.name,
				.ifindex = found->index,
				.admin_up = found->admin_up,
				.up = found->running};
		m_link_changed(slot);
	}
	return {};
}

std::error_code LinkMonitorTable::drain()
{
	switch (m_monitor.drain([this](const nlmsghdr &message) { take(message); })) {
	case RouteMonitor::Drained::ok: return {};
	case RouteMonitor::Drained::overrun: m_overrun = true; return refresh();
	case RouteMonitor::Drained::failed: break;
	}
	return std::make_error_code(std::errc::io_error);
}

std::error_code LinkMonitorTable::refresh()
{
	std::vector<LinkInfo> present;
	if (const std::error_code error = list_links(m_socket, present))
		return error;
	take_in(present, moment());
	return {};
}

void LinkMonitorTable::take_in(const std::vector<LinkInfo> &present, std::uint64_t asked_at)
{
	if (asked_at != moment())
		return;
	for (LinkState &slot : m_links) {
		const auto found = std::find_if(present.begin(), present.end(),
						[&slot](const LinkInfo &link) { return link.name == slot.name; });
		if (found == present.end())
			assign(slot, {.name = slot.name});
		else
			assign(slot, {.name = slot.name,
				      .ifindex = found->index,
				      .admin_up = found->admin_up,
				      .up = found->running});
	}
}

const LinkState *LinkMonitorTable::find(std::string_view name) const
{
	const auto found = std::find_if(m_links.begin(), m_links.end(),
					[name](const LinkState &link) { return link.name == name; });
	return found == m_links.end() ? nullptr : &*found;
}

void LinkMonitorTable::take(const nlmsghdr &message)
{
	if (const auto link = parse_link(message)) {
		if (std::any_of(m_links.begin(), m_links.end(), [&](const LinkState &slot) {
			    return slot.name == link->name || slot.ifindex == link->index;
		    }))
			m_moment.fetch_add(1);
		if (message.nlmsg_type == RTM_NEWLINK) {
			update(*link);
			return;
		}
		for (LinkState &slot : m_links) {
			if (slot.ifindex == link->index)
				assign(slot, {.name = slot.name});
		}
	} else if (m_address_changed) {
		if (const auto address = parse_address(message))
			m_address_changed(address->index, address->prefix, message.nlmsg_type == RTM_NEWADDR);
	}
}

void LinkMonitorTable::update(const LinkInfo &link)
{
	for (LinkState &slot : m_links) {
		if (slot.name == link.name)
			assign(slot, {.name = slot.name,
				      .ifindex = link.index,
				      .admin_up = link.admin_up,
				      .up = link.running});
		else if (slot.ifindex == link.index)
			assign(slot, {.name = slot.name}); // renamed away
	}
}

void LinkMonitorTable::assign(LinkState &slot, LinkState next)
{
	if (slot == next)
		return;
	slot = std::move(next);
	m_link_changed(slot);
}

} // namespace systole::control
