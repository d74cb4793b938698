// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What docs/ISOLATION.md promises: who may act although others do not hear it, and that two owners who are cut off from
// each other are none where a policy says so. Members that were halted meanwhile are the business of absence_checkers.cc.
#include "tests/sim/checkers.h"
#include "tests/sim/world.h"

#include <algorithm>
#include <bitset>

namespace systole::sim {

namespace {

using std::chrono::milliseconds;
using Set = std::bitset<max_sim_members>;

// With a witness, who claims the role holds the lease, or all others are accounted for, or the witness cannot be reached
// and the policy says that this will do.
class LeaseHeld final : public Checker {
public:
	explicit LeaseHeld(World &world) : Checker(world, "lease-held") { m_unreachable_at.fill(long_ago); }
	void after_step(const Step &step) override
	{
		if (m_world.plan.common().isolation != core::Isolation::witness)
			return;
		for (const core::Action &action : step.actions)
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action))
				look(step.member, m_world.plan.place_of(claim->vcluster));
	}
	void sweep() override
	{
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			if (!m_world.witness.reaches(i))
				m_unreachable_at[i] = m_world.now();
			for (std::size_t other = 0; other < m_world.size(); ++other)
				if (m_world.member(other).stopping())
					m_left[i].set(other);
				else if (m_world.truth.hearing_since(m_world.now(), i, other) != sim_never)
					m_left[i].reset(other);
		}
	}

private:
	void look(std::size_t index, std::size_t v)
	{
		const core::Config &config = m_world.plan.common();
		if (m_world.member(index).lease_until(v) > m_world.now())
			return;
		constexpr Duration asked_again = scenario::IdealWitness::round * 2;
		if (config.witness_fallback_act &&
		    (!m_world.witness.reaches(index) || m_world.now() - m_unreachable_at[index] <= asked_again))
			return;
		std::size_t accounted = 1;
		const SimTime recently = m_world.now() - m_world.plan.settling();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != index &&
			    (m_left[index][other] || m_world.truth.possible(index, other) >= recently))
				++accounted;
		if (accounted < config.expected_members)
			fail(member_name(index) + " claims the role" + m_world.plan.vcluster_text(v) +
			     " without the lease, and only " + std::to_string(accounted) + " of " +
			     std::to_string(config.expected_members) + " members are accounted for");
	}
	std::array<SimTime, max_sim_members> m_unreachable_at{};
	std::array<Set, max_sim_members> m_left{}; // who said goodbye to whom
};

// Who had to stop because nobody heard it claims nothing before it has heard somebody.
class DemotedWaits final : public Checker {
public:
	explicit DemotedWaits(World &world) : Checker(world, "demoted-waits"), m_demoted(world.plan.members.size())
	{
		for (auto &demoted : m_demoted)
			demoted.resize(world.plan.vcluster_count());
	}
	void after_step(const Step &step) override
	{
		if (m_world.plan.common().isolation != core::Isolation::demote)
			return;
		const Member &member = m_world.member(step.member);
		for (const core::Action &action : step.actions) {
			if (const auto *yield = std::get_if<core::BecomeSecondary>(&action);
			    yield != nullptr && yield->decision.rule == core::Rule::isolated) {
				// What it heard after the loss may have waited behind it while it was halted.
				const bool was_halted =
					m_world.now() - member.present_since() < m_world.plan.settling();
				m_demoted[step.member][m_world.plan.place_of(yield->vcluster)] = {
					was_halted ? 0 : member.boot_number(), m_world.now()};
			}
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action))
				look(step.member, m_world.plan.place_of(claim->vcluster));
		}
	}

private:
	struct Demotion {
		std::uint32_t boot = 0;
		SimTime at{};
	};
	void look(std::size_t index, std::size_t v)
	{
		const Demotion &demotion = m_demoted[index][v];
		if (demotion.boot != m_world.member(index).boot_number())
			return;
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != index &&
			    m_world.truth.possible(index, other) >= demotion.at - m_world.plan.tolerance())
				return; // its beat may have waited in the ring behind the verdict
		fail(member_name(index) + " claims the role" + m_world.plan.vcluster_text(v) +
		     " after it had to stop, and has heard nobody since");
	}
	std::vector<std::vector<Demotion>> m_demoted;
};

// Two members that are cut off from each other do not both hold the addresses: never with a witness whose absence stops
// them; with `demote`, if the one was primary without proof of life when it was cut off from everybody, the others
// followed it, and so it stayed.
class IsolationBound final : public Checker {
public:
	explicit IsolationBound(World &world) : Checker(world, "isolation-bound"), m_alone(world.plan.members.size())
	{
		for (auto &alone : m_alone)
			alone.resize(world.plan.vcluster_count());
	}
	void after_step(const Step &step) override
	{
		for (const core::Action &action : step.actions)
			if (std::holds_alternative<core::BecomePrimary>(action))
				sweep();
	}
	void sweep() override
	{
		const core::Config &config = m_world.plan.common();
		const bool lease = config.isolation == core::Isolation::witness && !config.witness_fallback_act;
		const bool demote = config.isolation == core::Isolation::demote;
		// Beats that somebody sends again later make a member believe that it is heard for longer.
		if ((!lease && !demote) || m_world.plan.attack_gap != Duration{})
			return;
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (std::size_t a = 0; a < m_world.size(); ++a) {
				if (demote)
					follow(a, v);
				for (std::size_t b = 0; b < m_world.size(); ++b)
					if (a != b && (lease ? a < b : m_alone[a][v].followers[b]))
						look(a, b, v);
			}
	}

private:
	struct Alone {
		SimTime since = sim_never;
		Set followers;     // of the primary that is alone without proof
		Set followed_last; // when it was last looked at
	};
	[[nodiscard]] bool cut_off(std::size_t index) const
	{
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != index &&
			    (m_world.network.reaches(index, other) || m_world.network.reaches(other, index)))
				return false;
		return true;
	}
	[[nodiscard]] bool without_proof(std::size_t index, std::size_t v) const
	{
		const Member &member = m_world.member(index);
		const std::uint64_t monitors = m_world.plan.vcluster(v).monitors;
		for (std::size_t monitor = 0; monitor < m_world.plan.common().monitor_count; ++monitor)
			if ((monitors >> monitor & 1U) != 0 && !member.monitor_up(monitor))
				return true;
		return member.node().vcluster(v).ping_failure != 0;
	}
	void follow(std::size_t index, std::size_t v)
	{
		Alone &alone = m_alone[index][v];
		const Member &member = m_world.member(index);
		if (!m_world.takes_part(index) || !without_proof(index, v)) {
			alone = Alone{};
			return;
		}
		if (cut_off(index)) {
			if (alone.since == sim_never) {
				alone.since = m_world.now();
				alone.followers = alone.followed_last;
			}
			if (member.present_since() > alone.since)
				alone.followers.reset();
			return;
		}
		alone = Alone{};
		if (!member.takeover(v).claims())
			return;
		const SimTime before = m_world.now() - m_world.plan.hearsay();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			alone.followed_last[other] =
				other != index && m_world.takes_part(other) && member.present_since() <= before &&
				m_world.member(other).present_since() <= before &&
				m_world.truth.hearing_since(m_world.now(), index, other) <= before &&
				m_world.member(other).node().vcluster(v).choice ==
					m_world.plan.members[index].config.self &&
				m_world.member(other).node().vcluster(v).state == core::HaState::standby;
	}
	void look(std::size_t a, std::size_t b, std::size_t v)
	{
		const Member &x = m_world.member(a);
		const Member &y = m_world.member(b);
		if (!x.takeover(v).owns || !y.takeover(v).owns || !m_world.takes_part(a) || !m_world.takes_part(b) ||
		    m_world.network.connected_since(a, b) != sim_never ||
		    m_world.truth.hearing_since(m_world.now(), a, b) != sim_never)
			return;
		// Two claims in one election that a cut has interrupted: nobody was primary yet.
		const SimTime first = std::min(x.takeover(v).role_since, y.takeover(v).role_since);
		const SimTime second = std::max(x.takeover(v).role_since, y.takeover(v).role_since);
		if (second - first <= m_world.plan.dead() * 2)
			return;
		// Back from a halt, a member has a moment to look around.
		const Duration both_present = m_world.now() - std::max(x.present_since(), y.present_since());
		if (both_present <= m_world.plan.tolerance() + milliseconds{2})
			return;
		fail(member_name(a) + " and " + member_name(b) +
		     " are cut off from each other and both hold the addresses" + m_world.plan.vcluster_text(v));
	}
	std::vector<std::vector<Alone>> m_alone;
};

} // namespace

std::vector<std::unique_ptr<Checker>> isolation_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<LeaseHeld>(world));
	list.push_back(std::make_unique<DemotedWaits>(world));
	list.push_back(std::make_unique<IsolationBound>(world));
	return list;
}

} // namespace systole::sim
