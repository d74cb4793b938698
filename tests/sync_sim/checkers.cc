// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What must hold, seen from outside: by the tables themselves, by what was really sent, and by the model of the truth.
#include "tests/sync_sim/world.h"

#include <algorithm>

namespace systole::sync_sim {

using namespace systole::core;

namespace {

// All but the timeout, which stands last.
bool same_slot(const SessionTable &a, const SessionTable &b, SlotNumber slot)
{
	const auto x = a.bytes_at(slot);
	const auto y = b.bytes_at(slot);
	return x.size() == y.size() && (x.empty() || std::equal(x.begin(), x.end() - record_timeout_bytes, y.begin()));
}

bool same_where_both_have(const SessionTable &a, const SessionTable &b)
{
	std::uint64_t difference = 0;
	for (std::size_t block = 0; block < std::min(a.blocks(), b.blocks()); ++block)
		difference |= a.block_digest(block) ^ b.block_digest(block);
	return difference == 0;
}

std::string pair_text(std::size_t member, std::size_t peer)
{
	return "m" + std::to_string(member) + " of m" + std::to_string(peer);
}

} // namespace

void World::fail(std::string_view checker, const std::string &text)
{
	if (!m_failure)
		m_failure = Failure{m_now, std::string(checker), text};
}

// Does the peer follow what this sender says? Else the sender may not know yet that it has gone.
bool World::follows(std::size_t member, std::size_t peer) const
{
	const Member &source = *m_members[member];
	const Member &follower = *m_members[peer];
	return source.up && source.source && follower.up && !follower.source && source.senders[peer] &&
	       source.senders[peer]->began &&
	       follower.receiver->generation() == source.senders[peer]->sender.generation();
}

// Nobody can know before the next CHECK.
bool World::damaged(std::size_t member, std::size_t peer)
{
	Member &copy = *m_members[peer];
	if (copy.damaged && copy.table->digest() == m_members[member]->table->digest())
		copy.damaged = false;
	return copy.damaged;
}

void World::check_in_step(std::size_t member, std::size_t peer)
{
	const auto &sender = m_members[member]->senders[peer]->sender;
	if (!sender.in_step() || !follows(member, peer) || damaged(member, peer))
		return;
	++m_statistics.in_step_looks;
	const SessionTable &ours = *m_members[member]->table;
	const SessionTable &theirs = *m_members[peer]->table;
	if (sender.at_risk() != 0 || sender.oldest_unconfirmed() != never)
		return fail("in-step-is-equal", pair_text(member, peer) + " is in step, and something is at risk");
	if (ours.digest() != theirs.digest() || ours.size() != theirs.size())
		return fail("in-step-is-equal", pair_text(member, peer) + " is in step, but the tables differ");
}

void World::check_confirmed(std::size_t member, std::size_t peer)
{
	if (!follows(member, peer) || damaged(member, peer))
		return;
	const auto &sender = m_members[member]->senders[peer]->sender;
	const SessionTable &ours = *m_members[member]->table;
	const SessionTable &theirs = *m_members[peer]->table;
	std::size_t unconfirmed = 0;
	for (std::size_t i = 0; i < std::min(ours.capacity(), theirs.capacity()); ++i) {
		const auto slot = static_cast<SlotNumber>(i);
		if (!sender.confirmed(slot)) {
			++unconfirmed;
			continue;
		}
		++m_statistics.confirmed_looks;
		if (!same_slot(ours, theirs, slot))
			return fail("confirmed-is-held", pair_text(member, peer) + ": slot " + std::to_string(slot) +
								 " was confirmed, and is another one there");
	}
	// What is not compared counts all that there is, not all that there could be.
	if (sender.at_risk() < std::min(unconfirmed, ours.size()))
		return fail("risk-is-told", pair_text(member, peer) + ": " + std::to_string(unconfirmed) +
						    " slots are not confirmed, at risk are " +
						    std::to_string(sender.at_risk()));
	if ((sender.oldest_unconfirmed() == never) != (sender.at_risk() == 0) ||
	    (sender.at_risk() != 0 && sender.oldest_unconfirmed() > local(*m_members[member], m_now)))
		return fail("risk-is-told",
			    pair_text(member, peer) + ": since when something is at risk makes no sense");
	if (sender.in_flight() > sync_window)
		return fail("room-obeyed", pair_text(member, peer) + ": more frames in flight than the window has");
}

// Whatever the data plane of the peer has, the slot has held since the fence was raised.
void World::check_fence(std::size_t member, std::size_t peer)
{
	PeerSender &sender = *m_members[member]->senders[peer];
	if (!sender.fence_open || sender.sender.fence() != sender.fence || !sender.sender.fence_passed())
		return;
	sender.fence_open = false;
	++m_statistics.fences_passed;
	if (!follows(member, peer) || damaged(member, peer))
		return;
	const auto &there = m_members[peer]->mirror->data_plane();
	for (const auto &[slot, held] : sender.held) {
		const auto it = there.find(slot);
		const bool one_of_these = std::any_of(held.begin(), held.end(), [&](const auto &record) {
			return it == there.end() ? !record : record && record->same_state(it->second);
		});
		if (!one_of_these && slot < m_members[peer]->capacity)
			return fail("fence-holds", pair_text(member, peer) + ": the fence is passed, and slot " +
							   std::to_string(slot) + " is an older one there");
	}
}

// Who takes over has the table of who hands over, slot by slot.
void World::check_nothing_left(std::size_t member, std::size_t peer)
{
	if (damaged(member, peer))
		return;
	const SessionTable &ours = *m_members[member]->table;
	const SessionTable &theirs = *m_members[peer]->table;
	for (std::size_t i = 0; i < std::min(ours.capacity(), theirs.capacity()); ++i)
		if (!same_slot(ours, theirs, static_cast<SlotNumber>(i)))
			return fail("nothing-left-behind", pair_text(member, peer) + ": slot " + std::to_string(i) +
								   " differs when the role goes over");
}

// Never more in flight than the peer has said lately that it takes.
void World::check_room(std::size_t member, std::size_t peer)
{
	const PeerSender &sender = *m_members[member]->senders[peer];
	std::size_t most = 0;
	for (const auto &[at, room] : sender.rooms)
		most = std::max(most, room);
	if (sender.sender.in_flight() > most)
		fail("room-obeyed", pair_text(member, peer) + ": " + std::to_string(sender.sender.in_flight()) +
					    " frames in flight, there was never room for more than " +
					    std::to_string(most));
}

void World::check_truth(std::size_t index)
{
	const Member &member = *m_members[index];
	if (member.truth.size() != member.table->size())
		return fail("source-is-true", "m" + std::to_string(index) + " has " +
						      std::to_string(member.table->size()) + " sessions of " +
						      std::to_string(member.truth.size()));
	for (const auto &[id, record] : member.truth) {
		const auto held = member.table->at(member.table->find(record.key));
		if (!held || !held->same_state(record))
			return fail("source-is-true", "m" + std::to_string(index) + " holds session " +
							      std::to_string(id) + " not as it is");
	}
}

void World::sweep()
{
	for (std::size_t i = 0; i < m_members.size() && !m_failure; ++i) {
		Member &member = *m_members[i];
		if (const std::string text = member.guards(); !text.empty())
			fail("memory-bounds", "m" + std::to_string(i) + ": " + text);
		if (!member.up)
			continue;
		if (!member.source) {
			if (const std::string text = member.mirror->complaint(); !text.empty())
				fail("mirror-agrees", "m" + std::to_string(i) + ": " + text);
			continue;
		}
		check_truth(i);
		for (std::size_t peer = 0; peer < m_members.size() && !m_failure; ++peer)
			if (member.senders[peer]) {
				check_in_step(i, peer);
				check_confirmed(i, peer);
			}
	}
}

// Everybody who has room for all of it.
bool World::at_rest() const
{
	const auto source = leader();
	if (!source)
		return false;
	const Member &member = *m_members[*source];
	for (std::size_t i = 0; i < m_members.size(); ++i) {
		if (i == *source)
			continue;
		if (!follows(*source, i))
			return false;
		const SyncSender &sender = member.senders[i]->sender;
		std::size_t without_slot = 0;
		for (std::size_t slot = m_members[i]->capacity; slot < member.capacity; ++slot)
			without_slot += member.table->taken(static_cast<SlotNumber>(slot));
		if (sender.at_risk() != without_slot || sender.in_step() != (without_slot == 0) ||
		    sender.in_flight() != 0 || !m_members[i]->receiver->in_step())
			return false;
		if (!same_where_both_have(*member.table, *m_members[i]->table))
			return false; // damaged
	}
	return true;
}

// Every copy is the source's table, slot by slot, as far as it goes; and nothing else.
void World::check_rest()
{
	const Member &source = *m_members[*leader()];
	for (const auto &member : m_members) {
		if (member.get() == &source)
			continue;
		for (std::size_t i = 0; i < member->capacity; ++i) {
			const auto slot = static_cast<SlotNumber>(i);
			const bool same = i < source.capacity ? same_slot(*source.table, *member->table, slot)
							      : !member->table->taken(slot);
			if (!same)
				return fail("copy-is-equal", pair_text(source.index, member->index) + ": slot " +
								     std::to_string(slot) + " differs at the end");
		}
		if (source.capacity <= member->capacity && source.table->digest() != member->table->digest())
			return fail("copy-is-equal",
				    pair_text(source.index, member->index) + ": digests differ at the end");
	}
}

} // namespace systole::sync_sim
