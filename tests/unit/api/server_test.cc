// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The control socket against clients that are slow, greedy, broken or many. The server runs in the test's own thread,
// a turn at a time, so nothing here waits for a clock except where a limit of time is the subject.
#include "control/api/server.h"
#include "tests/unit/api/fake_backend.h"
#include "tests/unit/api/temporary_directory.h"

#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>

namespace systole::control::test {
namespace {

class TestClient {
public:
	explicit TestClient(const std::string &path)
	{
		sockaddr_un address{};
		address.sun_family = AF_UNIX;
		std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
		m_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		EXPECT_EQ(connect(m_fd, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0)
			<< std::strerror(errno);
		EXPECT_EQ(fcntl(m_fd, F_SETFL, O_NONBLOCK), 0);
	}
	TestClient(TestClient &&other) noexcept : m_fd(std::exchange(other.m_fd, -1)), input(std::move(other.input)) {}
	~TestClient()
	{
		if (m_fd >= 0)
			close(m_fd);
	}
	std::size_t say(std::string_view text) const
	{
		const ssize_t n = send(m_fd, text.data(), text.size(), MSG_NOSIGNAL);
		return n > 0 ? static_cast<std::size_t>(n) : 0;
	}
	void no_more() const { shutdown(m_fd, SHUT_WR); }
	// Takes what is there.
	void listen()
	{
		std::array<char, 65536> chunk{};
		for (;;) {
			const ssize_t n = recv(m_fd, chunk.data(), chunk.size(), 0);
			if (n > 0) {
				input.append(chunk.data(), static_cast<std::size_t>(n));
				continue;
			}
			ended = ended || n == 0 || (errno != EAGAIN && errno != EINTR);
			return;
		}
	}
	[[nodiscard]] std::optional<std::string> line()
	{
		listen();
		const std::size_t end = input.find('\n');
		if (end == std::string::npos)
			return std::nullopt;
		std::string first = input.substr(0, end);
		input.erase(0, end + 1);
		return first;
	}

private:
	int m_fd = -1;

public:
	std::string input;
	bool ended = false;
};

class Server : public testing::Test {
protected:
	void listen_at(const ApiLimits &limits = {})
	{
		server.emplace(io, backend, limits);
		std::string error;
		ASSERT_TRUE(server->start(path, error)) << error;
	}
	// Turns the server until `done`, at most a few seconds.
	bool turn_until(const std::function<bool()> &done)
	{
		const auto until = std::chrono::steady_clock::now() + seconds{10};
		while (!done()) {
			if (std::chrono::steady_clock::now() > until)
				return false;
			io.restart();
			io.run_one_for(milliseconds{1});
		}
		return true;
	}
	std::string reply_of(TestClient &client)
	{
		std::optional<std::string> line;
		EXPECT_TRUE(turn_until([&] { return (line = client.line()).has_value(); }));
		return line.value_or("");
	}
	static std::string code_of(const std::string &line)
	{
		boost::system::error_code failed;
		const auto value = boost::json::parse(line, failed);
		if (failed || !value.is_object() || !value.as_object().contains("error"))
			return {};
		return std::string(value.as_object().at("error").as_object().at("code").as_string());
	}

	TemporaryDirectory directory;
	std::string path = directory / "control.sock";
	FakeBackend backend;
	boost::asio::io_context io;
	std::optional<ApiServer> server;
};

TEST_F(Server, answers_one_line_with_one_line)
{
	listen_at();
	backend.start();
	TestClient client(path);
	client.say("get system ha status\n");
	const std::string reply = reply_of(client);
	EXPECT_EQ(boost::json::parse(reply).as_object().at("serial"), self_serial.c_str());
	client.say("execute ha failover status\r\n");
	EXPECT_EQ(reply_of(client), R"({"failover_status":"unset"})") << "the same connection may ask again";
}

TEST_F(Server, the_socket_is_for_its_owner_and_group_only)
{
	listen_at();
	struct stat info {};
	ASSERT_EQ(stat(path.c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 0777U, 0660U);
	server.reset();
	EXPECT_NE(stat(path.c_str(), &info), 0) << "and gone when the server is";
}

TEST_F(Server, a_socket_left_by_a_dead_process_is_replaced_but_a_file_is_not)
{
	listen_at();
	server->stop();
	const int left = socket(AF_UNIX, SOCK_STREAM, 0);
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
	ASSERT_EQ(bind(left, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	close(left);
	listen_at();
	server->stop();
	std::ofstream(path) << "precious";
	std::string error;
	EXPECT_FALSE(server->start(path, error));
	EXPECT_NE(error.find(path), std::string::npos);
	EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(Server, a_path_that_no_socket_can_have_is_refused)
{
	ApiServer other(io, backend);
	std::string error;
	EXPECT_FALSE(other.start(directory / std::string(200, 'x'), error));
	EXPECT_FALSE(error.empty());
}

TEST_F(Server, P19_a_request_may_come_in_pieces)
{
	listen_at();
	TestClient client(path);
	for (const char c : std::string_view("execute ha failover status")) {
		client.say(std::string_view(&c, 1));
		io.restart();
		io.run_for(milliseconds{1});
	}
	EXPECT_FALSE(client.line().has_value());
	client.say("\n");
	EXPECT_EQ(reply_of(client), R"({"failover_status":"unset"})");
}

TEST_F(Server, several_requests_in_one_piece_are_answered_in_order_also_after_the_client_has_said_all)
{
	listen_at();
	TestClient client(path);
	client.say("execute ha failover set\nexecute ha failover status\nnonsense\n");
	client.no_more();
	EXPECT_EQ(reply_of(client), R"({"result":"ok"})");
	EXPECT_EQ(reply_of(client), R"({"failover_status":"set"})");
	EXPECT_EQ(code_of(reply_of(client)), "unknown-command");
	EXPECT_TRUE(turn_until([&] {
		client.listen();
		return client.ended;
	}));
	EXPECT_EQ(server->clients(), 0U);
}

TEST_F(Server, P19_a_megabyte_without_a_newline_is_refused_and_costs_no_more_than_the_limit)
{
	listen_at();
	TestClient client(path);
	const std::string flood(1U << 20, 'x');
	std::size_t sent = 0;
	EXPECT_TRUE(turn_until([&] {
		if (!client.ended && sent < flood.size())
			sent += client.say(std::string_view(flood).substr(sent));
		client.listen();
		return client.ended;
	}));
	EXPECT_EQ(code_of(client.line().value_or("")), "too-long");
	EXPECT_LT(sent, flood.size());
	EXPECT_EQ(server->clients(), 0U);
	EXPECT_EQ(server->evicted(), 1U);
}

TEST_F(Server, garbage_gets_an_error_in_ascii_and_the_connection_goes_on)
{
	listen_at();
	TestClient client(path);
	std::string garbage;
	for (int c = 0; c < 256; ++c)
		if (c != '\n')
			garbage += static_cast<char>(c);
	client.say(garbage + "\n");
	const std::string reply = reply_of(client);
	EXPECT_EQ(code_of(reply), "unknown-command") << reply;
	for (const char c : reply)
		EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
	client.say("execute ha failover status\n");
	EXPECT_EQ(reply_of(client), R"({"failover_status":"unset"})");
}

TEST_F(Server, P19_of_a_thousand_clients_64_are_served_and_the_others_told)
{
	constexpr std::size_t many = 1000;
	rlimit files{};
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = std::min<rlim_t>(files.rlim_max, 2 * many + 100); // both ends are here
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	ASSERT_GT(files.rlim_cur, 2 * many) << "ulimit -n is too small for this test";
	listen_at();
	std::vector<TestClient> clients;
	for (int i = 0; i < static_cast<int>(many); ++i) {
		clients.emplace_back(path);
		const std::size_t expected = std::min<std::size_t>(clients.size(), 64);
		ASSERT_TRUE(turn_until([&] {
			return server->clients() == expected && server->clients() + server->refused() == clients.size();
		}));
	}
	EXPECT_EQ(server->refused(), many - 64);
	for (std::size_t i = 0; i < clients.size(); ++i) {
		clients[i].say("execute ha failover status\n");
		EXPECT_EQ(code_of(reply_of(clients[i])), i < 64 ? "" : "busy") << i;
	}
	clients.clear();
	EXPECT_TRUE(turn_until([&] { return server->clients() == 0; }));
	TestClient late(path);
	late.say("execute ha failover status\n");
	EXPECT_EQ(reply_of(late), R"({"failover_status":"unset"})") << "places are given back";
}

TEST_F(Server, P19_an_idle_client_is_closed)
{
	ApiLimits limits;
	limits.idle = milliseconds{20};
	listen_at(limits);
	TestClient client(path);
	client.say("get system");
	EXPECT_TRUE(turn_until([&] {
		client.listen();
		return client.ended;
	}));
	EXPECT_EQ(server->evicted(), 1U);
}

TEST_F(Server, a_client_that_asks_and_never_reads_is_closed_and_its_requests_do_not_pile_up)
{
	ApiLimits limits;
	limits.stalled = milliseconds{50};
	listen_at(limits);
	backend.start();
	TestClient client(path);
	std::string requests;
	for (int i = 0; i < 2000; ++i)
		requests += "show full-configuration system ha\n";
	std::size_t sent = 0;
	EXPECT_TRUE(turn_until([&] {
		sent += client.say(std::string_view(requests).substr(sent));
		return server->evicted() == 1;
	}));
	EXPECT_EQ(server->clients(), 0U);
}

TEST_F(Server, events_gives_what_is_kept_and_ends)
{
	listen_at();
	backend.past.append({{"n", 1}, {"text", "one"}});
	backend.past.append({{"n", 2}, {"text", "two"}});
	TestClient client(path);
	client.say("events\n");
	EXPECT_EQ(reply_of(client), R"({"n":1,"text":"one"})");
	EXPECT_EQ(reply_of(client), R"({"n":2,"text":"two"})");
	EXPECT_TRUE(turn_until([&] {
		client.listen();
		return client.ended;
	}));
	EXPECT_TRUE(client.input.empty());
}

TEST_F(Server, events_follow_goes_on_with_what_happens)
{
	listen_at();
	backend.past.append({{"n", 1}, {"text", "one"}});
	TestClient client(path), other(path);
	client.say("events --follow\n");
	EXPECT_EQ(reply_of(client), R"({"n":1,"text":"one"})");
	other.say("execute ha failover status\n");
	EXPECT_NE(reply_of(other), "");
	server->publish({{"n", 2}});
	server->publish({{"n", 3}});
	EXPECT_EQ(reply_of(client), R"({"n":2})");
	EXPECT_EQ(reply_of(client), R"({"n":3})");
	EXPECT_FALSE(other.line().has_value()) << "only who follows is told";
}

TEST_F(Server, who_follows_may_be_silent_for_longer_than_the_idle_limit)
{
	ApiLimits limits;
	limits.idle = milliseconds{10};
	listen_at(limits);
	TestClient client(path);
	client.say("events --follow\n");
	ASSERT_TRUE(turn_until([&] { return server->clients() == 1; }));
	io.restart();
	io.run_for(milliseconds{60});
	EXPECT_EQ(server->clients(), 1U);
	server->publish({{"n", 1}});
	EXPECT_EQ(reply_of(client), R"({"n":1})");
}

TEST_F(Server, who_follows_and_does_not_read_is_dropped_and_the_others_are_not)
{
	ApiLimits limits;
	limits.waiting_bytes = 64U << 10;
	limits.stalled = seconds{60};
	listen_at(limits);
	TestClient slow(path), fast(path);
	slow.say("events --follow\n");
	fast.say("events --follow\n");
	ASSERT_TRUE(turn_until([&] { return server->clients() == 2; }));
	io.restart();
	io.run_for(milliseconds{20});
	const boost::json::object event{{"text", std::string(1000, 'x')}};
	EXPECT_TRUE(turn_until([&] {
		server->publish(event);
		io.poll();
		fast.listen();
		return server->clients() == 1;
	}));
	EXPECT_FALSE(fast.ended);
	EXPECT_EQ(server->evicted(), 1U);
}

TEST_F(Server, a_follower_that_goes_gives_its_place_back)
{
	listen_at();
	{
		TestClient client(path);
		client.say("events --follow\n");
		ASSERT_TRUE(turn_until([&] { return server->clients() == 1; }));
		io.restart();
		io.run_for(milliseconds{10});
	}
	EXPECT_TRUE(turn_until([&] { return server->clients() == 0; }));
}

TEST_F(Server, may_end_while_clients_are_there)
{
	listen_at();
	TestClient client(path);
	client.say("events --follow\n");
	ASSERT_TRUE(turn_until([&] { return server->clients() == 1; }));
	server.reset();
	io.restart();
	io.run_for(milliseconds{5});
	client.listen();
	EXPECT_TRUE(client.ended);
}

} // namespace
} // namespace systole::control::test
