// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/prober/event_loop.h"

#include "bench/prober/clock.h"

#include <array>
#include <sys/epoll.h>
#include <sys/timerfd.h>

namespace systole::prober {

namespace {

epoll_event interest(int fd, std::uint32_t events)
{
	epoll_event event{};
	event.events = events;
	event.data.fd = fd;
	return event;
}

timespec as_timespec(std::int64_t ns)
{
	return {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
}

} // namespace

EventLoop::EventLoop() : m_epoll(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

void EventLoop::watch(int fd, std::uint32_t events, Handler handler)
{
	auto event = interest(fd, events);
	static_cast<void>(checked(epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl add"));
	m_handlers[fd] = std::make_shared<Handler>(std::move(handler));
}

void EventLoop::change(int fd, std::uint32_t events)
{
	auto event = interest(fd, events);
	static_cast<void>(checked(epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, fd, &event), "epoll_ctl mod"));
}

void EventLoop::forget(int fd)
{
	epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
	m_handlers.erase(fd);
}

void EventLoop::every(std::int64_t interval_ns, std::function<void()> tick)
{
	Descriptor timer(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create"));
	const itimerspec when{.it_interval = as_timespec(interval_ns),
			      .it_value = as_timespec(mono_ns() + interval_ns)};
	static_cast<void>(checked(timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &when, nullptr), "timerfd_settime"));
	const int fd = timer.get();
	watch(fd, EPOLLIN, [fd, tick = std::move(tick)](std::uint32_t) {
		std::uint64_t expirations = 0;
		if (read(fd, &expirations, sizeof expirations) == sizeof expirations)
			tick();
	});
	m_timers.push_back(std::move(timer));
}

void EventLoop::run()
{
	std::array<epoll_event, 64> events{};
	while (m_running) {
		const int count = epoll_wait(m_epoll.get(), events.data(), static_cast<int>(events.size()), -1);
		if (count < 0 && errno != EINTR)
			static_cast<void>(checked(count, "epoll_wait"));
		for (int i = 0; i < count && m_running; ++i) {
			const auto &event = events[static_cast<std::size_t>(i)];
			// An earlier handler of this round may have forgotten this descriptor; a copy keeps a handler alive that
			// forgets itself.
			const auto found = m_handlers.find(event.data.fd);
			if (found == m_handlers.end())
				continue;
			const auto handler = found->second;
			(*handler)(event.events);
		}
	}
}

} // namespace systole::prober
