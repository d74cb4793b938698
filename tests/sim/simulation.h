// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One seed from its first event to its last: a safety phase in which things go wrong, the heal, the settle time, and
// a hold phase in which nothing may change any more. Same seed and options, same run.
#pragma once

#include "tests/sim/world.h"

namespace systole::sim {

struct Outcome {
	std::optional<Failure> failure;
	Statistics statistics;
	Duration simulated{};
};

[[nodiscard]] Outcome simulate(const Plan &plan, Break broken, bool trace);

// For the message of a run that ends by an assertion: where it was.
[[nodiscard]] std::uint64_t seed_in_hand();
[[nodiscard]] double seconds_in_hand();

} // namespace systole::sim
