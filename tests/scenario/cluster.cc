// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/scenario/cluster.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::scenario {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

template <typename... F> struct Overloaded : F... {
	using F::operator()...;
};
template <typename... F> Overloaded(F...) -> Overloaded<F...>;

LivenessTiming timing_of(const Config &config)
{
	return LivenessTiming::from(config.hb_interval, config.hb_lost_threshold);
}

} // namespace

std::size_t Cluster::add(const MemberSettings &settings)
{
	Member member;
	member.settings = settings;
	m_members.push_back(std::move(member));
	return m_members.size() - 1;
}

MacAddress Cluster::mac_of(std::size_t member, LinkIndex link) const
{
	return {2, 0, 0, 0, static_cast<std::uint8_t>(member + 1), link};
}

std::string Cluster::name_of(const MemberId &id) const
{
	for (const Member &member : m_members)
		if (member.settings.config.self == id)
			return member.settings.name;
	return std::string(id.view());
}

// ---------------------------------------------------------------- causes

// A fresh nonce, and keys that know of nothing before.
Started Cluster::fresh(std::size_t index)
{
	Member &member = m_members[index];
	Started started;
	started.seed = Digest().add(index + 1).add(member.boots + (member.beginnings++ << 32)).value();
	for (std::size_t i = 0; i < started.nonce.size(); ++i)
		started.nonce[i] = static_cast<std::uint8_t>(Digest().add(started.seed).add(i).value());
	started.hostname = Hostname::from(member.settings.name);
	for (LinkIndex link = 0; link < member.settings.config.link_count; ++link)
		started.macs.push_back(mac_of(index, link));
	member.keys = std::make_unique<IdealKeyAgent>(member.settings.config, member.settings.password, started.nonce,
						      started.seed);
	member.peers = {};
	member.content.clear();
	return started;
}

void Cluster::start(std::size_t index)
{
	Member &member = m_members[index];
	assert(member.node == nullptr);
	++member.boots;
	member.beginnings = 0;
	member.fenced = member.parted = 0;
	const Started started = fresh(index);
	member.node = std::make_unique<Node>(member.settings.config);
	member.ends_at = never;
	member.next_beat = m_now + member.settings.config.hb_interval;
	step(index, started);
}

void Cluster::end(std::size_t index)
{
	Member &member = m_members[index];
	member.node.reset();
	member.keys.reset();
	member.next_beat = never;
	member.ends_at = never;
}

void Cluster::crash(std::size_t index)
{
	end(index);
}

void Cluster::stop(std::size_t index)
{
	step(index, Stopping{});
	m_members[index].ends_at = m_now + seconds{3}; // more than its patience with a successor
}

void Cluster::give(std::size_t index, const EventBody &event)
{
	step(index, event);
}

void Cluster::cut(std::size_t from, std::size_t to, LinkIndex link)
{
	m_cuts.insert({from, to, link});
}

void Cluster::heal(std::size_t from, std::size_t to, LinkIndex link)
{
	m_cuts.erase({from, to, link});
}

// ---------------------------------------------------------------- fabric

void Cluster::send(Frame frame)
{
	if (filter && !filter(frame))
		return;
	for (std::size_t to = 0; to < m_members.size(); ++to) {
		const bool addressed =
			frame.destination == broadcast_mac || frame.destination == mac_of(to, frame.link);
		if (to == frame.from || !addressed || m_members[to].node == nullptr ||
		    m_cuts.contains({frame.from, to, frame.link}))
			continue;
		if (frame.link >= m_members[to].settings.config.link_count)
			continue;
		m_queue.insert({m_now + wire_delay, ++m_order, to, m_members[to].boots, frame});
	}
}

void Cluster::send_hake(std::size_t index, LinkIndex link, const MacAddress &to, const HakeBytes &bytes)
{
	Frame frame;
	frame.from = index;
	frame.link = link;
	frame.source = mac_of(index, link);
	frame.destination = to;
	frame.hake = bytes;
	send(frame);
}

void Cluster::send_sealed(std::size_t index, PeerSlot slot, LinkIndex link, const HakeBytes &bytes)
{
	Member &member = m_members[index];
	const Peer &peer = member.peers[slot];
	const IdealSession *session = peer.beating ? member.keys->find(peer.outbound) : nullptr;
	if (session == nullptr || (peer.links_used & peer.outbound_links & 1U << link) == 0)
		return;
	Frame frame;
	frame.from = index;
	frame.link = link;
	frame.source = mac_of(index, link);
	frame.destination = peer.macs[link];
	frame.hake = bytes;
	frame.secret = session->secret;
	frame.from_a = session->as_a;
	send(frame);
}

void Cluster::send_message(std::size_t index, SessionId id, const HakeBytes &bytes)
{
	const IdealSession *session = m_members[index].keys->find(id);
	if (session->sealed != 0)
		send_sealed(index, session->sealed, session->link, bytes);
	else
		send_hake(index, session->link, session->destination, bytes);
}

void Cluster::later(std::size_t index, Duration delay, const EventBody &event)
{
	m_queue.insert({m_now + delay, ++m_order, index, m_members[index].boots, event});
}

// ---------------------------------------------------------------- the ideal worker

void Cluster::beat(std::size_t index)
{
	Member &member = m_members[index];
	for (Peer &peer : member.peers) {
		const IdealSession *session = peer.beating ? member.keys->find(peer.outbound) : nullptr;
		if (session == nullptr)
			continue;
		for (LinkIndex link = 0; link < member.settings.config.link_count; ++link) {
			if ((peer.links_used & peer.outbound_links & 1U << link) == 0)
				continue;
			BeatStamp stamp;
			stamp.content_length = static_cast<std::uint16_t>(member.content.size());
			stamp.tx = peer.links[link].next_tx();
			stamp.sent_ns = local(member, m_now).time_since_epoch().count();
			peer.links[link].fill_echo(local(member, m_now), stamp);
			Frame frame;
			frame.from = index;
			frame.link = link;
			frame.source = mac_of(index, link);
			frame.destination = peer.macs[link];
			frame.secret = session->secret;
			frame.from_a = session->as_a;
			frame.body.resize(beat_stamp_bytes);
			encode(stamp, std::span<std::byte, beat_stamp_bytes>(frame.body.data(), beat_stamp_bytes));
			frame.body.insert(frame.body.end(), member.content.begin(), member.content.end());
			send(frame);
		}
	}
}

void Cluster::receive(std::size_t index, const Frame &frame)
{
	Member &member = m_members[index];
	if (frame.hake.length != 0 && frame.secret == 0) {
		step(index, HakeReceived{frame.link, frame.source, frame.hake});
		return;
	}
	const auto id = member.keys->find_inbound(frame.secret, frame.from_a, frame.link);
	if (!id)
		return;
	const PeerSlot slot = member.keys->find(*id)->slot;
	if (slot == 0) {
		step(index, SessionConfirmed{*id});
		return;
	}
	if (frame.hake.length != 0) {
		step(index, HakeReceived{frame.link, frame.source, frame.hake, slot, *id});
		return;
	}
	Peer &peer = member.peers[slot];
	const auto stamp = decode_stamp(frame.body);
	if (!stamp || !peer.beating)
		return;
	const Time now = local(member, m_now);
	const bool had_life =
		std::any_of(peer.links.begin(), peer.links.end(), [](const LinkLiveness &link) { return link.life(); });
	const BeatVerdict verdict = peer.links[frame.link].on_beat(now, *stamp, timing_of(member.settings.config));
	if (verdict == BeatVerdict::rollback) {
		step(index, PeerRolledBack{slot, peer.generation});
		return;
	}
	// The first fresh beat makes the link alive; judge() finds what time and stale beats do.
	const bool life = verdict != BeatVerdict::stale;
	if (verdict == BeatVerdict::fresh && !had_life)
		peer.last_content.clear(); // hand it up again
	if (verdict == BeatVerdict::fresh)
		step(index, PeerLinkChanged{slot, peer.generation, frame.link, LinkHealth::up, true, now});
	else
		judge(index, slot, frame.link);
	const std::vector<std::byte> content(frame.body.begin() + beat_stamp_bytes, frame.body.end());
	if (content == peer.last_content && m_now - peer.handed_up < milliseconds{100} && (!life || peer.last_life))
		return;
	peer.last_content = content;
	peer.last_life = life;
	peer.handed_up = m_now;
	const auto words = decode_content(content);
	assert(words);
	const LinkHealth heard = verdict == BeatVerdict::fresh ? LinkHealth::up
				 : life                        ? LinkHealth::one_way
							       : LinkHealth::down;
	step(index, BeatReceived{slot, frame.link, *id, heard, true, stamp->sent_ns, stamp->lateness_us, *words});
}

void Cluster::judge(std::size_t index, PeerSlot slot, LinkIndex link)
{
	Member &member = m_members[index];
	Peer &peer = member.peers[slot];
	LinkLiveness &liveness = peer.links[link];
	const bool had_life = liveness.life();
	if (!liveness.judge(local(member, m_now), timing_of(member.settings.config)))
		return;
	if (liveness.life() && !had_life)
		peer.last_content.clear(); // hand it up again
	const bool lost = liveness.state() == LinkLiveness::State::lost;
	step(index, PeerLinkChanged{slot, peer.generation, link, lost ? LinkHealth::down : LinkHealth::one_way,
				    liveness.life(), liveness.last_life()});
}

// ---------------------------------------------------------------- the ideal executor

void Cluster::step(std::size_t index, const EventBody &event)
{
	Member &member = m_members[index];
	const auto actions = std::make_unique<Actions>();
	member.node->step({local(member, m_now), event}, *actions);
	for (const Action &action : *actions)
		perform(index, action);
	tell_sessions(index);
}

// ---------------------------------------------------------------- the ideal session thread

void Cluster::keep_up_sessions(std::size_t index, bool keep_up)
{
	m_members[index].sessions_behind = !keep_up;
	tell_sessions(index);
}

void Cluster::tell_sessions(std::size_t index)
{
	Member &member = m_members[index];
	if (!member.node || !member.settings.config.session_pickup || member.sessions_behind)
		return;
	const HandOver &plan = member.node->vcluster().hand_over;
	if (plan.stage == HandOver::Stage::barrier && !plan.told &&
	    std::exchange(member.fenced, plan.number) != plan.number)
		later(index, fence_delay, SessionsTold{plan.number, false});
	if (plan.telling_until > local(member, m_now) && std::exchange(member.parted, plan.number) != plan.number)
		later(index, rest_delay, SessionsTold{plan.number, true});
}

void Cluster::perform(std::size_t index, const Action &action)
{
	Member &member = m_members[index];
	IdealKeyAgent &keys = *member.keys;
	const auto record = [&] { m_record.push_back({m_now, index, action}); };
	std::visit(Overloaded{
			   [&](const SendHello &) {
				   for (LinkIndex link = 0; link < member.settings.config.link_count; ++link)
					   send_hake(index, link, broadcast_mac, keys.hello(link));
			   },
			   [&](const BeginExchange &a) {
				   const HakeBytes ke1 = keys.begin(a).ke1;
				   send_message(index, a.session, ke1);
			   },
			   [&](const ResendKe1 &a) { send_message(index, a.session, keys.find(a.session)->ke1); },
			   [&](const EvaluateKe1 &a) {
				   later(index, key_delay, KeyResult{a.session, KeyStep::ke1, keys.evaluate_ke1(a)});
			   },
			   [&](const SendKe2 &a) { send_message(index, a.session, keys.find(a.session)->ke2); },
			   [&](const EvaluateKe2 &a) {
				   later(index, key_delay, KeyResult{a.session, KeyStep::ke2, keys.evaluate_ke2(a)});
			   },
			   [&](const SendKe3 &a) { send_message(index, a.session, keys.find(a.session)->ke3); },
			   [&](const CheckKe3 &a) {
				   later(index, key_delay, KeyResult{a.session, KeyStep::ke3, keys.check_ke3(a)});
			   },
			   [&](const InstallInboundKeys &a) {
				   keys.find(a.session)->inbound_links = a.link_bitmap;
				   keys.find(a.session)->slot = a.slot;
			   },
			   [&](const BindCandidate &a) { keys.find(a.session)->slot = a.slot; },
			   [&](const InstallOutboundKeys &a) {
				   member.peers[a.slot].outbound = a.session;
				   member.peers[a.slot].outbound_links = a.link_bitmap;
			   },
			   [&](const AskRekey &a) {
				   for (LinkIndex link = 0; link < member.settings.config.link_count; ++link)
					   send_sealed(index, a.slot, link, keys.hello(link));
			   },
			   [&](const SayBye &a) {
				   for (LinkIndex link = 0; link < member.settings.config.link_count; ++link)
					   send_sealed(index, a.slot, link, keys.bye(link, a.peer, a.peer_nonce));
			   },
			   [](const KeepResumeKey &) {}, // no tickets here: the simulator's business
			   [&](const DropSession &a) { keys.drop(a.session); },
			   [&](const StartPeerBeats &a) {
				   Peer peer;
				   peer.beating = true;
				   peer.generation = a.generation;
				   peer.links_used = a.link_bitmap;
				   peer.macs = a.macs;
				   member.peers[a.slot] = peer;
			   },
			   [&](const StopPeerBeats &a) { member.peers[a.slot] = Peer{}; },
			   [&](const SetPeerMac &a) { member.peers[a.slot].macs[a.link] = a.mac; },
			   [&](const SetBeatContent &a) {
				   std::array<std::byte, 2048> buffer{};
				   const std::size_t length = encode(member.node->beat(), buffer);
				   assert(length != 0);
				   member.content.assign(buffer.begin(),
							 buffer.begin() + static_cast<std::ptrdiff_t>(length));
				   if (a.immediate)
					   beat(index);
			   },
			   [&](const BecomePrimary &) {
				   record();
				   probe(index);
			   },
			   [&](const BecomeSecondary &) { record(); },
			   [](const SuspendClaim &) {}, // nobody is away here: the simulator's business
			   [](const ResumeClaim &) {},
			   [](const EndSilence &) {},
			   [&](const BeginAnew &) { later(index, Duration::zero(), fresh(index)); },
			   [&](const SeekWitness &a) { m_witness.want(index, a.vcluster, a.wanted); },
			   [&](const Reannounce &) { record(); },
			   [&](const Notice &) { record(); },
		   },
		   action);
}

// ---------------------------------------------------------------- paths and the witness

void Cluster::set_path(std::size_t member, std::uint8_t link_monitor, bool good)
{
	Member &m = m_members[member];
	if (good)
		m.dead_paths.erase(link_monitor);
	else
		m.dead_paths.insert(link_monitor);
	later(member, probe_delay, PingMonitorChanged{link_monitor, good});
}

void Cluster::probe(std::size_t member)
{
	for (const std::uint8_t link_monitor : m_members[member].dead_paths)
		later(member, probe_delay, PingMonitorChanged{link_monitor, false});
}

void Cluster::ask_witness()
{
	if (m_now < m_next_witness)
		return;
	m_next_witness = m_now + IdealWitness::round;
	const auto wishes = m_witness.wishes(); // a step may change them
	for (const IdealWitness::Wish &wish : wishes) {
		Member &member = m_members[wish.first];
		if (member.node == nullptr || !m_witness.wishes().contains(wish))
			continue;
		const auto until = m_witness.ask(wish, m_now);
		step(wish.first, WitnessChanged{wish.second, m_witness.reaches(wish.first),
						until ? local(member, *until) : Time{}});
	}
}

// ---------------------------------------------------------------- time

Time Cluster::next_wake(const Member &member) const
{
	if (member.node == nullptr)
		return never;
	const Time due = member.node->next_deadline();
	Time next = due == never ? never : due - member.settings.clock_offset;
	next = std::min({next, member.next_beat, member.ends_at});
	const LivenessTiming timing = timing_of(member.settings.config);
	for (const Peer &peer : member.peers)
		for (const LinkLiveness &link : peer.links)
			if (const Time end = link.deadline(timing); end != never)
				next = std::min(next, end - member.settings.clock_offset);
	return next;
}

void Cluster::wake(std::size_t index)
{
	Member &member = m_members[index];
	if (m_now >= member.ends_at) {
		end(index);
		return;
	}
	if (m_now >= member.next_beat) {
		member.next_beat = m_now + member.settings.config.hb_interval;
		beat(index);
	}
	for (PeerSlot slot = 1; slot < max_members; ++slot)
		for (LinkIndex link = 0; link < max_links; ++link)
			judge(index, slot, link);
	if (local(member, m_now) >= member.node->next_deadline())
		step(index, Tick{});
}

void Cluster::run_until(Time limit)
{
	for (std::uint64_t idle_turns = 0;;) {
		Time next = m_queue.empty() ? never : m_queue.begin()->at;
		for (const Member &member : m_members)
			next = std::min(next, next_wake(member));
		if (!m_witness.wishes().empty())
			next = std::min(next, std::max(m_next_witness, m_now));
		if (next > limit)
			break;
		// A deadline that does not move on would hold the clock still.
		idle_turns = next <= m_now ? idle_turns + 1 : 0;
		assert(idle_turns < 100000 && "time stands still: a deadline is never cleared");
		m_now = std::max(m_now, next);
		ask_witness();
		if (!m_queue.empty() && m_queue.begin()->at <= m_now) {
			const Delivery delivery = m_queue.extract(m_queue.begin()).value();
			if (m_members[delivery.to].node == nullptr || m_members[delivery.to].boots != delivery.boot)
				continue;
			if (const Frame *frame = std::get_if<Frame>(&delivery.what))
				receive(delivery.to, *frame);
			else
				step(delivery.to, std::get<EventBody>(delivery.what));
			continue;
		}
		for (std::size_t i = 0; i < m_members.size(); ++i)
			if (next_wake(m_members[i]) <= m_now)
				wake(i);
	}
	m_now = std::max(m_now, limit);
}

std::vector<Notice> Cluster::notices(std::size_t member, NoticeKind kind) const
{
	std::vector<Notice> found;
	for (const Record &entry : m_record)
		if (const auto *notice = std::get_if<Notice>(&entry.action);
		    entry.member == member && notice != nullptr && notice->kind == kind)
			found.push_back(*notice);
	return found;
}

std::vector<std::size_t> Cluster::primaries() const
{
	std::vector<std::size_t> found;
	for (std::size_t i = 0; i < m_members.size(); ++i)
		if (running(i) && node(i).primary())
			found.push_back(i);
	return found;
}

} // namespace systole::scenario
