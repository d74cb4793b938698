// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One etcd, or the members of a cluster, on loopback with free ports and a data directory of its own, gone with the
// object; the kernel ends it if the test crashes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace systole::control::test {

struct EtcdOptions {
	bool quick = false;        // 10 ms heartbeat, 100 ms election: up sooner, and its minimum TTL is 1 s
	std::string certificate{}; // of the server: https, clients must have a certificate of `ca`
	std::string key{};
	std::string ca{};
};

// A TCP port of 127.0.0.1 that nobody uses at the moment.
std::uint16_t free_port();

class EtcdCluster {
public:
	explicit EtcdCluster(std::size_t members = 1, EtcdOptions options = {});
	~EtcdCluster();
	EtcdCluster(const EtcdCluster &) = delete;
	EtcdCluster &operator=(const EtcdCluster &) = delete;

	[[nodiscard]] bool ready() const { return m_ready; }
	[[nodiscard]] std::string url(std::size_t member = 0) const;
	[[nodiscard]] std::vector<std::string> urls() const;
	void freeze(std::size_t member = 0);
	void thaw(std::size_t member = 0);
	// JSON in, JSON out; "" when there is no answer in a second.
	[[nodiscard]] std::string post(const std::string &path, const std::string &body, std::size_t member = 0) const;
	[[nodiscard]] std::size_t leader() const;

private:
	struct Server {
		pid_t pid = -1;
		std::uint16_t client_port = 0;
		std::uint16_t peer_port = 0;
	};
	void start();
	void stop();
	[[nodiscard]] bool wait_until_ready();

	EtcdOptions m_options;
	std::string m_directory;
	std::vector<Server> m_servers;
	bool m_ready = false;
};

} // namespace systole::control::test
