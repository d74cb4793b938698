// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What goes wrong: at times drawn from the seed, one of the kinds that the plan enables. And the end of it: heal()
// puts everything right, or leaves one clean split if the plan says so.
#pragma once

#include "tests/sim/plan.h"
#include "tests/sim/random.h"

#include <optional>

namespace systole::sim {

class World;

class FaultDriver {
public:
	FaultDriver(World &world, Random random) : m_world(world), m_random(random) {}
	void next();
	void heal();
	// The cut that stays, if the plan ends with one.
	void last_cut();
	// The loss of a burst is over.
	void calm_down();
	[[nodiscard]] SimTime calm_at() const { return m_calm_at; }

private:
	void commit(Fault fault);
	void struck(Fault fault);
	void plug_everything();
	void end(Fault how);
	void halt(Fault how);
	void pull_cable();
	[[nodiscard]] Duration absence();
	void cut_one_way();
	void split();
	void flip_monitor();
	[[nodiscard]] std::optional<std::size_t> any_running();
	[[nodiscard]] std::optional<std::size_t> any_dead();
	// Two different members.
	struct Two {
		std::size_t a;
		std::size_t b;
	};
	[[nodiscard]] Two any_two();
	[[nodiscard]] std::size_t any_link();

	World &m_world;
	Random m_random;
	SimTime m_calm_at = sim_never;
};

} // namespace systole::sim
