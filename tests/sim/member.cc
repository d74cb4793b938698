// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/member.h"

#include "tests/sim/world.h"

#include <algorithm>
#include <cassert>

namespace systole::sim {

namespace {
constexpr std::size_t nic_queue = 512;
constexpr int ticks_that_spin = 50;
constexpr Duration farewell = std::chrono::milliseconds{100}; // between Stopping and the end of the process
} // namespace

Member::Process::Process(World &world, std::size_t index, const core::Config &config, const core::BootNonce &nonce,
			 std::uint64_t password, Random random)
    : node(config), keys(config, nonce, password, random), worker(world, index, ring)
{
}

Member::Member(World &world, std::size_t index, Random random) : m_world(world), m_index(index), m_random(random)
{
	m_monitor_up.fill(true);
}

const MemberClock &Member::clock() const
{
	return m_world.plan.members[m_index].clock;
}

core::MacAddress Member::mac(core::LinkIndex link) const
{
	return {0x02, 0, m_mac_version, 0, static_cast<std::uint8_t>(m_index + 1), link};
}

void Member::boot()
{
	assert(!running());
	++m_boot;
	m_booted_at = m_world.now();
	if (m_boot > 1 && m_random.permille(100))
		++m_mac_version; // came back with other NICs
	m_random.fill(m_nonce);
	m_world.truth.forget(m_index);
	const MemberPlan &plan = m_world.plan.members[m_index];
	m_process = std::make_unique<Process>(m_world, m_index, plan.config, m_nonce, plan.password, m_random.fork());
	if (m_world.broken == Break::accept_any_tag)
		m_process->keys.accept_any_tag();
	m_world.trace.line(m_world.now(), member_name(m_index), "boots (%u)", (m_boot + 1) / 2);

	core::Started started;
	started.nonce = m_nonce;
	started.seed = m_random.next();
	started.hostname = core::Hostname::from(member_name(m_index));
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link) {
		m_world.network.attach(m_index, link, mac(link));
		started.macs.push_back(mac(link));
	}
	const core::Time at = clock().local(m_world.now());
	for (std::uint8_t i = 0; i < plan.config.monitor_count; ++i)
		step({at, core::MonitorChanged{i, m_monitor_up[i]}});
	step({at, started});
	m_world.queue.put(m_world.now() + m_random.between(Duration{}, m_world.plan.interval()), Wake::beat, m_index,
			  m_boot);
}

void Member::crash()
{
	assert(running());
	m_world.trace.line(m_world.now(), member_name(m_index), "is dead");
	m_world.network.detach(m_index);
	m_world.truth.forget(m_index);
	for (const std::uint32_t number : m_waiting)
		m_world.network.release(number);
	m_waiting.clear();
	m_process.reset();
	m_answers.clear();
	m_takeover = Takeover{false, m_world.now()};
	m_paused = false;
	m_stopping = false;
	m_control_planned = false;
	m_tick_at = sim_never;
	++m_boot; // what was planned for this boot finds nobody
}

void Member::pause(Duration length)
{
	m_paused = true;
	m_paused_at = m_world.now();
	m_world.queue.put(m_world.now() + length, Wake::resume, m_index, m_boot);
}

void Member::resume()
{
	const Duration gap = m_world.now() - m_paused_at;
	m_paused = false;
	m_resumed_at = m_world.now();
	m_world.truth.granted(m_index, gap);
	if (gap > m_world.plan.interval())
		m_process->worker.was_away(gap);
	for (const std::uint32_t number : m_waiting)
		deliver(number);
	m_waiting.clear();
	m_process->worker.beat();
	m_process->worker.judge_all();
	m_world.queue.put(m_world.now() + m_world.plan.interval(), Wake::beat, m_index, m_boot);
	m_control_planned = false;
	ring_bell();
	m_tick_at = sim_never;
	plan_tick();
}

void Member::wake(const Entry &entry)
{
	if (!running() || entry.number != m_boot)
		return;
	if (entry.wake == Wake::resume) {
		resume();
		return;
	}
	if (entry.wake == Wake::exit) {
		crash();
		return;
	}
	if (m_paused)
		return; // resume() starts everything again
	switch (entry.wake) {
	case Wake::beat:
		m_process->worker.beat();
		m_world.queue.put(m_world.now() + m_world.plan.interval(), Wake::beat, m_index, m_boot);
		break;
	case Wake::judge:
		m_process->worker.judge_planned(entry.at, entry.slot, entry.link);
		ring_bell();
		break;
	case Wake::control: control(); break;
	case Wake::tick:
		if (entry.at != m_tick_at)
			break;
		m_tick_at = sim_never;
		step({clock().local(m_world.now()), core::Tick{}});
		break;
	default: assert(false);
	}
}

void Member::deliver(std::uint32_t packet_number)
{
	if (!running()) {
		m_world.network.release(packet_number);
		return;
	}
	if (m_paused) {
		if (m_waiting.size() < nic_queue)
			m_waiting.push_back(packet_number);
		else
			m_world.network.release(packet_number);
		return;
	}
	const Packet &packet = m_world.network.at(packet_number);
	if (packet.head.kind == PacketHead::Kind::esp) {
		m_process->worker.take(packet);
	} else {
		core::HakeReceived event;
		event.link = packet.head.link;
		event.source = packet.head.source;
		event.message.length = static_cast<std::uint8_t>(packet.head.length);
		std::copy_n(packet.bytes.begin(), packet.head.length, event.message.bytes.begin());
		m_process->ring.push_back({clock().local(m_world.now()), event});
	}
	m_world.network.release(packet_number);
	ring_bell();
}

void Member::command(const core::EventBody &body)
{
	if (!running() || m_paused)
		return;
	if (std::holds_alternative<core::Stopping>(body)) {
		m_stopping = true;
		m_world.queue.put(m_world.now() + farewell, Wake::exit, m_index, m_boot);
	}
	step({clock().local(m_world.now()), body});
}

void Member::set_monitor(std::size_t monitor, bool up)
{
	m_monitor_up[monitor] = up;
	command(core::MonitorChanged{static_cast<std::uint8_t>(monitor), up});
}

void Member::ring_bell()
{
	if (m_process->ring.empty() || m_control_planned)
		return;
	m_control_planned = true;
	m_world.queue.put(m_world.now() + m_world.plan.control_delay, Wake::control, m_index, m_boot);
}

void Member::control()
{
	m_control_planned = false;
	std::vector<core::Event> &ring = m_process->ring;
	for (std::size_t i = 0; i < ring.size(); ++i) {
		const core::Event event = ring[i];
		step(event);
	}
	ring.clear();
}

// ---------------------------------------------------------------- the core and what it wants

void Member::step(const core::Event &event)
{
	run(event);
	for (std::size_t i = 0; i < m_answers.size(); ++i) {
		const core::KeyResult answer = m_answers[i];
		run({event.now, answer});
	}
	m_answers.clear();
	plan_tick();
	m_ticks_in_a_row =
		std::holds_alternative<core::Tick>(event.body) && m_world.now() == m_tick_at ? m_ticks_in_a_row + 1 : 0;
	if (m_ticks_in_a_row > ticks_that_spin)
		m_world.fail("ticks-make-progress",
			     member_name(m_index) + " wants one Tick after another and time stands still");
}

void Member::run(const core::Event &original)
{
	core::Event event = original;
	const MemberView view{m_takeover.owns, m_boot > 1, event.now};
	if (!spoil(m_world.broken, view, event))
		return;
	const core::VclusterState before = m_process->node.vcluster();
	core::Actions &actions = m_world.actions;
	actions.clear();
	m_process->node.step(event, actions);
	spoil(m_world.broken, view, actions);
	if (!m_world.checkers.may_carry_out(m_index, actions))
		return;
	for (const core::Action &action : actions)
		std::visit([&](const auto &what) { carry_out(what); }, action);
	m_world.checkers.after_step({m_index, event, actions, before});
}

void Member::plan_tick()
{
	SimTime at = std::max(clock().when(m_process->node.next_deadline()), m_world.now());
	if (at == sim_never)
		return;
	if (m_world.broken == Break::restless_timer)
		at = m_world.now();
	if (at == m_tick_at)
		return;
	m_tick_at = at;
	m_world.queue.put(at, Wake::tick, m_index, m_boot);
}

void Member::send(const OutgoingHake &message)
{
	Packet packet;
	packet.head.link = message.link;
	packet.head.sender = static_cast<std::uint8_t>(m_index);
	packet.head.sender_boot = m_boot;
	packet.head.length = message.message.length;
	packet.head.source = mac(message.link);
	packet.head.destination = message.destination;
	std::copy_n(message.message.bytes.begin(), message.message.length, packet.bytes.begin());
	m_world.network.transmit(packet);
}

void Member::send(const std::optional<OutgoingHake> &message)
{
	if (message)
		send(*message);
}

void Member::carry_out(const core::SendHello &)
{
	const core::Config &config = m_process->node.config();
	for (core::LinkIndex link = 0; link < config.link_count; ++link) {
		core::Hello hello;
		hello.header = {core::HakeType::hello, config.group_id, link, config.self, m_nonce};
		hello.group_name = config.group_name;
		hello.capabilities = config.capabilities;
		hello.policy = config.policy;
		send(OutgoingHake{link, core::broadcast_mac, encode(hello)});
	}
}

void Member::carry_out(const core::BeginExchange &action)
{
	send(m_process->keys.begin(action));
}

void Member::carry_out(const core::ResendKe1 &action)
{
	send(m_process->keys.resend_ke1(action.session));
}

void Member::carry_out(const core::EvaluateKe1 &action)
{
	m_answers.push_back(m_process->keys.evaluate(action));
}

void Member::carry_out(const core::SendKe2 &action)
{
	send(m_process->keys.ke2(action.session));
}

void Member::carry_out(const core::EvaluateKe2 &action)
{
	m_answers.push_back(m_process->keys.evaluate(action));
}

void Member::carry_out(const core::SendKe3 &action)
{
	send(m_process->keys.ke3(action.session));
}

void Member::carry_out(const core::CheckKe3 &action)
{
	m_answers.push_back(m_process->keys.check(action));
}

void Member::carry_out(const core::InstallInboundKeys &action)
{
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link)
		if ((action.link_bitmap >> link & 1) != 0)
			if (const auto keys = m_process->keys.inbound(action.session, link))
				m_process->worker.install_inbound(action.session, action.slot, link, *keys);
}

void Member::carry_out(const core::BindCandidate &action)
{
	m_process->worker.bind(action.session, action.slot);
	if (const auto peer = m_world.index_of(m_process->node.members()[action.slot].id))
		m_world.trace.line(m_world.now(), member_name(m_index), "session %u with %s", action.session,
				   member_name(*peer).c_str());
}

void Member::carry_out(const core::InstallOutboundKeys &action)
{
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link)
		if ((action.link_bitmap >> link & 1) != 0)
			if (const auto keys = m_process->keys.outbound(action.session, link))
				m_process->worker.install_outbound(action.session, action.slot, link, *keys);
}

void Member::carry_out(const core::DropSession &action)
{
	if (m_world.broken == Break::keep_sessions)
		return;
	m_process->keys.drop(action.session);
	m_process->worker.remove_session(action.session);
}

void Member::carry_out(const core::StartPeerBeats &action)
{
	const auto peer = m_world.index_of(m_process->node.members()[action.slot].id);
	if (peer) // known-slots fails otherwise
		m_process->worker.start_peer(action, *peer);
}

void Member::carry_out(const core::StopPeerBeats &action)
{
	m_process->worker.stop_peer(action.slot);
}

void Member::carry_out(const core::SetPeerMac &action)
{
	m_process->worker.set_mac(action);
}

void Member::carry_out(const core::SetBeatContent &action)
{
	m_process->worker.set_beat(action);
}

void Member::carry_out(const core::BecomePrimary &)
{
	m_takeover = {true, m_world.now()};
}

void Member::carry_out(const core::BecomeSecondary &)
{
	m_takeover = {false, m_world.now()};
}

} // namespace systole::sim
