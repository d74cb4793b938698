// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-sync-sim: session synchronisation under faults, over a range of seeds; or something broken, to see that it is
// noticed. docs/SIMULATION.md "The session stream" has the rest.
#include "tests/sync_sim/world.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace systole::sync_sim;

constexpr std::uint64_t most_seeds = 100'000'000;
constexpr std::size_t seeds_with_everything = 300;
thread_local std::uint64_t seed_in_hand = 0;

struct Options {
	std::uint64_t first = 0;
	std::uint64_t last = 0;
	bool trace = false;
	std::optional<BreakInfo> broken;
	unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
};

constexpr const char *usage_text = "usage: systole-sync-sim --seeds A-B [--break NAME] [--jobs N]\n"
				   "       systole-sync-sim --trace SEED [--break NAME]    one seed with its timeline\n"
				   "       systole-sync-sim --list-breaks\n";

[[noreturn]] void usage(const std::string &complaint)
{
	std::fprintf(stderr, "systole-sync-sim: %s\n%s", complaint.c_str(), usage_text);
	std::exit(2);
}

std::uint64_t parse_number(const std::string &option, const std::string &text)
{
	if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
		usage(option + " " + text +
		      ": expected a number, or for --seeds two with a dash between, such as 1-200");
	return std::stoull(text);
}

Options parse(int argc, char **argv)
{
	Options options;
	bool any = false;
	const std::vector<std::string> arguments(argv + 1, argv + argc);
	for (std::size_t i = 0; i < arguments.size(); ++i) {
		const std::string &option = arguments[i];
		if (option == "--help" || option == "-h") {
			std::printf("%s", usage_text);
			std::exit(0);
		}
		if (option == "--list-breaks") {
			for (const BreakInfo &info : all_breaks())
				std::printf("%-18s %-20s %s\n", info.name.data(), info.checker.data(),
					    info.text.data());
			std::exit(0);
		}
		if (i + 1 == arguments.size())
			usage(option + ": unknown, or its value is missing");
		const std::string &value = arguments[++i];
		if (option == "--seeds") {
			const auto dash = value.find('-');
			options.first = parse_number(option, value.substr(0, dash));
			options.last = dash == std::string::npos ? options.first
								 : parse_number(option, value.substr(dash + 1));
			if (options.first > options.last || options.last - options.first >= most_seeds)
				usage("--seeds " + value +
				      ": the first is larger than the last, or more than 100 million");
			any = true;
		} else if (option == "--trace") {
			options.first = options.last = parse_number(option, value);
			options.trace = any = true;
		} else if (option == "--jobs") {
			options.jobs = static_cast<unsigned>(parse_number(option, value));
			if (options.jobs < 1 || options.jobs > 256)
				usage("--jobs " + value + ": expected 1 .. 256");
		} else if (option == "--break") {
			options.broken = find_break(value);
			if (!options.broken)
				usage("--break " + value + ": no such break, see --list-breaks");
		} else {
			usage(option + ": unknown option");
		}
	}
	if (!any)
		usage("no seeds: give --seeds or --trace");
	return options;
}

// An assertion inside the core has failed: say where before the process ends.
extern "C" void on_abort(int)
{
	char text[160];
	const auto seed = static_cast<unsigned long long>(seed_in_hand);
	const int length = std::snprintf(
		text, sizeof text, "seed %llu aborted; see it again with: systole-sync-sim --trace %llu\n", seed, seed);
	std::fflush(stdout);
	[[maybe_unused]] const auto written = write(STDOUT_FILENO, text, static_cast<std::size_t>(length));
}

struct Totals {
	std::size_t passed = 0;
	std::size_t failed = 0;
	double simulated_seconds = 0;
	Statistics statistics;
};

std::optional<Failure> run_seed(std::uint64_t seed, const Options &options, Totals &totals)
{
	seed_in_hand = seed;
	World world(seed, options.broken ? options.broken->what : Break::none, options.trace);
	auto failure = world.run();
	++(failure ? totals.failed : totals.passed);
	totals.simulated_seconds += std::chrono::duration<double>(world.now().time_since_epoch()).count();
	totals.statistics.add(world.statistics());
	return failure;
}

double seconds_of(systole::core::Time at)
{
	return std::chrono::duration<double>(at.time_since_epoch()).count();
}

// Until the named checker has failed once.
int run_break(const Options &options)
{
	Totals totals;
	for (std::uint64_t seed = options.first; seed <= options.last; ++seed) {
		const auto failure = run_seed(seed, options, totals);
		if (failure && failure->checker == options.broken->checker) {
			std::printf("%s noticed in seed %llu at %.6f s by %s: %s\n", options.broken->name.data(),
				    static_cast<unsigned long long>(seed), seconds_of(failure->at),
				    failure->checker.c_str(), failure->text.c_str());
			return 0;
		}
	}
	std::printf("%s was not noticed by %s in %llu seeds\n", options.broken->name.data(),
		    options.broken->checker.data(), static_cast<unsigned long long>(options.last - options.first + 1));
	return 1;
}

Totals run_seeds(const Options &options)
{
	Totals totals;
	std::mutex mutex;
	std::atomic<std::uint64_t> next = options.first;
	const auto work = [&] {
		for (std::uint64_t seed = next++; seed <= options.last; seed = next++) {
			Totals one;
			const auto failure = run_seed(seed, options, one);
			const std::lock_guard lock(mutex);
			totals.passed += one.passed;
			totals.failed += one.failed;
			totals.simulated_seconds += one.simulated_seconds;
			totals.statistics.add(one.statistics);
			if (failure) {
				std::printf("seed %llu FAILED at %.6f s: %s: %s\n    see it again with: "
					    "systole-sync-sim --trace "
					    "%llu\n",
					    static_cast<unsigned long long>(seed), seconds_of(failure->at),
					    failure->checker.c_str(), failure->text.c_str(),
					    static_cast<unsigned long long>(seed));
				std::fflush(stdout);
			}
		}
	};
	std::vector<std::thread> others;
	const auto jobs =
		static_cast<unsigned>(std::min<std::uint64_t>(options.jobs, options.last - options.first + 1));
	for (unsigned i = 1; i < jobs; ++i)
		others.emplace_back(work);
	work();
	for (std::thread &thread : others)
		thread.join();
	return totals;
}

// How often each thing happened, so that one sees that none is dead. How many never did.
std::size_t print_counts(const Statistics &all)
{
	std::vector<std::pair<std::string, std::uint64_t>> counts;
	for (std::size_t i = 0; i < fault_kinds; ++i)
		counts.emplace_back(name_of(static_cast<Fault>(i)), all.struck[i]);
	counts.insert(counts.end(), {{"packets-lost", all.lost},
				     {"packets-cut", all.cut},
				     {"packets-doubled", all.doubled},
				     {"packets-late", all.straggled},
				     {"queue-overflows", all.overflown},
				     {"takeovers", all.takeovers},
				     {"frames-lost", all.frames_lost},
				     {"blocks-repaired", all.repairs},
				     {"records-overtaken", all.overtaken},
				     {"frames-stale", all.stale},
				     {"frames-closed", all.closed},
				     {"table-full", all.full},
				     {"confirmed-looked-at", all.confirmed_looks},
				     {"in-step-looked-at", all.in_step_looks},
				     {"fences-passed", all.fences_passed},
				     {"handed-over", all.handed_over}});
	std::size_t never = 0;
	std::string line = "struck:";
	for (const auto &[name, count] : counts) {
		never += count == 0 ? 1 : 0;
		const std::string word = " " + name + " " + std::to_string(count);
		if (line.size() + word.size() > 118) {
			std::printf("%s\n", line.c_str());
			line = "       ";
		}
		line += word;
	}
	std::printf("%s\n", line.c_str());
	return never;
}

int run_all(const Options &options)
{
	const auto start = std::chrono::steady_clock::now();
	std::printf("seeds %llu .. %llu\n", static_cast<unsigned long long>(options.first),
		    static_cast<unsigned long long>(options.last));
	std::fflush(stdout);
	Totals totals = run_seeds(options);
	const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
	const std::size_t never = print_counts(totals.statistics);
	const std::uint64_t seeds = options.last - options.first + 1;
	if (never != 0 && seeds >= seeds_with_everything && totals.failed == 0) {
		std::printf("%zu of these never happened\n", never);
		totals.failed += never;
	}
	std::printf("simulated %.0f s in %.1f s, %.1f seeds/s; %llu changes, %llu frames of %llu records, longest way "
		    "to rest "
		    "%.0f ms\n",
		    totals.simulated_seconds, wall, static_cast<double>(seeds) / wall,
		    static_cast<unsigned long long>(totals.statistics.changes),
		    static_cast<unsigned long long>(totals.statistics.frames),
		    static_cast<unsigned long long>(totals.statistics.records),
		    std::chrono::duration<double, std::milli>(totals.statistics.longest_rest).count());
	std::printf("%zu passed, %zu failed\n", totals.passed, totals.failed);
	return totals.failed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
	const Options options = parse(argc, argv);
	std::signal(SIGABRT, on_abort);
	return options.broken && !options.trace ? run_break(options) : run_all(options);
}
