// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/median_reporter.h"

#include <algorithm>

namespace systole::bench {

bool initialise_repeated(int argc, char **argv)
{
	std::vector<std::string> words{"", "--benchmark_repetitions=25", "--benchmark_min_time=0.01",
				       "--benchmark_enable_random_interleaving=true"};
	words.insert(words.end(), argv + 1, argv + argc);
	std::vector<char *> arguments;
	for (std::string &word : words)
		arguments.push_back(word.data());
	arguments[0] = argv[0]; // the library keeps this pointer until the report's heading
	int count = static_cast<int>(arguments.size());
	benchmark::Initialize(&count, arguments.data());
	return !benchmark::ReportUnrecognizedArguments(count, arguments.data());
}

void MedianReporter::ReportRuns(const std::vector<Run> &runs)
{
	std::vector<Run> shown;
	for (const Run &run : runs) {
		const bool single = run.run_type == Run::RT_Iteration;
		const bool median = run.aggregate_name == "median" || run.repetitions <= 1;
		// Means, deviations and single runs only hide the medians; --benchmark_out keeps them all.
		if (run.error_occurred || median)
			shown.push_back(run);
		const auto per_run = run.counters.find("per_run");
		if (run.error_occurred || per_run == run.counters.end())
			continue;
		std::string name = run.run_name.function_name;
		if (!run.run_name.args.empty())
			name += "/" + run.run_name.args;
		const bool manual = !run.run_name.time_type.empty();
		const double ns = (manual ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime()) / per_run->second;
		if (median)
			m_medians[name] = ns;
		if (single)
			m_least[name] = m_least.contains(name) ? std::min(m_least[name], ns) : ns;
	}
	ConsoleReporter::ReportRuns(shown);
}

} // namespace systole::bench
