// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/notice_text.h"

#include "control/json_line.h"

#include <gtest/gtest.h>

namespace systole::control::test {
namespace {

using core::NoticeKind;
using core::Rule;

const NoticeNames names{"X", {"hb0", "hb1"}, {"port1", "port2"}};

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
	for (int kind = 0; kind <= static_cast<int>(NoticeKind::override_in_force); ++kind) {
		const auto notice = notice_of(static_cast<NoticeKind>(kind));
		EXPECT_FALSE(notice_text(notice, names).empty()) << kind;
		EXPECT_NE(event_name(notice.kind), "unknown") << kind;
	}
	for (int rule = 1; rule <= static_cast<int>(Rule::tie_break); ++rule) {
		EXPECT_FALSE(reason_phrase(role_of(static_cast<Rule>(rule)).decision).empty()) << rule;
		EXPECT_FALSE(notice_text(role_of(static_cast<Rule>(rule)), names).empty()) << rule;
		EXPECT_NE(rule_name(static_cast<Rule>(rule)), "unknown") << rule;
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

TEST(NoticeText, a_serial_from_the_network_cannot_break_a_line_or_the_json)
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
