// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/dump_reader.h"

#include "control/sessions/conntrack_message.h"
#include "control/sessions/netlink_attributes.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <system_error>

namespace systole::control {

namespace {

constexpr int receive_bytes = 1 << 20;

} // namespace

bool DumpReader::start(std::string &error)
{
	stop();
	m_socket = open_conntrack_socket(receive_bytes, error);
	if (m_socket == nullptr)
		return false;
	m_bytes.resize(answers * answer_bytes);
	m_failed = m_asked = m_ended = m_stopping = false;
	m_read = m_taken = 0;
	try {
		m_thread = std::thread([this] { run(); });
	} catch (const std::system_error &failure) {
		error = std::string("connection tracking: no thread to read it: ") + failure.what();
		m_socket.reset();
		return false;
	}
	(void)pthread_setname_np(m_thread.native_handle(), "systole-ct-dump");
	return true;
}

void DumpReader::stop()
{
	if (m_thread.joinable()) {
		{
			const std::lock_guard lock(m_mutex);
			m_stopping = true;
		}
		m_news.notify_all();
		m_thread.join();
	}
	m_socket.reset();
}

int DumpReader::ask(Subject subject)
{
	if (std::string error; m_failed && (m_socket = open_conntrack_socket(receive_bytes, error)) == nullptr)
		return errno;
	m_failed = false;
	std::array<char, max_conntrack_message> message{};
	const std::size_t length =
		subject == Subject::sessions ? write_dump(message.data()) : write_expectation_dump(message.data());
	m_asked_at = m_events.load(std::memory_order_acquire);
	if (mnl_socket_sendto(m_socket.get(), message.data(), length) < 0)
		return errno;
	{
		const std::lock_guard lock(m_mutex);
		m_asked = true;
		m_ended = false;
	}
	m_news.notify_all();
	return 0;
}

const DumpReader::Answer *DumpReader::front(std::chrono::microseconds patience)
{
	std::unique_lock lock(m_mutex);
	if (m_read == m_taken)
		m_news.wait_for(lock, patience, [this] { return m_read - m_taken >= some || m_ended; });
	if (m_read == m_taken)
		return nullptr;
	const Answer &answer = m_answers[m_taken % answers];
	m_failed = m_failed || answer.error != 0;
	return &answer;
}

void DumpReader::pop()
{
	const std::lock_guard lock(m_mutex);
	++m_taken;
	if (m_read - m_taken == answers - some)
		m_news.notify_all();
}

void DumpReader::run()
{
	std::unique_lock lock(m_mutex);
	while (true) {
		m_news.wait(lock, [this] { return m_asked || m_stopping; });
		if (m_stopping)
			return;
		m_asked = false;
		read(lock);
	}
}

void DumpReader::read(std::unique_lock<std::mutex> &lock)
{
	std::uint64_t events = m_asked_at;
	for (bool last = false; !last;) {
		if (m_read - m_taken == answers)
			m_news.wait(lock, [this] { return m_read - m_taken <= answers - some || m_stopping; });
		if (m_stopping)
			return;
		lock.unlock();
		// The kernel writes the answer after this one while it hands this one over.
		const std::uint64_t events_of_next = m_events.load(std::memory_order_acquire);
		last = take(m_read, events);
		events = events_of_next;
		lock.lock();
		++m_read;
		m_ended = last;
		if (last || m_read - m_taken == some)
			m_news.notify_all();
	}
}

bool DumpReader::take(std::uint64_t number, std::uint64_t events)
{
	char *const place = m_bytes.data() + number % answers * answer_bytes;
	Answer &answer = m_answers[number % answers];
	answer = {.messages = {}, .events = events, .error = 0};
	ssize_t received = 0;
	do
		received = recv(mnl_socket_get_fd(m_socket.get()), place, answer_bytes, MSG_DONTWAIT | MSG_TRUNC);
	while (received < 0 && errno == EINTR);
	if (received <= 0 || static_cast<std::size_t>(received) > answer_bytes) {
		answer.error = received < 0 ? errno : EMSGSIZE;
		return true;
	}
	answer.messages = {place, static_cast<std::size_t>(received)};
	bool end = false;
	each_message(answer.messages, [&](const nlmsghdr &header) { end = end || is_end(header); });
	return end;
}

} // namespace systole::control
