// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The requests Systole makes of the kernel.
#include "control/netlink/requests.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>

namespace systole::control {

namespace {

ifinfomsg *put_link_header(nlmsghdr *header, int index)
{
	auto *link = static_cast<ifinfomsg *>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = index;
	return link;
}

void put_queue_header(nlmsghdr *header, int index)
{
	auto *queue = static_cast<tcmsg *>(mnl_nlmsg_put_extra_header(header, sizeof(tcmsg)));
	queue->tcm_family = AF_UNSPEC;
	queue->tcm_ifindex = index;
	queue->tcm_parent = TC_H_ROOT;
}

void put_address_header(nlmsghdr *header, int index, const IpPrefix &prefix)
{
	auto *address = static_cast<ifaddrmsg *>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
	address->ifa_family = prefix.v6 ? AF_INET6 : AF_INET;
	address->ifa_prefixlen = prefix.length;
	address->ifa_scope = prefix.is_link_local() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	address->ifa_index = static_cast<unsigned>(index);
	mnl_attr_put(header, IFA_LOCAL, prefix.bytes().size(), prefix.bytes().data());
	mnl_attr_put(header, IFA_ADDRESS, prefix.bytes().size(), prefix.bytes().data());
}

// The directed broadcast address of the network; /31 and /32 have none.
void put_broadcast(nlmsghdr *header, const IpPrefix &prefix)
{
	if (prefix.v6 || prefix.length > 30)
		return;
	std::array<std::uint8_t, 4> broadcast{};
	for (unsigned i = 0; i < broadcast.size(); ++i) {
		const unsigned network_bits = prefix.length > i * 8 ? prefix.length - i * 8 : 0;
		const unsigned host_mask = network_bits >= 8 ? 0 : 0xffU >> network_bits;
		broadcast[i] = static_cast<std::uint8_t>(prefix.address[i] | host_mask);
	}
	mnl_attr_put(header, IFA_BROADCAST, broadcast.size(), broadcast.data());
}

} // namespace

void request_macvlan(RequestBatch &batch, int base_index, const std::string &name, const core::MacAddress &mac)
{
	nlmsghdr *header = batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	put_link_header(header, 0);
	mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
	mnl_attr_put_u32(header, IFLA_LINK, static_cast<std::uint32_t>(base_index));
	mnl_attr_put(header, IFLA_ADDRESS, mac.size(), mac.data());
	nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
	mnl_attr_put_strz(header, IFLA_INFO_KIND, "macvlan");
	nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
	mnl_attr_put_u32(header, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	mnl_attr_nest_end(header, data);
	mnl_attr_nest_end(header, info);
}

void request_alias(RequestBatch &batch, const std::string &name, const std::string &alias)
{
	nlmsghdr *header = batch.begin(RTM_NEWLINK, 0);
	put_link_header(header, 0);
	mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
	mnl_attr_put_str(header, IFLA_IFALIAS, alias.c_str());
}

void request_no_address_generation(RequestBatch &batch, const std::string &name)
{
	nlmsghdr *header = batch.begin(RTM_NEWLINK, 0);
	put_link_header(header, 0);
	mnl_attr_put_strz(header, IFLA_IFNAME, name.c_str());
	nlattr *families = mnl_attr_nest_start(header, IFLA_AF_SPEC);
	nlattr *inet6 = mnl_attr_nest_start(header, AF_INET6);
	mnl_attr_put_u8(header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(header, inet6);
	mnl_attr_nest_end(header, families);
}

void request_link_state(RequestBatch &batch, int index, bool up)
{
	nlmsghdr *header = batch.begin(RTM_NEWLINK, 0);
	ifinfomsg *link = put_link_header(header, index);
	link->ifi_change = IFF_UP;
	link->ifi_flags = up ? IFF_UP : 0;
}

void request_link_deletion(RequestBatch &batch, int index)
{
	put_link_header(batch.begin(RTM_DELLINK, 0), index);
}

void request_silence(RequestBatch &batch, int index)
{
	nlmsghdr *header = batch.begin(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
	put_queue_header(header, index);
	mnl_attr_put_strz(header, TCA_KIND, "blackhole");
}

void request_voice(RequestBatch &batch, int index)
{
	put_queue_header(batch.begin(RTM_DELQDISC, 0), index);
}

void request_address(RequestBatch &batch, int index, const IpPrefix &prefix)
{
	nlmsghdr *header = batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	put_address_header(header, index, prefix);
	put_broadcast(header, prefix);
	mnl_attr_put_u32(header, IFA_FLAGS, IFA_F_NODAD);
}

void request_address_deletion(RequestBatch &batch, int index, const IpPrefix &prefix)
{
	put_address_header(batch.begin(RTM_DELADDR, 0), index, prefix);
}

} // namespace systole::control
