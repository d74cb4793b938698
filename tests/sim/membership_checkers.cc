// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who is held for alive and for a member, and what the core asks of its surroundings.
#include "tests/sim/checkers.h"
#include "tests/sim/cliques.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace systole::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Who is dead, frozen or cut off is no longer held for alive one dead interval after its last beat that could count.
class Detection final : public Checker {
public:
	explicit Detection(World &world)
	    : Checker(world, "detection-in-time"), m_bound(world.plan.dead() + world.plan.tolerance())
	{
	}
	void after_step(const Step &step) override { look(step.member); }
	void sweep() override
	{
		for (std::size_t i = 0; i < m_world.size(); ++i)
			look(i);
	}

private:
	void look(std::size_t index)
	{
		const Member &member = m_world.member(index);
		// Back from a halt, control has a moment to take in what its worker has found out.
		if (!member.running() || member.halted(Thread::worker) || member.halted(Thread::control) ||
		    m_world.now() - member.present_since() < m_world.plan.tolerance() + milliseconds{2})
			return;
		for (const core::Member &peer : member.node().members()) {
			if (!peer.alive)
				continue;
			const auto other = m_world.index_of(peer.id);
			if (!other)
				continue; // right-password-only says so
			const Duration silent = m_world.now() - m_world.truth.possible(index, *other);
			m_world.statistics.longest_detection =
				std::max(m_world.statistics.longest_detection, silent - m_world.plan.dead());
			if (silent > m_bound)
				fail(member_name(index) + " still holds " + member_name(*other) + " for alive " +
				     in_ms(silent) + " after its last beat that could count, bound " + in_ms(m_bound));
		}
	}
	Duration m_bound;
};

// A member is given up, or held for restarted, only if that is what happened.
class NoFalseLoss final : public Checker {
public:
	explicit NoFalseLoss(World &world) : Checker(world, "no-false-loss") {}
	void after_step(const Step &step) override
	{
		core::MemberId restarted;
		for (const core::Action &action : step.actions) {
			const auto *notice = std::get_if<core::Notice>(&action);
			if (notice == nullptr)
				continue;
			const auto other = m_world.index_of(notice->peer);
			switch (notice->kind) {
			case core::NoticeKind::peer_restarted:
				restarted = notice->peer;
				if (other)
					look_restarted(step.member, *other);
				break;
			case core::NoticeKind::peer_left: // after which it is lost at once
				if (other &&
				    m_world.truth.boot_heard(step.member, *other) ==
					    m_world.member(*other).boot_number() &&
				    !m_world.member(*other).stopping())
					fail(member_name(step.member) + " takes a goodbye from " + member_name(*other) +
					     " that it has not said");
				restarted = notice->peer;
				break;
			case core::NoticeKind::peer_lost:
				if (other && notice->peer != restarted)
					look_lost(step, *other);
				break;
			case core::NoticeKind::rolled_back:
				fail(member_name(step.member) + " thinks that it was set back to an earlier state");
				break;
			default: break;
			}
		}
	}

private:
	void look_restarted(std::size_t member, std::size_t other)
	{
		if (m_world.truth.boot_heard(member, other) == m_world.member(other).boot_number())
			fail(member_name(member) + " thinks that " + member_name(other) + " has restarted");
	}
	void look_lost(const Step &step, std::size_t other)
	{
		// Judged at the event's time, in the member's clock; beats after that are none of its business.
		const Member &member = m_world.member(step.member);
		bool carrier = !member.node().config().carrier_loss_immediate;
		for (std::size_t link = 0; link < m_world.plan.links; ++link)
			carrier = carrier || member.node().carrier_up(link);
		if (!carrier)
			return; // given up because of that
		const auto *verdict = std::get_if<core::PeerLinkChanged>(&step.event.body);
		const SimTime judged = member.clock().when(verdict != nullptr ? verdict->judged_at : step.event.now);
		const Duration least = m_world.plan.dead() - m_world.plan.dead() / 1000 - microseconds{10};
		for (std::size_t link = 0; link < m_world.plan.links; ++link) {
			const SimTime proven = m_world.truth.life(step.member, other, link);
			if (proven <= judged && judged - proven < least)
				fail(member_name(step.member) + " gave up " + member_name(other) + " only " +
				     in_ms(judged - proven) + " after a good beat on link " + std::to_string(link) +
				     ", dead interval " + in_ms(m_world.plan.dead()));
		}
	}
};

// Who does not know the password, or demands another protection, is never a member; nor is who does not exist.
class RightPasswordOnly final : public Checker {
public:
	explicit RightPasswordOnly(World &world) : Checker(world, "right-password-only") {}
	void after_step(const Step &step) override
	{
		for (const core::Member &peer : m_world.member(step.member).node().members()) {
			if (peer.id.empty())
				continue;
			const auto other = m_world.index_of(peer.id);
			if (!other)
				fail(member_name(step.member) +
				     " has a member that does not exist: " + std::string(peer.id.view()));
			else if (m_world.outsider(step.member) || m_world.outsider(*other))
				fail(member_name(step.member) + " has taken in " + member_name(*other) +
				     ", which is set differently");
		}
	}
};

// Actions name only slots that have a member in them.
class KnownSlots final : public Checker {
public:
	explicit KnownSlots(World &world) : Checker(world, "known-slots") {}
	bool may_carry_out(std::size_t member, const core::Actions &actions) override
	{
		const auto &members = m_world.member(member).node().members();
		bool good = true;
		const auto need = [&](core::PeerSlot slot, const char *what) {
			if (slot != 0 && slot < core::max_members && !members[slot].id.empty())
				return;
			good = false;
			fail(member_name(member) + " wants " + what + " for slot " + std::to_string(slot) +
			     ", where nobody is");
		};
		for (const core::Action &action : actions) {
			if (const auto *install = std::get_if<core::InstallOutboundKeys>(&action))
				need(install->slot, "outbound keys");
			else if (const auto *start = std::get_if<core::StartPeerBeats>(&action))
				need(start->slot, "beats started");
			else if (const auto *stop = std::get_if<core::StopPeerBeats>(&action))
				need(stop->slot, "beats stopped");
			else if (const auto *mac = std::get_if<core::SetPeerMac>(&action))
				need(mac->slot, "an address");
			else if (const auto *bind = std::get_if<core::BindCandidate>(&action))
				need(bind->slot, "a candidate bound");
			else if (const auto *inbound = std::get_if<core::InstallInboundKeys>(&action);
				 inbound != nullptr && inbound->slot != 0)
				need(inbound->slot, "inbound keys");
		}
		return good;
	}
};

// One step's actions stay far from the end of their list, where an assertion would end the daemon.
class ActionsBounded final : public Checker {
public:
	explicit ActionsBounded(World &world) : Checker(world, "actions-bounded") {}
	void after_step(const Step &step) override
	{
		m_world.statistics.most_actions = std::max(m_world.statistics.most_actions, step.actions.size());
		if (step.actions.size() > core::Actions::capacity() / 2)
			fail(member_name(step.member) + " wants " + std::to_string(step.actions.size()) +
			     " actions in one step");
	}
};

// Keys of sessions that are over are dropped: in the end there is one session a pair, and perhaps an attempt of an outsider.
class SessionsReleased final : public Checker {
public:
	explicit SessionsReleased(World &world) : Checker(world, "sessions-released") {}
	void settled() override
	{
		std::size_t outsiders = 0;
		for (std::size_t i = 0; i < m_world.size(); ++i)
			outsiders += m_world.outsider(i) ? 1 : 0;
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			if (!m_world.member(i).running())
				continue; // converges says so
			// With each peer: what is drained after a rekey, and the exchange for the next one.
			const std::size_t rekeying =
				m_world.plan.common().rekey_interval < std::chrono::hours{1} ? m_world.size() * 3 : 0;
			const std::size_t bound =
				rekeying + (m_world.outsider(i) ? m_world.size() : m_world.size() - 1 + outsiders);
			const std::size_t sessions = m_world.member(i).keys().session_count();
			if (sessions > bound)
				fail(member_name(i) + " holds the keys of " + std::to_string(sessions) +
				     " sessions, bound " + std::to_string(bound));
		}
	}
};

// Everything healed and settled: one primary of each virtual cluster in each part, everybody in it agrees, every session
// and link is up, and so it stays. A timer that ends (flip timer, override-wait-time) may still move a role.
class Converges final : public Checker {
public:
	explicit Converges(World &world) : Checker(world, "converges")
	{
		const Plan &plan = world.plan;
		m_moving = plan.hearsay() * 2 + plan.dead() * (4 + static_cast<int>(plan.members.size()));
	}
	void after_step(const Step &step) override
	{
		for (std::size_t v = 0; m_settled && v < step.before.size(); ++v)
			if (m_world.member(step.member).node().vcluster(v).state != step.before[v].state && !moves(v))
				fail(member_name(step.member) + " changed its role" + m_world.plan.vcluster_text(v) +
				     " after the end of everything");
	}
	void settled() override
	{
		m_settled = true;
		for (std::size_t i = 0; i < m_world.size(); ++i) {
			if (!m_world.member(i).running()) {
				fail(member_name(i) + " does not run");
				return;
			}
			look_around(i);
			for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
				if (!moves(v))
					look(i, v);
		}
		for (std::size_t v = 0; v < m_world.plan.vcluster_count(); ++v)
			if (m_world.plan.common().isolation == core::Isolation::witness && !moves(v))
				look_lease(v);
	}

private:
	[[nodiscard]] bool moves(std::size_t v) const
	{
		return m_world.now() - m_world.last_timer(v) <= m_moving || ages_drift(m_world, v);
	}
	[[nodiscard]] bool together(std::size_t a, std::size_t b) const
	{
		const Plan &plan = m_world.plan;
		return a == b || (!plan.members[a].outsider && !plan.members[b].outsider &&
				  (plan.ending != Ending::split || plan.other_side[a] == plan.other_side[b]));
	}
	// In the end `a` cannot hear `b`.
	[[nodiscard]] bool deaf(std::size_t a, std::size_t b) const
	{
		const Plan &plan = m_world.plan;
		return plan.ending == Ending::one_way && plan.cut_from == b && plan.cut_to == a;
	}
	void look_around(std::size_t index)
	{
		const core::Node &node = m_world.member(index).node();
		for (std::size_t other = 0; other < m_world.size(); ++other) {
			if (together(index, other)) {
				if (other != index && !deaf(index, other))
					look_session(index, other);
				continue;
			}
			const core::Member *known = node.member(m_world.plan.members[other].config.self);
			if (known != nullptr && known->alive)
				fail(member_name(index) + " holds " + member_name(other) +
				     " for alive across the split");
		}
	}
	void look(std::size_t index, std::size_t v)
	{
		const std::string who = member_name(index) + m_world.plan.vcluster_text(v);
		const core::VclusterState &own = m_world.member(index).node().vcluster(v);
		int primaries = 0;
		std::size_t size = 0;
		for (std::size_t other = 0; other < m_world.size(); ++other) {
			if (!together(index, other))
				continue;
			++size;
			const Member &peer = m_world.member(other);
			if (!peer.takeover(v).owns)
				continue;
			++primaries;
			if (own.choice != m_world.plan.members[other].config.self && !deaf(index, other))
				fail(who + " does not follow the primary " + member_name(other));
			if (peer.running() && peer.node().vcluster(v).epoch != own.epoch)
				fail(who + " is at epoch " + std::to_string(own.epoch) + ", its primary " +
				     member_name(other) + " at another");
		}
		const core::Isolation isolation = m_world.plan.common().isolation;
		const bool split = m_world.plan.ending == Ending::split;
		// The part without the lease has none; and who had to stop for want of proof waits until it hears a member.
		const bool none_will_do = split && (isolation == core::Isolation::witness ||
						    (isolation == core::Isolation::demote && size == 1));
		if (primaries > 1 || (primaries == 0 && !none_will_do))
			fail(who + " lives in a part with " + std::to_string(primaries) + " primaries");
		if (own.state == core::HaState::hello && !none_will_do)
			fail(who + " is still in hello");
	}
	// Whatever is split, one has the lease.
	void look_lease(std::size_t v)
	{
		int primaries = 0;
		for (std::size_t i = 0; i < m_world.size(); ++i)
			primaries += m_world.member(i).takeover(v).owns ? 1 : 0;
		if (primaries != 1)
			fail(std::to_string(primaries) + " primaries" + m_world.plan.vcluster_text(v) +
			     " although a witness can be asked");
	}
	void look_session(std::size_t index, std::size_t other)
	{
		const core::Member *known =
			m_world.member(index).node().member(m_world.plan.members[other].config.self);
		if (known == nullptr || !known->alive) {
			fail(member_name(index) + " does not hear " + member_name(other));
			return;
		}
		for (std::size_t link = 0; link < m_world.plan.links; ++link)
			if (known->links[link].health !=
			    (deaf(other, index) ? core::LinkHealth::one_way : core::LinkHealth::up))
				fail(member_name(index) + " does not hear " + member_name(other) + " on link " +
				     std::to_string(link));
	}
	bool m_settled = false;
	Duration m_moving{};
};

} // namespace

std::vector<std::unique_ptr<Checker>> membership_checkers(World &world)
{
	std::vector<std::unique_ptr<Checker>> list;
	list.push_back(std::make_unique<KnownSlots>(world));
	list.push_back(std::make_unique<ActionsBounded>(world));
	list.push_back(std::make_unique<RightPasswordOnly>(world));
	list.push_back(std::make_unique<NoFalseLoss>(world));
	list.push_back(std::make_unique<Detection>(world));
	list.push_back(std::make_unique<SessionsReleased>(world));
	list.push_back(std::make_unique<Converges>(world));
	return list;
}

} // namespace systole::sim
