// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys link-monitor status`: fed the facts of a published output, it prints that output.
#include "control/api/commands.h"
#include "control/cli/render.h"
#include "tests/unit/api/fake_backend.h"

#include <ctime>

namespace systole::control::test {
namespace {

using std::chrono::microseconds;

Spread spread(int least, int most, int average)
{
	return {microseconds{least}, microseconds{most}, microseconds{average}};
}

LinkMonitorStatus published()
{
	LinkServerStatus server;
	server.name = "8.8.8.8";
	server.address = "8.8.8.8";
	server.source_ip = "192.168.1.1";
	server.gateway = "192.168.1.2";
	server.state = LinkMonitorState::alive;
	server.latency = spread(1921, 2103, 1973);
	server.jitter = spread(3, 142, 34);
	server.sent = 4749;
	server.received = 4749;
	server.sequence_sent = 4750;
	server.sequence_received = 4750;
	server.sequence_expected = 4751;
	LinkMonitorStatus monitor;
	monitor.name = "L_M_Port1";
	monitor.state = LinkMonitorState::alive;
	monitor.shared = LinkMonitorState::alive;
	monitor.created_unix = 1'621'766'746; // Sun May 23 10:45:46 2021
	monitor.source_interface = "port1";
	monitor.device = "port1-vmac";
	monitor.device_index = 11;
	monitor.interval = milliseconds{500};
	monitor.failtime = 5;
	monitor.recoverytime = 5;
	monitor.servers = {server};
	return monitor;
}

class LinkMonitorReply : public testing::Test {
protected:
	void SetUp() override
	{
		setenv("TZ", "UTC", 1);
		tzset();
		backend.start();
	}
	boost::json::object reply() { return answer(backend, "diagnose sys link-monitor status").body; }
	std::string text() { return cli::render(cli::View::link_monitors, reply()); }

	FakeBackend backend;
};

TEST_F(LinkMonitorReply, is_the_published_text_to_the_letter)
{
	backend.link_monitors = {published()};
	EXPECT_EQ(text(),
		  "Link Monitor: L_M_Port1, Status: alive, Server num(1), HA state: local(alive), shared(alive)\n"
		  "Flags=0x1 init, Create time: Sun May 23 10:45:46 2021\n"
		  "Source interface: port1 (11)\n"
		  "Interval: 500 ms\n"
		  "  Peer: 8.8.8.8(8.8.8.8)\n"
		  "        Source IP(192.168.1.1)\n"
		  "        Route: 192.168.1.1->8.8.8.8/32, gwy(192.168.1.2)\n"
		  "        protocol: ping, state: alive\n"
		  "                Latency(Min/Max/Avg): 1.921/2.103/1.973 ms\n"
		  "                Jitter(Min/Max/Avg): 0.003/0.142/0.034\n"
		  "                Packet lost: 0.000%\n"
		  "                Number of out-of-sequence packets: 0\n"
		  "                Fail Times(0/5)\n"
		  "                Packet sent: 4749, received: 4749, Sequence(sent/rcvd/exp): 4750/4750/4751\n");
}

TEST_F(LinkMonitorReply, a_dead_server_looks_as_the_product_shows_one_and_says_why)
{
	LinkMonitorStatus monitor = published();
	monitor.state = monitor.shared = LinkMonitorState::dead;
	LinkServerStatus &server = monitor.servers[0];
	server.state = LinkMonitorState::dead;
	server.gateway.clear(); // on the link: the product prints the source
	server.latency.reset();
	server.jitter.reset();
	server.loss_percent = 100;
	server.losses_in_a_row = 5;
	server.sent = 766;
	server.received = 0;
	server.sequence_sent = 767;
	server.sequence_received = server.sequence_expected = 0;
	server.last_error = "no answer within 500 ms";
	backend.link_monitors = {monitor};
	const std::string wanted =
		"Link Monitor: L_M_Port1, Status: die, Server num(1), HA state: local(die), shared(die)\n"
		"Flags=0x1 init, Create time: Sun May 23 10:45:46 2021\n"
		"Source interface: port1 (11)\n"
		"Interval: 500 ms\n"
		"  Peer: 8.8.8.8(8.8.8.8)\n"
		"        Source IP(192.168.1.1)\n"
		"        Route: 192.168.1.1->8.8.8.8/32, gwy(192.168.1.1)\n"
		"        protocol: ping, state: die\n"
		"                Packet lost: 100.000%\n"
		"                Number of out-of-sequence packets: 0\n"
		"                Recovery times(0/5) Fail Times(5/5)\n"
		"                Packet sent: 766, received: 0, Sequence(sent/rcvd/exp): 767/0/0\n"
		"                Last error: no answer within 500 ms\n";
	EXPECT_EQ(text(), wanted);
}

TEST_F(LinkMonitorReply, a_member_that_does_not_probe_says_so_for_each_monitor)
{
	LinkMonitorStatus monitor = published();
	monitor.state = monitor.shared = LinkMonitorState::not_probed;
	monitor.device_index = 0;
	monitor.servers[0] = {};
	monitor.servers[0].name = "server.example";
	LinkMonitorStatus off = monitor;
	off.name = "off";
	off.state = off.shared = off.servers[0].state = LinkMonitorState::disabled;
	backend.link_monitors = {monitor, off};
	EXPECT_EQ(text(),
		  "Link Monitor: L_M_Port1, Status: not probed, Server num(1), HA state: local(not probed), shared(not "
		  "probed)\n"
		  "Flags=0x1 init, Create time: Sun May 23 10:45:46 2021\n"
		  "Source interface: port1 (0)\n"
		  "Interval: 500 ms\n"
		  "  Peer: server.example()\n"
		  "        protocol: ping, state: not probed\n"
		  "                Packet lost: 0.000%\n"
		  "                Number of out-of-sequence packets: 0\n"
		  "                Fail Times(0/5)\n"
		  "                Packet sent: 0, received: 0, Sequence(sent/rcvd/exp): 0/0/0\n"
		  "\n"
		  "Link Monitor: off, Status: disabled, Server num(1), HA state: local(disabled), shared(disabled)\n"
		  "Flags=0x1 init, Create time: Sun May 23 10:45:46 2021\n"
		  "Source interface: port1 (0)\n"
		  "Interval: 500 ms\n"
		  "  Peer: server.example()\n"
		  "        protocol: ping, state: disabled\n"
		  "                Packet lost: 0.000%\n"
		  "                Number of out-of-sequence packets: 0\n"
		  "                Fail Times(0/5)\n"
		  "                Packet sent: 0, received: 0, Sequence(sent/rcvd/exp): 0/0/0\n");
}

TEST_F(LinkMonitorReply, json_has_numbers_and_words_for_programs)
{
	LinkMonitorStatus monitor = published();
	monitor.routing_table = 0x53000001;
	monitor.servers[0].protocol = Configuration::Protocol::tcp_echo;
	monitor.servers[0].jitter.reset();
	monitor.servers[0].last_error = "bad\x1b[31m";
	backend.link_monitors = {monitor};
	const boost::json::object body = reply();
	const auto &one = body.at("monitors").as_array().at(0).as_object();
	EXPECT_EQ(one.at("state"), "alive");
	EXPECT_EQ(one.at("device"), "port1-vmac");
	EXPECT_EQ(one.at("routing_table").to_number<std::uint32_t>(), 0x53000001U);
	const auto &server = one.at("servers").as_array().at(0).as_object();
	EXPECT_EQ(server.at("protocol"), "tcp-echo");
	EXPECT_DOUBLE_EQ(server.at("latency_ms").as_object().at("min").to_number<double>(), 1.921);
	EXPECT_TRUE(server.at("jitter_ms").is_null());
	EXPECT_EQ(server.at("last_error"), "bad?[31m");
}

TEST_F(LinkMonitorReply, without_monitors_there_is_one_line)
{
	EXPECT_EQ(text(), "no link monitor is configured\n");
	EXPECT_TRUE(reply().at("monitors").as_array().empty());
}

} // namespace
} // namespace systole::control::test
