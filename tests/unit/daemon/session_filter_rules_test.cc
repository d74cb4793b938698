// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/config/parse.h"
#include "control/session_pickup.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

namespace systole::control::test {
namespace {

SessionFilter filter_of(const std::string &filters, const std::string &options = "")
{
	const ParseResult result =
		parse_configuration("config system ha\nset session-pickup enable\n" + options +
					    "end\nconfig system session-filter\n" + filters + "end\n",
				    "f");
	EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
	return SessionFilter(session_filter_rules(result.configuration));
}

SessionRecord web(const std::string &client, std::uint16_t port = 443)
{
	return session(IPPROTO_TCP, client, 40000,
		       client.find(':') == std::string::npos ? "198.51.100.7" : "2001:db8:9::7", port);
}

constexpr const char *connectionless = "set session-pickup-connectionless enable\n";

TEST(SessionFilterRules, without_an_entry_only_the_options_of_session_pickup_decide)
{
	const SessionRecord name = session(IPPROTO_UDP, "10.1.1.5", 5353, "198.51.100.7", 53);
	EXPECT_TRUE(filter_of("").takes(web("10.1.1.5")));
	EXPECT_FALSE(filter_of("").takes(name));
	EXPECT_TRUE(filter_of("", connectionless).takes(name));
	SessionRecord translated = web("10.1.1.5");
	translated.reply.destination = address("203.0.113.1");
	EXPECT_TRUE(filter_of("").takes(translated));
}

TEST(SessionFilterRules, what_is_skipped_is_left_out_and_the_rest_is_taken)
{
	const SessionFilter filter =
		filter_of("edit a\nset action skip\nset address 10.1.2.0 255.255.255.0\nnext\n"
			  "edit b\nset action skip\nset address 2001:db8:2::/48\nset port 8000-8100\n"
			  "next\n"
			  "edit c\nset action skip\nset protocol udp\nset port 53\nnext\n",
			  connectionless);
	EXPECT_TRUE(filter.takes(web("10.1.1.255")));
	EXPECT_FALSE(filter.takes(web("10.1.2.0")));
	EXPECT_FALSE(filter.takes(web("10.1.2.255")));
	EXPECT_TRUE(filter.takes(web("10.1.3.0")));
	EXPECT_TRUE(filter.takes(web("2001:db8:2::1", 7999)));
	EXPECT_FALSE(filter.takes(web("2001:db8:2::1", 8000)));
	EXPECT_FALSE(filter.takes(web("2001:db8:2::1", 8100)));
	EXPECT_TRUE(filter.takes(web("2001:db8:2::1", 8101)));
	EXPECT_TRUE(filter.takes(web("2001:db8:3::1", 8000)));
	EXPECT_TRUE(filter.takes(web("10.1.1.5", 53)));
	EXPECT_FALSE(filter.takes(session(IPPROTO_UDP, "10.1.1.5", 5353, "198.51.100.7", 53)));
	EXPECT_TRUE(filter.takes(session(IPPROTO_UDP, "10.1.1.5", 53, "198.51.100.7", 54)));
}

TEST(SessionFilterRules, entries_are_asked_in_the_order_of_the_file_and_one_that_takes_leaves_out_the_rest)
{
	const SessionFilter filter = filter_of("edit z\nset action skip\nset address 10.1.1.0/24\nnext\n"
					       "edit a\nset address 10.1.0.0/16\nnext\n");
	EXPECT_FALSE(filter.takes(web("10.1.1.5")));
	EXPECT_TRUE(filter.takes(web("10.1.2.5")));
	EXPECT_FALSE(filter.takes(web("10.2.1.5")));
	EXPECT_FALSE(filter.takes(web("2001:db8::1")));
}

} // namespace
} // namespace systole::control::test
