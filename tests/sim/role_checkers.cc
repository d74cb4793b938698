// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who may hold the addresses, and when that may change.
#include "tests/sim/checkers.h"
#include "tests/sim/cliques.h"
#include "tests/sim/world.h"

#include <algorithm>
#include <array>
#include <bitset>

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
				look_everywhere(step.member, other);
	}
	void sweep() override
	{
		for (std::size_t a = 0; a < m_world.size(); ++a)
			for (std::size_t b = 0; b < a; ++b)
				look_everywhere(a, b);
	}

private:
	void look_everywhere(std::size_t a, std::size_t b)
	{
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			if (m_world.member(a).takeover(v).claims() && m_world.member(b).takeover(v).claims())
				look(a, b, v);
	}
	void look(std::size_t a, std::size_t b, std::size_t v)
	{
		if (!m_world.takes_part(a) || !m_world.takes_part(b))
			return;
		const Member &x = m_world.member(a);
		const Member &y = m_world.member(b);
		const SimTime both = std::max(
			{x.takeover(v).role_since, y.takeover(v).role_since, x.present_since(), y.present_since()});
		const SimTime hearing = m_world.truth.hearing_since(m_world.now(), a, b);
		if (hearing != sim_never) {
			const Duration dual = m_world.now() - std::max(both, hearing);
			m_world.statistics.longest_dual = std::max(m_world.statistics.longest_dual, dual);
			if (dual > m_hearing_bound)
				fail(member_name(a) + " and " + member_name(b) +
				     " hear each other and are both primary" + m_world.plan.vcluster_text(v) + " for " +
				     in_ms(dual) + ", bound " + in_ms(m_hearing_bound));
		}
		const SimTime connected = m_world.network.connected_since(a, b);
		const SimTime undisturbed = std::max({both, connected, m_world.last_loss_burst});
		if (connected != sim_never && m_world.plan.network.loss_permille <= 100 &&
		    m_world.now() - undisturbed > m_connected_bound)
			fail(member_name(a) + " and " + member_name(b) + " are connected and both primary" +
			     m_world.plan.vcluster_text(v) + " for longer than " + in_ms(m_connected_bound));
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
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (std::size_t other = 0; other < m_world.size(); ++other)
				if (other != step.member && m_world.member(step.member).takeover(v).claims() &&
				    m_world.member(other).takeover(v).claims()) {
					look(step.member, other, v);
					look(other, step.member, v);
				}
	}

private:
	void look(std::size_t hearer, std::size_t other, std::size_t v)
	{
		if (!m_world.takes_part(hearer) || !m_world.takes_part(other))
			return;
		const Member &x = m_world.member(hearer);
		const Member &y = m_world.member(other);
		const SimTime hears = m_world.truth.half_hearing_since(m_world.now(), hearer, other);
		if (hears == sim_never)
			return;
		const Duration dual = m_world.now() - std::max({x.takeover(v).role_since, y.takeover(v).role_since,
								x.present_since(), y.present_since(), hears});
		m_world.statistics.longest_half_heard = std::max(m_world.statistics.longest_half_heard, dual);
		if (dual > m_bound)
			fail(member_name(hearer) + " hears " + member_name(other) + " and both are primary" +
			     m_world.plan.vcluster_text(v) + " for " + in_ms(dual) + ", bound " + in_ms(m_bound));
	}
	Duration m_bound;
};

// BecomePrimary and BecomeSecondary alternate, and who is not in work owns nothing.
class RolesAlternate final : public Checker {
public:
	explicit RolesAlternate(World &world) : Checker(world, "roles-alternate") {}
	bool may_carry_out(std::size_t member, const core::Actions &actions) override
	{
		std::bitset<core::max_vclusters> owns;
		std::bitset<core::max_vclusters> suspended;
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v) {
			owns[v] = m_world.member(member).takeover(v).claims();
			suspended[v] = m_world.member(member).takeover(v).role == Takeover::Role::suspended;
		}
		const auto place = [&](const auto &action) { return m_world.plan.place_of(action.vcluster); };
		for (const core::Action &action : actions) {
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action)) {
				if (owns[place(*claim)])
					fail(member_name(member) + " becomes primary twice");
				owns.set(place(*claim));
			} else if (const auto *yield = std::get_if<core::BecomeSecondary>(&action)) {
				if (!owns[place(*yield)])
					fail(member_name(member) + " becomes secondary without having been primary");
				owns.reset(place(*yield));
				suspended.reset(place(*yield));
			} else if (const auto *suspend = std::get_if<core::SuspendClaim>(&action)) {
				if (!owns[place(*suspend)] || suspended[place(*suspend)])
					fail(member_name(member) + " suspends a claim that it does not have");
				suspended.set(place(*suspend));
			} else if (const auto *resume = std::get_if<core::ResumeClaim>(&action)) {
				if (!suspended[place(*resume)])
					fail(member_name(member) + " resumes a claim that it has not suspended");
				suspended.reset(place(*resume));
			} else if (const auto *again = std::get_if<core::Reannounce>(&action);
				   again != nullptr && (!owns[place(*again)] || suspended[place(*again)])) {
				fail(member_name(member) + " announces addresses that it does not own");
			}
		}
		return true;
	}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v) {
			const core::HaState state = member.node().vcluster(v).state;
			if (member.takeover(v).claims() != (state == core::HaState::work))
				fail(member_name(step.member) + " is in " + name_of(state) +
				     (member.takeover(v).claims() ? " and owns" : " and does not own") +
				     " the addresses" + m_world.plan.vcluster_text(v));
		}
	}
};

// The epoch a member knows never goes back, a claim is a new epoch, and nobody claims an epoch that it must have heard of.
class Epochs final : public Checker {
public:
	explicit Epochs(World &world) : Checker(world, "epochs-grow"), m_known(world.plan.members.size())
	{
		for (auto &known : m_known)
			known.resize(world.plan.vcluster_count());
	}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			look_after(step, v);
	}

private:
	struct Known {
		std::uint32_t boot = 0;
		std::uint32_t epoch = 0;
		std::uint32_t claimed = 0;
		SimTime since{};
	};
	void look_after(const Step &step, std::size_t v)
	{
		const Member &member = m_world.member(step.member);
		Known &known = m_known[step.member][v];
		if (known.boot != member.boot_number())
			known = Known{member.boot_number(), 0, 0, m_world.now()};
		const std::uint32_t epoch = member.node().vcluster(v).epoch;
		if (epoch < known.epoch)
			fail(member_name(step.member) + " went back from epoch " + std::to_string(known.epoch) +
			     " to " + std::to_string(epoch));
		if (epoch != known.epoch)
			known.since = m_world.now();
		known.epoch = epoch;
		for (const core::Action &action : step.actions)
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action);
			    claim != nullptr && m_world.plan.place_of(claim->vcluster) == v)
				look(step.member, v, claim->epoch);
	}
	void look(std::size_t member, std::size_t v, std::uint32_t claim)
	{
		Known &known = m_known[member][v];
		if (claim <= known.claimed)
			fail(member_name(member) + " claims epoch " + std::to_string(claim) + " after " +
			     std::to_string(known.claimed));
		if (claim != known.epoch)
			fail(member_name(member) + " claims epoch " + std::to_string(claim) + " and says " +
			     std::to_string(known.epoch));
		known.claimed = claim;
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != member && m_world.takes_part(other) && m_known[other][v].since <= old &&
			    m_known[other][v].boot == m_world.member(other).boot_number() &&
			    m_world.truth.hearing_since(m_world.now(), member, other) <= old &&
			    std::max(m_world.member(other).present_since(), m_world.member(member).present_since()) <=
				    old &&
			    claim <= m_known[other][v].epoch)
				fail(member_name(member) + " claims epoch " + std::to_string(claim) + ", which " +
				     member_name(other) + " has long known");
	}
	std::vector<std::vector<Known>> m_known; // by member and virtual cluster
};

// Nobody takes the role while it hears a live primary: that one steps down first, or has offered it.
class NoUsurper final : public Checker {
public:
	explicit NoUsurper(World &world) : Checker(world, "no-usurper") {}
	void after_step(const Step &step) override
	{
		for (const core::Action &action : step.actions)
			if (const auto *claim = std::get_if<core::BecomePrimary>(&action))
				look(step, m_world.plan.place_of(claim->vcluster));
	}

private:
	void look(const Step &step, std::size_t v)
	{
		if (!m_world.takes_part(step.member) ||
		    m_world.no_carrier_since(step.member) != sim_never) // given up because of that
			return;
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		for (std::size_t other = 0; other < m_world.size(); ++other) {
			if (other == step.member || !m_world.takes_part(other))
				continue;
			const Member &primary = m_world.member(other);
			// Whether or not the primary hears it.
			if (offered_to(primary, v, step.member, old))
				continue;
			if (primary.takeover(v).claims() && primary.takeover(v).role_since <= old &&
			    m_world.truth.half_hearing_since(m_world.now(), step.member, other) <= old &&
			    std::max(primary.present_since(), m_world.member(step.member).present_since()) <= old)
				fail(member_name(step.member) + " claims the role" + m_world.plan.vcluster_text(v) +
				     " although it hears the primary " + member_name(other));
		}
	}
	// It offers the role to that member, or did so when it could last be heard.
	[[nodiscard]] bool offered_to(const Member &primary, std::size_t v, std::size_t to, SimTime old) const
	{
		const core::HandOver &plan = primary.node().vcluster(v).hand_over;
		if (plan.successor != m_world.plan.members[to].config.self || plan.offered_at == core::Time{})
			return false;
		return plan.stage == core::HandOver::Stage::offered ||
		       (plan.stage == core::HandOver::Stage::failed && primary.clock().when(plan.ended_at) > old);
	}
};

// Roles change only within a window after something happened: a fault, its end, a command, a member found or lost.
class RoleCause final : public Checker {
public:
	explicit RoleCause(World &world) : Checker(world, "role-change-cause") { m_window = world.plan.settling(); }
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < step.before.size(); ++v)
			look(step, v);
	}

private:
	void look(const Step &step, std::size_t v)
	{
		const core::HaState state = m_world.member(step.member).node().vcluster(v).state;
		if (state == step.before[v].state)
			return;
		++m_world.statistics.role_changes;
		if (step.before[v].state == core::HaState::hello) { // the end of its holddown, which absences put off
			m_world.note_cause(v);
			return;
		}
		if (m_world.now() - m_world.last_cause(v) <= m_window)
			return;
		if (ages_drift(m_world, v)) {
			m_world.note_cause(v);
			return;
		}
		for (std::size_t i = 0; i < m_world.size(); ++i) // the end of a holddown
			if (m_world.member(i).running() && m_world.now() - m_world.member(i).booted_at() <=
								   m_world.plan.common().hello_holddown + m_window)
				return;
		fail(member_name(step.member) + " went from " + name_of(step.before[v].state) + " to " +
		     name_of(state) + m_world.plan.vcluster_text(v) + " although nothing has happened for " +
		     in_ms(m_world.now() - m_world.last_cause(v)) + ", window " + in_ms(m_window));
	}
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
		m_rivals_at.fill(long_ago);
		m_override_at.fill(long_ago);
	}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < step.before.size(); ++v) {
			note_past(v);
			look(step, v);
		}
	}
	void sweep() override
	{
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			note_past(v);
	}

private:
	void look(const Step &step, std::size_t v)
	{
		const Member &member = m_world.member(step.member);
		const core::VclusterState &now = member.node().vcluster(v);
		const bool yields = gives_away(step.before[v], now) && !was_asked_for(now);
		const Orders &orders = member.orders();
		if (!yields || m_world.outsider(step.member) || now.failover_flag || now.link_failure != 0 ||
		    step.before[v].ping_failure != 0 || orders.maintenance || orders.ssd_failed ||
		    orders.short_of_memory || member.stopping())
			return;
		if (m_world.now() - m_world.last_upset(v) <= m_window || m_world.now() - m_rivals_at[v] <= m_window ||
		    m_world.now() - m_override_at[v] <= m_window)
			return;
		fail(member_name(step.member) + " is healthy and gives the role" + m_world.plan.vcluster_text(v) +
		     " away (" + name_of(why_given_away(now).rule) +
		     ") although override is off and nothing has failed");
	}
	// When there were two primaries last, and when somebody had override.
	void note_past(std::size_t v)
	{
		int primaries = 0;
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			const Member &member = m_world.member(i);
			if (m_world.outsider(i) || !member.running())
				continue;
			// One that has offered the role is on its way out, and no rival.
			const bool offers = member.node().vcluster(v).hand_over.stage == core::HandOver::Stage::offered;
			primaries += member.takeover(v).claims() && !offers ? 1 : 0;
			if (member.orders().override_enabled[v])
				m_override_at[v] = m_world.now();
		}
		if (primaries > 1)
			m_rivals_at[v] = m_world.now();
	}
	Duration m_window;
	std::array<SimTime, core::max_vclusters> m_rivals_at{};
	std::array<SimTime, core::max_vclusters> m_override_at{};
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
