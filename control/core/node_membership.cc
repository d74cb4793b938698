// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who belongs to the cluster: which slot a session's member gets, when it counts as found, lost, restarted or gone.
#include "control/core/node.h"

#include <algorithm>

namespace systole::core {

PeerSlot Node::slot_for(const MemberId &id)
{
	PeerSlot free = 0;
	PeerSlot oldest_lost = 0;
	for (std::size_t i = 1; i < max_members; ++i) {
		const Member &m = m_members[i];
		if (m.id == id)
			return static_cast<PeerSlot>(i);
		if (m.id.empty() && free == 0)
			free = static_cast<PeerSlot>(i);
		if (!m.id.empty() && !m.alive && (oldest_lost == 0 || m.lost_at < m_members[oldest_lost].lost_at))
			oldest_lost = static_cast<PeerSlot>(i);
	}
	return free != 0 ? free : oldest_lost;
}

void Node::session_up(Time now, const SessionUp &up, Actions &actions)
{
	const PeerSlot slot = slot_for(up.peer);
	if (slot == 0) {
		Notice record = notice(NoticeKind::no_slot, now);
		record.peer = up.peer;
		actions.push_back(record);
		m_handshake.forget(up.pair, now, actions);
		return;
	}
	Member &peer = m_members[slot];
	const bool other_member = peer.id != up.peer;
	if (other_member && !peer.id.empty()) { // a member lost long ago gives its place
		if (peer.generation != 0)       // else it has said goodbye, and hears nothing of us since
			actions.push_back(StopPeerBeats{slot});
		m_handshake.forget(peer.pair, now, actions);
	}
	if (!other_member && up.renumber && peer.alive) { // or it has forgotten us: it begins anew either way
		if (up.new_boot) {
			Notice record = notice(NoticeKind::peer_restarted, now);
			record.peer = peer.id;
			actions.push_back(record);
		}
		lose(now, slot, actions);
	}
	// Before the numbers begin anew: a beat of the old session would echo what has not been sent, as a snapshot does.
	if (up.replaced != 0 && up.renumber)
		actions.push_back(DropSession{up.replaced});
	if (other_member || up.renumber) {
		const Time lost_at = other_member ? Time{} : peer.lost_at;
		const std::uint32_t fails = other_member ? 0 : peer.link_fails;
		const bool known = !other_member && peer.known;
		const bool leaving = !other_member && peer.leaving; // until its first words say otherwise
		peer = Member{};
		peer.known = known;
		peer.leaving = leaving;
		peer.id = up.peer;
		peer.lost_at = lost_at;
		peer.link_fails = fails;
		peer.generation = up.session;
		StartPeerBeats begin;
		begin.slot = slot;
		begin.generation = up.session;
		begin.above_peer = m_config.self > up.peer;
		begin.link_bitmap = up.link_bitmap;
		begin.macs = up.macs;
		actions.push_back(begin);
	} else if (!peer.alive) { // its beats may have gone astray: start again from where its handshake came from
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			if ((up.link_bitmap >> link & 1) != 0)
				actions.push_back(SetPeerMac{slot, static_cast<LinkIndex>(link), up.macs[link]});
		peer.content.macs.clear(); // and what its next beat says counts as news
	}
	peer.pair = up.pair;
	peer.session = up.session;
	peer.suite = up.suite;
	peer.link_bitmap = up.link_bitmap;
	actions.push_back(BindCandidate{up.session, slot});
	actions.push_back(InstallOutboundKeys{up.session, slot, up.link_bitmap, up.suite});
	if (up.replaced != 0 && !up.renumber)
		actions.push_back(DropSession{up.replaced});
	refresh_beat(now, actions, true);
}

void Node::update_alive(Time now, PeerSlot slot, Actions &actions)
{
	Member &peer = m_members[slot];
	const bool heard =
		std::any_of(peer.links.begin(), peer.links.end(), [](const LinkView &link) { return link.life; });
	const bool alive = heard && peer.has_content;
	if (alive == peer.alive)
		return;
	if (!alive) {
		lose(now, slot, actions);
		return;
	}
	peer.alive = true;
	peer.known = true;
	peer.found_at = now;
	m_handshake.set_heard(peer.pair, true, slot, now);
	Notice record = notice(NoticeKind::peer_found, now);
	record.peer = peer.id;
	actions.push_back(record);
}

void Node::lose(Time now, PeerSlot slot, Actions &actions)
{
	Member &peer = m_members[slot];
	peer.alive = false;
	peer.has_content = false; // its next words count as new
	peer.lost_at = now;
	++peer.link_fails;
	m_handshake.set_heard(peer.pair, false, slot, now);
	follow_capabilities(now);
	renegotiate();
	Notice record = notice(NoticeKind::peer_lost, now);
	record.peer = peer.id;
	for (const LinkView &link : peer.links)
		record.last_rx = std::max(record.last_rx, link.last_rx);
	actions.push_back(record);
}

// It said goodbye: nothing more will come.
void Node::take_leave(Time now, PeerSlot slot, Actions &actions)
{
	Member &peer = m_members[slot];
	Notice record = notice(NoticeKind::peer_left, now);
	record.peer = peer.id;
	actions.push_back(record);
	peer.leaving = true;
	peer.generation = 0; // what the worker still says of it is of the past
	actions.push_back(StopPeerBeats{slot});
	for (std::size_t link = 0; link < m_config.link_count; ++link)
		set_link(now, slot, static_cast<LinkIndex>(link), LinkHealth::down, false, actions);
	update_alive(now, slot, actions);
	m_handshake.forget(peer.pair, now, actions);
	peer.session = 0;
}

} // namespace systole::core
