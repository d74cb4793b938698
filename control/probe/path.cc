// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The way a probe takes.
#include "control/probe/path.h"

#include "control/netlink/inventory.h"
#include "control/probe/attributes.h"
#include "control/takeover/takeover_settings.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace systole::control {

namespace {

using boost::asio::ip::address;

template <typename Bytes> void put_address(nlmsghdr *header, std::uint16_t type, const Bytes &bytes)
{
	mnl_attr_put(header, type, bytes.size(), bytes.data());
}

std::optional<address> address_from(const nlattr *attribute)
{
	const auto *bytes = static_cast<const unsigned char *>(mnl_attr_get_payload(attribute));
	if (mnl_attr_get_payload_len(attribute) == 4) {
		boost::asio::ip::address_v4::bytes_type v4;
		std::copy_n(bytes, v4.size(), v4.begin());
		return boost::asio::ip::make_address_v4(v4);
	}
	if (mnl_attr_get_payload_len(attribute) == 16) {
		boost::asio::ip::address_v6::bytes_type v6;
		std::copy_n(bytes, v6.size(), v6.begin());
		return boost::asio::ip::make_address_v6(v6);
	}
	return std::nullopt;
}

void put_question(RequestBatch &batch, const address &destination, const ProbePath &path, unsigned flags)
{
	nlmsghdr *header = batch.begin(RTM_GETROUTE, 0);
	auto *route = static_cast<rtmsg *>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
	route->rtm_family = destination.is_v6() ? AF_INET6 : AF_INET;
	route->rtm_dst_len = destination.is_v6() ? 128 : 32;
	route->rtm_flags = flags;
	if (destination.is_v6())
		put_address(header, RTA_DST, destination.to_v6().to_bytes());
	else
		put_address(header, RTA_DST, destination.to_v4().to_bytes());
	if (path.device_index != 0)
		mnl_attr_put_u32(header, RTA_OIF, path.device_index);
	if (path.mark != 0)
		mnl_attr_put_u32(header, RTA_MARK, path.mark);
}

bool holds(RouteSocket &socket, int device, const address &wanted)
{
	std::vector<AddressInfo> addresses;
	if (list_addresses(socket, addresses))
		return false;
	const auto prefix = IpPrefix::parse(wanted.to_string());
	return prefix && std::any_of(addresses.begin(), addresses.end(), [&](const AddressInfo &one) {
		       return one.index == device && one.prefix.same_address(*prefix);
	       });
}

} // namespace

std::string errno_text(int code)
{
	return std::generic_category().message(code);
}

bool find_device(RouteSocket &socket, const PathSettings &settings, ProbePath &path, std::string &error)
{
	path.bound_source = settings.source;
	path.mark = settings.mark;
	if (settings.interface.empty())
		return true;
	const auto base = find_link(socket, settings.interface);
	const auto macvlan = find_link(socket, macvlan_name(settings.interface));
	const bool use_macvlan = macvlan && macvlan->admin_up && macvlan->kind == "macvlan" &&
				 !(base && settings.source && holds(socket, base->index, *settings.source));
	const auto &chosen = use_macvlan ? macvlan : base;
	if (!chosen) {
		error = "there is no interface " + settings.interface + " (srcintf)";
		return false;
	}
	path.device = chosen->name;
	path.device_index = static_cast<unsigned>(chosen->index);
	if (!chosen->admin_up) {
		error = "interface " + chosen->name + " (srcintf) is down";
		return false;
	}
	return true;
}

bool find_route(RouteSocket &socket, const address &destination, ProbePath &path, std::string &error)
{
	// Asked about IPv4 through an interface, the kernel takes what it has no route to for a neighbour. Whether there is
	// a route it says only when asked for the entry of the table.
	RequestBatch batch;
	if (!destination.is_v6())
		put_question(batch, destination, path, RTM_F_FIB_MATCH);
	put_question(batch, destination, path, 0); // the last answer is the one that is kept

	const std::string way = "no route to " + destination.to_string() +
				(path.device.empty() ? std::string{} : " through " + path.device);
	unsigned char kind = RTN_UNSPEC;
	std::uint32_t out_index = 0;
	std::optional<address> source;
	const BatchResult result = socket.transact(batch, [&](const nlmsghdr &answer) {
		if (answer.nlmsg_type != RTM_NEWROUTE)
			return;
		kind = static_cast<const rtmsg *>(mnl_nlmsg_get_payload(&answer))->rtm_type;
		path.gateway.reset();
		each_attribute(answer, sizeof(rtmsg), [&](const nlattr *attribute) {
			switch (mnl_attr_get_type(attribute)) {
			case RTA_GATEWAY: path.gateway = address_from(attribute); break;
			case RTA_PREFSRC: source = address_from(attribute); break;
			case RTA_OIF: out_index = mnl_attr_get_u32(attribute); break;
			default: break;
			}
		});
	});
	if (!result.ok()) {
		error = way + ": " +
			(result.transport ? result.transport.message() : errno_text(result.errors.front().code));
		return false;
	}
	if (kind != RTN_UNICAST && kind != RTN_LOCAL) {
		error = way;
		return false;
	}
	// The kernel takes the interface of an IPv6 question as a wish.
	if (kind == RTN_UNICAST && path.device_index != 0 && out_index != path.device_index) {
		error = way;
		return false;
	}
	path.source = path.bound_source.value_or(source.value_or(address{}));
	return true;
}

std::string bind_to_path(int fd, const ProbePath &path)
{
	if (path.mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &path.mark, sizeof(path.mark)) != 0)
		return "cannot mark the probe for its gateway: " + errno_text(errno);
	if (!path.device.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, path.device.c_str(),
					       static_cast<socklen_t>(path.device.size())) != 0)
		return "cannot bind to interface " + path.device + ": " + errno_text(errno);
	if (!path.bound_source)
		return {};
	int failed = 0;
	if (path.bound_source->is_v6()) {
		sockaddr_in6 local{};
		local.sin6_family = AF_INET6;
		const auto bytes = path.bound_source->to_v6().to_bytes();
		std::copy(bytes.begin(), bytes.end(), local.sin6_addr.s6_addr);
		local.sin6_scope_id = path.bound_source->to_v6().is_link_local() ? path.device_index : 0;
		failed = bind(fd, reinterpret_cast<const sockaddr *>(&local), sizeof(local));
	} else {
		sockaddr_in local{};
		local.sin_family = AF_INET;
		local.sin_addr.s_addr = htonl(path.bound_source->to_v4().to_uint());
		failed = bind(fd, reinterpret_cast<const sockaddr *>(&local), sizeof(local));
	}
	if (failed != 0)
		return "source address " + path.bound_source->to_string() +
		       " cannot be used here: " + errno_text(errno);
	return {};
}

} // namespace systole::control
