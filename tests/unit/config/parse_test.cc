// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/parse.h"

#include "control/config/show.h"
#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <random>

namespace systole::control::config {

namespace {

using C = Configuration;

TEST(Parse, a_full_member_is_read_into_typed_values)
{
	const ParseResult result = parse_configuration(read_source("tests/vectors/config/member.conf"), "member.conf");
	ASSERT_TRUE(result.ok()) << to_text(result.diagnostics);
	const C &c = result.configuration;
	EXPECT_EQ(c.global.hostname, "m1");
	EXPECT_EQ(c.global.serial, "SYS0000000000001");
	ASSERT_EQ(c.interfaces.size(), 5U);
	EXPECT_EQ(c.interfaces[0].device, "net_af_packet0,iface=hb0");
	EXPECT_EQ(c.interfaces[2].ip, (Ipv4Prefix{{10, 1, 1, 254}, 24}));
	ASSERT_EQ(c.interfaces[2].secondaries.size(), 2U);
	EXPECT_EQ(c.interfaces[2].secondaries[1].ip, (Ipv4Prefix{{192, 0, 2, 1}, 32}));
	ASSERT_TRUE(c.interfaces[2].ipv6.address);
	EXPECT_EQ(to_text(*c.interfaces[2].ipv6.address), "2001:db8::1/64");
	EXPECT_EQ(c.interfaces[2].kept.at("description"), C::Names{"LAN of \"building\" \\ 4"});
	EXPECT_EQ(c.ha.mode, C::Mode::active_passive);
	EXPECT_EQ(c.ha.group_id, 103);
	EXPECT_EQ(c.ha.password.view(), "correct horse battery staple");
	ASSERT_EQ(c.ha.hbdev.size(), 2U);
	EXPECT_EQ(c.ha.hbdev[1], (C::HeartbeatPort{"hb1", 40}));
	EXPECT_EQ(c.ha.interval(), std::chrono::milliseconds{10});
	EXPECT_EQ(c.ha.dead_interval(), std::chrono::milliseconds{30});
	EXPECT_EQ(c.ha.hello_holddown, std::chrono::seconds{5});
	EXPECT_EQ(c.ha.poll_mode, C::PollMode::adaptive);
	EXPECT_EQ(c.ha.proposals, std::vector{C::Proposal::aes128gcm});
	EXPECT_EQ(c.ha.ha_eth_type, 0x88b0);
	EXPECT_EQ(c.ha.virtual_mac_prefix, (MacPrefix{{0x02, 0x53, 0x59, 0x53}}));
	EXPECT_EQ(c.ha.mgmt_interfaces.at(0).dst, (Ipv4Prefix{{10, 9, 0, 0}, 16}));
	EXPECT_FALSE(c.ha.pingserver_secondary_force_reset) << "the old spelling sets it";
	EXPECT_EQ(c.ha.pingserver_flip_timeout, std::chrono::minutes{6});
	EXPECT_EQ(c.ha.vclusters.at(0).vdoms, (C::Names{"dmz", "lab"}));
	EXPECT_EQ(c.interfaces[2].vdom, "dmz");
	EXPECT_EQ(c.interfaces[3].vdom, "root");
	EXPECT_EQ(c.ha.memory_failover_flip_timeout, std::chrono::minutes{12});
	EXPECT_FALSE(c.ha.memory_failover_failback);
	EXPECT_EQ(c.ha.isolation, core::Isolation::witness);
	EXPECT_EQ(c.ha.witness_endpoints, (C::Names{"http://10.9.31.1:2379", "https://[2001:db8:9::2]:2379"}));
	EXPECT_EQ(c.ha.witness_fallback, C::WitnessFallback::act);
	EXPECT_EQ(c.ha.kept.at("cpu-threshold"), (C::Names{"5", "0", "0"}));
	EXPECT_EQ(c.link_monitors.at(0).protocol, C::Protocol::http);
	EXPECT_EQ(c.link_monitors.at(1).server_list.at(0).dst, "2001:db8::53");
	EXPECT_EQ(c.ha.session_sync_dev, C::Names{"hb1"});
	EXPECT_EQ(c.ha.session_commit, C::SessionCommit::on_takeover);
	EXPECT_EQ(c.session_filters,
		  (std::vector<C::SessionFilter>{
			  {.name = "no dns",
			   .action = C::FilterAction::skip,
			   .address = Ipv6Prefix{parse_ipv6("2001:db8:53::").value(), 48},
			   .protocol = 17,
			   .port = {53, 53}},
			  {.name = "servers",
			   .address = Ipv4Prefix{{10, 1, 0, 0}, 16},
			   .protocol = 6,
			   .port = {8000, 8100}},
			  {.name = "tunnels", .address = Ipv4Prefix{{192, 0, 2, 0}, 24}, .protocol = 47, .port = {}}}));
}

TEST(Parse, one_warning_names_everything_that_has_no_effect)
{
	const ParseResult result = parse_configuration(read_source("tests/vectors/config/member.conf"), "member.conf");
	EXPECT_EQ(
		to_text(result.diagnostics),
		"member.conf:5:9: warning: accepted but without effect here: alias (config system global); "
		"description, mtu (config system interface); hc-eth-type, l2ep-eth-type, sync-config, "
		"link-failed-signal, link-group, link-group-monitor, unicast-peers, cpu-threshold, weight, "
		"schedule (config system ha); link-group-monitor (config vcluster); update-static-route (config "
		"system link-monitor)\n"
		"member.conf:119:25: warning: isolation-proof does nothing while isolation is witness: it belongs to "
		"isolation demote\n"
		"member.conf:127:26: warning: for tests only: flip timeouts last 1/60 of what they say; take it out of "
		"a cluster that works\n");
}

TEST(Parse, the_contract_example_loads)
{
	const auto result = parse_configuration(R"(config system global
    set hostname "m1"
    set serial "SYS0000000000001"          # 16 characters; default derived from the machine id
end
config system interface
    edit "hb0"
        set device "net_af_packet0,iface=hb0"   # devargs or PCI address
    next
    edit "port1"
        set ip 10.1.1.254 255.255.255.0         # a cluster address: it follows the primary
    next
end
config system ha
    set mode a-p
    set group-id 103
    set group-name "lab"
    set password "a long enough one"
    set hbdev "hb0" 50 "hb1" 40
    set hb-interval 1
    set hb-interval-in-milliseconds 10
    set hb-lost-threshold 3
    set monitor "port1" "port2"
end
)",
						"f");
	EXPECT_EQ(to_text(result.diagnostics), "");
}

TEST(Parse, the_only_error_of_the_published_example_is_its_foreign_password)
{
	const auto result = parse_configuration(read_source("tests/vectors/config/article_link_monitor.conf") +
							read_source("tests/vectors/config/article_ha.conf"),
						"article");
	EXPECT_EQ(to_text(result.diagnostics),
		  "article:7:13: warning: accepted but without effect here: update-cascade-interface, "
		  "update-policy-route (config system link-monitor)\n"
		  "article:15:18: error: this ENC password was made by another product, which alone can read it: "
		  "write set password \"...\" with the password in clear\n");
	const C &c = result.configuration;
	EXPECT_EQ(c.ha.group_name, "remote-mon");
	EXPECT_EQ(c.ha.hbdev, (std::vector{C::HeartbeatPort{"port5", 50}}));
	EXPECT_EQ(c.ha.mgmt_interfaces.at(0).interface, "port3");
	EXPECT_EQ(c.ha.mgmt_interfaces.at(0).gateway, (Ipv4Address{10, 9, 31, 254}));
	EXPECT_EQ(c.ha.priority, 130);
	EXPECT_EQ(c.ha.pingserver_failover_threshold, 4);
	EXPECT_EQ(c.link_monitors.at(0).failtime, 2);
	EXPECT_EQ(c.link_monitors.at(0).ha_priority, 5);
}

TEST(Parse, the_published_example_loads_with_a_password_in_clear)
{
	std::string text = read_source("tests/vectors/config/article_ha.conf");
	const auto first = text.find("ENC");
	const auto last = text.find("Y3dkVA") + 6;
	text.replace(first, last - first, "\"twelve chars and more\"");
	const auto result = parse_configuration(text, "f");
	EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
	EXPECT_EQ(result.configuration.ha.password.view(), "twelve chars and more");
}

TEST(Parse, P20_all_mistakes_of_a_file_are_reported_together_in_its_order)
{
	const auto result = parse_configuration(read_source("tests/vectors/config/bad.conf"), "bad.conf");
	EXPECT_EQ(to_text(result.diagnostics), read_source("tests/vectors/config/bad.expected"));
	EXPECT_TRUE(std::is_sorted(result.diagnostics.begin(), result.diagnostics.end(),
				   [](const Diagnostic &a, const Diagnostic &b) {
					   return std::tie(a.line, a.column) < std::tie(b.line, b.column);
				   }));
}

TEST(Parse, an_empty_file_is_a_standalone_member)
{
	for (const char *text : {"", "\n", "# only a comment\n", "\xef\xbb\xbf"}) {
		const auto result = parse_configuration(text, "f");
		EXPECT_TRUE(result.ok());
		EXPECT_TRUE(result.diagnostics.empty());
		EXPECT_EQ(result.configuration, Configuration{});
	}
}

TEST(Parse, P20_a_block_may_come_in_two_parts_but_an_option_only_once)
{
	const std::string two = in_cluster("set priority 7") + "config system ha\nset group-id 9\nend\n";
	const auto result = parse_configuration(two, "f");
	EXPECT_EQ(to_text(result.diagnostics), "");
	EXPECT_EQ(result.configuration.ha.group_id, 9);
	EXPECT_EQ(result.configuration.ha.priority, 7);
	EXPECT_EQ(complaints(in_cluster("set priority 7") + "config system ha\nset priority 7\nend\n"),
		  "f:8:5: error: priority is set twice (first on line 5): keep one of the two lines\n");
}

TEST(Parse, an_old_spelling_and_the_new_one_are_the_same_option)
{
	EXPECT_EQ(complaints(in_cluster("set helo-holddown 9\nset hello-holddown 9")),
		  "f:6:5: error: hello-holddown is set twice (first on line 5): keep one of the two lines\n");
}

TEST(Parse, unset_gives_the_default_back)
{
	const auto result =
		parse_configuration(in_cluster("set priority 7\nunset priority\nset monitor \"a\"\nunset monitor\nset "
					       "schedule ip\nunset schedule\nunset group-name"),
				    "f");
	EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
	EXPECT_EQ(result.configuration.ha.priority, 128);
	EXPECT_TRUE(result.configuration.ha.monitor.empty());
	EXPECT_FALSE(result.configuration.ha.kept.contains("schedule"));
	EXPECT_FALSE(parse_configuration(in_cluster("unset password"), "f").ok())
		<< "and a cluster without a password is refused";
}

TEST(Parse, blocks_that_do_not_match_are_named_with_both_places)
{
	EXPECT_EQ(complaints("end\n"), "f:1:1: error: end without config: remove it\n");
	EXPECT_EQ(complaints("next\n"), "f:1:1: error: next without edit: remove it\n");
	EXPECT_EQ(complaints("set a 1\n"),
		  "f:1:1: error: set cannot stand in the top of the file: write config SECTION first\n");
	EXPECT_EQ(complaints("edit a\n"), "f:1:1: error: edit cannot stand in the top of the file: it belongs into a "
					  "table, as config system interface\n");
	EXPECT_EQ(complaints("config system interface\nedit \"a\"\nend\n"),
		  "f:3:1: error: end, but edit \"a\" of config system interface (line 2) is still open: write next "
		  "first\n");
	EXPECT_EQ(complaints("config system ha\nnext\nend\n"),
		  "f:2:1: error: next without edit in config system ha: a config is closed with end\n");
	EXPECT_EQ(complaints("config system interface\nedit \"a\"\n"),
		  "f:1:1: error: config system interface is never closed: write end\nf:2:1: error: edit \"a\" is never "
		  "closed: write next\n");
	EXPECT_EQ(complaints("config system global\nconfig system ha\nend\n"),
		  "f:2:1: error: \"config system ha\" cannot stand inside config system global (line 1): close that "
		  "with end first\n");
}

TEST(Parse, an_unknown_section_is_one_error_whatever_it_holds)
{
	EXPECT_EQ(complaints("config firewall policy\nedit 1\nset srcintf \"a\"\nconfig deep\nset "
			     "x\nend\nnext\nend\nconfig system global\nend\n"),
		  "f:1:8: error: unknown section \"firewall policy\": remove it, from config to its end\n");
}

TEST(Parse, sections_without_effect_are_one_warning_each)
{
	EXPECT_EQ(complaints("config system ha-monitor\nset monitor-vlan enable\nend\n"
			     "config system standalone-cluster\nconfig cluster-peer\nedit 1\nset psksecret ENC "
			     "abc\ndef\nnext\nend\nend\n"),
		  "f:1:1: warning: config system ha-monitor is accepted but has no effect here (VLAN monitoring; it "
		  "only writes a log)\n"
		  "f:4:1: warning: config system standalone-cluster is accepted but has no effect here "
		  "(session synchronisation without a cluster)\n");
}

TEST(Parse, nesting_is_bounded)
{
	std::string text;
	for (int i = 0; i < 1000; ++i)
		text += "config x\n";
	const std::string said = complaints(text);
	EXPECT_NE(said.find("f:17:1: error: blocks are nested more than 16 deep"), std::string::npos) << said;
	EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << said;
	std::string balanced;
	for (int i = 0; i < 16; ++i)
		balanced += "config x\n";
	for (int i = 0; i < 16; ++i)
		balanced += "end\n";
	EXPECT_EQ(complaints(balanced), "f:1:8: error: unknown section \"x\": remove it, from config to its end\n");
}

TEST(Parse, at_most_a_hundred_errors_are_kept_and_the_rest_counted)
{
	std::string text = "config system ha\n";
	for (int i = 0; i < 250; ++i)
		text += "set unknown-option-" + std::to_string(i) + " 1\n";
	const auto result = parse_configuration(text + "end\n", "f");
	ASSERT_EQ(result.diagnostics.size(), 101U);
	EXPECT_EQ(to_text(result.diagnostics.back()), "f: error: and 150 more errors");
	EXPECT_FALSE(result.ok());
}

TEST(Parse, tables_are_bounded)
{
	std::string text = "config system interface\n";
	for (int i = 0; i < 300; ++i)
		text += "edit p" + std::to_string(i) + "\nset ip 10.0.0.0/99\nnext\n";
	const auto result = parse_configuration(text + "end\nconfig system global\nset hostname x\nend\n", "f");
	EXPECT_EQ(result.configuration.interfaces.size(), 256U);
	EXPECT_EQ(result.configuration.global.hostname, "x") << "what comes after is read";
}

TEST(Parse, P20_text_that_is_not_utf8_is_refused_with_its_place)
{
	EXPECT_EQ(complaints("config system global\n  set \xff\n"),
		  "f:2:7: error: not UTF-8 text: save the file as UTF-8\n");
}

TEST(Parse, P20_a_megabyte_of_anything_ends_in_bounded_complaints)
{
	for (const std::string &line :
	     {std::string("set what 1\n"), std::string("config system ha\n"), std::string(79, 'x') + "\n",
	      std::string("edit 1\n"), std::string("set priority 1\n")}) {
		std::string text;
		while (text.size() < 1U << 20)
			text += line;
		const auto result = parse_configuration(text, "f");
		EXPECT_FALSE(result.ok()) << line;
		EXPECT_LE(result.diagnostics.size(), 2 * Diagnostics::kept + 2) << line;
	}
}

TEST(Parse, P20_a_terminal_is_never_sent_control_characters_in_a_message)
{
	const std::string said =
		complaints("config system global\nset hostname \"\x1b[2J\"\nset \x1b]0;x 1\n\x1b\nend\n");
	EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

TEST(Parse, a_file_is_loaded_with_its_name_in_the_messages)
{
	const auto result = load_configuration(source_path("tests/vectors/config/member.conf"));
	EXPECT_TRUE(result.ok());
	EXPECT_EQ(result.configuration.global.hostname, "m1");
	EXPECT_EQ(result.diagnostics.at(0).file, source_path("tests/vectors/config/member.conf"));
}

TEST(Parse, P20_what_is_not_a_readable_file_of_bounded_size_is_refused)
{
	EXPECT_EQ(to_text(load_configuration("/nonexistent/systole.conf").diagnostics),
		  "/nonexistent/systole.conf: error: cannot read: No such file or directory\n");
	EXPECT_EQ(to_text(load_configuration("/").diagnostics),
		  "/: error: not a regular file: name the configuration file itself\n");
	EXPECT_EQ(to_text(load_configuration("/dev/zero").diagnostics),
		  "/dev/zero: error: not a regular file: name the configuration file itself\n");
	char path[] = "/tmp/systole-config-test-XXXXXX";
	const int file = mkstemp(path);
	ASSERT_GE(file, 0);
	ASSERT_EQ(ftruncate(file, static_cast<off_t>(max_configuration_bytes) + 1), 0);
	close(file);
	const auto result = load_configuration(path);
	unlink(path);
	EXPECT_EQ(to_text(result.diagnostics),
		  std::string(path) + ": error: larger than 8388608 bytes: this is no configuration file\n");
	EXPECT_FALSE(result.ok());
}

// Seeded, so that a failure can be seen again; the sanitizer builds are where it is worth most.
TEST(Parse, mutated_files_never_crash_it_and_what_it_accepts_can_be_shown_and_read_again)
{
	const std::string sources[] = {read_source("tests/vectors/config/member.conf"),
				       read_source("tests/vectors/config/bad.conf"),
				       read_source("tests/vectors/config/article_ha.conf")};
	std::mt19937 random(20260101);
	const std::string_view pieces[] = {"\n",   "end\n", "next\n", "edit 1\n", "config ",
					   "\"",   "'",     "\\",     "#",        "\xc2\xa0",
					   "set ", "ENC ",  " ",      "0",        "config system ha\n"};
	for (int round = 0; round < 3000; ++round) {
		std::string text = sources[random() % 3];
		for (auto edits = random() % 6 + 1; edits > 0; --edits) {
			const std::size_t at = random() % text.size();
			switch (random() % 4) {
			case 0: text.erase(at, random() % 20); break;
			case 1: text.insert(at, pieces[random() % std::size(pieces)]); break;
			case 2: text[at] = static_cast<char>(random() % 128); break;
			default: text.insert(at, text.substr(random() % text.size(), random() % 200)); break;
			}
			if (text.empty())
				text = "end\n";
		}
		const auto result = parse_configuration(text, "f");
		ASSERT_LE(result.diagnostics.size(), 2 * Diagnostics::kept + 2);
		if (!result.ok())
			continue;
		std::string again = *show_configuration(result.configuration);
		if (!result.configuration.ha.password.empty())
			again = replaced(again, "ENC *", "\"x\"");
		const auto second = parse_configuration(again, "again");
		ASSERT_TRUE(second.ok()) << "round " << round << "\n" << to_text(second.diagnostics) << again;
	}
}

} // namespace

} // namespace systole::control::config
