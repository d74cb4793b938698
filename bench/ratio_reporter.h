// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What a reader of esp_bench wants to know first: our time beside that of the others, as a ratio. Benchmarks whose
// names differ only in the last part ("seal/SUITE/128/1/ours", ".../raw-split", ".../openssl") did the same work;
// they become one line.
#pragma once

#include "bench/median_reporter.h"

#include <string>
#include <utility>
#include <vector>

namespace systole::bench {

class RatioReporter : public MedianReporter {
public:
	// `lines`: their names without the side, in the order of the table.
	explicit RatioReporter(std::vector<std::string> lines) : m_lines(std::move(lines)) {}
	void Finalize() override; // the table

private:
	std::vector<std::string> m_lines;
};

} // namespace systole::bench
