// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What only the whole file can show, and what single values must look like beyond a range.
#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

namespace systole::control::config {

namespace {

constexpr std::string_view good_ha = "set password \"correct horse battery\"\nset hbdev \"hb0\" 50\n";

std::string ha(const std::string &inside)
{
	return "config system ha\n" + inside + "end\n";
}

TEST(Whole, a_cluster_needs_heartbeat_ports_and_a_password)
{
	EXPECT_EQ(complaints(ha("set mode a-p\n")), "f:1:1: error: set hbdev is missing: a cluster needs at least one "
						    "heartbeat port, as in set hbdev \"hb0\" 50\n"
						    "f:1:1: error: set password is missing: write the secret that all "
						    "members share, 12 characters or more\n");
	EXPECT_EQ(complaints(ha("set mode standalone\n")), "");
}

TEST(Whole, a_value_with_an_error_is_not_called_missing_too)
{
	EXPECT_EQ(complaints(ha("set mode a-p\nset password \"\"\nset hbdev hb0\n")),
		  "f:3:14: error: password is empty: write set password \"...\" with at least 12 characters\n"
		  "f:4:11: error: hbdev: the priority of \"hb0\" is missing: write NAME PRIORITY pairs, as in set "
		  "hbdev \"hb0\" 50\n");
}

TEST(Whole, active_active_is_accepted_as_active_passive)
{
	EXPECT_EQ(complaints(ha("set mode a-a\n" + std::string(good_ha))),
		  "f:2:10: warning: mode a-a is accepted and works as a-p: the secondary carries no traffic\n");
}

TEST(Whole, encryption_needs_authentication)
{
	EXPECT_EQ(complaints(in_cluster("set authentication disable")),
		  "f:5:20: error: encryption without authentication protects nothing: set authentication enable, "
		  "or also set encryption disable (encryption is enabled by default)\n");
	EXPECT_EQ(complaints(in_cluster("set encryption enable\nset authentication disable")),
		  "f:5:16: error: encryption without authentication protects nothing: set authentication enable, or "
		  "also set encryption disable\n");
	EXPECT_EQ(complaints(in_cluster("set authentication disable\nset encryption disable")), "");
	EXPECT_EQ(complaints(in_cluster("set encryption disable")), "");
}

TEST(Whole, suites_of_the_vendor_are_left_out_but_one_of_ours_must_remain)
{
	EXPECT_EQ(complaints(in_cluster("set ipsec-phase2-proposal aes256-sha512 aes128gcm chacha20poly1305")),
		  "f:5:27: warning: not supported here and left out: aes256-sha512, chacha20poly1305\n");
	EXPECT_EQ(complaints(in_cluster("set ipsec-phase2-proposal aes256gcm")),
		  "f:5:27: error: none of aes256gcm is supported here: add aes128-sha1 or aes128gcm\n");
	EXPECT_NE(complaints(in_cluster("set ipsec-phase2-proposal des"))
			  .find("f:5:27: error: ipsec-phase2-proposal: \"des\" is not known here"),
		  std::string::npos);
}

TEST(Whole, a_monitored_heartbeat_port_is_a_warning_with_its_reason)
{
	const std::string said = complaints(in_cluster("set monitor \"port1\" \"hb0\""));
	EXPECT_EQ(said.find("f:5:21: warning: \"hb0\" is a heartbeat port and monitored too"), 0U) << said;
	EXPECT_NE(said.find("resets the age of the primary"), std::string::npos) << said;
}

TEST(Whole, passwords_are_judged_by_their_length_and_never_repeated)
{
	const auto said = [](const std::string &password) {
		return complaints("config system ha\nset mode a-p\nset hbdev hb0 1\nset password " + password +
				  "\nend\n");
	};
	EXPECT_EQ(said("\"eleven char\""),
		  "f:4:14: warning: password has only 11 characters: it can be guessed on the wire; use 12 or more\n");
	EXPECT_EQ(said("\"twelve chars\""), "");
	EXPECT_EQ(said("\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\""),
		  "f:4:14: warning: password has only 11 characters: it can be guessed on the wire; use 12 or more\n");
	EXPECT_EQ(said("\"" + std::string(128, 'p') + "\""), "");
	EXPECT_EQ(said("\"" + std::string(129, 'p') + "\""),
		  "f:4:14: error: password is too long: at most 128 bytes\n");
	EXPECT_EQ(said("ENC *"), "f:4:14: error: password ENC * is what show prints in place of the real one: "
				 "write set password \"...\" with the password in clear\n");
	EXPECT_EQ(said(std::string("\"twelve\0chars\"", 14)),
		  "f:4:21: error: control character in a value: remove it\n");
	for (const char *wrong : {"hunter2 hunter2", "\"hunter2", "ENC hunter2", "\"hunter2\"x"})
		EXPECT_EQ(said(wrong).find("hunter2"), std::string::npos) << wrong;
	EXPECT_EQ(complaints("config system ha\nset pasword hunter2\nset key hunter2\nend\n").find("hunter2"),
		  std::string::npos);
}

TEST(Whole, group_id_is_0_to_7_with_more_than_two_virtual_clusters)
{
	const auto with = [](const std::string &id, int vclusters) {
		std::string text = "set group-id " + id + "\nconfig vcluster\n";
		for (int i = 1; i <= vclusters; ++i)
			text += "edit " + std::to_string(i) + "\nnext\n";
		return parse_configuration(in_cluster(text + "end"), "f");
	};
	EXPECT_TRUE(with("8", 2).ok());
	EXPECT_TRUE(with("7", 3).ok());
	const auto result = with("8", 3);
	ASSERT_FALSE(result.ok());
	EXPECT_EQ(to_text(result.diagnostics[0]), "f:5:14: error: group-id 8 is out of range: with more than two "
						  "virtual clusters write a number from 0 to 7");
}

TEST(Whole, ether_types_must_differ_and_leave_others_alone)
{
	EXPECT_EQ(complaints(in_cluster("set ha-eth-type 8893")),
		  "f:5:17: error: ha-eth-type and l2ep-eth-type are alike: give each a value of its own\n");
	EXPECT_EQ(complaints(in_cluster("set ha-eth-type 8892")),
		  "f:5:17: error: ha-eth-type 8892 is taken by session synchronisation: choose another\n");
	for (const char *word : {"0800", "86dd", "05dc", "889", "88900", "88g0", "0x88"})
		EXPECT_FALSE(parse_configuration(in_cluster(std::string("set ha-eth-type ") + word), "f").ok()) << word;
	EXPECT_EQ(parse_configuration(in_cluster("set ha-eth-type 88B5"), "f").configuration.ha.ha_eth_type, 0x88b5);
}

TEST(Whole, a_reserved_management_interface_is_no_heartbeat_port)
{
	EXPECT_EQ(complaints(in_cluster("config ha-mgmt-interfaces\nedit 1\nset interface hb0\nnext\nend")),
		  "f:7:15: error: \"hb0\" is a heartbeat port: it cannot be a management interface too\n");
}

TEST(Whole, entries_lack_nothing_mandatory)
{
	EXPECT_EQ(complaints(in_cluster("config ha-mgmt-interfaces\nedit 1\nnext\nend")),
		  "f:6:1: error: set interface is missing in this entry of config ha-mgmt-interfaces\n");
	EXPECT_EQ(complaints("config system interface\nedit p\nconfig secondaryip\nedit 1\nnext\nend\nnext\nend\n"),
		  "f:4:1: error: set ip is missing in this entry of config secondaryip\n");
	EXPECT_EQ(complaints("config system link-monitor\nedit l\nnext\nend\n"),
		  "f:2:1: error: set server is missing in link monitor \"l\": write what is to be probed\n");
	EXPECT_EQ(complaints("config system link-monitor\nedit l\nset server-config individual\nnext\nend\n"),
		  "f:2:1: error: server-config individual, but config server-list is missing in link monitor \"l\"\n");
}

TEST(Whole, link_groups_that_are_monitored_exist)
{
	const std::string group = "config link-group\nedit g\nset member a\nnext\nend\n";
	EXPECT_TRUE(parse_configuration(in_cluster(group + "set link-group-monitor g"), "f").ok());
	EXPECT_FALSE(parse_configuration(in_cluster(group + "set link-group-monitor g h"), "f").ok());
	EXPECT_FALSE(parse_configuration(
			     in_cluster(group + "config vcluster\nedit 1\nset link-group-monitor h\nnext\nend"), "f")
			     .ok());
}

TEST(Whole, link_monitors_that_cannot_cause_a_failover_are_warned_about)
{
	const std::string monitor = "config system link-monitor\nedit l\nset srcintf p\nset server 192.0.2.1\nset "
				    "ha-priority 3\nnext\nend\n";
	EXPECT_EQ(complaints(monitor), "") << "a standalone member has no failover";
	EXPECT_EQ(complaints(monitor + in_cluster("")), "f:3:13: warning: link monitor \"l\" cannot cause a failover: "
							"its srcintf is not in pingserver-monitor-interface\n");
	EXPECT_EQ(complaints(monitor +
			     in_cluster("set pingserver-monitor-interface p\nset pingserver-failover-threshold 3")),
		  "");
	EXPECT_EQ(complaints(monitor +
			     in_cluster("set pingserver-monitor-interface p\nset pingserver-failover-threshold 4")),
		  "f:13:35: warning: never reached: the ha-priority of all link monitors together is only 3\n");
}

TEST(Whole, addresses_are_those_of_hosts_and_stand_once)
{
	const auto errors = [](const std::string &ip) {
		return count_errors(
			parse_configuration("config system interface\nedit p\nset ip " + ip + "\nnext\nend\n", "f"));
	};
	for (const char *ip : {"10.0.0.1/24", "10.0.0.1 255.255.255.0", "10.0.0.0/31", "10.0.0.1/32", "0.0.0.0 0.0.0.0",
			       "169.254.0.64/24"})
		EXPECT_EQ(errors(ip), 0U) << ip;
	for (const char *ip : {"10.0.0.0/24", "10.0.0.255/24", "10.0.0.1", "10.0.0.1/33", "10.0.0.1 255.0.255.0",
			       "10.0.0.256/24", "127.0.0.1/8", "224.0.0.1/24", "10.0.0.1 255.255.255.0 x",
			       "010.0.0.1/24", "169.254.0.1/16", "169.254.0.63/16", "10.0.0.1/"})
		EXPECT_EQ(errors(ip), 1U) << ip;
	EXPECT_EQ(complaints("config system interface\nedit p\nset ip 10.0.0.1/24\nconfig secondaryip\nedit 1\nset ip "
			     "10.0.0.1/32\nnext\nend\nnext\nend\n"),
		  "f:6:8: error: 10.0.0.1 stands twice (first on line 3): keep one\n");
	EXPECT_EQ(complaints("config system interface\nedit p\nconfig ipv6\nset ip6-address 2001:db8::1/64\nend\nnext\n"
			     "edit q\nconfig ipv6\nset ip6-address 2001:db8:0::1/64\nend\nnext\nend\n"),
		  "f:9:17: error: 2001:db8::1 stands twice (first on line 4): keep one\n");
}

TEST(Whole, options_that_need_another_are_warned_about)
{
	EXPECT_EQ(complaints(in_cluster("set session-pickup-delay enable")),
		  "f:5:26: warning: session-pickup-delay does nothing while session-pickup is disable\n");
	EXPECT_EQ(complaints(in_cluster("set control-watchdog 3999")),
		  "f:5:22: warning: control-watchdog is shorter than the dead interval (4000 ms): a short stall would "
		  "silence this member\n");
	EXPECT_EQ(complaints(in_cluster("set control-watchdog 4000")), "");
}

TEST(Whole, a_mistyped_name_is_answered_with_the_nearest_known_one)
{
	EXPECT_NE(complaints(in_cluster("set pririoty 5")).find("did you mean \"priority\"?"), std::string::npos);
	EXPECT_NE(complaints(in_cluster("set hb-lost-treshold 5")).find("did you mean \"hb-lost-threshold\"?"),
		  std::string::npos);
	EXPECT_NE(complaints(in_cluster("set poll-mode bussy")).find("did you mean \"busy\"?"), std::string::npos);
	EXPECT_NE(complaints("confg system ha\n").find("did you mean \"config\"?"), std::string::npos);
	EXPECT_NE(complaints("config sytem ha\nend\n").find("did you mean \"system ha\"?"), std::string::npos);
	EXPECT_EQ(complaints(in_cluster("set qqqqqqqq 5")).find("did you mean"), std::string::npos);
}

} // namespace

} // namespace systole::control::config
