// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What must be true, looked at after every step of every member and every few milliseconds between. A checker knows
// the truth (who could hear whom, who was dead, what the operator did) and the members' words; it is no part of the
// code under test and shares none of it. The first thing found wrong ends the run.
//
// docs/SIMULATION.md lists the checkers with their bounds, and for each the break that makes it fail.
#pragma once

#include "control/core/action.h"
#include "control/core/event.h"
#include "control/core/node.h"
#include "tests/sim/sim_time.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace systole::sim {

class World;

struct Step {
	std::size_t member;
	const core::Event &event;
	const core::Actions &actions;
	const std::vector<core::VclusterState> &before; // by place in Config::vclusters
};

class Checker {
public:
	Checker(World &world, const char *name) : m_world(world), m_name(name) {}
	virtual ~Checker() = default;
	Checker(const Checker &) = delete;
	Checker &operator=(const Checker &) = delete;

	// False: the actions are not to be carried out, something is badly wrong with them.
	virtual bool may_carry_out(std::size_t, const core::Actions &) { return true; }
	virtual void after_step(const Step &) {}
	// A member says something that others may take for life or for a claim: it beats, claims, announces.
	virtual void acted(std::size_t, const char *) {}
	// Its keeper is about to take its addresses away.
	virtual void taken(std::size_t) {}
	virtual void sweep() {}
	// Everything has been healed for the settle time: looked at again and again until the end.
	virtual void settled() {}

protected:
	void fail(const std::string &text);

	World &m_world;

private:
	const char *m_name;
};

class Checkers {
public:
	explicit Checkers(World &world);
	[[nodiscard]] bool may_carry_out(std::size_t member, const core::Actions &actions);
	void after_step(const Step &step);
	void acted(std::size_t member, const char *what);
	void taken(std::size_t member);
	void sweep();
	void settled();

private:
	World &m_world;
	std::vector<std::unique_ptr<Checker>> m_checkers;
};

// A primary decides that it is not to be one any more: it offers the role, or steps down without having offered it.
[[nodiscard]] bool gives_away(const core::VclusterState &before, const core::VclusterState &now);
[[nodiscard]] const core::Decision &why_given_away(const core::VclusterState &now);
// An operator wanted that: execute ha failover switch.
[[nodiscard]] bool was_asked_for(const core::VclusterState &now);

// election_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> election_checkers(World &world);
// readiness_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> readiness_checkers(World &world);
// isolation_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> isolation_checkers(World &world);
// role_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> role_checkers(World &world);
// absence_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> absence_checkers(World &world);
// membership_checkers.cc
[[nodiscard]] std::vector<std::unique_ptr<Checker>> membership_checkers(World &world);

} // namespace systole::sim
