// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-prober: the client that measures a failover as a user feels it, and the server it talks to.
//
//   systole-prober server [--port P]
//   systole-prober client --to ADDRESS [--port P] [--rate HZ] [--connections N] [--stream-interval-ms MS]
//
// Both print "ready" and then obey lines on stdin; both end when stdin closes, so they never outlive who started them.
//   mark     starts a window of measurement (broken connections are opened again); answers {"mark_ns":...}
//   report [SINCE_NS]   answers with one JSON line about the window so far, which goes on; a TCP connection counts as
//            kept when bytes came back after that moment of CLOCK_MONOTONIC (left out: in the last 200 ms)
//   quit     ends
#include "bench/prober/clock.h"
#include "bench/prober/echo_server.h"
#include "bench/prober/event_loop.h"
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
#include <sched.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>

namespace systole::prober {
namespace {

struct Options {
	bool server = false;
	std::string to;
	std::uint16_t port = 7007;
	std::uint32_t rate_hz = 1000;
	std::uint32_t connections = 20;
	std::uint32_t stream_interval_ms = 50;
};

constexpr std::string_view usage = "usage: systole-prober server [--port P]\n"
				   "       systole-prober client --to ADDRESS [--port P] [--rate HZ] [--connections N] "
				   "[--stream-interval-ms MS]\n";

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
			options.connections = number(name, value, 0, 1000);
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

void print_report(const UdpProbe &udp, const TcpProbe &tcp, std::string_view since)
{
	const auto now = mono_ns();
	std::int64_t moving_since_ns = now - 200 * ns_per_ms;
	std::from_chars(since.data(), since.data() + since.size(), moving_since_ns);
	const UdpReport u = udp.report(now);
	const TcpReport t = tcp.report(moving_since_ns);
	std::printf("{\"now_ns\":%lld,\"udp\":{\"sent\":%llu,\"received\":%llu,\"lost\":%llu,\"duplicates\":%llu,"
		    "\"send_errors\":%llu,\"longest_gap_ns\":%lld,\"gap_start_ns\":%lld,\"gap_end_ns\":%lld,\"gap_"
		    "open\":%s,"
		    "\"last_reply_ns\":%lld,\"longest_send_gap_ns\":%lld},\"tcp\":{\"total\":%u,\"connected\":%u,"
		    "\"kept\":%u,\"broken\":%u,\"corrupt\":%u,"
		    "\"verified_bytes\":%llu}}\n",
		    static_cast<long long>(now), static_cast<unsigned long long>(u.sent),
		    static_cast<unsigned long long>(u.received), static_cast<unsigned long long>(u.lost),
		    static_cast<unsigned long long>(u.duplicates), static_cast<unsigned long long>(u.send_errors),
		    static_cast<long long>(u.longest_gap_ns), static_cast<long long>(u.gap_start_ns),
		    static_cast<long long>(u.gap_end_ns), u.gap_open ? "true" : "false",
		    static_cast<long long>(u.last_reply_ns), static_cast<long long>(u.longest_send_gap_ns), t.total,
		    t.connected, t.kept, t.broken, t.corrupt, static_cast<unsigned long long>(t.verified_bytes));
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
	Control control(loop, [](std::string_view) { std::puts("{}"); });
	std::puts("ready");
	loop.run();
}

void run_client(const Options &options)
{
	EventLoop loop;
	const auto server = Endpoint::parse(options.to, options.port);
	UdpProbe udp(loop, server, 1'000'000'000 / options.rate_hz);
	TcpProbe tcp(loop, server, options.connections, options.stream_interval_ms * ns_per_ms);
	Control control(loop, [&](std::string_view line) {
		if (line == "mark") {
			const auto now = mono_ns();
			udp.mark(now);
			tcp.mark();
			std::printf("{\"mark_ns\":%lld}\n", static_cast<long long>(now));
		} else if (line.starts_with("report")) {
			print_report(udp, tcp, line.substr(std::min(line.size(), std::size_t{7})));
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
		options.server ? run_server(options) : run_client(options);
	} catch (const std::exception &error) {
		std::fprintf(stderr, "systole-prober: %s\n", error.what());
		return 1;
	}
	return 0;
}
