// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/soak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

namespace systole::sim {

namespace {

constexpr auto between_reports = std::chrono::seconds{5};
constexpr std::size_t most_runs = 600; // of one shrinking

volatile std::sig_atomic_t told_to_stop = 0;

extern "C" void on_interrupt(int)
{
	told_to_stop = 1;
}

Plan with_only(std::uint64_t seed, PlanOptions options, const std::vector<std::uint32_t> &faults)
{
	options.filter.all = false;
	options.filter.kept = {faults.begin(), faults.end()};
	return Plan::draw(seed, options);
}

} // namespace

std::string text_of(const std::vector<std::uint32_t> &faults)
{
	std::string text;
	for (const std::uint32_t fault : faults)
		text.append(text.empty() ? "" : ",").append(std::to_string(fault));
	return text.empty() ? "none" : text;
}

Shrunk shrink(std::uint64_t seed, PlanOptions options, Break broken, const Outcome &failed)
{
	Shrunk shrunk;
	shrunk.faults = failed.statistics.faults;
	if (Plan::draw(seed, options).attack_gap != Duration{} && options.filter.keeps(0))
		shrunk.faults.insert(shrunk.faults.begin(), 0);
	shrunk.before = shrunk.faults.size();
	const auto still_fails = [&](const std::vector<std::uint32_t> &faults) {
		++shrunk.runs;
		const Outcome outcome = simulate(with_only(seed, options, faults), broken, false);
		return outcome.failure && outcome.failure->checker == failed.failure->checker;
	};
	for (std::size_t chunk = std::max<std::size_t>(shrunk.faults.size() / 2, 1); chunk > 0;) {
		bool smaller = false;
		// The last faults first: what comes after them need not be simulated at all.
		for (std::size_t end = shrunk.faults.size();
		     end > 0 && shrunk.runs<most_runs; end = end> chunk ? end - chunk : 0) {
			const std::size_t begin = end > chunk ? end - chunk : 0;
			std::vector<std::uint32_t> fewer(shrunk.faults.begin(),
							 shrunk.faults.begin() + static_cast<std::ptrdiff_t>(begin));
			fewer.insert(fewer.end(), shrunk.faults.begin() + static_cast<std::ptrdiff_t>(end),
				     shrunk.faults.end());
			if (!still_fails(fewer))
				continue;
			shrunk.faults = fewer;
			smaller = true;
		}
		if (shrunk.runs >= most_runs)
			break;
		if (!smaller || chunk > 1)
			chunk /= 2;
	}
	return shrunk;
}

void print_shrunk(std::uint64_t seed, PlanOptions options, Break broken, const Shrunk &shrunk,
		  const std::string &plan_text)
{
	const Plan plan = with_only(seed, options, shrunk.faults);
	std::printf("seed %llu with %zu of %zu faults (%zu runs): %s", static_cast<unsigned long long>(seed),
		    shrunk.faults.size(), shrunk.before, shrunk.runs, plan.text().c_str());
	(void)simulate(plan, broken, true);
	std::printf("    see it again with: scripts/sim%s --trace %llu --keep-faults %s\n", plan_text.c_str(),
		    static_cast<unsigned long long>(seed), text_of(shrunk.faults).c_str());
	std::fflush(stdout);
}

int soak(const SoakOptions &options)
{
	using Clock = std::chrono::steady_clock;
	std::signal(SIGINT, on_interrupt);
	std::signal(SIGTERM, on_interrupt);
	const auto start = Clock::now();
	const auto seconds_since_start = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
	std::atomic<std::uint64_t> next = options.first;
	std::mutex mutex;
	std::size_t passed = 0;
	std::size_t failed = 0;
	double simulated = 0;
	auto next_report = start + between_reports;
	const auto report = [&] {
		const double wall = seconds_since_start();
		std::printf("%.0f s: seeds %llu .. %llu, simulated %.1f h, %.1f seeds/s, %zu failed\n", wall,
			    static_cast<unsigned long long>(options.first),
			    static_cast<unsigned long long>(options.first + passed + failed - 1), simulated / 3600,
			    static_cast<double>(passed + failed) / wall, failed);
		std::fflush(stdout);
	};
	const auto over = [&] {
		return told_to_stop != 0 || (options.minutes > 0 && seconds_since_start() >= options.minutes * 60);
	};
	const auto work = [&] {
		while (!over()) {
			const std::uint64_t seed = next++;
			const Outcome outcome = simulate(Plan::draw(seed, options.plan), Break::none, false);
			Shrunk shrunk;
			if (outcome.failure)
				shrunk = shrink(seed, options.plan, Break::none, outcome);
			const std::lock_guard lock(mutex);
			(outcome.failure ? failed : passed) += 1;
			simulated += std::chrono::duration<double>(outcome.simulated).count();
			if (outcome.failure) {
				std::printf("seed %llu FAILED at %.6f s: %s: %s\n",
					    static_cast<unsigned long long>(seed), seconds_of(outcome.failure->at),
					    outcome.failure->checker.c_str(), outcome.failure->text.c_str());
				print_shrunk(seed, options.plan, Break::none, shrunk, options.plan_text);
			}
			if (Clock::now() >= next_report) {
				next_report = Clock::now() + between_reports;
				report();
			}
		}
	};
	std::printf("seeds from %llu, until %s\n", static_cast<unsigned long long>(options.first),
		    options.minutes > 0 ? "the time is over" : "it is stopped (Ctrl-C)");
	std::vector<std::thread> others;
	for (unsigned i = 1; i < options.jobs; ++i)
		others.emplace_back(work);
	work();
	for (std::thread &thread : others)
		thread.join();
	if (passed + failed != 0)
		report();
	std::printf("%zu passed, %zu failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}

} // namespace systole::sim
