// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Two virtual clusters on one member: what one does is not felt by the other.
#include "control/takeover/holdings.h"
#include "control/takeover/interface_settings.h"
#include "tests/lab/takeover/network.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace systole::lab {
namespace {

constexpr core::MacAddress second_wan_mac{0x00, 0x09, 0x0f, 0x09, 0x67, 0x81};
constexpr const char *ping_lan = "ping -c1 -W1 10.1.1.254";
constexpr const char *ping_wan = "ping -c1 -W1 10.2.2.254";

control::TakeoverSettings two_vclusters(const std::string &instance)
{
	control::TakeoverSettings both = settings(instance);
	both.vclusters = {1, 2};
	both.interfaces[1].vcluster = 2;
	both.interfaces[1].virtual_mac = second_wan_mac;
	return both;
}

class VclustersLab : public testing::Test {
protected:
	Network network;

	[[nodiscard]] int lan() const { return network.client.status_of(ping_lan); }
	[[nodiscard]] int wan() const { return network.server.status_of(ping_wan); }
	[[nodiscard]] static bool up(const NetworkNamespace &space, const std::string &link)
	{
		return space.status_of("ip link show dev " + link + " up | grep -q " + link) == 0;
	}
};

TEST_F(VclustersLab, each_claims_and_releases_its_own_interfaces_alone)
{
	Member member(network.m1, two_vclusters("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	ASSERT_EQ(text_of(member.claim(2).errors), "");
	EXPECT_NE(lan(), 0);
	EXPECT_EQ(wan(), 0);
	EXPECT_FALSE(up(network.m1, "port1-vmac"));
	EXPECT_EQ(member.takeover().state(), control::Takeover::State::standby);

	ASSERT_EQ(text_of(member.claim(1).errors), "");
	ASSERT_EQ(text_of(member.release(2).errors), "");
	ASSERT_EQ(text_of(member.finish_release()), "");
	EXPECT_EQ(lan(), 0);
	EXPECT_NE(wan(), 0);
	EXPECT_TRUE(up(network.m1, "port1-vmac"));
	EXPECT_FALSE(up(network.m1, "port2-vmac"));
	EXPECT_NE(member.takeovers().next_announcement(), core::never) << "the train of the first goes on";
}

TEST_F(VclustersLab, two_members_hold_one_each_and_each_answers_with_its_own_virtual_mac)
{
	Member one(network.m1, two_vclusters("m1"));
	Member two(network.m2, two_vclusters("m2"));
	ASSERT_EQ(text_of(one.start()), "");
	ASSERT_EQ(text_of(two.start()), "");
	ASSERT_EQ(text_of(one.claim(1).errors), "");
	ASSERT_EQ(text_of(two.claim(2).errors), "");
	EXPECT_EQ(lan(), 0);
	EXPECT_EQ(wan(), 0);
	EXPECT_EQ(network.learnt_port("br-lan", lan_mac), "m1-lan");
	EXPECT_EQ(network.learnt_port("br-wan", second_wan_mac), "m2-wan");
}

// As after a kill: the second start must not take the first virtual cluster's macvlans for leftovers of its own.
TEST_F(VclustersLab, leftovers_are_removed_once_and_base_ports_get_their_settings_back)
{
	network.m1.sh("ip link add link port2 name stray type macvlan");
	network.m1.sh("ip link set stray alias 'systole m1 arp_ignore=0 arp_announce=0'");
	network.m1.sh("sysctl -q -w net.ipv4.conf.port2.arp_ignore=1");
	{
		Member member(network.m1, two_vclusters("m1"));
		ASSERT_EQ(text_of(member.start()), "");
		EXPECT_NE(network.m1.status_of("ip link show stray"), 0);
		EXPECT_EQ(network.m1.status_of("ip link show port1-vmac"), 0);
		EXPECT_EQ(network.m1.status_of("ip link show port2-vmac"), 0);
		ASSERT_EQ(text_of(member.claim(1).errors), "");
		ASSERT_EQ(text_of(member.claim(2).errors), "");
		EXPECT_TRUE(member.blockers().empty());
		EXPECT_EQ(text_of(member.shutdown()), "");
	}
	for (const char *port : {"port1", "port2"}) {
		EXPECT_EQ(network.m1.run([port] { return control::read_setting("ipv4", port, "arp_ignore"); }), 0)
			<< port;
		EXPECT_NE(network.m1.status_of(std::string("ip link show ") + port + "-vmac"), 0) << port;
	}
}

TEST_F(VclustersLab, an_address_that_both_have_is_named_before_anybody_needs_it)
{
	control::TakeoverSettings both = two_vclusters("m1");
	both.interfaces[1].addresses = {*control::IpPrefix::parse("10.1.1.254/24")};
	Member member(network.m1, both);
	ASSERT_EQ(text_of(member.start()), "");
	const std::vector<std::string> blockers = member.blockers();
	ASSERT_EQ(blockers.size(), 1U);
	EXPECT_NE(blockers[0].find("cluster address 10.1.1.254 is configured on port1 too"), std::string::npos)
		<< blockers[0];
}

TEST_F(VclustersLab, the_keepers_page_lists_what_all_of_them_hold)
{
	const int memory = control::make_holdings_memory();
	control::HoldingsPage *page = control::map_holdings(memory, true);
	ASSERT_NE(page, nullptr);
	{
		Member member(network.m1, two_vclusters("m1"));
		member.takeovers().holdings().use(page);
		ASSERT_EQ(text_of(member.start()), "");
		ASSERT_EQ(text_of(member.claim(1).errors), "");
		EXPECT_EQ(page->list().count, 3U) << "two addresses and a link-local one";
		ASSERT_EQ(text_of(member.claim(2).errors), "");
		EXPECT_EQ(page->list().count, 6U);
		ASSERT_EQ(text_of(member.release(1).errors), "");
		EXPECT_EQ(page->list().count, 3U);
		EXPECT_EQ(page->hold.load(), control::Hold::held);
		ASSERT_EQ(text_of(member.release(2).errors), "");
		EXPECT_EQ(page->hold.load(), control::Hold::nothing);
	}
	close(memory);
}

} // namespace
} // namespace systole::lab
