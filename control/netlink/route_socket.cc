// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// NETLINK_ROUTE over libmnl: batches with an answer for each request, and a monitor.
#include "control/netlink/route_socket.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace systole::control {

namespace {

constexpr std::size_t request_room = 2048;    // the largest request here (a macvlan with its alias) is under 500 bytes
constexpr std::size_t receive_room = 32768;   // what the kernel fills at most per message of a dump
constexpr int receive_buffer_bytes = 1 << 20; // room for more than a thousand waiting acknowledgements or events
constexpr int dump_attempts = 5;

std::error_code last_error()
{
	return {errno, std::generic_category()};
}

// The kernel's sentence about a refused request (NETLINK_EXT_ACK), if it has one.
std::string extended_ack_text(const nlmsghdr &header)
{
	if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return {};
	const auto *error = static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(&header));
	std::size_t offset = sizeof(nlmsgerr);
	if ((header.nlmsg_flags & NLM_F_CAPPED) == 0)
		offset += mnl_nlmsg_get_payload_len(&error->msg);
	std::string text;
	const auto find = [](const nlattr *attribute, void *out) {
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
			*static_cast<std::string *>(out) = mnl_attr_get_str(attribute);
		return MNL_CB_OK;
	};
	mnl_attr_parse(&header, static_cast<unsigned>(offset), find, &text);
	return text;
}

} // namespace

void MnlSocketCloser::operator()(mnl_socket *socket) const
{
	mnl_socket_close(socket);
}

nlmsghdr *RequestBatch::begin(std::uint16_t type, std::uint16_t flags)
{
	close();
	m_bytes.resize(m_used + request_room);
	m_offsets.push_back(m_used);
	m_open = true;
	nlmsghdr *header = mnl_nlmsg_put_header(m_bytes.data() + m_used);
	header->nlmsg_type = type;
	const bool is_dump = (flags & NLM_F_DUMP) == NLM_F_DUMP;
	header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags | (is_dump ? 0 : NLM_F_ACK));
	return header;
}

void RequestBatch::close()
{
	if (!m_open)
		return;
	const std::size_t length = request(m_offsets.size() - 1)->nlmsg_len;
	assert(length <= request_room);
	m_used += MNL_ALIGN(length);
	m_open = false;
}

nlmsghdr *RequestBatch::request(std::size_t index)
{
	return reinterpret_cast<nlmsghdr *>(m_bytes.data() + m_offsets[index]);
}

std::error_code RouteSocket::open()
{
	m_socket.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
	if (m_socket == nullptr || mnl_socket_bind(m_socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
		const std::error_code error = last_error();
		m_socket.reset();
		return error;
	}
	// Comforts, not needs: short acknowledgements, the kernel's own words, room for many answers.
	int on = 1;
	mnl_socket_setsockopt(m_socket.get(), NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(m_socket.get(), NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(m_socket.get()), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes,
		   sizeof(receive_buffer_bytes));
	m_buffer.resize(receive_room);
	return {};
}

BatchResult RouteSocket::transact(RequestBatch &batch, const Message &message)
{
	BatchResult result;
	if (batch.empty())
		return result;
	if (!is_open()) {
		result.transport = std::make_error_code(std::errc::bad_file_descriptor);
		return result;
	}
	batch.close();
	const std::uint32_t first = m_sequence + 1;
	for (std::size_t i = 0; i < batch.size(); ++i)
		batch.request(i)->nlmsg_seq = ++m_sequence;
	while (mnl_socket_sendto(m_socket.get(), batch.m_bytes.data(), batch.m_used) < 0) {
		if (errno == EINTR)
			continue;
		result.transport = last_error();
		return result;
	}
	bool interrupted = false;
	result.transport = collect(first, batch.size(), result, message, interrupted);
	std::sort(result.errors.begin(), result.errors.end(),
		  [](const RequestError &a, const RequestError &b) { return a.request < b.request; });
	return result;
}

std::error_code RouteSocket::dump(std::uint16_t type, const std::function<void()> &restart, const Message &message)
{
	for (int attempt = 0; attempt < dump_attempts; ++attempt) {
		restart();
		RequestBatch batch;
		nlmsghdr *header = batch.begin(type, NLM_F_DUMP);
		// All zero: the address family comes first in every route header, and zero asks for every family.
		mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg));
		batch.close();
		header->nlmsg_seq = ++m_sequence;
		if (!is_open())
			return std::make_error_code(std::errc::bad_file_descriptor);
		if (mnl_socket_sendto(m_socket.get(), batch.m_bytes.data(), batch.m_used) < 0)
			return last_error();
		BatchResult result;
		bool interrupted = false;
		if (const std::error_code error = collect(m_sequence, 1, result, message, interrupted))
			return error;
		if (!result.errors.empty())
			return {result.errors.front().code, std::generic_category()};
		if (!interrupted)
			return {};
	}
	return std::make_error_code(std::errc::resource_unavailable_try_again);
}

// Reads until every request has its end: an acknowledgement, an error, or the last message of a dump. Nothing is waited
// for, because the kernel has answered before sendmsg returned and continues dumps inside recv.
std::error_code RouteSocket::collect(std::uint32_t first_sequence, std::size_t expected, BatchResult &result,
				     const Message &message, bool &interrupted)
{
	std::size_t ended = 0;
	while (ended < expected) {
		const ssize_t received =
			recv(mnl_socket_get_fd(m_socket.get()), m_buffer.data(), m_buffer.size(), MSG_DONTWAIT);
		if (received < 0) {
			if (errno == EINTR)
				continue;
			return last_error();
		}
		int left = static_cast<int>(received);
		for (const auto *header = reinterpret_cast<const nlmsghdr *>(m_buffer.data());
		     mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
			const std::uint32_t index = header->nlmsg_seq - first_sequence;
			if (index >= expected)
				continue; // belongs to an exchange that was given up
			if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
				interrupted = true;
			if (header->nlmsg_type == NLMSG_DONE) {
				++ended;
			} else if (header->nlmsg_type == NLMSG_ERROR) {
				const auto *error = static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(header));
				++ended;
				if (error->error != 0)
					result.errors.push_back({index, -error->error, extended_ack_text(*header)});
			} else if (message) {
				message(*header);
			}
		}
	}
	return {};
}

std::error_code RouteMonitor::open(std::initializer_list<unsigned> groups)
{
	m_socket.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK));
	if (m_socket == nullptr || mnl_socket_bind(m_socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
		const std::error_code error = last_error();
		m_socket.reset();
		return error;
	}
	for (unsigned group : groups) {
		if (mnl_socket_setsockopt(m_socket.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
			const std::error_code error = last_error();
			m_socket.reset();
			return error;
		}
	}
	setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
	m_buffer.resize(receive_room);
	return {};
}

int RouteMonitor::fd() const
{
	return m_socket == nullptr ? -1 : mnl_socket_get_fd(m_socket.get());
}

RouteMonitor::Drained RouteMonitor::drain(const RouteSocket::Message &message)
{
	if (m_socket == nullptr)
		return Drained::failed;
	Drained outcome = Drained::ok;
	while (true) {
		const ssize_t received = recv(fd(), m_buffer.data(), m_buffer.size(), 0);
		if (received < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return outcome;
			if (errno != ENOBUFS)
				return Drained::failed;
			outcome = Drained::overrun; // the queue is still readable behind the hole
			continue;
		}
		int left = static_cast<int>(received);
		for (const auto *header = reinterpret_cast<const nlmsghdr *>(m_buffer.data());
		     mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
			message(*header);
	}
}

} // namespace systole::control
