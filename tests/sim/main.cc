// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systole-sim: runs a range of seeds, or the seeds of a file, or breaks something to see that it is noticed. What it
// prints for a failed seed is all that is needed to see it again. docs/SIMULATION.md has the rest.
#include "tests/sim/soak.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace systole::sim;

constexpr std::size_t seeds_with_everything = 500;
constexpr auto what_if_run = std::chrono::seconds{400};

struct Options {
	std::vector<std::uint64_t> seeds;
	std::optional<std::uint64_t> trace;
	PlanOptions plan;
	std::string plan_text; // the same as typed, for the line that says how to see it again
	std::optional<BreakInfo> broken;
	std::optional<std::uint64_t> shrink;
	std::optional<std::uint64_t> soak; // from this seed on
	double minutes = 0;
	std::uint64_t what_ifs = 0; // cases wanted
	unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
};

[[noreturn]] void usage(const std::string &complaint)
{
	if (!complaint.empty())
		std::fprintf(stderr, "systole-sim: %s\n", complaint.c_str());
	std::fprintf(stderr, "usage: systole-sim --seeds A-B [--seconds S] [--members N-M] [--trace SEED] [--break "
			     "NAME] [--jobs N]\n"
			     "       systole-sim --trace SEED [--keep-faults N,N,...] [...]\n"
			     "       systole-sim --shrink SEED [...]\n"
			     "       systole-sim --soak FIRST-SEED [--minutes N] [...]\n"
			     "       systole-sim --what-if CASES [--trace SEED] [...]\n"
			     "       systole-sim --seeds-file FILE [...]\n"
			     "       systole-sim --list-breaks\n");
	std::exit(2);
}

// "7" or "1-200".
struct Range {
	std::uint64_t low;
	std::uint64_t high;
};
Range parse_range(const std::string &option, const std::string &text)
{
	const auto number = [&](const std::string &part) {
		if (part.empty() || part.size() > 19 || part.find_first_not_of("0123456789") != std::string::npos)
			usage(option + " " + text + ": expected a number or two with a dash between, such as 1-200");
		return std::stoull(part);
	};
	const auto dash = text.find('-');
	const Range range{number(text.substr(0, dash)),
			  number(dash == std::string::npos ? text : text.substr(dash + 1))};
	if (range.low > range.high)
		usage(option + " " + text + ": the first number is larger than the second");
	return range;
}

// One seed a line, '#' starts a comment.
std::vector<std::uint64_t> read_seeds(const std::string &path)
{
	std::ifstream file(path);
	if (!file)
		usage(path + ": " + std::strerror(errno));
	std::vector<std::uint64_t> seeds;
	for (std::string line; std::getline(file, line);) {
		std::istringstream words(line.substr(0, line.find('#')));
		for (std::string word; words >> word;)
			seeds.push_back(parse_range(path, word).low);
	}
	return seeds;
}

// "3,7,12", or "none".
FaultFilter parse_faults(const std::string &option, const std::string &text)
{
	FaultFilter filter;
	filter.all = false;
	if (text == "none")
		return filter;
	std::istringstream numbers(text);
	for (std::string number; std::getline(numbers, number, ',');)
		filter.kept.insert(static_cast<std::uint32_t>(parse_range(option, number).low));
	return filter;
}

Options parse(int argc, char **argv)
{
	Options options;
	const std::vector<std::string> arguments(argv + 1, argv + argc);
	for (std::size_t i = 0; i < arguments.size(); ++i) {
		const std::string &option = arguments[i];
		if (option == "--list-breaks") {
			for (const BreakInfo &info : all_breaks())
				std::printf("%-20s %-26s %s\n", std::string(info.name).c_str(),
					    std::string(info.checker).c_str(), std::string(info.text).c_str());
			std::exit(0);
		}
		if (i + 1 == arguments.size())
			usage(option + ": unknown, or its value is missing");
		const std::string &value = arguments[++i];
		if (option == "--seeds") {
			const auto [low, high] = parse_range(option, value);
			if (high - low >= 100'000'000)
				usage("--seeds " + value + ": more than 100 million seeds");
			for (std::uint64_t seed = low; seed <= high; ++seed)
				options.seeds.push_back(seed);
		} else if (option == "--seeds-file") {
			for (const std::uint64_t seed : read_seeds(value))
				options.seeds.push_back(seed);
		} else if (option == "--trace") {
			options.trace = parse_range(option, value).low;
		} else if (option == "--seconds") {
			const auto [seconds, same] = parse_range(option, value);
			if (seconds < 10 || seconds > 86400 || same != seconds)
				usage("--seconds " + value + ": expected 10 .. 86400");
			options.plan.total = std::chrono::seconds{seconds};
			options.plan.vary = false;
			options.plan_text += " --seconds " + value;
		} else if (option == "--members") {
			const auto [low, high] = parse_range(option, value);
			if (low < 2 || high > max_sim_members)
				usage("--members " + value + ": expected 2 .. " + std::to_string(max_sim_members));
			options.plan.members_low = static_cast<int>(low);
			options.plan.vary = false;
			options.plan.members_high = static_cast<int>(high);
			options.plan_text += " --members " + value;
		} else if (option == "--jobs") {
			const auto [jobs, same] = parse_range(option, value);
			if (jobs < 1 || jobs > 256 || same != jobs)
				usage("--jobs " + value + ": expected 1 .. 256");
			options.jobs = static_cast<unsigned>(jobs);
		} else if (option == "--keep-faults") {
			options.plan.filter = parse_faults(option, value);
			options.plan_text += " --keep-faults " + value;
		} else if (option == "--shrink") {
			options.shrink = parse_range(option, value).low;
		} else if (option == "--soak") {
			options.soak = parse_range(option, value).low;
		} else if (option == "--minutes") {
			options.minutes = static_cast<double>(parse_range(option, value).low);
		} else if (option == "--what-if") {
			options.what_ifs = parse_range(option, value).low;
			options.plan.what_if = true;
			options.plan.vary = false;
			options.plan.total = what_if_run;
			options.plan_text += " --what-if " + value;
		} else if (option == "--break") {
			options.broken = find_break(value);
			if (!options.broken)
				usage("--break " + value + ": no such break, see --list-breaks");
		} else {
			usage(option + ": unknown option");
		}
	}
	if (options.seeds.empty() && options.trace)
		options.seeds.push_back(*options.trace);
	if (options.seeds.empty() && !options.shrink && !options.soak && options.what_ifs == 0)
		usage("no seeds: give --seeds, --seeds-file or --trace");
	return options;
}

std::string typed_options; // for the message below

// An assertion inside the core has failed: say where before the process ends.
extern "C" void on_abort(int)
{
	char text[240];
	const auto seed = static_cast<unsigned long long>(seed_in_hand());
	const int length = std::snprintf(
		text, sizeof text, "seed %llu aborted at %.6f s; see it again with: scripts/sim%.80s --trace %llu\n",
		seed, seconds_in_hand(), typed_options.c_str(), seed);
	std::fflush(stdout);
	[[maybe_unused]] const auto written = write(STDOUT_FILENO, text, static_cast<std::size_t>(length));
}

struct Totals {
	std::size_t passed = 0;
	std::size_t failed = 0;
	double simulated_seconds = 0;
	Statistics most;
};

void add(Totals &totals, const Outcome &outcome)
{
	totals.failed += outcome.failure ? 1 : 0;
	totals.passed += outcome.failure ? 0 : 1;
	totals.simulated_seconds += std::chrono::duration<double>(outcome.simulated).count();
	const Statistics &one = outcome.statistics;
	Statistics &all = totals.most;
	all.longest_dual = std::max(all.longest_dual, one.longest_dual);
	all.longest_half_heard = std::max(all.longest_half_heard, one.longest_half_heard);
	all.longest_owners = std::max(all.longest_owners, one.longest_owners);
	all.longest_kept = std::max(all.longest_kept, one.longest_kept);
	all.longest_detection = std::max(all.longest_detection, one.longest_detection);
	all.most_actions = std::max(all.most_actions, one.most_actions);
	all.role_changes += one.role_changes;
	all.taken += one.taken;
	all.steps += one.steps;
	for (std::size_t i = 0; i < fault_kinds; ++i)
		all.struck[i] += one.struck[i];
	all.network.carried += one.network.carried;
	all.network.lost += one.network.lost;
	all.network.held_by_cuts += one.network.held_by_cuts;
	all.network.delayed += one.network.delayed;
	all.network.reordered += one.network.reordered;
	all.network.duplicated += one.network.duplicated;
	all.attacks += one.attacks;
	all.drifting += one.drifting;
	all.what_ifs += one.what_ifs;
	all.what_if_moves += one.what_if_moves;
}

Outcome run_seed(std::uint64_t seed, const Options &options)
{
	const Plan plan = Plan::draw(seed, options.plan);
	const bool trace = options.trace == seed;
	if (trace)
		std::printf("seed %llu: %s", static_cast<unsigned long long>(seed), plan.text().c_str());
	return simulate(plan, options.broken ? options.broken->what : Break::none, trace);
}

// Until the named checker has failed once.
int run_break(const Options &options)
{
	for (const std::uint64_t seed : options.seeds) {
		const Outcome outcome = run_seed(seed, options);
		if (outcome.failure && outcome.failure->checker == options.broken->checker) {
			std::printf("%s noticed in seed %llu at %.6f s by %s: %s\n",
				    std::string(options.broken->name).c_str(), static_cast<unsigned long long>(seed),
				    seconds_of(outcome.failure->at), outcome.failure->checker.c_str(),
				    outcome.failure->text.c_str());
			return 0;
		}
	}
	std::printf("%s was not noticed by %s in %zu seeds\n", std::string(options.broken->name).c_str(),
		    std::string(options.broken->checker).c_str(), options.seeds.size());
	return 1;
}

// How often each thing struck, so that one sees that none is dead. How many never did.
std::size_t print_faults(const Statistics &all)
{
	std::vector<std::pair<std::string, std::uint64_t>> counts;
	for (std::size_t i = 0; i < fault_kinds; ++i)
		counts.emplace_back(name_of(static_cast<Fault>(i)), all.struck[i]);
	counts.insert(counts.end(), {{"attacks", all.attacks},
				     {"drifting-clocks", all.drifting},
				     {"packets-lost", all.network.lost},
				     {"packets-cut", all.network.held_by_cuts},
				     {"packets-delayed", all.network.delayed},
				     {"packets-reordered", all.network.reordered},
				     {"packets-duplicated", all.network.duplicated}});
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

void print_failure(std::uint64_t seed, const Failure &failure, const Options &options)
{
	std::printf("seed %llu FAILED at %.6f s: %s: %s\n    see it again with: scripts/sim%s --trace %llu\n",
		    static_cast<unsigned long long>(seed), seconds_of(failure.at), failure.checker.c_str(),
		    failure.text.c_str(), options.plan_text.c_str(), static_cast<unsigned long long>(seed));
	std::fflush(stdout);
}

// Each run on one thread; which, and in what order, changes nothing in it.
Totals run_seeds(const Options &options)
{
	Totals totals;
	std::mutex mutex;
	std::atomic<std::size_t> next = 0;
	const auto work = [&] {
		for (std::size_t i = next++; i < options.seeds.size(); i = next++) {
			const Outcome outcome = run_seed(options.seeds[i], options);
			const std::lock_guard lock(mutex);
			add(totals, outcome);
			if (outcome.failure)
				print_failure(options.seeds[i], *outcome.failure, options);
		}
	};
	std::vector<std::thread> others;
	// A trace is printed as it happens: then one after the other.
	const std::size_t jobs = options.trace ? 1 : std::min<std::size_t>(options.jobs, options.seeds.size());
	for (std::size_t i = 1; i < jobs; ++i)
		others.emplace_back(work);
	work();
	for (std::thread &thread : others)
		thread.join();
	return totals;
}

int run_shrink(const Options &options)
{
	const std::uint64_t seed = *options.shrink;
	const Break broken = options.broken ? options.broken->what : Break::none;
	const Outcome outcome = simulate(Plan::draw(seed, options.plan), broken, false);
	if (!outcome.failure) {
		std::printf("seed %llu does not fail\n1 passed, 0 failed\n", static_cast<unsigned long long>(seed));
		return 0;
	}
	print_shrunk(seed, options.plan, broken, shrink(seed, options.plan, broken, outcome), options.plan_text);
	std::printf("0 passed, 1 failed\n");
	return 1;
}

// Seed after seed until so many cases have been compared.
int run_what_if(Options options)
{
	Totals totals;
	for (std::uint64_t first = 1; totals.most.what_ifs < options.what_ifs && totals.failed == 0;) {
		constexpr std::uint64_t at_a_time = 16;
		options.seeds.clear();
		for (const std::uint64_t end = first + at_a_time; first < end; ++first)
			options.seeds.push_back(first);
		const Totals more = run_seeds(options);
		totals.passed += more.passed;
		totals.failed += more.failed;
		totals.simulated_seconds += more.simulated_seconds;
		totals.most.what_ifs += more.most.what_ifs;
		totals.most.what_if_moves += more.most.what_if_moves;
	}
	std::printf("what-if: %llu cases, in %llu the role was to move; simulated %.0f s in %zu seeds\n",
		    static_cast<unsigned long long>(totals.most.what_ifs),
		    static_cast<unsigned long long>(totals.most.what_if_moves), totals.simulated_seconds,
		    totals.passed + totals.failed);
	std::printf("%zu passed, %zu failed\n", totals.passed, totals.failed);
	return totals.failed == 0 ? 0 : 1;
}

int run_all(const Options &options)
{
	const auto start = std::chrono::steady_clock::now();
	std::printf("seeds %llu .. %llu\n", static_cast<unsigned long long>(options.seeds.front()),
		    static_cast<unsigned long long>(options.seeds.back()));
	std::fflush(stdout);
	Totals totals = run_seeds(options);
	const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
	const Statistics &most = totals.most;
	const std::size_t never = print_faults(most);
	// So many seeds of the usual kind have everything in them, or a kind of fault has been lost.
	if (never != 0 && options.plan_text.empty() && options.seeds.size() >= seeds_with_everything &&
	    totals.failed == 0) {
		std::printf("%zu kinds of fault never struck\n", never);
		totals.failed += never;
	}
	std::printf("longest: two primaries that heard each other %s, of which one heard the other %s\n"
		    "         addresses at two after one fell silent %s, at one that was silent dead interval + %s\n"
		    "         detection dead interval + %s; most actions in a step %zu\n",
		    in_ms(most.longest_dual).c_str(), in_ms(most.longest_half_heard).c_str(),
		    in_ms(most.longest_owners).c_str(), in_ms(most.longest_kept).c_str(),
		    in_ms(most.longest_detection).c_str(), most.most_actions);
	std::printf("simulated %.0f s in %.1f s, %.1f seeds/s; %llu steps, %llu role changes, addresses taken by "
		    "keepers %llu "
		    "times\n",
		    totals.simulated_seconds, wall, static_cast<double>(options.seeds.size()) / wall,
		    static_cast<unsigned long long>(most.steps), static_cast<unsigned long long>(most.role_changes),
		    static_cast<unsigned long long>(most.taken));
	std::printf("%zu passed, %zu failed\n", totals.passed, totals.failed);
	return totals.failed == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
	const Options options = parse(argc, argv);
	typed_options = options.plan_text;
	std::signal(SIGABRT, on_abort);
	if (options.soak)
		return soak({*options.soak, options.minutes, options.jobs, options.plan, options.plan_text});
	if (options.shrink)
		return run_shrink(options);
	if (options.what_ifs != 0 && options.seeds.empty())
		return run_what_if(options);
	return options.broken && !options.trace ? run_break(options) : run_all(options);
}
