// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Requests to the kernel's connection tracking, many in one sendmsg. The kernel works through them inside sendmsg and goes
// on after one that failed; it answers those that failed, those that asked for something, and the last one, so when ask()
// is back everything is done and nothing has been waited for.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct mnl_socket;

namespace systole::control {

struct ConntrackSocketCloser {
	void operator()(mnl_socket *socket) const;
};
using ConntrackSocket = std::unique_ptr<mnl_socket, ConntrackSocketCloser>;

// NETLINK_NETFILTER in the network namespace of the calling thread, non-blocking; the receive buffer as large as it may
// be, up to `receive_bytes`. Empty: why, in one line.
[[nodiscard]] ConntrackSocket open_conntrack_socket(int receive_bytes, std::string &error);

class ConntrackRequests {
public:
	static constexpr std::size_t most = 256;

	[[nodiscard]] bool open(std::string &error);
	void close() { m_socket.reset(); }
	[[nodiscard]] bool is_open() const { return m_socket != nullptr; }

	// Room for one more message (conntrack_message.h); there must be fewer than `most`.
	[[nodiscard]] char *room() { return m_bytes.data() + m_used; }
	void add(std::size_t length);
	[[nodiscard]] std::size_t size() const { return m_count; }
	[[nodiscard]] std::size_t bytes() const { return m_used; }

	// Sends what was added, and is empty after that. The errno of each request that failed goes to `failed(index, errno)`,
	// what it answered to `answered(index, header)`. Not 0: errno of the socket itself, nothing is known of the requests.
	template <typename Failed, typename Answered> [[nodiscard]] int ask(Failed &&failed, Answered &&answered)
	{
		int error = send();
		bool last_answered = false;
		while (error == 0 && !last_answered) {
			std::size_t received = 0;
			error = receive(received);
			const char *at = m_answers.data();
			for (const nlmsghdr *header = next_message(at, received); error == 0 && header != nullptr;
			     header = next_message(at, received)) {
				const std::uint32_t index = header->nlmsg_seq - m_first_sequence;
				if (index >= m_count)
					continue; // of requests that were given up
				if (header->nlmsg_type != NLMSG_ERROR) {
					answered(index, *header);
					continue;
				}
				if (const int code = error_of(*header))
					failed(index, code);
				last_answered = last_answered || index + 1 == m_count;
			}
		}
		m_first_sequence += static_cast<std::uint32_t>(m_count);
		m_used = m_count = 0;
		return error;
	}

private:
	[[nodiscard]] int send();
	[[nodiscard]] int receive(std::size_t &received);
	[[nodiscard]] static const nlmsghdr *next_message(const char *&at, std::size_t &left);
	[[nodiscard]] static int error_of(const nlmsghdr &header);

	ConntrackSocket m_socket;
	std::vector<char> m_bytes;
	std::vector<char> m_answers;
	std::size_t m_used = 0;
	std::size_t m_count = 0;
	std::size_t m_last = 0; // where the last message begins
	std::uint32_t m_first_sequence = 1;
};

} // namespace systole::control
