// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Links and addresses as the kernel describes them.
#include "control/netlink/inventory.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace systole::control {

namespace {

int read_kind(const nlattr *attribute, void *out)
{
	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		static_cast<LinkInfo *>(out)->kind = mnl_attr_get_str(attribute);
	return MNL_CB_OK;
}

int read_link_attribute(const nlattr *attribute, void *out)
{
	auto *link = static_cast<LinkInfo *>(out);
	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME: link->name = mnl_attr_get_str(attribute); break;
	case IFLA_IFALIAS: link->alias = mnl_attr_get_str(attribute); break;
	case IFLA_LINK: link->base_index = static_cast<int>(mnl_attr_get_u32(attribute)); break;
	case IFLA_LINK_NETNSID: link->base_here = false; break;
	case IFLA_MASTER: link->master_index = static_cast<int>(mnl_attr_get_u32(attribute)); break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == link->mac.size())
			std::memcpy(link->mac.data(), mnl_attr_get_payload(attribute), link->mac.size());
		break;
	case IFLA_LINKINFO: mnl_attr_parse_nested(attribute, read_kind, link); break;
	default: break;
	}
	return MNL_CB_OK;
}

struct RawAddress {
	const nlattr *address = nullptr;
	const nlattr *local = nullptr;
};

int read_address_attribute(const nlattr *attribute, void *out)
{
	auto *raw = static_cast<RawAddress *>(out);
	if (mnl_attr_get_type(attribute) == IFA_ADDRESS)
		raw->address = attribute;
	if (mnl_attr_get_type(attribute) == IFA_LOCAL)
		raw->local = attribute;
	return MNL_CB_OK;
}

} // namespace

std::optional<LinkInfo> parse_link(const nlmsghdr &message)
{
	if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK)
		return std::nullopt;
	const auto *header = static_cast<const ifinfomsg *>(mnl_nlmsg_get_payload(&message));
	// Bridges report their ports with AF_BRIDGE on the same group; that is not a statement about the link itself.
	if (header->ifi_family != AF_UNSPEC)
		return std::nullopt;
	LinkInfo link;
	link.index = header->ifi_index;
	link.admin_up = (header->ifi_flags & IFF_UP) != 0;
	link.running = link.admin_up && (header->ifi_flags & IFF_RUNNING) != 0;
	link.ethernet = header->ifi_type == ARPHRD_ETHER;
	link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
	mnl_attr_parse(&message, sizeof(ifinfomsg), read_link_attribute, &link);
	return link;
}

std::optional<AddressInfo> parse_address(const nlmsghdr &message)
{
	if (message.nlmsg_type != RTM_NEWADDR && message.nlmsg_type != RTM_DELADDR)
		return std::nullopt;
	const auto *header = static_cast<const ifaddrmsg *>(mnl_nlmsg_get_payload(&message));
	if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
		return std::nullopt;
	RawAddress raw;
	mnl_attr_parse(&message, sizeof(ifaddrmsg), read_address_attribute, &raw);
	// IFA_LOCAL is our end; on anything but point-to-point links IFA_ADDRESS says the same.
	const nlattr *own = raw.local != nullptr ? raw.local : raw.address;
	if (own == nullptr)
		return std::nullopt;
	AddressInfo address;
	address.index = static_cast<int>(header->ifa_index);
	address.prefix.v6 = header->ifa_family == AF_INET6;
	address.prefix.length = header->ifa_prefixlen;
	const std::size_t length = std::min<std::size_t>(mnl_attr_get_payload_len(own), address.prefix.bytes().size());
	std::memcpy(address.prefix.address.data(), mnl_attr_get_payload(own), length);
	return address;
}

std::error_code list_links(RouteSocket &socket, std::vector<LinkInfo> &links)
{
	return socket.dump(
		RTM_GETLINK, [&links] { links.clear(); },
		[&links](const nlmsghdr &message) {
			if (auto link = parse_link(message))
				links.push_back(std::move(*link));
		});
}

std::error_code list_addresses(RouteSocket &socket, std::vector<AddressInfo> &addresses)
{
	return socket.dump(
		RTM_GETADDR, [&addresses] { addresses.clear(); },
		[&addresses](const nlmsghdr &message) {
			if (auto address = parse_address(message))
				addresses.push_back(*address);
		});
}

std::optional<LinkInfo> find_link(RouteSocket &socket, std::string_view name)
{
	RequestBatch batch;
	nlmsghdr *header = batch.begin(RTM_GETLINK, 0);
	mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg));
	mnl_attr_put_strz(header, IFLA_IFNAME, std::string(name).c_str());
	std::optional<LinkInfo> found;
	const BatchResult result =
		socket.transact(batch, [&found](const nlmsghdr &message) { found = parse_link(message); });
	return result.ok() ? found : std::nullopt;
}

} // namespace systole::control
