// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/simulation.h"

#include "tests/sim/attacker.h"
#include "tests/sim/fault_driver.h"

namespace systole::sim {

using std::chrono::milliseconds;

namespace {

constexpr Duration sweep_every = milliseconds{10};

std::uint64_t current_seed = 0;
const World *current_world = nullptr;

class Simulation {
public:
	Simulation(const Plan &plan, Break broken, bool trace)
	    : m_world(plan, broken), m_faults(m_world, m_world.random.fork()),
	      m_attacker(m_world, m_world.random.fork())
	{
		if (trace)
			m_world.trace.enable();
		current_seed = plan.seed;
		current_world = &m_world;
	}
	~Simulation() { current_world = nullptr; }
	Simulation(const Simulation &) = delete;
	Simulation &operator=(const Simulation &) = delete;

	Outcome run()
	{
		const Plan &plan = m_world.plan;
		const SimTime heal_at{plan.safety};
		const SimTime end{plan.total()};
		for (std::size_t i = 0; i < m_world.size(); ++i)
			m_world.queue.put(SimTime{plan.members[i].first_boot}, Wake::boot, i);
		m_world.queue.put(SimTime{}, Wake::sweep);
		if (plan.fault_gap != Duration{})
			plan_next(Wake::fault, plan.fault_gap);
		if (plan.attack_gap != Duration{}) {
			m_world.network.record_from_now_on();
			plan_next(Wake::attack, plan.attack_gap);
		}
		bool healed = false;
		while (!m_world.failure()) {
			const Entry entry = m_world.queue.take();
			if (entry.at >= end)
				break;
			if (!healed && entry.at >= heal_at) {
				healed = true;
				m_faults.heal();
			}
			dispatch(entry, healed);
		}
		return {m_world.failure(), m_world.statistics, m_world.now().time_since_epoch()};
	}

private:
	void plan_next(Wake what, Duration mean)
	{
		m_world.queue.put(m_world.now() + m_world.random.between(mean / 5, mean * 9 / 5), what);
	}
	void dispatch(const Entry &entry, bool healed)
	{
		switch (entry.wake) {
		case Wake::deliver: m_world.member(entry.member).deliver(entry.number); break;
		case Wake::boot:
			if (!m_world.member(entry.member).running()) {
				m_world.cause();
				m_world.member(entry.member).boot();
			}
			break;
		case Wake::fault:
			if (!healed) {
				m_faults.next();
				plan_next(Wake::fault, m_world.plan.fault_gap);
			}
			break;
		case Wake::attack:
			if (!healed) {
				m_attacker.strike();
				plan_next(Wake::attack, m_world.plan.attack_gap);
			}
			break;
		case Wake::sweep: sweep(); break;
		case Wake::exit:
		case Wake::resume: m_world.upset(); [[fallthrough]];
		case Wake::beat:
		case Wake::judge:
		case Wake::control:
		case Wake::tick: m_world.member(entry.member).wake(entry); break;
		}
	}
	void sweep()
	{
		if (m_world.now() >= m_faults.calm_at())
			m_faults.calm_down();
		if (m_world.network.extra_loss() != 0)
			m_world.last_loss_burst = m_world.now();
		m_world.checkers.sweep();
		if (m_world.now() >= SimTime{m_world.plan.safety + m_world.plan.settle})
			m_world.checkers.settled();
		m_world.queue.put(m_world.now() + sweep_every, Wake::sweep);
	}

	World m_world;
	FaultDriver m_faults;
	Attacker m_attacker;
};

} // namespace

Outcome simulate(const Plan &plan, Break broken, bool trace)
{
	return Simulation(plan, broken, trace).run();
}

std::uint64_t seed_in_hand()
{
	return current_seed;
}

double seconds_in_hand()
{
	return current_world == nullptr ? 0 : seconds_of(current_world->now());
}

} // namespace systole::sim
