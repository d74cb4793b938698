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

} // namespace
} // namespace systole::control::test
