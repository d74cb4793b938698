// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Every number that can be configured, at low-1, low, high and high+1. The ranges and defaults below are written down
// again from the documents (docs/CONFIGURATION.md "Sources"), not taken from the option tables.
#include "control/config/option.h"
#include "control/config/show.h"
#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace systole::control::config {

namespace {

struct Range {
	std::string_view section; // path of sections, '/' between
	std::string_view option;  // empty: the key of the table
	std::int64_t low;
	std::int64_t high;
	std::string_view fallback;
};

constexpr Range ranges[] = {
	{"system ha", "hb-interval", 1, 20, "2"},
	{"system ha", "hb-lost-threshold", 1, 60, "20"},
	{"system ha", "hello-holddown", 5, 300, "20"},
	{"system ha", "group-id", 0, 1023, "0"},
	{"system ha", "expected-members", 0, 16, "0"},
	{"system ha", "control-watchdog", 0, 60000, "0"},
	{"system ha", "arps", 1, 60, "5"},
	{"system ha", "arps-interval", 1, 20, "8"},
	{"system ha", "hook-timeout", 1, 300, "10"},
	{"system ha", "ha-uptime-diff-margin", 1, 65535, "300"},
	{"system ha", "failover-hold-time", 0, 300, "0"},
	{"system ha", "session-sync-wait", 0, 3600, "30"},
	{"system ha", "override-wait-time", 0, 3600, "0"},
	{"system ha", "priority", 0, 255, "128"},
	{"system ha", "pingserver-failover-threshold", 0, 50, "0"},
	{"system ha", "pingserver-flip-timeout", 6, 2147483647, "60"},
	{"system ha", "evpn-ttl", 5, 3600, "60"},
	{"system ha", "memory-failover-threshold", 0, 95, "0"},
	{"system ha", "memory-failover-monitor-period", 1, 300, "60"},
	{"system ha", "memory-failover-sample-rate", 1, 60, "1"},
	{"system ha", "memory-failover-flip-timeout", 6, 2147483647, "6"},
	{"system ha", "witness-ttl", 1, 60, "2"},
	{"system ha", "password-index", 0, 255, "0"},
	{"system ha", "password-next-index", 0, 255, "1"},
	{"system ha", "rekey-interval", 60, 86400, "3600"},
	{"system ha", "witness-timeout", 50, 5000, "500"},
	{"system ha", "test-timer-scale", 1, 3600, "1"},
	{"system ha", "multicast-ttl", 5, 3600, "600"},
	{"system ha", "route-hold", 0, 3600, "10"},
	{"system ha", "route-ttl", 5, 3600, "10"},
	{"system ha", "route-wait", 0, 3600, "0"},
	{"system ha", "uninterruptible-primary-wait", 15, 300, "30"},
	{"system ha", "hw-session-hold-time", 0, 180, "10"},
	{"system ha", "hw-session-sync-delay", 0, 3600, "150"},
	{"system ha/ha-mgmt-interfaces", "", 1, 4294967295, ""},
	{"system ha/unicast-peers", "", 1, 4294967295, ""},
	{"system ha/link-group", "min-members", 1, 64, "1"},
	{"system ha/vcluster", "", 1, 30, ""},
	{"system ha/vcluster", "override-wait-time", 0, 3600, "0"},
	{"system ha/vcluster", "priority", 0, 255, "128"},
	{"system ha/vcluster", "pingserver-failover-threshold", 0, 50, "0"},
	{"system ha/vcluster", "pingserver-flip-timeout", 6, 2147483647, "60"},
	{"system link-monitor", "port", 0, 65535, "0"},
	{"system link-monitor", "interval", 20, 3600000, "500"},
	{"system link-monitor", "probe-timeout", 20, 5000, "500"},
	{"system link-monitor", "failtime", 1, 3600, "5"},
	{"system link-monitor", "recoverytime", 1, 3600, "5"},
	{"system link-monitor", "probe-count", 5, 30, "30"},
	{"system link-monitor", "packet-size", 124, 1024, "124"},
	{"system link-monitor", "ha-priority", 1, 50, "1"},
	{"system link-monitor", "fail-weight", 0, 255, "0"},
	{"system link-monitor/server-list", "", 1, 4294967295, ""},
	{"system link-monitor/server-list", "port", 0, 65535, "0"},
	{"system link-monitor/server-list", "weight", 0, 255, "0"},
	{"system interface", "snmp-index", 1, 2147483647, ""},
	{"system interface", "mtu", 68, 65535, "1500"},
	{"system interface/secondaryip", "", 1, 4294967295, ""},
};

std::vector<std::string> split(std::string_view path)
{
	std::vector<std::string> parts;
	for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
		parts.emplace_back(path.substr(0, slash));
		path.remove_prefix(slash + 1);
	}
	parts.emplace_back(path);
	return parts;
}

const Section *section_at(std::string_view path)
{
	const Section *section = &root_section();
	for (const std::string &part : split(path))
		if (section != nullptr)
			section = section->child(part);
	return section;
}

// Opens every section of the path and writes one line, always line 1 + number of lines before it; closes nothing, so
// that mandatory values and endings complain elsewhere.
bool accepts(const Range &range, std::int64_t value)
{
	std::string text;
	std::uint32_t line = 0;
	const Section *section = &root_section();
	const auto parts = split(range.section);
	for (std::size_t i = 0; i < parts.size(); ++i) {
		section = section->child(parts[i]);
		text += "config " + parts[i] + "\n";
		++line;
		const bool is_last = i + 1 == parts.size();
		if (section->shape == Shape::table && !(is_last && range.option.empty())) {
			text += "edit 1\n";
			++line;
		}
	}
	text += (range.option.empty() ? "edit " : "set " + std::string(range.option) + " ") + std::to_string(value) +
		"\n";
	++line;
	for (const Diagnostic &diagnostic : parse_configuration(text, "f").diagnostics) {
		// Column 1 is the block itself: "never closed", "set ip is missing".
		if (diagnostic.severity == Severity::error && diagnostic.line == line && diagnostic.column > 1) {
			EXPECT_NE(diagnostic.message.find(std::to_string(range.low) + " to " +
							  std::to_string(range.high)),
				  std::string::npos)
				<< "the message must name the range: " << diagnostic.message;
			return false;
		}
	}
	return true;
}

TEST(Ranges, every_number_is_taken_inside_its_range_and_refused_outside)
{
	for (const Range &range : ranges) {
		SCOPED_TRACE(std::string(range.section) + " " + std::string(range.option));
		EXPECT_FALSE(accepts(range, range.low - 1));
		EXPECT_TRUE(accepts(range, range.low));
		EXPECT_TRUE(accepts(range, range.high));
		EXPECT_FALSE(accepts(range, range.high + 1));
	}
}

TEST(Ranges, every_number_of_the_option_tables_is_in_the_list_above)
{
	std::set<std::string> listed;
	for (const Range &range : ranges)
		listed.insert(std::string(range.section) + " " + std::string(range.option));
	std::set<std::string> known;
	const std::function<void(const Section &, const std::string &)> visit = [&](const Section &section,
										    const std::string &path) {
		if (section.key != nullptr && section.key->kind == Kind::integer)
			known.insert(path + " ");
		for (const Option &option : section.options)
			if (option.kind == Kind::integer)
				known.insert(path + " " + std::string(option.name));
		for (const Section *nested : section.nested)
			visit(*nested,
			      path.empty() ? std::string(nested->path) : path + "/" + std::string(nested->path));
	};
	visit(root_section(), "");
	EXPECT_EQ(listed, known);
}

TEST(Ranges, defaults_are_those_of_the_documents)
{
	for (const Range &range : ranges) {
		if (range.option.empty())
			continue;
		SCOPED_TRACE(std::string(range.section) + " " + std::string(range.option));
		const Section *section = section_at(range.section);
		ASSERT_NE(section, nullptr);
		EXPECT_EQ(section->option(range.option)->fallback, range.fallback);
	}
}

TEST(Ranges, numbers_beyond_64_bits_and_words_are_refused)
{
	EXPECT_NE(complaints(in_cluster("set priority 99999999999999999999999")).find("out of range"),
		  std::string::npos);
	EXPECT_NE(complaints(in_cluster("set priority -99999999999999999999999")).find("out of range"),
		  std::string::npos);
	for (const char *word : {"high", "1x", "0x10", "1.5", "+1", "\"\"", "\" 1\""})
		EXPECT_NE(complaints(in_cluster(std::string("set priority ") + word)).find("is not a number"),
			  std::string::npos)
			<< word;
}

TEST(Ranges, heartbeat_port_priorities_run_from_0_to_512)
{
	const auto errors = [](const std::string &priority) {
		return count_errors(
			parse_configuration(replaced(in_cluster(""), "\"hb0\" 50", "\"hb0\" " + priority), "f"));
	};
	EXPECT_EQ(errors("-1"), 1U);
	EXPECT_EQ(errors("0"), 0U);
	EXPECT_EQ(errors("512"), 0U);
	EXPECT_EQ(errors("513"), 1U);
}

std::string filter_complaints(const std::string &inside)
{
	return complaints("config system ha\nset session-pickup enable\nset session-pickup-connectionless enable\nend\n"
			  "config system session-filter\nedit f\n" +
			  inside + "\nnext\nend\n");
}

TEST(Ranges, protocols_of_session_filters_run_from_0_to_255_or_have_a_name)
{
	for (const char *word : {"any", "tcp", "udp", "icmp", "icmp6", "0", "6", "255"})
		EXPECT_EQ(filter_complaints(std::string("set protocol ") + word), "") << word;
	const std::string known = "any | tcp | udp | icmp | icmp6 | 0-255";
	for (const char *word : {"-1", "256", "99999999999999999999"})
		EXPECT_EQ(filter_complaints(std::string("set protocol ") + word),
			  "f:7:14: error: protocol: \"" + std::string(word) +
				  "\" is out of range: write a number from 0 to 255\n");
	EXPECT_EQ(filter_complaints("set protocol tpc"),
		  "f:7:14: error: protocol: \"tpc\" is no protocol: did you mean \"tcp\"? (" + known + ")\n");
	for (const char *word : {"gre-tunnel", "TCP/IP", "6x", "\"\""})
		EXPECT_EQ(
			filter_complaints(std::string("set protocol ") + word).find("is no protocol: write " + known) !=
				std::string::npos,
			true)
			<< filter_complaints(std::string("set protocol ") + word);
	EXPECT_EQ(filter_complaints("set protocol tcp udp"),
		  "f:7:18: error: protocol: takes one value: put it in quotes if it holds blanks\n");
}

TEST(Ranges, ports_of_session_filters_run_from_1_to_65535_and_forwards)
{
	for (const char *word : {"1", "65535", "1-65535", "80-80", "80-81"})
		EXPECT_EQ(filter_complaints(std::string("set port ") + word), "") << word;
	for (const char *word : {"0", "65536", "0-5", "5-65536", "99999999999999999999"})
		EXPECT_EQ(filter_complaints(std::string("set port ") + word),
			  "f:7:10: error: port: \"" + std::string(word) +
				  "\" is out of range: write ports from 1 to 65535\n");
	for (const char *word : {"http", "80-", "-80", "80-81-82", "80,81", "80:81", "-", "\"80 - 81\"", "\"\""})
		EXPECT_NE(filter_complaints(std::string("set port ") + word)
				  .find("is no port: write one, or FIRST-LAST, as in 443 or 8000-8100"),
			  std::string::npos)
			<< word;
	EXPECT_EQ(filter_complaints("set port 443-80"),
		  "f:7:10: error: port: \"443-80\" runs backwards: write 80-443\n");
	EXPECT_EQ(filter_complaints("set port 80 443"),
		  "f:7:13: error: port: takes one value: put it in quotes if it holds blanks\n");
}

TEST(Ranges, addresses_of_session_filters_are_networks_of_either_family)
{
	for (const char *words : {"10.1.0.0/16", "10.1.0.0 255.255.0.0", "10.1.1.1/32", "0.0.0.0/0", "10.1.1.2/31",
				  "2001:db8::/32", "2001:db8::1/128", "::/0", "2001:db8::8000/113"})
		EXPECT_EQ(filter_complaints(std::string("set address ") + words), "") << words;
	const auto said = [](const std::string &words) { return filter_complaints("set address " + words); };
	EXPECT_EQ(said("10.1.0.5/16"),
		  "f:7:13: error: address: \"10.1.0.5/16\" has bits beyond its length: write 10.1.0.0/16\n");
	EXPECT_EQ(said("10.1.2.0 255.255.254.0"), "");
	EXPECT_EQ(said("10.1.3.0 255.255.254.0"),
		  "f:7:13: error: address: \"10.1.3.0\" has bits beyond its length: write 10.1.2.0/23\n");
	EXPECT_EQ(said("2001:db8::c000/113"),
		  "f:7:13: error: address: \"2001:db8::c000/113\" has bits beyond its length: write "
		  "2001:db8::8000/113\n");
	EXPECT_EQ(said("10.1.0.0 255.0.255.0"),
		  "f:7:22: error: address: \"255.0.255.0\" is not a netmask: write one as 255.255.255.0\n");
	EXPECT_EQ(said("2001:db8:: ffff::"),
		  "f:7:24: error: address: IPv6 has no netmask: write X/LEN, as in 2001:db8::/32\n");
	EXPECT_EQ(said("10.1.0.0 255.255.0.0 x"),
		  "f:7:34: error: address: takes A.B.C.D MASK, A.B.C.D/LEN or, of IPv6, X/LEN\n");
	for (const char *words : {"10.1.1.1", "10.1.0.0/33", "10.1.0.0/", "lan", "10.1/16", "\"\""})
		EXPECT_NE(said(words).find("has no mask or is not an IPv4 address: write A.B.C.D MASK, A.B.C.D/LEN or, "
					   "of IPv6, X/LEN"),
			  std::string::npos)
			<< said(words);
	for (const char *words : {"2001:db8::1", "2001:db8::/129", "2001::db8::/32"})
		EXPECT_NE(said(words).find("is not an IPv6 address with a length: write"), std::string::npos)
			<< said(words);
}

TEST(Ranges, heartbeat_unit_takes_the_vendor_values_and_one_millisecond)
{
	for (const auto &[word, milliseconds] :
	     {std::pair{"10", 10}, {"100", 100}, {"10ms", 10}, {"100ms", 100}, {"1", 1}, {"1ms", 1}}) {
		const auto result =
			parse_configuration(in_cluster(std::string("set hb-interval-in-milliseconds ") + word), "f");
		EXPECT_TRUE(result.ok()) << word;
		EXPECT_EQ(result.configuration.ha.hb_unit.count(), milliseconds) << word;
	}
	for (const char *word : {"0", "2", "50", "1000", "100s", "ms", "100 ms"})
		EXPECT_FALSE(
			parse_configuration(in_cluster(std::string("set hb-interval-in-milliseconds ") + word), "f")
				.ok())
			<< word;
}

TEST(Ranges, default_timing_is_four_seconds_and_the_shortest_is_one_millisecond)
{
	EXPECT_EQ(Configuration{}.ha.dead_interval(), std::chrono::milliseconds{4000});
	const auto result = parse_configuration(
		in_cluster("set hb-interval 1\nset hb-interval-in-milliseconds 1\nset hb-lost-threshold 1"), "f");
	EXPECT_TRUE(result.ok());
	EXPECT_EQ(result.configuration.ha.dead_interval(), std::chrono::milliseconds{1});
	EXPECT_EQ(result.configuration.ha.control_watchdog_interval(), std::chrono::milliseconds{200});
	EXPECT_EQ(Configuration{}.ha.control_watchdog_interval(), std::chrono::milliseconds{12000});
}

TEST(Ranges, a_list_takes_as_many_as_it_says_and_not_one_more)
{
	const auto ports = [](int count) {
		std::string text = "set hbdev";
		for (int i = 0; i < count; ++i)
			text += " hb" + std::to_string(i) + " 1";
		return count_errors(parse_configuration(replaced(in_cluster(""), "set hbdev \"hb0\" 50", text), "f"));
	};
	EXPECT_EQ(ports(8), 0U);
	EXPECT_EQ(ports(9), 1U);
	const auto monitors = [](int count) {
		std::string text = "set monitor";
		for (int i = 0; i < count; ++i)
			text += " p" + std::to_string(i);
		return count_errors(parse_configuration(in_cluster(text), "f"));
	};
	EXPECT_EQ(monitors(64), 0U);
	EXPECT_EQ(monitors(65), 1U);
	const auto endpoints = [](int count) {
		std::string text = "set isolation witness\nset witness-endpoint";
		for (int i = 1; i <= count; ++i)
			text += " http://10.0.0." + std::to_string(i) + ":2379";
		return count_errors(parse_configuration(in_cluster(text), "f"));
	};
	EXPECT_EQ(endpoints(8), 0U);
	EXPECT_EQ(endpoints(9), 1U);
}

TEST(Ranges, texts_take_as_many_bytes_as_they_say_and_not_one_more)
{
	const auto errors = [](const std::string &line) {
		return count_errors(parse_configuration(in_cluster(line), "f"));
	};
	EXPECT_EQ(errors("set group-name " + std::string(32, 'g')), 0U);
	EXPECT_EQ(errors("set group-name " + std::string(33, 'g')), 1U);
	EXPECT_EQ(errors("set monitor " + std::string(15, 'm')), 0U);
	EXPECT_EQ(errors("set monitor " + std::string(16, 'm')), 1U);
	EXPECT_EQ(errors("set hook-primary /" + std::string(254, 'h')), 0U);
	EXPECT_EQ(errors("set hook-primary /" + std::string(255, 'h')), 1U);
	const auto vdom = [](std::size_t size) {
		return count_errors(parse_configuration("config system interface\nedit p\nset vdom \"" +
								std::string(size, 'v') + "\"\nnext\nend\n",
							"f"));
	};
	EXPECT_EQ(vdom(0), 1U);
	EXPECT_EQ(vdom(1), 0U);
	EXPECT_EQ(vdom(31), 0U);
	EXPECT_EQ(vdom(32), 1U);
	const auto serial = [](std::size_t size) {
		return count_errors(parse_configuration(
			"config system global\nset serial " + std::string(size, 'S') + "\nend\n", "f"));
	};
	EXPECT_EQ(serial(15), 1U);
	EXPECT_EQ(serial(16), 0U);
	EXPECT_EQ(serial(17), 1U);
}

} // namespace

} // namespace systole::control::config
