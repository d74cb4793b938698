// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-ct-loader: fills the connection tracking of the namespace it runs in, and says what is in it. One action, one
// JSON line; times are CLOCK_MONOTONIC.
//
//   --count N [--nat] [--batch B] [--rate R]   creates sessions 0 to N-1
//   --dump-count                               how many entries there are
//   --dump-digest [--count N] [--nat]          digest of the loaded sessions; how many of 0 to N-1 are missing, and how
//                                              many are not as --nat, or its absence, made them
//   --flush                                    forgets every entry, of whatever kind
//   --inject-rate, --dump-rate [--count N]     what ctnetlink can take and tell at most; the entries are flushed again
#include "bench/ct_loader/conntrack_table.h"
#include "bench/ct_loader/table_digest.h"
#include "bench/prober/clock.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace systole::ct_loader {
namespace {

using prober::mono_ns;

constexpr std::string_view usage =
	"usage: systole-ct-loader --count N [--family 4|6] [--nat] [--batch B] [--rate R]\n"
	"       systole-ct-loader --dump-count | --flush [--family 4|6]\n"
	"       systole-ct-loader --dump-digest | --inject-rate | --dump-rate [--count N] [--family 4|6] [--nat]\n";

struct Options {
	std::string action = "create";
	std::uint32_t count = 0;
	std::uint8_t family = AF_INET;
	bool nat = false;
	std::uint32_t batch = 64;
	std::uint32_t rate_per_s = 0; // 0: as fast as it goes
};

[[noreturn]] void refuse(const std::string &what)
{
	std::fprintf(stderr, "systole-ct-loader: %s\n%s", what.c_str(), std::string(usage).c_str());
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
	constexpr std::array actions{"--dump-count", "--dump-digest", "--flush", "--inject-rate", "--dump-rate"};
	Options options;
	for (std::size_t i = 1; i < arguments.size(); ++i) {
		const std::string_view name = arguments[i];
		if (std::ranges::find(actions, name) != actions.end()) {
			if (options.action != "create")
				refuse("one action at a time: " + options.action + " or " + std::string(name) + "?");
			options.action = name;
			continue;
		}
		if (name == "--nat") {
			options.nat = true;
			continue;
		}
		if (++i == arguments.size())
			refuse(std::string(name) + " needs a value");
		const std::string_view value = arguments[i];
		if (name == "--count")
			options.count = number(name, value, 1, most_sessions);
		else if (name == "--family")
			options.family = number(name, value, 4, 6) == 6 ? AF_INET6 : AF_INET;
		else if (name == "--batch")
			options.batch = number(name, value, 1, 256);
		else if (name == "--rate")
			options.rate_per_s = number(name, value, 1, 100'000'000);
		else
			refuse("unknown option '" + std::string(name) + "'");
	}
	if (options.action == "create" && options.count == 0)
		refuse("--count: how many sessions?");
	return options;
}

struct Creation {
	std::uint32_t refused = 0;
	std::int64_t first_ns = 0;
	std::int64_t last_ns = 0;
	[[nodiscard]] double seconds() const { return static_cast<double>(last_ns - first_ns) / 1e9; }
};

void sleep_until(std::int64_t moment_ns)
{
	const timespec when{.tv_sec = moment_ns / 1'000'000'000, .tv_nsec = moment_ns % 1'000'000'000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
}

Creation create(ConntrackTable &table, const Options &options)
{
	Creation result{.first_ns = mono_ns()};
	std::vector<Session> batch;
	for (std::uint32_t next = 0; next < options.count;) {
		batch.clear();
		for (; next < options.count && batch.size() < options.batch; ++next)
			batch.push_back(load_session(next, options.family, options.nat));
		result.refused += static_cast<std::uint32_t>(table.create(batch));
		if (options.rate_per_s != 0)
			sleep_until(result.first_ns + static_cast<std::int64_t>(1e9 * next / options.rate_per_s));
	}
	result.last_ns = mono_ns();
	return result;
}

void print_creation(const Options &options, const Creation &creation, int last_errno)
{
	std::printf("{\"created\":%u,\"refused\":%u,\"refusal\":\"%s\",\"seconds\":%.6f,\"per_second\":%.0f,"
		    "\"first_ns\":%lld,\"last_ns\":%lld}\n",
		    options.count - creation.refused, creation.refused,
		    creation.refused != 0 ? std::strerror(last_errno) : "", creation.seconds(),
		    (options.count - creation.refused) / creation.seconds(), static_cast<long long>(creation.first_ns),
		    static_cast<long long>(creation.last_ns));
}

void print_digest(ConntrackTable &table, const Options &options)
{
	TableDigest digest(options.count, options.nat);
	table.list(options.family, [&](const Session &session) { digest.take(session); });
	std::printf("{\"count\":%llu,\"digest\":\"%016llx%016llx\",\"others\":%llu,\"missing\":%llu,\"wrong\":%llu}\n",
		    static_cast<unsigned long long>(digest.sessions), static_cast<unsigned long long>(digest.high),
		    static_cast<unsigned long long>(digest.low), static_cast<unsigned long long>(digest.others),
		    static_cast<unsigned long long>(digest.missing()), static_cast<unsigned long long>(digest.wrong));
}

// A limit is what was reached at best: the machine may be busy with other things meanwhile.
constexpr int limit_rounds = 3;

void print_inject_rate(ConntrackTable &table, const Options &options)
{
	double best = 0;
	for (int round = 0; round < limit_rounds; ++round) {
		const Creation creation = create(table, options);
		best = std::max(best, (options.count - creation.refused) / creation.seconds());
		table.flush();
	}
	std::printf("{\"count\":%u,\"inject_per_second\":%.0f}\n", options.count, best);
}

void print_dump_rate(ConntrackTable &table, const Options &options)
{
	static_cast<void>(create(table, options));
	double best = 0;
	for (int round = 0; round < limit_rounds; ++round) {
		const auto began_ns = mono_ns();
		const auto found = static_cast<double>(table.count(options.family));
		best = std::max(best, found / (static_cast<double>(mono_ns() - began_ns) / 1e9));
	}
	table.flush();
	std::printf("{\"count\":%u,\"dump_per_second\":%.0f}\n", options.count, best);
}

int run(Options options)
{
	ConntrackTable table;
	if (options.action == "--dump-count") {
		const auto began_ns = mono_ns();
		const auto found = table.count(options.family);
		const double seconds = static_cast<double>(mono_ns() - began_ns) / 1e9;
		std::printf("{\"count\":%zu,\"seconds\":%.6f}\n", found, seconds);
	} else if (options.action == "--dump-digest") {
		print_digest(table, options);
	} else if (options.action == "--flush") {
		table.flush();
		std::puts("{}");
	} else {
		options.count = options.count == 0 ? 100'000 : options.count;
		if (options.action == "--inject-rate") {
			print_inject_rate(table, options);
		} else if (options.action == "--dump-rate") {
			print_dump_rate(table, options);
		} else {
			const Creation creation = create(table, options);
			print_creation(options, creation, table.last_errno());
			return creation.refused == 0 ? 0 : 1;
		}
	}
	return 0;
}

} // namespace
} // namespace systole::ct_loader

int main(int argc, char **argv)
{
	using namespace systole::ct_loader;
	try {
		return run(parse({argv, static_cast<std::size_t>(argc)}));
	} catch (const std::exception &error) {
		std::fprintf(stderr, "systole-ct-loader: %s\n", error.what());
		return 1;
	}
}
