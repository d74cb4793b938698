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

TEST(Whole, C7_encryption_needs_authentication)
{
	EXPECT_EQ(complaints(in_cluster("set authentication disable")),
		  "f:5:20: error: encryption without authentication protects nothing: set authentication enable, "
		  "or also set encryption disable (encryption is enabled by default)\n");
	EXPECT_EQ(complaints(in_cluster("set encryption enable\nset authentication disable")),
		  "f:5:16: error: encryption without authentication protects nothing: set authentication enable, or "
		  "also set encryption disable\n");
	EXPECT_EQ(complaints(in_cluster("set authentication disable\nset encryption disable")),
		  "f:5:20: warning: heartbeats are neither authenticated nor encrypted: whoever reaches the heartbeat "
		  "ports can forge them\n");
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

TEST(Whole, K13_passwords_are_judged_by_their_length_and_never_repeated)
{
	const auto said = [](const std::string &password) {
		return complaints("config system ha\nset mode a-p\nset hbdev hb0 1\nset password " + password +
				  "\nend\n");
	};
	EXPECT_EQ(said("\"\"").find("f:4:14: error: "), 0U);
	EXPECT_EQ(said("\"x\"").find("f:4:14: warning: password has only 1 "), 0U);
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

TEST(Whole, link_monitors_count_for_the_virtual_cluster_that_watches_them)
{
	const std::string monitor = "config system link-monitor\nedit l\nset srcintf p\nset server 192.0.2.1\nset "
				    "ha-priority 3\nnext\nend\n";
	const auto with = [&](const std::string &status, const std::string &entry) {
		return complaints(monitor +
				  in_cluster("set vcluster-status " + status +
					     "\nconfig vcluster\nedit 2\nset vdom v\n" + entry + "\nnext\nend"));
	};
	EXPECT_EQ(with("enable", "set pingserver-monitor-interface p"), "");
	EXPECT_EQ(with("enable", "set pingserver-monitor-interface p\nset pingserver-failover-threshold 3"), "");
	EXPECT_EQ(with("enable", "set pingserver-monitor-interface p\nset pingserver-failover-threshold 4"),
		  "f:17:35: warning: never reached: the ha-priority of all link monitors together is only 3\n");
	EXPECT_EQ(with("enable", "set pingserver-monitor-interface q"),
		  "f:3:13: warning: link monitor \"l\" cannot cause a failover: its srcintf is not in "
		  "pingserver-monitor-interface\n");
	EXPECT_EQ(with("disable", "set pingserver-monitor-interface p"),
		  "f:3:13: warning: link monitor \"l\" cannot cause a failover: its srcintf is not in "
		  "pingserver-monitor-interface\n"
		  "f:14:1: warning: config vcluster does nothing while vcluster-status is disable\n");
}

TEST(Whole, no_more_than_64_link_monitors_count)
{
	const auto with = [](int count) {
		std::string text = "config system link-monitor\n";
		for (int i = 0; i < count; ++i)
			text += "edit m" + std::to_string(i) + "\nset srcintf p\nset server 192.0.2.1\nnext\n";
		return complaints(text + "end\n" + in_cluster("set pingserver-monitor-interface p"));
	};
	EXPECT_EQ(with(64), "");
	EXPECT_EQ(with(65), "f:258:1: error: too many link monitors count in the election: at most 64; take interfaces "
			    "out of pingserver-monitor-interface, or set status disable here\n");
}

TEST(Whole, virtual_clusters_monitor_no_more_than_64_interfaces_in_all)
{
	const auto with = [](int first, int second) {
		std::string text = "set vcluster-status enable\nset monitor";
		for (int i = 0; i < first; ++i)
			text += " p" + std::to_string(i);
		text += "\nconfig vcluster\nedit 2\nset vdom v\nset monitor p0";
		for (int i = 0; i < second; ++i)
			text += " q" + std::to_string(i);
		return complaints(in_cluster(text + "\nnext\nend"));
	};
	EXPECT_EQ(with(40, 24), "") << "p0 is counted once";
	EXPECT_EQ(with(40, 25), "f:10:5: error: the virtual clusters monitor 65 interfaces: at most 64 in all\n");
}

TEST(Whole, virtual_clusters_are_told_what_does_nothing)
{
	EXPECT_EQ(complaints(in_cluster("config vcluster\nedit 2\nnext\nend")),
		  "f:6:1: warning: config vcluster does nothing while vcluster-status is disable\n");
	EXPECT_EQ(complaints(in_cluster("set vcluster-status enable")), "");
	EXPECT_EQ(
		complaints(in_cluster("set vcluster-status enable\nconfig vcluster\nedit 1\nnext\nedit 2\nnext\nend")),
		"f:9:1: warning: virtual cluster 2 has no vdom: no address follows its primary; write set vdom "
		"\"NAME\" here and in config system interface\n");
	EXPECT_EQ(
		complaints(in_cluster("set monitor a\nset priority 9\nset vcluster-status enable\nconfig vcluster\n"
				      "edit 1\nset priority 7\nnext\nend")),
		"f:5:5: warning: priority, monitor do nothing here: virtual cluster 1 has an entry in config vcluster "
		"(line 9), which alone counts\n");
	EXPECT_EQ(
		complaints(in_cluster("set override enable\nset vcluster-status enable\nconfig vcluster\nedit 1\nnext\n"
				      "end")),
		"f:5:5: warning: override does nothing here: virtual cluster 1 has an entry in config vcluster "
		"(line 8), which alone counts\n");
	EXPECT_EQ(complaints(in_cluster("set vcluster-status enable\nconfig vcluster\nedit 2\nset vdom v\nset monitor "
					"hb0\nnext\nend"))
			  .find("f:9:13: warning: \"hb0\" is a heartbeat port and monitored too"),
		  0U);
}

TEST(Whole, a_vdom_belongs_to_one_virtual_cluster)
{
	EXPECT_EQ(complaints(in_cluster("set vcluster-status enable\nconfig vcluster\nedit 1\nset vdom a b\nnext\n"
					"edit 2\nset vdom c b\nnext\nend")),
		  "f:11:12: error: vdom \"b\" stands twice (first on line 8): it belongs to one virtual cluster\n");
}

TEST(Whole, isolation_by_a_witness_needs_one)
{
	EXPECT_EQ(complaints(in_cluster("set isolation witness")),
		  "f:5:15: error: isolation witness needs a witness: write the members of an etcd cluster, as in set "
		  "witness-endpoint \"http://10.0.0.5:2379\"\n");
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset isolation-proof lease")),
		  "f:6:21: error: isolation-proof lease needs a witness: write the members of an etcd cluster, as in "
		  "set witness-endpoint \"http://10.0.0.5:2379\"\n");
	const std::string endpoint = "\nset witness-endpoint \"http://10.0.0.5:2379\" \"https://[fd00::5]:2379\"";
	EXPECT_EQ(complaints(in_cluster("set isolation witness" + endpoint)), "");
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset isolation-proof lease" + endpoint)), "");
	EXPECT_EQ(complaints("config system ha\nset isolation witness\nend\n"), "")
		<< "a standalone member has no peers";
}

TEST(Whole, endpoints_of_the_witness_are_urls_with_an_address)
{
	const auto said = [](const std::string &urls) {
		return complaints(in_cluster("set isolation witness\nset witness-endpoint " + urls));
	};
	EXPECT_EQ(said("http://10.0.0.5 https://10.0.0.6:1"), "");
	EXPECT_EQ(said("http://10.0.0.5:2379 http://10.0.0.5:2379"),
		  "f:6:43: error: witness-endpoint: \"http://10.0.0.5:2379\" stands twice: keep one\n");
	EXPECT_EQ(said("http://10.0.0.5:2379 http://etcd.example:2379").find("f:6:43: error: witness-endpoint: "), 0U);
	for (const char *url :
	     {"10.0.0.5:2379", "ftp://10.0.0.5:2379", "http://", "http://fd00::5:2379", "http://[fd00::5:2379",
	      "http://10.0.0.5:0", "http://10.0.0.5:65536", "http://10.0.0.5:2379/x", "\"http://10.0.0.5:2379 \""})
		EXPECT_EQ(said(url).find("f:6:22: error: witness-endpoint: "), 0U) << url << "\n" << said(url);
	EXPECT_EQ(said("http://[fd00::" + std::string(250, '5') + "]").find("is 265 bytes long: at most 255") !=
			  std::string::npos,
		  true);
}

TEST(Whole, what_isolation_does_not_use_is_warned_about)
{
	EXPECT_EQ(complaints(in_cluster("set isolation-proof lease")),
		  "f:5:21: warning: isolation-proof does nothing while isolation is fgcp: it belongs to isolation "
		  "demote\n");
	EXPECT_EQ(complaints(in_cluster("set witness-ttl 5\nset witness-endpoint \"http://10.0.0.5:2379\"")),
		  "f:5:5: warning: witness-endpoint, witness-ttl do nothing while isolation is fgcp\n");
	EXPECT_EQ(
		complaints(in_cluster("set isolation demote\nset monitor a\nset witness-fallback act")),
		"f:7:5: warning: witness-fallback does nothing while isolation is demote with isolation-proof links\n");
	EXPECT_EQ(
		complaints(in_cluster("set isolation demote\nset isolation-proof lease\nset witness-fallback act\n"
				      "set witness-endpoint \"http://10.0.0.5:2379\"")),
		"f:7:22: warning: witness-fallback act does nothing with isolation-proof lease: a primary that nobody "
		"hears and that has no lease stops\n");
	const std::string witness = "set isolation witness\nset witness-endpoint \"https://10.0.0.5:2379\"\n";
	EXPECT_EQ(complaints(in_cluster(witness + "set witness-key /k\nset witness-certificate /c")), "");
	EXPECT_EQ(complaints(in_cluster(witness + "set witness-key /k")),
		  "f:7:17: error: witness-key without witness-certificate: set both or none\n");
	EXPECT_EQ(complaints(in_cluster(witness + "set witness-certificate /c")),
		  "f:7:25: error: witness-certificate without witness-key: set both or none\n");
}

TEST(Whole, a_primary_without_proof_of_life_cannot_lose_it)
{
	const std::string cure = "has no proof of life to lose: isolation demote does nothing; set monitor, or "
				 "pingserver-monitor-interface and a link monitor, or isolation-proof lease\n";
	EXPECT_EQ(complaints(in_cluster("set isolation demote")), "f:5:15: warning: a primary " + cure);
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset pingserver-monitor-interface p")),
		  "f:5:15: warning: a primary " + cure);
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset monitor a")), "");
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset pingserver-monitor-interface p") +
			     "config system link-monitor\nedit l\nset srcintf p\nset server 192.0.2.1\nnext\nend\n"),
		  "");
	EXPECT_EQ(
		complaints(
			in_cluster("set isolation demote\nset pingserver-monitor-interface p") +
			"config system link-monitor\nedit l\nset srcintf p\nset server 192.0.2.1\nset status disable\n"
			"next\nend\n"),
		"f:5:15: warning: a primary " + cure);
	EXPECT_EQ(complaints(in_cluster("set isolation demote\nset monitor a\nset vcluster-status enable\n"
					"config vcluster\nedit 2\nset vdom v\nnext\nend")),
		  "f:5:15: warning: the primary of virtual cluster 2 " + cure);
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
	EXPECT_EQ(complaints(in_cluster("set session-pickup-expectation enable")),
		  "f:5:32: warning: session-pickup-expectation does nothing while session-pickup is disable\n");
	EXPECT_EQ(complaints(in_cluster("set session-pickup enable\nset session-pickup-expectation enable")), "");
	EXPECT_EQ(
		complaints(in_cluster("set session-pickup enable\nset session-pickup-expectation enable\nset "
				      "session-source shared-memory")),
		"f:6:32: warning: session-pickup-expectation does nothing while session-source is shared-memory: only "
		"the kernel has helpers\n");
	EXPECT_EQ(complaints(in_cluster("set control-watchdog 3999")),
		  "f:5:22: warning: control-watchdog is shorter than the dead interval (4000 ms): a short stall would "
		  "silence this member\n");
	EXPECT_EQ(complaints(in_cluster("set control-watchdog 4000")), "");
	EXPECT_EQ(complaints(in_cluster("set override-wait-time 9")),
		  "f:5:24: warning: override-wait-time does nothing while override is disable\n");
	EXPECT_EQ(complaints(in_cluster("set override-wait-time 9\nset override enable")), "");
	EXPECT_EQ(complaints(in_cluster("set vcluster-status enable\nconfig vcluster\nedit 2\nset vdom v\n"
					"set override-wait-time 9\nnext\nend")),
		  "f:9:24: warning: override-wait-time does nothing while override is disable\n");
	EXPECT_EQ(complaints(in_cluster("set failover-hold-time 9")), "");
}

TEST(Whole, sessions_are_synchronised_over_heartbeat_ports)
{
	const std::string on = "set session-pickup enable\n";
	const std::string cure =
		" is no heartbeat port, and sessions go over heartbeat ports: add it to hbdev too, with "
		"priority 0 if it is to be the last choice for the rest\n";
	EXPECT_EQ(complaints(in_cluster(on + "set session-sync-dev hb0")), "");
	EXPECT_EQ(complaints(in_cluster(on + "set session-sync-dev hb0 port5 port6")),
		  "f:6:26: error: \"port5\"" + cure + "f:6:32: error: \"port6\"" + cure);
	EXPECT_EQ(complaints(replaced(in_cluster(on + "set session-sync-dev port5"), "\"hb0\" 50",
				      "\"hb0\" 50 \"port5\" 0")),
		  "");
	EXPECT_EQ(complaints(ha(on + "set session-sync-dev port5\n")), "") << "a standalone member has no peers";
	EXPECT_EQ(complaints(in_cluster("set session-sync-dev port5")),
		  "f:5:22: warning: session-sync-dev does nothing while session-pickup is disable\n");
	EXPECT_EQ(count_errors(parse_configuration(in_cluster("set session-sync-dev 1 2 3 4 5 6 7 8 9"), "f")), 1U);
}

std::string with_filters(const std::string &filters, const std::string &connectionless = "enable")
{
	return complaints("config system ha\nset session-pickup enable\nset session-pickup-connectionless " +
			  connectionless + "\nend\nconfig system session-filter\n" + filters + "end\n");
}

TEST(Whole, session_filters_that_match_nothing_are_told)
{
	EXPECT_EQ(with_filters("edit f\nset protocol 47\nset port 80\nnext\n"),
		  "f:8:10: error: protocol 47 has no ports here: unset port, or set protocol tcp, udp or any\n");
	EXPECT_EQ(with_filters("edit f\nset protocol icmp\nset address 2001:db8::/32\nnext\n"),
		  "f:7:14: error: protocol icmp and an address of IPv6 match nothing: set protocol icmp6\n");
	EXPECT_EQ(with_filters("edit f\nset address 10.0.0.0/8\nset protocol 58\nnext\n"),
		  "f:8:14: error: protocol icmp6 and an address of IPv4 match nothing: set protocol icmp\n");
	EXPECT_EQ(with_filters("edit f\nset protocol icmp6\nset address 2001:db8::/32\nnext\n"
			       "edit g\nset protocol icmp\nset address 10.0.0.0/8\nnext\n"
			       "edit h\nset port 80\nnext\n"),
		  "");
	EXPECT_EQ(with_filters("edit f\nset protocol 132\nnext\nedit g\nset protocol 33\nnext\n"),
		  "f:7:14: warning: protocol 132 (SCTP and DCCP) is never synchronised: this entry does nothing\n"
		  "f:10:14: warning: protocol 33 (SCTP and DCCP) is never synchronised: this entry does nothing\n");
	EXPECT_EQ(with_filters("edit f\nset protocol udp\nnext\nedit g\nset protocol tcp\nnext\n", "disable"),
		  "f:7:14: warning: protocol udp is not synchronised while session-pickup-connectionless is disable: "
		  "this entry does nothing\n");
}

TEST(Whole, session_filters_after_one_that_matches_everything_are_told)
{
	EXPECT_EQ(
		with_filters("edit f\nset port 80\nnext\nedit all\nset action skip\nnext\nedit g\nset port 81\nnext\n"),
		"f:12:1: warning: session filter \"g\" is never asked: the one on line 9 matches everything\n");
	EXPECT_EQ(with_filters("edit f\nset port 0\nnext\nedit g\nset port 81\nnext\n").find("never asked"),
		  std::string::npos)
		<< "a value that is wrong matches nothing";
}

TEST(Whole, session_filters_need_session_pickup_and_a_name_each)
{
	EXPECT_EQ(complaints("config system session-filter\nedit f\nset protocol udp\nnext\nedit g\nset protocol tcp\n"
			     "next\nend\n"),
		  "f:2:1: warning: config system session-filter does nothing while session-pickup is disable\n");
	EXPECT_EQ(with_filters("edit f\nset port 80\nnext\nedit f\nset port 81\nnext\n"),
		  "f:9:6: error: edit \"f\" stands twice in config system session-filter (first on line 6): join the "
		  "two\n");
	EXPECT_EQ(with_filters("edit " + std::string(35, 'n') + "\nset port 80\nnext\n"), "");
	EXPECT_EQ(with_filters("edit " + std::string(36, 'n') + "\nset port 80\nnext\n"),
		  "f:6:6: error: name of config system session-filter: \"" + std::string(36, 'n') +
			  "\" is 36 bytes long: at most 35\n");
	EXPECT_EQ(with_filters("set port 80\n"),
		  "f:6:1: error: set cannot stand in config system session-filter: write "
		  "edit NAME first\n");
	EXPECT_EQ(with_filters("edit f\nset action drop\nset adress 10.0.0.0/8\nset port\nnext\n"),
		  "f:7:12: error: action: \"drop\" is not known here: write sync | skip\n"
		  "f:8:5: error: unknown option \"adress\" in config system session-filter: did you mean \"address\"?\n"
		  "f:9:5: error: port has no value: write FIRST or FIRST-LAST, 1-65535, or unset port\n");
}

TEST(Whole, the_test_scale_is_never_silent)
{
	EXPECT_EQ(complaints(in_cluster("set test-timer-scale 2")),
		  "f:5:22: warning: for tests only: flip timeouts last 1/2 of what they say; take it out of a cluster "
		  "that works\n");
	EXPECT_EQ(complaints(in_cluster("set test-timer-scale 1")), "");
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
