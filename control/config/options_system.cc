// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `config system global`, `config system interface`, the sections that are read over, and the top of the tree.
#include "control/config/option.h"

namespace systole::control::config {

namespace {

using C = Configuration;
using Interface = Configuration::Interface;

constexpr std::string_view up_down[] = {"up", "down"};
constexpr std::string_view addressing_modes[] = {"static", "dhcp", "pppoe"};

constexpr Option global_options[] = {
	row("hostname", Kind::hostname, 1, 35, "", "name of this member; unset = the machine's")
		.bound(bind<&C::Global::hostname>())
		.local()
		.from("OWN"),
	row("serial", Kind::serial, 16, 16, "", "identity of this member; unset = derived from the machine id")
		.bound(bind<&C::Global::serial>())
		.local()
		.from("EXT"),
	text("alias", 35, "a second name").local().from("OWN"),
	text("timezone", 63, "display only").from("OWN"),
	text("admintimeout", 63, "administrator sessions").from("OWN"),
	text("vdom-mode", 63, "virtual domains").from("OWN"),
};

constexpr Option secondary_key =
	integer("id", 1, 4294967295, "", "number of the entry").bound(bind<&C::SecondaryIp::id>()).from("OWN");
constexpr Option secondary_options[] = {
	row("ip", Kind::ipv4_host, 0, 0, "", "a further cluster address")
		.bound(bind<&C::SecondaryIp::ip>())
		.mandatory()
		.from("OWN"),
	list("allowaccess", Kind::text_list, 63, 32, "administrative access").from("OWN"),
};
constexpr Section secondary_section{.path = "secondaryip",
				    .shape = Shape::table,
				    .options = secondary_options,
				    .nested = {},
				    .key = &secondary_key,
				    .most_entries = 32,
				    .access = table<&Interface::secondaries>(),
				    .follows = {},
				    .help = "further cluster addresses"};

constexpr Option ipv6_options[] = {
	row("ip6-address", Kind::ipv6_host, 0, 0, "", "cluster address").bound(bind<&C::Ipv6::address>()).from("OWN"),
	list("ip6-allowaccess", Kind::text_list, 63, 32, "administrative access").from("OWN"),
};
constexpr Section ipv6_section{.path = "ipv6",
			       .shape = Shape::object,
			       .options = ipv6_options,
			       .nested = {},
			       .access = object<&Interface::ipv6>(),
			       .follows = {},
			       .help = "IPv6 of the interface"};

constexpr Option interface_key = row("name", Kind::name, 1, 15, "", "the kernel's name of the interface")
					 .bound(bind<&Interface::name>())
					 .from("OWN");
constexpr Option interface_options[] = {
	row("device", Kind::text, 0, 255, "",
	    "DPDK device of a heartbeat port: devargs or PCI address; unset = the kernel interface through "
	    "net_af_packet")
		.bound(bind<&Interface::device>())
		.local()
		.from("EXT"),
	row("ip", Kind::ipv4_host, 0, 0, "", "cluster address: it follows the primary")
		.bound(bind<&Interface::ip>())
		.from("OWN"),
	row("vdom", Kind::text, 1, 31, "root",
	    "virtual domain; the addresses follow the primary of the virtual cluster that has it (config vcluster), "
	    "virtual cluster 1 where none has")
		.bound(bind<&Interface::vdom>())
		.from("OWN"),
	text("type", 63, "kind of interface").from("OWN"),
	text("alias", 25, "a second name").from("OWN"),
	text("role", 63, "display only").from("OWN"),
	list("allowaccess", Kind::text_list, 63, 32, "administrative access").from("OWN"),
	text("description", 255, "display only").from("OWN"),
	choice("status", up_down, "up", "administrative state").from("OWN"),
	integer("snmp-index", 1, 2147483647, "", "SNMP").from("OWN"),
	choice("mode", addressing_modes, "static", "how the address is found").from("OWN"),
	integer("mtu", 68, 65535, "1500", "MTU").from("OWN"),
	flag("secondary-IP", "disable", "allow config secondaryip; here always allowed").from("OWN"),
};
constexpr const Section *interface_nested[] = {&secondary_section, &ipv6_section};

constexpr Section ha_monitor_section{.path = "system ha-monitor",
				     .shape = Shape::ignored,
				     .options = {},
				     .nested = {},
				     .access = {},
				     .follows = {},
				     .help = "VLAN monitoring; it only writes a log",
				     .is_in_force = false};
constexpr Section standalone_cluster_section{.path = "system standalone-cluster",
					     .shape = Shape::ignored,
					     .options = {},
					     .nested = {},
					     .access = {},
					     .follows = {},
					     .help = "session synchronisation without a cluster",
					     .is_in_force = false};

constexpr const Section *top[] = {
	&global_section,     &interface_section,         &ha_section, &link_monitor_section, &session_filter_section,
	&ha_monitor_section, &standalone_cluster_section};
constexpr Section root{
	.path = {}, .shape = Shape::object, .options = {}, .nested = top, .access = {}, .follows = {}, .help = {}};

} // namespace

constinit const Section global_section{.path = "system global",
				       .shape = Shape::object,
				       .options = global_options,
				       .nested = {},
				       .access = object<&C::global>(),
				       .follows = {},
				       .help = "this member"};
constinit const Section interface_section{
	.path = "system interface",
	.shape = Shape::table,
	.options = interface_options,
	.nested = interface_nested,
	.key = &interface_key,
	.most_entries = 256,
	.access = table<&C::interfaces>(),
	.follows = {},
	.help = "ports and the addresses that follow the primary; their order numbers the virtual MACs"};

const Section &root_section()
{
	return root;
}

} // namespace systole::control::config
