// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/notice_text.h"

#include "control/json_line.h"

#include <gtest/gtest.h>

namespace systole::control::test {
namespace {

using core::NoticeKind;
using core::Rule;

const NoticeNames names{"X", {"hb0", "hb1"}, {"port1", "port2"}, {"wan-server"}};

core::Notice notice_of(NoticeKind kind, core::LinkIndex link = 0, std::int64_t value = 0)
{
	core::Notice notice;
	notice.kind = kind;
	notice.peer = core::MemberId::from("Y");
	notice.link = link;
	notice.value = value;
	return notice;
}

core::Notice role_of(Rule rule, std::int64_t winner_value = 0, std::int64_t runner_up_value = 0)
{
	core::Notice notice;
	notice.kind = NoticeKind::role;
	notice.from = core::HaState::standby;
	notice.to = core::HaState::work;
	notice.epoch = 4;
	notice.decision = {rule, core::MemberId::from("X"), core::MemberId::from("Y"), winner_value, runner_up_value};
	return notice;
}

TEST(NoticeText, published_phrases_are_used_to_the_letter)
{
	const auto text = [](const core::Notice &notice) { return notice_text(notice, names); };
	EXPECT_EQ(text(notice_of(NoticeKind::started)), "hatalk started");
	EXPECT_EQ(text(notice_of(NoticeKind::stopped)), "hatalk exited");
	EXPECT_EQ(text(notice_of(NoticeKind::peer_found)), "new member 'Y' joins the cluster");
	EXPECT_EQ(text(notice_of(NoticeKind::peer_link_lost, 1)), "member Y lost heartbeat on hbdev hb1");
	EXPECT_EQ(text(notice_of(NoticeKind::peer_lost)), "heartbeats from Y are lost on all hbdev");
	EXPECT_EQ(text(notice_of(NoticeKind::carrier, 0, 0)), "hbdev hb0 link status changed: 1->0");
	EXPECT_EQ(text(notice_of(NoticeKind::monitor, 1, 1)), "port port2 link status changed: 0->1");
	EXPECT_EQ(text(role_of(Rule::only_member)), "X is elected as the cluster primary of 1 member");
	EXPECT_EQ(text(role_of(Rule::uptime)),
		  "vcluster-1: X is selected as the primary because its uptime is larger than peer member Y.");
	EXPECT_EQ(
		text(role_of(Rule::priority)),
		"vcluster-1: X is selected as the primary because its override priority is larger than peer member Y.");
	EXPECT_EQ(text(role_of(Rule::failure_sum, 0, 50)),
		  "vcluster-1: X is selected as the primary because the value 0 of link-failure + pingsvr-failure is "
		  "less than peer member Y.");
	EXPECT_EQ(text(role_of(Rule::failover_flag)),
		  "vcluster-1: X is selected as the primary because EXE_FAIL_OVER flag is set on peer member Y.");
	EXPECT_EQ(selection_text(role_of(Rule::only_member).decision, 1),
		  "X is selected as the primary because it's the only member in the cluster.");
}

TEST(NoticeText, every_kind_and_every_rule_has_words)
{
	for (int kind = 0; kind <= static_cast<int>(NoticeKind::not_handed_over); ++kind) {
		const auto notice = notice_of(static_cast<NoticeKind>(kind));
		EXPECT_FALSE(notice_text(notice, names).empty()) << kind;
		EXPECT_NE(event_name(notice.kind), "unknown") << kind;
	}
	for (int rule = 1; rule <= static_cast<int>(Rule::readiness); ++rule) {
		EXPECT_FALSE(reason_phrase(role_of(static_cast<Rule>(rule)).decision).empty()) << rule;
		EXPECT_FALSE(notice_text(role_of(static_cast<Rule>(rule)), names).empty()) << rule;
		EXPECT_NE(rule_name(static_cast<Rule>(rule)), "unknown") << rule;
	}
}

TEST(NoticeText, flags_of_the_operator_and_of_the_machine_are_named_as_such)
{
	const auto reason = [](Rule rule) { return notice_text(role_of(rule), names); };
	EXPECT_EQ(reason(Rule::maintenance),
		  "vcluster-1: X is selected as the primary because MAINTENANCE flag is set on peer member Y.");
	EXPECT_EQ(reason(Rule::mem_failover),
		  "vcluster-1: X is selected as the primary because MEM_FAIL_OVER flag is set on peer member Y.");
	EXPECT_EQ(reason(Rule::ssd),
		  "vcluster-1: X is selected as the primary because SSD_FAILURE flag is set on peer member Y.");
	const auto text = [](NoticeKind kind, std::int64_t value) {
		return notice_text(notice_of(kind, 0, value), names);
	};
	EXPECT_EQ(text(NoticeKind::maintenance, 1), "MAINTENANCE flag is set on X");
	EXPECT_EQ(text(NoticeKind::maintenance, 0), "MAINTENANCE flag is unset on X");
	EXPECT_EQ(text(NoticeKind::mem_failover, 1), "X is short of memory: MEM_FAIL_OVER flag is set");
	EXPECT_EQ(text(NoticeKind::mem_failover, 0), "X has memory again: MEM_FAIL_OVER flag is unset");
	EXPECT_EQ(text(NoticeKind::ssd, 1), "a disk of X has failed: SSD_FAILURE flag is set");
	EXPECT_EQ(text(NoticeKind::priority, 200), "priority of X is 200 until its next start");
}

TEST(NoticeText, remote_link_failover_reads_as_a_story)
{
	const auto text = [](NoticeKind kind, std::int64_t value) {
		return notice_text(notice_of(kind, 0, value), names);
	};
	EXPECT_EQ(text(NoticeKind::ping_monitor, 0), "ping server failure of link monitor \"wan-server\": dead");
	EXPECT_EQ(text(NoticeKind::ping_monitor, 1), "ping server recovery of link monitor \"wan-server\": alive");
	EXPECT_EQ(text(NoticeKind::ping_failure, 5), "pingsvr-failure of X counts 5");
	EXPECT_EQ(text(NoticeKind::ping_failure, 0), "pingsvr-failure of X is cleared");
	EXPECT_EQ(text(NoticeKind::flip_started, 360), "flip timer started: 360 s");
	EXPECT_EQ(text(NoticeKind::flip_expired, 0), "flip timer expired");
	const auto json = notice_json(notice_of(NoticeKind::ping_monitor, 0, 0), names, {});
	EXPECT_EQ(json.at("event"), "link-monitor");
	EXPECT_EQ(json.at("name"), "wan-server");
	EXPECT_EQ(json.at("state"), "dead");
	EXPECT_EQ(json.at("vcluster"), 1);
}

TEST(NoticeText, a_member_that_may_not_act_alone_gives_its_role_up_in_so_many_words)
{
	core::Notice notice = role_of(Rule::isolated);
	notice.decision = {};
	notice.decision.rule = Rule::isolated;
	EXPECT_EQ(notice_text(notice, names),
		  "vcluster-1: X gives up the role of primary because no member hears it and it may not act alone");
	EXPECT_EQ(selection_text(notice.decision, 1), "");
	EXPECT_EQ(notice_text(notice_of(NoticeKind::lease, 0, 1), names),
		  "vcluster-1: X holds the lease of the witness");
}

TEST(NoticeText, beyond_the_first_virtual_cluster_every_line_about_one_names_it)
{
	for (const NoticeKind kind :
	     {NoticeKind::failover_flag, NoticeKind::override_in_force, NoticeKind::ping_monitor,
	      NoticeKind::ping_failure, NoticeKind::flip_started, NoticeKind::flip_expired, NoticeKind::lease,
	      NoticeKind::priority, NoticeKind::handed_over, NoticeKind::not_handed_over}) {
		core::Notice notice = notice_of(kind);
		notice.vcluster = 2;
		EXPECT_TRUE(notice_text(notice, names).starts_with("vcluster-2: ")) << notice_text(notice, names);
		EXPECT_EQ(notice_json(notice, names, {}).at("vcluster"), 2);
	}
	for (int rule = 0; rule <= static_cast<int>(Rule::readiness); ++rule) {
		core::Notice notice = role_of(static_cast<Rule>(rule));
		notice.vcluster = 2;
		EXPECT_TRUE(notice_text(notice, names).starts_with("vcluster-2: ")) << notice_text(notice, names);
	}
}

TEST(NoticeText, a_role_event_carries_the_decision)
{
	EXPECT_EQ(
		json_line(notice_json(role_of(Rule::uptime, 900, 12), names, {123, 1763760000.5, "b"})),
		R"({"mono_ns":123,"unix":1763760000.5,"boot":"b","member":"X","event":"role","vcluster":1,"from":"secondary","to":"primary",)"
		R"("epoch":4,"reason":"its uptime is larger than peer member Y","rule":"uptime","winner":"X","winner_value":900,)"
		R"("runner_up":"Y","runner_up_value":12,)"
		R"("selection":"vcluster-1: X is selected as the primary because its uptime is larger than peer member Y.",)"
		R"("text":"vcluster-1: X is selected as the primary because its uptime is larger than peer member Y."})");
}

TEST(NoticeText, a_loss_names_the_peer_the_link_and_the_last_beat)
{
	core::Notice notice = notice_of(NoticeKind::peer_link_lost, 1);
	notice.last_rx = core::Time{core::Duration{99}};
	const auto json = notice_json(notice, names, {});
	EXPECT_EQ(json.at("event"), "link");
	EXPECT_EQ(json.at("scope"), "peer");
	EXPECT_EQ(json.at("peer"), "Y");
	EXPECT_EQ(json.at("name"), "hb1");
	EXPECT_EQ(json.at("state"), "down");
	EXPECT_EQ(json.at("last_rx_ns"), 99);
	EXPECT_EQ(notice_json(notice_of(NoticeKind::monitor, 0, 0), names, {}).at("name"), "port1");
	EXPECT_EQ(notice_json(notice_of(NoticeKind::peer_lost), names, {}).at("event"), "peer-lost");
}

TEST(NoticeText, P11_a_serial_from_the_network_cannot_break_a_line_or_the_json)
{
	core::Notice notice = notice_of(NoticeKind::peer_found);
	notice.peer = core::MemberId::from("a\n\"\x1b[2J\xff");
	EXPECT_EQ(notice_text(notice, names), "new member 'a?\"?[2J?' joins the cluster");
	EXPECT_EQ(json_line(notice_json(notice, names, {}).at("peer")), R"("a?\"?[2J?")");
}

TEST(NoticeText, a_link_without_a_name_gets_its_number)
{
	EXPECT_EQ(notice_text(notice_of(NoticeKind::carrier, 5, 1), names), "hbdev hbdev-6 link status changed: 0->1");
}

} // namespace
} // namespace systole::control::test
