// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Servers for probes, in this process, on a thread of their own: each does exactly what a test wants of it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace systole::control::test {

using Octets = std::vector<std::uint8_t>;

// Owns the servers: they end when nothing of theirs can run any more.
class ServerLoop {
public:
	ServerLoop() : m_thread([this] { io.run(); }) {}
	~ServerLoop() { stop(); }
	ServerLoop(const ServerLoop &) = delete;
	ServerLoop &operator=(const ServerLoop &) = delete;

	template <typename Server, typename... Arguments> Server &add(Arguments &&...arguments)
	{
		auto server = std::make_shared<Server>(*this, std::forward<Arguments>(arguments)...);
		m_servers.push_back(server);
		return *server;
	}
	void stop()
	{
		io.stop();
		if (m_thread.joinable())
			m_thread.join();
		m_servers.clear();
	}
	boost::asio::io_context io{1};

private:
	boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{io.get_executor()};
	std::vector<std::shared_ptr<void>> m_servers;
	std::thread m_thread;
};

// Answers each datagram with what `answer` makes of it (nothing: silence), after a delay.
class UdpServer {
public:
	using Answer = std::function<std::optional<Octets>(const Octets &)>;
	UdpServer(ServerLoop &loop, const std::string &address, Answer answer, std::uint16_t port = 0);

	[[nodiscard]] std::uint16_t port() const { return m_port; }
	std::atomic<bool> silent{false};
	std::atomic<std::chrono::milliseconds> delay{std::chrono::milliseconds{0}};

private:
	void receive();
	void send(const Octets &datagram, const boost::asio::ip::udp::endpoint &to);

	boost::asio::ip::udp::socket m_socket;
	std::uint16_t m_port;
	Answer m_answer;
	Octets m_buffer = Octets(2048);
	boost::asio::ip::udp::endpoint m_from;
};

[[nodiscard]] std::optional<Octets> echo(const Octets &request);
// A TWAMP Light reflector that keeps each packet for `inside` and says so in its time stamps.
[[nodiscard]] UdpServer::Answer twamp_reflector(std::chrono::milliseconds inside);
// A name server: every name has these IPv4 addresses; none: no such name.
struct NameTable {
	std::atomic<bool> exists{true};
	std::atomic<std::uint32_t> address{0x7f000001}; // 127.0.0.1
	std::atomic<unsigned> asked{0};
};
[[nodiscard]] UdpServer::Answer name_server(NameTable &table);

enum class TcpManner {
	echo,
	garbage, // as long as the echo, and something else
	reset,   // RST as soon as there is something to read
	silent,  // takes everything, says nothing
};
class TcpServer {
public:
	TcpServer(ServerLoop &loop, const std::string &address, TcpManner manner);
	[[nodiscard]] std::uint16_t port() const { return m_port; }

private:
	void accept();
	boost::asio::ip::tcp::acceptor m_acceptor;
	std::uint16_t m_port;
	TcpManner m_manner;
};

// One answer to every request; with a certificate of its own making: over TLS.
class HttpServer {
public:
	HttpServer(ServerLoop &loop, const std::string &address, bool tls);
	[[nodiscard]] std::uint16_t port() const { return m_port; }
	// What it says, whole, and what it was asked last.
	void say(const std::string &answer);
	[[nodiscard]] std::string asked() const;

private:
	void accept();
	boost::asio::ssl::context m_tls;
	bool m_is_tls;
	boost::asio::ip::tcp::acceptor m_acceptor;
	std::uint16_t m_port;
	struct Words;
	std::shared_ptr<Words> m_words;
};

} // namespace systole::control::test
