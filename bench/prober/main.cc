// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-prober: the client that measures a failover as a user feels it, and the server it talks to.
//
//   systole-prober server [--port P] [--pings N]
//   systole-prober client --to ADDRESS [--port P] [--rate HZ] [--connections N] [--stream-interval-ms MS]
//                         [--flows N] [--pings N]
//
// Both print "ready" and then obey lines on stdin; both end when stdin closes, so they never outlive who started them.
//   mark     starts a window of measurement (broken connections are opened again); answers {"mark_ns":...}
//   report [SINCE_NS]   answers with one JSON line about the window so far, which goes on; a TCP connection counts as
//            kept when bytes came back after that moment of CLOCK_MONOTONIC (left out: in the last two turns and
//            100 ms). The server tells which pings have changed their identifier on the way
//   quit     ends
#include "bench/prober/clock.h"
#include "bench/prober/echo_server.h"
#include "bench/prober/event_loop.h"
#include "bench/prober/flow_probe.h"
#include "bench/prober/ping_probe.h"
#include "bench/prober/tcp_probe.h"
#include "bench/prober/udp_probe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <optional>
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>

namespace systole::prober {
namespace {

struct Options {
	bool server = false;
	std::string to;
	std::uint16_t port = 7007;
	std::uint32_t rate_hz = 1000;
	std::uint32_t connections = 20;
	std::uint32_t stream_interval_ms = 50;
	std::uint32_t flows = 0;
	std::uint32_t pings = 0;
};

constexpr std::string_view usage = "usage: systole-prober server [--port P] [--pings N]\n"
				   "       systole-prober client --to ADDRESS [--port P] [--rate HZ] [--connections N] "
				   "[--stream-interval-ms MS] [--flows N] [--pings N]\n";

[[noreturn]] void refuse(const std::string &what)
{
	std::fprintf(stderr, "systole-prober: %s\n%s", what.c_str(), std::string(usage).c_str());
	std::exit(2);
}

std::uint32_t number(std::string_view name, std::string_view text, std::uint32_t least, std::uint32_t most)
{
	std::uint32_t value = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
	if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
		refuse(std::string(name) + " '" + std::string(text) + "' is not a number from " +
		       std::to_string(least) + " to " + std::to_string(most));
	return value;
}

Options parse(std::span<char *> arguments)
{
	if (arguments.size() < 2)
		refuse("server or client?");
	Options options;
	const std::string_view mode = arguments[1];
	if (mode != "server" && mode != "client")
		refuse("'" + std::string(mode) + "' is neither server nor client");
	options.server = mode == "server";
	for (std::size_t i = 2; i < arguments.size(); i += 2) {
		const std::string_view name = arguments[i];
		if (i + 1 == arguments.size())
			refuse(std::string(name) + " needs a value");
		const std::string_view value = arguments[i + 1];
		if (name == "--port")
			options.port = static_cast<std::uint16_t>(number(name, value, 1, 65535));
		else if (name == "--to" && !options.server)
			options.to = value;
		else if (name == "--rate" && !options.server)
			options.rate_hz = number(name, value, 1, 10000);
		else if (name == "--connections" && !options.server)
			options.connections = number(name, value, 0, 20'000);
		else if (name == "--flows" && !options.server)
			options.flows = number(name, value, 0, 20'000);
		else if (name == "--pings")
			options.pings = number(name, value, 0, 64);
		else if (name == "--stream-interval-ms" && !options.server)
			options.stream_interval_ms = number(name, value, 1, 10000);
		else
			refuse("unknown option '" + std::string(name) + "'");
	}
	if (!options.server && options.to.empty())
		refuse("client needs --to ADDRESS");
	return options;
}

// The lines of stdin, and the end of the loop when it closes.
class Control {
public:
	Control(EventLoop &loop, std::function<void(std::string_view)> obey) : m_loop(loop), m_obey(std::move(obey))
	{
		static_cast<void>(checked(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), "stdin"));
		loop.watch(STDIN_FILENO, EPOLLIN, [this](std::uint32_t) { receive(); });
	}

private:
	void receive()
	{
		std::array<char, 512> bytes{};
		const auto size = read(STDIN_FILENO, bytes.data(), bytes.size());
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size <= 0)
			return m_loop.stop();
		m_pending.append(bytes.data(), static_cast<std::size_t>(size));
		for (auto end = m_pending.find('\n'); end != std::string::npos; end = m_pending.find('\n')) {
			const std::string line = m_pending.substr(0, end);
			m_pending.erase(0, end + 1);
			if (line == "quit")
				return m_loop.stop();
			m_obey(line);
		}
	}

	EventLoop &m_loop;
	std::function<void(std::string_view)> m_obey;
	std::string m_pending;
};

std::string list(const auto &numbers)
{
	std::string text;
	for (const auto number : numbers)
		text += (text.empty() ? "" : ",") + std::to_string(number);
	return "[" + text + "]";
}

struct Probes {
	Probes(EventLoop &loop, const Endpoint &server, const Options &options)
	    : udp(loop, server, 1'000'000'000 / options.rate_hz),
	      tcp(loop, server, options.connections, options.stream_interval_ms * ns_per_ms),
	      flows(loop, server, options.flows), pings(loop, server, options.port, options.pings)
	{
	}

	UdpProbe udp;
	TcpProbe tcp;
	FlowProbe flows;
	PingProbe pings;
};

std::string udp_json(const UdpReport &u)
{
	std::array<char, 512> text{};
	std::snprintf(text.data(), text.size(),
		      "{\"sent\":%llu,\"received\":%llu,\"lost\":%llu,\"duplicates\":%llu,\"send_errors\":%llu,"
		      "\"longest_gap_ns\":%lld,\"gap_start_ns\":%lld,\"gap_end_ns\":%lld,\"gap_open\":%s,"
		      "\"last_reply_ns\":%lld,\"longest_send_gap_ns\":%lld}",
		      static_cast<unsigned long long>(u.sent), static_cast<unsigned long long>(u.received),
		      static_cast<unsigned long long>(u.lost), static_cast<unsigned long long>(u.duplicates),
		      static_cast<unsigned long long>(u.send_errors), static_cast<long long>(u.longest_gap_ns),
		      static_cast<long long>(u.gap_start_ns), static_cast<long long>(u.gap_end_ns),
		      u.gap_open ? "true" : "false", static_cast<long long>(u.last_reply_ns),
		      static_cast<long long>(u.longest_send_gap_ns));
	return text.data();
}

std::string tcp_json(const TcpReport &t)
{
	std::array<char, 512> text{};
	std::snprintf(text.data(), text.size(),
		      "{\"total\":%u,\"connected\":%u,\"kept\":%u,\"broken\":%u,\"resets\":%u,\"corrupt\":%u,"
		      "\"stalled\":%u,\"longest_stall_ns\":%lld,\"verified_bytes\":%llu,\"wrong_bytes\":%llu}",
		      t.total, t.connected, t.kept, t.broken, t.resets, t.corrupt, t.stalled,
		      static_cast<long long>(t.longest_stall_ns), static_cast<unsigned long long>(t.verified_bytes),
		      static_cast<unsigned long long>(t.wrong_bytes));
	return text.data();
}

void print_report(const Probes &probes, std::string_view since)
{
	const auto now = mono_ns();
	std::int64_t moving_since_ns = 0;
	std::from_chars(since.data(), since.data() + since.size(), moving_since_ns);
	const FlowReport f = probes.flows.report(now, moving_since_ns);
	const PingReport p = probes.pings.report(now, moving_since_ns);
	std::printf("{\"now_ns\":%lld,\"udp\":%s,\"tcp\":%s,\"flows\":{\"total\":%u,\"moving\":%u,\"kept\":%u,"
		    "\"moved\":%u,\"longest_gap_ns\":%lld},\"pings\":{\"total\":%u,\"moving\":%u,\"kept\":%s,"
		    "\"longest_gap_ns\":%lld}}\n",
		    static_cast<long long>(now), udp_json(probes.udp.report(now)).c_str(),
		    tcp_json(probes.tcp.report(now, moving_since_ns)).c_str(), f.total, f.moving, f.kept, f.moved,
		    static_cast<long long>(f.longest_gap_ns), p.total, p.moving, list(p.kept).c_str(),
		    static_cast<long long>(p.longest_gap_ns));
}

// A socket for each connection and flow.
void raise_descriptor_limit()
{
	rlimit limit{};
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

// Below systoled's workers, above everything ordinary: the prober must not measure its own lateness. Without the right
// to it the figures are still true, only coarser on a loaded machine.
void raise_priority()
{
	sched_param parameter{};
	parameter.sched_priority = 10;
	sched_setscheduler(0, SCHED_FIFO, &parameter);
}

void run_server(const Options &options)
{
	EventLoop loop;
	EchoServer server(loop, options.port);
	std::optional<PingWatch> watch;
	if (options.pings > 0)
		watch.emplace(loop, options.port);
	Control control(loop, [&](std::string_view line) {
		if (line == "mark" && watch)
			watch->mark();
		std::printf("{\"pings_moved\":%s}\n", watch ? list(watch->moved()).c_str() : "[]");
	});
	std::puts("ready");
	loop.run();
}

void run_client(const Options &options)
{
	EventLoop loop;
	Probes probes(loop, Endpoint::parse(options.to, options.port), options);
	Control control(loop, [&](std::string_view line) {
		if (line == "mark") {
			const auto now = mono_ns();
			probes.udp.mark(now);
			probes.tcp.mark();
			probes.flows.mark();
			probes.pings.mark();
			std::printf("{\"mark_ns\":%lld}\n", static_cast<long long>(now));
		} else if (line.starts_with("report")) {
			print_report(probes, line.substr(std::min(line.size(), std::size_t{7})));
		} else {
			std::printf("{\"error\":\"unknown command; mark, report or quit\"}\n");
		}
	});
	std::puts("ready");
	loop.run();
}

} // namespace
} // namespace systole::prober

int main(int argc, char **argv)
{
	using namespace systole::prober;
	std::setvbuf(stdout, nullptr, _IOLBF, 0);
	try {
		const auto options = parse({argv, static_cast<std::size_t>(argc)});
		raise_priority();
		raise_descriptor_limit();
		options.server ? run_server(options) : run_client(options);
	} catch (const std::exception &error) {
		std::fprintf(stderr, "systole-prober: %s\n", error.what());
		return 1;
	}
	return 0;
}
