// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/simulation.h"

#include "tests/sim/attacker.h"
#include "tests/sim/fault_driver.h"
#include "tests/sim/what_if_driver.h"

namespace systole::sim {

using std::chrono::milliseconds;

namespace {

constexpr Duration sweep_every = milliseconds{10};
constexpr Duration sweep_every_in_long_runs = milliseconds{100};

// One run a thread.
thread_local std::uint64_t current_seed = 0;
thread_local const World *current_world = nullptr;

class Simulation {
public:
	Simulation(const Plan &plan, Break broken, bool trace)
	    : m_world(plan, broken), m_faults(m_world, m_world.random.fork()),
	      m_attacker(m_world, m_world.random.fork()), m_what_if(m_world, m_world.random.fork())
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
		const SimTime cut_at{plan.safety + plan.settle};
		const SimTime end{plan.total()};
		for (std::size_t i = 0; i < m_world.size(); ++i)
			m_world.queue.put(SimTime{plan.members[i].first_boot}, Wake::boot, i);
		m_world.queue.put(SimTime{}, Wake::sweep);
		if (plan.fault_gap != Duration{})
			m_faults.plan_next();
		if (plan.attack_gap != Duration{} && plan.filter.keeps(0)) {
			m_world.network.record_from_now_on();
			plan_next(Wake::attack, plan.attack_gap);
		}
		for (const MemberPlan &member : plan.members)
			m_world.statistics.drifting += member.clock.drifts() ? 1 : 0;
		bool healed = false;
		bool cut = false;
		while (!m_world.failure()) {
			const Entry entry = m_world.queue.take();
			if (entry.at >= end)
				break;
			if (!healed && entry.at >= heal_at) {
				healed = true;
				m_faults.heal();
			}
			if (!cut && entry.at >= cut_at) {
				cut = true;
				m_faults.last_cut();
			}
			dispatch(entry, healed);
		}
		m_world.statistics.network = m_world.network.counts();
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
			if (m_world.host_frozen()) {
				m_world.queue.put(m_world.host_frozen_until(), Wake::boot, entry.member);
			} else if (!m_world.member(entry.member).running()) {
				m_world.cause();
				m_world.member(entry.member).boot();
			}
			break;
		case Wake::fault:
			if (!healed) {
				if (!m_world.host_frozen())
					m_faults.next();
				else
					m_faults.skip();
				m_faults.plan_next();
			}
			break;
		case Wake::flap:
			if (!healed)
				m_faults.flap(entry.member, entry.slot);
			break;
		case Wake::attack:
			if (!healed) {
				m_attacker.strike();
				++m_world.statistics.attacks;
				plan_next(Wake::attack, m_world.plan.attack_gap);
			}
			break;
		case Wake::sweep: sweep(); break;
		case Wake::host_thaw: m_world.host_thawed(); break;
		case Wake::thaw:
			if (!m_world.member(entry.member).frozen_with_all(static_cast<Thread>(entry.slot)))
				m_world.upset();
			m_world.member(entry.member).wake(entry);
			break;
		case Wake::exit: m_world.upset(); [[fallthrough]];
		case Wake::beat:
		case Wake::judge:
		case Wake::watch:
		case Wake::control:
		case Wake::pulse:
		case Wake::announce:
		case Wake::carrier:
		case Wake::keeper:
		case Wake::probe:
		case Wake::witness:
		case Wake::memory:
		case Wake::readiness:
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
		if (m_world.plan.what_if && m_world.now() < SimTime{m_world.plan.safety})
			m_what_if.turn();
		if (m_world.now() >= SimTime{m_world.plan.settled_at()})
			m_world.checkers.settled();
		m_world.queue.put(m_world.now() + (m_world.plan.long_run ? sweep_every_in_long_runs : sweep_every),
				  Wake::sweep);
	}

	World m_world;
	FaultDriver m_faults;
	Attacker m_attacker;
	WhatIfDriver m_what_if;
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
