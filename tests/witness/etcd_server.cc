// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/witness/etcd_server.h"

#include "control/witness/http_post.h"

#include <boost/json/parse.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cassert>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

namespace systole::control::test {

using namespace std::chrono_literals;

std::uint16_t free_port()
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t length = sizeof(address);
	auto *const generic = reinterpret_cast<sockaddr *>(&address);
	const bool bound = bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
	assert(bound);
	close(fd);
	return ntohs(address.sin_port);
}

EtcdCluster::EtcdCluster(std::size_t members, EtcdOptions options) : m_options(std::move(options)), m_servers(members)
{
	// Between free_port() and etcd another program may take the port.
	for (int attempt = 0; attempt < 3 && !m_ready; ++attempt) {
		stop();
		start();
		m_ready = wait_until_ready();
	}
	if (!m_ready)
		std::cerr << std::ifstream(m_directory + "/0.log").rdbuf();
}

EtcdCluster::~EtcdCluster()
{
	stop();
}

void EtcdCluster::start()
{
	std::string pattern = (std::filesystem::temp_directory_path() / "systole-etcd-XXXXXX").string();
	const char *const made = mkdtemp(pattern.data());
	assert(made != nullptr);
	m_directory = made;
	std::string cluster;
	for (std::size_t i = 0; i < m_servers.size(); ++i) {
		m_servers[i] = {.pid = -1, .client_port = free_port(), .peer_port = free_port()};
		cluster += (i == 0 ? "" : ",") + std::to_string(i) +
			   "=http://127.0.0.1:" + std::to_string(m_servers[i].peer_port);
	}
	for (std::size_t i = 0; i < m_servers.size(); ++i) {
		const std::string name = std::to_string(i);
		const std::string peer = "http://127.0.0.1:" + std::to_string(m_servers[i].peer_port);
		std::vector<std::string> words{std::getenv("ETCD"),
					       "--name",
					       name,
					       "--data-dir",
					       m_directory + "/" + name,
					       "--listen-client-urls",
					       url(i),
					       "--advertise-client-urls",
					       url(i),
					       "--listen-peer-urls",
					       peer,
					       "--initial-advertise-peer-urls",
					       peer,
					       "--initial-cluster",
					       cluster,
					       "--initial-cluster-token",
					       m_directory,
					       "--logger",
					       "zap",
					       "--log-level",
					       "error"};
		if (m_options.quick)
			words.insert(words.end(), {"--heartbeat-interval", "10", "--election-timeout", "100"});
		if (!m_options.certificate.empty())
			words.insert(words.end(), {"--cert-file", m_options.certificate, "--key-file", m_options.key,
						   "--client-cert-auth", "--trusted-ca-file", m_options.ca});
		std::vector<char *> arguments;
		for (std::string &word : words)
			arguments.push_back(word.data());
		arguments.push_back(nullptr);
		const std::string log = m_directory + "/" + name + ".log";
		const pid_t pid = fork();
		assert(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			const int fd = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
			dup2(fd, STDOUT_FILENO);
			dup2(fd, STDERR_FILENO);
			execv(arguments[0], arguments.data());
			_exit(127);
		}
		m_servers[i].pid = pid;
	}
}

void EtcdCluster::stop()
{
	for (Server &server : m_servers) {
		if (server.pid <= 0)
			continue;
		kill(server.pid, SIGKILL);
		waitpid(server.pid, nullptr, 0);
		server.pid = -1;
	}
	std::error_code ignored;
	if (!m_directory.empty())
		std::filesystem::remove_all(m_directory, ignored);
}

// The gateway of a server with certificates answers only to those: there an open port must do.
bool EtcdCluster::wait_until_ready()
{
	const auto deadline = std::chrono::steady_clock::now() + 15s;
	for (std::size_t i = 0; i < m_servers.size();) {
		if (std::chrono::steady_clock::now() > deadline || waitpid(m_servers[i].pid, nullptr, WNOHANG) != 0)
			return false;
		const std::string answer = post("/v3/kv/range", R"({"key":"Zm9v"})", i);
		if (m_options.certificate.empty() ? answer.find("cluster_id") != std::string::npos : answer == "tls")
			++i;
		else
			std::this_thread::sleep_for(20ms);
	}
	return true;
}

std::string EtcdCluster::url(std::size_t member) const
{
	return (m_options.certificate.empty() ? "http" : "https") + std::string("://127.0.0.1:") +
	       std::to_string(m_servers[member].client_port);
}

std::vector<std::string> EtcdCluster::urls() const
{
	std::vector<std::string> all;
	for (std::size_t i = 0; i < m_servers.size(); ++i)
		all.push_back(url(i));
	return all;
}

void EtcdCluster::freeze(std::size_t member)
{
	kill(m_servers[member].pid, SIGSTOP);
}

void EtcdCluster::thaw(std::size_t member)
{
	kill(m_servers[member].pid, SIGCONT);
}

std::string EtcdCluster::post(const std::string &path, const std::string &body, std::size_t member) const
{
	boost::asio::ssl::context tls{boost::asio::ssl::context::tls_client};
	tls.set_verify_mode(boost::asio::ssl::verify_peer);
	boost::asio::io_context io;
	std::string error;
	HttpReply reply;
	http_post(io, tls,
		  {.endpoint = parse_endpoint(url(member), error).value(), .path = path, .body = body, .timeout = 1s},
		  [&](HttpReply got) { reply = std::move(got); });
	io.run();
	if (!m_options.certificate.empty() && reply.error.find("certificate verify failed") != std::string::npos)
		return "tls";
	return reply.body;
}

std::size_t EtcdCluster::leader() const
{
	for (std::size_t i = 0; i < m_servers.size(); ++i) {
		const boost::json::value status = boost::json::parse(post("/v3/maintenance/status", "{}", i));
		if (status.at("leader") == status.at("header").at("member_id"))
			return i;
	}
	return 0;
}

} // namespace systole::control::test
