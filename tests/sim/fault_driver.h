// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What goes wrong: at times drawn from the seed, one of the kinds that the plan enables. And the end of it: heal()
// puts everything right, or leaves one clean split if the plan says so.
//
// Faults are numbered from 1 in the order of their times. Each draws from a stream of its own, and times from another:
// what one of them does is the same whether or not others take place (Plan::filter).
#pragma once

#include "tests/sim/plan.h"
#include "tests/sim/random.h"

#include <optional>

namespace systole::sim {

class World;

class FaultDriver {
public:
	FaultDriver(World &world, Random random)
	    : m_world(world), m_random(random), m_times(random.fork()), m_kinds(random.fork())
	{
	}
	void plan_next();
	void next();
	// Its moment passes and nothing happens.
	void skip() { (void)draw(); }
	// One more turn of an interface that flaps.
	void flap(std::size_t member, std::size_t monitor);
	void heal();
	// The cut that stays, if the plan ends with one.
	void last_cut();
	// The loss of a burst is over.
	void calm_down();
	[[nodiscard]] SimTime calm_at() const { return m_calm_at; }

private:
	[[nodiscard]] Fault draw();
	void commit(Fault fault);
	void commit_health(Fault fault, std::size_t who);
	void operate(Fault fault, std::size_t who);
	void struck(Fault fault);
	void plug_everything();
	void end(Fault how);
	void halt(Fault how);
	void pull_cable();
	[[nodiscard]] Duration absence();
	void cut_one_way();
	void split();
	void flip_monitor(bool flapping);
	void flip_path();
	void flip_witness();
	[[nodiscard]] std::optional<std::size_t> any_vcluster(); // none: all of them
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
	Random m_random; // of the fault in hand
	Random m_times;
	Random m_kinds;
	std::uint32_t m_number = 0;
	SimTime m_calm_at = sim_never;
};

} // namespace systole::sim
