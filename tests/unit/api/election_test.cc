// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys ha explain` and `what-if`: what is said, that every member says the same, and that it is what happens.
#include "control/api/commands.h"
#include "control/cli/render.h"
#include "control/json_line.h"
#include "tests/unit/api/fake_backend.h"

#include <boost/json/array.hpp>

namespace systole::control::test {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::string_view explain_words = "diagnose sys ha explain";
const std::string third_serial = "FGVM02TM23001311";

std::string explained(FakeBackend &backend, const std::string &vcluster = {})
{
	const object reply = answer(backend, std::string(explain_words) + vcluster).body;
	EXPECT_FALSE(reply.contains("error")) << json_line(reply);
	return cli::render_explanation(reply);
}

std::string supposed(FakeBackend &backend, const std::string &changes)
{
	const object reply = answer(backend, "diagnose sys ha what-if " + changes).body;
	if (const auto *error = reply.if_contains("error"))
		return "! " + std::string(error->as_object().at("message").as_string()) + " | " +
		       std::string(error->as_object().at("hint").as_string());
	return cli::render_what_if(reply);
}

TEST(Explain, ranks_criterion_by_criterion_with_every_value)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	EXPECT_EQ(explained(backend),
		  "vcluster-1: FGVM02TM23001313 is the primary\n"
		  "Order: maintenance > failover-flag > mem-failover > failure-sum > ssd > uptime > priority > serial\n"
		  "Override is not in force. Uptime differences up to 300 s do not count.\n"
		  "\n"
		  "member            role       maintenance  failover-flag  mem-failover  failure-sum     ssd      "
		  "uptime  "
		  "priority\n"
		  "FGVM02TM23001313  primary             no          unset            no            0      ok      "
		  "+900 s "
		  "      128\n"
		  "FGVM02TM23001318  secondary           no          unset            no            0      ok        "
		  "+0 s "
		  "      130\n"
		  "\n"
		  "1. maintenance: all alike, no\n"
		  "2. failover-flag: all alike, unset\n"
		  "3. mem-failover: all alike, no\n"
		  "4. failure-sum: all alike, 0\n"
		  "5. ssd: all alike, ok\n"
		  "6. uptime: decides\n"
		  "     FGVM02TM23001313    +900 s  stays\n"
		  "     FGVM02TM23001318      +0 s  dropped: younger by 900 s, more than the margin of 300 s\n"
		  "7. priority: not asked, one member is left\n"
		  "8. serial: not asked, one member is left\n"
		  "\n"
		  "If all of them chose freely now:\n"
		  "1. FGVM02TM23001313, because its uptime is larger than peer member FGVM02TM23001318 (uptime 900 s "
		  "against 0 s)\n"
		  "2. FGVM02TM23001318\n");
}

TEST(Explain, tells_what_the_margin_hides_and_why_a_live_primary_stays)
{
	FakeBackend backend; // priority 130, the peer 128
	backend.join_primary(seconds{200});
	const std::string text = explained(backend);
	EXPECT_NE(text.find("+0 s  stays, younger by 200 s, within the margin of 300 s: does not count\n"),
		  std::string::npos)
		<< text;
	EXPECT_NE(text.find("     128  dropped: 128 is less than 130\n"), std::string::npos) << text;
	EXPECT_NE(text.find("1. FGVM02TM23001318, because its override priority is larger than peer member "
			    "FGVM02TM23001313 (priority 130 against 128)\n"),
		  std::string::npos)
		<< text;
	EXPECT_NE(text.find("FGVM02TM23001313 is the primary all the same: a joiner never displaces a live primary "
			    "while override is disabled.\n"),
		  std::string::npos)
		<< text;
}

TEST(Explain, marks_who_is_not_ready_and_says_that_the_primary_waits_for_it)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	backend.step(core::Readiness{false});
	backend.step(core::SetOverride{true});
	const std::string text = explained(backend);
	EXPECT_NE(text.find("130  (not ready)"), std::string::npos) << text;
	EXPECT_NE(text.find("FGVM02TM23001318 is not ready to take over, and has the session-sync-wait to become so"),
		  std::string::npos)
		<< text;
}

TEST(Explain, override_puts_priority_before_uptime)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	backend.say(core::HaState::work, seconds{900}, 0, [](core::VclusterBeat &words) {
		words.priority = 200;
		words.override_enabled = true;
	});
	const std::string text = explained(backend);
	EXPECT_NE(text.find("Override is in force."), std::string::npos);
	EXPECT_NE(text.find("6. priority: decides\n"), std::string::npos) << text;
	EXPECT_NE(text.find("7. uptime: not asked"), std::string::npos) << text;
	EXPECT_EQ(text.find("all the same"), std::string::npos);
}

TEST(Explain, each_unhealthy_member_is_told_what_it_is_dropped_for)
{
	const struct {
		core::EventBody event;
		const char *line;
	} rows[] = {
		{core::SetMaintenance{true}, "FGVM02TM23001318       yes  dropped: it is in maintenance\n"},
		{core::SetFailover{true}, "FGVM02TM23001318       set  dropped: its EXE_FAIL_OVER flag is set\n"},
		{core::MonitorChanged{0, false}, "FGVM02TM23001318        50  dropped: 50 is more than 0\n"},
		{core::SsdChanged{true}, "FGVM02TM23001318    failed  dropped: a disk of it has failed\n"},
	};
	for (const auto &row : rows) {
		Configuration configuration = seed_configuration();
		configuration.ha.ssd_failover = true;
		FakeBackend backend(configuration);
		backend.join_primary(seconds{10});
		backend.step(row.event);
		const std::string text = explained(backend);
		EXPECT_NE(text.find(row.line), std::string::npos) << row.line << text;
	}
}

TEST(Explain, is_asked_for_any_virtual_cluster)
{
	FakeBackend backend(two_vclusters());
	backend.join_primary(seconds{900});
	EXPECT_TRUE(explained(backend).starts_with("vcluster-1: "));
	EXPECT_TRUE(explained(backend, " 2").starts_with("vcluster-2: "));
	EXPECT_EQ(json_line(answer(backend, std::string(explain_words) + " 3").body.at("error").as_object().at("hint")),
		  R"("this member has virtual clusters 1, 2")");
}

// A cluster of three: the primary is neither the oldest nor of the highest priority.
struct Fact {
	std::string serial;
	core::HaState state;
	std::int64_t age_s;
	std::uint8_t priority;
	std::uint16_t link_failure;
};
const std::vector<Fact> cluster_of_three{
	{third_serial, core::HaState::standby, 900, 250, 50},
	{peer_serial, core::HaState::standby, 700, 128, 0},
	{self_serial, core::HaState::work, 650, 120, 0},
};

// What the member of that place in the list answers.
object explained_by(std::size_t place)
{
	const Fact &own = cluster_of_three[place];
	Configuration configuration = seed_configuration();
	configuration.global.serial = own.serial;
	configuration.ha.priority = own.priority;
	FakeBackend backend(configuration);
	const auto say = [&](const Fact &fact, std::int64_t age_s) {
		backend.say(fact.state, seconds{age_s}, 0, [&](core::VclusterBeat &words) {
			words.priority = fact.priority;
			words.link_failure = fact.link_failure;
		});
	};
	const auto meet = [&](const Fact &fact) {
		backend.session_with(fact.serial);
		backend.link(0, core::LinkHealth::up);
	};
	backend.now = core::Time{seconds{5000 - own.age_s}};
	backend.start();
	if (own.link_failure != 0)
		backend.step(core::MonitorChanged{0, false});
	const Fact &primary = cluster_of_three.back();
	if (own.serial == primary.serial) {
		backend.pass(seconds{20});
	} else {
		meet(primary);
		say(primary, 0);
	}
	backend.now = core::Time{seconds{5000}};
	if (own.serial != primary.serial)
		say(primary, primary.age_s);
	for (const Fact &other : cluster_of_three)
		if (other.serial != own.serial && other.serial != primary.serial) {
			meet(other);
			say(other, other.age_s);
		}
	EXPECT_EQ(backend.node().vcluster().state, own.state) << own.serial;
	EXPECT_EQ(backend.node().alive_peers(), 2U) << own.serial;
	return answer(backend, explain_words).body;
}

TEST(Explain, comes_out_the_same_on_every_member)
{
	const object reply = explained_by(0);
	EXPECT_EQ(json_line(explained_by(1)), json_line(reply));
	EXPECT_EQ(json_line(explained_by(2)), json_line(reply));
	const std::string text = cli::render_explanation(reply);
	EXPECT_EQ(
		text.substr(text.find("member ")),
		"member            role       maintenance  failover-flag  mem-failover  failure-sum     ssd      "
		"uptime  "
		"priority\n"
		"FGVM02TM23001313  secondary           no          unset            no            0      ok       +50 "
		"s "
		"      128\n"
		"FGVM02TM23001318  primary             no          unset            no            0      ok        +0 "
		"s "
		"      120\n"
		"FGVM02TM23001311  secondary           no          unset            no           50      ok      +250 "
		"s "
		"      250\n"
		"\n"
		"1. maintenance: all alike, no\n"
		"2. failover-flag: all alike, unset\n"
		"3. mem-failover: all alike, no\n"
		"4. failure-sum\n"
		"     FGVM02TM23001313         0  stays\n"
		"     FGVM02TM23001318         0  stays\n"
		"     FGVM02TM23001311        50  dropped: 50 is more than 0\n"
		"5. ssd: all alike, ok\n"
		"6. uptime\n"
		"     FGVM02TM23001313     +50 s  stays\n"
		"     FGVM02TM23001318      +0 s  stays, younger by 50 s, within the margin of 300 s: does not count\n"
		"     FGVM02TM23001311    +250 s  dropped before\n"
		"7. priority: decides\n"
		"     FGVM02TM23001313       128  stays\n"
		"     FGVM02TM23001318       120  dropped: 120 is less than 128\n"
		"     FGVM02TM23001311       250  dropped before\n"
		"8. serial: not asked, one member is left\n"
		"\n"
		"If all of them chose freely now:\n"
		"1. FGVM02TM23001313, because its override priority is larger than peer member FGVM02TM23001318 "
		"(priority 128 against 120)\n"
		"2. FGVM02TM23001318, because the value 0 of link-failure + pingsvr-failure is less than peer member "
		"FGVM02TM23001311 (link-failure + pingsvr-failure 0 against 50)\n"
		"3. FGVM02TM23001311\n"
		"FGVM02TM23001318 is the primary all the same: a joiner never displaces a live primary while override "
		"is disabled.\n");
}

TEST(WhatIf, names_the_winner_the_rule_and_both_values)
{
	FakeBackend backend;
	backend.start();
	backend.pass(seconds{20});
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::standby, seconds{10});
	ASSERT_TRUE(backend.node().primary());
	EXPECT_EQ(supposed(backend, "link port2 down"),
		  "vcluster-1, if link port2 down:\n"
		  "  FGVM02TM23001313 would be selected as the primary because the value 0 of link-failure + "
		  "pingsvr-failure is less than peer member FGVM02TM23001318 (link-failure + pingsvr-failure 0 against "
		  "50).\n"
		  "  The role would move from FGVM02TM23001318 to FGVM02TM23001313.\n");
	EXPECT_EQ(
		supposed(backend, "priority " + peer_serial + " 200"),
		"vcluster-1, if priority FGVM02TM23001313 200:\n"
		"  FGVM02TM23001318 would stay the primary: a joiner never displaces a live primary while override is "
		"disabled.\n"
		"  The role would not move.\n");
	EXPECT_EQ(supposed(backend, "member " + self_serial + " lost member " + peer_serial + " lost"),
		  "vcluster-1, if member FGVM02TM23001318 lost, member FGVM02TM23001313 lost:\n"
		  "  nobody would be left to be the primary.\n");
	const object reply = answer(backend, "diagnose sys ha what-if ping " + self_serial + " dead").body;
	EXPECT_EQ(reply.at("primary"), peer_serial.c_str());
	EXPECT_EQ(reply.at("primary_now"), self_serial.c_str());
	EXPECT_EQ(reply.at("role_moves"), true);
	EXPECT_EQ(reply.at("rule"), "failure-sum");
	EXPECT_EQ(reply.at("value"), 0);
	EXPECT_EQ(reply.at("over_value"), 5);
	EXPECT_EQ(json_line(reply.at("changes")), R"(["ping FGVM02TM23001318 dead"])");
}

TEST(WhatIf, is_what_then_happens)
{
	const struct {
		std::string words;
		core::EventBody event;
	} rows[] = {
		{"link port2 down", core::MonitorChanged{0, false}},
		{"ping " + self_serial + " dead", core::PingMonitorChanged{0, false}},
		{"priority " + self_serial + " 1", core::SetPriority{1}},
		{"priority " + self_serial + " 1 override enable", core::SetPriority{1}},
		{"override enable", core::SetOverride{true}},
		{"failover " + self_serial + " set", core::SetFailover{true}},
		{"maintenance " + self_serial + " set", core::SetMaintenance{true}},
		{"uptime " + self_serial + " reset", core::ResetUptime{}},
	};
	for (const std::int64_t peer_age : {10, 1000})
		for (const auto &row : rows) {
			FakeBackend backend;
			backend.start();
			backend.pass(seconds{20});
			backend.session_with(peer_serial);
			backend.link(0, core::LinkHealth::up);
			backend.say(core::HaState::standby, seconds{peer_age});
			ASSERT_TRUE(backend.node().primary());
			const object outlook = answer(backend, "diagnose sys ha what-if " + row.words).body;
			ASSERT_TRUE(outlook.contains("primary")) << json_line(outlook);
			backend.step(row.event);
			if (row.words.find("1 override") != std::string::npos)
				backend.step(core::SetOverride{true});
			EXPECT_EQ(outlook.at("role_moves").as_bool(), !backend.node().primary())
				<< row.words << ", peer aged " << peer_age;
			if (!backend.node().primary()) {
				EXPECT_EQ(std::string_view(outlook.at("rule").as_string()),
					  rule_name(backend.node().vcluster().decision.rule))
					<< row.words;
			}
		}
}

TEST(WhatIf, changes_nothing)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	const std::string before = explained(backend);
	EXPECT_FALSE(supposed(backend, "maintenance " + peer_serial + " set link port2 down").starts_with("!"));
	EXPECT_EQ(explained(backend), before);
	EXPECT_TRUE(backend.commanded.empty());
}

TEST(WhatIf, wrong_words_are_named_with_what_exists)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	EXPECT_EQ(supposed(backend, "link port9 down"),
		  "! port9 is not a monitored interface of vcluster-1: it does not count | monitored are: port2");
	EXPECT_EQ(supposed(backend, "member X lost"),
		  "! no member X takes part in the election of vcluster-1 | members are: FGVM02TM23001318, "
		  "FGVM02TM23001313");
	EXPECT_TRUE(supposed(backend, "link port2 sideways").starts_with("! no member port2 takes part"));
	EXPECT_TRUE(supposed(backend, "member " + peer_serial + " found")
			    .starts_with("! unknown word found after 'member " + peer_serial + "': expected lost"));
	EXPECT_TRUE(supposed(backend, "link port2").starts_with("! 'link port2' is incomplete: expected up or down"));
	EXPECT_TRUE(supposed(backend, "link").starts_with("! 'link' is incomplete"));
	EXPECT_TRUE(supposed(backend, "weather good").starts_with("! unknown change 'weather' | changes are: link"));
	EXPECT_EQ(supposed(backend, "priority " + peer_serial + " 300"),
		  "! 300 is no priority | a priority is 0 to 255");
	EXPECT_EQ(supposed(backend, "vcluster 7 link port2 down"),
		  "! there is no virtual cluster 7 | this member has virtual cluster 1");
	EXPECT_TRUE(supposed(backend, "vcluster 1").starts_with("! what-if takes at least one change"));
	EXPECT_TRUE(supposed(backend, "link port2 down link port2 down").starts_with("! port2 is changed twice"));
}

TEST(WhatIf, says_what_does_not_count)
{
	Configuration configuration = seed_configuration();
	configuration.ha.pingserver_failover_threshold = 6;
	FakeBackend backend(configuration);
	backend.join_primary(seconds{900});
	EXPECT_NE(supposed(backend, "link port2 up").find("  Note: port2 is up already.\n"), std::string::npos);
	const std::string below = supposed(backend, "ping " + peer_serial + " dead");
	EXPECT_NE(below.find("Note: dead link monitors of vcluster-1 add up to 5, less than "
			     "pingserver-failover-threshold 6: they do not count.\n"),
		  std::string::npos)
		<< below;
	EXPECT_NE(below.find("The role would not move"), std::string::npos);

	FakeBackend reached;
	reached.join_primary(seconds{900});
	EXPECT_NE(supposed(reached, "ping " + self_serial + " dead").find("is not the primary: it does not probe"),
		  std::string::npos);
}

TEST(WhatIf, says_that_who_is_left_alone_must_also_be_allowed_to_act)
{
	Configuration configuration = seed_configuration();
	const auto lost = [&](const std::string &serial) {
		FakeBackend backend(configuration);
		backend.join_primary(seconds{900});
		return supposed(backend, "member " + serial + " lost");
	};
	EXPECT_EQ(lost(peer_serial).find("isolation"), std::string::npos) << "fgcp acts always";
	configuration.ha.isolation = core::Isolation::demote;
	EXPECT_NE(lost(peer_serial).find("isolation demote: alone, " + self_serial + " acts only with"),
		  std::string::npos);
	configuration.ha.isolation = core::Isolation::witness;
	configuration.ha.witness_endpoints = {"http://192.0.2.1:2379"};
	const std::string guarded = lost(peer_serial);
	EXPECT_NE(guarded.find("isolation witness: " + self_serial + " acts once it holds the lease"),
		  std::string::npos)
		<< guarded;
}

TEST(WhatIf, answers_for_the_virtual_cluster_that_is_named)
{
	FakeBackend backend(two_vclusters());
	backend.join_primary(seconds{900});
	EXPECT_TRUE(supposed(backend, "link port1 down").starts_with("vcluster-1, if link port1 down:\n"));
	EXPECT_TRUE(
		supposed(backend, "link port2 down").starts_with("! port2 is not a monitored interface of vcluster-1"));
	EXPECT_TRUE(supposed(backend, "vcluster 2 link " + peer_serial + " port2 down")
			    .starts_with("vcluster-2, if link FGVM02TM23001313 port2 down:\n"));
}

} // namespace
} // namespace systole::control::test
