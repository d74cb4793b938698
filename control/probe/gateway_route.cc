// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Rules and routes of gateway-ip.
#include "control/probe/gateway_route.h"

#include "control/probe/attributes.h"
#include "control/probe/path.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace systole::control {

namespace {

constexpr unsigned char own_protocol = 83; // in /etc/iproute2/rt_protos of nobody we know
constexpr std::uint32_t rule_priority = 1500;
constexpr std::uint32_t last_metric = 0xff000000U;
constexpr std::uint32_t monitors_mask = 0xff;

void put_rule(RequestBatch &batch, std::uint16_t type, std::uint16_t flags, int family, std::uint32_t table)
{
	nlmsghdr *header = batch.begin(type, flags);
	auto *rule = static_cast<fib_rule_hdr *>(mnl_nlmsg_put_extra_header(header, sizeof(fib_rule_hdr)));
	rule->family = static_cast<std::uint8_t>(family);
	rule->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(header, FRA_PRIORITY, rule_priority);
	mnl_attr_put_u32(header, FRA_FWMARK, table);
	mnl_attr_put_u32(header, FRA_FWMASK, 0xffffffffU);
	mnl_attr_put_u32(header, FRA_TABLE, table);
	mnl_attr_put_u8(header, FRA_PROTOCOL, own_protocol);
}

nlmsghdr *put_default_route(RequestBatch &batch, std::uint16_t type, std::uint16_t flags, int family,
			    std::uint32_t table, unsigned char kind)
{
	nlmsghdr *header = batch.begin(type, flags);
	auto *route = static_cast<rtmsg *>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
	route->rtm_family = static_cast<unsigned char>(family);
	route->rtm_protocol = own_protocol;
	route->rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
	route->rtm_type = kind;
	mnl_attr_put_u32(header, RTA_TABLE, table);
	return header;
}

// Routes first: as long as there is a route, its rule leads a successor to it.
void remove_table(RouteSocket &socket, int family, std::uint32_t table)
{
	constexpr int most_routes = 8; // two, unless somebody has put more into our table
	for (int i = 0; i < most_routes; ++i) {
		RequestBatch batch;
		put_default_route(batch, RTM_DELROUTE, 0, family, table, RTN_UNSPEC);
		if (!socket.transact(batch).ok())
			break;
	}
	RequestBatch batch;
	put_rule(batch, RTM_DELRULE, 0, family, table);
	(void)socket.transact(batch); // already gone is as good
}

} // namespace

std::uint32_t gateway_table_base(std::string_view instance)
{
	std::uint32_t hash = 2166136261U; // FNV-1a
	for (const char letter : instance)
		hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
	return 0x53000000U | ((hash ^ hash >> 16) & 0xffffU) << 8;
}

GatewayRoute::GatewayRoute(std::uint32_t table, const boost::asio::ip::address &gateway)
    : m_table(table), m_gateway(gateway)
{
}

std::string GatewayRoute::install(RouteSocket &socket, unsigned device_index)
{
	const int family = m_gateway.is_v6() ? AF_INET6 : AF_INET;
	RequestBatch batch;
	put_rule(batch, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, family, m_table);
	nlmsghdr *header =
		put_default_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family, m_table, RTN_UNREACHABLE);
	mnl_attr_put_u32(header, RTA_PRIORITY, last_metric);
	header = put_default_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, family, m_table, RTN_UNICAST);
	if (m_gateway.is_v6()) {
		const auto bytes = m_gateway.to_v6().to_bytes();
		mnl_attr_put(header, RTA_GATEWAY, bytes.size(), bytes.data());
	} else {
		const auto bytes = m_gateway.to_v4().to_bytes();
		mnl_attr_put(header, RTA_GATEWAY, bytes.size(), bytes.data());
	}
	if (device_index != 0)
		mnl_attr_put_u32(header, RTA_OIF, device_index);
	const BatchResult result = socket.transact(batch);
	const std::string what = "gateway " + m_gateway.to_string() + " cannot be used: ";
	if (result.transport)
		return what + result.transport.message();
	for (const RequestError &error : result.errors) {
		const bool is_rule = error.request == 0;
		if (is_rule && error.code == EEXIST)
			continue; // confirmed
		return what + errno_text(error.code) + (error.detail.empty() ? "" : " (" + error.detail + ")");
	}
	return {};
}

void GatewayRoute::remove(RouteSocket &socket)
{
	remove_table(socket, m_gateway.is_v6() ? AF_INET6 : AF_INET, m_table);
}

std::string remove_gateway_leftovers(RouteSocket &socket, std::uint32_t table_base)
{
	std::vector<std::pair<int, std::uint32_t>> found;
	const std::error_code error = socket.dump(
		RTM_GETRULE, [&found] { found.clear(); },
		[&found, table_base](const nlmsghdr &message) {
			const auto *rule = static_cast<const fib_rule_hdr *>(mnl_nlmsg_get_payload(&message));
			std::uint32_t table = 0;
			unsigned char protocol = 0;
			each_attribute(message, sizeof(fib_rule_hdr), [&](const nlattr *attribute) {
				if (mnl_attr_get_type(attribute) == FRA_TABLE)
					table = mnl_attr_get_u32(attribute);
				else if (mnl_attr_get_type(attribute) == FRA_PROTOCOL)
					protocol = mnl_attr_get_u8(attribute);
			});
			if (protocol == own_protocol && (table & ~monitors_mask) == table_base)
				found.emplace_back(rule->family, table);
		});
	if (error)
		return "looking for rules of an earlier run: " + error.message();
	for (const auto &[family, table] : found)
		remove_table(socket, family, table);
	return {};
}

} // namespace systole::control
