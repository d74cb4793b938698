// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Seeds without end, and a failed one made small: of its faults only those stay without which it would not fail.
#pragma once

#include "tests/sim/simulation.h"

#include <cstdint>
#include <string>
#include <vector>

namespace systole::sim {

struct Shrunk {
	std::vector<std::uint32_t> faults; // that are still needed; 0: the attacker
	std::size_t before = 0;
	std::size_t runs = 0;
};
// Deterministic: chunks of faults are left out, smaller and smaller ones, while the same checker still fails.
[[nodiscard]] Shrunk shrink(std::uint64_t seed, PlanOptions options, Break broken, const Outcome &failed);
// "3,7,12"
[[nodiscard]] std::string text_of(const std::vector<std::uint32_t> &faults);
// Runs the seed once more with only these faults, and prints its timeline.
void print_shrunk(std::uint64_t seed, PlanOptions options, Break broken, const Shrunk &shrunk,
		  const std::string &plan_text);

struct SoakOptions {
	std::uint64_t first = 1;
	double minutes = 0; // 0: until it is told to stop
	unsigned jobs = 1;
	PlanOptions plan;
	std::string plan_text;
};
// Exit status: 0 nothing failed.
[[nodiscard]] int soak(const SoakOptions &options);

} // namespace systole::sim
