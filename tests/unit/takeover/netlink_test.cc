// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Netlink as any user may speak it: asking and listening.
#include "control/netlink/inventory.h"
#include "control/netlink/link_monitor_table.h"
#include "control/netlink/requests.h"
#include "control/netlink/route_socket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace systole::control {
namespace {

TEST(RouteSocket, lists_links_and_addresses)
{
	RouteSocket socket;
	ASSERT_FALSE(socket.open());
	std::vector<LinkInfo> links;
	ASSERT_FALSE(list_links(socket, links));
	const auto loopback = find_link(socket, "lo");
	ASSERT_TRUE(loopback);
	EXPECT_TRUE(loopback->loopback);
	EXPECT_FALSE(loopback->ethernet);
	EXPECT_TRUE(
		std::any_of(links.begin(), links.end(), [&](const LinkInfo &l) { return l.index == loopback->index; }));
	std::vector<AddressInfo> addresses;
	EXPECT_FALSE(list_addresses(socket, addresses));
	EXPECT_FALSE(find_link(socket, "no-such-link"));
}

TEST(RouteSocket, tells_which_request_of_a_batch_failed_and_why)
{
	RouteSocket socket;
	ASSERT_FALSE(socket.open());
	constexpr int no_such_index = 0x7fffff00;
	RequestBatch batch;
	for (int i = 0; i < 3; ++i)
		request_link_deletion(batch, no_such_index + i);
	ASSERT_EQ(batch.size(), 3U);
	const BatchResult result = socket.transact(batch);
	EXPECT_FALSE(result.ok());
	ASSERT_EQ(result.errors.size(), 3U) << "the kernel goes on behind a failure";
	for (std::size_t i = 0; i < 3; ++i) {
		EXPECT_EQ(result.errors[i].request, i);
		EXPECT_TRUE(result.errors[i].code == ENODEV || result.errors[i].code == EPERM) << result.errors[i].code;
	}
}

TEST(RouteSocket, refuses_to_speak_before_it_is_open)
{
	RouteSocket socket;
	RequestBatch batch;
	request_link_deletion(batch, 1);
	EXPECT_EQ(socket.transact(batch).transport, std::errc::bad_file_descriptor);
	std::vector<LinkInfo> links;
	EXPECT_EQ(list_links(socket, links), std::errc::bad_file_descriptor);
}

TEST(LinkMonitorTable, reports_every_name_once_at_the_start_the_missing_ones_too)
{
	std::vector<LinkState> reported;
	LinkMonitorTable table({"lo", "no-such-link", "lo"},
			       [&reported](const LinkState &link) { reported.push_back(link); });
	EXPECT_EQ(table.fd(), -1);
	ASSERT_FALSE(table.start());
	EXPECT_GE(table.fd(), 0);
	ASSERT_EQ(reported.size(), 2U);
	EXPECT_EQ(reported[0].name, "lo");
	EXPECT_GT(reported[0].ifindex, 0);
	EXPECT_EQ(reported[1], (LinkState{.name = "no-such-link"}));
	EXPECT_EQ(table.find("eth99"), nullptr);
	EXPECT_FALSE(table.drain()) << "an empty queue is no error";
	EXPECT_FALSE(table.refresh());
	EXPECT_EQ(reported.size(), 2U) << "only differences are reported";
}

} // namespace
} // namespace systole::control
