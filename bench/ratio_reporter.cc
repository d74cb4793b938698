// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/ratio_reporter.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

namespace systole::bench {

namespace {

// Of all figures whose name begins so.
std::optional<double> fastest(const std::map<std::string, double> &figures, const std::string &prefix)
{
	std::optional<double> best;
	for (auto it = figures.lower_bound(prefix); it != figures.end() && it->first.starts_with(prefix); ++it)
		best = std::min(it->second, best.value_or(it->second));
	return best;
}

void print_ns(std::optional<double> time)
{
	if (time)
		std::printf(" %8.1f", *time);
	else
		std::printf(" %8s", "-");
}

void print_ratio(std::optional<double> above, std::optional<double> below)
{
	if (above && below)
		std::printf(" %12.2f", *above / *below);
	else
		std::printf(" %12s", "-");
}

} // namespace

void RatioReporter::Finalize()
{
	std::printf("\nns per packet: median of the repetitions; the last three columns: ratios of the least ones. raw "
		    "is the "
		    "fastest of its three ways\n");
	std::printf("%-28s %8s %8s %8s %8s %12s %12s %12s |%12s %12s %12s\n", "", "ours", "raw", "openssl", "librte",
		    "ours/raw", "openssl/ours", "librte/ours", "ours/raw", "openssl/ours", "librte/ours");
	for (const std::string &line : m_lines) {
		if (fastest(m_medians, line + "/") == std::nullopt)
			continue; // the filter left it out
		std::printf("%-28s", line.c_str());
		for (const char *side : {"/ours", "/raw", "/openssl", "/librte_ipsec"})
			print_ns(fastest(m_medians, line + side));
		for (const Figures *figures : {&m_medians, &m_least}) {
			const auto ours = fastest(*figures, line + "/ours");
			print_ratio(ours, fastest(*figures, line + "/raw"));
			print_ratio(fastest(*figures, line + "/openssl"), ours);
			print_ratio(fastest(*figures, line + "/librte_ipsec"), ours);
			std::printf("%s", figures == &m_medians ? " |" : "");
		}
		std::printf("\n");
	}
}

} // namespace systole::bench
