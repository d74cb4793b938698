// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace systole::control::cli {

namespace {

struct Descriptor {
	int fd;
	explicit Descriptor(int number) : fd(number) {}
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;
	~Descriptor()
	{
		if (fd >= 0)
			close(fd);
	}
};

constexpr std::chrono::milliseconds look_again{20};

bool listens(const std::string &path)
{
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	if (path.size() >= sizeof address.sun_path)
		return false;
	std::memcpy(address.sun_path, path.data(), path.size());
	const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	// A full backlog (EAGAIN) is a daemon too.
	return connect(probe.fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 || errno == EAGAIN;
}

} // namespace

bool wait_for_daemon(const std::string &socket, std::chrono::seconds patience)
{
	const auto until = std::chrono::steady_clock::now() + patience;
	while (!listens(socket)) {
		if (std::chrono::steady_clock::now() >= until)
			return false;
		std::this_thread::sleep_for(look_again);
	}
	return true;
}

int Client::open(std::string_view request, std::string &error) const
{
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	if (m_socket.size() >= sizeof address.sun_path) {
		error = "the path of the socket is too long: " + m_socket;
		return -1;
	}
	std::memcpy(address.sun_path, m_socket.data(), m_socket.size());
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	timeval limit{}; // a hung daemon with a full backlog must not hang us
	limit.tv_sec = m_patience.count() / 1000;
	limit.tv_usec = m_patience.count() % 1000 * 1000;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
		const int reason = errno;
		const std::string cure =
			reason == EACCES     ? "you may not open it: run as root, or as a member of its group"
			: m_instance.empty() ? "is the daemon running? -s names the socket, -n an instance"
					     : fmt::format("is it running? start it with 'systoled -n {0}', or name "
							   "another instance with -n",
							   m_instance);
		error = fmt::format("no systoled{} at {} ({}): {}",
				    m_instance.empty() ? "" : " of instance '" + m_instance + "'", m_socket,
				    std::strerror(reason), cure);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	const std::string line = std::string(request) + "\n";
	for (std::size_t sent = 0; sent < line.size();) {
		const ssize_t n = send(fd, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; // a server that is full has its say before it closes: read it
		sent += static_cast<std::size_t>(n);
	}
	return fd;
}

bool Client::stream(std::string_view request, bool forever, const std::function<bool(std::string_view)> &line,
		    std::string &error) const
{
	const Descriptor connection(open(request, error));
	if (connection.fd < 0)
		return false;
	std::string input;
	std::array<char, 16384> chunk{};
	for (;;) {
		pollfd readable{connection.fd, POLLIN, 0};
		const int ready = poll(&readable, 1, forever ? -1 : static_cast<int>(m_patience.count()));
		if (ready < 0 && errno == EINTR)
			return true; // the operator has seen enough
		if (ready == 0) {
			error = fmt::format("the daemon at {} does not answer within {} s: it may be stopped or hung",
					    m_socket, std::chrono::duration<double>(m_patience).count());
			return false;
		}
		const ssize_t n = recv(connection.fd, chunk.data(), chunk.size(), 0);
		if (n < 0 && errno == EINTR)
			return true;
		if (n <= 0) {
			if (!forever && input.empty())
				return true;
			error = "the daemon at " + m_socket + " has closed the connection";
			return false;
		}
		input.append(chunk.data(), static_cast<std::size_t>(n));
		std::size_t begin = 0;
		for (std::size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n', begin)) {
			if (!line(std::string_view(input).substr(begin, end - begin)))
				return true;
			begin = end + 1;
		}
		input.erase(0, begin);
	}
}

std::optional<std::string> Client::ask(std::string_view request, std::string &error) const
{
	std::optional<std::string> reply;
	const auto first = [&](std::string_view line) {
		reply = line;
		return false;
	};
	if (stream(request, false, first, error) && !reply)
		error = "the daemon at " + m_socket + " has closed the connection without an answer";
	return reply;
}

} // namespace systole::control::cli
