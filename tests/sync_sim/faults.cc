// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sync_sim/world.h"

#include <functional>

namespace systole::sync_sim {

using namespace systole::core;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::array<std::string_view, fault_kinds> names{"cut",
							  "one-way",
							  "loss-burst",
							  "restart-follower",
							  "forget-follower",
							  "crash-source",
							  "restart-source",
							  "switch-role",
							  "split",
							  "begin-again",
							  "slow",
							  "no-room",
							  "hold-link",
							  "burst-of-changes",
							  "damage",
							  "fence",
							  "hand-over"};

} // namespace

std::string_view name_of(Fault fault)
{
	return names[static_cast<std::size_t>(fault)];
}

void World::strike()
{
	const auto source = leader();
	if (!source)
		return;
	const auto fault = static_cast<Fault>(m_random.index(fault_kinds));
	const std::size_t other = some_follower();
	const Duration length = m_random.between(milliseconds{1}, milliseconds{m_random.permille(200) ? 1500 : 300});
	++m_statistics.struck[static_cast<std::size_t>(fault)];
	if (m_trace)
		std::printf("%10.6f fault: %s, source m%zu, other m%zu, %lld us\n",
			    std::chrono::duration<double>(m_now.time_since_epoch()).count(), name_of(fault).data(),
			    *source, other, static_cast<long long>(length / microseconds{1}));
	// Who has lost its senders' peer, and when it has noticed, begins again.
	const auto begin_later = [this](std::size_t who) {
		later(m_random.between(milliseconds{1}, milliseconds{200}), who, [this, who] {
			if (const auto now_source = leader(); now_source && *now_source != who && m_members[who]->up)
				begin(*now_source, who);
		});
	};
	switch (fault) {
	case Fault::cut: m_cut_until[*source][other] = m_cut_until[other][*source] = m_now + length; break;
	case Fault::one_way:
		(m_random.permille(500) ? m_cut_until[*source][other] : m_cut_until[other][*source]) = m_now + length;
		break;
	case Fault::loss_burst:
		m_burst_until = m_now + length;
		m_burst_loss = m_random.between(300, 950);
		break;
	case Fault::restart_follower:
		if (m_members[other]->source)
			break; // the loser of a split
		restart(other, length, false);
		later(length, other, [begin_later, other] { begin_later(other); });
		break;
	case Fault::forget_follower:
		if (!m_members[other]->source)
			restart(other, length, false);
		break;
	case Fault::crash_source:
	case Fault::restart_source: {
		sweep(); // what was confirmed must be there now
		const bool keeps = m_random.permille(300);
		restart(*source, length, keeps);
		const std::size_t next = fault == Fault::crash_source ? other : *source;
		later(fault == Fault::crash_source ? m_random.between(milliseconds{1}, milliseconds{60}) : length, next,
		      [this, next, gone = *source, begin_later] {
			      if (leader() || !m_members[next]->up)
				      return;
			      become_source(next);
			      if (gone != next)
				      begin_later(gone);
		      });
		break;
	}
	case Fault::switch_role:
		if (!m_members[other]->up)
			break;
		step_down(*source);
		if (m_members[other]->source)
			step_down(other);
		become_source(other);
		break;
	case Fault::split: {
		if (!m_members[other]->up || m_members[other]->source)
			break;
		m_cut_until[*source][other] = m_cut_until[other][*source] = m_now + length;
		become_source(other);
		// The others hear both. Once these two hear each other the lower claim gives way, after a while.
		later(length + m_random.between(milliseconds{1}, milliseconds{100}), *source, [this] {
			for (std::size_t i = 0; i < m_members.size(); ++i)
				if (m_members[i]->up && m_members[i]->source && i != leader())
					step_down(i);
		});
		break;
	}
	case Fault::begin_again: begin(*source, other); break;
	case Fault::slow: m_members[other]->service = m_random.between(microseconds{5}, milliseconds{3}); break;
	case Fault::no_room:
		m_members[other]->busy_until = m_now + length;
		later(length, other, [this, other] { serve(other); });
		break;
	case Fault::hold_link:
		if (auto &peer = m_members[*source]->senders[other])
			peer->held_until = m_now + length;
		break;
	case Fault::damage: {
		Member &copy = *m_members[other];
		const auto slot = static_cast<SlotNumber>(m_random.index(copy.capacity));
		if (copy.source || !copy.up || !copy.table->erase(slot))
			break;
		copy.mirror->adopt();
		copy.damaged = true;
		break;
	}
	case Fault::fence: fence(*source, other, false); break;
	case Fault::hand_over:
		fence(*source, other, true);
		// Neither waits for ever; after the last fence there is no way back to this claim.
		later(milliseconds{300}, *source, [this, source = *source, other, start = m_members[*source]->start] {
			if (m_members[source]->start != start || !m_members[source]->parting)
				return;
			step_down(source);
			if (!leader())
				become_source(m_members[other]->up ? other : source);
		});
		break;
	case Fault::burst_of_changes:
		for (auto many = m_members[*source]->parting ? 0 : m_random.below(m_ids); many != 0; --many)
			change(*source);
		break;
	}
}

} // namespace systole::sync_sim
