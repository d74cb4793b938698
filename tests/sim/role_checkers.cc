// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who may hold the addresses, and when that may change.
#include "tests/sim/checkers.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

namespace {

using std::chrono::seconds;

constexpr int claim_patience = 3; // dead intervals the core gives a rival or successor; stated in docs/SIMULATION.md

// Two members that hear each other are not both primary for longer than: learning of each other, and the patience
// after which the higher serial has it. Without sessions: the time these take to be set up comes first, and an attacker who
// sends old KE1 again makes it longer.
class OnePrimary final : public Checker {
public:
	explicit OnePrimary(World &world)
	    : Checker(world, "one-primary"),
	      m_hearing_bound(world.plan.hearsay() + world.plan.dead() * claim_patience + world.plan.tolerance()),
	      m_connected_bound(m_hearing_bound + (world.plan.attack_gap == Duration{} ? seconds{20} : seconds{60}))
	{
	}
	void after_step(const Step &step) override
	{
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != step.member)
				look(step.member, other);
	}
	void sweep() override
	{
		for (std::size_t a = 0; a < m_world.size(); ++a)
			for (std::size_t b = 0; b < a; ++b)
				look(a, b);
	}

private:
	void look(std::size_t a, std::size_t b)
	{
		if (!m_world.takes_part(a) || !m_world.takes_part(b))
			return;
		const Member &x = m_world.member(a);
		const Member &y = m_world.member(b);
		if (!x.takeover().claims() || !y.takeover().claims())
			return;
		const SimTime both = std::max(
			{x.takeover().role_since, y.takeover().role_since, x.present_since(), y.present_since()});
		const SimTime hearing = m_world.truth.hearing_since(m_world.now(), a, b);
		if (hearing != sim_never) {
			const Duration dual = m_world.now() - std::max(both, hearing);
			m_world.statistics.longest_dual = std::max(m_world.statistics.longest_dual, dual);
			if (dual > m_hearing_bound)
				fail(member_name(a) + " and " + member_name(b) +
				     " hear each other and are both primary for " + in_ms(dual) + ", bound " +
				     in_ms(m_hearing_bound));
		}
		const SimTime connected = m_world.network.connected_since(a, b);
		const SimTime undisturbed = std::max({both, connected, m_world.last_loss_burst});
		if (connected != sim_never && m_world.plan.network.loss_permille <= 100 &&
		    m_world.now() - undisturbed > m_connected_bound)
			fail(member_name(a) + " and " + member_name(b) +
			     " are connected and both primary for longer than " + in_ms(m_connected_bound));
	}
	Duration m_hearing_bound;
	Duration m_connected_bound;
};

// Cut in one direction: who hears a primary that does not hear it gives way, and there is no permanent second primary.
class OneWayCut final : public Checker {
public:
	explicit OneWayCut(World &world)
	    : Checker(world, "one-way-cut"), m_bound(world.plan.echo_belief() + world.plan.hearsay() +
						     world.plan.dead() * (claim_patience + 1) + world.plan.tolerance())
	{
	}
	void after_step(const Step &step) override
	{
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != step.member) {
				look(step.member, other);
				look(other, step.member);
			}
	}

private:
	void look(std::size_t hearer, std::size_t other)
	{
		if (!m_world.takes_part(hearer) || !m_world.takes_part(other))
			return;
		const Member &x = m_world.member(hearer);
		const Member &y = m_world.member(other);
		if (!x.takeover().claims() || !y.takeover().claims())
			return;
		const SimTime hears = m_world.truth.half_hearing_since(m_world.now(), hearer, other);
		if (hears == sim_never)
			return;
		const Duration dual = m_world.now() - std::max({x.takeover().role_since, y.takeover().role_since,
								x.present_since(), y.present_since(), hears});
		m_world.statistics.longest_half_heard = std::max(m_world.statistics.longest_half_heard, dual);
		if (dual > m_bound)
			fail(member_name(hearer) + " hears " + member_name(other) + " and both are primary for " +
			     in_ms(dual) + ", bound " + in_ms(m_bound));
	}
	Duration m_bound;
};

// BecomePrimary and BecomeSecondary alternate, and who is not in work owns nothing.
class RolesAlternate final : public Checker {
public:
	explicit RolesAlternate(World &world) : Checker(world, "roles-alternate") {}
	bool may_carry_out(std::size_t member, const core::Actions &actions) override
	{
		bool owns = m_world.member(member).takeover().claims();
		bool suspended = m_world.member(member).takeover().role == Takeover::Role::suspended;
		for (const core::Action &action : actions) {
			if (std::holds_alternative<core::BecomePrimary>(action)) {
				if (owns)
					fail(member_name(member) + " becomes primary twice");
				owns = true;
			} else if (std::holds_alternative<core::BecomeSecondary>(action)) {
				if (!owns)
					fail(member_name(member) + " becomes secondary without having been primary");
				owns = false;
				suspended = false;
			} else if (std::holds_alternative<core::SuspendClaim>(action)) {
				if (!owns || suspended)
					fail(member_name(member) + " suspends a claim that it does not have");
				suspended = true;
			} else if (std::holds_alternative<core::ResumeClaim>(action)) {
				if (!suspended)
					fail(member_name(member) + " resumes a claim that it has not suspended");
				suspended = false;
			} else if (std::holds_alternative<core::Reannounce>(action) && (!owns || suspended)) {
				fail(member_name(member) + " announces addresses that it does not own");
			}
		}
		return true;
	}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		const core::HaState state = member.node().vcluster().state;
		if (member.takeover().claims() != (state == core::HaState::work))
			fail(member_name(step.member) + " is in " + name_of(state) +
			     (member.takeover().claims() ? " and owns" : " and does not own") + " the addresses");
	}
};

// The epoch a member knows never goes back, a claim is a new epoch, and nobody claims an epoch that it must have heard of.
class Epochs final : public Checker {
public:
	explicit Epochs(World &world) : Checker(world, "epochs-grow"), m_known(world.plan.members.size()) {}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		Known &known = m_known[step.member];
		if (known.boot != member.boot_number())
			known = Known{member.boot_number(), 0, 0, m_world.now()};
		const std::uint32_t epoch = member.node().vcluster().epoch;
		if (epoch < known.epoch)
			fail(member_name(step.member) + " went back from epoch " + std::to_string(known.epoch) +
			     " to " + std::to_string(epoch));
		if (epoch != known.epoch)
			known.since = m_world.now();
		known.epoch = epoch;
		for (const core::Action &action : step.actions)
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action))
				look(step.member, claim->epoch);
	}

private:
	struct Known {
		std::uint32_t boot = 0;
		std::uint32_t epoch = 0;
		std::uint32_t claimed = 0;
		SimTime since{};
	};
	void look(std::size_t member, std::uint32_t claim)
	{
		Known &known = m_known[member];
		if (claim <= known.claimed)
			fail(member_name(member) + " claims epoch " + std::to_string(claim) + " after " +
			     std::to_string(known.claimed));
		if (claim != known.epoch)
			fail(member_name(member) + " claims epoch " + std::to_string(claim) + " and says " +
			     std::to_string(known.epoch));
		known.claimed = claim;
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != member && m_world.takes_part(other) && m_known[other].since <= old &&
			    m_known[other].boot == m_world.member(other).boot_number() &&
			    m_world.truth.hearing_since(m_world.now(), member, other) <= old &&
			    std::max(m_world.member(other).present_since(), m_world.member(member).present_since()) <=
				    old &&
			    claim <= m_known[other].epoch)
				fail(member_name(member) + " claims epoch " + std::to_string(claim) + ", which " +
				     member_name(other) + " has long known");
	}
	std::vector<Known> m_known;
};

// Nobody takes the role while it hears a live primary: that one steps down first.
class NoUsurper final : public Checker {
public:
	explicit NoUsurper(World &world) : Checker(world, "no-usurper") {}
	void after_step(const Step &step) override
	{
		const bool claims = std::any_of(step.actions.begin(), step.actions.end(), [](const core::Action &a) {
			return std::holds_alternative<core::BecomePrimary>(a);
		});
		if (!claims || !m_world.takes_part(step.member) ||
		    m_world.no_carrier_since(step.member) != sim_never) // given up because of that
			return;
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		for (std::size_t other = 0; other < m_world.size(); ++other) {
			if (other == step.member || !m_world.takes_part(other))
				continue;
			const Member &primary = m_world.member(other);
			// Whether or not the primary hears it.
			if (primary.takeover().claims() && primary.takeover().role_since <= old &&
			    m_world.truth.half_hearing_since(m_world.now(), step.member, other) <= old &&
			    std::max(primary.present_since(), m_world.member(step.member).present_since()) <= old)
				fail(member_name(step.member) + " claims the role although it hears the primary " +
				     member_name(other));
		}
	}
};

// Roles change only within a window after something happened: a fault, its end, a command, a member found or lost.
class RoleCause final : public Checker {
public:
	explicit RoleCause(World &world) : Checker(world, "role-change-cause")
	{
		const Plan &plan = world.plan;
		const auto members = static_cast<int>(plan.members.size());
		// Detection (a stale echo is believed for hb-lost-threshold + 6 beats), hearsay, then everybody's patience.
		m_window = plan.dead() + plan.echo_belief() + plan.hearsay() * 2 +
			   plan.dead() * (claim_patience + members);
	}
	void after_step(const Step &step) override
	{
		const core::HaState state = m_world.member(step.member).node().vcluster().state;
		if (state == step.before.state)
			return;
		++m_world.statistics.role_changes;
		if (step.before.state == core::HaState::hello) { // the end of its holddown, which absences put off
			m_world.note_cause();
			return;
		}
		if (m_world.now() - m_world.last_cause() <= m_window)
			return;
		for (std::size_t i = 0; i < m_world.size(); ++i) // the end of a holddown
			if (m_world.member(i).running() && m_world.now() - m_world.member(i).booted_at() <=
								   m_world.plan.common().hello_holddown + m_window)
				return;
		fail(member_name(step.member) + " went from " + name_of(step.before.state) + " to " + name_of(state) +
		     " although nothing has happened for " + in_ms(m_world.now() - m_world.last_cause()) + ", window " +
		     in_ms(m_window));
	}

private:
	Duration m_window{};
};

// With override off, a member that joins leaves a healthy primary alone.
class JoinerYields final : public Checker {
public:
	explicit JoinerYields(World &world)
	    : Checker(world, "joiner-does-not-displace"),
	      m_window(world.plan.hearsay() * 2 +
		       world.plan.dead() * (claim_patience + static_cast<int>(world.plan.members.size())))
	{
	}
	void after_step(const Step &step) override
	{
		note_rivals();
		const Member &member = m_world.member(step.member);
		const core::VclusterState &now = member.node().vcluster();
		const bool yields = step.before.state == core::HaState::work && now.state != core::HaState::work;
		if (!yields || m_world.outsider(step.member) || now.failover_flag ||
		    member.node().link_failure() != 0 || member.stopping())
			return;
		const bool overridden =
			std::any_of(m_world.plan.members.begin(), m_world.plan.members.end(),
				    [](const MemberPlan &m) { return !m.outsider && m.config.override_enabled; });
		if (overridden || m_world.now() - m_world.last_upset() <= m_window ||
		    m_world.now() - m_rivals_at <= m_window)
			return;
		fail(member_name(step.member) + " is healthy and gives the role away (" + name_of(now.decision.rule) +
		     ") although override is off and nothing has failed");
	}
	void sweep() override { note_rivals(); }

private:
	void note_rivals()
	{
		int primaries = 0;
		for (std::size_t i = 0; i < m_world.size(); ++i)
			if (!m_world.outsider(i) && m_world.member(i).running() &&
			    m_world.member(i).takeover().claims())
				++primaries;
		if (primaries > 1)
			m_rivals_at = m_world.now();
	}
	Duration m_window;
	SimTime m_rivals_at = long_ago;
};

} // namespace

std::vector<std::unique_ptr<Checker>> role_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<RolesAlternate>(world));
	list.push_back(std::make_unique<Epochs>(world));
	list.push_back(std::make_unique<NoUsurper>(world));
	list.push_back(std::make_unique<JoinerYields>(world));
	list.push_back(std::make_unique<RoleCause>(world));
	list.push_back(std::make_unique<OnePrimary>(world));
	list.push_back(std::make_unique<OneWayCut>(world));
	return list;
}

} // namespace systole::sim
