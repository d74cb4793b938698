// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The rules of docs/ELECTION.md: what moves a role and what must not, each told again here from what the simulator did
// and not from what the core thinks. Timers are measured in true time.
#include "tests/sim/checkers.h"
#include "tests/sim/cliques.h"
#include "tests/sim/world.h"

#include <algorithm>
#include <bit>

namespace systole::sim {

namespace {

using std::chrono::milliseconds;

constexpr Duration wire_rounding = milliseconds{200}; // the flip timer travels in tenths of a second

// Nobody was ill: age, priority or serial decided.
bool by_rank(const core::Decision &decision)
{
	return decision.rule == core::Rule::uptime || decision.rule == core::Rule::priority ||
	       decision.rule == core::Rule::serial;
}

bool yields(const Step &step, const Member &member, std::size_t v)
{
	return step.before[v].state == core::HaState::work && member.node().vcluster(v).state != core::HaState::work;
}

// When remote link failovers were, and who must know of them.
class Flips {
public:
	struct Flip {
		std::size_t member = 0; // who gave the role away
		std::uint32_t boot = 0;
		SimTime at{};
		std::uint32_t epoch = 0; // of the claim that the timer protects: a newer one's timer takes its place
		bool told = false;
		std::array<std::uint32_t, max_sim_members> boots{}; // of those who know; 0: does not
	};
	explicit Flips(World &world) : m_world(world), m_flips(world.plan.vcluster_count()) {}

	// A step that gives the role away with ping servers dead, or says that it starts the timer.
	void note(const Step &step, std::size_t v)
	{
		const Member &member = m_world.member(step.member);
		const bool pings = yields(step, member, v) && member.node().vcluster(v).ping_failure != 0;
		const bool says =
			std::any_of(step.actions.begin(), step.actions.end(), [&](const core::Action &action) {
				const auto *notice = std::get_if<core::Notice>(&action);
				return notice != nullptr && notice->kind == core::NoticeKind::flip_started &&
				       m_world.plan.place_of(notice->vcluster) == v;
			});
		if (pings || says) {
			Flip flip;
			flip.member = step.member;
			flip.boot = member.boot_number();
			flip.at = m_world.now();
			flip.epoch = member.node().vcluster(v).flip_epoch;
			m_flips[v].push_back(flip);
		}
	}
	// Whoever hears the member for hearsay before and after knows.
	void sweep()
	{
		for (auto &flips : m_flips)
			for (Flip &flip : flips)
				if (!flip.told && m_world.now() - flip.at > m_world.plan.hearsay())
					tell(flip);
	}
	[[nodiscard]] const Flip *last(std::size_t v) const
	{
		return m_flips[v].empty() ? nullptr : &m_flips[v].back();
	}
	// The newest timer that a member knows of and that still runs.
	[[nodiscard]] const Flip *running(std::size_t v, std::size_t member) const
	{
		const Duration timeout = m_world.plan.vcluster(v).flip_timeout;
		for (const Flip &flip : m_flips[v])
			if (flip.told && m_world.member(member).node().vcluster(v).flip_epoch <= flip.epoch &&
			    flip.boots[member] == m_world.member(member).boot_number() &&
			    m_world.now() - flip.at < timeout - timeout / 1000 - wire_rounding - m_world.plan.hearsay())
				return &flip;
		return nullptr;
	}

private:
	void tell(Flip &flip) const
	{
		flip.told = true;
		const SimTime before = flip.at - m_world.plan.hearsay();
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			const Member &member = m_world.member(i);
			const bool itself = i == flip.member && member.boot_number() == flip.boot;
			const bool hears = m_world.takes_part(i) && member.present_since() <= before &&
					   m_world.truth.hearing_since(m_world.now(), i, flip.member) <= before;
			if (member.running() && (itself || hears))
				flip.boots[i] = member.boot_number();
		}
	}
	World &m_world;
	std::vector<std::vector<Flip>> m_flips;
};

// While the flip timer runs, ping servers that the primary loses count for nothing; when it has ended, what the former
// primary had on record is cleared, and with override off that alone moves no role.
class FlipTimer final : public Checker {
public:
	explicit FlipTimer(World &world) : Checker(world, "flip-timer"), m_flips(world)
	{
		m_overridden_at.fill(long_ago);
	}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		for (std::size_t v = 0; v < step.before.size(); ++v) {
			const core::VclusterState &now = member.node().vcluster(v);
			if (now.state == core::HaState::work && step.before[v].state == core::HaState::work &&
			    step.before[v].ping_failure == 0 && now.ping_failure != 0)
				look_counted(step.member, v);
			if (gives_away(step.before[v], member.node().vcluster(v)))
				look_failback(step, v);
			m_flips.note(step, v);
		}
	}
	void sweep() override
	{
		m_flips.sweep();
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (std::size_t i = 0; i < m_world.size(); ++i) {
				if (m_world.member(i).running() && m_world.member(i).orders().override_enabled[v])
					m_overridden_at[v] = m_world.now();
				look_record(i, v);
			}
	}

private:
	void look_counted(std::size_t index, std::size_t v)
	{
		if (const Flips::Flip *flip = m_flips.running(v, index))
			fail(member_name(index) + " counts dead ping servers" + m_world.plan.vcluster_text(v) + " " +
			     in_ms(m_world.now() - flip->at) + " after the flip timer of " +
			     in_ms(m_world.plan.vcluster(v).flip_timeout) + " has started");
	}
	void look_record(std::size_t index, std::size_t v)
	{
		const core::VclusterConfig &config = m_world.plan.vcluster(v);
		const Flips::Flip *last = m_flips.last(v);
		// Who was away meanwhile may have heard of the timer late.
		if (!config.force_reset || last == nullptr || !m_world.takes_part(index) ||
		    m_world.member(index).present_since() > last->at)
			return;
		const core::VclusterState &state = m_world.member(index).node().vcluster(v);
		const Duration over = m_world.now() - (last->at + config.flip_timeout + config.flip_timeout / 1000);
		if (state.state == core::HaState::standby && state.ping_failure != 0 &&
		    over > m_world.plan.hearsay() + wire_rounding)
			fail(member_name(index) + " still has dead ping servers on record" +
			     m_world.plan.vcluster_text(v) + " " + in_ms(over) + " after the flip timer");
	}
	// What has happened since counts; the end of the timer does not.
	void look_failback(const Step &step, std::size_t v)
	{
		const Flips::Flip *last = m_flips.last(v);
		const core::VclusterState &now = m_world.member(step.member).node().vcluster(v);
		const Duration calm = m_world.plan.settling();
		const bool rival = last != nullptr && m_world.member(last->member).takeover(v).claims(); // a split ends
		const core::Decision &decision = why_given_away(now);
		if (last == nullptr || m_world.index_of(decision.winner) != last->member || rival ||
		    !by_rank(decision) || step.before[v].ping_failure != 0 ||
		    m_world.now() - last->at < m_world.plan.vcluster(v).flip_timeout * 9 / 10 ||
		    m_world.now() - m_overridden_at[v] <= calm || m_world.now() - m_world.last_upset(v) <= calm)
			return;
		fail(member_name(step.member) + " gives the role" + m_world.plan.vcluster_text(v) + " back to " +
		     member_name(last->member) + " because the flip timer has ended, although override is off");
	}
	Flips m_flips;
	std::array<SimTime, core::max_vclusters> m_overridden_at{};
};

// What link monitors add up to counts at a primary after the probes' time, once the threshold is reached, unless a flip
// timer runs.
class PingCounted final : public Checker {
public:
	explicit PingCounted(World &world) : Checker(world, "ping-counted"), m_flips(world) {}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < step.before.size(); ++v)
			m_flips.note(step, v);
	}
	void sweep() override
	{
		for (std::size_t i = 0; i < m_world.size(); ++i)
			for (std::size_t v = 0; m_world.takes_part(i) && v < m_world.plan.vcluster_count(); ++v)
				if (m_world.member(i).takeover(v).role == Takeover::Role::primary)
					look(i, v);
	}

private:
	void look(std::size_t index, std::size_t v)
	{
		const Plan &plan = m_world.plan;
		const Member &member = m_world.member(index);
		const core::VclusterConfig &config = plan.vcluster(v);
		SimTime since = std::max({member.takeover(v).role_since, member.path_changed_at(),
					  member.present_since(), member.booted_at()});
		if (const Flips::Flip *last = m_flips.last(v)) // who was away may have heard of it late
			since = std::max(since, std::max(last->at, member.present_since()) + config.flip_timeout +
							config.flip_timeout / 1000 + wire_rounding);
		if (m_world.now() - since <= plan.probe_delay + plan.tolerance() + milliseconds{300})
			return;
		unsigned sum = 0;
		for (std::size_t i = 0; i < plan.common().ping_priority.size(); ++i)
			if ((config.ping_monitors >> i & 1U) != 0 && !member.path_good(i))
				sum += plan.common().ping_priority[i];
		const unsigned due = sum >= config.ping_threshold ? sum : 0;
		const unsigned counted = member.node().vcluster(v).ping_failure;
		if (counted != due)
			fail(member_name(index) + " counts " + std::to_string(counted) + " for ping servers" +
			     plan.vcluster_text(v) + ", dead are " + std::to_string(sum) + ", threshold " +
			     std::to_string(config.ping_threshold));
	}
	Flips m_flips;
};

// A change of a monitored interface counts when it is the last one for failover-hold-time, and not before while there is
// a live primary; then it does count.
class HoldTime final : public Checker {
public:
	explicit HoldTime(World &world) : Checker(world, "hold-time") {}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; v < step.before.size(); ++v)
			if (m_world.member(step.member).node().vcluster(v).link_failure != step.before[v].link_failure)
				look_early(step.member, v, step.before[v].state);
	}
	void sweep() override
	{
		for (std::size_t i = 0; i < m_world.size(); ++i)
			for (std::size_t v = 0; m_world.takes_part(i) && v < m_world.plan.vcluster_count(); ++v)
				look_late(i, v);
	}

private:
	void look_early(std::size_t index, std::size_t v, core::HaState before)
	{
		const Duration hold = m_world.plan.common().failover_hold;
		const Member &member = m_world.member(index);
		const SimTime changed = member.monitor_changed_at(v);
		const Duration waited = m_world.now() - changed;
		if (!member.present() || changed <= member.booted_at() || member.present_since() > changed ||
		    waited >= hold - hold / 1000 - m_world.plan.tolerance())
			return;
		const SimTime before_change = changed - m_world.plan.hearsay();
		bool primary_lives = before == core::HaState::work && member.takeover(v).role_since <= before_change;
		for (std::size_t other = 0; other < m_world.size(); ++other)
			primary_lives = primary_lives ||
					(other != index && m_world.takes_part(other) &&
					 m_world.member(other).takeover(v).claims() &&
					 m_world.member(other).takeover(v).role_since <= before_change &&
					 m_world.member(other).present_since() <= before_change &&
					 m_world.truth.hearing_since(m_world.now(), index, other) <= before_change &&
					 member.node().vcluster(v).choice == m_world.plan.members[other].config.self);
		if (primary_lives)
			fail(member_name(index) + " counts a change of its interfaces" + m_world.plan.vcluster_text(v) +
			     " after " + in_ms(waited) + ", failover-hold-time " + in_ms(hold));
	}
	void look_late(std::size_t index, std::size_t v)
	{
		const Plan &plan = m_world.plan;
		const Member &member = m_world.member(index);
		const Duration hold = plan.common().failover_hold;
		const Duration since = m_world.now() - std::max(member.monitor_changed_at(v), member.present_since());
		if (since <= hold + hold / 1000 + plan.tolerance() + milliseconds{2} || member.stopping())
			return;
		unsigned down = 0;
		for (std::size_t monitor = 0; monitor < plan.common().monitor_count; ++monitor)
			down += (plan.vcluster(v).monitors >> monitor & 1U) != 0 && !member.monitor_up(monitor) ? 1 : 0;
		if (member.node().vcluster(v).link_failure != 50 * down)
			fail(member_name(index) + " counts " + std::to_string(member.node().vcluster(v).link_failure) +
			     " for its interfaces" + plan.vcluster_text(v) + ", of which " + std::to_string(down) +
			     " have been down for " + in_ms(since));
	}
};

// Who has booted into a cluster with a primary is not handed the role by a healthy one before override-wait-time is over,
// unless an operator wants it.
class OverrideWait final : public Checker {
public:
	explicit OverrideWait(World &world) : Checker(world, "override-wait"), m_waits(world.plan.members.size())
	{
		for (auto &waits : m_waits)
			waits.resize(world.plan.vcluster_count());
	}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		for (std::size_t v = 0; v < step.before.size(); ++v) {
			const core::VclusterState &now = member.node().vcluster(v);
			if (gives_away(step.before[v], now))
				look(step, v);
			Wait &wait = m_waits[step.member][v];
			if (now.choice != wait.primary) {
				wait.primary = now.choice;
				wait.names_since = m_world.now();
			}
			if (wait.boot != member.boot_number() && now.state != core::HaState::hello) {
				wait.boot = member.boot_number();
				const bool joins = now.state == core::HaState::standby &&
						   now.decision.rule == core::Rule::live_primary &&
						   member.orders().override_enabled[v];
				wait.since = joins ? m_world.now() : long_ago;
			}
		}
	}

private:
	struct Wait {
		std::uint32_t boot = 0;
		SimTime since = long_ago;
		core::MemberId primary; // whom it names
		SimTime names_since = long_ago;
	};
	void look(const Step &step, std::size_t v)
	{
		const Duration length = m_world.plan.vcluster(v).override_wait;
		const core::VclusterState &now = m_world.member(step.member).node().vcluster(v);
		const core::Decision &decision = why_given_away(now);
		const auto winner = m_world.index_of(decision.winner);
		if (!winner || !by_rank(decision) || was_asked_for(now) || !m_world.takes_part(*winner) ||
		    !m_world.takes_part(step.member))
			return;
		const Wait &wait = m_waits[*winner][v];
		const SimTime old = m_world.now() - m_world.plan.hearsay();
		const Duration waited = m_world.now() - wait.since;
		// It says that it waits from its first words as a standby on, while it follows a live primary: this one.
		if (wait.primary != m_world.plan.members[step.member].config.self ||
		    (wait.names_since != wait.since && wait.names_since > old))
			return;
		if (wait.boot != m_world.member(*winner).boot_number() ||
		    waited >= length - length / 1000 - m_world.plan.tolerance() ||
		    m_world.member(*winner).takeover(v).claims() ||
		    standing_of(m_world, *winner, v).health < standing_of(m_world, step.member, v).health ||
		    m_world.member(step.member).clock().when(step.before[v].changed_at) > old ||
		    m_world.member(step.member).present_since() > old)
			return;
		fail(member_name(step.member) + " hands the role" + m_world.plan.vcluster_text(v) + " to " +
		     member_name(*winner) + " " + in_ms(waited) + " after it has joined, override-wait-time " +
		     in_ms(length));
	}
	std::vector<std::vector<Wait>> m_waits;
};

// Members that hear each other, and nobody else, and to whom nothing has happened for long: they name the same primary,
// rank all alike, and the primary is who the rules say.
class Agreement final : public Checker {
public:
	explicit Agreement(World &world) : Checker(world, "same-primary") {}
	void sweep() override
	{
		if (m_world.now() < m_next)
			return;
		m_next = m_world.now() + milliseconds{100};
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (const Clique &clique : calm_cliques(m_world, v))
				look(clique, v);
	}

private:
	void look(const Clique &clique, std::size_t v)
	{
		std::vector<std::size_t> primaries;
		for (const std::size_t i : clique)
			if (m_world.member(i).takeover(v).claims())
				primaries.push_back(i);
		const core::Config &config = m_world.plan.common();
		const bool may_lack =
			(config.isolation == core::Isolation::witness && clique.size() < config.expected_members) ||
			(config.isolation == core::Isolation::demote && clique.size() == 1);
		if (primaries.size() > 1 || (primaries.empty() && !may_lack)) {
			fail(text(clique) + " hear each other and have " + std::to_string(primaries.size()) +
			     " primaries" + m_world.plan.vcluster_text(v));
			return;
		}
		if (primaries.empty())
			return;
		for (const std::size_t i : clique)
			if (m_world.member(i).node().vcluster(v).choice !=
			    m_world.plan.members[primaries[0]].config.self)
				fail(member_name(i) + " does not name " + member_name(primaries[0]) + " its primary" +
				     m_world.plan.vcluster_text(v));
	}
	[[nodiscard]] static std::string text(const Clique &clique)
	{
		std::string names;
		for (const std::size_t i : clique)
			names.append(names.empty() ? "" : " ").append(member_name(i));
		return names;
	}
	SimTime m_next{};
};

// Every member's own ranking of all, as `explain` prints it: who wins, who would win without that one, and so on.
class RankingAlike final : public Checker {
public:
	explicit RankingAlike(World &world) : Checker(world, "ranking-alike") {}
	void sweep() override
	{
		if (m_world.now() < m_next)
			return;
		m_next = m_world.now() + milliseconds{500};
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (const Clique &clique : calm_cliques(m_world, v))
				look(clique, v);
	}

private:
	void look(const Clique &clique, std::size_t v)
	{
		if (clique.size() < 2 || near_margin(m_world, clique, v))
			return;
		const std::vector<std::size_t> first = ranking_of(m_world, clique[0], v);
		for (const std::size_t i : clique)
			if (ranking_of(m_world, i, v) != first)
				fail(member_name(i) + " and " + member_name(clique[0]) +
				     " rank the members differently" + m_world.plan.vcluster_text(v));
	}
	SimTime m_next{};
};

// What operators and sensors say is so is what counts: nobody who is ill leads somebody who is well; and with override in
// force, the one whom the full order puts first has the role.
class RightPrimary final : public Checker {
public:
	RightPrimary(World &world, bool with_override)
	    : Checker(world, with_override ? "override-obeyed" : "healthy-leads"), m_with_override(with_override)
	{
	}
	void sweep() override
	{
		if (m_world.now() < m_next)
			return;
		m_next = m_world.now() + milliseconds{100};
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			for (const Clique &clique : calm_cliques(m_world, v))
				look(clique, v);
	}

private:
	void look(const Clique &clique, std::size_t v)
	{
		std::optional<std::size_t> primary;
		bool override_in_force = false;
		bool waiting = false;
		std::vector<Standing> standings;
		for (const std::size_t i : clique) {
			const Member &member = m_world.member(i);
			if (member.takeover(v).claims())
				primary = i;
			override_in_force = override_in_force || member.orders().override_enabled[v];
			waiting = waiting || member.node().vcluster(v).waiting;
			standings.push_back(standing_of(m_world, i, v));
		}
		if (!primary)
			return; // same-primary says whether that may be
		// Who has no lease may come first and not act; and who could not claim once is passed over until somebody
		// fails or joins.
		const core::Config &config = m_world.plan.common();
		const bool passed_over =
			m_world.member(*primary).node().vcluster(v).decision.rule == core::Rule::tie_break;
		const bool may_lack_lease = config.isolation == core::Isolation::witness &&
					    (clique.size() < config.expected_members || passed_over);
		if (may_lack_lease)
			return;
		const auto own = std::find_if(standings.begin(), standings.end(),
					      [&](const Standing &s) { return s.member == *primary; });
		if (!m_with_override) {
			for (const Standing &other : standings)
				if (other.health < own->health &&
				    (is_ill(*own) || !may_be_put_off(other.member, *primary, v)))
					fail(member_name(*primary) + " leads" + m_world.plan.vcluster_text(v) +
					     " although " + member_name(other.member) + " is healthier");
			return;
		}
		if (!override_in_force || waiting || near_margin(m_world, clique, v))
			return;
		const std::size_t best = first_with_override(m_world, standings);
		if (best != *primary && !may_be_put_off(best, *primary, v))
			fail(member_name(*primary) + " leads" + m_world.plan.vcluster_text(v) +
			     " although override is in force and " + member_name(best) + " comes first");
	}
	// Not only in maintenance, or flagged: then it works, and can wait.
	[[nodiscard]] static bool is_ill(const Standing &standing)
	{
		return std::any_of(standing.health.begin() + 2, standing.health.end(),
				   [](std::uint32_t ill) { return ill != 0; });
	}
	// Until it is ready, or session-sync-wait is over.
	[[nodiscard]] bool may_be_put_off(std::size_t best, std::size_t primary, std::size_t v) const
	{
		const Member &member = m_world.member(best);
		const SimTime since = std::max({m_world.last_cause(v), member.ready_changed_at(),
						m_world.member(primary).takeover(v).role_since});
		const Duration wait = member.ready() ? Duration{} : m_world.plan.common().session_sync_wait;
		return m_world.plan.fills && m_world.now() - since <= wait + wait / 1000 + m_world.plan.settling();
	}
	bool m_with_override;
	SimTime m_next{};
};

// Priority, override and maintenance are as the operator set them.
class OrdersObeyed final : public Checker {
public:
	explicit OrdersObeyed(World &world) : Checker(world, "orders-obeyed") {}
	void after_step(const Step &step) override
	{
		const Member &member = m_world.member(step.member);
		if (member.halted(Thread::control) || member.stopping() ||
		    m_world.now() - std::max(member.orders().changed_at, member.present_since()) < milliseconds{10})
			return;
		for (std::size_t v = 0; v < step.before.size(); ++v)
			if (member.node().vcluster(v).priority != member.orders().priority[v] ||
			    member.node().vcluster(v).override_enabled != member.orders().override_enabled[v] ||
			    member.node().maintenance() != member.orders().maintenance)
				fail(member_name(step.member) + " is not set as its operator has set it" +
				     m_world.plan.vcluster_text(v));
	}
};

} // namespace

std::vector<std::unique_ptr<Checker>> election_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<FlipTimer>(world));
	list.push_back(std::make_unique<PingCounted>(world));
	list.push_back(std::make_unique<HoldTime>(world));
	list.push_back(std::make_unique<OverrideWait>(world));
	list.push_back(std::make_unique<OrdersObeyed>(world));
	list.push_back(std::make_unique<RightPrimary>(world, false));
	list.push_back(std::make_unique<RightPrimary>(world, true));
	list.push_back(std::make_unique<RankingAlike>(world));
	list.push_back(std::make_unique<Agreement>(world));
	return list;
}

} // namespace systole::sim
