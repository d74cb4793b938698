// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: core::Node, driven by a small program. Input: settings | (operation, time to pass, operands)...
// Peers are played with what the node itself asked for, so that sessions, beats and elections are reached; any
// number an authentic but mad member could say may stand in them. Operands past the end are zero.
#include "control/core/node.h"
#include "control/core/wire.h"
#include "tests/fuzz/require.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <set>

namespace systole::fuzz {

namespace {

using namespace core;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t max_operations = 400;
constexpr std::uint8_t peer_count = 20; // more than there are places
constexpr BootNonce own_nonce{1, 2, 3};
const MemberId own_id = MemberId::from("SYS0000000000010");

MemberId peer_id(std::uint8_t number)
{
	MemberId id = MemberId::from("SYS0000000000000");
	id.text[14] = static_cast<char>('0' + number % peer_count / 10);
	id.text[15] = static_cast<char>('0' + number % 10);
	return id;
}

Config read_config(WireReader &in)
{
	const auto flags = in.number<std::uint8_t>();
	Config config;
	config.self = own_id;
	config.group_id = 103;
	config.hb_interval = (flags & 1) != 0 ? milliseconds{10} : milliseconds{100};
	config.hb_lost_threshold = 3;
	config.hello_holddown = seconds{1};
	config.vclusters[0].override_enabled = (flags & 2) != 0;
	config.expected_members = static_cast<std::uint8_t>(flags >> 2 & 3);
	config.link_count = (flags & 16) != 0 ? 2 : 1;
	config.monitor_everywhere(2);
	config.uptime_margin = seconds{1 + (flags >> 5) * 50};
	VclusterConfig &vcluster = config.vclusters[0];
	vcluster.priority = in.number<std::uint8_t>();
	if ((vcluster.priority & 1) != 0) {
		config.ping_priority.push_back(5);
		config.ping_priority.push_back(2);
		vcluster.ping_monitors = 3;
		vcluster.ping_threshold = 4;
		vcluster.flip_timeout = seconds{2};
		vcluster.override_wait = seconds{1};
		config.memory.enabled = true;
		config.memory.monitor_period = milliseconds{100};
		config.memory.flip_timeout = seconds{2};
		config.ssd_failover = true;
	}
	config.session_sync_wait = (vcluster.priority & 32) != 0 ? seconds{1} : Duration::zero();
	config.failover_hold = (vcluster.priority & 8) != 0 ? seconds{1} : Duration::zero();
	config.isolation = static_cast<Isolation>(vcluster.priority / 2 % 3);
	config.isolation_wait = milliseconds{300};
	config.witness_fallback_act = (vcluster.priority & 16) != 0;
	return config;
}

// What may never happen, whatever the events: looked at after every step.
class Invariants {
public:
	void see(const Node &node, const Actions &actions, Time now)
	{
		require(node.next_deadline() >= now, "the next deadline does not lie in the past");
		m_node = &node;
		for (const Action &action : actions)
			std::visit([this](const auto &a) { on(a); }, action);
		require(node.primary() == m_primary, "the role is the one last announced");
		require(node.alive_peers() < max_members, "there are no more members than places");
	}

private:
	void on(const BecomePrimary &a)
	{
		require(!m_primary, "roles alternate: no primary becomes primary");
		require(!m_stopped, "who stops claims nothing");
		require(a.epoch > m_epoch || a.epoch == last_epoch, "a claim has a higher epoch than the claim before");
		m_epoch = a.epoch;
		m_primary = true;
	}
	void on(const BecomeSecondary &)
	{
		require(m_primary, "roles alternate: only a primary becomes secondary");
		m_primary = false;
		m_suspended = false;
	}
	void on(const SuspendClaim &)
	{
		require(m_primary && !m_suspended, "only a primary's claim is suspended, and once");
		m_suspended = true;
	}
	void on(const ResumeClaim &)
	{
		require(m_primary && m_suspended, "only what was suspended is resumed");
		m_suspended = false;
	}
	void on(const SeekWitness &a)
	{
		require(a.wanted != m_wants_witness, "a wish is told when it changes");
		m_wants_witness = a.wanted;
	}
	void on(const Reannounce &) { require(m_primary, "only a primary announces itself again"); }
	void on(const Notice &a)
	{
		if (a.kind == NoticeKind::stopped)
			m_stopped = true;
		require(a.link < max_links || a.kind == NoticeKind::monitor || a.kind == NoticeKind::ping_monitor,
			"a notice is about a link there is");
	}
	void on(const StartPeerBeats &a)
	{
		slot(a.slot);
		m_beating.insert(a.slot);
	}
	void on(const StopPeerBeats &a)
	{
		slot(a.slot);
		require(m_beating.erase(a.slot) == 1, "only beats that were started are stopped");
	}
	void on(const SetPeerMac &a)
	{
		slot(a.slot);
		require(a.link < max_links, "a MAC address is of a link there may be");
		require(m_beating.contains(a.slot), "and of a peer that is beaten to");
	}
	void on(const SetBeatContent &)
	{
		std::array<std::byte, 2048> buffer{};
		const HeartbeatContent &content = m_node->beat();
		const std::size_t length = encode(content, buffer);
		const auto read = decode_content(std::span(buffer).first(length));
		require(length != 0 && read && *read == content, "what we say can be said and understood");
	}
	void on(const BeginExchange &a) { begun(a.session); }
	void on(const EvaluateKe1 &a) { begun(a.session); }
	void on(const ResendKe1 &a) { known(a.session); }
	void on(const SendKe2 &a) { known(a.session); }
	void on(const EvaluateKe2 &a) { known(a.session); }
	void on(const SendKe3 &a) { known(a.session); }
	void on(const CheckKe3 &a) { known(a.session); }
	void on(const InstallInboundKeys &a) { known(a.session); }
	void on(const BindCandidate &a) { bound(a.session, a.slot); }
	void on(const InstallOutboundKeys &a) { bound(a.session, a.slot); }
	void on(const DropSession &a)
	{
		known(a.session);
		m_sessions.erase(a.session);
	}
	template <typename Other> void on(const Other &) {}

	static void slot(PeerSlot slot) { require(slot > 0 && slot < max_members, "a peer has a place of its own"); }
	void begun(SessionId session)
	{
		require(session != 0 && m_sessions.insert(session).second, "a session has a number of its own");
		require(m_sessions.size() <= (3 + max_draining) * max_pairs, "sessions do not pile up");
	}
	void known(SessionId session)
	{
		require(m_sessions.contains(session), "nothing is asked of a dropped session");
	}
	void bound(SessionId session, PeerSlot of)
	{
		known(session);
		slot(of);
	}

	const Node *m_node = nullptr;
	bool m_wants_witness = false;
	bool m_primary = false;
	bool m_suspended = false;
	bool m_stopped = false;
	std::uint32_t m_epoch = 0;
	std::set<PeerSlot> m_beating;
	std::set<SessionId> m_sessions;
};

class Run {
public:
	explicit Run(WireReader in) : m_in(in), m_config(read_config(m_in)), m_node(m_config) {}

	void all()
	{
		start();
		for (std::size_t i = 0; i < max_operations && m_in.left() != 0; ++i)
			operation();
	}

private:
	void step(const EventBody &body)
	{
		m_actions->clear();
		m_node.step({m_now, body}, *m_actions);
		m_invariants.see(m_node, *m_actions, m_now);
		for (const Action &action : *m_actions) {
			if (const auto *begin = std::get_if<BeginExchange>(&action))
				m_begun = *begin;
			else if (const auto *ke1 = std::get_if<EvaluateKe1>(&action))
				asked({ke1->session, KeyStep::ke1, KeyOutcome::ok});
			else if (const auto *ke2 = std::get_if<EvaluateKe2>(&action))
				asked({ke2->session, KeyStep::ke2, KeyOutcome::ok});
			else if (const auto *ke3 = std::get_if<CheckKe3>(&action))
				asked({ke3->session, KeyStep::ke3, KeyOutcome::ok});
		}
		const bool anew = std::any_of(m_actions->begin(), m_actions->end(), [](const Action &action) {
			return std::holds_alternative<BeginAnew>(action);
		});
		if (anew)
			start();
	}
	void asked(const KeyResult &question)
	{
		m_asked.push_back(question);
		m_last_session = question.session;
	}
	void start()
	{
		Started started;
		started.nonce = own_nonce;
		started.seed = m_in.number<std::uint8_t>();
		started.hostname = Hostname::from("m1");
		for (std::size_t link = 0; link < m_config.link_count; ++link)
			started.macs.push_back({2, 0, 0, 0, 0, static_cast<std::uint8_t>(link)});
		step(started);
	}

	// Ticks that fall due on the way.
	void pass(Duration duration)
	{
		const Time end = m_now + duration;
		Time before = m_now;
		for (int still = 0; m_node.next_deadline() <= end;) {
			m_now = std::max(m_now, m_node.next_deadline());
			step(Tick{});
			still = m_now == before ? still + 1 : 0;
			require(still < 64, "time does not stand still: a tick clears the deadline it is for");
			before = m_now;
		}
		m_now = end;
	}

	void operation()
	{
		const auto code = m_in.number<std::uint8_t>();
		const std::int64_t time = m_in.number<std::uint8_t>(); // 68: 31 ms, 255: 1.7 s
		pass(microseconds{time * time * time / 10});
		m_sealed = (code & 16) != 0;
		m_ticketed = (code & 32) != 0;
		switch (code % 16) {
		case 0: step(Tick{}); break;
		case 1: hello(); break;
		case 2: ke1(); break;
		case 3: key_result(); break;
		case 4: (code & 16) != 0 ? keys(code) : confirmed(); break;
		case 5: ke2(); break;
		case 6: ke3(); break;
		case 7: beat(); break;
		case 8: link_changed(); break;
		case 9: rolled_back(code); break;
		case 10: step(MonitorChanged{m_in.number<std::uint8_t>(), (code & 16) != 0}); break;
		case 11: step(CarrierChanged{m_in.number<LinkIndex>(), (code & 16) != 0}); break;
		case 12: operator_or_health(code); break;
		case 13: absence(code); break;
		case 14: raw_frame(); break;
		case 15:
			if (code == 0xff) // a run that stops has little more to show
				step(Stopping{});
			else
				said_of_all();
			break;
		}
	}

	void operator_or_health(std::uint8_t code)
	{
		const bool on = (code & 16) != 0;
		const auto what = m_in.number<std::uint8_t>();
		switch (code / 32) {
		case 0: step(SetFailover{on, static_cast<std::uint8_t>(what % 4)}); break;
		case 1: step(PingMonitorChanged{what, on}); break;
		case 2: step(MemorySample{what}); break;
		case 3: step(SsdChanged{on}); break;
		case 4:
			step(WitnessChanged{static_cast<std::uint8_t>(what % 4), on, m_now + milliseconds{what * 20}});
			break;
		case 5: step(SetMaintenance{on}); break;
		case 6: step(SetPriority{what, static_cast<std::uint8_t>(what % 3)}); break;
		default: step(SetOverride{on, static_cast<std::uint8_t>(what % 3)}); break;
		}
	}

	// What has to do with planned changes of the role.
	void plans(std::uint8_t code)
	{
		if (code / 64 == 0) {
			step(ResetUptime{});
			return;
		}
		const auto what = m_in.number<std::uint8_t>();
		switch (code / 64) {
		case 1: step(SwitchRole{static_cast<std::uint8_t>(what % 3)}); break;
		case 2: step(SessionsTold{what / 2U, what % 2 != 0}); break;
		default: step(Readiness{what % 2 != 0}); break;
		}
	}

	// Frozen for a while, then back; or one half of it alone, as a hung control may bring about.
	void absence(std::uint8_t code)
	{
		const auto kind = code / 16 % 4;
		if (kind == 3) {
			plans(code);
			return;
		}
		const milliseconds frozen{m_in.number<std::uint8_t>()};
		if (kind != 1)
			step(Absent{});
		m_now += frozen;
		if (kind != 2)
			step(Returned{m_now - microseconds{10}, frozen});
	}

	[[nodiscard]] LinkIndex link()
	{
		return static_cast<LinkIndex>(m_in.number<std::uint8_t>() % m_config.link_count);
	}
	[[nodiscard]] HakeHeader header(HakeType type, std::uint8_t who, LinkIndex over)
	{
		HakeHeader header;
		header.type = type;
		header.group_id = m_config.group_id;
		header.link = over;
		header.sender = peer_id(who & 0x1f);
		header.nonce.fill(static_cast<std::uint8_t>(1 + (who >> 5))); // eight boots of each
		return header;
	}
	[[nodiscard]] ExchangeHead head(HakeType type)
	{
		const auto who = m_in.number<std::uint8_t>();
		ExchangeHead head;
		head.header = header(type, who, link());
		head.destination = own_id;
		head.destination_nonce = own_nonce;
		head.x[0] = m_in.number<std::uint8_t>();
		head.capabilities = m_config.capabilities;
		head.policy = (who & 0x80) != 0 && head.x[0] == 0xff ? 0 : m_config.policy;
		head.spi_base = 0x1000;
		head.link_bitmap = 3;
		head.suite = static_cast<std::uint8_t>(Suite::gcm);
		return head;
	}
	// In the clear, or out of the SA of the member that it names.
	void frame(LinkIndex over, const HakeBytes &message)
	{
		HakeReceived event{over, {2, 0, 0, 0, 1, over}, message};
		event.ticketed = m_ticketed;
		const auto header = decode_header(message.span());
		for (PeerSlot slot = 1; m_sealed && header && slot < max_members; ++slot)
			if (const Member &peer = m_node.members()[slot];
			    peer.id == header->sender && !peer.id.empty()) {
				event.slot = slot;
				event.session = peer.session;
			}
		step(event);
	}
	// New keys: asked for, due, or with another password.
	void keys(std::uint8_t code)
	{
		const auto what = m_in.number<std::uint8_t>();
		PasswordsChanged changed;
		changed.indexes.push_back(what % 3);
		if (what % 2 != 0)
			changed.indexes.push_back(static_cast<std::uint8_t>(what % 3 + 1));
		switch (code / 64) {
		case 0: step(Rekey{}); break;
		case 1: step(SessionWorn{m_last_session - what % 8}); break;
		case 2: step(changed); break;
		default: goodbye(what); break;
		}
	}
	void goodbye(std::uint8_t who)
	{
		const HakeHeader from = header(HakeType::bye, who, link());
		frame(from.link, encode(Bye{from, own_id, own_nonce}));
	}
	void rolled_back(std::uint8_t code)
	{
		const auto slot = m_in.number<PeerSlot>();
		const bool real = (code & 0xf0) == 0xf0 && slot % max_members != 0;
		const auto place = static_cast<PeerSlot>(real ? slot % max_members : slot);
		step(PeerRolledBack{place, real ? m_node.members()[place].generation : SessionId{slot}});
	}

	void hello()
	{
		const auto who = m_in.number<std::uint8_t>();
		Hello hello;
		hello.header = header(HakeType::hello, who, link());
		hello.group_name = m_config.group_name;
		hello.capabilities = m_config.capabilities;
		hello.policy = m_config.policy;
		frame(hello.header.link, encode(hello));
	}
	void ke1()
	{
		const Ke1 message{head(HakeType::ke1), {}, {}};
		frame(message.head.header.link, encode(message));
	}
	void ke2() // the answer to what we have begun last
	{
		Ke2 message{head(HakeType::ke2), {}, {}, {}};
		if (m_begun.session != 0) {
			message.head.header.sender = m_begun.peer;
			message.head.header.nonce = m_begun.peer_nonce;
		}
		frame(message.head.header.link, encode(message));
	}
	void ke3()
	{
		const ExchangeHead from = head(HakeType::ke3);
		frame(from.header.link, encode(Ke3{from.header, own_id, own_nonce, from.x, {}}));
	}
	void raw_frame()
	{
		HakeBytes bytes;
		const LinkIndex over = m_in.number<LinkIndex>();
		bytes.length = static_cast<std::uint8_t>(m_in.number<std::uint8_t>() % (hake_max_bytes + 1));
		const auto from = m_in.take(std::min<std::size_t>(bytes.length, m_in.left()));
		std::copy(from.begin(), from.end(), bytes.bytes.begin());
		frame(over, bytes);
	}
	// The key agent's answer to the oldest question, or to one nobody asked.
	void key_result()
	{
		const auto how = m_in.number<std::uint8_t>();
		KeyResult result{m_last_session, static_cast<KeyStep>(how >> 2 & 1), KeyOutcome::ok};
		if (!m_asked.empty()) {
			result = m_asked.front();
			m_asked.pop_front();
		}
		if ((how & 0xf0) == 0xf0) // now and then not well
			result.outcome = static_cast<KeyOutcome>(how & 3);
		step(result);
	}
	void confirmed()
	{
		const auto back = m_in.number<std::uint8_t>();
		step(SessionConfirmed{m_last_session - back % 8});
	}

	void beat()
	{
		const auto where = m_in.number<std::uint8_t>();
		say(static_cast<PeerSlot>(where % (max_members + 1)), where >= 0xf0);
	}
	// Every peer there is says the same: the quick way to a formed cluster.
	void said_of_all()
	{
		const WireReader words = m_in;
		for (PeerSlot slot = 1; slot < max_members; ++slot) {
			m_in = words;
			const Member peer = m_node.members()[slot];
			if (!peer.id.empty()) {
				PeerLinkChanged up;
				up.slot = slot;
				up.generation = peer.generation;
				up.health = LinkHealth::up;
				up.life = true;
				up.last_rx = m_now;
				step(up);
			}
			say(slot, false);
		}
	}
	void say(PeerSlot slot, bool of_another_session)
	{
		const Member *peer = slot < max_members ? &m_node.members()[slot] : nullptr;
		BeatReceived beat;
		beat.slot = slot;
		beat.link = link();
		beat.session = peer != nullptr ? peer->session + (of_another_session ? 1 : 0) : 0;
		VclusterBeat words;
		const auto flags = m_in.number<std::uint8_t>();
		beat.heard = (flags & 0xe0) != 0xe0 ? LinkHealth::up : static_cast<LinkHealth>(flags % 3);
		beat.since_return = (flags & 0x90) != 0x90;
		words.state = static_cast<HaState>(1 + (flags & 3) % 3);
		words.override_enabled = (flags & 4) != 0;
		words.failover_flag = (flags & 8) != 0;
		words.priority = m_in.number<std::uint8_t>();
		const auto epoch = m_in.number<std::uint8_t>();
		words.epoch = epoch >= 0xfd ? last_epoch - (0xffU - epoch) : epoch;
		const auto age = m_in.number<std::int16_t>(); // seconds; the ends stand for clocks that are mad
		beat.sent_ns = age == INT16_MIN   ? INT64_MIN
			       : age == INT16_MAX ? INT64_MAX
						  : m_now.time_since_epoch().count();
		words.age_origin_ns = (flags & 16) != 0 ? INT64_MIN + (age & 0x7fff)
							: beat.sent_ns / 2 - age * std::int64_t{1000000000};
		const auto failures = m_in.number<std::uint8_t>();
		words.link_failure = failures == 0xff ? 0xffff : static_cast<std::uint16_t>(failures % 4 * 50);
		words.pingserver_failure = failures == 0xff ? 0xffff : static_cast<std::uint16_t>(failures / 64);
		words.reset_count = failures / 4;
		const auto choice = m_in.number<std::uint8_t>();
		if (choice != 0)
			words.choice = member_hash(choice == 1 ? own_id : peer_id(choice));
		words.unready = (choice & 32) != 0;
		words.offering = (choice & 0xc0) == 0xc0;
		words.barred = (choice & 0xc0) == 0x80;
		beat.content.capabilities = (choice & 16) != 0 ? cap_takes_offers : 0;
		beat.content.vclusters.push_back(words);
		if ((flags & 32) != 0)
			beat.content.macs.push_back({2, 0, 0, 0, 2, flags});
		if ((flags & 64) != 0)
			beat.content.vclusters.clear();
		beat.arrived_at = m_now;
		step(beat);
	}
	void link_changed()
	{
		const auto where = m_in.number<std::uint8_t>();
		const auto how = m_in.number<std::uint8_t>();
		const auto slot = static_cast<PeerSlot>(where % (max_members + 1));
		PeerLinkChanged change;
		change.slot = slot;
		change.generation = slot < max_members ? m_node.members()[slot].generation + (how >= 0xf0 ? 1 : 0) : 0;
		change.link = static_cast<LinkIndex>(where >= 0xf0 ? how : how % m_config.link_count);
		change.health = static_cast<LinkHealth>(how / 8 % 3);
		change.life = change.health == LinkHealth::up || (how & 0x40) != 0;
		change.last_rx = m_now - milliseconds{how};
		change.judged_at = (how & 4) != 0 ? m_now : Time{};
		step(change);
	}

	WireReader m_in;
	Config m_config;
	Node m_node;
	Time m_now{seconds{1000}};
	std::unique_ptr<Actions> m_actions = std::make_unique<Actions>();
	Invariants m_invariants;
	std::deque<KeyResult> m_asked;
	bool m_sealed = false;
	bool m_ticketed = false;
	SessionId m_last_session = 0;
	BeginExchange m_begun;
};

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	Run(WireReader(bytes_of(data, size))).all();
	return 0;
}
