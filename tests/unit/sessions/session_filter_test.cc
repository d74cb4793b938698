// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/session_filter.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

namespace systole::control::test {
namespace {

SessionRecord web(const std::string &client = "10.1.1.5")
{
	return session(IPPROTO_TCP, client, 40000, "198.51.100.7", 443);
}

TEST(SessionFilter, takes_tcp_and_leaves_out_what_has_no_connection_until_it_is_asked_for)
{
	SessionFilterRules rules;
	const SessionRecord name = session(IPPROTO_UDP, "10.1.1.5", 5353, "198.51.100.7", 53);
	EXPECT_TRUE(SessionFilter(rules).takes(web()));
	EXPECT_FALSE(SessionFilter(rules).takes(name));
	EXPECT_FALSE(SessionFilter(rules).takes(ping("10.1.1.5", "198.51.100.7", 9)));
	rules.connectionless = true;
	EXPECT_TRUE(SessionFilter(rules).takes(name));
	EXPECT_TRUE(SessionFilter(rules).takes(ping("10.1.1.5", "198.51.100.7", 9)));
	EXPECT_TRUE(SessionFilter(rules).takes(ping("2001:db8::1", "2001:db8::2", 9)));
	for (const std::uint8_t protocol : {IPPROTO_SCTP, IPPROTO_DCCP})
		EXPECT_FALSE(SessionFilter(rules).takes(session(protocol, "10.1.1.5", 1, "198.51.100.7", 2)));
}

TEST(SessionFilter, nat_can_be_left_out)
{
	SessionRecord translated = web();
	translated.reply.destination = address("203.0.113.1");
	SessionRecord ported = web();
	ported.reply.source_port = 8443;
	SessionFilterRules rules;
	EXPECT_TRUE(SessionFilter(rules).takes(translated));
	rules.nat = false;
	EXPECT_FALSE(SessionFilter(rules).takes(translated));
	EXPECT_FALSE(SessionFilter(rules).takes(ported));
	EXPECT_TRUE(SessionFilter(rules).takes(web()));
}

TEST(SessionFilter, never_takes_what_ends_on_this_machine_but_what_is_translated_to_it)
{
	SessionFilter filter({});
	filter.set_local_addresses({address("203.0.113.1"), address("10.1.1.254"), address("2001:db8::1")});
	EXPECT_FALSE(filter.takes(session(IPPROTO_TCP, "10.1.1.254", 40000, "198.51.100.7", 443)));
	EXPECT_FALSE(filter.takes(session(IPPROTO_TCP, "10.1.1.5", 40000, "10.1.1.254", 22)));
	EXPECT_FALSE(filter.takes(session(IPPROTO_TCP, "2001:db8::1", 40000, "2001:db8::9", 22)));
	SessionRecord source_nat = web();
	source_nat.reply.destination = address("203.0.113.1");
	EXPECT_TRUE(filter.takes(source_nat));
	SessionRecord destination_nat = session(IPPROTO_TCP, "198.51.100.7", 40000, "203.0.113.1", 443);
	destination_nat.reply.source = address("10.1.1.5");
	EXPECT_TRUE(filter.takes(destination_nat));
	filter.set_local_addresses({address("10.1.1.5")});
	EXPECT_FALSE(filter.takes(destination_nat));
}

TEST(SessionFilter, never_takes_addresses_of_one_machine_or_one_link)
{
	const SessionFilter filter({});
	struct {
		const char *address;
		bool taken;
	} const cases[] = {
		{"127.0.0.1", false},
		{"126.255.255.255", true},
		{"128.0.0.1", true},
		{"169.254.0.1", false},
		{"169.253.0.1", true},
		{"224.0.0.251", false},
		{"239.255.255.255", false},
		{"223.255.255.255", true},
		{"240.0.0.1", true},
		{"255.255.255.255", false},
		{"0.0.0.0", false},
		{"::1", false},
		{"::", false},
		{"::2", true},
		{"1::", true},
		{"fe80::1", false},
		{"febf::1", false},
		{"fec0::1", true},
		{"ff02::fb", false},
		{"fd00::1", true},
	};
	for (const auto &one : cases) {
		const bool v6 = std::string(one.address).find(':') != std::string::npos;
		const std::string other = v6 ? "2001:db8::9" : "10.1.1.5";
		EXPECT_EQ(filter.takes(session(IPPROTO_TCP, one.address, 40000, other, 443)), one.taken) << one.address;
		EXPECT_EQ(filter.takes(session(IPPROTO_TCP, other, 40000, one.address, 443)), one.taken) << one.address;
	}
}

TEST(SessionFilter, the_first_rule_that_matches_decides)
{
	SessionFilterRules rules;
	rules.connectionless = true;
	rules.rules = {{.take = false, .prefix = IpPrefix::parse("10.1.1.0/28"), .protocol = IPPROTO_TCP},
		       {.take = true, .prefix = IpPrefix::parse("10.1.0.0/16")},
		       {.take = false, .prefix = {}, .protocol = IPPROTO_ICMP}};
	const SessionFilter filter(rules);
	EXPECT_FALSE(filter.takes(web("10.1.1.5")));
	EXPECT_TRUE(filter.takes(web("10.1.1.16")));
	EXPECT_TRUE(filter.takes(session(IPPROTO_UDP, "10.1.1.5", 1, "198.51.100.7", 53)));
	EXPECT_TRUE(filter.takes(ping("10.1.1.5", "198.51.100.7", 1)));
	// Where a rule says what to take, nothing else is taken.
	EXPECT_FALSE(filter.takes(web("10.2.1.5")));
	rules.rules = {{.take = false, .prefix = {}, .protocol = IPPROTO_ICMP}};
	EXPECT_TRUE(SessionFilter(rules).takes(web("10.2.1.5")));
	EXPECT_FALSE(SessionFilter(rules).takes(ping("10.2.1.5", "198.51.100.7", 1)));
}

TEST(SessionFilter, rules_match_addresses_and_ports_before_and_after_nat)
{
	SessionRecord forwarded = session(IPPROTO_TCP, "198.51.100.7", 40000, "203.0.113.1", 443);
	forwarded.reply.source = address("10.1.1.5");
	forwarded.reply.source_port = 8443;
	const auto refused = [&](const SessionFilterRule &rule) {
		SessionFilterRules rules;
		rules.rules = {rule};
		return !SessionFilter(rules).takes(forwarded);
	};
	for (const char *prefix : {"198.51.100.7", "203.0.113.0/30", "10.1.1.5/32", "10.0.0.0/7", "0.0.0.0/0"})
		EXPECT_TRUE(refused({.take = false, .prefix = IpPrefix::parse(prefix)})) << prefix;
	for (const char *prefix : {"198.51.100.8", "10.1.1.6/31", "12.0.0.0/7", "::/0"})
		EXPECT_FALSE(refused({.take = false, .prefix = IpPrefix::parse(prefix)})) << prefix;
	EXPECT_TRUE(refused({.take = false, .prefix = {}, .first_port = 443, .last_port = 443}));
	EXPECT_TRUE(refused({.take = false, .prefix = {}, .first_port = 8000, .last_port = 8443}));
	EXPECT_FALSE(refused({.take = false, .prefix = {}, .first_port = 8444, .last_port = 65535}));
	EXPECT_FALSE(refused({.take = false, .prefix = {}, .first_port = 40000, .last_port = 40000})); // the client's
	EXPECT_FALSE(
		refused({.take = false, .prefix = {}, .protocol = IPPROTO_UDP, .first_port = 443, .last_port = 443}));
}

} // namespace
} // namespace systole::control::test
