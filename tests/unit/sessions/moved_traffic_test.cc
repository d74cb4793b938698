// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Real traffic through one router, whose entries are copied to another one, and then through that one. The second router
// drops whatever it has no entry for, and every port is translated, so nothing can go on by chance.
//
//   client 10.1.1.1 ------ br-lan ------ port1 [m1 | m2] port2 ------ br-wan ------ server 10.2.2.1
#include "tests/unit/sessions/tracker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>
#include <optional>

namespace systole::control::test {
namespace {

using std::chrono::milliseconds;

sockaddr_storage socket_address(const std::string &text, std::uint16_t port, socklen_t &length)
{
	sockaddr_storage storage{};
	const IpBytes bytes = address(text);
	if (text.find(':') == std::string::npos) {
		auto &v4 = reinterpret_cast<sockaddr_in &>(storage);
		v4.sin_family = AF_INET;
		v4.sin_port = htons(port);
		std::memcpy(&v4.sin_addr, bytes.data(), 4);
		length = sizeof(v4);
	} else {
		auto &v6 = reinterpret_cast<sockaddr_in6 &>(storage);
		v6.sin6_family = AF_INET6;
		v6.sin6_port = htons(port);
		std::memcpy(&v6.sin6_addr, bytes.data(), 16);
		length = sizeof(v6);
	}
	return storage;
}

int bound(const lab::NetworkNamespace &space, int type, const std::string &where, std::uint16_t port)
{
	return space.run([&] {
		socklen_t length = 0;
		const sockaddr_storage at = socket_address(where, port, length);
		const int fd = socket(at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr *>(&at), length), 0) << where << strerror(errno);
		if (type == SOCK_STREAM) {
			EXPECT_EQ(listen(fd, 64), 0);
		}
		return fd;
	});
}

int connected(const lab::NetworkNamespace &space, int type, const std::string &where, std::uint16_t port)
{
	return space.run([&] {
		socklen_t length = 0;
		const sockaddr_storage to = socket_address(where, port, length);
		const int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);
		EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr *>(&to), length), 0) << where << strerror(errno);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		return fd;
	});
}

// One end of a byte stream: sends and expects the same endless pattern, so that one byte too many or too few is seen.
struct End {
	int fd = -1;
	std::uint64_t sent = 0;
	std::uint64_t received = 0;
	std::string failure{};

	static char pattern(std::uint64_t at) { return static_cast<char>(at * 31 + (at >> 9)); }
	void pump()
	{
		std::array<char, 4096> bytes;
		for (std::size_t i = 0; i < bytes.size(); ++i)
			bytes[i] = pattern(sent + i);
		const ssize_t out = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
		if (out > 0)
			sent += static_cast<std::uint64_t>(out);
		else if (errno != EAGAIN)
			failure = strerror(errno);
		const ssize_t in = recv(fd, bytes.data(), bytes.size(), 0);
		if (in == 0 || (in < 0 && errno != EAGAIN))
			failure = in == 0 ? "closed" : strerror(errno);
		for (ssize_t i = 0; i < in; ++i)
			if (bytes[static_cast<std::size_t>(i)] != pattern(received + static_cast<std::uint64_t>(i)))
				failure = "a wrong byte at " + std::to_string(received + static_cast<std::uint64_t>(i));
		received += static_cast<std::uint64_t>(std::max<ssize_t>(in, 0));
	}
};

struct Stream {
	std::string name;
	End client;
	End server;
};

// The client sends numbers, the server sends them back to where they came from.
struct Echo {
	int client;
	int server;
	std::uint32_t next = 0;
	std::uint32_t last_back = 0;
	sockaddr_storage seen_from{};

	void exchange()
	{
		++next;
		send(client, &next, sizeof(next), 0);
		for (int i = 0; i < 20; ++i) {
			std::uint32_t number = 0;
			sockaddr_storage from{};
			socklen_t length = sizeof(from);
			while (recvfrom(server, &number, sizeof(number), 0, reinterpret_cast<sockaddr *>(&from),
					&length) > 0) {
				seen_from = from;
				sendto(server, &number, sizeof(number), 0, reinterpret_cast<sockaddr *>(&from), length);
			}
			while (recv(client, &number, sizeof(number), 0) > 0)
				last_back = number;
			if (last_back == next)
				return;
			::poll(nullptr, 0, 5);
		}
	}
};

class MovedTraffic : public testing::Test {
protected:
	static constexpr const char *rules =
		"nft -f - <<'X'\n"
		"table inet systole_test {\n"
		"	chain to { type nat hook prerouting priority dstnat;\n"
		"		ip daddr 10.1.1.254 tcp dport 8080 dnat ip to 10.2.2.1:9000\n"
		"		ip6 daddr 2001:db8:1::fe tcp dport 8080 dnat ip6 to [2001:db8:2::1]:9000\n"
		"	}\n"
		"	chain from { type nat hook postrouting priority srcnat;\n"
		"		oifname port2 meta l4proto { tcp, udp } masquerade to :20000-29999\n"
		"	}\n"
		"	chain through { type filter hook forward priority filter; policy accept; }\n"
		"}\nX";

	MovedTraffic()
	{
		for (const lab::NetworkNamespace *member : {&network.m1, &network.m2}) {
			member->sh("ip link set port1 down; ip link set port2 down;"
				   "ip link set port1 address 02:00:00:00:00:01; ip link set port2 address "
				   "02:00:00:00:00:02;"
				   "ip address add 10.1.1.254/24 dev port1; ip address add 10.2.2.254/24 dev port2;"
				   "echo 0 >/proc/sys/net/ipv6/conf/port1/accept_dad;"
				   "echo 0 >/proc/sys/net/ipv6/conf/port2/accept_dad");
			member->sh(rules);
		}
		network.m2.sh("nft add rule inet systole_test through ct state != established drop");
		carry(network.m1);
	}
	~MovedTraffic() override
	{
		for (const Stream &stream : streams) {
			close(stream.client.fd);
			close(stream.server.fd);
		}
		for (const Echo &echo : echoes)
			close(echo.client);
		for (const int fd : listeners)
			close(fd);
	}
	void carry(const lab::NetworkNamespace &member) const
	{
		member.sh("ip link set port1 up; ip link set port2 up;"
			  "ip address replace 2001:db8:1::fe/64 dev port1 nodad; ip address replace 2001:db8:2::fe/64 "
			  "dev port2 nodad");
	}
	void stop(const lab::NetworkNamespace &member) const
	{
		member.sh("ip link set port1 down; ip link set port2 down");
	}

	void open_streams(int each)
	{
		struct {
			const char *listen;
			const char *connect;
			std::uint16_t port;
		} const ways[] = {{"10.2.2.1", "10.2.2.1", 9000},
				  {"10.2.2.1", "10.1.1.254", 8080},
				  {"2001:db8:2::1", "2001:db8:2::1", 9000},
				  {"2001:db8:2::1", "2001:db8:1::fe", 8080}};
		listeners = {bound(network.server, SOCK_STREAM, "10.2.2.1", 9000),
			     bound(network.server, SOCK_STREAM, "2001:db8:2::1", 9000)};
		for (const auto &way : ways)
			for (int i = 0; i < each; ++i) {
				Stream &stream = streams.emplace_back();
				stream.name = std::string(way.connect) + " " + std::to_string(i);
				stream.client.fd = connected(network.client, SOCK_STREAM, way.connect, way.port);
				const int listener = listeners[std::string(way.listen) == "10.2.2.1" ? 0 : 1];
				ASSERT_TRUE(lab::eventually(milliseconds{2000}, [&] {
					stream.server.fd =
						accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
					return stream.server.fd >= 0;
				})) << stream.name;
			}
	}
	// Each end of each stream receives so much more; the first failure, or which one stands still, if any does.
	std::optional<std::string> flows(std::uint64_t more, milliseconds within)
	{
		std::vector<std::pair<std::uint64_t, std::uint64_t>> goals;
		for (const Stream &stream : streams)
			goals.emplace_back(stream.client.received + more, stream.server.received + more);
		std::optional<std::string> trouble;
		const bool done = lab::eventually(within, [&] {
			bool all = true;
			for (int i = 0; i < 20; ++i) {
				all = true;
				auto goal = goals.begin();
				for (Stream &stream : streams) {
					stream.client.pump();
					stream.server.pump();
					for (const End *end : {&stream.client, &stream.server})
						if (!end->failure.empty())
							trouble = stream.name + ": " + end->failure;
					all = all && stream.client.received >= goal->first &&
					      stream.server.received >= goal->second;
					++goal;
				}
			}
			return all || trouble;
		});
		if (!trouble && !done)
			trouble = "a stream stands still";
		return trouble;
	}

	lab::Network network;
	std::vector<int> listeners;
	std::list<Stream> streams;
	std::vector<Echo> echoes;
};

TEST_F(MovedTraffic, goes_on_through_another_router_with_the_entries_of_the_first)
{
	open_streams(5);
	echoes.push_back({connected(network.client, SOCK_DGRAM, "10.2.2.1", 7000),
			  bound(network.server, SOCK_DGRAM, "10.2.2.1", 7000)});
	echoes.push_back({connected(network.client, SOCK_DGRAM, "2001:db8:2::1", 7000),
			  bound(network.server, SOCK_DGRAM, "2001:db8:2::1", 7000)});
	for (const Echo &echo : echoes)
		listeners.push_back(echo.server);
	ASSERT_EQ(flows(50'000, milliseconds{5000}), std::nullopt);
	for (Echo &echo : echoes) {
		echo.exchange();
		echo.exchange();
		ASSERT_EQ(echo.last_back, 2U);
	}

	Sessions sessions = sessions_in(network.m1);
	std::erase_if(sessions, [](const auto &entry) {
		return entry.first.protocol != IPPROTO_TCP && entry.first.protocol != IPPROTO_UDP;
	});
	EXPECT_EQ(sessions.size(), 22U);
	for (const auto &[key, record] : sessions)
		EXPECT_TRUE(record.source_nat()) << record;
	const auto sink = sink_in(network.m2);
	EXPECT_EQ(sink->put(list(sessions)), 0U);
	// Windows move on, and the entries know nothing of it.
	ASSERT_EQ(flows(500'000, milliseconds{5000}), std::nullopt);

	const std::vector<sockaddr_storage> seen{echoes[0].seen_from, echoes[1].seen_from};
	stop(network.m1);
	carry(network.m2);
	EXPECT_EQ(flows(500'000, milliseconds{10'000}), std::nullopt);
	EXPECT_EQ(sink->trim(list(sessions)), 2U); // the echoes; what is established is long-lived anyway
	for (std::size_t i = 0; i < echoes.size(); ++i) {
		echoes[i].exchange();
		EXPECT_EQ(echoes[i].last_back, echoes[i].next);
		EXPECT_EQ(std::memcmp(&seen[i], &echoes[i].seen_from, sizeof(seen[i])), 0);
	}

	// They end as they should, by what the second router saw of it.
	for (Stream &stream : streams)
		for (End *end : {&stream.client, &stream.server})
			shutdown(end->fd, SHUT_RDWR);
	EXPECT_TRUE(lab::eventually(milliseconds{3000}, [&] {
		const Sessions after = sessions_in(network.m2);
		return std::ranges::none_of(
			after, [](const auto &entry) { return entry.second.tcp_state == TcpState::established; });
	}));
}

// The kernel's event about a new mark leaves out the state of TCP.
TEST_F(MovedTraffic, tells_its_whole_state_when_a_packet_changes_nothing_but_the_mark)
{
	const auto source = source_in(network.m1); // first: an entry made while nobody listens has no events
	Model model;
	open_streams(1);
	ASSERT_EQ(flows(50'000, milliseconds{5000}), std::nullopt);
	drain(*source, model);
	network.m1.sh("nft insert rule inet systole_test through ct mark set 9");
	ASSERT_EQ(flows(50'000, milliseconds{5000}), std::nullopt);
	drain(*source, model);
	EXPECT_EQ(source->counters().dumps, 1U);
	std::size_t marked = 0;
	for (const auto &[key, record] : model.sessions)
		if (record.mark == 9) {
			++marked;
			EXPECT_EQ(record.tcp_state, TcpState::established) << record;
			EXPECT_TRUE(record.assured) << record;
		}
	EXPECT_EQ(marked, 4U);
}

TEST_F(MovedTraffic, stands_still_without_the_entries)
{
	open_streams(1);
	ASSERT_EQ(flows(50'000, milliseconds{5000}), std::nullopt);
	stop(network.m1);
	carry(network.m2);
	EXPECT_NE(flows(500'000, milliseconds{1500}), std::nullopt);
}

// A control connection of FTP, and the data connection that was agreed on.
struct Ftp {
	bool v6 = false;
	bool active = false; // the server connects (PORT, EPRT), else the client (PASV, EPSV)
	int client = -1;
	int server = -1;
	int data_listener = -1;
	std::string where{}; // to connect to
	std::uint16_t port = 0;

	static std::string line_at(int fd)
	{
		std::string line;
		(void)lab::eventually(milliseconds{3000}, [&] {
			char c = 0;
			while (recv(fd, &c, 1, 0) == 1)
				if ((line += c).ends_with('\n'))
					return true;
			return false;
		});
		return line;
	}
	static std::string told(int from, int to, const std::string &line)
	{
		send(from, line.data(), line.size(), MSG_NOSIGNAL);
		return line_at(to);
	}
	// Both ways, byte by byte.
	[[nodiscard]] bool talks() const
	{
		return told(client, server, "NOOP\r\n") == "NOOP\r\n" &&
		       told(server, client, "200 Yes.\r\n") == "200 Yes.\r\n";
	}
	void agree(const lab::Network &network, std::uint16_t data_port)
	{
		const std::string mine =
			active ? (v6 ? "2001:db8:1::1" : "10.1.1.1") : (v6 ? "2001:db8:2::1" : "10.2.2.1");
		close(data_listener);
		data_listener = bound(active ? network.client : network.server, SOCK_STREAM, mine, data_port);
		std::string commas =
			mine + "," + std::to_string(data_port / 256) + "," + std::to_string(data_port % 256);
		std::ranges::replace(commas, '.', ',');
		const std::string port_text = std::to_string(data_port);
		if (active) {
			const std::string heard =
				told(client, server,
				     v6 ? "EPRT |2|" + mine + "|" + port_text + "|\r\n" : "PORT " + commas + "\r\n");
			where = v6 ? "2001:db8:2::fe" : "10.2.2.254";
			std::array<unsigned, 6> parts{};
			if (v6)
				EXPECT_EQ(sscanf(heard.c_str(), "EPRT |2|2001:0db8:0002:0000:0000:0000:0000:00fe|%u|",
						 &parts[5]),
					  1)
					<< heard;
			else
				EXPECT_EQ(sscanf(heard.c_str(), "PORT 10,2,2,254,%u,%u", &parts[4], &parts[5]), 2)
					<< heard;
			port = static_cast<std::uint16_t>(parts[4] * 256 + parts[5]);
			EXPECT_NE(heard.size(), 0U);
		} else {
			const std::string ask = v6 ? "EPSV\r\n" : "PASV\r\n";
			EXPECT_EQ(told(client, server, ask), ask);
			const std::string answer =
				v6 ? "229 Entering (|||" + port_text + "|)\r\n" : "227 Entering (" + commas + ").\r\n";
			EXPECT_EQ(told(server, client, answer), answer);
			where = mine;
			port = data_port;
		}
	}
	// The connection that was agreed on comes about, and goes to the right listener.
	[[nodiscard]] bool transfers(const lab::Network &network) const
	{
		const int one = connected_from(active ? network.server : network.client);
		int other = -1;
		const bool accepted =
			one >= 0 && lab::eventually(milliseconds{2000}, [&] {
				other = accept4(data_listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
				return other >= 0;
			});
		const bool whole =
			accepted && told(one, other, "data\n") == "data\n" && told(other, one, "back\n") == "back\n";
		close(one);
		close(other);
		return whole;
	}

private:
	[[nodiscard]] int connected_from(const lab::NetworkNamespace &space) const
	{
		return space.run([&] {
			socklen_t length = 0;
			const sockaddr_storage to = socket_address(where, port, length);
			const int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
			if (connect(fd, reinterpret_cast<const sockaddr *>(&to), length) != 0) {
				close(fd);
				return -1;
			}
			fcntl(fd, F_SETFL, O_NONBLOCK);
			return fd;
		});
	}
};

class MovedFtp : public MovedTraffic {
protected:
	MovedFtp()
	{
		for (const lab::NetworkNamespace *member : {&network.m1, &network.m2})
			member->sh("nft -f - <<'X'\n"
				   "table inet systole_ftp {\n"
				   "	ct helper ftp-standard { type \"ftp\" protocol tcp; }\n"
				   "	chain assign { type filter hook prerouting priority filter;\n"
				   "		tcp dport 21 ct helper set \"ftp-standard\"\n"
				   "	}\n"
				   "}\nX");
		network.m2.sh("nft insert rule inet systole_test through ct state related accept");
		for (const lab::NetworkNamespace *host :
		     {&network.client, &network.server}) // no test waits for minutes
			host->sh("echo 1 >/proc/sys/net/ipv4/tcp_syn_retries");
		for (const bool v6 : {false, true}) {
			const std::string server = v6 ? "2001:db8:2::1" : "10.2.2.1";
			listeners.push_back(bound(network.server, SOCK_STREAM, server, 21));
			for (const bool active : {false, true}) {
				Ftp &ftp = ftps.emplace_back(Ftp{.v6 = v6, .active = active});
				ftp.client = connected(network.client, SOCK_STREAM, server, 21);
				EXPECT_TRUE(lab::eventually(milliseconds{2000}, [&] {
					ftp.server = accept4(listeners.back(), nullptr, nullptr,
							     SOCK_NONBLOCK | SOCK_CLOEXEC);
					return ftp.server >= 0;
				}));
			}
		}
	}
	~MovedFtp() override
	{
		for (const Ftp &ftp : ftps)
			for (const int fd : {ftp.client, ftp.server, ftp.data_listener})
				close(fd);
	}
	static std::size_t expectations_in(const Sessions &sessions)
	{
		return static_cast<std::size_t>(std::ranges::count_if(sessions, [](const auto &entry) {
			return entry.first.kind == core::SessionKind::expectation;
		}));
	}

	std::vector<Ftp> ftps;
};

TEST_F(MovedFtp, a_data_connection_that_was_agreed_on_before_comes_through_the_other_router_and_the_next_one_too)
{
	const auto source = source_in(network.m1, {.expectations = true});
	Model model;
	for (Ftp &ftp : ftps) {
		EXPECT_TRUE(ftp.talks());
		ftp.agree(network, ftp.active ? 41000 : 42000);
		EXPECT_TRUE(ftp.talks()); // or the agreement might be retransmitted, for the other router to hear
	}
	drain(*source, model);
	EXPECT_EQ(expectations_in(model.sessions), 4U);
	EXPECT_EQ(model.orphans, 0U);
	EXPECT_EQ(source->counters().left_out, 0U);
	EXPECT_TRUE(same(model.sessions, sessions_in(network.m1, true)))
		<< "what NAT did to the byte stream is told too, though the kernel makes no event of it";
	const auto sink = sink_in(network.m2);
	EXPECT_EQ(sink->put(list(model.sessions)), 0U) << strerror(sink->counters().last_errno);
	stop(network.m1);
	carry(network.m2);

	for (const Ftp &ftp : ftps) {
		EXPECT_TRUE(ftp.transfers(network)) << "IPv6 " << ftp.v6 << " active " << ftp.active;
		EXPECT_TRUE(ftp.talks()) << "IPv6 " << ftp.v6 << " active " << ftp.active;
	}
	const Sessions there = sessions_in(network.m2, true);
	EXPECT_EQ(expectations_in(there), 0U) << "each is used once";
	for (const auto &[key, record] : there)
		if (key.protocol == IPPROTO_TCP && key.original.destination_port != 21) {
			EXPECT_EQ(record.helper, core::SessionHelper::none)
				<< "no data is read as commands: " << record;
		}
	for (Ftp &ftp : ftps) {
		ftp.agree(network, ftp.active ? 43000 : 44000);
		EXPECT_TRUE(ftp.transfers(network)) << "IPv6 " << ftp.v6 << " active " << ftp.active;
		EXPECT_TRUE(ftp.talks()) << "IPv6 " << ftp.v6 << " active " << ftp.active;
	}

	// Back to the first, whose helper has not heard what was said since.
	for (Ftp &ftp : ftps) {
		ftp.agree(network, ftp.active ? 45000 : 46000);
		EXPECT_TRUE(ftp.talks());
	}
	EXPECT_EQ(sink_in(network.m1)->put(list(sessions_in(network.m2, true))), 0U);
	stop(network.m2);
	carry(network.m1);
	for (Ftp &ftp : ftps) {
		EXPECT_TRUE(ftp.transfers(network)) << "IPv6 " << ftp.v6 << " active " << ftp.active;
		ftp.agree(network, ftp.active ? 47000 : 48000);
		EXPECT_TRUE(ftp.transfers(network)) << "IPv6 " << ftp.v6 << " active " << ftp.active;
		EXPECT_TRUE(ftp.talks()) << "IPv6 " << ftp.v6 << " active " << ftp.active;
	}
}

// The kernel tells what the first packet makes it expect before it tells the session of that packet.
TEST_F(MovedTraffic, what_is_expected_from_the_first_packet_on_is_told_after_its_master)
{
	network.m1.sh("nft -f - <<'X'\n"
		      "table inet systole_tftp {\n"
		      "	ct helper tftp-standard { type \"tftp\" protocol udp; }\n"
		      "	chain assign { type filter hook prerouting priority filter;\n"
		      "		udp dport 69 ct helper set \"tftp-standard\"\n"
		      "	}\n"
		      "}\nX");
	const auto source = source_in(network.m1, {.expectations = true});
	Model model;
	drain(*source, model);
	for (const char *server : {"10.2.2.1", "2001:db8:2::1"}) {
		listeners.push_back(bound(network.server, SOCK_DGRAM, server, 69));
		listeners.push_back(connected(network.client, SOCK_DGRAM, server, 69));
		const std::string request("\0\1file\0octet\0", 13); // read this file
		EXPECT_EQ(send(listeners.back(), request.data(), request.size(), 0), 13);
	}
	EXPECT_TRUE(lab::eventually(milliseconds{2000}, [&] {
		drain(*source, model);
		return std::ranges::count_if(model.sessions, [](const auto &entry) {
			       return entry.first.kind == core::SessionKind::expectation;
		       }) == 2;
	}));
	EXPECT_EQ(model.orphans, 0U);
}

TEST_F(MovedFtp, without_the_expectations_it_does_not)
{
	for (Ftp &ftp : ftps) {
		EXPECT_TRUE(ftp.talks());
		ftp.agree(network, ftp.active ? 41000 : 42000);
		EXPECT_TRUE(ftp.talks()); // or the agreement might be retransmitted, for the other router to hear
	}
	EXPECT_EQ(sink_in(network.m2)->put(list(sessions_in(network.m1))), 0U);
	stop(network.m1);
	carry(network.m2);
	for (const Ftp &ftp : {ftps[0], ftps[1]}) {
		EXPECT_FALSE(ftp.transfers(network));
		EXPECT_TRUE(ftp.talks());
	}
}

} // namespace
} // namespace systole::control::test
