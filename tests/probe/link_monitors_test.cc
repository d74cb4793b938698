// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Link monitors against real servers on the loopback interface. No root: ping is tested in a namespace (lab_test.cc).
#include "tests/probe/servers.h"
#include "tests/probe/watch.h"

#include <gmock/gmock.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace systole::control::test {
namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;

struct LoopbackCase {
	Protocol protocol;
	const char *address;
};
std::string name_of(const testing::TestParamInfo<LoopbackCase> &info)
{
	const char *names[] = {"ping", "tcp_echo", "udp_echo", "http", "https", "twamp"};
	return std::string(names[static_cast<std::size_t>(info.param.protocol)]) +
	       (std::string_view(info.param.address) == "::1" ? "_v6" : "_v4");
}
std::uint16_t serve(ServerLoop &loop, const LoopbackCase &what)
{
	switch (what.protocol) {
	case Protocol::tcp_echo: return loop.add<TcpServer>(what.address, TcpManner::echo).port();
	case Protocol::udp_echo: return loop.add<UdpServer>(what.address, echo).port();
	case Protocol::http: return loop.add<HttpServer>(what.address, false).port();
	case Protocol::https: return loop.add<HttpServer>(what.address, true).port();
	case Protocol::twamp: return loop.add<UdpServer>(what.address, twamp_reflector(milliseconds{0})).port();
	default: return 0;
	}
}

class Loopback : public testing::TestWithParam<LoopbackCase> {};

TEST_P(Loopback, a_server_that_answers_is_alive_and_measured)
{
	ServerLoop loop;
	Watch watch(fast_monitor(GetParam().protocol, serve(loop, GetParam()), {GetParam().address}));
	watch.start();
	ASSERT_TRUE(watch.answers(5)) << watch.server().last_error;
	const LinkServerStatus server = watch.server();
	EXPECT_EQ(server.state, LinkMonitorState::alive);
	EXPECT_EQ(server.address, GetParam().address);
	EXPECT_EQ(server.source_ip, GetParam().address);
	EXPECT_EQ(server.gateway, "");
	EXPECT_EQ(server.loss_percent, 0);
	EXPECT_EQ(server.last_error, "");
	ASSERT_TRUE(server.latency && server.jitter);
	EXPECT_GT(server.latency->least.count(), 0);
	EXPECT_LE(server.latency->least, server.latency->average);
	EXPECT_LE(server.latency->average, server.latency->most);
	EXPECT_EQ(watch.story(), "");
}

TEST_P(Loopback, without_a_server_it_is_dead_after_failtime_and_the_reason_is_named)
{
	std::uint16_t port = 0;
	{
		ServerLoop loop;
		port = serve(loop, GetParam());
	}
	Monitor monitor = fast_monitor(GetParam().protocol, port, {GetParam().address});
	monitor.probe_timeout = milliseconds{50};
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead));
	EXPECT_EQ(watch.story(), "D");
	EXPECT_GE(watch.server().sent, 3U);
	EXPECT_EQ(watch.server().received, 0U);
	EXPECT_EQ(watch.server().loss_percent, 100);
	EXPECT_THAT(watch.server().last_error, HasSubstr("Connection refused"));
}

INSTANTIATE_TEST_SUITE_P(
	All, Loopback,
	testing::Values(LoopbackCase{Protocol::tcp_echo, "127.0.0.1"}, LoopbackCase{Protocol::tcp_echo, "::1"},
			LoopbackCase{Protocol::udp_echo, "127.0.0.1"}, LoopbackCase{Protocol::udp_echo, "::1"},
			LoopbackCase{Protocol::http, "127.0.0.1"}, LoopbackCase{Protocol::http, "::1"},
			LoopbackCase{Protocol::https, "127.0.0.1"}, LoopbackCase{Protocol::https, "::1"},
			LoopbackCase{Protocol::twamp, "127.0.0.1"}, LoopbackCase{Protocol::twamp, "::1"}),
	name_of);

TEST(LinkMonitors, a_late_reply_is_a_lost_one_until_the_server_is_in_time_again)
{
	ServerLoop loop;
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	Monitor monitor = fast_monitor(Protocol::udp_echo, server.port());
	monitor.probe_timeout = milliseconds{200};
	server.delay = milliseconds{400};
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead));
	EXPECT_EQ(watch.server().received, 0U);
	EXPECT_THAT(watch.server().last_error, HasSubstr("no answer within 200 ms"));
	EXPECT_TRUE(Watch::eventually([&] { return watch.server().last_error.find("too late") != std::string::npos; }))
		<< watch.server().last_error;
	server.delay = milliseconds{0};
	ASSERT_TRUE(watch.becomes(LinkMonitorState::alive));
	EXPECT_EQ(watch.story(), "DA");
	EXPECT_GE(watch.server().received, 3U);
}

TEST(LinkMonitors, probes_overlap_when_the_interval_is_shorter_than_the_answer)
{
	ServerLoop loop;
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	server.delay = milliseconds{150};
	Monitor monitor = fast_monitor(Protocol::udp_echo, server.port());
	monitor.probe_timeout = milliseconds{5000};
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(watch.answers(10));
	EXPECT_GT(watch.server().sent, watch.server().received + 2);
	EXPECT_GE(watch.server().latency->least, milliseconds{140});
	EXPECT_EQ(watch.story(), "");
}

TEST(LinkMonitors, what_is_not_the_echo_is_no_answer)
{
	ServerLoop loop;
	const struct {
		Protocol protocol;
		std::uint16_t port;
		const char *error;
	} rows[] = {
		{Protocol::tcp_echo, loop.add<TcpServer>("127.0.0.1", TcpManner::garbage).port(),
		 "the echo is not what was sent"},
		{Protocol::tcp_echo, loop.add<TcpServer>("127.0.0.1", TcpManner::reset).port(), "reset by peer"},
		{Protocol::tcp_echo, loop.add<TcpServer>("127.0.0.1", TcpManner::silent).port(),
		 "no answer within 100 ms (connected, waiting for the echo)"},
		{Protocol::udp_echo,
		 loop.add<UdpServer>("127.0.0.1", [](const Octets &) { return std::optional(Octets(16, 'x')); }).port(),
		 "not what was asked"},
		{Protocol::twamp,
		 loop.add<UdpServer>("127.0.0.1", [](const Octets &) { return std::optional(Octets(100, 'x')); })
			 .port(),
		 "not what was asked"},
		{Protocol::twamp, loop.add<UdpServer>("127.0.0.1", echo).port(), "not what was asked"},
		{Protocol::http, loop.add<TcpServer>("127.0.0.1", TcpManner::garbage).port(), "bad version"},
		{Protocol::http, loop.add<TcpServer>("127.0.0.1", TcpManner::reset).port(), "reset by peer"},
		{Protocol::http, loop.add<TcpServer>("127.0.0.1", TcpManner::silent).port(), "waiting for the answer"},
		{Protocol::https, loop.add<TcpServer>("127.0.0.1", TcpManner::garbage).port(), "TLS handshake"},
		{Protocol::https, loop.add<TcpServer>("127.0.0.1", TcpManner::reset).port(), "TLS handshake"},
		{Protocol::https, loop.add<TcpServer>("127.0.0.1", TcpManner::silent).port(), "in the TLS handshake"},
		{Protocol::https, loop.add<HttpServer>("127.0.0.1", false).port(), "TLS handshake"},
	};
	std::vector<Monitor> monitors;
	for (const auto &row : rows) {
		monitors.push_back(fast_monitor(row.protocol, row.port));
		monitors.back().probe_timeout = milliseconds{100};
	}
	Watch watch(monitors);
	watch.start();
	for (std::size_t i = 0; i < std::size(rows); ++i) {
		ASSERT_TRUE(Watch::eventually([&] { return watch.status(i).state == LinkMonitorState::dead; })) << i;
		EXPECT_TRUE(Watch::eventually([&] {
			return watch.status(i).servers[0].last_error.find(rows[i].error) != std::string::npos;
		})) << i
		    << " " << watch.status(i).servers[0].last_error;
		EXPECT_EQ(watch.status(i).servers[0].received, 0U) << i;
	}
}

TEST(LinkMonitors, http_asks_for_the_page_and_judges_status_and_text)
{
	ServerLoop loop;
	for (const bool tls : {false, true}) {
		auto &server = loop.add<HttpServer>("127.0.0.1", tls);
		Monitor monitor = fast_monitor(tls ? Protocol::https : Protocol::http, server.port());
		monitor.http_get = "health?deep=1";
		monitor.http_agent = "probe/1";
		monitor.http_match = "all is well";
		server.say("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nreport: all is well...");
		Watch watch(monitor);
		watch.start();
		ASSERT_TRUE(watch.answers(1)) << watch.server().last_error;
		EXPECT_THAT(server.asked(), testing::StartsWith("GET /health?deep=1 HTTP/1.1\r\n"));
		EXPECT_THAT(server.asked(), HasSubstr("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
		EXPECT_THAT(server.asked(), HasSubstr("User-Agent: probe/1\r\n"));

		const struct {
			const char *answer, *error;
		} bad[] = {
			{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nall is.", "does not hold the text of http-match"},
			{"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 11\r\n\r\nall is well",
			 "503 Service Unavailable"},
			{"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\nall is well", "body limit exceeded"},
		};
		for (const auto &one : bad) {
			server.say(one.answer);
			ASSERT_TRUE(watch.becomes(LinkMonitorState::dead)) << one.answer;
			EXPECT_TRUE(Watch::eventually([&] {
				return watch.server().last_error.find(one.error) != std::string::npos;
			})) << watch.server().last_error;
			server.say("HTTP/1.1 302 Found\r\nContent-Length: 11\r\n\r\nall is well");
			ASSERT_TRUE(watch.becomes(LinkMonitorState::alive)) << watch.server().last_error;
		}
	}
}

TEST(LinkMonitors, the_reflectors_own_time_is_no_latency)
{
	ServerLoop loop;
	auto &server = loop.add<UdpServer>("127.0.0.1", twamp_reflector(milliseconds{100}));
	Monitor monitor = fast_monitor(Protocol::twamp, server.port());
	monitor.interval = milliseconds{200};
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(watch.answers(3));
	EXPECT_LT(watch.server().latency->least, milliseconds{50});
}

TEST(LinkMonitors, several_servers_all_must_be_dead)
{
	ServerLoop loop;
	auto &one = loop.add<UdpServer>("127.0.0.1", echo);
	auto &other = loop.add<UdpServer>("127.0.0.2", echo, one.port());
	Monitor monitor = fast_monitor(Protocol::udp_echo, one.port(), {"127.0.0.1", "127.0.0.2"});
	monitor.probe_timeout = milliseconds{200};
	Watch watch(monitor);
	watch.start();
	one.silent = true;
	ASSERT_TRUE(Watch::eventually([&] { return watch.server(0).state == LinkMonitorState::dead; }));
	EXPECT_EQ(watch.status().state, LinkMonitorState::alive);
	EXPECT_EQ(watch.story(), "");
	other.silent = true;
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead));
	one.silent = false;
	ASSERT_TRUE(watch.becomes(LinkMonitorState::alive));
	EXPECT_EQ(watch.server(1).state, LinkMonitorState::dead);
	EXPECT_EQ(watch.story(), "DA");
}

TEST(LinkMonitors, individual_servers_have_protocol_port_and_weight_of_their_own)
{
	ServerLoop loop;
	auto &heavy = loop.add<UdpServer>("127.0.0.1", echo);
	auto &light = loop.add<UdpServer>("127.0.0.1", twamp_reflector(milliseconds{0}));
	auto &page = loop.add<HttpServer>("127.0.0.1", false);
	Monitor monitor = fast_monitor(Protocol::ping, 0);
	monitor.server_config = Configuration::ServerConfig::individual;
	monitor.server_list = {{1, "127.0.0.1", Protocol::udp_echo, heavy.port(), 20},
			       {2, "127.0.0.1", Protocol::twamp, light.port(), 10},
			       {3, "127.0.0.1", Protocol::http, page.port(), 0}};
	monitor.fail_weight = 10;
	monitor.probe_timeout = milliseconds{200};
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(Watch::eventually([&] {
		const auto servers = watch.status().servers;
		return std::all_of(servers.begin(), servers.end(), [](const auto &one) { return one.received > 0; });
	}));
	light.silent = true;
	ASSERT_TRUE(Watch::eventually([&] { return watch.server(1).state == LinkMonitorState::dead; }));
	EXPECT_EQ(watch.story(), "") << "10 does not exceed 10";
	light.silent = false;
	ASSERT_TRUE(Watch::eventually([&] { return watch.server(1).state == LinkMonitorState::alive; }));
	heavy.silent = true;
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead)) << "20 does";
	EXPECT_EQ(watch.server(2).state, LinkMonitorState::alive);
}

TEST(LinkMonitors, a_name_that_does_not_resolve_is_lost_probes_and_is_named)
{
	ServerLoop loop;
	NameTable names;
	names.exists = false;
	auto &dns = loop.add<UdpServer>("127.0.0.1", name_server(names));
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	Watch watch(fast_monitor(Protocol::udp_echo, server.port(), {"server.example"}),
		    {"default", "127.0.0.1:" + std::to_string(dns.port())});
	watch.start();
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead));
	EXPECT_THAT(watch.server().last_error,
		    HasSubstr("the name server.example does not resolve: Domain name not found"));
	EXPECT_EQ(watch.server().address, "");
	names.exists = true;
	ASSERT_TRUE(watch.becomes(LinkMonitorState::alive));
	EXPECT_EQ(watch.server().address, "127.0.0.1");
	EXPECT_EQ(watch.story(), "DA");
}

TEST(LinkMonitors, a_name_is_looked_up_again_when_its_address_stops_answering)
{
	ServerLoop loop;
	NameTable names;
	names.address = 0x7f000002;
	auto &dns = loop.add<UdpServer>("127.0.0.1", name_server(names));
	auto &old_server = loop.add<UdpServer>("127.0.0.2", echo);
	loop.add<UdpServer>("127.0.0.3", echo, old_server.port());
	Monitor monitor = fast_monitor(Protocol::udp_echo, old_server.port(), {"server.example"});
	monitor.probe_timeout = milliseconds{200};
	Watch watch(monitor, {"default", "127.0.0.1:" + std::to_string(dns.port())});
	watch.start();
	ASSERT_TRUE(watch.answers(3)) << watch.server().last_error;
	EXPECT_EQ(watch.server().address, "127.0.0.2");
	const unsigned asked = names.asked;
	ASSERT_TRUE(watch.answers(20));
	EXPECT_EQ(names.asked, asked) << "while it answers, nobody asks";
	names.address = 0x7f000003;
	old_server.silent = true;
	ASSERT_TRUE(Watch::eventually([&] { return watch.server().address == "127.0.0.3"; }));
	const auto before = watch.server().received;
	ASSERT_TRUE(watch.answers(before + 3));
	ASSERT_TRUE(watch.becomes(LinkMonitorState::alive));
}

TEST(LinkMonitors, a_dead_name_server_holds_up_nothing)
{
	ServerLoop loop;
	NameTable names;
	auto &dns = loop.add<UdpServer>("127.0.0.1", name_server(names));
	dns.silent = true;
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	Monitor named = fast_monitor(Protocol::udp_echo, server.port(), {"server.example"});
	named.probe_timeout = milliseconds{50};
	Watch watch({named, fast_monitor(Protocol::udp_echo, server.port())},
		    {"default", "127.0.0.1:" + std::to_string(dns.port())});
	watch.start();
	ASSERT_TRUE(watch.becomes(LinkMonitorState::dead));
	EXPECT_THAT(watch.server().last_error, HasSubstr("server.example is still being looked up"));
	EXPECT_TRUE(Watch::eventually([&] { return watch.status(1).servers[0].received > 5; }));
	const auto begin = steady_clock::now();
	watch.monitors.stop();
	EXPECT_LT(steady_clock::now() - begin, milliseconds{500}) << "the question was under way";
}

TEST(LinkMonitors, what_cannot_be_probed_says_why)
{
	const auto with = [](const std::function<void(Monitor &)> &change) {
		Monitor monitor = fast_monitor(Protocol::udp_echo, 9, {"127.0.0.1"});
		change(monitor);
		return monitor;
	};
	const struct {
		Monitor monitor;
		const char *error;
	} rows[] = {
		{with([](Monitor &m) { m.srcintf = "nowhere0"; }), "there is no interface nowhere0 (srcintf)"},
		{with([](Monitor &m) {
			 m.source_ip = {192, 0, 2, 77};
		 }),
		 "source address 192.0.2.77 cannot be used here: Cannot assign requested address"},
		{with([](Monitor &m) { m.servers = {"::1"}; }), "::1 is an IPv6 address, but addr-mode is ipv4"},
		{with([](Monitor &m) { m.addr_mode = Configuration::AddressMode::ipv6; }),
		 "127.0.0.1 is no IPv6 address, but addr-mode is ipv6"},
	};
	std::vector<Monitor> monitors;
	for (const auto &row : rows)
		monitors.push_back(row.monitor);
	Watch watch(monitors);
	watch.start();
	for (std::size_t i = 0; i < std::size(rows); ++i) {
		ASSERT_TRUE(Watch::eventually([&] { return watch.status(i).state == LinkMonitorState::dead; })) << i;
		EXPECT_EQ(watch.status(i).servers[0].last_error, rows[i].error);
	}
}

TEST(LinkMonitors, only_active_monitors_probe_and_a_start_is_a_fresh_start)
{
	ServerLoop loop;
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	Monitor disabled = fast_monitor(Protocol::udp_echo, server.port());
	disabled.status = false;
	Watch watch({fast_monitor(Protocol::udp_echo, server.port()), disabled});
	EXPECT_EQ(watch.status(0).state, LinkMonitorState::not_probed);
	EXPECT_EQ(watch.status(1).state, LinkMonitorState::disabled);
	watch.monitors.set_active({true, true});
	ASSERT_TRUE(watch.answers(20));
	EXPECT_EQ(watch.status(1).servers[0].sent, 0U);
	watch.monitors.set_active({false, false});
	ASSERT_TRUE(watch.becomes(LinkMonitorState::not_probed));
	EXPECT_EQ(watch.server().sent, 0U);
	watch.monitors.set_active({true});
	ASSERT_TRUE(watch.answers(1));
	EXPECT_LT(watch.server().sent, 20U);
}

TEST(LinkMonitors, a_verdict_of_before_the_stop_is_known_as_such)
{
	Monitor monitor = fast_monitor(Protocol::tcp_echo, 1); // nobody listens there
	Watch watch(monitor);
	watch.start();
	ASSERT_TRUE(Watch::eventually([&] { return watch.story() == "D"; }));
	const MonitorVerdict verdict = watch.verdicts().front();
	EXPECT_FALSE(verdict.alive);
	EXPECT_TRUE(watch.monitors.is_current(verdict));
	watch.monitors.set_active({false});
	EXPECT_FALSE(watch.monitors.is_current(verdict));
	watch.start();
	EXPECT_FALSE(watch.monitors.is_current(verdict));
	ASSERT_TRUE(Watch::eventually([&] { return watch.story() == "DD"; })) << "presumed alive at the start";
	EXPECT_TRUE(watch.monitors.is_current(watch.verdicts().back()));
}

TEST(LinkMonitors, a_stop_with_probes_under_way_is_quick_and_final)
{
	ServerLoop loop;
	auto &udp = loop.add<UdpServer>("127.0.0.1", echo);
	udp.silent = true;
	auto &tcp = loop.add<TcpServer>("127.0.0.1", TcpManner::silent);
	std::vector<Monitor> monitors;
	for (const Protocol protocol :
	     {Protocol::udp_echo, Protocol::twamp, Protocol::tcp_echo, Protocol::http, Protocol::https}) {
		const bool is_udp = protocol == Protocol::udp_echo || protocol == Protocol::twamp;
		monitors.push_back(fast_monitor(protocol, is_udp ? udp.port() : tcp.port()));
		monitors.back().probe_timeout = milliseconds{5000};
	}
	for (int round = 0; round < 5; ++round) {
		Watch watch(monitors);
		for (int flip = 0; flip < 20; ++flip) {
			watch.start();
			watch.monitors.set_active({});
		}
		watch.start();
		ASSERT_TRUE(Watch::eventually([&] { return watch.status(4).servers[0].sent > 3; }));
		const auto begin = steady_clock::now();
		watch.monitors.stop();
		EXPECT_LT(steady_clock::now() - begin, milliseconds{1000});
		EXPECT_EQ(watch.story(), "");
	}
}

TEST(LinkMonitors, what_waits_in_a_socket_while_this_thread_was_away_is_not_lost)
{
	ServerLoop loop;
	auto &server = loop.add<UdpServer>("127.0.0.1", echo);
	auto &page = loop.add<HttpServer>("127.0.0.1", true);
	Monitor dead = fast_monitor(Protocol::tcp_echo, 1);
	dead.failtime = 1;
	Monitor watched = fast_monitor(Protocol::udp_echo, server.port());
	// Over TLS it takes several turns, and has had one when its time is over.
	Monitor connected = fast_monitor(Protocol::https, page.port());
	for (Monitor *monitor : {&watched, &connected}) {
		monitor->probe_timeout = milliseconds{100};
		monitor->failtime = 1; // one loss would be a verdict
	}
	// Its verdict holds the probe thread for far longer than the others' timeout; they have probes under way.
	std::atomic<bool> was_away{false};
	Watch watch({watched, connected, dead}, {}, [&](const MonitorVerdict &verdict) {
		if (verdict.monitor == 2 && !was_away) {
			std::this_thread::sleep_for(milliseconds{400});
			was_away = true;
		}
	});
	watch.start();
	ASSERT_TRUE(Watch::eventually([&] { return was_away.load(); }));
	const auto received = watch.status(0).servers[0].received;
	ASSERT_TRUE(Watch::eventually([&] { return watch.status(0).servers[0].received > received + 3; }));
	for (const MonitorVerdict &verdict : watch.verdicts())
		EXPECT_EQ(verdict.monitor, 2U) << watch.status(verdict.monitor).servers[0].last_error;
}

} // namespace
} // namespace systole::control::test
