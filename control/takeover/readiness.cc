// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Would a takeover work? Looks without touching anything.
#include "control/takeover/readiness.h"

#include "control/netlink/inventory.h"
#include "control/takeover/interface_settings.h"
#include "control/takeover/leftovers.h"
#include "control/takeover/virtual_mac.h"

#include <algorithm>

namespace systole::control {

namespace {

class Inspection {
public:
	Inspection(const TakeoverSettings &settings, std::vector<LinkInfo> links, std::vector<AddressInfo> addresses)
	    : m_settings(settings), m_links(std::move(links)), m_addresses(std::move(addresses))
	{
	}

	std::vector<std::string> run()
	{
		for (const TrafficInterface &interface : m_settings.interfaces) {
			check_base(interface);
			check_name_and_mac(interface);
			for (const IpPrefix &address : interface.addresses)
				check_address(interface, address);
		}
		check_duplicates();
		return std::move(m_problems);
	}

private:
	void add(const TrafficInterface &interface, const std::string &problem)
	{
		m_problems.push_back(interface.base + ": " + problem);
	}

	const LinkInfo *by_name(std::string_view name) const
	{
		const auto found = std::find_if(m_links.begin(), m_links.end(),
						[name](const LinkInfo &l) { return l.name == name; });
		return found == m_links.end() ? nullptr : &*found;
	}

	const LinkInfo *by_index(int index) const
	{
		const auto found = std::find_if(m_links.begin(), m_links.end(),
						[index](const LinkInfo &l) { return l.index == index; });
		return found == m_links.end() ? nullptr : &*found;
	}

	void check_base(const TrafficInterface &interface)
	{
		const LinkInfo *base = by_name(interface.base);
		if (base == nullptr) {
			add(interface,
			    "no such network interface; create it or correct its name in `config system interface`");
			return;
		}
		if (base->loopback || !base->ethernet)
			add(interface, "not an Ethernet interface; it cannot carry a virtual MAC");
		if (base->master_index != 0) {
			const LinkInfo *master = by_index(base->master_index);
			add(interface, "belongs to " +
					       (master == nullptr ? std::string("another link") : master->name) +
					       ", which takes all its frames; configure that interface instead");
		}
		if (base->mac == interface.virtual_mac)
			add(interface, "its own MAC is the virtual MAC " + mac_text(interface.virtual_mac) +
					       "; give the port back its hardware address");
	}

	void check_name_and_mac(const TrafficInterface &interface)
	{
		const std::string name = macvlan_name(interface.base);
		const LinkInfo *link = by_name(name);
		if (link != nullptr && !is_own_macvlan(*link, m_settings))
			add(interface, "a link named " + name + " exists that is not of instance " +
					       m_settings.instance + "; rename or delete it");
		for (const LinkInfo &other : m_links) {
			if (other.mac == interface.virtual_mac && other.name != interface.base && other.name != name)
				add(interface, "virtual MAC " + mac_text(interface.virtual_mac) + " is in use on " +
						       other.name + "; choose another group-id or virtual-mac-prefix");
		}
	}

	void check_address(const TrafficInterface &interface, const IpPrefix &address)
	{
		for (const AddressInfo &owned : m_addresses) {
			const LinkInfo *owner = by_index(owned.index);
			if (owner == nullptr || !owned.prefix.same_address(address) ||
			    is_own_macvlan(*owner, m_settings))
				continue;
			if (address.is_link_local() && owner->name != interface.base)
				continue; // the same link-local address on two links is no conflict
			add(interface, "cluster address " + address.address_text() + " is already on " + owner->name +
					       "; remove it there (ip address del " + owned.prefix.text() + " dev " +
					       owner->name + ")");
		}
		check_reverse_path(interface, address);
	}

	// rp_filter of a link is the larger of its own value and that of "all". Strict, it drops what comes in on the
	// macvlan when the way back leads over the base port: when the base port has an address of the same network.
	void check_reverse_path(const TrafficInterface &interface, const IpPrefix &address)
	{
		const LinkInfo *base = by_name(interface.base);
		if (base == nullptr || address.v6 || read_setting("ipv4", "all", "rp_filter") != 1)
			return;
		const bool same_network =
			std::any_of(m_addresses.begin(), m_addresses.end(), [&](const AddressInfo &owned) {
				return owned.index == base->index && owned.prefix.covers(address);
			});
		if (same_network)
			add(interface,
			    "net.ipv4.conf.all.rp_filter=1 drops traffic to " + address.address_text() +
				    ", because the port has an address of the same network; set it to 0 or 2");
	}

	void check_duplicates()
	{
		const auto &interfaces = m_settings.interfaces;
		for (std::size_t i = 0; i < interfaces.size(); ++i) {
			for (std::size_t j = 0; j < i; ++j) {
				if (interfaces[i].virtual_mac == interfaces[j].virtual_mac)
					add(interfaces[i], "same virtual MAC as " + interfaces[j].base);
				if (macvlan_name(interfaces[i].base) == macvlan_name(interfaces[j].base))
					add(interfaces[i], "same virtual interface name as " + interfaces[j].base);
				for (const IpPrefix &address : interfaces[i].addresses) {
					const bool twice = std::any_of(interfaces[j].addresses.begin(),
								       interfaces[j].addresses.end(),
								       [&address](const IpPrefix &other) {
									       return other.same_address(address);
								       });
					if (twice && !address.is_link_local())
						add(interfaces[i], "cluster address " + address.address_text() +
									   " is configured on " + interfaces[j].base +
									   " too");
				}
			}
		}
	}

	const TakeoverSettings &m_settings;
	std::vector<LinkInfo> m_links;
	std::vector<AddressInfo> m_addresses;
	std::vector<std::string> m_problems;
};

} // namespace

std::vector<std::string> takeover_blockers(RouteSocket &socket, const TakeoverSettings &settings)
{
	std::vector<LinkInfo> links;
	std::vector<AddressInfo> addresses;
	std::error_code error = list_links(socket, links);
	if (!error)
		error = list_addresses(socket, addresses);
	if (error)
		return {"takeover: the kernel does not list its links and addresses: " + error.message()};
	return Inspection(settings, std::move(links), std::move(addresses)).run();
}

} // namespace systole::control
