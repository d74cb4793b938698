// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sync_sim/world.h"

#include "control/core/session/sync_message.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <sstream>

namespace systole::sync_sim {

using namespace systole::core;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration sweep_pause = milliseconds{40};
constexpr Duration turn = microseconds{50}; // of a session thread that has more to send
constexpr int frames_in_a_turn = 32;
constexpr Duration rest_within = seconds{12}; // of the heal
constexpr Duration stragglers_last = milliseconds{200};
constexpr Duration rest_lasts = milliseconds{2500};

template <typename... Parts> std::string text(const Parts &...parts)
{
	std::ostringstream out;
	(out << ... << parts);
	return out.str();
}

const char *name_of(SyncKind kind)
{
	constexpr std::array names{"?", "OPEN", "DATA", "CHECK", "DIGESTS", "PROBE", "ACK", "DIFFER", "FENCE"};
	return names[static_cast<std::size_t>(kind)];
}

} // namespace

void Statistics::add(const Statistics &other)
{
	for (std::size_t i = 0; i < fault_kinds; ++i)
		struck[i] += other.struck[i];
	for (const auto member : {&Statistics::carried,         &Statistics::lost,          &Statistics::cut,
				  &Statistics::doubled,         &Statistics::straggled,     &Statistics::overflown,
				  &Statistics::changes,         &Statistics::frames,        &Statistics::records,
				  &Statistics::frames_lost,     &Statistics::repairs,       &Statistics::overtaken,
				  &Statistics::stale,           &Statistics::closed,        &Statistics::full,
				  &Statistics::confirmed_looks, &Statistics::in_step_looks, &Statistics::takeovers,
				  &Statistics::fences_passed,   &Statistics::handed_over})
		this->*member += other.*member;
	longest_rest = std::max(longest_rest, other.longest_rest);
}

template <typename... Parts> void World::tell(const Parts &...parts)
{
	if (m_trace)
		std::printf("%10.6f %s\n", std::chrono::duration<double>(m_now.time_since_epoch()).count(),
			    text(parts...).c_str());
}

World::World(std::uint64_t seed, Break broken, bool trace)
    : m_seed(seed), m_broken(broken), m_trace(trace), m_random(seed)
{
	draw();
}

void World::draw()
{
	m_random = sim::Random(m_seed * 0x9e3779b97f4a7c15ULL + 1);
	const std::size_t count = 2 + m_random.index(3);
	static constexpr std::size_t capacities[]{1024, 2048, 2048, 2048, 4096};
	const std::size_t capacity = m_random.pick(capacities);
	const bool unlike = m_random.permille(150);
	for (std::size_t i = 0; i < count; ++i) {
		m_members.push_back(
			std::make_unique<Member>(i, unlike ? m_random.pick(capacities) : capacity, m_broken));
		Member &member = *m_members.back();
		member.clock_offset = m_random.between(milliseconds{1}, seconds{100000});
		static constexpr std::size_t limits[]{2048, 2048, 512, 64, 16, 3};
		member.queue_limit = m_random.pick(limits);
		member.service = m_random.permille(300) ? m_random.between(microseconds{50}, milliseconds{2})
							: Duration{microseconds{5}};
	}
	m_chaos = m_random.between(milliseconds{600}, seconds{4});
	const bool lossy = m_random.permille(600);
	m_loss = lossy ? m_random.between(1, 300) : 0;
	m_doubling = m_random.permille(500) ? m_random.between(1, 200) : 0;
	m_straggling = m_random.permille(500) ? m_random.between(1, 100) : 0;
	m_delay = m_random.between(microseconds{20}, m_random.permille(200) ? milliseconds{20} : milliseconds{1});
	m_jitter = m_random.permille(500) ? m_random.between(microseconds{1}, milliseconds{5}) : Duration{};
	m_straggle = m_random.between(milliseconds{1}, milliseconds{60});
	static constexpr int pauses_us[]{200, 1000, 5000, 40000};
	m_change_pause = microseconds{m_random.pick(pauses_us)};
	m_fault_pause = m_random.between(milliseconds{40}, milliseconds{800});
	m_ids = static_cast<std::uint32_t>(m_random.between(10, static_cast<int>(capacity) * 5 / 4));
}

void World::put(Time at, Wake wake, std::size_t member, std::size_t peer, std::uint64_t number)
{
	m_queue.push({std::max(at, m_now), ++m_order, wake, static_cast<std::uint8_t>(member),
		      static_cast<std::uint8_t>(peer), number});
}

void World::later(Duration after, std::size_t member, std::function<void()> deed)
{
	m_deeds.push_back(std::move(deed));
	put(m_now + after, Wake::act, member, 0, m_deeds.size() - 1);
}

void World::step(const Entry &entry)
{
	m_now = entry.at;
	switch (entry.wake) {
	case Wake::deliver: {
		Packet packet = std::move(m_packets[entry.number]);
		m_free_packets.push_back(entry.number);
		deliver(std::move(packet));
		break;
	}
	case Wake::serve: serve(entry.member); break;
	case Wake::sender:
		if (auto &peer = m_members[entry.member]->senders[entry.peer]; peer && peer->wake == entry.number)
			pump_sender(entry.member, entry.peer);
		break;
	case Wake::receiver:
		if (m_members[entry.member]->wake == entry.number)
			pump_receiver(entry.member);
		break;
	case Wake::change:
		if (!m_changing)
			break;
		for (std::size_t i = 0; i < m_members.size(); ++i)
			if (m_members[i]->up && m_members[i]->source && !m_members[i]->parting)
				change(i);
		put(m_now + m_random.between(Duration{1}, 2 * m_change_pause), Wake::change);
		break;
	case Wake::fault:
		if (!m_changing)
			break;
		claim_anew();
		strike();
		put(m_now + m_random.between(Duration{1}, 2 * m_fault_pause), Wake::fault);
		break;
	case Wake::sweep:
		sweep();
		put(m_now + sweep_pause, Wake::sweep);
		break;
	case Wake::act:
		if (m_changing)
			m_deeds[entry.number]();
		break;
	}
}

void World::run_until(Time end)
{
	while (!m_failure && !m_queue.empty() && m_queue.top().at <= end) {
		const Entry entry = m_queue.top();
		m_queue.pop();
		step(entry);
	}
	if (!m_failure)
		m_now = end;
}

std::optional<Failure> World::run()
{
	tell("seed ", m_seed, ": ", m_members.size(), " members, loss ", m_loss, ", doubling ", m_doubling,
	     ", stragglers ", m_straggling, " permille, ", m_ids, " ids, table of ", m_members[0]->capacity);
	become_source(m_random.index(m_members.size()));
	for (auto fill = m_random.below(m_ids); fill != 0; --fill)
		change(*leader());
	put(m_now, Wake::change);
	put(m_now + m_fault_pause, Wake::fault);
	put(m_now, Wake::sweep);
	run_until(Time{} + m_chaos);
	if (!m_failure)
		heal();
	if (!m_failure)
		rest();
	for (const auto &member : m_members) {
		m_statistics.overtaken += member->receiver->counters().old;
		m_statistics.stale += member->receiver->counters().stale;
		m_statistics.closed += member->receiver->counters().closed;
		for (const auto &peer : member->senders)
			if (peer) {
				m_statistics.frames += peer->sender.counters().frames;
				m_statistics.records += peer->sender.counters().records;
				m_statistics.frames_lost += peer->sender.counters().frames_lost;
				m_statistics.repairs += peer->sender.counters().repairs;
			}
	}
	return m_failure;
}

// Everything is put right, but for what is on its way.
void World::heal()
{
	tell("heal");
	m_changing = false;
	m_loss = m_doubling = m_straggling = 0;
	m_jitter = {};
	m_burst_until = {};
	m_cut_until = {};
	// Deeds that wait are no longer done: who is away comes back now.
	for (std::size_t i = 0; i < m_members.size(); ++i) {
		Member &member = *m_members[i];
		member.up = true;
		member.parting = false;
		member.busy_until = {};
		member.service = microseconds{5};
		for (auto &peer : member.senders)
			if (peer)
				peer->held_until = {};
	}
	if (!leader())
		become_source(m_random.index(m_members.size()));
	claim_anew();
	const std::size_t source = *leader();
	for (std::size_t i = 0; i < m_members.size(); ++i) {
		if (i != source && m_members[i]->source)
			step_down(i);
		if (i != source && (!m_members[source]->senders[i] || !m_members[source]->senders[i]->began))
			begin(source, i);
		serve(i);
	}
	for (std::size_t i = 0; i < m_members.size(); ++i)
		if (i != source)
			pump_sender(source, i);
}

void World::rest()
{
	const Time healed = m_now;
	while (!m_failure && !at_rest() && m_now - healed < rest_within)
		run_until(m_now + milliseconds{5});
	if (m_failure)
		return;
	m_statistics.longest_rest = m_now - healed;
	tell("at rest after ", (m_now - healed) / milliseconds{1}, " ms");
	if (!at_rest())
		return fail("quiesces", "after everything was put right not everybody came to be in step");
	run_until(m_now + stragglers_last); // what was on its way when everything was put right
	const std::uint64_t carried = m_statistics.carried;
	const Time end = m_now + rest_lasts;
	while (!m_failure && m_now < end) {
		run_until(m_now + milliseconds{20});
		if (!m_failure && !at_rest())
			return fail("quiesces", "somebody is no longer in step although nothing has changed");
	}
	if (m_failure)
		return;
	// A CHECK a second and its answer.
	if (m_statistics.carried - carried > 8 * (m_members.size() - 1))
		return fail("quiet-at-rest", text(m_statistics.carried - carried, " frames although nothing changes"));
	sweep();
	if (!m_failure)
		check_rest();
}

std::optional<std::size_t> World::leader() const
{
	std::optional<std::size_t> best;
	for (std::size_t i = 0; i < m_members.size(); ++i)
		if (m_members[i]->up && m_members[i]->source &&
		    (!best || m_members[i]->claim > m_members[*best]->claim))
			best = i;
	return best;
}

std::size_t World::some_follower()
{
	for (;;)
		if (const std::size_t i = m_random.index(m_members.size()); i != leader())
			return i;
}

// ---- the members

void World::become_source(std::size_t index)
{
	Member &member = *m_members[index];
	tell("m", index, " becomes the source, claim ", m_claims + 1, ", with ", member.table->size(), " sessions");
	++m_statistics.takeovers;
	member.receiver->stop();
	member.source = true;
	member.parting = false;
	member.damaged = false;
	member.claim = ++m_claims;
	member.begins = 0;
	member.truth.clear();
	for (SlotNumber slot = 0; slot < member.table->high_mark(); ++slot)
		if (const auto record = member.table->at(slot))
			member.truth[id_of(*record)] = *record;
	for (std::size_t i = 0; i < m_members.size(); ++i)
		if (i != index)
			begin(index, i);
}

// A source that outlives one with a higher claim has to claim again: the others have followed that one.
void World::claim_anew()
{
	if (const auto source = leader(); source && m_members[*source]->claim < m_claims)
		become_source(*source);
}

void World::begin(std::size_t index, std::size_t other)
{
	Member &member = *m_members[index];
	auto &peer = member.senders[other];
	if (!peer)
		peer = std::make_unique<PeerSender>(*member.table);
	const std::uint64_t generation = member.claim << 16 | ++member.begins;
	tell("m", index, " begins with m", other, ", generation ", generation);
	peer->began = true;
	peer->rooms.clear();
	peer->lost.clear();
	peer->fence_open = false;
	peer->sender.begin(generation, local(member, m_now));
	pump_sender(index, other);
}

void World::step_down(std::size_t index)
{
	Member &member = *m_members[index];
	tell("m", index, " steps down");
	member.source = false;
	member.parting = false;
	member.truth.clear();
	for (auto &peer : member.senders)
		if (peer) {
			peer->sender.stop();
			peer->began = false;
			peer->fence_open = false;
		}
	member.mirror->adopt();
}

void World::restart(std::size_t index, Duration away, bool keeps_table)
{
	Member &member = *m_members[index];
	member.up = false;
	if (keeps_table)
		step_down(index);
	else
		member.empty_table();
	const std::uint32_t start = ++member.start;
	later(away, index, [this, index, start] {
		if (m_members[index]->start == start) {
			m_members[index]->up = true;
			tell("m", index, " is back");
		}
	});
}

void World::pump_sender(std::size_t index, std::size_t other)
{
	Member &member = *m_members[index];
	auto &peer = *member.senders[other];
	if (!member.up || !member.source || !peer.began)
		return;
	if (peer.held_until > m_now)
		return put(peer.held_until, Wake::sender, index, other, ++peer.wake);
	const bool stands = m_broken == Break::clock_stands && m_now > Time{} + milliseconds{50};
	const Time now = local(member, stands ? Time{} + milliseconds{50} : m_now);
	for (int i = 0; i < frames_in_a_turn; ++i) {
		Packet packet{Bytes(max_sync_frame_bytes), index, other, member.start, m_members[other]->start,
			      peer.sender.generation(),    true};
		const std::size_t bytes = peer.sender.next_frame(now, packet.frame);
		if (bytes == 0) {
			const Time next = peer.sender.next_deadline();
			if (next <= now && !stands)
				return fail("deadline-ahead",
					    text("the sender of m", index, " has nothing for m", other,
						 ", and its next deadline is not later than now"));
			if (next != never)
				put(stands ? m_now + milliseconds{1} : next - member.clock_offset, Wake::sender, index,
				    other, ++peer.wake);
			return;
		}
		packet.frame.resize(bytes);
		check_room(index, other);
		if (spoil_sent(m_broken, packet.frame))
			send(std::move(packet));
	}
	put(m_now + turn, Wake::sender, index, other, ++peer.wake);
}

void World::pump_receiver(std::size_t index)
{
	Member &member = *m_members[index];
	if (!member.up || member.source)
		return;
	const Time now = local(member, m_now);
	for (int i = 0;; ++i) {
		Packet packet{Bytes(max_sync_frame_bytes),
			      index,
			      member.answer_to,
			      member.start,
			      m_members[member.answer_to]->start,
			      0,
			      false};
		const std::size_t room = m_now < member.busy_until ? 0 : member.queue_limit - member.queue.size();
		const std::size_t bytes = member.receiver->next_frame(now, room, packet.frame);
		if (bytes == 0)
			break;
		if (i > 3)
			return fail("deadline-ahead", text("the receiver of m", index, " does not stop answering"));
		packet.frame.resize(bytes);
		packet.generation = decode_sync_head(packet.frame)->generation;
		send(std::move(packet));
	}
	const Time next = member.receiver->next_deadline();
	if (next <= now)
		return fail("deadline-ahead",
			    text("the receiver of m", index, " says nothing, and its next deadline has passed"));
	if (next != never)
		put(next - member.clock_offset, Wake::receiver, index, 0, ++member.wake);
}

void World::deliver(Packet packet)
{
	Member &member = *m_members[packet.to];
	const Member &from = *m_members[packet.from];
	if (!member.up || packet.to_start != member.start || packet.from_start != from.start)
		return;
	if (packet.to_receiver) {
		if (member.source)
			return; // the election sees to it
		if (member.queue.size() >= member.queue_limit) {
			++m_statistics.overflown;
			return;
		}
		member.queue.push_back(std::move(packet));
		if (!member.serving) {
			member.serving = true;
			put(std::max(m_now + member.service, member.busy_until), Wake::serve, packet.to);
		}
		return;
	}
	auto &peer = member.senders[packet.from];
	if (!member.source || !peer || !peer->began)
		return;
	const auto head = decode_sync_head(packet.frame);
	if (head->generation == peer->sender.generation()) {
		peer->rooms.emplace_back(m_now, head->window);
		while (peer->rooms.size() > 1 && peer->rooms[1].first + seconds{2} < m_now)
			peer->rooms.pop_front();
	}
	spoil_answer(m_broken, packet.frame, peer->lost);
	const auto bad = peer->sender.counters().bad;
	peer->sender.receive(packet.frame, local(member, m_now));
	if (peer->sender.counters().bad != bad && m_broken == Break::none)
		return fail("understood", text("the sender of m", packet.to, " finds an ", name_of(head->kind),
					       " bad that m", packet.from, " has sent"));
	check_in_step(packet.to, packet.from);
	check_fence(packet.to, packet.from);
	pump_sender(packet.to, packet.from);
}

// One frame out of the queue, then the next one.
void World::serve(std::size_t index)
{
	Member &member = *m_members[index];
	member.serving = false;
	if (!member.up || member.source) {
		member.queue.clear();
		return;
	}
	if (m_now < member.busy_until) {
		member.serving = true;
		return put(member.busy_until, Wake::serve, index);
	}
	if (!member.queue.empty()) {
		Packet packet = std::move(member.queue.front());
		member.queue.pop_front();
		const auto kind = decode_sync_head(packet.frame)->kind;
		if (packet.generation < member.highest_generation)
			spoil_received(m_broken, packet.frame, member.highest_generation);
		if (m_broken == Break::apply_overtaken)
			std::fill(member.receiver_words->words().begin(), member.receiver_words->words().end(), 0U);
		const SyncReceiverCounters before = member.receiver->counters();
		const bool taken = member.receiver->receive(packet.frame, local(member, m_now));
		const SyncReceiverCounters &after = member.receiver->counters();
		if (taken && packet.generation < member.highest_generation)
			return fail("generation-rises",
				    text("m", index, " takes a ", name_of(kind), " of generation ", packet.generation,
					 " after one of ", member.highest_generation));
		if (after.bad != before.bad && m_broken == Break::none)
			return fail("understood", text("the receiver of m", index, " finds a ", name_of(kind),
						       " bad that m", packet.from, " has sent"));
		if (taken)
			member.answer_to = packet.from;
		member.highest_generation = std::max(member.highest_generation, packet.generation);
	}
	member.mirror->commit();
	pump_receiver(index);
	if (member.receiver->ended())
		return take_over(index);
	if (!member.queue.empty()) {
		member.serving = true;
		put(m_now + member.service, Wake::serve, index);
	}
}

void World::fence(std::size_t index, std::size_t other, bool last)
{
	Member &member = *m_members[index];
	auto &peer = member.senders[other];
	if (!peer || !peer->began || member.parting || m_members[other]->source)
		return;
	tell("m", index, last ? " hands over to m" : " raises a fence for m", other);
	member.parting = last;
	peer->held.clear();
	for (std::size_t slot = 0; slot < member.capacity; ++slot)
		peer->held[static_cast<SlotNumber>(slot)].push_back(member.table->at(static_cast<SlotNumber>(slot)));
	peer->fence_open = true;
	peer->sender.fence(++peer->fence, last);
	pump_sender(index, other);
}

// It has heard the last of whom it follows.
void World::take_over(std::size_t index)
{
	const std::size_t old = m_members[index]->answer_to;
	if (!m_members[old]->up || !m_members[old]->source || leader() != old)
		return; // has been overtaken by events
	check_nothing_left(old, index);
	++m_statistics.handed_over;
	step_down(old);
	m_members[index]->queue.clear();
	become_source(index);
}

void World::tell_senders(Member &member, SlotNumber slot)
{
	for (std::size_t i = 0; i < m_members.size(); ++i)
		if (auto &peer = member.senders[i]; peer && peer->began) {
			if (peer->fence_open)
				peer->held[slot].push_back(member.table->at(slot));
			peer->sender.changed(slot);
			pump_sender(member.index, i);
		}
}

// A session begins, changes or ends; or two end and one of them begins again, mostly in the other's slot.
void World::change(std::size_t index)
{
	Member &member = *m_members[index];
	++m_statistics.changes;
	const auto id = static_cast<std::uint32_t>(m_random.below(m_ids));
	const auto remove = [&](std::uint32_t which) {
		const auto it = member.truth.find(which);
		if (it == member.truth.end())
			return;
		const SlotNumber slot = member.table->find(it->second.key);
		member.table->erase(slot);
		member.truth.erase(it);
		tell_senders(member, slot);
	};
	const auto store = [&](std::uint32_t which) {
		const SessionRecord record = session(which, static_cast<std::uint32_t>(m_random.below(1000)));
		const auto put = member.table->put(record);
		if (put.outcome == SessionTable::Outcome::full) {
			++m_statistics.full;
			return;
		}
		member.truth[which] = record;
		if (put.outcome != SessionTable::Outcome::unchanged)
			tell_senders(member, put.slot);
	};
	const auto what = m_random.below(100);
	if (what < 60) {
		store(id);
	} else if (what < 85) {
		remove(id);
	} else {
		const auto other = static_cast<std::uint32_t>(m_random.below(m_ids));
		remove(id);
		remove(other);
		store(other);
		if (m_random.permille(500))
			store(id);
	}
}

// ---- the network

void World::send(Packet packet)
{
	const bool lost = m_random.permille(m_now < m_burst_until ? m_burst_loss : m_loss);
	const bool cut = m_now < m_cut_until[packet.from][packet.to];
	++m_statistics.carried;
	if (m_trace) {
		const auto head = decode_sync_head(packet.frame);
		tell("m", packet.from, " -> m", packet.to, " ", name_of(head->kind), " generation ", head->generation,
		     " number ", head->number, " window ", head->window, " bytes ", packet.frame.size(),
		     cut    ? " CUT"
		     : lost ? " LOST"
			    : "");
	}
	if (lost || cut) {
		++(cut ? m_statistics.cut : m_statistics.lost);
		if (packet.to_receiver)
			if (const auto head = decode_sync_head(packet.frame); head->kind == SyncKind::data)
				m_members[packet.from]->senders[packet.to]->lost.push_back(head->number);
		return;
	}
	int copies = 1;
	if (m_random.permille(m_doubling)) {
		++copies;
		++m_statistics.doubled;
	}
	for (; copies != 0; --copies) {
		Duration delay =
			m_delay + (m_jitter == Duration{} ? Duration{} : m_random.between(Duration{}, m_jitter));
		if (m_random.permille(m_straggling)) {
			delay += m_random.between(Duration{}, m_straggle);
			++m_statistics.straggled;
		}
		std::size_t place = m_packets.size();
		if (m_free_packets.empty()) {
			m_packets.emplace_back();
		} else {
			place = m_free_packets.back();
			m_free_packets.pop_back();
		}
		if (copies == 1)
			m_packets[place] = std::move(packet);
		else
			m_packets[place] = packet;
		put(m_now + delay, Wake::deliver, 0, 0, place);
	}
}

} // namespace systole::sync_sim
