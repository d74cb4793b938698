// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `config system session-filter`: which sessions session pickup keeps ready on the secondary.
#include "control/config/option.h"

namespace systole::control::config {

namespace {

using C = Configuration;
using Filter = Configuration::SessionFilter;

constexpr std::string_view actions[] = {"sync", "skip"};

constexpr Option filter_key =
	row("name", Kind::text, 1, 35, "", "name of the filter").bound(bind<&Filter::name>()).from("EXT");
constexpr Option filter_options[] = {
	choice("action", actions, "sync", "what becomes of sessions that match: synchronised, or left out")
		.bound(bind<&Filter::action>())
		.from("EXT"),
	row("address", Kind::ip_net, 0, 0, "",
	    "network of the client or of the server, before or after NAT; unset = any, IPv4 and IPv6")
		.bound(bind<&Filter::address>())
		.from("EXT"),
	choice("protocol", protocol_names, "any", "protocol of IP; 0 = any")
		.with(&Option::kind, Kind::protocol)
		.with<std::int64_t>(&Option::high, 255)
		.bound(bind<&Filter::protocol>())
		.from("EXT"),
	row("port", Kind::port_range, 1, 65535, "", "of the server, before or after NAT, TCP and UDP; unset = any")
		.bound(bind<&Filter::port>())
		.from("EXT"),
};

} // namespace

constinit const Section session_filter_section{
	.path = "system session-filter",
	.shape = Shape::table,
	.options = filter_options,
	.nested = {},
	.key = &filter_key,
	.most_entries = 256,
	.access = table<&C::session_filters>(),
	.follows = {},
	.help = "which sessions session-pickup keeps ready; the first entry that matches decides, and if none does the "
		"session is synchronised, unless there is an entry with action sync"};

} // namespace systole::control::config
