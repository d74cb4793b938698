// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/netlink/link_poller.h"

#include "control/netlink/route_socket.h"

#include <pthread.h>
#include <sched.h>

#include <condition_variable>
#include <mutex>

namespace systole::control {

namespace {

// Below control: it must not be late on a busy machine, and control comes first.
constexpr int fifo_priority = 30;

void poll_links(const std::stop_token &stopped, core::Duration interval, const LinkPoller::Moment &moment,
		const LinkPoller::Answered &answered)
{
	pthread_setname_np(pthread_self(), "systole-links");
	const sched_param parameter{.sched_priority = fifo_priority};
	(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter); // refused: later, not wrong
	RouteSocket socket;
	std::mutex mutex;
	std::condition_variable_any wake;
	while (!stopped.stop_requested()) {
		LinkPoller::Answer answer;
		answer.asked_at = moment();
		answer.error = socket.is_open() ? std::error_code{} : socket.open();
		if (!answer.error)
			answer.error = list_links(socket, answer.links);
		if (answer.error)
			socket = {};
		answered(std::move(answer));
		std::unique_lock lock(mutex);
		wake.wait_for(lock, stopped, interval, [] { return false; });
	}
}

} // namespace

void LinkPoller::start(core::Duration interval, Moment moment, Answered answered)
{
	m_thread = std::jthread(
		[interval, moment = std::move(moment), answered = std::move(answered)](const std::stop_token &stopped) {
			poll_links(stopped, interval, moment, answered);
		});
}

void LinkPoller::stop()
{
	m_thread = {};
}

} // namespace systole::control
