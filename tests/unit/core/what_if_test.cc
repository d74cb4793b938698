// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Suppositions: numbered cases, then random ones that are made to happen and compared. The simulator does the same
// under faults (docs/SIMULATION.md).
#include "control/core/what_if.h"

#include "tests/scenario/cluster.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::seconds;

const Time now{seconds{100000}};
const MemberId a = MemberId::from("A"), b = MemberId::from("B"), c = MemberId::from("C");

Supposed supposed(const MemberId &id, std::uint8_t priority, seconds age)
{
	Supposed member;
	member.candidate.id = id;
	member.candidate.priority = priority;
	member.candidate.age_origin = now - age;
	return member;
}

// A is primary, oldest and highest; B and C stand by.
Facts three()
{
	Facts facts;
	facts.now = now;
	facts.margin = seconds{300};
	facts.primary = a;
	facts.members.push_back(supposed(a, 200, seconds{5000}));
	facts.members.push_back(supposed(b, 150, seconds{4000}));
	facts.members.push_back(supposed(c, 100, seconds{4500}));
	return facts;
}

TEST(WhatIf, NumberedCases)
{
	struct Row {
		int number;
		const char *says;
		std::vector<Change> changes;
		MemberId primary;
		Rule rule;
	};
	const std::vector<Row> rows{
		{1, "nothing changes", {}, a, Rule::live_primary},
		{2, "its interface fails: C is older than B", {{ChangeKind::link_down, a, 1}}, c, Rule::uptime},
		{3, "a standby's fails", {{ChangeKind::link_down, b, 1}}, a, Rule::uptime},
		{4,
		 "one at every member",
		 {{ChangeKind::link_down, a, 1}, {ChangeKind::link_down, b, 1}, {ChangeKind::link_down, c, 1}},
		 a,
		 Rule::priority},
		{5, "its ping servers fail", {{ChangeKind::ping_dead, a, 5}}, c, Rule::uptime},
		{6, "a standby does not probe", {{ChangeKind::ping_dead, b, 5}}, a, Rule::live_primary},
		{7, "it is lost", {{ChangeKind::member_lost, a, 0}}, c, Rule::uptime},
		{8,
		 "two are lost",
		 {{ChangeKind::member_lost, a, 0}, {ChangeKind::member_lost, c, 0}},
		 b,
		 Rule::only_member},
		{9,
		 "all are lost",
		 {{ChangeKind::member_lost, a, 0}, {ChangeKind::member_lost, b, 0}, {ChangeKind::member_lost, c, 0}},
		 {},
		 Rule::none},
		{10, "a priority, override off", {{ChangeKind::priority, b, 255}}, a, Rule::live_primary},
		{11,
		 "a priority, override on",
		 {{ChangeKind::priority, b, 255}, {ChangeKind::override_enabled, c, 1}},
		 b,
		 Rule::priority},
		{12, "override on alone", {{ChangeKind::override_enabled, c, 1}}, a, Rule::priority},
		{13, "the failover flag", {{ChangeKind::failover_flag, a, 1}}, c, Rule::uptime},
		{14,
		 "the newer flag clears the older",
		 {{ChangeKind::failover_flag, a, 1}, {ChangeKind::failover_flag, c, 1}},
		 a,
		 Rule::uptime},
		{15, "maintenance", {{ChangeKind::maintenance, a, 1}}, c, Rule::uptime},
		{16,
		 "everybody in maintenance",
		 {{ChangeKind::maintenance, a, 1}, {ChangeKind::maintenance, b, 1}, {ChangeKind::maintenance, c, 1}},
		 a,
		 Rule::uptime},
		{17, "its age begins anew", {{ChangeKind::uptime_reset, a, 0}}, c, Rule::uptime},
		{18, "who is not there", {{ChangeKind::member_lost, MemberId::from("Z"), 0}}, a, Rule::live_primary},
	};
	for (const Row &row : rows) {
		const Outlook outlook = what_if(three(), row.changes);
		EXPECT_EQ(outlook.primary, row.primary) << row.number << ": " << row.says;
		EXPECT_EQ(outlook.decision.rule, row.rule) << row.number << ": " << row.says;
		EXPECT_EQ(outlook.role_moves, row.primary != a) << row.number << ": " << row.says;
	}
}

TEST(WhatIf, WhoIsNotReadyGivesWayWhileThatMatters)
{
	Facts facts = three();
	facts.prefers_ready = true;
	facts.members[2].candidate.unready = true; // C would succeed A
	const std::array lost{Change{ChangeKind::member_lost, a, 0}};
	EXPECT_EQ(what_if(facts, lost).primary, b);
	EXPECT_EQ(what_if(facts, lost).decision.rule, Rule::readiness);
	EXPECT_EQ(what_if(facts, lost).decision.runner_up, c);
	const std::array failed{Change{ChangeKind::link_down, a, 1}};
	EXPECT_EQ(what_if(facts, failed).primary, b);

	Facts with_override = facts;
	with_override.members[1].override_enabled = true;
	with_override.members[2].candidate.priority = 160;
	EXPECT_EQ(what_if(with_override, lost).primary, c) << "it gets the role when it is ready";

	Facts nobody = facts;
	nobody.members[1].candidate.unready = true;
	EXPECT_EQ(what_if(nobody, lost).primary, c);
	Facts never_waits = facts;
	never_waits.prefers_ready = false;
	EXPECT_EQ(what_if(never_waits, lost).primary, c);
	Facts ill = facts;
	ill.members[1].link_failure = 50;
	EXPECT_EQ(what_if(ill, lost).primary, c);
}

struct Case {
	Change change;
	EventBody event;
	bool crash = false;
};

Case random_case(std::mt19937_64 &random, const MemberId &id)
{
	switch (random() % 8) {
	case 0: return {{ChangeKind::link_down, id, 1}, MonitorChanged{0, false}};
	case 1: return {{ChangeKind::member_lost, id, 0}, Tick{}, true};
	case 2: {
		const auto priority = static_cast<std::uint8_t>(random() % 256);
		return {{ChangeKind::priority, id, priority}, SetPriority{priority}};
	}
	case 3: return {{ChangeKind::override_enabled, id, 1}, SetOverride{true}};
	case 4: return {{ChangeKind::override_enabled, id, 0}, SetOverride{false}};
	case 5: return {{ChangeKind::failover_flag, id, 1}, SetFailover{true}};
	case 6: return {{ChangeKind::maintenance, id, 1}, SetMaintenance{true}};
	default: return {{ChangeKind::uptime_reset, id, 0}, ResetUptime{}};
	}
}

class WhatIfComesTrue : public testing::TestWithParam<unsigned> {};

// Ages differ by whole tens of seconds, and so never by nearly the margin of 25 s.
TEST_P(WhatIfComesTrue, WhateverItSaysHappens)
{
	std::mt19937_64 random(GetParam());
	Cluster cluster;
	const std::size_t count = 2 + random() % 4;
	for (std::size_t i = 0; i < count; ++i) {
		MemberSettings settings;
		settings.name = "m" + std::to_string(i + 1);
		settings.config.self = MemberId::from("SYS" + std::to_string(100 + i));
		settings.config.hb_interval = std::chrono::milliseconds{100};
		settings.config.hb_lost_threshold = 3;
		settings.config.hello_holddown = seconds{5};
		settings.config.uptime_margin = seconds{25};
		settings.config.monitor_everywhere(1);
		settings.config.vclusters[0].priority = static_cast<std::uint8_t>(100 + random() % 3);
		settings.config.vclusters[0].override_enabled = random() % 6 == 0;
		cluster.add(settings);
	}
	for (std::size_t i = 0; i < count; ++i) {
		cluster.start(i);
		cluster.run_for(seconds{10 * (random() % 4)});
	}
	cluster.run_for(seconds{20});
	for (int round = 0; round < 6; ++round) {
		std::size_t who = random() % count;
		while (!cluster.running(who))
			who = (who + 1) % count;
		const Case one = random_case(random, cluster.settings(who).config.self);
		// Everybody is asked, and each answer must come true.
		std::array<Outlook, max_members> told;
		for (std::size_t i = 0; i < count; ++i)
			if (cluster.running(i))
				told[i] = what_if(facts_of(cluster.node(i)), std::span(&one.change, 1));
		std::size_t running = 0;
		for (std::size_t i = 0; i < count; ++i)
			running += cluster.running(i) ? 1 : 0;
		if (one.crash && running == 1)
			break;
		if (one.crash)
			cluster.crash(who);
		else
			cluster.give(who, one.event);
		cluster.run_for(seconds{10});
		const auto primaries = cluster.primaries();
		ASSERT_EQ(primaries.size(), 1U);
		for (std::size_t i = 0; i < count; ++i)
			if (cluster.running(i)) {
				EXPECT_EQ(told[i].primary, cluster.settings(primaries[0]).config.self)
					<< "round " << round << ", asked m" << i + 1 << ", change "
					<< static_cast<int>(one.change.kind) << " of m" << who + 1;
			}
	}
}

INSTANTIATE_TEST_SUITE_P(Seed, WhatIfComesTrue, testing::Range(0U, 60U));

} // namespace
} // namespace systole::scenario
