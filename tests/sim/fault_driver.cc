// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "tests/sim/fault_driver.h"

#include "tests/sim/world.h"

namespace systole::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<std::size_t> FaultDriver::any_running()
{
	const std::size_t start = m_random.index(m_world.size());
	for (std::size_t i = 0; i < m_world.size(); ++i) {
		const std::size_t candidate = (start + i) % m_world.size();
		const Member &member = m_world.member(candidate);
		if (member.running() && !member.halted(Thread::worker) && !member.halted(Thread::control) &&
		    !member.stopping())
			return candidate;
	}
	return std::nullopt;
}

std::optional<std::size_t> FaultDriver::any_dead()
{
	const std::size_t start = m_random.index(m_world.size());
	for (std::size_t i = 0; i < m_world.size(); ++i)
		if (const std::size_t candidate = (start + i) % m_world.size(); !m_world.member(candidate).running())
			return candidate;
	return std::nullopt;
}

FaultDriver::Two FaultDriver::any_two()
{
	const std::size_t a = m_random.index(m_world.size());
	const std::size_t b = (a + 1 + m_random.index(m_world.size() - 1)) % m_world.size();
	return {a, b};
}

std::size_t FaultDriver::any_link()
{
	return m_random.index(m_world.plan.links);
}

void FaultDriver::plan_next()
{
	const Duration mean = m_world.plan.fault_gap;
	m_world.queue.put(m_world.now() + m_times.between(mean / 5, mean * 9 / 5), Wake::fault);
}

Fault FaultDriver::draw()
{
	++m_number;
	m_random = m_kinds.fork();
	Fault fault{};
	do
		fault = static_cast<Fault>(m_random.index(fault_kinds));
	while (!m_world.plan.faults[static_cast<std::size_t>(fault)]);
	return fault;
}

void FaultDriver::next()
{
	const Fault fault = draw();
	if (!m_world.plan.filter.keeps(m_number))
		return;
	commit(fault);
}

void FaultDriver::struck(Fault fault)
{
	++m_world.statistics.struck[static_cast<std::size_t>(fault)];
	m_world.statistics.faults.push_back(m_number);
	m_world.trace.line(m_world.now(), "", "fault %u: %s", m_number, name_of(fault));
}

std::optional<std::size_t> FaultDriver::any_vcluster()
{
	const std::size_t dice = m_random.index(m_world.plan.vcluster_count() + 1);
	return dice == 0 ? std::nullopt : std::optional(dice - 1);
}

void FaultDriver::plug_everything()
{
	for (std::size_t link = 0; link < m_world.plan.links; ++link)
		m_world.plug(link, true);
}

void FaultDriver::commit(Fault fault)
{
	const SimTime now = m_world.now();
	switch (fault) {
	case Fault::crash:
	case Fault::kill:
	case Fault::stop: end(fault); break;
	case Fault::restart:
		if (const auto dead = any_dead()) {
			struck(fault);
			m_world.cause();
			m_world.member(*dead).boot();
		}
		break;
	case Fault::pause:
	case Fault::freeze:
	case Fault::host_freeze:
	case Fault::hang: halt(fault); break;
	case Fault::cable: pull_cable(); break;
	case Fault::cut_link: {
		struck(fault);
		const auto [a, b] = any_two();
		const std::size_t link = any_link();
		m_world.trace.line(now, "net", "link %zu cut between %s and %s", link, member_name(a).c_str(),
				   member_name(b).c_str());
		m_world.upset();
		m_world.network.set_open(a, b, link, false);
		m_world.network.set_open(b, a, link, false);
		break;
	}
	case Fault::cut_one_way: cut_one_way(); break;
	case Fault::cut_pair: {
		struck(fault);
		const auto [a, b] = any_two();
		m_world.trace.line(now, "net", "everything cut between %s and %s", member_name(a).c_str(),
				   member_name(b).c_str());
		m_world.upset();
		m_world.network.set_open_pair(a, b, false);
		break;
	}
	case Fault::cut_switch: {
		struck(fault);
		const std::size_t link = any_link();
		m_world.trace.line(now, "net", "link %zu cut for everybody", link);
		m_world.upset();
		for (std::size_t a = 0; a < m_world.size(); ++a)
			for (std::size_t b = 0; b < m_world.size(); ++b)
				if (a != b)
					m_world.network.set_open(a, b, link, false);
		break;
	}
	case Fault::isolate: {
		struck(fault);
		const std::size_t who = m_random.index(m_world.size());
		m_world.trace.line(now, "net", "%s cut off", member_name(who).c_str());
		m_world.upset();
		for (std::size_t other = 0; other < m_world.size(); ++other)
			if (other != who)
				m_world.network.set_open_pair(who, other, false);
		break;
	}
	case Fault::split: split(); break;
	case Fault::heal_some: {
		struck(fault);
		const auto [a, b] = any_two();
		m_world.trace.line(now, "net", "healed between %s and %s", member_name(a).c_str(),
				   member_name(b).c_str());
		m_world.cause();
		m_world.network.set_open_pair(a, b, true);
		plug_everything();
		break;
	}
	case Fault::heal_all:
		struck(fault);
		plug_everything();
		m_world.trace.line(now, "net", "all cuts healed");
		m_world.cause();
		for (std::size_t a = 0; a < m_world.size(); ++a)
			for (std::size_t b = 0; b < a; ++b)
				m_world.network.set_open_pair(a, b, true);
		break;
	case Fault::loss_burst:
		struck(fault);
		m_calm_at = now + m_random.between(Duration{milliseconds{50}}, Duration{seconds{2}});
		m_world.network.set_extra_loss(m_random.between(300, 950));
		m_world.trace.line(now, "net", "%d of 1000 packets lost until %.3f", m_world.network.extra_loss(),
				   seconds_of(m_calm_at));
		m_world.upset();
		break;
	case Fault::monitor: flip_monitor(false); break;
	case Fault::flap: flip_monitor(true); break;
	case Fault::path: flip_path(); break;
	case Fault::witness: flip_witness(); break;
	case Fault::memory:
	case Fault::ssd:
		if (const auto who = any_running())
			commit_health(fault, *who);
		break;
	case Fault::priority:
	case Fault::override_flag:
	case Fault::maintenance:
	case Fault::failover_flag:
	case Fault::reset_uptime:
		if (const auto who = any_running())
			operate(fault, *who);
		break;
	}
}

void FaultDriver::commit_health(Fault fault, std::size_t who)
{
	struck(fault);
	m_world.upset();
	Member &member = m_world.member(who);
	if (fault == Fault::ssd) {
		const bool failed = !member.orders().ssd_failed;
		m_world.trace.line(m_world.now(), member_name(who), "execute ha ssd %s", failed ? "fail" : "good");
		member.order_ssd(failed);
		return;
	}
	const bool high = m_random.permille(600);
	m_world.trace.line(m_world.now(), member_name(who), "memory goes %s", high ? "up" : "down");
	member.set_memory(high ? std::uint8_t{95} : idle_memory);
}

void FaultDriver::operate(Fault fault, std::size_t who)
{
	struck(fault);
	m_world.upset();
	Member &member = m_world.member(who);
	const auto vcluster = any_vcluster();
	const std::string where = vcluster ? m_world.plan.vcluster_text(*vcluster) : " of all vclusters";
	const auto say = [&](const std::string &what) {
		m_world.trace.line(m_world.now(), member_name(who), "%s", what.c_str());
	};
	switch (fault) {
	case Fault::priority: {
		const auto priority = static_cast<std::uint8_t>(m_random.between(98, 105));
		say("priority " + std::to_string(priority) + where);
		member.order_priority(vcluster, priority);
		break;
	}
	case Fault::override_flag: {
		const bool on = m_random.permille(500);
		say(std::string("override ").append(on ? "enable" : "disable") + where);
		member.order_override(vcluster, on);
		break;
	}
	case Fault::maintenance: {
		const bool set = !member.orders().maintenance;
		say(std::string("execute ha maintenance ").append(set ? "enable" : "disable"));
		member.order_maintenance(set);
		break;
	}
	case Fault::failover_flag: {
		const std::size_t one = m_random.index(m_world.plan.vcluster_count());
		const int what = m_random.between(0, 999);
		const std::uint8_t id = m_world.plan.vcluster(one).id;
		const bool switches = what < 300 && member.takeover(one).claims();
		say(std::string("execute ha failover ")
			    .append(switches     ? "switch"
				    : what < 500 ? "set"
						 : "unset") +
		    m_world.plan.vcluster_text(one));
		if (switches)
			member.command(core::SwitchRole{id});
		else
			member.command(core::SetFailover{what < 500, id});
		break;
	}
	default:
		say("diagnose sys ha reset-uptime");
		member.command(core::ResetUptime{});
		break;
	}
}

// The path to a ping server goes through one member, or the server itself dies.
void FaultDriver::flip_path()
{
	struck(Fault::path);
	m_world.upset();
	const std::size_t link_monitor = m_random.index(m_world.plan.common().ping_priority.size());
	const bool all = m_random.permille(250);
	const std::size_t one = m_random.index(m_world.size());
	const bool good = !m_world.member(one).path_good(link_monitor);
	m_world.trace.line(m_world.now(), all ? "net" : member_name(one), "link monitor %zu: path %s", link_monitor,
			   good ? "good again" : "dead");
	for (std::size_t i = 0; i < m_world.size(); ++i)
		if (all || i == one)
			m_world.member(i).set_path(link_monitor, good);
}

void FaultDriver::flip_witness()
{
	struck(Fault::witness);
	m_world.upset();
	const bool all = m_random.permille(400);
	const std::size_t one = m_random.index(m_world.size());
	const bool reaches = !m_world.witness.reaches(one);
	m_world.trace.line(m_world.now(), all ? "net" : member_name(one), "witness %s",
			   reaches ? "back" : "out of reach");
	for (std::size_t i = 0; i < m_world.size(); ++i)
		if (all || i == one)
			m_world.witness.set_reachable(i, reaches);
}

void FaultDriver::end(Fault how)
{
	const auto who = any_running();
	if (!who)
		return;
	struck(how);
	m_world.upset();
	if (how == Fault::stop) {
		m_world.trace.line(m_world.now(), member_name(*who), "is told to stop");
		m_world.member(*who).command(core::Stopping{});
	} else if (how == Fault::kill) {
		m_world.member(*who).kill();
	} else {
		m_world.member(*who).crash();
	}
}

// Shorter than anybody notices, about as long as matters, or far longer.
Duration FaultDriver::absence()
{
	const Duration interval = m_world.plan.interval();
	const Duration dead = m_world.plan.dead();
	const int dice = m_random.between(0, 9);
	if (dice < 3)
		return m_random.between(Duration{milliseconds{1}}, interval * 2);
	return dice < 8 ? m_random.between(interval, dead * 3) : m_random.between(dead, dead * 8);
}

void FaultDriver::halt(Fault how)
{
	const SimTime now = m_world.now();
	if (how == Fault::host_freeze) {
		struck(how);
		const Duration length = absence();
		m_world.trace.line(now, "host", "everybody freezes for %s", in_ms(length).c_str());
		m_world.freeze_host(length); // no cause for anything
		return;
	}
	const auto who = any_running();
	if (!who)
		return;
	struck(how);
	Member &member = m_world.member(*who);
	Duration length = absence();
	if (how == Fault::hang)
		length = m_random.permille(500) ? m_random.between(Duration{milliseconds{100}}, Duration{seconds{1}})
						: m_random.between(Duration{seconds{1}}, Duration{seconds{10}});
	m_world.trace.line(now, member_name(*who), "%s for %s",
			   how == Fault::hang     ? "control hangs"
			   : how == Fault::freeze ? "freezes with its keeper"
						  : "freezes",
			   in_ms(length).c_str());
	m_world.upset();
	const auto until = [&] { return now + length + m_random.between(Duration{}, Duration{milliseconds{1}}); };
	member.halt(Thread::control, until());
	if (how != Fault::hang)
		member.halt(Thread::worker, until());
	if (how == Fault::freeze)
		member.halt(Thread::keeper, until());
}

void FaultDriver::pull_cable()
{
	struck(Fault::cable);
	m_world.upset();
	const bool all = m_random.permille(600);
	const std::size_t one = any_link();
	m_world.trace.line(m_world.now(), "net", "%s pulled",
			   all ? "all cables" : ("cable " + std::to_string(one)).c_str());
	for (std::size_t link = 0; link < m_world.plan.links; ++link)
		if (all || link == one) {
			m_world.network.set_open(0, 1, link, false);
			m_world.network.set_open(1, 0, link, false);
			m_world.plug(link, false);
		}
}

void FaultDriver::cut_one_way()
{
	struck(Fault::cut_one_way);
	const auto [from, to] = any_two();
	const bool all = m_random.permille(500);
	const std::size_t one = any_link();
	m_world.trace.line(m_world.now(), "net", "%s -> %s cut on %s", member_name(from).c_str(),
			   member_name(to).c_str(),
			   all ? "all links" : std::string("link ").append(std::to_string(one)).c_str());
	m_world.upset();
	for (std::size_t link = 0; link < m_world.plan.links; ++link)
		if (all || link == one)
			m_world.network.set_open(from, to, link, false);
}

// Into two or more parts; or so that each hears its neighbours only, or all hear one and that one all.
void FaultDriver::split()
{
	struck(Fault::split);
	enum class Shape : std::uint8_t { parts, chain, star };
	const int dice = m_random.between(0, 99);
	const Shape shape = dice < 75 || m_world.size() < 3 ? Shape::parts : dice < 87 ? Shape::chain : Shape::star;
	const std::size_t parts = m_random.permille(750) ? 2 : 2 + m_random.index(m_world.size() - 1);
	const std::size_t centre = m_random.index(m_world.size());
	std::array<std::size_t, max_sim_members> part{};
	std::string text = shape == Shape::parts   ? "split, in parts"
			   : shape == Shape::chain ? "split, each hears its neighbours only"
						   : "split, all hear only " + member_name(centre);
	for (std::size_t i = 0; i < m_world.size(); ++i) {
		part[i] = m_random.index(parts);
		if (shape == Shape::parts)
			text.append(" ").append(std::to_string(part[i]));
	}
	const auto open = [&](std::size_t a, std::size_t b) {
		switch (shape) {
		case Shape::parts: return part[a] == part[b];
		case Shape::chain: return a == b + 1;
		case Shape::star: return a == centre || b == centre;
		}
		return false;
	};
	m_world.trace.line(m_world.now(), "net", "%s", text.c_str());
	m_world.upset();
	for (std::size_t a = 0; a < m_world.size(); ++a)
		for (std::size_t b = 0; b < a; ++b)
			m_world.network.set_open_pair(a, b, open(a, b));
	plug_everything();
}

void FaultDriver::flip_monitor(bool flapping)
{
	const auto who = any_running();
	if (!who)
		return;
	struck(flapping ? Fault::flap : Fault::monitor);
	const std::size_t monitor = m_random.index(m_world.plan.common().monitor_count);
	flap(*who, monitor);
	SimTime at = m_world.now();
	for (int more = flapping ? m_random.between(1, 7) : 0; more > 0; --more) {
		at += m_random.between(Duration{milliseconds{10}}, Duration{seconds{1}});
		m_world.queue.put(at, Wake::flap, *who, 0, static_cast<std::uint16_t>(monitor));
	}
}

void FaultDriver::flap(std::size_t who, std::size_t monitor)
{
	Member &member = m_world.member(who);
	const bool up = !member.monitor_up(monitor);
	m_world.trace.line(m_world.now(), member_name(who), "monitored interface %zu goes %s", monitor,
			   up ? "up" : "down");
	m_world.upset();
	member.set_monitor(monitor, up);
}

void FaultDriver::calm_down()
{
	m_calm_at = sim_never;
	m_world.trace.line(m_world.now(), "net", "loss back to normal");
	m_world.network.set_extra_loss(0);
	m_world.upset();
}

void FaultDriver::heal()
{
	const Plan &plan = m_world.plan;
	m_world.trace.line(m_world.now(), "net", "---- end of the safety phase: everything is healed%s",
			   plan.ending == Ending::split ? " but one clean split" : "");
	m_world.upset();
	m_calm_at = sim_never;
	m_world.network.end_of_loss();
	for (std::size_t a = 0; a < m_world.size(); ++a)
		for (std::size_t b = 0; b < a; ++b)
			m_world.network.set_open_pair(
				a, b, plan.ending != Ending::split || plan.other_side[a] == plan.other_side[b]);
	plug_everything();
	m_world.end_host_freeze();
	for (std::size_t i = 0; i < m_world.size(); ++i) {
		Member &member = m_world.member(i);
		member.end_halts();
		for (std::size_t monitor = 0; monitor < plan.common().monitor_count; ++monitor)
			if (!member.monitor_up(monitor))
				member.set_monitor(monitor, true);
		for (std::size_t path = 0; path < plan.common().ping_priority.size(); ++path)
			if (!member.path_good(path))
				member.set_path(path, true);
		m_world.witness.set_reachable(i, true);
		member.set_memory(idle_memory);
		member.fill_up();
		if (member.running()) {
			member.order_maintenance(false);
			member.order_ssd(false);
		}
		for (std::size_t v = 0; v < plan.vcluster_count(); ++v)
			member.command(core::SetFailover{false, plan.vcluster(v).id});
		// Whoever is stopping or still to boot for the first time runs by then.
		m_world.queue.put(m_world.now() + milliseconds{300}, Wake::boot, i);
	}
}

void FaultDriver::last_cut()
{
	const Plan &plan = m_world.plan;
	if (plan.ending != Ending::one_way)
		return;
	m_world.trace.line(m_world.now(), "net", "---- settled; %s -> %s cut for good",
			   member_name(plan.cut_from).c_str(), member_name(plan.cut_to).c_str());
	m_world.upset();
	struck(Fault::cut_one_way);
	for (std::size_t link = 0; link < plan.links; ++link)
		m_world.network.set_open(plan.cut_from, plan.cut_to, link, false);
}

} // namespace systole::sim
