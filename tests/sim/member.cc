// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/member.h"

#include "tests/sim/world.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t nic_queue = 512;
constexpr int ticks_that_spin = 50;
constexpr Duration farewell = milliseconds{100}; // between the goodbye and the end of the process
constexpr Duration longest_stop = milliseconds{2500};
// As control/daemon.cc and control/takeover have them.
constexpr int pulses_per_watchdog = 5;
constexpr Duration longest_pulse = milliseconds{100};
constexpr Duration shortest_reminder_gap = milliseconds{1};
constexpr Duration reminders_end = seconds{2};
// As control/keeper/main.cc has it.
constexpr Duration between_signs = milliseconds{4};
constexpr Duration look_for_predecessor = milliseconds{5};
constexpr std::size_t stalls_kept = 16;

} // namespace

Member::Process::Process(World &world, std::size_t index, const core::Config &config, const core::BootNonce &nonce,
			 std::uint64_t password, Random random, ResumeSecrets &resume)
    : node(config), keys(config, nonce, password, random, resume), worker(world, index, ring, watchdog)
{
}

Member::Member(World &world, std::size_t index, Random random)
    : m_world(world), m_index(index), m_clock(world.plan.members[index].clock), m_random(random),
      m_fill_random(world.plan.seed * 31 + index + 1),
      m_keeper(world.plan.dead() + between_signs, control::VitalSigns::look_interval(world.plan.dead()))
{
	m_monitor_up.fill(true);
	m_monitor_changed_at.fill(long_ago);
	m_path_good.fill(true);
	m_takeovers.resize(world.plan.vcluster_count());
	m_lease_until.assign(world.plan.vcluster_count(), long_ago);
}

core::Time Member::local_now() const
{
	return m_clock.local(m_world.now());
}

core::MacAddress Member::mac(core::LinkIndex link) const
{
	return {0x02, 0, m_mac_version, 0, static_cast<std::uint8_t>(m_index + 1), link};
}

// ---------------------------------------------------------------- life and death

void Member::boot()
{
	assert(!running());
	m_powered = true;
	m_world.carriers_changed();
	if (m_keeper_runs && holds_addresses()) { // its predecessor's keeper comes first
		m_world.queue.put(m_world.now() + look_for_predecessor, Wake::boot, m_index);
		return;
	}
	++m_boot;
	m_booted_at = m_world.now();
	m_present_since = m_world.now();
	if (m_boot > 1 && m_random.permille(100))
		++m_mac_version; // came back with other NICs
	m_random.fill(m_nonce);
	m_world.truth.forget(m_index);
	release_addresses(); // leftovers
	m_keeper_runs = true;
	m_halts = {};
	const Duration dead = m_world.plan.dead();
	const Duration patience = m_world.broken == Break::hasty_keeper ? dead / 2 : dead + between_signs;
	m_keeper = control::KeeperWatch(patience, control::VitalSigns::look_interval(dead));
	m_keeper_planned = core::Time{};
	plan_keeper(m_world.now() + m_random.between(Duration{}, control::VitalSigns::look_interval(dead)));
	const MemberPlan &plan = m_world.plan.members[m_index];
	core::Config config = plan.config;
	spoil(m_world.broken, m_index, config);
	m_process =
		std::make_unique<Process>(m_world, m_index, config, m_nonce, plan.password, m_random.fork(), m_resume);
	m_orders = Orders{};
	for (const core::VclusterConfig &vcluster : plan.config.vclusters) {
		m_orders.priority.push_back(vcluster.priority);
		m_orders.override_enabled.push_back(vcluster.override_enabled);
	}
	if (m_world.broken == Break::accept_any_tag)
		m_process->keys.accept_any_tag();
	m_world.trace.line(m_world.now(), member_name(m_index), "boots (%u)", (m_boot + 1) / 2);

	core::Started started;
	started.nonce = m_nonce;
	for (const auto &[peer, secrets] : m_resume)
		if (!started.acquainted.full())
			started.acquainted.push_back(peer);
	started.seed = m_random.next();
	started.hostname = core::Hostname::from(member_name(m_index));
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link) {
		m_world.network.attach(m_index, link, mac(link));
		started.macs.push_back(mac(link));
	}
	for (std::uint8_t i = 0; i < plan.config.monitor_count; ++i)
		feed(core::MonitorChanged{i, m_monitor_up[i]});
	m_carrier_told.fill(true);
	tell_carrier();
	begin_to_fill();
	feed(started);
	plan_beat();
	plan_pulse();
	if (plan.config.isolation == core::Isolation::witness)
		m_world.queue.put(m_world.now() + m_random.between(Duration{}, scenario::IdealWitness::round),
				  Wake::witness, m_index, m_boot);
	if (plan.config.memory.enabled)
		m_world.queue.put(m_world.now() + m_random.between(Duration{}, plan.config.memory.sample_interval),
				  Wake::memory, m_index, m_boot);
}

// Its process is no more; the machine and what the kernel holds stay.
void Member::end_process()
{
	assert(running());
	note_vital();
	m_world.network.detach(m_index);
	m_world.truth.forget(m_index);
	for (const std::uint32_t number : m_waiting)
		m_world.network.release(number);
	m_waiting.clear();
	m_process.reset();
	m_answers.clear();
	m_absence.reset();
	m_stopping = false;
	m_exit_waits = false;
	m_control_planned = false;
	m_tick_at = sim_never;
	m_announce_at = sim_never;
	for (Takeover &takeover : m_takeovers)
		takeover.set_role(m_world.now(), Takeover::Role::standby);
	m_world.witness.forget(m_index);
	m_witness_told.reset();
	++m_boot; // what was planned for this boot finds nobody
}

void Member::crash()
{
	m_world.trace.line(m_world.now(), member_name(m_index), "has no power");
	end_process();
	release_addresses();
	m_keeper_runs = false;
	m_powered = false;
	m_halts = {};
	m_world.carriers_changed();
}

void Member::kill()
{
	m_world.trace.line(m_world.now(), member_name(m_index), "is killed");
	end_process();
	at(Thread::worker) = {};
	at(Thread::control) = {};
	keeper_look(); // it sees the end of its daemon
}

// ---------------------------------------------------------------- threads

void Member::halt(Thread thread, SimTime until)
{
	Halt &halt = at(thread);
	if (!halt.stopped) {
		if (thread == Thread::worker && running()) {
			note_vital();
			m_process->worker.halt();
		}
		halt.stopped = true;
		halt.since = m_world.now();
		if (thread == Thread::control && running()) // the worker will see
			m_world.queue.put(m_world.now() + m_world.plan.watchdog() + m_world.plan.poll_delay +
						  microseconds{1},
					  Wake::watch, m_index, m_boot);
	}
	halt.until = std::max(halt.until, until);
	m_world.queue.put(until, Wake::thaw, m_index, 0, static_cast<std::uint8_t>(thread));
}

void Member::end_halts()
{
	for (const Thread thread : {Thread::worker, Thread::control, Thread::keeper})
		if (Halt &halt = at(thread); halt.stopped) {
			halt.until = m_world.now();
			m_world.queue.put(m_world.now(), Wake::thaw, m_index, 0, static_cast<std::uint8_t>(thread));
		}
}

void Member::thaw(Thread thread)
{
	Halt &halt = at(thread);
	if (!halt.stopped || m_world.now() < halt.until)
		return;
	halt.stopped = false;
	const Duration gap = m_world.now() - halt.since;
	if (thread == Thread::keeper) {
		m_keeper_stalls.push_back({halt.since, m_world.now()});
		if (m_keeper_stalls.size() > stalls_kept)
			m_keeper_stalls.erase(m_keeper_stalls.begin());
		keeper_look();
		return;
	}
	if (!running())
		return;
	m_present_since = m_world.now();
	// It is known from now on, also if control wakes before the worker.
	const Duration away = m_world.now() - std::min(at(Thread::worker).since, halt.since);
	const bool both = at(Thread::worker).since == at(Thread::control).since;
	const bool first = at(Thread::worker).stopped || at(Thread::control).stopped;
	if (thread == Thread::control && !both && m_process->worker.silence() != 0 &&
	    (m_process->worker.knows_hang() || m_worker_back_at >= halt.since))
		was_absent();
	else if (both && first && away > m_world.plan.dead() + m_world.plan.tolerance())
		was_absent();
	if (thread == Thread::worker)
		thaw_worker(gap);
	else
		thaw_control();
}

void Member::was_absent()
{
	m_absence = Absence{};
	for (const core::Member &peer : m_process->node.members())
		if (const auto other = peer.alive ? m_world.index_of(peer.id) : std::nullopt)
			m_absence->awaited.set(*other);
	if (turned_lately()) { // it was control that hung
		m_absence->listening = true;
		const bool came_back_before = m_worker_back_at >= at(Thread::control).since;
		m_absence->listening_since = came_back_before ? m_worker_back_at : m_world.now();
	}
	m_absence->back_at = m_world.now();
}

void Member::thaw_worker(Duration gap)
{
	if (gap > m_world.plan.interval())
		m_world.truth.granted(m_world.now(), m_index, gap, keeper_stalled(m_world.now() - gap) > Duration{});
	if (m_absence && !m_absence->listening) {
		m_absence->listening = true;
		m_absence->listening_since = m_world.now();
	}
	if (gap > m_world.plan.dead())
		m_worker_back_at = m_world.now();
	m_process->worker.thaw(gap);
	std::vector<std::uint32_t> waiting;
	waiting.swap(m_waiting);
	for (const std::uint32_t number : waiting)
		deliver(number);
	beat();
	m_process->worker.judge_all();
	ring_bell();
	if (at(Thread::control).stopped)
		m_world.queue.put(m_world.now() + milliseconds{1}, Wake::watch, m_index, m_boot);
}

// Timers, ring and netlink are all ready: whichever its loop finds first.
void Member::thaw_control()
{
	const auto soon = [&] { return m_world.now() + m_random.between(Duration{}, Duration{microseconds{200}}); };
	m_control_planned = true;
	m_world.queue.put(soon(), Wake::control, m_index, m_boot);
	m_world.queue.put(soon(), Wake::pulse, m_index, m_boot);
	if (m_process->node.next_deadline() != core::never) {
		m_tick_at = std::max(m_clock.when(m_process->node.next_deadline()), soon());
		m_world.queue.put(m_tick_at, Wake::tick, m_index, m_boot);
	}
	if (m_announce_at != sim_never) {
		m_announce_at = soon();
		m_world.queue.put(m_announce_at, Wake::announce, m_index, m_boot);
	}
	m_world.queue.put(soon(), Wake::carrier, m_index, m_boot);
	if (std::exchange(m_exit_waits, false))
		m_world.queue.put(soon(), Wake::exit, m_index, m_boot);
	// The worker sees control's counter move.
	m_world.queue.put(m_world.now() + m_world.plan.poll_delay + microseconds{300}, Wake::watch, m_index, m_boot);
}

bool Member::frozen_with_all(Thread thread) const
{
	return at(thread).since == m_world.host_frozen_at();
}

bool Member::can_be_heard() const
{
	return running() && !at(Thread::worker).stopped && m_process->worker.silence() == 0;
}

bool Member::present() const
{
	return can_be_heard() && !at(Thread::control).stopped && m_process->node.presence() == core::Presence::present;
}

void Member::note_vital()
{
	if (!can_be_heard())
		return;
	m_signs.worker_ns.store(local_now().time_since_epoch().count());
	m_heard_until = m_world.now();
}

core::Time Member::vital() const
{
	return can_be_heard() ? local_now() : core::Time{Duration{m_signs.worker_ns.load()}};
}

SimTime Member::heard_until() const
{
	return can_be_heard() ? m_world.now() : m_heard_until;
}

void Member::heard(std::size_t other, SimTime sent_at)
{
	m_heard[other] = std::max(m_heard[other], sent_at);
}

void Member::wake(const Entry &entry)
{
	if (entry.wake == Wake::thaw) {
		thaw(static_cast<Thread>(entry.slot));
		return;
	}
	if (entry.wake == Wake::keeper) {
		if (entry.at == m_keeper_at) {
			m_keeper_at = sim_never;
			keeper_look();
		}
		return;
	}
	if (!running() || entry.number != m_boot)
		return;
	const bool of_worker = entry.wake == Wake::beat || entry.wake == Wake::judge || entry.wake == Wake::watch;
	if (at(of_worker ? Thread::worker : Thread::control).stopped) {
		if (entry.wake == Wake::beat)
			plan_beat();
		else if (entry.wake == Wake::exit)
			m_exit_waits = true;
		else if (entry.wake == Wake::probe || entry.wake == Wake::witness || entry.wake == Wake::memory ||
			 entry.wake == Wake::readiness)
			m_world.queue.put(m_world.now() + milliseconds{20}, entry.wake, m_index, m_boot, entry.slot);
		return; // thaw() starts everything else again
	}
	switch (entry.wake) {
	case Wake::probe: probed(entry.slot); break;
	case Wake::witness: ask_witness(entry.slot != 0); break;
	case Wake::memory: sample_memory(); break;
	case Wake::readiness: change_readiness(); break;
	case Wake::beat:
		beat();
		plan_beat();
		break;
	case Wake::judge:
		m_process->worker.judge_planned(entry.at, entry.slot, entry.link);
		ring_bell();
		break;
	case Wake::watch:
		m_process->worker.watch_control();
		ring_bell();
		if (at(Thread::control).stopped && !m_process->worker.knows_hang())
			m_world.queue.put(m_world.now() + milliseconds{1}, Wake::watch, m_index, m_boot);
		break;
	case Wake::control: control(); break;
	case Wake::tick:
		if (entry.at != m_tick_at)
			break;
		m_tick_at = sim_never;
		feed(core::Tick{});
		break;
	case Wake::pulse:
		++m_process->watchdog;
		if (m_process->worker.turns())
			m_process->worker.see_control();
		check_presence();
		plan_pulse();
		break;
	case Wake::announce:
		if (entry.at == m_announce_at)
			announce();
		break;
	case Wake::carrier: tell_carrier(); break;
	case Wake::exit:
		end_process();
		release_addresses();
		m_keeper_runs = false;
		m_world.trace.line(m_world.now(), member_name(m_index), "has ended");
		break;
	default: assert(false);
	}
}

void Member::beat()
{
	m_process->worker.beat();
}

void Member::plan_beat()
{
	// While it is halted its grid stands still: it looks again an interval later.
	const SimTime due = m_clock.when(m_process->worker.next_beat());
	m_world.queue.put(due > m_world.now() ? due : m_world.now() + m_world.plan.interval(), Wake::beat, m_index,
			  m_boot);
}

void Member::plan_pulse()
{
	m_world.queue.put(m_world.now() + std::min(m_world.plan.watchdog() / pulses_per_watchdog, longest_pulse),
			  Wake::pulse, m_index, m_boot);
}

// ---------------------------------------------------------------- what comes in

void Member::deliver(std::uint32_t packet_number)
{
	const Packet &packet = m_world.network.at(packet_number);
	if (!running() || !m_world.carrier(m_index, packet.head.link)) {
		m_world.network.release(packet_number);
		return;
	}
	if (at(Thread::worker).stopped) {
		if (m_waiting.size() < nic_queue)
			m_waiting.push_back(packet_number);
		else
			m_world.network.release(packet_number);
		return;
	}
	if (packet.head.kind != PacketHead::Kind::hake) {
		m_process->worker.take(packet);
	} else if (m_process->ring.size() < ring_entries) {
		core::HakeReceived event;
		event.link = packet.head.link;
		event.source = packet.head.source;
		event.message.length = static_cast<std::uint8_t>(packet.head.length);
		std::copy_n(packet.bytes.begin(), packet.head.length, event.message.bytes.begin());
		event.ticketed = m_process->keys.ticketed(event.message);
		m_process->ring.push_back({event});
	}
	m_world.network.release(packet_number);
	ring_bell();
}

void Member::command(const core::EventBody &body)
{
	if (!running())
		return;
	if (std::holds_alternative<core::Stopping>(body)) {
		m_stopping = true;
		m_farewell = false;
		m_world.queue.put(m_world.now() + longest_stop, Wake::exit, m_index, m_boot);
	}
	if (at(Thread::control).stopped)
		m_process->ring.push_back({body}); // it waits at the socket
	else
		feed(body);
}

void Member::set_monitor(std::size_t monitor, bool up)
{
	m_monitor_up[monitor] = up;
	m_monitor_changed_at[monitor] = m_world.now();
	command(core::MonitorChanged{static_cast<std::uint8_t>(monitor), up});
}

SimTime Member::monitor_changed_at(std::size_t vcluster) const
{
	SimTime last = long_ago;
	for (std::size_t monitor = 0; monitor < m_world.plan.common().monitor_count; ++monitor)
		if ((m_world.plan.vcluster(vcluster).monitors >> monitor & 1U) != 0)
			last = std::max(last, m_monitor_changed_at[monitor]);
	return last;
}

void Member::carrier_changed()
{
	if (running())
		m_world.queue.put(m_world.now() + m_world.plan.control_delay, Wake::carrier, m_index, m_boot);
}

void Member::tell_carrier()
{
	if (m_world.broken == Break::ignore_carrier)
		return;
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link)
		if (const bool up = m_world.carrier(m_index, link); up != m_carrier_told[link]) {
			m_carrier_told[link] = up;
			feed(core::CarrierChanged{link, up});
		}
}

void Member::ring_bell()
{
	if (m_control_planned || m_process->ring.empty() || at(Thread::control).stopped)
		return;
	m_control_planned = true;
	m_world.queue.put(m_world.now() + m_random.between(Duration{}, m_world.plan.control_delay), Wake::control,
			  m_index, m_boot);
}

void Member::control()
{
	m_control_planned = false;
	if (std::exchange(m_process->addresses_gone, false)) { // netlink tells of the keeper's deed
		check_presence();
		for (std::size_t v = 0; v < vclusters(); ++v)
			if (m_takeovers[v].role == Takeover::Role::primary)
				claim(v);
	}
	std::vector<RingEntry> &ring = m_process->ring;
	for (std::size_t i = 0; i < ring.size(); ++i) {
		const RingEntry entry = ring[i];
		if (entry.silence != 0) {
			const control::Attendance::Worker worker{turned_lately(), m_process->worker.silence()};
			tell(m_process->attendance.returned(entry.silence, worker), entry.body);
		} else {
			feed(entry.body);
		}
	}
	ring.clear();
}

// ---------------------------------------------------------------- the core and what it wants

bool Member::turned_lately() const
{
	return !at(Thread::worker).stopped || m_world.now() - at(Thread::worker).since <= m_world.plan.dead();
}

// As in control/daemon.cc.
void Member::check_presence()
{
	const control::Attendance::Worker worker{turned_lately(), m_process->worker.silence()};
	tell(m_process->attendance.look(m_process->node.presence(), worker), core::Returned{local_now(), {}});
}

void Member::tell(control::Attendance::Word word, const core::EventBody &returned)
{
	switch (word) {
	case control::Attendance::Word::nothing: break;
	case control::Attendance::Word::absent: step(core::Absent{}); break;
	case control::Attendance::Word::returned: step(returned); break;
	}
}

void Member::feed(const core::EventBody &body)
{
	check_presence();
	step(body);
}

void Member::step(const core::EventBody &body)
{
	++m_process->watchdog;
	if (m_process->worker.turns())
		m_process->worker.see_control();
	run(body);
	for (std::size_t i = 0; i < m_answers.size(); ++i) {
		const core::KeyResult answer = m_answers[i];
		run(answer);
	}
	m_answers.clear();
	if (m_absence) // whom it has lost it does not wait for
		for (const core::Member &peer : m_process->node.members())
			if (const auto other = peer.id.empty() || peer.alive ? std::nullopt : m_world.index_of(peer.id))
				m_absence->awaited.reset(*other);
	if (m_process->worker.silence() != 0 || m_process->node.presence() != core::Presence::present)
		m_present_since = m_world.now();
	plan_tick();
	if (m_stopping && !m_farewell && m_process->node.stopped()) {
		m_farewell = true;
		m_world.queue.put(m_world.now() + farewell, Wake::exit, m_index, m_boot);
	}
	m_ticks_in_a_row =
		std::holds_alternative<core::Tick>(body) && m_world.now() == m_tick_at ? m_ticks_in_a_row + 1 : 0;
	if (m_ticks_in_a_row > ticks_that_spin)
		m_world.fail("ticks-make-progress",
			     member_name(m_index) + " wants one Tick after another and time stands still");
}

void Member::run(const core::EventBody &original)
{
	const core::Time now = local_now();
	core::Event &event = m_world.event;
	event.now = now;
	event.body = original;
	MemberView view{{}, m_boot > 1, now};
	for (std::size_t v = 0; v < vclusters(); ++v)
		if (m_takeovers[v].claims())
			view.primary.set(m_world.plan.vcluster(v).id);
	for (std::size_t v = 0; v < vclusters(); ++v)
		if (m_process->node.vcluster(v).demoted && !m_takeovers[v].claims())
			view.demoted = m_world.plan.vcluster(v).id;
	if (!spoil(m_world.broken, view, event))
		return;
	std::vector<core::VclusterState> &before = m_world.before;
	before.clear();
	for (std::size_t v = 0; v < vclusters(); ++v)
		before.push_back(m_process->node.vcluster(v));
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
	SimTime at = std::max(m_clock.when(m_process->node.next_deadline()), m_world.now());
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
	if (message.slot != 0) {
		m_process->worker.send_sealed(message.slot, message.link, message.message);
		return;
	}
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

core::HakeBytes Member::hello(core::LinkIndex link) const
{
	const core::Config &config = m_process->node.config();
	core::Hello hello;
	hello.header = {core::HakeType::hello, config.group_id, link, config.self, m_nonce};
	hello.group_name = config.group_name;
	hello.capabilities = config.capabilities;
	hello.policy = config.policy;
	return encode(hello);
}

void Member::carry_out(const core::SendHello &)
{
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link)
		send(OutgoingHake{link, core::broadcast_mac, hello(link)});
}

void Member::carry_out(const core::AskRekey &action)
{
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link)
		m_process->worker.send_sealed(action.slot, link, hello(link));
}

void Member::carry_out(const core::SayBye &action)
{
	for (core::LinkIndex link = 0; link < m_world.plan.links; ++link) {
		core::Bye bye;
		bye.header = {core::HakeType::bye, m_process->node.config().group_id, link,
			      m_process->node.config().self, m_nonce};
		bye.destination = action.peer;
		bye.destination_nonce = action.peer_nonce;
		m_process->worker.send_sealed(action.slot, link, encode(bye));
	}
}

void Member::carry_out(const core::KeepResumeKey &action)
{
	m_process->keys.keep(action.session);
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
	m_process->worker.set_beat(m_process->node.beat(), action.immediate);
}

void Member::carry_out(const core::BecomePrimary &action)
{
	const std::size_t v = m_world.plan.place_of(action.vcluster);
	m_takeovers[v].set_role(m_world.now(), Takeover::Role::primary);
	claim(v);
	// Its link monitors begin alive.
	for (std::size_t i = 0; i < m_world.plan.common().ping_priority.size(); ++i)
		if ((m_world.plan.vcluster(v).ping_monitors >> i & 1U) != 0)
			plan_probe(i);
}

void Member::carry_out(const core::BecomeSecondary &action)
{
	if (m_orders.short_of_memory)
		m_orders.not_before = m_world.now() + m_world.plan.common().memory.flip_timeout;
	Takeover &takeover = m_takeovers[m_world.plan.place_of(action.vcluster)];
	takeover.set_role(m_world.now(), Takeover::Role::standby);
	if (!announces())
		m_announce_at = sim_never;
	if (m_world.broken == Break::keep_addresses)
		return;
	takeover.own(m_world.now(), false);
	takeover.held = false;
}

void Member::carry_out(const core::SuspendClaim &action)
{
	m_world.trace.line(m_world.now(), member_name(m_index), "suspends its claim");
	m_takeovers[m_world.plan.place_of(action.vcluster)].set_role(m_world.now(), Takeover::Role::suspended);
	if (!announces())
		m_announce_at = sim_never;
}

void Member::carry_out(const core::ResumeClaim &action)
{
	m_world.trace.line(m_world.now(), member_name(m_index), "resumes its claim");
	const std::size_t v = m_world.plan.place_of(action.vcluster);
	m_takeovers[v].set_role(m_world.now(), Takeover::Role::primary);
	claim(v);
}

void Member::carry_out(const core::SeekWitness &action)
{
	m_world.witness.want(m_index, action.vcluster, action.wanted);
	if (action.wanted) // asked at once, besides every round
		m_world.queue.put(m_world.now() + m_random.between(Duration{}, Duration{milliseconds{5}}),
				  Wake::witness, m_index, m_boot, 1);
	else if (m_world.witness.reaches(m_index))
		m_lease_until[m_world.plan.place_of(action.vcluster)] = long_ago;
}

void Member::carry_out(const core::EndSilence &)
{
	m_present_since = m_world.now();
	m_process->worker.end_silence(m_process->attendance.end());
}

void Member::carry_out(const core::Reannounce &)
{
	m_process->claimed_at = m_world.now();
	announced();
}

// ---------------------------------------------------------------- addresses

bool Member::holds_addresses() const
{
	return std::any_of(m_takeovers.begin(), m_takeovers.end(), [](const Takeover &t) { return t.held; });
}

bool Member::announces() const
{
	return std::any_of(m_takeovers.begin(), m_takeovers.end(),
			   [](const Takeover &t) { return t.role == Takeover::Role::primary; });
}

void Member::release_addresses()
{
	for (Takeover &takeover : m_takeovers) {
		takeover.own(m_world.now(), false);
		takeover.held = false;
	}
}

void Member::claim(std::size_t vcluster)
{
	m_world.checkers.acted(m_index, "claims the addresses");
	m_takeovers[vcluster].arm(m_world.now(), local_now());
	m_process->claimed_at = m_world.now();
	announced();
}

void Member::announced()
{
	m_world.checkers.acted(m_index, "announces the addresses");
	const Duration since = m_world.now() - m_process->claimed_at;
	m_announce_at = since >= reminders_end ? sim_never : m_world.now() + std::max(shortest_reminder_gap, since / 4);
	if (m_announce_at != sim_never)
		m_world.queue.put(m_announce_at, Wake::announce, m_index, m_boot);
}

void Member::announce()
{
	m_announce_at = sim_never;
	check_presence();
	if (announces())
		announced();
}

// ---------------------------------------------------------------- operator, paths, memory, witness

void Member::order_priority(std::optional<std::size_t> vcluster, std::uint8_t priority)
{
	m_orders.changed_at = m_world.now();
	for (std::size_t v = 0; v < vclusters(); ++v)
		if (!vcluster || *vcluster == v)
			m_orders.priority[v] = priority;
	command(core::SetPriority{priority, vcluster ? m_world.plan.vcluster(*vcluster).id : std::uint8_t{0}});
}

void Member::order_override(std::optional<std::size_t> vcluster, bool enabled)
{
	m_orders.changed_at = m_world.now();
	for (std::size_t v = 0; v < vclusters(); ++v)
		if (!vcluster || *vcluster == v)
			m_orders.override_enabled[v] = enabled;
	command(core::SetOverride{enabled, vcluster ? m_world.plan.vcluster(*vcluster).id : std::uint8_t{0}});
}

void Member::order_maintenance(bool set)
{
	m_orders.changed_at = m_world.now();
	m_orders.maintenance = set;
	command(core::SetMaintenance{set});
}

void Member::order_ssd(bool failed)
{
	m_orders.changed_at = m_world.now();
	m_orders.ssd_failed = failed;
	command(core::SsdChanged{failed});
}

void Member::set_path(std::size_t link_monitor, bool good)
{
	m_path_good[link_monitor] = good;
	m_path_changed_at = m_world.now();
	if (running())
		plan_probe(link_monitor);
}

void Member::plan_probe(std::size_t link_monitor)
{
	m_world.queue.put(m_world.now() + m_world.plan.probe_delay, Wake::probe, m_index, m_boot,
			  static_cast<std::uint16_t>(link_monitor));
}

// The verdict is out, though the role may have gone meanwhile.
void Member::probed(std::size_t link_monitor)
{
	command(core::PingMonitorChanged{static_cast<std::uint8_t>(link_monitor), m_path_good[link_monitor]});
}

void Member::sample_memory()
{
	const auto used = static_cast<std::uint8_t>(m_memory + m_random.between(-2, 2));
	count_memory(used);
	command(core::MemorySample{used});
	m_world.queue.put(m_world.now() + m_world.plan.common().memory.sample_interval, Wake::memory, m_index, m_boot);
}

// Told before the core starts, as control/daemon.cc does.
void Member::begin_to_fill()
{
	m_ready = true;
	m_ready_changed_at = m_world.now();
	if (!m_world.plan.fills)
		return;
	set_ready(false);
	const bool slow = !m_filled_up && m_fill_random.permille(250);
	m_world.queue.put(m_world.now() + (slow ? m_fill_random.between(seconds{8}, Duration{seconds{60}})
						: m_fill_random.between(milliseconds{200}, Duration{seconds{6}})),
			  Wake::readiness, m_index, m_boot);
}

void Member::change_readiness()
{
	if (m_filled_up && m_ready)
		return;
	set_ready(!m_ready);
	if (m_filled_up || !m_world.plan.falls_behind)
		return;
	m_world.queue.put(m_world.now() + (m_ready ? m_fill_random.between(seconds{2}, Duration{seconds{40}})
						   : m_fill_random.between(milliseconds{20}, Duration{seconds{5}})),
			  Wake::readiness, m_index, m_boot);
}

void Member::set_ready(bool ready)
{
	if (m_ready == ready)
		return;
	m_ready = ready;
	m_ready_changed_at = m_world.now();
	m_world.trace.line(m_world.now(), member_name(m_index), "%s", ready ? "is ready" : "is not ready");
	m_world.cause();
	command(core::Readiness{ready});
}

void Member::fill_up()
{
	m_filled_up = true;
	if (running())
		set_ready(true);
}

// Too much in every sample of a period; who gave a role away for that is not judged again before the flip timeout.
void Member::count_memory(std::uint8_t used_percent)
{
	const core::MemoryFailover &rule = m_world.plan.common().memory;
	const std::uint8_t threshold = rule.threshold_percent == 0 ? 88 : rule.threshold_percent;
	if (used_percent <= threshold) {
		m_orders.above_since = sim_never;
		if (std::exchange(m_orders.short_of_memory, false))
			m_orders.changed_at = m_world.now();
		return;
	}
	if (m_orders.above_since == sim_never)
		m_orders.above_since = m_world.now();
	const Duration drift = (rule.monitor_period + rule.flip_timeout) / 1000;
	if (m_orders.short_of_memory || m_world.now() - m_orders.above_since + drift < rule.monitor_period ||
	    m_world.now() + drift < m_orders.not_before)
		return;
	m_orders.short_of_memory = true;
	m_orders.changed_at = m_world.now();
}

// The witness's clock is the simulation's; what is left of the lease is counted in the member's. Who wants nothing
// looks whether it can be reached.
void Member::ask_witness(bool in_between)
{
	const core::Time now{m_world.now().time_since_epoch()};
	const bool reaches = m_world.witness.reaches(m_index);
	const bool news = m_witness_told != reaches;
	m_witness_told = reaches;
	for (std::size_t v = 0; v < vclusters(); ++v) {
		const scenario::IdealWitness::Wish wish{m_index, m_world.plan.vcluster(v).id};
		if (!m_world.witness.wishes().contains(wish)) {
			if (news)
				feed(core::WitnessChanged{wish.second, reaches, core::Time{}});
			continue;
		}
		const auto until = m_world.witness.ask(wish, now);
		m_lease_until[v] =
			until ? SimTime{until->time_since_epoch()} + scenario::IdealWitness::drift_allowance : long_ago;
		feed(core::WitnessChanged{wish.second, reaches, until ? local_now() + (*until - now) : core::Time{}});
	}
	if (!in_between)
		m_world.queue.put(m_world.now() + scenario::IdealWitness::round, Wake::witness, m_index, m_boot);
}

// ---------------------------------------------------------------- keeper

void Member::plan_keeper(SimTime when)
{
	m_keeper_planned = m_clock.local(when);
	m_keeper_at = std::max(when, m_world.now()) + m_random.between(Duration{}, m_world.plan.poll_delay);
	m_world.queue.put(m_keeper_at, Wake::keeper, m_index);
}

bool Member::machine_was_away() const
{
	return m_signs.machine_was_away(local_now(), m_world.plan.dead());
}

// As in control/keeper/main.cc.
void Member::keeper_look()
{
	if (!m_keeper_runs || at(Thread::keeper).stopped)
		return;
	const Duration late = m_keeper_planned == core::Time{} ? Duration{} : local_now() - m_keeper_planned;
	m_signs.keeper_late_ns.store(late.count());
	m_signs.keeper_ns.store(local_now().time_since_epoch().count());
	if (!holds_addresses()) {
		m_keeper_runs = running();
		if (!running()) {
			release_addresses(); // leftovers
			return;
		}
		(void)m_keeper.look(local_now(), local_now()); // nothing to keep; what comes next is not late
		plan_keeper(m_clock.when(m_keeper.due()));
		return;
	}
	core::Time armed{};
	for (const Takeover &takeover : m_takeovers)
		armed = std::max(armed, takeover.armed);
	if (!m_keeper.look(local_now(), std::max(vital(), armed)) || m_world.broken == Break::sleepy_keeper) {
		plan_keeper(std::max(m_clock.when(m_keeper.due()), m_world.now() + milliseconds{1}));
		return;
	}
	m_world.trace.line(m_world.now(), member_name(m_index), "keeper takes the addresses away");
	m_world.checkers.taken(m_index);
	++m_world.statistics.taken;
	release_addresses();
	m_keeper_runs = running();
	if (!running())
		return;
	(void)m_keeper.look(local_now(), local_now());
	plan_keeper(m_clock.when(m_keeper.due()));
	m_process->addresses_gone = true;
	if (!m_control_planned && !at(Thread::control).stopped) {
		m_control_planned = true;
		m_world.queue.put(m_world.now() + m_world.plan.control_delay, Wake::control, m_index, m_boot);
	}
}

Duration Member::keeper_stalled(SimTime since) const
{
	Duration sum{};
	for (const Stall &stall : m_keeper_stalls)
		sum += std::max(stall.to - std::max(stall.from, since), Duration{});
	if (at(Thread::keeper).stopped)
		sum += m_world.now() - std::max(at(Thread::keeper).since, since);
	return sum;
}

} // namespace systole::sim
