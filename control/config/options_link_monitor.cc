// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `config system link-monitor`: what is probed, how often, and what a failure weighs in the election.
#include "control/config/option.h"

namespace systole::control::config {

namespace {

using C = Configuration;
using Monitor = Configuration::LinkMonitor;
using Server = Configuration::LinkMonitorServer;

constexpr std::string_view address_modes[] = {"ipv4", "ipv6"};
constexpr std::string_view server_configs[] = {"default", "individual"};
constexpr std::string_view server_types[] = {"static", "dynamic"};
constexpr std::string_view protocols[] = {"ping", "tcp-echo", "udp-echo", "http", "https", "twamp", "ping6"};
constexpr std::string_view security_modes[] = {"none"};

constexpr Option server_key =
	integer("id", 1, 4294967295, "", "number of the entry").bound(bind<&Server::id>()).from("ADM701");
constexpr Option server_options[] = {
	row("dst", Kind::text, 1, 79, "", "address or name of the server")
		.bound(bind<&Server::dst>())
		.mandatory()
		.from("ADM701"),
	choice("protocol", protocols, "ping", "how it is probed").bound(bind<&Server::protocol>()).from("ADM701"),
	integer("port", 0, 65535, "0", "0 = the protocol's own").bound(bind<&Server::port>()).from("ADM701"),
	integer("weight", 0, 255, "0", "its part in fail-weight").bound(bind<&Server::weight>()).from("ADM701"),
};
constexpr Section server_section{.path = "server-list",
				 .shape = Shape::table,
				 .options = server_options,
				 .nested = {},
				 .key = &server_key,
				 .most_entries = 64,
				 .access = table<&Monitor::server_list>(),
				 .follows = {},
				 .help = "servers with settings of their own (server-config individual)"};

constexpr Option monitor_key =
	row("name", Kind::text, 1, 35, "", "name of the monitor").bound(bind<&Monitor::name>()).from("CLI701");
constexpr Option monitor_options[] = {
	choice("addr-mode", address_modes, "ipv4", "address family").bound(bind<&Monitor::addr_mode>()).from("CLI701"),
	row("srcintf", Kind::name, 1, 15, "", "interface the probes leave by")
		.bound(bind<&Monitor::srcintf>())
		.from("CLI701"),
	choice("server-config", server_configs, "default", "one setting for all servers, or server-list")
		.bound(bind<&Monitor::server_config>())
		.from("CLI701"),
	list("server", Kind::text_list, 79, 64, "addresses or names of the servers; the monitor is dead when all are")
		.bound(bind<&Monitor::servers>())
		.from("CLI701"),
	choice("protocol", protocols, "ping", "how they are probed").bound(bind<&Monitor::protocol>()).from("ANS"),
	integer("port", 0, 65535, "0", "0 = the protocol's own (http 80, echo 7, twamp 862)")
		.bound(bind<&Monitor::port>())
		.from("ANS"),
	row("gateway-ip", Kind::ipv4, 0, 0, "0.0.0.0", "gateway of the probes")
		.bound(bind<&Monitor::gateway_ip>())
		.from("ANS"),
	row("gateway-ip6", Kind::ipv6, 0, 0, "::", "gateway of the probes")
		.bound(bind<&Monitor::gateway_ip6>())
		.from("ANS"),
	row("source-ip", Kind::ipv4, 0, 0, "0.0.0.0", "source of the probes")
		.bound(bind<&Monitor::source_ip>())
		.from("ANS"),
	row("source-ip6", Kind::ipv6, 0, 0, "::", "source of the probes")
		.bound(bind<&Monitor::source_ip6>())
		.from("ANS"),
	row("http-get", Kind::text, 0, 1024, "/", "path asked for").bound(bind<&Monitor::http_get>()).from("ANS"),
	row("http-agent", Kind::text, 0, 1024, "Chrome/ Safari/", "User-Agent")
		.bound(bind<&Monitor::http_agent>())
		.from("ANS"),
	row("http-match", Kind::text, 0, 1024, "", "text the answer must hold")
		.bound(bind<&Monitor::http_match>())
		.from("ANS"),
	integer("interval", 20, 3600000, "500", "time between two probes")
		.bound(bind<&Monitor::interval>())
		.unit("ms")
		.from("KB197504")
		.cure("older releases counted seconds: multiply by 1000"),
	integer("probe-timeout", 20, 5000, "500", "an answer later than this is lost")
		.bound(bind<&Monitor::probe_timeout>())
		.unit("ms")
		.from("KB197504"),
	integer("failtime", 1, 3600, "5", "so many lost in a row mean dead")
		.bound(bind<&Monitor::failtime>())
		.from("KB197504"),
	integer("recoverytime", 1, 3600, "5", "so many answered in a row mean alive")
		.bound(bind<&Monitor::recoverytime>())
		.from("KB197504"),
	integer("probe-count", 5, 30, "30", "probes that latency and jitter are computed over")
		.bound(bind<&Monitor::probe_count>())
		.from("KB197504"),
	integer("ha-priority", 1, 50, "1", "weight of a failure in the election")
		.bound(bind<&Monitor::ha_priority>())
		.local()
		.from("ANS"),
	integer("fail-weight", 0, 255, "0", "dead when the weight of dead servers is larger")
		.bound(bind<&Monitor::fail_weight>())
		.from("ADM701"),
	integer("packet-size", 124, 1024, "124", "octets in a probe of twamp, without IP and UDP headers")
		.bound(bind<&Monitor::packet_size>())
		.from("ANS"),
	flag("status", "enable", "probe at all").bound(bind<&Monitor::status>()).from("ANS"),

	choice("server-type", server_types, "static", "how servers are found").from("ANS"),
	list("route", Kind::text_list, 79, 64, "only these routes are withdrawn").from("ADM700"),
	choice("security-mode", security_modes, "none", "twamp only")
		.from("ANS")
		.cure("TWAMP Light has no control session that could agree on a key: use security-mode none"),
	row("password", Kind::secret, 1, 128, "", "twamp with authentication, which there is not; not kept")
		.local()
		.from("ANS"),
	flag("update-cascade-interface", "enable", "bring other interfaces down too").from("KB197504"),
	flag("update-static-route", "enable", "withdraw static routes").from("KB197504"),
	flag("update-policy-route", "enable", "withdraw policy routes").from("KB197504"),
	flag("service-detection", "disable", "probe only, no consequences").from("ANS"),
	text("diffservcode", 63, "DSCP of the probes").from("ANS"),
	text("class-id", 63, "traffic class of the probes").from("ANS"),
};
constexpr const Section *monitor_nested[] = {&server_section};

} // namespace

constinit const Section link_monitor_section{.path = "system link-monitor",
					     .shape = Shape::table,
					     .options = monitor_options,
					     .nested = monitor_nested,
					     .key = &monitor_key,
					     .most_entries = 256,
					     .access = table<&C::link_monitors>(),
					     .follows = {},
					     .help = "probes of remote addresses; only the primary probes"};

} // namespace systole::control::config
