// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/commands.h"
#include "control/api/poll_core.h"
#include "control/api/status.h"
#include "control/cli/render.h"
#include "control/json_line.h"
#include "tests/unit/api/fake_backend.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <cstdlib>
#include <ctime>
#include <set>

namespace systole::control::test {
namespace {

using boost::json::array;
using boost::json::object;

class Status : public testing::Test {
protected:
	void SetUp() override
	{
		setenv("TZ", "UTC", 1);
		tzset();
	}
	static std::set<std::string> causes(const object &status)
	{
		std::set<std::string> found;
		for (const auto &reason : status.at("health_reasons").as_array())
			found.emplace(reason.as_object().at("cause").as_string());
		return found;
	}
	FakeBackend backend;
};

TEST_F(Status, has_every_key_that_programs_rely_on)
{
	backend.join_primary(seconds{900});
	const object status = ha_status(backend);
	for (const char *key : {"version", "hostname", "serial", "mode", "group", "health", "override", "protection",
				"timing", "members", "vclusters", "counters"})
		EXPECT_TRUE(status.contains(key)) << key;
	EXPECT_EQ(json_line(status.at("group")), R"({"id":103,"name":"remote-mon"})");
	EXPECT_EQ(json_line(status.at("protection")),
		  R"({"authentication":true,"encryption":true,"suite":"aes128-gcm"})");
	EXPECT_EQ(json_line(status.at("timing")),
		  R"({"interval_ms":200,"lost_threshold":20,"dead_ms":4000,"poll_mode":"adaptive"})");
	for (const auto &member : status.at("members").as_array())
		for (const char *key :
		     {"serial", "hostname", "local", "role", "state", "ha_ip_idx", "priority", "age_s", "links"})
			EXPECT_TRUE(member.as_object().contains(key)) << key;
	for (const char *key : {"id", "primary", "state", "epoch", "since_unix", "reason"})
		EXPECT_TRUE(status.at("vclusters").as_array().at(0).as_object().contains(key)) << key;
	for (const char *key : {"failovers", "late_us_max", "drops"})
		EXPECT_TRUE(status.at("counters").as_object().contains(key)) << key;
	const object &drops = status.at("counters").as_object().at("drops").as_object();
	for (const std::string_view name : drop_names)
		EXPECT_TRUE(drops.contains(name)) << name;
	EXPECT_TRUE(drops.contains("esp_replay"));
}

TEST_F(Status, a_secondary_sees_its_primary_and_the_link_to_it)
{
	backend.join_primary(seconds{900});
	LinkCounters &link = backend.worker.peers[backend.slot()][0];
	link.rx = 100;
	link.lost = 3;
	link.rtt_us = 50;
	link.peer_late_us = 700;
	link.longest_gap_us = 11200;
	backend.now += milliseconds{4};
	const object status = ha_status(backend);
	EXPECT_EQ(status.at("health"), "OK") << json_line(status.at("health_reasons"));
	const object &local = status.at("members").as_array().at(0).as_object();
	EXPECT_EQ(local.at("serial"), self_serial.c_str());
	EXPECT_EQ(local.at("role"), "secondary");
	EXPECT_EQ(local.at("state"), "standby");
	EXPECT_EQ(local.at("ha_ip_idx"), 0);
	const object &peer = status.at("members").as_array().at(1).as_object();
	EXPECT_EQ(peer.at("role"), "primary");
	EXPECT_EQ(peer.at("hostname"), "m2");
	EXPECT_EQ(
		json_line(peer.at("links")),
		R"([{"name":"port5","state":"up","last_rx_us":4000,"rx":100,"lost":3,"rtt_us":50,"late_us":700,"longest_gap_us":11200}])");
	EXPECT_NEAR(peer.at("age_s").as_double(), 900.004, 1e-6);
	const object &vcluster = status.at("vclusters").as_array().at(0).as_object();
	EXPECT_EQ(vcluster.at("primary"), peer_serial.c_str());
	EXPECT_EQ(vcluster.at("state"), "standby");
	EXPECT_EQ(vcluster.at("primary_ip"), "169.254.0.2");
}

TEST_F(Status, a_lost_member_stays_in_the_list_and_makes_health_an_error)
{
	backend.join_primary(seconds{900});
	backend.now += seconds{5};
	backend.link(0, core::LinkHealth::down);
	ASSERT_TRUE(backend.node().primary());
	const object status = ha_status(backend);
	EXPECT_EQ(status.at("health"), "ERROR");
	EXPECT_EQ(causes(status), std::set<std::string>{"member-lost"});
	const object &peer = status.at("members").as_array().at(1).as_object();
	EXPECT_EQ(peer.at("state"), "lost");
	EXPECT_EQ(peer.at("last_state"), "work");
	EXPECT_EQ(peer.at("role"), "secondary");
	EXPECT_EQ(status.at("counters").as_object().at("failovers").to_number<int>(), 1);
	EXPECT_EQ(status.at("vclusters").as_array().at(0).as_object().at("reason"),
		  "it's the only member in the cluster");
	const std::string text = cli::render_status(status);
	EXPECT_EQ(text.substr(0, text.find("Model")),
		  "HA Health Status: \n    ERROR " + peer_serial + " is lost @ 2025/11/21 21:36:45\n");
}

TEST_F(Status, warnings_name_what_needs_a_look)
{
	Configuration two = seed_configuration();
	two.ha.hbdev = {{"hb0", 50}, {"hb1", 40}};
	FakeBackend pair(two);
	pair.join_primary(seconds{900});
	pair.extra["readiness"] = array{"port1 is missing"};
	pair.link(1, core::LinkHealth::one_way);
	pair.step(core::MonitorChanged{0, false});
	pair.step(core::CarrierChanged{1, false});
	pair.step(core::SetFailover{true});
	pair.words.config_checksum[0] = 1;
	pair.words.vclusters[0].override_enabled = true;
	pair.beat();
	const object status = ha_status(pair);
	EXPECT_EQ(status.at("health"), "WARNING");
	EXPECT_EQ(causes(status), (std::set<std::string>{"mondev-down", "failover-flag", "out-of-sync", "hbdev-down",
							 "link-one-way", "override", "not-ready"}));
	pair.link(1, core::LinkHealth::down);
	EXPECT_TRUE(causes(ha_status(pair)).contains("link-down"));
	EXPECT_NE(cli::render_status(status).find("    WARNING: " + self_serial + " has mondev down;\n"),
		  std::string::npos);
}

TEST_F(Status, two_primaries_are_an_error)
{
	backend.start();
	backend.pass(seconds{20});
	ASSERT_TRUE(backend.node().primary());
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::work, seconds{1});
	ASSERT_TRUE(backend.node().primary()) << "the higher serial keeps the role, the other has to yield";
	EXPECT_TRUE(causes(ha_status(backend)).contains("two-primaries"));
}

TEST_F(Status, what_the_daemon_adds_cannot_replace_a_key)
{
	backend.start();
	backend.extra["serial"] = "another";
	backend.extra["dataplane"] = "one worker";
	const object status = ha_status(backend);
	EXPECT_EQ(status.at("serial"), self_serial.c_str());
	EXPECT_EQ(status.at("dataplane"), "one worker");
}

TEST_F(Status, the_text_counts_expectations_where_they_are_picked_up)
{
	backend.start();
	object status = ha_status(backend);
	const auto line = [&](bool enabled, bool expectation) {
		status["session_pickup"] = object{{"enabled", enabled},
						  {"expectation", expectation},
						  {"expectations", 3},
						  {"expectations_left_out", 1}};
		return cli::render_status(status).find(
			       "\nses_pickup_expectation: enable, expectations=3, left_out=1\n") != std::string::npos;
	};
	EXPECT_TRUE(line(true, true));
	EXPECT_FALSE(line(true, false));
	EXPECT_FALSE(line(false, true));
}

TEST_F(Status, the_classic_text_has_the_classic_lines)
{
	backend.start();
	backend.pass(seconds{20});
	backend.worker.ports[0].rx_bytes = 19221786;
	backend.worker.ports[0].rx_packets = 55342;
	backend.extra["interfaces"] = object{{"port5", object{{"speed", "1000auto"}}}};
	backend.extra["usage"] = object{{"sessions", 2}, {"cpu_idle", 98}, {"memory", 70}};
	backend.now += seconds{7206};
	const std::string zeros = "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00";
	EXPECT_EQ(cli::render_status(ha_status(backend)),
		  "HA Health Status: OK\n"
		  "Model: Systole 9.9.9\n"
		  "Mode: HA A-P\n"
		  "Group Name: remote-mon\n"
		  "Group ID: 103\n"
		  "Debug: 0\n"
		  "Cluster Uptime: 0 days 2:0:26\n"
		  "Cluster state change time: 2025-11-21 21:37:00\n"
		  "Primary selected using:\n"
		  "    <2025/11/21 21:37:00> FGVM02TM23001318 is selected as the primary because it's the only member "
		  "in the cluster.\n"
		  "ses_pickup: disable\n"
		  "upgrade_mode: unset\n"
		  "override: disable\n"
		  "isolation: fgcp, dual primary unbounded\n"
		  "Configuration Status:\n"
		  "    FGVM02TM23001318(updated 0 seconds ago): in-sync\n"
		  "    FGVM02TM23001318 chksum dump: " +
			  zeros +
			  "\n"
			  "System Usage stats:\n"
			  "    FGVM02TM23001318(updated 0 seconds ago):\n"
			  "        sessions=2, average-cpu-user/nice/system/idle=0%/0%/0%/98%, memory=70%\n"
			  "HBDEV stats:\n"
			  "    FGVM02TM23001318(updated 0 seconds ago):\n"
			  "        port5: physical/1000auto, up, rx-bytes/packets/dropped/errors=19221786/55342/0/0, "
			  "tx=0/0/0/0\n"
			  "MONDEV stats:\n"
			  "    FGVM02TM23001318(updated 0 seconds ago):\n"
			  "        port2: physical/00, up\n"
			  "PINGSVR stats:\n"
			  "    FGVM02TM23001318(updated 0 seconds ago):\n"
			  "        ha-monitor: alive, interface=port2, server=8.8.8.8, ha-priority=5\n"
			  "Primary     : m1              , FGVM02TM23001318, HA cluster index = 0\n"
			  "number of vcluster: 1\n"
			  "vcluster 1: work 169.254.0.1\n"
			  "Primary: FGVM02TM23001318, HA operating index = 0\n");
}

TEST_F(Status, the_short_diagnosis_has_the_classic_lines)
{
	backend.join_primary(seconds{900});
	backend.worker.ports[0].tx_packets = 7;
	backend.worker.ports[0].tx_bytes = 700;
	backend.worker.ports[0].rx_packets = 3;
	backend.worker.ports[0].rx_bytes = 300;
	EXPECT_EQ(cli::render_diagnosis(ha_diagnosis(backend)),
		  "HA information\n"
		  "Statistics\n"
		  "        traffic.local = s:0 p:7 b:700\n"
		  "        traffic.total = s:0 p:10 b:1000\n"
		  "        activity.ha_id_changes = 0\n"
		  "        activity.fdb  = c:0 q:0\n"
		  "\n"
		  "Model=0, Mode=2 Group=103 Debug=0\n"
		  "nvcluster=1, ses_pickup=0, delay=0, load_balance=0, schedule=3, ldb_udp=0, upgrade_mode=0.\n"
		  "\n"
		  "[Debug_Zone HA information]\n"
		  "HA group member information: is_manage_primary=0.\n"
		  "FGVM02TM23001318:    Secondary, serialno_prio=0, usr_priority=130, hostname=m1\n"
		  "FGVM02TM23001313:      Primary, serialno_prio=1, usr_priority=128, hostname=m2\n"
		  "\n"
		  "[Kernel HA information]\n"
		  "vcluster 1, state=standby, primary_ip=169.254.0.2, primary_id=1:\n"
		  "FGVM02TM23001318:    Secondary, ha_prio/o_ha_prio=1/1\n"
		  "FGVM02TM23001313:      Primary, ha_prio/o_ha_prio=0/0\n");
}

TEST_F(Status, poll_tells_how_punctual_the_poll_core_is)
{
	backend.worker.turns = 5000;
	backend.worker.beats = 103;
	backend.worker.longest_gap_us = 11200;
	backend.worker.late_us_max = 640;
	backend.worker.late[0] = 100;
	backend.worker.late[3] = 2;
	backend.worker.late[9] = 1;
	const object reply = poll_status(backend);
	EXPECT_EQ(reply.at("presence"), "present");
	EXPECT_EQ(reply.at("late").as_array().size(), late_class_us.size());
	EXPECT_EQ(cli::render_poll(reply), "Poll mode: adaptive, present\n"
					   "Turns: 5000, longest gap between two: 11.2 ms\n"
					   "Heartbeat rounds: 103, latest against the schedule: 640 us\n"
					   "Silences (away for longer than the dead interval, or control hung): 0\n"
					   "Lateness of rounds:\n"
					   "    below   100 us: 100\n"
					   "    below   200 us: 0\n"
					   "    below   500 us: 0\n"
					   "    below     1 ms: 2\n"
					   "    below     2 ms: 0\n"
					   "    below     5 ms: 0\n"
					   "    below    10 ms: 0\n"
					   "    below    20 ms: 0\n"
					   "    below    50 ms: 0\n"
					   "    from     50 ms: 1\n");
}

TEST_F(Status, commands_reach_the_core_and_wrong_ones_say_why)
{
	backend.start();
	const auto code = [&](std::string_view request) {
		const ApiReply reply = answer(backend, request);
		const auto *error = reply.body.if_contains("error");
		return std::string(error == nullptr ? "" : error->as_object().at("code").as_string().c_str());
	};
	EXPECT_EQ(code("execute ha failover set 1"), "");
	EXPECT_TRUE(backend.node().vcluster().failover_flag);
	EXPECT_EQ(json_line(answer(backend, "execute ha failover status").body), R"({"failover_status":"set"})");
	EXPECT_EQ(code("execute ha failover unset"), "");
	EXPECT_FALSE(backend.node().vcluster().failover_flag);
	EXPECT_EQ(code("execute ha failover set 2"), "bad-argument");
	EXPECT_EQ(code("execute ha failover set 1 2"), "bad-argument");
	EXPECT_EQ(code("diagnose sys ha reset-uptime"), "");
	EXPECT_EQ(backend.node().vcluster().reset_count, 1U);
	EXPECT_EQ(code("diagnose debug app hatalk -1"), "");
	EXPECT_EQ(backend.debug_app + " " + backend.debug_level, "hatalk -1");
	EXPECT_EQ(code("diagnose debug app nonsense 1"), "bad-argument");
	EXPECT_EQ(code("diagnose debug app hatalk"), "bad-argument");
	for (const char *later : {"diagnose sys ha checksum cluster", "execute ha synchronize start",
				  "execute ha manage 1", "diagnose test app harelay 1"})
		EXPECT_EQ(code(later), "not-available") << later;
	EXPECT_EQ(code("get system"), "unknown-command");
	EXPECT_EQ(code(""), "unknown-command");
	EXPECT_EQ(code("get sys ha status"), "unknown-command") << "the socket takes full words only";
}

TEST_F(Status, what_commands_set_lasts_until_the_next_start_and_says_so)
{
	backend.start();
	const auto text = [&](std::string_view request) {
		const ApiReply reply = answer(backend, request);
		const auto *said = reply.body.if_contains("text");
		return said == nullptr ? json_line(reply.body) : std::string(said->as_string());
	};
	EXPECT_EQ(text("execute ha maintenance status"), "maintenance: disable");
	EXPECT_NE(text("execute ha maintenance enable").find("until systoled starts again"), std::string::npos);
	EXPECT_TRUE(backend.node().maintenance());
	EXPECT_EQ(text("execute ha maintenance status"), "maintenance: enable");
	EXPECT_TRUE(causes(ha_status(backend)).contains("maintenance"));
	EXPECT_NE(text("execute ha maintenance disable").find("until systoled starts again"), std::string::npos);
	EXPECT_FALSE(backend.node().maintenance());

	EXPECT_EQ(text("execute ha ssd status"), "ssd: ok (does not count: ssd-failover is disabled)");
	EXPECT_NE(text("execute ha ssd fail").find("does not count in the election"), std::string::npos);
	EXPECT_TRUE(backend.node().ssd_failed());
	EXPECT_EQ(text("execute ha ssd status"), "ssd: failed (does not count: ssd-failover is disabled)");
	EXPECT_FALSE(causes(ha_status(backend)).contains("ssd")) << "ssd-failover is disabled";
	EXPECT_NE(text("execute ha ssd ok"), "");
	EXPECT_FALSE(backend.node().ssd_failed());

	EXPECT_NE(text("execute ha priority 7").find("until systoled starts again"), std::string::npos);
	EXPECT_EQ(backend.node().vcluster().priority, 7);
	EXPECT_EQ(
		text("execute ha priority 256"),
		R"({"error":{"code":"bad-argument","message":"256 is no priority","hint":"a priority is 0 to 255"}})");
	EXPECT_NE(text("execute ha priority").find("takes 1 to 2 argument(s), got 0"), std::string::npos);
	EXPECT_NE(text("execute ha priority 7 2").find("there is no virtual cluster 2"), std::string::npos);
	EXPECT_EQ(backend.node().vcluster().priority, 7);

	EXPECT_NE(text("execute ha override enable").find("until systoled starts again"), std::string::npos);
	EXPECT_TRUE(backend.node().override_in_force());
	EXPECT_EQ(ha_status(backend).at("override"), true);
	EXPECT_NE(text("execute ha override disable 1"), "");
	EXPECT_FALSE(backend.node().override_in_force());
}

TEST_F(Status, a_rekey_is_asked_for_with_the_index_that_is_named_or_without)
{
	backend.start();
	using Indexes = std::vector<std::optional<std::uint8_t>>;
	const auto asked = [&](std::string_view request) {
		backend.rekeyed.clear();
		return answer(backend, request).body;
	};
	EXPECT_EQ(asked("execute ha rekey").at("result"), "ok");
	EXPECT_EQ(backend.rekeyed, Indexes{std::nullopt});
	for (const auto &[word, index] : {std::pair{"0", 0}, {"1", 1}, {"255", 255}}) {
		const object said = asked("execute ha rekey " + std::string(word));
		EXPECT_EQ(said.at("result"), "ok");
		EXPECT_TRUE(said.contains("text"));
		EXPECT_EQ(backend.rekeyed, Indexes{static_cast<std::uint8_t>(index)});
	}
	for (const char *word : {"256", "x", "-1", "+1", "1x", "0x1", "1.0", "99999999999999999999"}) {
		EXPECT_EQ(json_line(asked("execute ha rekey " + std::string(word))),
			  R"({"error":{"code":"bad-argument","message":")" + std::string(word) +
				  R"( is no password-index","hint":"rekey takes nothing, or the index of a password, )"
				  R"(0 to 255"}})");
		EXPECT_TRUE(backend.rekeyed.empty()) << word;
	}
	EXPECT_EQ(asked("execute ha rekey 1 2").at("error").as_object().at("code"), "bad-argument");
	EXPECT_TRUE(backend.rekeyed.empty());
	EXPECT_EQ(asked("execute ha rekey \x1b[2J").at("error").as_object().at("message").as_string().find('\x1b'),
		  std::string::npos);

	backend.no_rekey = "the passwords are being read";
	EXPECT_EQ(json_line(asked("execute ha rekey")),
		  R"({"error":{"code":"busy","message":"the passwords are being read","hint":"execute ha rekey"}})");
}

TEST_F(Status, commands_reach_the_virtual_cluster_they_name_or_all_of_them)
{
	FakeBackend pair(two_vclusters());
	pair.start();
	const auto flags = [&] {
		return std::pair(pair.node().vcluster(0).failover_flag, pair.node().vcluster(1).failover_flag);
	};
	const auto status = [&](std::string_view request) {
		return cli::render(cli::View::failover_status, answer(pair, request).body);
	};
	EXPECT_EQ(json_line(answer(pair, "execute ha failover set 2").body), R"({"result":"ok"})");
	EXPECT_EQ(flags(), std::pair(false, true));
	EXPECT_EQ(status("execute ha failover status 2"), "failover status: set\n");
	EXPECT_EQ(status("execute ha failover status"),
		  "vcluster-1: failover status: unset\nvcluster-2: failover status: set\n");
	static_cast<void>(answer(pair, "execute ha failover set"));
	EXPECT_EQ(flags(), std::pair(true, true));
	static_cast<void>(answer(pair, "execute ha failover unset 1"));
	EXPECT_EQ(flags(), std::pair(false, true));
	static_cast<void>(answer(pair, "execute ha priority 9 2"));
	static_cast<void>(answer(pair, "execute ha override disable 1"));
	EXPECT_EQ(pair.node().vcluster(0).priority, 200);
	EXPECT_EQ(pair.node().vcluster(1).priority, 9);
	EXPECT_FALSE(pair.node().vcluster(0).override_enabled);
	EXPECT_TRUE(pair.node().vcluster(1).override_enabled);
	EXPECT_EQ(json_line(answer(pair, "execute ha failover set 3").body),
		  R"({"error":{"code":"bad-argument","message":"there is no virtual cluster 3",)"
		  R"("hint":"this member has virtual clusters 1, 2"}})");
}

// Primary of 1, standby in 2.
void split_roles(FakeBackend &pair)
{
	pair.start();
	pair.session_with(peer_serial);
	pair.link(0, core::LinkHealth::up);
	pair.say(core::HaState::work, seconds{900}, 3, [](core::VclusterBeat &words) {
		words.state = words.id == 1 ? core::HaState::standby : core::HaState::work;
		words.priority = words.id == 1 ? 100 : 200;
		words.override_enabled = true;
	});
	pair.pass(seconds{20});
}

TEST_F(Status, every_virtual_cluster_has_its_primary_and_its_roles)
{
	FakeBackend pair(two_vclusters());
	split_roles(pair);
	const object status = ha_status(pair);
	const array &vclusters = status.at("vclusters").as_array();
	ASSERT_EQ(vclusters.size(), 2U);
	EXPECT_EQ(vclusters[0].as_object().at("primary"), self_serial.c_str());
	EXPECT_EQ(vclusters[1].as_object().at("primary"), peer_serial.c_str());
	EXPECT_EQ(vclusters[1].as_object().at("state"), "standby");
	const object &local = status.at("members").as_array().at(0).as_object();
	EXPECT_EQ(local.at("role"), "primary") << "of the first one";
	EXPECT_EQ(local.at("vclusters").as_array().at(0).as_object().at("role"), "primary");
	EXPECT_EQ(local.at("vclusters").as_array().at(1).as_object().at("role"), "secondary");
	EXPECT_EQ(local.at("vclusters").as_array().at(1).as_object().at("priority"), 100);
	const object &peer = status.at("members").as_array().at(1).as_object();
	EXPECT_EQ(peer.at("priority"), 100);
	EXPECT_EQ(peer.at("vclusters").as_array().at(1).as_object().at("priority"), 200);
	EXPECT_EQ(status.at("health"), "OK") << json_line(status.at("health_reasons"));
	const std::string text = cli::render_status(status);
	EXPECT_NE(text.find("PINGSVR stats:\n    FGVM02TM23001318(updated 0 seconds ago):\n        N/A\n"),
		  std::string::npos)
		<< text;
	EXPECT_EQ(text.substr(text.find("number of vcluster")), "number of vcluster: 2\n"
								"vcluster 1: work 169.254.0.1\n"
								"Primary: FGVM02TM23001318, HA operating index = 0\n"
								"Secondary: FGVM02TM23001313, HA operating index = 1\n"
								"vcluster 2: standby 169.254.0.2\n"
								"Secondary: FGVM02TM23001318, HA operating index = 1\n"
								"Primary: FGVM02TM23001313, HA operating index = 0\n");
	const std::string dump = cli::render_dump(answer(pair, "diagnose sys ha dump-by vcluster").body);
	EXPECT_LT(dump.find("'" + self_serial), dump.find("'" + peer_serial)) << "by roles:\n" << dump;
	const std::string second = dump.substr(dump.find("vcluster-2"));
	EXPECT_LT(second.find("'" + peer_serial), second.find("'" + self_serial)) << dump;
	const std::string diagnosis = cli::render_diagnosis(ha_diagnosis(pair));
	EXPECT_NE(diagnosis.find("nvcluster=2, "), std::string::npos);
	EXPECT_EQ(diagnosis.substr(diagnosis.find("[Kernel")),
		  "[Kernel HA information]\n"
		  "vcluster 1, state=work, primary_ip=169.254.0.1, primary_id=0:\n"
		  "FGVM02TM23001318:      Primary, ha_prio/o_ha_prio=0/0\n"
		  "FGVM02TM23001313:    Secondary, ha_prio/o_ha_prio=1/1\n"
		  "vcluster 2, state=standby, primary_ip=169.254.0.2, primary_id=1:\n"
		  "FGVM02TM23001318:    Secondary, ha_prio/o_ha_prio=1/1\n"
		  "FGVM02TM23001313:      Primary, ha_prio/o_ha_prio=0/0\n");
}

TEST_F(Status, two_primaries_of_one_virtual_cluster_are_named_with_it)
{
	FakeBackend pair(two_vclusters());
	split_roles(pair);
	pair.step(core::SetPriority{255, 2});
	pair.say(core::HaState::work, seconds{900}, 3, [](core::VclusterBeat &words) {
		words.state = words.id == 1 ? core::HaState::work : core::HaState::standby;
		words.priority = 100;
	});
	const object status = ha_status(pair);
	ASSERT_TRUE(causes(status).contains("two-primaries")) << json_line(status.at("health_reasons"));
	EXPECT_NE(cli::render_status(status).find("claims to be the primary of vcluster-1, and is not the only one"),
		  std::string::npos);
}

TEST_F(Status, what_a_virtual_cluster_waits_for_is_told)
{
	backend.start();
	backend.pass(seconds{20});
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::standby, seconds{10});
	const auto vcluster = [&] {
		const object status = ha_status(backend);
		return status.at("vclusters").as_array().at(0).as_object();
	};
	EXPECT_EQ(vcluster().at("flip_expire_s"), 0);
	EXPECT_EQ(vcluster().at("hold_s").to_number<double>(), 0);
	EXPECT_EQ(vcluster().at("waiting"), false);
	EXPECT_EQ(vcluster().at("demoted"), false);
	EXPECT_TRUE(vcluster().at("dual_primary_bound_ms").is_null()) << "the vendor's way has no bound";
	EXPECT_FALSE(vcluster().contains("witness"));
	backend.step(core::PingMonitorChanged{0, false});
	backend.say(core::HaState::work, seconds{10});
	EXPECT_EQ(vcluster().at("flip_expire_s"), 360);
	EXPECT_EQ(vcluster().at("ping_failure"), 5);
	EXPECT_EQ(vcluster().at("rule"), "failure-sum");
	EXPECT_EQ(vcluster().at("decision").as_object().at("runner_up_value"), 5);
	const object status = ha_status(backend);
	EXPECT_EQ(status.at("isolation"), "fgcp");
	EXPECT_TRUE(causes(status).contains("pingsvr-down"));
	EXPECT_EQ(status.at("pingservers").as_array().at(0).as_object().at("state"), "not-probed");
}

TEST_F(Status, failover_hold_time_and_memory_are_told)
{
	Configuration configuration = seed_configuration();
	configuration.ha.failover_hold_time = seconds{30};
	configuration.ha.memory_based_failover = true;
	configuration.ha.memory_failover_threshold = 80;
	configuration.ha.memory_failover_monitor_period = seconds{1};
	FakeBackend held(configuration);
	held.join_primary(seconds{900});
	held.step(core::MonitorChanged{0, false});
	held.now += seconds{10};
	for (int i = 0; i < 3; ++i) {
		held.step(core::MemorySample{90});
		held.now += seconds{1};
	}
	const object status = ha_status(held);
	const object &vcluster = status.at("vclusters").as_array().at(0).as_object();
	EXPECT_NEAR(vcluster.at("hold_s").to_number<double>(), 17, 0.001);
	EXPECT_EQ(vcluster.at("link_failure"), 0) << "held back";
	EXPECT_EQ(json_line(status.at("memory")),
		  R"({"used_percent":90,"threshold_percent":80,"enabled":true,"failed":true})");
	EXPECT_TRUE(causes(status).contains("memory"));
	EXPECT_NE(cli::render_dump(answer(held, "diagnose sys ha dump-by vcluster").body)
			  .find("flag=0x00000000, mem_failover=1"),
		  std::string::npos);
}

TEST_F(Status, the_bound_on_two_primaries_is_a_number_where_there_is_one)
{
	Configuration configuration = seed_configuration();
	configuration.ha.isolation = core::Isolation::witness;
	configuration.ha.witness_endpoints = {"http://192.0.2.1:2379"};
	FakeBackend guarded(configuration);
	guarded.start();
	guarded.pass(seconds{20}); // alone: it asks for the lease
	guarded.step(core::WitnessChanged{1, true, guarded.now + seconds{2}});
	object status = ha_status(guarded);
	EXPECT_EQ(status.at("isolation"), "witness");
	const object &vcluster = status.at("vclusters").as_array().at(0).as_object();
	EXPECT_EQ(vcluster.at("dual_primary_bound_ms").to_number<double>(), 0);
	EXPECT_EQ(json_line(vcluster.at("witness")), R"({"state":"reachable","held_ms":2000.0})");
	EXPECT_NE(cli::render_status(status).find("isolation: witness, dual primary for at most 0 ms\n"),
		  std::string::npos);
	guarded.step(core::WitnessChanged{1, false, core::Time{}});
	EXPECT_TRUE(causes(ha_status(guarded)).contains("witness"));

	configuration.ha.isolation = core::Isolation::demote;
	FakeBackend demoting(configuration);
	demoting.join_primary(seconds{900});
	const auto bound = [&] {
		status = ha_status(demoting);
		return status.at("vclusters").as_array().at(0).as_object().at("dual_primary_bound_ms");
	};
	EXPECT_TRUE(bound().is_null());
	demoting.link(0, core::LinkHealth::down);
	demoting.pass(seconds{60}); // isolation_wait
	ASSERT_TRUE(demoting.node().primary());
	EXPECT_TRUE(bound().is_null()) << "nobody hears it, and it goes on";
	demoting.step(core::MonitorChanged{0, false});
	ASSERT_FALSE(demoting.node().primary());
	EXPECT_EQ(bound().to_number<double>(), 0) << "its proof of life is gone";
}

TEST_F(Status, a_member_that_is_heard_and_does_not_hear_is_an_error)
{
	backend.join_primary(seconds{900});
	backend.words.reception.push_back(
		{core::member_hash(core::MemberId::from(self_serial)), 0, core::LinkHealth::down});
	backend.beat();
	backend.link(0, core::LinkHealth::one_way);
	const object status = ha_status(backend);
	EXPECT_EQ(status.at("health"), "ERROR");
	EXPECT_TRUE(causes(status).contains("not-heard")) << json_line(status.at("health_reasons"));
	EXPECT_TRUE(causes(status).contains("link-one-way"));
}

TEST_F(Status, who_among_the_others_does_not_hear_whom_is_named)
{
	using core::LinkHealth;
	const std::string third = "FGVM02TM23001311";
	// What health says when the two others hear each other so.
	const auto told = [&](LinkHealth peer_of_third, LinkHealth third_of_peer) {
		FakeBackend fresh;
		fresh.start();
		const auto join = [&](const std::string &serial, const std::string &about, LinkHealth health) {
			fresh.session_with(serial);
			fresh.link(0, LinkHealth::up);
			fresh.words.reception.clear();
			fresh.words.reception.push_back({core::member_hash(core::MemberId::from(about)), 0, health});
			fresh.say(core::HaState::standby, seconds{10});
		};
		join(peer_serial, third, peer_of_third);
		join(third, peer_serial, third_of_peer);
		const std::string text = cli::render_status(ha_status(fresh));
		return text.substr(0, text.find("Model"));
	};
	const auto warning = [](const std::string &what) {
		return "HA Health Status: \n    WARNING: " + what + " on hbdev port5;\n";
	};
	EXPECT_EQ(told(LinkHealth::up, LinkHealth::up), "HA Health Status: OK\n");
	EXPECT_EQ(told(LinkHealth::down, LinkHealth::one_way), warning(peer_serial + " does not hear " + third));
	EXPECT_EQ(told(LinkHealth::up, LinkHealth::one_way), warning(peer_serial + " does not hear " + third))
		<< "one of them knows it before the other";
	EXPECT_EQ(told(LinkHealth::one_way, LinkHealth::down), warning(third + " does not hear " + peer_serial));
	EXPECT_EQ(told(LinkHealth::down, LinkHealth::down),
		  warning(peer_serial + " and " + third + " do not hear each other"));
}

TEST_F(Status, show_gives_the_configuration_as_json_and_as_text_and_never_the_password)
{
	const std::string text(answer(backend, "show system ha --text").body.at("text").as_string());
	EXPECT_NE(text.find("config system ha\n"), std::string::npos) << text;
	EXPECT_NE(text.find("    set group-id 103\n"), std::string::npos) << text;
	EXPECT_NE(json_line(answer(backend, "show system ha").body).find("\"group-id\":103"), std::string::npos);
	EXPECT_GT(std::string(answer(backend, "show full-configuration system ha --text").body.at("text").as_string())
			  .size(),
		  text.size());
}

TEST_F(Status, show_gives_the_session_filters)
{
	EXPECT_EQ(answer(backend, "show system session-filter --text").body.at("text"),
		  "config system session-filter\nend\n");
	Configuration::SessionFilter filter;
	filter.name = "no dns";
	filter.action = Configuration::FilterAction::skip;
	filter.protocol = 17;
	filter.port = {53, 53};
	Configuration settings = seed_configuration();
	settings.session_filters.push_back(filter);
	FakeBackend filtering(settings);
	EXPECT_EQ(answer(filtering, "show system session-filter --text").body.at("text"),
		  "config system session-filter\n"
		  "    edit \"no dns\"\n"
		  "        set action skip\n"
		  "        set protocol udp\n"
		  "        set port 53\n"
		  "    next\n"
		  "end\n");
	EXPECT_EQ(json_line(answer(filtering, "show system session-filter").body),
		  R"({"system session-filter":[{"name":"no dns","action":"skip","protocol":"udp","port":"53"}]})");
	EXPECT_NE(answer(filtering, "show full-configuration system session-filter --text")
			  .body.at("text")
			  .as_string()
			  .find("unset address"),
		  std::string::npos);
	EXPECT_EQ(std::string(answer(filtering, "show system ha --text").body.at("text").as_string())
			  .find("session-filter"),
		  std::string::npos);
}

TEST_F(Status, history_is_newest_first_with_the_classic_head)
{
	backend.start();
	backend.pass(seconds{20});
	EXPECT_EQ(cli::render_history(answer(backend, "diagnose sys ha history read").body),
		  "version=1.1\n"
		  "HA state change time: 2025-11-21 21:37:00\n"
		  "message_count=2/512\n"
		  "<2025-11-21 21:37:00> FGVM02TM23001318 is elected as the cluster primary of 1 member\n"
		  "<2025-11-21 21:36:40> hatalk started\n");
}

TEST(JsonLine, fractions_are_plain_and_stay_the_same_when_read_back)
{
	const object value{{"unix", 1763760000.123}, {"whole", 2.0},     {"n", -7},        {"big", 1e300},
			   {"none", nullptr},        {"empty", array{}}, {"text", "a\"\n"}};
	const std::string line = json_line(value);
	EXPECT_TRUE(line.starts_with(R"({"unix":1763760000.123,"whole":2.0,"n":-7,)")) << line;
	EXPECT_EQ(json_line(boost::json::parse(line)), line);
	EXPECT_EQ(line.find('\n'), std::string::npos);
}

} // namespace
} // namespace systole::control::test
