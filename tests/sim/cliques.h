// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Members that hear each other and nobody else, while nothing happens: what they agree on can be compared.
#pragma once

#include "tests/sim/sim_time.h"

#include <array>
#include <cstddef>
#include <vector>

namespace systole::sim {

class World;

using Clique = std::vector<std::size_t>;

// Those in which, as far as a virtual cluster goes, everything has been calm for Plan::settling().
[[nodiscard]] std::vector<Clique> calm_cliques(const World &world, std::size_t vcluster);

// How a member stands in the election, by what the simulator did to it.
struct Standing {
	std::size_t member = 0;
	// Maintenance, failover flag, memory, failure sum, SSD; the smaller, compared one after the other, is healthier.
	std::array<std::uint32_t, 5> health{};
	std::uint8_t priority = 0;
	SimTime age_origin{};
};
[[nodiscard]] Standing standing_of(const World &world, std::size_t member, std::size_t vcluster);
// By the order with override on.
[[nodiscard]] std::size_t first_with_override(const World &world, std::vector<Standing> standings);
// Two ages differ by so nearly the margin that members, who know them a few ms apart, may see it differently.
[[nodiscard]] bool near_margin(const World &world, const Clique &clique, std::size_t vcluster);
// The same, among all that run: with override in force, clocks that drift may then move a role.
[[nodiscard]] bool ages_drift(const World &world, std::size_t vcluster);
// All members that one member knows of, best first, as `diagnose sys ha explain` has them.
[[nodiscard]] std::vector<std::size_t> ranking_of(const World &world, std::size_t member, std::size_t vcluster);

} // namespace systole::sim
