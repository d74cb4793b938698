// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Link monitors in network namespaces of their own: ping, interfaces, gateways, addresses that go and come back.
//
//   member port2 10.2.2.2 -------- 10.2.2.1 near [router] far 198.51.100.1 -------- 198.51.100.9 server
//          2001:db8:2::2            2001:db8:2::1          2001:db8:9::1            2001:db8:9::9
#include "control/probe/gateway_route.h"
#include "tests/lab/takeover/network.h"
#include "tests/probe/servers.h"
#include "tests/probe/watch.h"

#include <gmock/gmock.h>

#include <csignal>
#include <sys/wait.h>

namespace systole::control::test {
namespace {

using lab::NetworkNamespace;
using testing::HasSubstr;

class ProbeLab : public testing::Test {
protected:
	ProbeLab()
	{
		for (const NetworkNamespace *space : {&member, &router, &server}) // IPv6 at once
			space->sh("for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad;"
				  "echo 0 >/proc/sys/net/ipv6/conf/$f/dad_transmits; done");
		router.sh("ip link add near type veth peer name port2 netns " + member.path() +
			  " && ip link add far type veth peer name eth0 netns " + server.path());
		member.sh("ip link set port2 up; ip address add 10.2.2.2/24 dev port2;"
			  "ip address add 2001:db8:2::2/64 dev port2 nodad");
		router.sh("ip link set near up; ip link set far up; ip address add 10.2.2.1/24 dev near;"
			  "ip address add 198.51.100.1/24 dev far; ip address add 2001:db8:2::1/64 dev near nodad;"
			  "ip address add 2001:db8:9::1/64 dev far nodad;"
			  "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
		server.sh("ip link set eth0 up; ip address add 198.51.100.9/24 dev eth0;"
			  "ip address add 2001:db8:9::9/64 dev eth0 nodad; ip route add default via 198.51.100.1;"
			  "ip -6 route add default via 2001:db8:9::1");
	}
	void route_by_default() const
	{
		member.sh("ip route add default via 10.2.2.1; ip -6 route add default via 2001:db8:2::1");
	}
	void allow_datagram_ping(bool allowed) const
	{
		member.sh(std::string("echo '") + (allowed ? "0 0" : "1 0") + "' >/proc/sys/net/ipv4/ping_group_range");
	}
	static Monitor ping(const std::string &address)
	{
		Monitor monitor = fast_monitor(Protocol::ping, 0, {address});
		monitor.srcintf = "port2";
		monitor.probe_timeout = milliseconds{300};
		return monitor;
	}
	std::unique_ptr<Watch> watch(const Monitor &monitor) const
	{
		return member.run([&] {
			auto made = std::make_unique<Watch>(monitor);
			made->start();
			return made;
		});
	}

	NetworkNamespace member, router, server;
};

TEST_F(ProbeLab, pings_ipv4_and_ipv6_over_datagram_and_raw_sockets)
{
	route_by_default();
	for (const bool datagram : {true, false})
		for (const char *address : {"198.51.100.9", "2001:db8:9::9"}) {
			allow_datagram_ping(datagram);
			const auto made = watch(ping(address));
			ASSERT_TRUE(made->answers(10)) << address << datagram << made->server().last_error;
			const LinkMonitorStatus status = made->status();
			EXPECT_EQ(status.device, "port2");
			EXPECT_GT(status.device_index, 0U);
			EXPECT_EQ(status.servers[0].loss_percent, 0);
			EXPECT_EQ(status.servers[0].out_of_sequence, 0U);
			const bool v6 = std::string_view(address).find(':') != std::string_view::npos;
			EXPECT_EQ(status.servers[0].source_ip, v6 ? "2001:db8:2::2" : "10.2.2.2");
			EXPECT_EQ(status.servers[0].gateway, v6 ? "2001:db8:2::1" : "10.2.2.1");
			EXPECT_EQ(made->story(), "");
		}
}

TEST_F(ProbeLab, a_server_that_loses_its_address_is_dead_after_failtime_and_alive_after_recoverytime)
{
	route_by_default();
	for (const char *address : {"198.51.100.9/24", "2001:db8:9::9/64"}) {
		const std::string text(address);
		Monitor monitor = ping(text.substr(0, text.find('/')));
		monitor.interval = milliseconds{50};
		const auto made = watch(monitor);
		ASSERT_TRUE(made->answers(5)) << made->server().last_error;
		const auto taken = std::chrono::steady_clock::now();
		server.sh("ip address del " + text + " dev eth0");
		ASSERT_TRUE(Watch::eventually([&] { return made->story() == "D"; }));
		const auto dead_after = std::chrono::steady_clock::now() - taken;
		// failtime x interval + probe-timeout = 450 ms at most; the address went a moment after `taken`
		EXPECT_GE(dead_after, milliseconds{2 * 50 + 300});
		EXPECT_LT(dead_after, milliseconds{1500});
		EXPECT_THAT(made->server().last_error, HasSubstr("no answer within 300 ms"));
		const auto given_back = std::chrono::steady_clock::now();
		const bool v6 = text.find(':') != std::string::npos;
		server.sh(v6 ? "ip address add " + text +
					  " dev eth0 nodad; ip -6 route replace default via 2001:db8:9::1"
			     : "ip address add " + text + " dev eth0; ip route replace default via 198.51.100.1");
		ASSERT_TRUE(Watch::eventually([&] { return made->story() == "DA"; }));
		EXPECT_GE(std::chrono::steady_clock::now() - given_back, milliseconds{2 * 50});
		EXPECT_GE(made->server().received, 8U);
	}
}

TEST_F(ProbeLab, pings_of_others_are_not_answers_to_ours)
{
	route_by_default();
	allow_datagram_ping(false); // a raw socket is given every reply that comes to this machine
	const auto made = watch(ping("198.51.100.9"));
	ASSERT_TRUE(made->answers(5));
	// Ours are 44 octets of IP; those of ping(8) are 84, and go on being answered.
	server.sh("nft 'add table ip t; add chain ip t in { type filter hook input priority 0; };"
		  " add rule ip t in icmp type echo-request meta length 44 drop'");
	const auto others = [&] { return member.status_of("ping -n -c 100 -i 0.01 198.51.100.9"); };
	ASSERT_EQ(others(), 0);
	EXPECT_EQ(made->story(), "D");
	const auto received = made->server().received;
	ASSERT_EQ(others(), 0);
	EXPECT_EQ(made->server().received, received);
}

TEST_F(ProbeLab, probes_take_their_gateway_and_nothing_of_it_is_left_behind)
{
	for (const bool v6 : {false, true}) {
		const std::string ip = v6 ? "ip -6 " : "ip ";
		Monitor monitor = ping(v6 ? "2001:db8:9::9" : "198.51.100.9");
		monitor.gateway_ip = {10, 2, 2, 1};
		monitor.gateway_ip6 = {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
		// There is no other way: the machine itself has no route to the server, or a wrong one.
		ASSERT_NE(member.status_of(ip + "route get " + monitor.servers[0]), 0);
		auto made = watch(monitor);
		ASSERT_TRUE(made->answers(5)) << made->server().last_error;
		EXPECT_EQ(made->server().gateway, v6 ? "2001:db8:2::1" : "10.2.2.1");
		const std::string table = std::to_string(made->status().routing_table);
		EXPECT_THAT(member.output_of(ip + "rule show"), HasSubstr("lookup " + table));
		EXPECT_THAT(member.output_of(ip + "route show table " + table),
			    HasSubstr(v6 ? "default via 2001:db8:2::1 dev port2" : "default via 10.2.2.1 dev port2"));
		// Who else sends there is not concerned.
		EXPECT_NE(member.status_of(ip + "route get " + monitor.servers[0]), 0);

		made->monitors.set_active({false});
		ASSERT_TRUE(made->becomes(LinkMonitorState::not_probed));
		EXPECT_THAT(member.output_of(ip + "rule show"), Not(HasSubstr(table)));
		EXPECT_EQ(member.output_of(ip + "route show table " + table + " 2>/dev/null"), "");
		made->start();
		ASSERT_TRUE(made->answers(1));
		made.reset();
		EXPECT_THAT(member.output_of(ip + "rule show"), Not(HasSubstr(table)));
		EXPECT_EQ(member.output_of(ip + "route show table " + table + " 2>/dev/null"), "");
	}
}

TEST_F(ProbeLab, a_gateway_that_is_gone_is_not_replaced_by_the_default_route)
{
	route_by_default();
	Monitor monitor = ping("198.51.100.9");
	monitor.gateway_ip = {10, 2, 2, 77}; // nobody
	const auto made = watch(monitor);
	ASSERT_TRUE(made->becomes(LinkMonitorState::dead));
	EXPECT_EQ(made->server().received, 0U);

	monitor.gateway_ip = {203, 0, 113, 1}; // not on the link
	const auto other = watch(monitor);
	ASSERT_TRUE(other->becomes(LinkMonitorState::dead));
	EXPECT_THAT(other->server().last_error, HasSubstr("gateway 203.0.113.1 cannot be used: "));
}

TEST_F(ProbeLab, a_gateway_route_that_somebody_removes_is_missed_not_bypassed_and_made_again)
{
	route_by_default(); // which would lead to the server
	for (const char *interface : {"port2", ""}) {
		Monitor monitor = ping("198.51.100.9");
		monitor.srcintf = interface;
		monitor.gateway_ip = {10, 2, 2, 1};
		monitor.failtime = 1;
		const auto made = watch(monitor);
		ASSERT_TRUE(made->answers(20));
		ASSERT_EQ(made->story(), "");
		member.sh("ip route del default via 10.2.2.1 table " + std::to_string(made->status().routing_table));
		ASSERT_TRUE(Watch::eventually([&] { return made->story() == "DA"; })) << made->server().last_error;
		// Bound to an interface, the kernel takes the server for a neighbour there; otherwise it refuses.
		EXPECT_THAT(made->server().last_error, HasSubstr(*interface ? "no answer" : "cannot send: "));
	}
}

TEST_F(ProbeLab, the_port_going_down_and_up_takes_the_gateway_with_it_and_back)
{
	route_by_default();
	Monitor monitor = ping("198.51.100.9");
	monitor.gateway_ip = {10, 2, 2, 1};
	const auto made = watch(monitor);
	ASSERT_TRUE(made->answers(5));
	member.sh("ip link set port2 down");
	ASSERT_TRUE(made->becomes(LinkMonitorState::dead));
	EXPECT_TRUE(Watch::eventually([&] { return made->server().last_error == "interface port2 (srcintf) is down"; }))
		<< made->server().last_error;
	member.sh("ip link set port2 up");
	ASSERT_TRUE(made->becomes(LinkMonitorState::alive)) << made->server().last_error;
}

TEST_F(ProbeLab, what_a_killed_predecessor_left_is_removed_and_others_are_not_touched)
{
	const std::uint32_t table = gateway_table_base("m1") + 3;
	const std::uint32_t others = gateway_table_base("m2") + 3;
	ASSERT_NE(table, others);
	// A child that has no time to clean up.
	const pid_t child = fork();
	if (child == 0) {
		member.run([&] {
			RouteSocket socket;
			if (socket.open() ||
			    !GatewayRoute(table, boost::asio::ip::make_address("10.2.2.1"))
				     .install(socket, 0)
				     .empty() ||
			    !GatewayRoute(table, boost::asio::ip::make_address("2001:db8:2::1"))
				     .install(socket, 0)
				     .empty() ||
			    !GatewayRoute(others, boost::asio::ip::make_address("10.2.2.1")).install(socket, 0).empty())
				_exit(1);
		});
		_exit(0);
	}
	int status = 0;
	waitpid(child, &status, 0);
	ASSERT_EQ(status, 0);
	const auto rules = [&] { return member.output_of("ip rule show; ip -6 rule show"); };
	const std::string ours = "lookup " + std::to_string(table);
	ASSERT_THAT(rules(), HasSubstr(ours));

	const auto monitors = member.run([] {
		return std::make_unique<LinkMonitors>(
			std::vector<Monitor>{}, [](const MonitorVerdict &) {}, LinkMonitorsSettings{"m1", ""});
	});
	EXPECT_TRUE(Watch::eventually([&] { return rules().find(ours) == std::string::npos; })) << rules();
	for (const char *ip : {"ip", "ip -6"})
		EXPECT_EQ(member.output_of(std::string(ip) + " route show table " + std::to_string(table) +
					   " 2>/dev/null"),
			  "");
	EXPECT_THAT(rules(), HasSubstr("lookup " + std::to_string(others)));
}

TEST_F(ProbeLab, the_macvlan_of_a_primary_is_the_interface_of_its_probes)
{
	// As after a takeover: the addresses have moved from nowhere to port2-vmac.
	member.sh("ip address flush dev port2; ip link add port2-vmac link port2 type macvlan mode bridge;"
		  "ip link set port2-vmac up; ip address add 10.2.2.254/24 dev port2-vmac;"
		  "ip route add default via 10.2.2.1");
	const auto made = watch(ping("198.51.100.9"));
	ASSERT_TRUE(made->answers(5)) << made->server().last_error;
	EXPECT_EQ(made->status().device, "port2-vmac");
	EXPECT_EQ(made->server().source_ip, "10.2.2.254");

	// Our own address goes away and comes back.
	member.sh("ip address del 10.2.2.254/24 dev port2-vmac");
	ASSERT_TRUE(made->becomes(LinkMonitorState::dead));
	EXPECT_TRUE(Watch::eventually([&] {
		return made->server().last_error.find("no route to 198.51.100.9 through port2-vmac") !=
		       std::string::npos;
	})) << made->server().last_error;
	member.sh("ip address add 10.2.2.254/24 dev port2-vmac; ip route add default via 10.2.2.1");
	ASSERT_TRUE(made->becomes(LinkMonitorState::alive)) << made->server().last_error;

	// An address of the port itself means the port itself.
	member.sh("ip address add 10.2.2.2/24 dev port2; echo 1 >/proc/sys/net/ipv4/conf/port2/arp_ignore;"
		  "ip route add default via 10.2.2.1 dev port2 metric 10");
	Monitor own = ping("198.51.100.9");
	own.source_ip = {10, 2, 2, 2};
	const auto base = watch(own);
	ASSERT_TRUE(base->answers(5)) << base->server().last_error;
	EXPECT_EQ(base->status().device, "port2");
}

TEST_F(ProbeLab, the_interface_decides_not_the_route)
{
	// A second port with the better route and no server behind it.
	member.sh("ip link add port3 type veth peer name port3-end; ip link set port3 up; ip link set port3-end up; ip "
		  "address add 10.3.3.3/24 dev port3;"
		  "ip route add default via 10.3.3.1; ip route add default via 10.2.2.1 metric 100");
	const auto made = watch(ping("198.51.100.9"));
	ASSERT_TRUE(made->answers(5)) << made->server().last_error;
	Monitor unbound = ping("198.51.100.9");
	unbound.srcintf.clear();
	const auto lost = watch(unbound);
	ASSERT_TRUE(lost->becomes(LinkMonitorState::dead));
	EXPECT_EQ(made->story(), "");

	ServerLoop loop;
	const std::uint16_t port =
		server.run([&] { return loop.add<TcpServer>("198.51.100.9", TcpManner::echo).port(); });
	Monitor tcp = ping("198.51.100.9");
	tcp.protocol = Protocol::tcp_echo;
	tcp.port = port;
	const auto connected = watch(tcp);
	EXPECT_TRUE(connected->answers(3)) << connected->server().last_error;
}

} // namespace
} // namespace systole::control::test
