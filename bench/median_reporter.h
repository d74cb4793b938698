// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Benchmarks that are to be compared with each other: repeated, in random order, so that noise of the machine hits all
// alike, and reported by their medians. On a machine that others use, the least of the repetitions is the steadier
// figure: whatever comes from outside only adds.
#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

namespace systole::bench {

// Initialises Google Benchmark so; what the command line says wins. False: unknown options, named on stderr.
[[nodiscard]] bool initialise_repeated(int argc, char **argv);

class MedianReporter : public benchmark::ConsoleReporter {
public:
	void ReportRuns(const std::vector<Run> &runs) override; // prints of several runs the median alone

protected:
	// ns per item by name, arguments included: the time of a run divided by its counter "per_run".
	using Figures = std::map<std::string, double>;
	Figures m_medians;
	Figures m_least;
};

} // namespace systole::bench
