// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a killed predecessor left in the kernel.
#include "control/takeover/leftovers.h"

#include "control/netlink/requests.h"
#include "control/takeover/interface_settings.h"

#include <algorithm>
#include <cerrno>

namespace systole::control {

bool is_own_macvlan(const LinkInfo &link, const TakeoverSettings &settings)
{
	if (link.kind != "macvlan")
		return false;
	if (parse_ownership_alias(link.alias, settings.instance))
		return true;
	return link.alias.empty() && std::any_of(settings.interfaces.begin(), settings.interfaces.end(),
						 [&link](const TrafficInterface &own) {
							 return link.name == macvlan_name(own.base) &&
								link.mac == own.virtual_mac;
						 });
}

std::vector<TakeoverError> remove_leftovers(RouteSocket &socket, const TakeoverSettings &settings)
{
	std::vector<TakeoverError> errors;
	std::vector<LinkInfo> links;
	if (const std::error_code error = list_links(socket, links)) {
		errors.push_back({TakeoverFault::netlink, "", error.value(), "listing links"});
		return errors;
	}
	RequestBatch batch;
	std::vector<std::string> names;
	for (const LinkInfo &link : links) {
		if (!is_own_macvlan(link, settings))
			continue;
		const auto base = std::find_if(links.begin(), links.end(), [&link](const LinkInfo &other) {
			return link.base_here && other.index == link.base_index;
		});
		const auto saved = parse_ownership_alias(link.alias, settings.instance);
		if (base != links.end() && saved)
			restore_base_settings(base->name, *saved);
		request_link_deletion(batch, link.index);
		names.push_back(link.name);
	}
	const BatchResult result = socket.transact(batch);
	if (result.transport)
		errors.push_back({TakeoverFault::netlink, "", result.transport.value(), "deleting leftovers"});
	for (const RequestError &error : result.errors) {
		if (error.code != ENODEV)
			errors.push_back({TakeoverFault::link_delete, names[error.request], error.code, error.detail});
	}
	return errors;
}

} // namespace systole::control
