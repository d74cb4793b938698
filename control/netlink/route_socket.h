// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// NETLINK_ROUTE over libmnl: many requests in one sendmsg, with an answer for each, and a second socket that listens.
//
// The kernel works through a batch inside sendmsg and goes on after a request that failed, so when transact() returns
// everything that could be done is done, and nothing has to be waited for.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

struct mnl_socket;

namespace systole::control {

// Requests laid one after the other. begin() closes the request before it; its pointer lives until the next begin().
class RequestBatch {
public:
	// `flags` is added to NLM_F_REQUEST | NLM_F_ACK (dumps: NLM_F_REQUEST alone). Attributes follow by mnl_attr_put*.
	nlmsghdr *begin(std::uint16_t type, std::uint16_t flags);
	[[nodiscard]] std::size_t size() const { return m_offsets.size(); }
	[[nodiscard]] bool empty() const { return m_offsets.empty(); }

private:
	friend class RouteSocket;
	void close();
	[[nodiscard]] nlmsghdr *request(std::size_t index);

	std::vector<char> m_bytes;
	std::vector<std::size_t> m_offsets;
	std::size_t m_used = 0;
	bool m_open = false;
};

struct RequestError {
	std::size_t request; // index in the batch
	int code;            // errno
	std::string detail;  // the kernel's own words (extended ack), often empty
};

struct BatchResult {
	std::error_code transport;        // the socket itself failed: no statement about the requests
	std::vector<RequestError> errors; // in the order of the batch
	[[nodiscard]] bool ok() const { return !transport && errors.empty(); }
};

struct MnlSocketCloser {
	void operator()(mnl_socket *socket) const;
};
using MnlSocket = std::unique_ptr<mnl_socket, MnlSocketCloser>;

// Asks. Belongs to the network namespace the thread was in at open().
class RouteSocket {
public:
	using Message = std::function<void(const nlmsghdr &)>;

	[[nodiscard]] std::error_code open();
	[[nodiscard]] bool is_open() const { return m_socket != nullptr; }
	// Sends the whole batch and collects the acknowledgements. Answers that are not acknowledgements go to `message`.
	[[nodiscard]] BatchResult transact(RequestBatch &batch, const Message &message = {});
	// Everything of one kind (RTM_GETLINK, RTM_GETADDR); starts again when the kernel says the tables changed under it.
	[[nodiscard]] std::error_code dump(std::uint16_t type, const std::function<void()> &restart,
					   const Message &message);

private:
	[[nodiscard]] std::error_code collect(std::uint32_t first_sequence, std::size_t expected, BatchResult &result,
					      const Message &message, bool &interrupted);

	MnlSocket m_socket;
	std::uint32_t m_sequence = 0;
	std::vector<char> m_buffer;
};

// Listens.
class RouteMonitor {
public:
	enum class Drained { ok, overrun, failed }; // overrun: messages were lost (ENOBUFS), ask for everything again

	[[nodiscard]] std::error_code open(std::initializer_list<unsigned> groups);
	[[nodiscard]] int fd() const; // non-blocking; readable when there is something to drain; -1 when not open
	// Hands on everything that waits; never blocks.
	[[nodiscard]] Drained drain(const RouteSocket::Message &message);

private:
	MnlSocket m_socket;
	std::vector<char> m_buffer;
};

} // namespace systole::control
