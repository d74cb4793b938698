// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-keeper: started by systoled before anything else, it takes the cluster's addresses away when systoled no longer
// can: killed, stopped, frozen or hung. It knows no keys and hears nothing of the network.
//
//   systoled alive    look several times in a dead interval, and tell the worker how punctually (vital_signs.h)
//   stands still      a dead interval after its last sign of life addresses away, macvlans down 50 ms later; systoled may
//                     come back and arm anew
//   ended             the same, then what systoled made in the kernel is removed, and the keeper ends too
//
// Above control and below the workers in priority; everything it needs is open and in memory before it first sleeps.
#include "control/keeper/watch.h"
#include "control/netlink/requests.h"
#include "control/sandbox/capabilities.h"
#include "control/takeover/holdings.h"
#include "control/takeover/leftovers.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace {

using namespace systole;
using namespace systole::control;
using core::Duration;
using core::Time;

constexpr int fifo_priority = 45;
constexpr auto links_down_after = std::chrono::milliseconds{50}; // downing holds the kernel's network lock for 20 ms
// An idle worker says that it lives at least so often (dataplane/nap.h): it may have stopped so much later than it said.
constexpr Duration between_signs = std::chrono::milliseconds{4};

Time now()
{
	timespec t{};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return Time{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

class Keeper {
public:
	Keeper(std::string instance, Duration dead, HoldingsPage &page, int daemon)
	    : m_instance(std::move(instance)), m_page(page), m_daemon(daemon),
	      m_look_interval(VitalSigns::look_interval(dead)), m_watch(dead + between_signs, m_look_interval)
	{
	}

	int run()
	{
		if (const std::error_code error = m_socket.open(); error) {
			std::fprintf(stderr, "systole-keeper: no route socket: %s\n", error.message().c_str());
			return EXIT_FAILURE;
		}
		while (!m_page.finished.load()) {
			const Time at = now();
			m_page.signs.keeper_late_ns.store(m_planned == Time{} ? 0 : (at - m_planned).count());
			m_page.signs.keeper_ns.store(at.time_since_epoch().count());
			const Time next = m_planned = look(at);
			if (m_daemon_ended && m_page.hold.load() != Hold::held && at >= m_links_down_at)
				return clean_up();
			sleep_until(next);
		}
		return EXIT_SUCCESS;
	}

private:
	// Acts if something is due, and says when to look again.
	Time look(Time at)
	{
		const Hold hold_now = m_page.hold.load();
		if (hold_now != Hold::held)
			(void)m_watch.look(at, at); // what is armed next is not owed the time before
		switch (hold_now) {
		case Hold::nothing: return m_watch.due();
		case Hold::taking:
		case Hold::taken: return bring_links_down(at);
		case Hold::held: break;
		}
		const Time vital{Duration{std::max(m_page.signs.worker_ns.load(), m_page.armed_ns.load())}};
		Hold held = Hold::held;
		if (!m_watch.look(at, vital))
			return m_watch.due();
		if (!m_page.hold.compare_exchange_strong(held, Hold::taking))
			return at; // systoled was quicker
		take();
		held = Hold::taking;
		m_page.hold.compare_exchange_strong(held, Hold::taken); // unless systoled had no more patience with us
		tell(at, vital);
		return m_links_down_at;
	}

	void take()
	{
		RequestBatch batch;
		m_links.clear();
		const HoldingsList &list = m_page.list();
		m_taken = list.count;
		for (const HeldAddress &address : list.addresses()) {
			request_address_deletion(batch, address.link, address.prefix);
			if (std::find(m_links.begin(), m_links.end(), address.link) == m_links.end())
				m_links.push_back(address.link);
		}
		m_error = m_socket.transact(batch).transport;
		if (m_error || list.overflow) { // all of the links then
			RouteSocket another;
			m_error = another.open();
			(void)remove_leftovers(another, settings());
		}
		m_taken_at = now();
		m_links_down_at = m_taken_at + links_down_after;
	}

	// After systoled has been told, and only if nobody can hold it up.
	void tell(Time at, Time vital) const
	{
		pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
		if (poll(&out, 1, 0) != 1)
			return;
		const auto ms = [](Duration duration) {
			return std::chrono::duration<double, std::milli>(duration).count();
		};
		std::fprintf(
			stderr, "systole-keeper: systoled %s for %.1f ms: %u addresses taken away in %.2f ms%s%s\n",
			m_daemon_ended ? "has ended, and has given no sign of life" : "stands still", ms(at - vital),
			m_taken, ms(m_taken_at - at), m_error ? ": " : "", m_error ? m_error.message().c_str() : "");
	}

	Time bring_links_down(Time at)
	{
		if (m_links.empty())
			return at + m_look_interval;
		if (at < m_links_down_at)
			return m_links_down_at;
		RequestBatch batch;
		for (const int link : m_links)
			request_link_state(batch, link, false);
		(void)m_socket.transact(batch); // a link that is gone is down
		m_links.clear();
		return at + m_look_interval;
	}

	int clean_up()
	{
		for (const TakeoverError &error : remove_leftovers(m_socket, settings()))
			std::fprintf(stderr, "systole-keeper: %s\n", error.text().c_str());
		return EXIT_SUCCESS;
	}

	[[nodiscard]] TakeoverSettings settings() const
	{
		TakeoverSettings settings;
		settings.instance = m_instance;
		return settings;
	}

	void sleep_until(Time next)
	{
		const Duration left = std::max(next - now(), Duration::zero());
		const timespec timeout{.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000),
				       .tv_nsec = static_cast<long>(left.count() % 1'000'000'000)};
		pollfd end{.fd = m_daemon_ended ? -1 : m_daemon, .events = POLLIN, .revents = 0};
		if (ppoll(&end, 1, &timeout, nullptr) > 0)
			m_daemon_ended = true;
	}

	std::string m_instance;
	HoldingsPage &m_page;
	int m_daemon;
	Duration m_look_interval;
	Time m_planned{}; // the next look
	KeeperWatch m_watch;
	RouteSocket m_socket;
	std::vector<int> m_links;  // up, and to be brought down
	std::uint32_t m_taken = 0; // addresses
	Time m_taken_at{};
	Time m_links_down_at{};
	std::error_code m_error;
	bool m_daemon_ended = false;
};

// The daemon waits for this lock before it makes anything that a keeper would remove.
bool lock(const char *file)
{
	const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct flock whole {};
	whole.l_type = F_WRLCK;
	whole.l_whence = SEEK_SET;
	return fd >= 0 && fcntl(fd, F_SETLK, &whole) == 0;
}

void prepare()
{
	struct sigaction ignore {};
	ignore.sa_handler = SIG_IGN;
	// Whoever stops systoled may signal all of its processes: this one outlives it.
	for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
		sigaction(number, &ignore, nullptr);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	const sched_param parameter{.sched_priority = fifo_priority};
	if (sched_setscheduler(0, SCHED_FIFO, &parameter) != 0)
		std::fprintf(stderr, "systole-keeper: no real-time priority (%s); it may be late on a busy machine\n",
			     std::strerror(errno));
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		std::fprintf(stderr, "systole-keeper: memory is not locked (%s)\n", std::strerror(errno));
	prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
	std::string error;
	if (!keep_only_capabilities(keeper_capabilities(), error))
		std::fprintf(stderr, "systole-keeper: %s\n", error.c_str());
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 6) {
		std::fputs("systole-keeper is started by systoled: INSTANCE LOCK-FILE DEAD-US MEMORY-FD DAEMON-FD\n",
			   stderr);
		return 2;
	}
	HoldingsPage *page = map_holdings(std::atoi(argv[4]), false);
	const long dead_us = std::atol(argv[3]);
	if (page == nullptr || dead_us <= 0 || !lock(argv[2])) {
		std::fprintf(stderr, "systole-keeper: cannot start: %s\n", std::strerror(errno));
		return 1;
	}
	prepare();
	return Keeper(argv[1], std::chrono::microseconds{dead_us}, *page, std::atoi(argv[5])).run();
}
