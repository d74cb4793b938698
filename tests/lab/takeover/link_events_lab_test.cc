// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Links that come and go, and people who meddle: takeover mends what the link monitor reports.
#include "control/takeover/gratuitous.h"
#include "tests/lab/takeover/network.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <algorithm>

namespace systole::lab {
namespace {

using control::IpPrefix;
using control::LinkState;
using std::chrono::milliseconds;

class LinkEventsLab : public testing::Test {
protected:
	LinkEventsLab() : member(network.m1, settings("m1"))
	{
		EXPECT_EQ(text_of(member.start()), "");
		EXPECT_EQ(text_of(member.monitor()), "");
	}

	// Pumps events until the client reaches the server through this member.
	bool forwards_again()
	{
		return eventually(milliseconds{3000}, [this] {
			static_cast<void>(member.pump());
			return network.client.status_of("ping -c1 -W1 10.2.2.1 && ping -6 -c1 -W1 2001:db8:2::1") == 0;
		});
	}
	std::size_t arps_seen(Capture &wire)
	{
		const auto arp = control::gratuitous_arp(lan_mac, *IpPrefix::parse("10.1.1.254/24"));
		const std::vector<Frame> seen = wire.take_from(lan_mac);
		return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), Frame(arp.begin(), arp.end())));
	}

	Network network;
	Member member;
};

TEST_F(LinkEventsLab, a_port_that_vanishes_and_returns_is_taken_up_again)
{
	ASSERT_EQ(text_of(member.claim().errors), "");
	ASSERT_TRUE(forwards_again());
	network.m1.sh("ip link del port1");
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_FALSE(member.blockers().empty());
	network.m1.sh("ip link add filler type bridge"); // so that the port returns with another index
	network.connect(network.m1, "port1", "m1-lan", "br-lan");
	Capture wire(network.fabric, "m1-lan");
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_TRUE(forwards_again());
	EXPECT_GE(arps_seen(wire), 1U);
	EXPECT_EQ(network.m1.output_of("cat /proc/sys/net/ipv4/conf/port1/arp_ignore"), "1\n");
	EXPECT_TRUE(member.blockers().empty());
	EXPECT_EQ(text_of(member.shutdown()), "");
	EXPECT_EQ(network.m1.output_of("cat /proc/sys/net/ipv4/conf/port1/arp_ignore"), "0\n");
}

TEST_F(LinkEventsLab, a_port_that_returns_to_a_standby_stays_silent)
{
	network.m1.sh("ip link del port1");
	EXPECT_EQ(text_of(member.pump()), "");
	network.connect(network.m1, "port1", "m1-lan", "br-lan");
	Capture wire(network.fabric, "m1-lan");
	EXPECT_EQ(text_of(member.pump()), "");
	pause(milliseconds{300});
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_TRUE(wire.take_from(lan_mac).empty());
	EXPECT_TRUE(member.blockers().empty());
	ASSERT_EQ(text_of(member.claim().errors), "");
	EXPECT_TRUE(forwards_again());
}

TEST_F(LinkEventsLab, a_port_that_moves_to_another_namespace_takes_its_macvlan_along_into_the_grave)
{
	ASSERT_EQ(text_of(member.claim().errors), "");
	network.m1.sh("ip link set port1 netns " + network.server.path());
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_EQ(network.m1.status_of("ip link show port1-vmac"), 1);
	network.server.sh("ip link set port1 netns " + network.m1.path());
	network.m1.sh("ip link set port1 up");
	EXPECT_TRUE(forwards_again());
}

TEST_F(LinkEventsLab, a_macvlan_somebody_deletes_is_made_again)
{
	ASSERT_EQ(text_of(member.claim().errors), "");
	network.m1.sh("ip link del port1-vmac");
	EXPECT_TRUE(forwards_again());
	EXPECT_EQ(text_of(member.shutdown()), "");
	EXPECT_EQ(network.m1.output_of("cat /proc/sys/net/ipv4/conf/port1/arp_ignore"), "0\n")
		<< "the originals are not forgotten";
}

TEST_F(LinkEventsLab, a_macvlan_somebody_sets_down_or_strips_is_mended)
{
	ASSERT_EQ(text_of(member.claim().errors), "");
	network.m1.sh("ip link set port1-vmac down");
	EXPECT_TRUE(forwards_again());
	network.m1.sh("ip address flush dev port1-vmac");
	EXPECT_TRUE(forwards_again());
	EXPECT_EQ(text_of(member.release().errors), "");
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_EQ(network.m1.output_of("ip -o address show dev port1-vmac"), "") << "our own deletion is not mended";
}

TEST_F(LinkEventsLab, a_macvlan_somebody_raises_on_a_standby_goes_down_again)
{
	network.m1.sh("ip link set port1-vmac up");
	EXPECT_EQ(text_of(member.pump()), "");
	EXPECT_EQ(network.m1.output_of("ip -o link show port1-vmac up"), "");
}

TEST_F(LinkEventsLab, carrier_that_returns_is_announced_at_once)
{
	ASSERT_EQ(text_of(member.claim().errors), "");
	network.fabric.sh("ip link set m1-lan down");
	ASSERT_TRUE(eventually(milliseconds{2000}, [this] {
		static_cast<void>(member.pump());
		return network.m1.output_of("ip -o link show port1").find("LOWER_UP") == std::string::npos;
	}));
	static_cast<void>(member.pump());
	Capture wire(network.fabric, "m1-lan");
	network.fabric.sh("ip link set m1-lan up");
	EXPECT_TRUE(eventually(milliseconds{3000}, [&] {
		static_cast<void>(member.pump());
		return arps_seen(wire) > 0;
	}));
	EXPECT_NE(member.takeover().next_announcement(), core::never);
	EXPECT_TRUE(forwards_again());
}

TEST_F(LinkEventsLab, claiming_without_carrier_works_when_the_carrier_comes)
{
	network.fabric.sh("ip link set m1-lan down");
	static_cast<void>(member.pump());
	static_cast<void>(member.claim());
	network.fabric.sh("ip link set m1-lan up");
	EXPECT_TRUE(forwards_again());
}

class LinkMonitorLab : public testing::Test {
protected:
	std::string take()
	{
		std::string text;
		for (const LinkState &link : changes)
			text += link.name +
				(link.ifindex == 0 ? " gone"
				 : link.up         ? " up"
				 : link.admin_up   ? " no-carrier"
						   : " down") +
				"\n";
		changes.clear();
		return text;
	}
	std::string drained()
	{
		space.run([this] { EXPECT_FALSE(table.drain()); });
		return take();
	}

	NetworkNamespace space;
	std::vector<LinkState> changes;
	control::LinkMonitorTable table{{"a0", "x0"}, [this](const LinkState &link) { changes.push_back(link); }};
};

TEST_F(LinkMonitorLab, follows_admin_state_carrier_renaming_and_deletion)
{
	space.sh("ip link add a0 type veth peer name a1");
	ASSERT_FALSE(space.run([this] { return table.start(); }));
	EXPECT_EQ(take(), "a0 down\nx0 gone\n");
	space.sh("ip link set a0 up");
	EXPECT_EQ(drained(), "a0 no-carrier\n");
	space.sh("ip link set a1 up");
	EXPECT_TRUE(eventually(milliseconds{2000}, [this] { return drained() == "a0 up\n"; }));
	space.sh("ip link set a1 down");
	EXPECT_TRUE(eventually(milliseconds{2000}, [this] { return drained() == "a0 no-carrier\n"; }));
	space.sh("ip link set a0 down");
	EXPECT_EQ(drained(), "a0 down\n");
	space.sh("ip link set a0 name x0");
	EXPECT_EQ(drained(), "a0 gone\nx0 down\n");
	space.sh("ip link del x0");
	EXPECT_EQ(drained(), "x0 gone\n");
	space.sh("ip link add a0 type bridge");
	EXPECT_EQ(drained(), "a0 down\n");
}

TEST_F(LinkMonitorLab, asks_for_everything_again_when_the_queue_overran)
{
	space.sh("ip link add a0 type veth peer name a1; ip link set a1 up");
	ASSERT_FALSE(space.run([this] { return table.start(); }));
	static_cast<void>(take());
	const int little = 1;
	ASSERT_EQ(setsockopt(table.fd(), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	space.sh("for i in 1 2 3 4 5 6 7 8 9; do ip link add b$i type bridge; done; ip link set a0 up; ip link add x0 "
		 "type "
		 "bridge");
	EXPECT_EQ(drained(), "a0 up\nx0 down\n");
}

} // namespace
} // namespace systole::lab
