// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who was away, hung or killed, and what it may and may not hold, say and cause.
#include "tests/sim/checkers.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Duration keeper_bound = milliseconds{20}; // after the dead interval; stated in docs/SIMULATION.md

// The addresses of a member that cannot be heard are gone after the dead interval, and not before.
class KeeperInTime final : public Checker {
public:
	explicit KeeperInTime(World &world) : Checker(world, "keeper-in-time") {}
	void taken(std::size_t index) override
	{
		SimTime sign = m_world.member(index).heard_until();
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			if (m_world.member(index).takeover(v).owns)
				sign = std::max(sign, m_world.member(index).takeover(v).armed_at);
		const Duration silent = m_world.now() - sign;
		if (silent < m_world.plan.dead() - m_world.plan.dead() / 1000 - microseconds{10})
			fail("the keeper of " + member_name(index) + " takes the addresses only " + in_ms(silent) +
			     " after its last sign of life, dead interval " + in_ms(m_world.plan.dead()));
	}
	void sweep() override
	{
		for (std::size_t i = 0; i < m_world.size(); ++i)
			for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
				look(i, v);
	}

private:
	void look(std::size_t index, std::size_t vcluster)
	{
		const Member &member = m_world.member(index);
		const Takeover &takeover = member.takeover(vcluster);
		if (!takeover.owns || (member.running() && !takeover.claims()))
			return; // the second: roles-alternate and two-owners say so
		const SimTime sign = std::max(member.heard_until(), takeover.armed_at);
		const Duration kept = m_world.now() - sign - m_world.plan.dead() - m_world.plan.dead() / 1000 -
				      member.keeper_stalled(sign);
		m_world.statistics.longest_kept = std::max(m_world.statistics.longest_kept, kept);
		if (kept > keeper_bound)
			fail(member_name(index) + " has not been heard for the dead interval and " + in_ms(kept) +
			     ", and still holds the addresses" + m_world.plan.vcluster_text(vcluster));
	}
};

// Who was away for longer than the dead interval says nothing, claims nothing and announces nothing before it has heard
// everybody who was alive when it went, or a dead interval has passed.
class SilentUntilReentry final : public Checker {
public:
	explicit SilentUntilReentry(World &world) : Checker(world, "silent-until-reentry") {}
	void acted(std::size_t index, const char *what) override
	{
		const Member &member = m_world.member(index);
		const Absence *absence = member.absence();
		if (absence == nullptr || member.stopping()) // a farewell must still be heard
			return;
		if (!absence->listening) {
			fail(member_name(index) + " " + what + " before its worker listens again");
			return;
		}
		const Duration back = m_world.now() - absence->back_at;
		if (back >= m_world.plan.dead() - m_world.plan.dead() / 1000 - microseconds{10})
			return;
		for (const core::Member &peer : member.node().members()) {
			const auto other = peer.alive ? m_world.index_of(peer.id) : std::nullopt;
			if (other && absence->awaited.test(*other) &&
			    member.heard_of(*other) <= absence->listening_since)
				fail(member_name(index) + " " + what + " " + in_ms(back) +
				     " after it came back, and has not heard " + member_name(*other) + " since");
		}
	}
};

// A worker whose control hangs must look dead: the others give the member up.
class HungIsLost final : public Checker {
public:
	explicit HungIsLost(World &world) : Checker(world, "hung-is-lost") {}
	void sweep() override
	{
		const Plan &plan = m_world.plan;
		// A lost beat that the attacker sends later counts for as long as its echo is not too old.
		const Duration replayed = plan.attack_gap == Duration{} ? Duration{} : plan.echo_belief() + plan.dead();
		const Duration bound =
			plan.watchdog() + plan.dead() + plan.network.longest() + plan.tolerance() * 2 + replayed;
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			const Member &member = m_world.member(i);
			if (!member.running() || member.hung_since() == sim_never ||
			    m_world.now() - member.hung_since() <= bound)
				continue;
			for (std::size_t other = 0; other < m_world.size(); ++other)
				if (other != i && m_world.takes_part(other) &&
				    m_world.now() - m_world.member(other).present_since() > bound)
					look(i, other);
		}
	}

private:
	void look(std::size_t hung, std::size_t other)
	{
		const core::Member *known = m_world.member(other).node().member(m_world.plan.members[hung].config.self);
		if (known != nullptr && known->alive)
			fail(member_name(other) + " still holds " + member_name(hung) +
			     " for alive, whose control hangs");
	}
};

// When everybody was frozen at once, nobody has reason to change its role.
class HostFreeze final : public Checker {
public:
	explicit HostFreeze(World &world)
	    : Checker(world, "host-freeze"),
	      m_calm(world.plan.echo_belief() + world.plan.hearsay() * 2 +
		     world.plan.dead() * (6 + static_cast<int>(world.plan.members.size()))),
	      m_exact(world.plan.network.loss_permille == 0 && world.plan.network.straggler_permille == 0 &&
		      world.plan.attack_gap == Duration{} &&
		      world.plan.common().isolation == core::Isolation::fgcp) // else it must first hear the others
	{
	}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < step.before.size() && m_exact; ++v)
			if (m_world.member(step.member).node().vcluster(v).state != step.before[v].state)
				look(step, v);
	}

private:
	void look(const Step &step, std::size_t vcluster)
	{
		const SimTime frozen = m_world.host_frozen_at();
		const bool ours = m_world.now() >= frozen && m_world.now() - m_world.host_frozen_until() < m_calm;
		if (!ours || m_world.last_deed() >= frozen || frozen - m_world.last_deed() < m_calm ||
		    frozen - m_world.last_loss_burst < m_calm || frozen - m_world.host_frozen_last() < m_calm ||
		    m_world.now() - m_world.last_timer(vcluster) < m_calm) // went on while they were frozen
			return;
		for (std::size_t i = 0; i < m_world.size(); ++i)
			if (m_world.member(i).running() && looks_around(i))
				return;
		fail(member_name(step.member) + " went from " + name_of(step.before[vcluster].state) + " to " +
		     name_of(m_world.member(step.member).node().vcluster(vcluster).state) +
		     m_world.plan.vcluster_text(vcluster) +
		     " although everybody was frozen alike and nothing else has happened");
	}
	// In hello, or only just out of it.
	[[nodiscard]] bool looks_around(std::size_t index) const
	{
		const Member &member = m_world.member(index);
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			if (member.node().vcluster(v).state == core::HaState::hello)
				return true;
		return m_world.host_frozen_at() - member.booted_at() < m_world.plan.common().hello_holddown + m_calm;
	}
	Duration m_calm;
	bool m_exact; // without losses and replays: else somebody may really have been lost or found
};

// The addresses are at two members at once only while these cannot know of each other, or while the one that has fallen
// silent waits for its keeper: then for no longer than the keeper's bound and the age of the last beat heard from it.
class TwoOwners final : public Checker {
public:
	explicit TwoOwners(World &world)
	    : Checker(world, "two-owners"),
	      m_hearing_bound(world.plan.hearsay() + world.plan.dead() * 3 + world.plan.tolerance())
	{
	}
	void sweep() override
	{
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (std::size_t a = 0; a < m_world.size(); ++a)
				for (std::size_t b = 0; m_world.member(a).takeover(v).owns && b < m_world.size(); ++b)
					if (a != b && m_world.member(b).takeover(v).owns)
						look(a, b, m_world.member(a).takeover(v),
						     m_world.member(b).takeover(v));
	}

private:
	void look(std::size_t a, std::size_t b, const Takeover &first, const Takeover &second)
	{
		const Member &x = m_world.member(a);
		const Member &y = m_world.member(b);
		if (m_world.outsider(a) || m_world.outsider(b) || !m_world.takes_part(b))
			return;
		const SimTime both = std::max(first.owns_since, second.owns_since);
		if (m_world.takes_part(a)) {
			const SimTime hearing = m_world.truth.hearing_since(m_world.now(), a, b);
			if (a < b || hearing == sim_never)
				return;
			const Duration dual =
				m_world.now() - std::max({both, hearing, x.present_since(), y.present_since()});
			if (dual > m_hearing_bound)
				fail(member_name(a) + " and " + member_name(b) +
				     " hear each other and both hold the addresses for " + in_ms(dual) + ", bound " +
				     in_ms(m_hearing_bound));
			return;
		}
		// y took over from x, which had fallen silent.
		const SimTime silent = x.heard_until();
		if (second.owns_since <= silent || first.owns_since >= silent ||
		    m_world.no_carrier_since(b) != sim_never || x.present_since() > silent)
			return;
		const SimTime last = m_world.truth.possible(b, a);
		if (second.owns_since - last < m_world.plan.dead() - m_world.plan.dead() / 1000)
			return; // somebody else gave it the role
		const Duration unheard = silent - last;
		const Duration stalled = x.keeper_stalled(silent);
		const Duration bound =
			std::max(unheard, Duration{}) + keeper_bound + stalled + m_world.plan.tolerance();
		const Duration dual = m_world.now() - both;
		m_world.statistics.longest_owners = std::max(m_world.statistics.longest_owners, dual - stalled);
		if (dual > bound)
			fail(member_name(b) + " has taken over from " + member_name(a) +
			     ", and both hold the addresses for " + in_ms(dual) + ", bound " + in_ms(bound));
	}
	Duration m_hearing_bound;
};

// With hb-carrier-loss immediate, no carrier on any heartbeat port is the loss of everybody, at once.
class CarrierLoss final : public Checker {
public:
	explicit CarrierLoss(World &world) : Checker(world, "carrier-loss") {}
	void sweep() override
	{
		for (std::size_t i = 0; m_world.plan.direct && i < m_world.size(); ++i) {
			const Member &member = m_world.member(i);
			const SimTime since = m_world.no_carrier_since(i);
			// Who was hung at that time learns of it together with what its worker heard before.
			if (since == sim_never || !m_world.takes_part(i) || since < member.present_since() ||
			    !member.node().config().carrier_loss_immediate ||
			    m_world.now() - since <= m_world.plan.control_delay + milliseconds{2})
				continue;
			if (member.node().alive_peers() != 0)
				fail(member_name(i) + " holds somebody for alive " + in_ms(m_world.now() - since) +
				     " after it lost carrier on every link");
		}
	}
};

} // namespace

std::vector<std::unique_ptr<Checker>> absence_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<KeeperInTime>(world));
	list.push_back(std::make_unique<SilentUntilReentry>(world));
	list.push_back(std::make_unique<HungIsLost>(world));
	list.push_back(std::make_unique<HostFreeze>(world));
	list.push_back(std::make_unique<TwoOwners>(world));
	list.push_back(std::make_unique<CarrierLoss>(world));
	return list;
}

} // namespace systole::sim
