// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Claim, release and what a segment sees of it, with a real kernel on both sides.
#include "control/takeover/gratuitous.h"
#include "control/takeover/interface_settings.h"
#include "tests/lab/takeover/network.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iterator>

namespace systole::lab {
namespace {

using control::IpPrefix;
using std::chrono::milliseconds;

class TakeoverLab : public testing::Test {
protected:
	Network network;
};

constexpr const char *ping_lan = "ping -c1 -W1 10.1.1.254";
constexpr const char *ping_through = "ping -c1 -W1 10.2.2.1";

double milliseconds_between(core::Time from, core::Time to)
{
	return std::chrono::duration<double, std::milli>(to - from).count();
}

TEST_F(TakeoverLab, two_interfaces_are_taken_over_in_well_under_two_milliseconds)
{
	Member member(network.m1, settings("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	std::vector<double> netlink_ms;
	std::vector<double> announced_ms;
	std::vector<double> release_ms;
	std::vector<double> down_ms;
	for (int trial = 0; trial < 30; ++trial) {
		const control::ClaimReport claim = member.claim();
		ASSERT_EQ(text_of(claim.errors), "");
		netlink_ms.push_back(milliseconds_between(claim.start, claim.netlink_done));
		announced_ms.push_back(milliseconds_between(claim.start, claim.first_announced));
		ASSERT_EQ(network.client.status_of(ping_lan), 0);
		const control::ReleaseReport release = member.release();
		ASSERT_EQ(text_of(release.errors), "");
		release_ms.push_back(milliseconds_between(release.start, release.netlink_done));
		const auto before = std::chrono::steady_clock::now();
		ASSERT_EQ(text_of(member.finish_release()), "");
		down_ms.push_back(
			std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count());
	}
	const auto print = [](const char *what, std::vector<double> &times) {
		std::sort(times.begin(), times.end());
		std::printf("%-28s min %6.3f  p50 %6.3f  max %6.3f ms\n", what, times.front(), times[times.size() / 2],
			    times.back());
	};
	print("claim: netlink", netlink_ms);
	print("claim: first announcement", announced_ms);
	print("release: addresses gone", release_ms);
	print("finish_release: links down", down_ms);
	// The lower quartile: on a busy machine other work, and its use of the kernel's one lock, lands in the upper ones.
	EXPECT_LT(announced_ms[announced_ms.size() / 4], 2.0);
}

TEST_F(TakeoverLab, a_standby_sends_no_frame_with_a_virtual_mac)
{
	Member primary(network.m1, settings("m1"));
	Member standby(network.m2, settings("m2"));
	ASSERT_EQ(text_of(primary.start()), "");
	Capture from_primary(network.fabric, "m1-lan");
	Capture lan(network.fabric, "m2-lan");
	Capture wan(network.fabric, "m2-wan");
	ASSERT_EQ(text_of(standby.start()), "");
	ASSERT_EQ(text_of(primary.claim().errors), "");
	for (int i = 0; i < 3; ++i) {
		network.client.sh("ip neigh flush dev eth0");
		EXPECT_EQ(network.client.status_of(ping_through), 0);
		EXPECT_EQ(network.client.status_of("ping -6 -c1 -W1 2001:db8:1::fe"), 0);
		pause(milliseconds{300});
	}
	EXPECT_FALSE(from_primary.take_from(lan_mac).empty()) << "the capture sees nothing at all";
	EXPECT_TRUE(lan.take_from(lan_mac).empty());
	EXPECT_TRUE(wan.take_from(wan_mac).empty());

	// Neither once it has been primary and is standby again.
	ASSERT_EQ(text_of(primary.release().errors), "");
	ASSERT_EQ(text_of(primary.finish_release()), "");
	ASSERT_EQ(text_of(standby.claim().errors), "");
	EXPECT_FALSE(lan.take_from(lan_mac).empty());
	ASSERT_EQ(text_of(standby.release().errors), "");
	ASSERT_EQ(text_of(standby.finish_release()), "");
	static_cast<void>(lan.take());
	static_cast<void>(wan.take());
	ASSERT_EQ(text_of(primary.claim().errors), "");
	EXPECT_EQ(network.client.status_of(ping_through), 0);
	pause(milliseconds{1500}); // a multicast report would be repeated within a second
	for (Capture *port : {&lan, &wan}) {
		const std::vector<Frame> late = port->take_from(port == &lan ? lan_mac : wan_mac);
		EXPECT_TRUE(late.empty()) << late.size() << " frames, the first: " << hex(late.front());
	}
	EXPECT_EQ(network.learnt_port("br-lan", lan_mac), "m1-lan");
}

// Until finish_release() comes the macvlans are up, and the successor may have begun.
TEST_F(TakeoverLab, nothing_leaves_between_the_two_halves_of_a_release)
{
	Member member(network.m1, settings("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	Capture lan(network.fabric, "m1-lan");
	Capture wan(network.fabric, "m1-wan");
	ASSERT_EQ(text_of(member.claim().errors), "");
	ASSERT_EQ(network.client.status_of(ping_through), 0);
	ASSERT_EQ(network.client.status_of("ping -6 -c1 -W1 2001:db8:2::1"), 0);
	pause(milliseconds{100}); // the claim's own multicast reports
	ASSERT_EQ(text_of(member.release().errors), "");
	static_cast<void>(lan.take());
	static_cast<void>(wan.take());
	// Traffic goes on towards a router that is none any more.
	static_cast<void>(
		network.client.status_of("ping -c5 -i0.01 -W0.1 10.2.2.1; ping -6 -c5 -i0.01 -W0.1 2001:db8:2::1"));
	pause(milliseconds{1200});
	const std::vector<Frame> late_lan = lan.take_from(lan_mac);
	const std::vector<Frame> late_wan = wan.take_from(wan_mac);
	EXPECT_TRUE(late_lan.empty()) << late_lan.size() << " frames, the first: " << hex(late_lan.front());
	EXPECT_TRUE(late_wan.empty()) << late_wan.size() << " frames, the first: " << hex(late_wan.front());
}

TEST_F(TakeoverLab, arp_for_a_cluster_address_is_answered_with_the_virtual_mac_alone_and_for_the_ports_own_never)
{
	network.m1.sh("ip address add 10.1.1.11/24 dev port1");
	Member member(network.m1, settings("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	ASSERT_EQ(text_of(member.claim().errors), "");
	// arping from the client, by hand: who answers?
	const auto answers = [this](std::array<std::uint8_t, 4> wanted) {
		Capture wire(network.client, "eth0");
		const Frame request{0xff, 0xff, 0xff, 0xff, 0xff, 0xff,      2,         0,         0,        0,  0,
				    9,    8,    6,    0,    1,    8,         0,         6,         4,        0,  1,
				    2,    0,    0,    0,    0,    9,         10,        1,         1,        77, 0,
				    0,    0,    0,    0,    0,    wanted[0], wanted[1], wanted[2], wanted[3]};
		wire.send(request);
		pause(milliseconds{200});
		std::vector<core::MacAddress> senders;
		for (const Frame &frame : wire.take()) {
			const bool reply = frame.size() >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 2 &&
					   std::equal(wanted.begin(), wanted.end(), frame.begin() + 28);
			if (!reply)
				continue;
			core::MacAddress sender;
			std::copy_n(frame.begin() + 22, 6, sender.begin());
			senders.push_back(sender);
		}
		return senders;
	};
	EXPECT_EQ(answers({10, 1, 1, 254}), std::vector<core::MacAddress>{lan_mac});
	const std::vector<core::MacAddress> own = answers({10, 1, 1, 11});
	ASSERT_EQ(own.size(), 1U);
	EXPECT_NE(own[0], lan_mac) << "the port's own address must not follow the virtual MAC";
}

TEST_F(TakeoverLab, neighbours_and_switches_follow_the_first_announcement)
{
	Member first(network.m1, settings("m1"));
	Member second(network.m2, settings("m2"));
	ASSERT_EQ(text_of(first.start()) + text_of(second.start()), "");
	network.client.sh("ip neigh replace 10.1.1.254 lladdr 02:00:00:00:00:99 nud stale dev eth0;"
			  "ip neigh replace 2001:db8:1::fe lladdr 02:00:00:00:00:99 nud stale dev eth0");
	Capture wire(network.client, "eth0");
	ASSERT_EQ(text_of(first.claim().errors), "");
	EXPECT_TRUE(eventually(milliseconds{1000}, [this] {
		return network.client.output_of("ip neigh show 10.1.1.254").find("02:09:0f:09:67:00") !=
			       std::string::npos &&
		       network.client.output_of("ip neigh show 2001:db8:1::fe").find("02:09:0f:09:67:00 router") !=
			       std::string::npos;
	})) << network.client.output_of("ip neigh");
	EXPECT_EQ(network.learnt_port("br-lan", lan_mac), "m1-lan");
	EXPECT_EQ(network.learnt_port("br-wan", wan_mac), "m1-wan");

	const auto arp = control::gratuitous_arp(lan_mac, *IpPrefix::parse("10.1.1.254/24"));
	const auto advertisement =
		control::neighbour_advertisement(lan_mac, *IpPrefix::parse("2001:db8:1::fe/64"), true);
	const std::vector<Frame> seen = wire.take_from(lan_mac);
	EXPECT_EQ(std::count(seen.begin(), seen.end(), Frame(arp.begin(), arp.end())), 1);
	EXPECT_EQ(std::count(seen.begin(), seen.end(), Frame(advertisement.begin(), advertisement.end())), 1);

	// A planned switch: the stop comes first, links go down after the successor has begun.
	ASSERT_EQ(text_of(first.release().errors), "");
	ASSERT_EQ(text_of(second.claim().errors), "");
	ASSERT_EQ(text_of(first.finish_release()), "");
	EXPECT_EQ(network.learnt_port("br-lan", lan_mac), "m2-lan");
	EXPECT_EQ(network.learnt_port("br-wan", wan_mac), "m2-wan");
	EXPECT_EQ(network.client.status_of(ping_through), 0);
}

TEST_F(TakeoverLab, ipv6_is_forwarded_to_neighbours_never_heard_of_before)
{
	Member member(network.m1, settings("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	ASSERT_EQ(text_of(member.claim().errors), "");
	network.m1.sh("ip -6 neigh flush all 2>/dev/null || true");
	EXPECT_EQ(network.client.status_of("ping -6 -c1 -W2 2001:db8:2::1"), 0);
	const std::string addresses = network.m1.output_of("ip -6 address show dev port1-vmac");
	EXPECT_NE(addresses.find("fe80::9:fff:fe09:6700/64 scope link"), std::string::npos) << addresses;
	EXPECT_EQ(addresses.find("tentative"), std::string::npos) << addresses;
	EXPECT_EQ(std::count(addresses.begin(), addresses.end(), '\n'), 5) << "only ours: " << addresses;
}

TEST_F(TakeoverLab, a_claim_overtakes_the_second_half_of_a_release)
{
	Member member(network.m1, settings("m1"));
	ASSERT_EQ(text_of(member.start()), "");
	for (int i = 0; i < 50; ++i) {
		ASSERT_EQ(text_of(member.claim().errors), "");
		ASSERT_EQ(text_of(member.release().errors), "");
		ASSERT_EQ(member.takeover().state(), control::Takeover::State::releasing);
		ASSERT_EQ(network.m1.output_of("ip -o address show dev port1-vmac"), "");
		ASSERT_EQ(text_of(member.claim().errors), "");
		ASSERT_EQ(text_of(member.finish_release()), ""); // late and void
		ASSERT_EQ(member.takeover().state(), control::Takeover::State::primary);
		ASSERT_EQ(text_of(member.claim().errors), "") << "claiming twice confirms";
		if (i % 10 == 0) {
			ASSERT_EQ(network.client.status_of(ping_through), 0);
		}
		ASSERT_EQ(text_of(member.release().errors), "");
		ASSERT_EQ(text_of(member.release().errors), "") << "releasing twice does nothing";
		if (i % 2 == 0) {
			ASSERT_EQ(text_of(member.finish_release()), "");
			ASSERT_EQ(member.takeover().state(), control::Takeover::State::standby);
			ASSERT_EQ(network.m1.output_of("ip -o link show up type macvlan"), "");
		}
	}
	EXPECT_NE(network.client.status_of(ping_lan), 0);
}

TEST_F(TakeoverLab, the_train_has_arps_announcements_arps_interval_apart)
{
	control::TakeoverSettings three = settings("m1");
	three.arps = 3;
	three.arps_interval = std::chrono::seconds{8};
	Member member(network.m1, three);
	ASSERT_EQ(text_of(member.start()), "");
	Capture wire(network.fabric, "m1-lan");
	control::Takeover &takeover = member.takeover();
	EXPECT_EQ(takeover.next_announcement(), core::never);
	const control::ClaimReport claim = member.claim();
	const auto arp = control::gratuitous_arp(lan_mac, *IpPrefix::parse("10.1.1.254/24"));
	const auto arps_seen = [&] {
		const std::vector<Frame> seen = wire.take_from(lan_mac);
		return std::count(seen.begin(), seen.end(), Frame(arp.begin(), arp.end()));
	};
	const auto announce = [&](core::Time at) {
		return network.m1.run([&] { return text_of(takeover.announce(at)); });
	};
	EXPECT_EQ(arps_seen(), 1);
	// Reminders first: often at the beginning, ever more rarely, for two seconds.
	const core::Time train = claim.all_announced + std::chrono::seconds{8};
	core::Time last = claim.all_announced;
	int reminders = 0;
	for (core::Time due = takeover.next_announcement(); due < train; due = takeover.next_announcement()) {
		EXPECT_GE(due - last, milliseconds{1});
		EXPECT_LE(due - last, std::max<core::Duration>(milliseconds{1}, (last - claim.all_announced) / 4));
		last = due;
		EXPECT_EQ(announce(due), "");
		EXPECT_EQ(arps_seen(), 1) << "one a port";
		ASSERT_LT(++reminders, 100);
	}
	EXPECT_GT(reminders, 15);
	EXPECT_GE(last - claim.all_announced, std::chrono::seconds{2});
	EXPECT_LE(last - claim.all_announced, std::chrono::milliseconds{2600});
	// Then the train of `arps`.
	core::Time due = takeover.next_announcement();
	EXPECT_EQ(due, train);
	EXPECT_EQ(announce(due - milliseconds{1}), "");
	EXPECT_EQ(arps_seen(), 0) << "not before it is due";
	EXPECT_EQ(announce(due), "");
	EXPECT_EQ(arps_seen(), 1);
	due = takeover.next_announcement();
	EXPECT_EQ(announce(due), "");
	EXPECT_EQ(arps_seen(), 1);
	EXPECT_EQ(takeover.next_announcement(), core::never) << "three in all";
	EXPECT_EQ(network.m1.run([&] { return text_of(takeover.announce_again()); }), "");
	EXPECT_EQ(arps_seen(), 1);
	EXPECT_NE(takeover.next_announcement(), core::never);
	ASSERT_EQ(text_of(member.release().errors), "");
	EXPECT_EQ(takeover.next_announcement(), core::never) << "a release ends the train";
}

TEST_F(TakeoverLab, gratuitous_arps_disabled_announces_nothing)
{
	control::TakeoverSettings silent = settings("m1");
	silent.gratuitous_arps = false;
	Member member(network.m1, silent);
	ASSERT_EQ(text_of(member.start()), "");
	Capture wire(network.fabric, "m1-lan");
	const control::ClaimReport claim = member.claim();
	EXPECT_EQ(claim.first_announced, core::Time{});
	EXPECT_EQ(member.takeover().next_announcement(), core::never);
	for (const Frame &frame : wire.take_from(lan_mac))
		EXPECT_FALSE(frame[12] == 8 && frame[13] == 6) << hex(frame);
}

TEST_F(TakeoverLab, leaving_restores_settings_and_removes_links)
{
	network.m1.sh(
		"echo 1 >/proc/sys/net/ipv4/conf/port1/arp_announce; echo 8 >/proc/sys/net/ipv4/conf/port2/arp_ignore");
	const std::string all =
		"cd /proc/sys/net/ipv4/conf; grep . port[12]/arp_ignore port[12]/arp_announce; ip -o link | wc -l";
	const std::string before = network.m1.output_of(all);
	{
		Member member(network.m1, settings("m1"));
		ASSERT_EQ(text_of(member.start()), "");
		const std::string vmac = network.m1.output_of(
			"cd /proc/sys/net; cat ipv4/conf/port1-vmac/rp_filter ipv6/conf/port1-vmac/accept_ra "
			"ipv6/conf/port1-vmac/addr_gen_mode "
			"ipv4/conf/port1-vmac/arp_ignore ipv4/conf/port1/arp_ignore ipv4/conf/port1/arp_announce "
			"ipv4/conf/port2/arp_ignore");
		EXPECT_EQ(vmac, "0\n0\n1\n1\n1\n2\n8\n") << "an administrator's stricter value stays";
		ASSERT_EQ(text_of(member.claim().errors), "");
		EXPECT_EQ(text_of(member.shutdown()), "");
		EXPECT_EQ(network.m1.output_of(all), before);
		EXPECT_EQ(text_of(member.shutdown()), "");
	}
	EXPECT_EQ(network.m1.output_of(all), before);
	EXPECT_NE(network.client.status_of(ping_lan), 0);
}

TEST_F(TakeoverLab, what_a_killed_predecessor_left_is_removed_and_nothing_else)
{
	network.m1.sh("echo 1 >/proc/sys/net/ipv4/conf/port1/arp_announce");
	const std::string settings_now = "cd /proc/sys/net/ipv4/conf; cat port1/arp_ignore port1/arp_announce";
	const std::string links_now = "ip -o link | awk '{ print $2 }' | sort";
	network.m1.sh(
		"ip link add link port1 name other0 type macvlan mode bridge;"
		"ip link add link port2 name other1 type macvlan mode bridge; ip link set other1 alias 'systole m10 "
		"arp_ignore=0'");
	const std::string before = network.m1.output_of(links_now);
	int ready[2];
	ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
	const pid_t victim = fork();
	ASSERT_GE(victim, 0);
	if (victim == 0) {
		Member member(network.m1, settings("m1"));
		const bool good = member.start().empty() && member.claim().errors.empty();
		static_cast<void>(!write(ready[1], good ? "y" : "n", 1));
		while (true)
			::pause();
	}
	char good = 0;
	ASSERT_EQ(read(ready[0], &good, 1), 1);
	kill(victim, SIGKILL);
	waitpid(victim, nullptr, 0);
	close(ready[0]);
	close(ready[1]);
	ASSERT_EQ(good, 'y');
	EXPECT_EQ(network.client.status_of(ping_lan), 0) << "the dead still answer";
	EXPECT_EQ(network.m1.output_of(settings_now), "1\n2\n");

	Member member(network.m1, settings("m1"));
	EXPECT_EQ(member.takeover().state(), control::Takeover::State::standby);
	ASSERT_EQ(text_of(member.start()), "");
	EXPECT_NE(network.client.status_of(ping_lan), 0) << "a fresh start is a standby";
	EXPECT_EQ(network.m1.output_of(settings_now), "1\n2\n");
	ASSERT_EQ(text_of(member.claim().errors), "");
	EXPECT_EQ(network.client.status_of(ping_lan), 0);
	EXPECT_EQ(text_of(member.shutdown()), "");
	EXPECT_EQ(network.m1.output_of(settings_now), "0\n1\n") << "the values from before the kill";
	EXPECT_EQ(network.m1.output_of(links_now), before);
}

TEST_F(TakeoverLab, every_blocker_is_named_before_it_is_needed)
{
	const auto blockers = [this](const std::string &prepare, const std::string &undo) {
		Member member(network.m1, settings("m1"));
		network.m1.sh(prepare);
		static_cast<void>(member.start());
		std::string text;
		for (const std::string &reason : member.blockers())
			text += reason + "\n";
		network.m1.sh(undo);
		return text;
	};
	EXPECT_EQ(blockers("true", "true"), "");
	EXPECT_EQ(blockers("ip link set port2 name port9", "ip link set port9 name port2"),
		  "port2: no such network interface; create it or correct its name in `config system interface`\n");
	EXPECT_EQ(blockers("ip address add 10.2.2.254/16 dev port1", "ip address del 10.2.2.254/16 dev port1"),
		  "port2: cluster address 10.2.2.254 is already on port1; remove it there (ip address del "
		  "10.2.2.254/16 dev "
		  "port1)\n");
	EXPECT_NE(blockers("ip link add br0 type bridge; ip link set port1 master br0", "ip link del br0")
			  .find("port1: belongs to br0, which takes all its frames"),
		  std::string::npos);
	EXPECT_NE(
		blockers("ip link add port1-vmac type bridge", "ip link del port1-vmac")
			.find("port1: a link named port1-vmac exists that is not of instance m1; rename or delete it"),
		std::string::npos);
	EXPECT_NE(blockers("ip link add br9 address 02:09:0f:09:67:01 type bridge", "ip link del br9")
			  .find("port2: virtual MAC 02:09:0f:09:67:01 is in use on br9"),
		  std::string::npos);
	EXPECT_NE(blockers("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter; ip address add 10.1.1.11/24 dev port1",
			   "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; ip address del 10.1.1.11/24 dev port1")
			  .find("port1: net.ipv4.conf.all.rp_filter=1 drops traffic to 10.1.1.254"),
		  std::string::npos);
}

TEST_F(TakeoverLab, a_missing_port_does_not_hold_up_the_others)
{
	network.m1.sh("ip link set port2 down; ip link set port2 name away");
	Member member(network.m1, settings("m1"));
	EXPECT_EQ(text_of(member.start()), "port2: base-missing: No such device (it is taken up when it appears)\n");
	EXPECT_EQ(text_of(member.claim().errors),
		  "port2: base-missing: No such device (port2: no such network interface)\n");
	EXPECT_EQ(network.client.status_of(ping_lan), 0);
}

} // namespace
} // namespace systole::lab
