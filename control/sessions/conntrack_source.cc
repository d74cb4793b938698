// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Reads sessions out of the kernel's connection tracking.
#include "control/sessions/conntrack_source.h"

#include "control/sessions/conntrack_message.h"
#include "control/sessions/netlink_attributes.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/sock_diag.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace systole::control {

namespace {

constexpr std::size_t event_room = 4096; // an event takes 200 to 600 bytes
constexpr std::size_t events_at_once = 64;
constexpr std::chrono::milliseconds dump_retry{1000};
constexpr std::chrono::microseconds answer_patience{500}; // while there is nothing else to do
constexpr std::size_t told_room = 4096;                   // before those that no answer asks for any more are forgotten

std::string failure(const char *what)
{
	return std::string("connection tracking: cannot ") + what + ": " + strerror(errno);
}

ConntrackReading read_message(const nlmsghdr &header, core::SessionRecord &record)
{
	return is_about_expectations(header) ? read_expectation(header, record) : read_conntrack(header, record);
}

} // namespace

std::size_t ConntrackSource::KeyHash::operator()(const core::SessionKey &key) const
{
	static_assert(std::has_unique_object_representations_v<core::SessionKey>);
	return std::hash<std::string_view>{}({reinterpret_cast<const char *>(&key), sizeof(key)});
}

bool ConntrackSource::start(std::string &error)
{
	stop();
	m_waiting = epoll_create1(EPOLL_CLOEXEC);
	m_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m_waiting < 0 || m_timer < 0) {
		error = failure("make descriptors to wait on");
		stop();
		return false;
	}
	set_timer(m_settings.audit);
	if (!m_dumps.start(error) || !m_requests.open(error) || !open_events(error) || !watch(m_timer, error) ||
	    !watch(mnl_socket_get_fd(m_events.get()), error)) {
		stop();
		return false;
	}
	m_buffer.resize(event_room * events_at_once);
	m_drops = drops();
	m_dump = Dump::wanted;
	return true;
}

bool ConntrackSource::open_events(std::string &error)
{
	m_events = open_conntrack_socket(m_settings.receive_bytes, error);
	if (m_events == nullptr)
		return false;
	int on = m_settings.reliable ? 1 : 0;
	mnl_socket_setsockopt(m_events.get(), NETLINK_BROADCAST_ERROR, &on, sizeof(on));
	std::vector<int> groups{NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE, NFNLGRP_CONNTRACK_DESTROY};
	if (m_settings.expectations)
		groups.insert(groups.end(),
			      {NFNLGRP_CONNTRACK_EXP_NEW, NFNLGRP_CONNTRACK_EXP_UPDATE, NFNLGRP_CONNTRACK_EXP_DESTROY});
	for (int group : groups)
		if (mnl_socket_setsockopt(m_events.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
			error = failure("listen for events (is nf_conntrack_netlink in this kernel?)");
			return false;
		}
	return true;
}

bool ConntrackSource::watch(int fd, std::string &error) const
{
	epoll_event event{};
	event.events = EPOLLIN;
	if (epoll_ctl(m_waiting, EPOLL_CTL_ADD, fd, &event) == 0)
		return true;
	error = failure("wait for events");
	return false;
}

void ConntrackSource::set_timer(std::chrono::milliseconds first) const
{
	const auto split = [](std::chrono::milliseconds time) {
		const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
		return timespec{seconds.count(), std::chrono::nanoseconds(time - seconds).count()};
	};
	const itimerspec period{.it_interval = split(m_settings.audit), .it_value = split(first)};
	timerfd_settime(m_timer, 0, &period, nullptr);
}

void ConntrackSource::stop()
{
	m_events.reset();
	m_dumps.stop();
	m_requests.close();
	for (int *fd : {&m_waiting, &m_timer})
		if (*fd >= 0)
			close(std::exchange(*fd, -1));
	m_dump = Dump::none;
	m_dump_again = m_events_left = false;
	m_told.clear();
	m_partial.clear();
	m_expected.clear();
}

bool ConntrackSource::poll(SessionListener &listener, std::size_t most)
{
	if (m_events == nullptr)
		return false;
	std::size_t taken = take_events(listener, most);
	ask_for_partial(listener);
	notice_overrun();
	take_audit();
	// After an overrun the kernel sends nothing before the queue was empty: a dump that began earlier would miss that.
	if (m_dump == Dump::wanted && !m_events_left)
		begin_dump(listener);
	while (m_dump == Dump::running) {
		const std::size_t told = take_dump(listener, taken == 0);
		taken += told;
		if (told == 0 || taken >= most)
			break;
	}
	return m_events_left || m_dump != Dump::none;
}

std::size_t ConntrackSource::take_events(SessionListener &listener, std::size_t most)
{
	std::array<iovec, events_at_once> places{};
	std::array<mmsghdr, events_at_once> messages{};
	for (std::size_t i = 0; i < events_at_once; ++i) {
		places[i] = {m_buffer.data() + i * event_room, event_room};
		messages[i].msg_hdr.msg_iov = &places[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	std::size_t taken = 0;
	m_events_left = true;
	while (taken < most) {
		const auto wanted = static_cast<unsigned>(std::min(most - taken, events_at_once));
		const int received =
			recvmmsg(mnl_socket_get_fd(m_events.get()), messages.data(), wanted, MSG_DONTWAIT, nullptr);
		if (received < 0) {
			if (errno == EINTR)
				continue;
			if (errno == ENOBUFS) {
				++m_counters.overruns;
				m_drops = drops();
				m_dump_again = true;
				continue;
			}
			m_events_left = false;
			break;
		}
		for (int i = 0; i < received; ++i) {
			const std::size_t index = static_cast<std::size_t>(i);
			if ((messages[index].msg_hdr.msg_flags & MSG_TRUNC) != 0)
				++m_counters.unreadable;
			else
				each_message({m_buffer.data() + index * event_room, messages[index].msg_len},
					     [&](const nlmsghdr &header) { take_event(listener, header); });
		}
		taken += static_cast<std::size_t>(received);
	}
	m_counters.events += taken;
	return taken;
}

void ConntrackSource::take_event(SessionListener &listener, const nlmsghdr &header)
{
	const std::uint64_t number = m_taken.fetch_add(1, std::memory_order_release);
	core::SessionRecord record;
	const ConntrackReading reading = read_message(header, record);
	switch (reading) {
	case ConntrackReading::whole:
		if (record.is_expectation())
			m_expected.push_back(record);
		else
			listener.seen(record);
		break;
	case ConntrackReading::ended:
		std::erase_if(m_expected, [&](const core::SessionRecord &other) { return other.key == record.key; });
		listener.ended(record.key);
		break;
	case ConntrackReading::partial: m_partial.push_back(record.key); break;
	case ConntrackReading::passed: m_counters.left_out += is_about_expectations(header) ? 1 : 0; return;
	case ConntrackReading::unreadable: ++m_counters.unreadable; return;
	}
	if (record.is_expectation())
		m_partial.push_back(record.master());
	if (m_dump != Dump::running)
		return;
	m_told.insert_or_assign(record.key, number);
	if (record.is_expectation())
		m_told.insert_or_assign(record.master(), number);
}

void ConntrackSource::ask_for_partial(SessionListener &listener)
{
	// Of one that has ended since, its event tells.
	for (std::size_t at = 0; at < m_partial.size(); at += ConntrackRequests::most) {
		const std::size_t end = std::min(m_partial.size(), at + ConntrackRequests::most);
		for (std::size_t i = at; i < end; ++i)
			m_requests.add(write_get(m_requests.room(), m_partial[i]));
		const auto answered = [&](std::size_t, const nlmsghdr &header) {
			core::SessionRecord record;
			if (read_conntrack(header, record) == ConntrackReading::whole)
				listener.seen(record);
		};
		if (m_requests.ask([](std::size_t, int) {}, answered) != 0)
			m_dump_again = true; // a dump tells them
	}
	m_partial.clear();
	for (const core::SessionRecord &record : m_expected)
		listener.seen(record);
	m_expected.clear();
}

std::uint32_t ConntrackSource::drops() const
{
	std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
	socklen_t size = sizeof(memory);
	if (getsockopt(mnl_socket_get_fd(m_events.get()), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0)
		return m_drops;
	return memory[SK_MEMINFO_DROPS];
}

void ConntrackSource::notice_overrun()
{
	if (const std::uint32_t now = drops(); now != m_drops) {
		++m_counters.overruns;
		m_drops = now;
		m_dump_again = true;
	}
	// A dump that runs goes on to its end, so that it tells what it can, and another one follows.
	if (m_dump_again && m_dump == Dump::none) {
		m_dump = Dump::wanted;
		m_dump_again = false;
	}
}

void ConntrackSource::take_audit()
{
	std::uint64_t expired = 0;
	if (read(m_timer, &expired, sizeof(expired)) > 0 && m_dump == Dump::none)
		m_dump = Dump::wanted;
}

void ConntrackSource::begin_dump(SessionListener &listener)
{
	m_drops = drops();
	m_dump_again = false;
	m_told.clear();
	listener.dump_began();
	m_dumps_expectations = false;
	if (m_dumps.ask(DumpReader::Subject::sessions) != 0)
		return try_dump_later();
	m_dump = Dump::running;
	++m_counters.dumps;
}

bool ConntrackSource::told_by_event(const core::SessionKey &key, std::uint64_t since) const
{
	if (m_told.empty())
		return false;
	const auto found = m_told.find(key);
	return found != m_told.end() && found->second >= since;
}

void ConntrackSource::forget_told(std::uint64_t before)
{
	if (m_told.size() > told_room)
		std::erase_if(m_told, [before](const auto &told) { return told.second < before; });
}

// One answer of the dump: how much was in it; 0: there is none now.
std::size_t ConntrackSource::take_dump(SessionListener &listener, bool idle)
{
	const DumpReader::Answer *const answer = m_dumps.front(idle ? answer_patience : std::chrono::microseconds{0});
	if (answer == nullptr)
		return 0;
	const std::size_t told = take_answer(listener, *answer);
	m_dumps.pop();
	return told;
}

std::size_t ConntrackSource::take_answer(SessionListener &listener, const DumpReader::Answer &answer)
{
	forget_told(answer.events);
	std::size_t told = 0;
	bool ended = false;
	bool failed = answer.error != 0;
	each_message(answer.messages, [&](const nlmsghdr &header) {
		m_dump_again = m_dump_again || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		ended = ended || header.nlmsg_type == NLMSG_DONE;
		failed = failed || header.nlmsg_type == NLMSG_ERROR;
		if (DumpReader::is_end(header))
			return;
		core::SessionRecord record;
		const ConntrackReading reading = read_message(header, record);
		if (reading == ConntrackReading::unreadable || reading == ConntrackReading::partial)
			++m_counters.unreadable;
		if (reading != ConntrackReading::whole || told_by_event(record.key, answer.events))
			return;
		listener.seen(record);
		++told;
	});
	m_counters.dumped += told;
	// Sessions first: an expectation says nothing to whoever does not know its master.
	if (ended && !failed && m_settings.expectations && !m_dumps_expectations) {
		ended = false;
		m_dumps_expectations = true;
		failed = m_dumps.ask(DumpReader::Subject::expectations) != 0;
	}
	if (failed)
		try_dump_later();
	else if (ended)
		end_dump(listener);
	return std::max<std::size_t>(told, 1);
}

void ConntrackSource::end_dump(SessionListener &listener)
{
	notice_overrun();
	if (!m_dump_again) {
		m_dump = Dump::none;
		return listener.dump_ended();
	}
	m_dump = Dump::wanted;
	m_dump_again = false;
}

// The kernel had no memory for it.
void ConntrackSource::try_dump_later()
{
	m_dump = Dump::none;
	set_timer(dump_retry);
}

} // namespace systole::control
