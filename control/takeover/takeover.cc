// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Holds the addresses of one virtual cluster, or holds none of them.
#include "control/takeover/takeover.h"

#include "control/netlink/inventory.h"
#include "control/netlink/requests.h"
#include "control/takeover/gratuitous.h"
#include "control/takeover/leftovers.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace systole::control {

namespace {

core::Time monotonic_now()
{
	timespec now{};
	clock_gettime(CLOCK_MONOTONIC, &now);
	return core::Time{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

// A predecessor that was killed keeps its addresses until its keeper takes them, and its kernel's last frames (the
// groups it leaves) turn the switches back to it; one that gives way as planned forwards for a moment longer, which turns
// them back too. One reminder a port, often at first and then ever more rarely, bounds
// how long anybody's switch is wrong.
constexpr core::Duration shortest_reminder_gap = std::chrono::milliseconds{1};
constexpr core::Duration reminders_end = std::chrono::seconds{2};

// Failures that say that the work had been done before: a link that is gone has no addresses, and the kernel takes an
// IPv4 network's secondary addresses away with the first one.
bool is_already_done(TakeoverFault fault, int code)
{
	switch (fault) {
	case TakeoverFault::address_delete: return code == EADDRNOTAVAIL || code == ENODEV;
	case TakeoverFault::silence: return true; // without it a packet may be lost, no more
	case TakeoverFault::link_down:
	case TakeoverFault::link_delete: return code == ENODEV;
	default: return false;
	}
}

} // namespace

Takeover::Takeover(std::uint8_t vcluster, TakeoverSettings settings, Tools tools)
    : m_vcluster(vcluster), m_settings(std::move(settings)), m_tools(tools)
{
	for (const TrafficInterface &interface : m_settings.interfaces) {
		Port port;
		port.config = interface;
		port.addresses = addresses_to_hold(interface);
		port.macvlan = macvlan_name(interface.base);
		m_ports.push_back(std::move(port));
	}
}

Takeover::~Takeover()
{
	shutdown();
}

TakeoverErrors Takeover::start()
{
	TakeoverErrors errors;
	m_started = true;
	for (Port &port : m_ports)
		prepare(port, errors);
	return errors;
}

TakeoverErrors Takeover::shutdown()
{
	if (!m_started)
		return {};
	TakeoverErrors errors;
	if (m_state == State::primary || m_state == State::suspended || m_state == State::lingering)
		errors = release().errors;
	Work work;
	for (Port &port : m_ports) {
		if (port.macvlan_index != 0) {
			request_link_deletion(work.batch, port.macvlan_index);
			work.steps.push_back({&port, TakeoverFault::link_delete, port.macvlan});
		}
	}
	run(work, errors);
	for (Port &port : m_ports) {
		if (port.base_index != 0)
			restore_base_settings(port.config.base, port.saved);
		port.base_index = 0;
		port.macvlan_index = 0;
		port.saved.clear();
	}
	m_state = State::standby;
	m_started = false;
	return errors;
}

ClaimReport Takeover::claim(Haste haste)
{
	ClaimReport report;
	report.start = monotonic_now();
	const State before = std::exchange(m_state, State::primary);
	arm();
	Work work;
	for (const Port &port : m_ports) {
		if (port.macvlan_index == 0)
			report.errors.push_back({TakeoverFault::base_missing, port.config.base, ENODEV, port.problem});
	}
	const bool silently = haste == Haste::planned && before == State::standby;
	if (silently)
		add_silence(work, true);
	add_claim(work, m_ports);
	if (silently)
		add_silence(work, false);
	run(work, report.errors);
	report.netlink_done = monotonic_now();
	announce_all(report.errors, &report.first_announced);
	report.all_announced = monotonic_now();
	start_train(report.all_announced);
	return report;
}

void Takeover::suspend()
{
	if (m_state != State::primary)
		return;
	m_state = State::suspended;
	stop_train();
}

void Takeover::linger()
{
	if (m_state != State::primary)
		return;
	m_state = State::lingering;
	stop_train();
}

// Before the kernel is asked.
void Takeover::arm()
{
	std::vector<HeldAddress> held;
	for (const Port &port : m_ports)
		for (const IpPrefix &address : port.addresses)
			if (port.macvlan_index != 0)
				held.push_back({port.macvlan_index, address});
	m_tools.holdings.arm(m_vcluster, std::move(held), monotonic_now());
}

ReleaseReport Takeover::release()
{
	ReleaseReport report;
	report.start = monotonic_now();
	report.netlink_done = report.start;
	if (m_state != State::primary && m_state != State::suspended && m_state != State::lingering)
		return report;
	const bool succeeded = m_state == State::lingering;
	m_state = succeeded ? State::standby : State::releasing;
	stop_train();
	Work work;
	for (const Port &port : m_ports)
		add_addresses(work, port, false, false);
	for (const Port &port : m_ports)
		if (succeeded)
			add_link(work, port, false);
	for (const Port &port : m_ports)
		add_addresses(work, port, true, false);
	run(work, report.errors);
	if (succeeded)
		ask_neighbours_quickly(true);
	m_tools.holdings.disarm(m_vcluster); // after the deed: killed in between, the keeper does it
	report.netlink_done = monotonic_now();
	return report;
}

TakeoverErrors Takeover::finish_release()
{
	TakeoverErrors errors;
	if (m_state != State::releasing)
		return errors;
	m_state = State::standby;
	Work work;
	for (const Port &port : m_ports)
		add_link(work, port, false);
	run(work, errors);
	ask_neighbours_quickly(true); // after the next claim
	return errors;
}

TakeoverErrors Takeover::announce(core::Time now)
{
	TakeoverErrors errors;
	if (m_state != State::primary)
		return errors;
	if (now >= m_next_announcement) {
		announce_all(errors);
		--m_announcements_left;
		m_next_announcement = m_announcements_left == 0 ? core::never : now + m_settings.arps_interval;
	}
	if (now >= m_next_reminder) {
		for (const Port &port : m_ports)
			if (!port.addresses.empty())
				announce_address(port, port.addresses.front(), errors);
		const core::Duration since = now - m_train_began;
		m_next_reminder =
			since >= reminders_end ? core::never : now + std::max(shortest_reminder_gap, since / 4);
		if (m_next_reminder == core::never)
			ask_neighbours_quickly(false);
	}
	return errors;
}

TakeoverErrors Takeover::announce_again()
{
	TakeoverErrors errors;
	if (m_state != State::primary)
		return errors;
	announce_all(errors);
	start_train(monotonic_now());
	return errors;
}

std::vector<std::string> Takeover::watched_links() const
{
	std::vector<std::string> names;
	for (const Port &port : m_ports) {
		names.push_back(port.config.base);
		names.push_back(port.macvlan);
	}
	return names;
}

TakeoverErrors Takeover::handle_link(std::string_view name)
{
	TakeoverErrors errors;
	if (!m_started)
		return errors;
	for (Port &port : m_ports) {
		if (port.config.base == name || port.macvlan == name)
			reconcile(port, errors);
	}
	return errors;
}

void Takeover::handle_address(int ifindex, const IpPrefix &prefix, bool present)
{
	if (present || m_state != State::primary)
		return;
	for (Port &port : m_ports) {
		const bool ours =
			std::find(port.addresses.begin(), port.addresses.end(), prefix) != port.addresses.end();
		port.doubtful = port.doubtful || (port.macvlan_index == ifindex && ours);
	}
}

void Takeover::doubt_addresses()
{
	for (Port &port : m_ports)
		port.doubtful = true;
}

TakeoverErrors Takeover::mend_addresses()
{
	TakeoverErrors errors;
	for (Port &port : m_ports)
		if (std::exchange(port.doubtful, false) && m_state == State::primary && port.macvlan_index != 0)
			claim_port(port, errors);
	return errors;
}

std::vector<std::string> Takeover::problems() const
{
	std::vector<std::string> reasons;
	for (const Port &port : m_ports) {
		// A port that is missing has been named by the inspection.
		if (port.macvlan_index == 0 && port.base_index != 0)
			reasons.push_back(port.problem.empty() ? port.config.base + ": has no virtual interface"
							       : port.problem);
	}
	return reasons;
}

// Makes the macvlan of one port and applies the settings of both. Needs to be called again after a failure.
void Takeover::prepare(Port &port, TakeoverErrors &errors)
{
	port.problem.clear();
	port.macvlan_index = 0;
	const auto base = find_link(m_tools.socket, port.config.base);
	if (!base) {
		port.base_index = 0;
		port.problem = port.config.base + ": no such network interface";
		errors.push_back(
			{TakeoverFault::base_missing, port.config.base, ENODEV, "it is taken up when it appears"});
		return;
	}
	port.base_index = base->index;
	port.base_running = base->running;
	port.saved = base_settings_to_raise(port.config.base);
	if (!make_macvlan(port, errors)) {
		port.problem = errors.back().text();
		port.saved.clear();
		return;
	}
	const bool has_ipv6 =
		std::any_of(port.addresses.begin(), port.addresses.end(), [](const IpPrefix &p) { return p.v6; });
	control::ask_neighbours_quickly(port.macvlan, true);
	std::vector<SettingError> failed = raise_base_settings(port.config.base, port.saved);
	for (SettingError &error : apply_macvlan_settings(port.macvlan, has_ipv6))
		failed.push_back(std::move(error));
	for (const SettingError &error : failed)
		errors.push_back({TakeoverFault::setting, port.config.base, error.code.value(), error.file});
}

bool Takeover::make_macvlan(Port &port, TakeoverErrors &errors)
{
	// The kernel carries out the rest of a batch after a refusal: never mark a link that is somebody else's.
	if (find_link(m_tools.socket, port.macvlan)) {
		errors.push_back({TakeoverFault::name_taken, port.config.base, EEXIST,
				  "a link named " + port.macvlan + " exists that is not ours; rename or delete it"});
		return false;
	}
	RequestBatch batch; // one sendmsg: a kill cannot fall between making and marking
	request_macvlan(batch, port.base_index, port.macvlan, port.config.virtual_mac);
	request_alias(batch, port.macvlan, ownership_alias(m_settings.instance, port.saved));
	request_no_address_generation(batch, port.macvlan);
	const BatchResult result = m_tools.socket.transact(batch);
	if (result.transport) {
		errors.push_back(
			{TakeoverFault::netlink, port.config.base, result.transport.value(), "making " + port.macvlan});
		return false;
	}
	for (const RequestError &error : result.errors) {
		if (error.request == 2 && error.code == EAFNOSUPPORT)
			continue; // a kernel without IPv6 generates no IPv6 addresses
		const bool taken = error.request == 0 && error.code == EEXIST;
		errors.push_back(
			{taken ? TakeoverFault::name_taken : TakeoverFault::macvlan, port.config.base, error.code,
			 taken ? "a link named " + port.macvlan + " exists that is not ours; rename or delete it"
			       : port.macvlan + (error.detail.empty() ? "" : ": " + error.detail)});
		return false;
	}
	const auto made = find_link(m_tools.socket, port.macvlan);
	if (!made) {
		errors.push_back({TakeoverFault::macvlan, port.config.base, ENODEV, port.macvlan + " vanished"});
		return false;
	}
	port.macvlan_index = made->index;
	return true;
}

// Level-triggered: what the event said is not believed, the kernel is asked, so that stale events do no harm.
void Takeover::reconcile(Port &port, TakeoverErrors &errors)
{
	const auto base = find_link(m_tools.socket, port.config.base);
	const auto macvlan = find_link(m_tools.socket, port.macvlan);
	const bool macvlan_ours = macvlan && is_own_macvlan(*macvlan, m_settings);
	if (!base) {
		// The macvlan dies with its port, but not when the port only moved to another network namespace.
		if (macvlan_ours)
			delete_macvlan(macvlan->index, port, errors);
		port.base_index = 0;
		port.macvlan_index = 0;
		port.base_running = false;
		port.saved.clear();
		port.problem = port.config.base + ": no such network interface";
		return;
	}
	const bool intact = base->index == port.base_index && macvlan && macvlan->index == port.macvlan_index &&
			    macvlan->base_index == base->index && macvlan->base_here;
	if (!intact) {
		if (base->index == port.base_index)
			restore_base_settings(port.config.base,
					      port.saved); // else prepare() would take ours for the originals
		if (macvlan_ours)
			delete_macvlan(macvlan->index, port, errors);
		prepare(port, errors);
		if (port.macvlan_index != 0 && m_state == State::primary)
			claim_port(port, errors);
		return;
	}
	if (m_state == State::primary && !macvlan->admin_up) {
		claim_port(port, errors);
	} else if (m_state == State::primary && base->running && !port.base_running) {
		announce_port(port, errors); // switches and neighbours forgot while the carrier was away
		start_train(monotonic_now());
	} else if (m_state == State::standby && macvlan->admin_up) {
		Work work; // somebody raised it by hand; a standby stays silent
		add_link(work, port, false);
		run(work, errors);
	}
	port.base_running = base->running;
}

void Takeover::claim_port(Port &port, TakeoverErrors &errors)
{
	arm(); // the macvlan may be another one now
	Work work;
	add_claim(work, {&port, 1});
	run(work, errors);
	announce_port(port, errors);
	start_train(monotonic_now());
}

void Takeover::delete_macvlan(int index, const Port &port, TakeoverErrors &errors)
{
	Work work;
	request_link_deletion(work.batch, index);
	work.steps.push_back({&port, TakeoverFault::link_delete, port.macvlan});
	run(work, errors);
}

// A link that comes up speaks at once (multicast listener reports), which brings the first packets here: by then as much as
// possible is in place, on all ports. IPv6 addresses want their link up.
void Takeover::add_claim(Work &work, std::span<const Port> ports)
{
	for (const Port &port : ports)
		add_addresses(work, port, false, true);
	for (const Port &port : ports)
		add_link(work, port, true);
	for (const Port &port : ports)
		add_addresses(work, port, true, true);
}

// While the links come up one after the other nothing may bring packets to one that cannot pass them on to the next.
void Takeover::add_silence(Work &work, bool silent)
{
	for (const Port &port : m_ports) {
		if (port.macvlan_index == 0)
			continue;
		if (silent)
			request_silence(work.batch, port.macvlan_index);
		else
			request_voice(work.batch, port.macvlan_index);
		work.steps.push_back({&port, TakeoverFault::silence, port.macvlan});
	}
}

void Takeover::add_addresses(Work &work, const Port &port, bool v6, bool wanted)
{
	if (port.macvlan_index == 0)
		return;
	for (const IpPrefix &address : port.addresses) {
		if (address.v6 != v6)
			continue;
		if (wanted)
			request_address(work.batch, port.macvlan_index, address);
		else
			request_address_deletion(work.batch, port.macvlan_index, address);
		work.steps.push_back(
			{&port, wanted ? TakeoverFault::address_add : TakeoverFault::address_delete, address.text()});
	}
}

void Takeover::add_link(Work &work, const Port &port, bool up)
{
	if (port.macvlan_index == 0)
		return;
	request_link_state(work.batch, port.macvlan_index, up);
	work.steps.push_back({&port, up ? TakeoverFault::link_up : TakeoverFault::link_down, port.macvlan});
}

void Takeover::run(Work &work, TakeoverErrors &errors)
{
	const BatchResult result = m_tools.socket.transact(work.batch);
	if (result.transport)
		errors.push_back({TakeoverFault::netlink, "", result.transport.value(), "sending a batch of requests"});
	for (const RequestError &error : result.errors) {
		const Work::Step &step = work.steps[error.request];
		if (!is_already_done(step.fault, error.code))
			errors.push_back({step.fault, step.port->config.base, error.code,
					  step.detail + (error.detail.empty() ? "" : ": " + error.detail)});
	}
}

void Takeover::ask_neighbours_quickly(bool quickly) const
{
	for (const Port &port : m_ports)
		if (port.macvlan_index != 0)
			control::ask_neighbours_quickly(port.macvlan, quickly);
}

// One announcement has just been made.
void Takeover::start_train(core::Time now)
{
	const bool more = m_settings.gratuitous_arps && m_settings.arps > 1;
	m_announcements_left = more ? m_settings.arps - 1 : 0;
	m_next_announcement = more ? now + m_settings.arps_interval : core::never;
	m_train_began = now;
	m_next_reminder = m_settings.gratuitous_arps ? now + shortest_reminder_gap : core::never;
	ask_neighbours_quickly(m_settings.gratuitous_arps); // until the last reminder
}

void Takeover::stop_train()
{
	m_next_announcement = core::never;
	m_next_reminder = core::never;
}

void Takeover::announce_port(const Port &port, TakeoverErrors &errors, core::Time *first)
{
	if (!m_settings.gratuitous_arps)
		return;
	for (const IpPrefix &address : port.addresses)
		announce_address(port, address, errors, first);
}

void Takeover::announce_address(const Port &port, const IpPrefix &address, TakeoverErrors &errors, core::Time *first)
{
	if (port.macvlan_index == 0)
		return;
	const core::MacAddress &mac = port.config.virtual_mac;
	std::error_code error;
	if (!address.v6) {
		error = m_tools.announcer.send(port.macvlan_index, gratuitous_arp(mac, address));
	} else {
		const bool router = m_settings.router_flag.has_value()
					    ? *m_settings.router_flag
					    : read_setting("ipv6", port.macvlan, "forwarding").value_or(0) > 0;
		error = m_tools.announcer.send(port.macvlan_index, neighbour_advertisement(mac, address, router));
	}
	if (error)
		errors.push_back({TakeoverFault::announcement, port.config.base, error.value(), address.text()});
	else if (first != nullptr && *first == core::Time{})
		*first = monotonic_now();
}

// One address of every port first: it moves the switches, and both directions should turn at one moment.
void Takeover::announce_all(TakeoverErrors &errors, core::Time *first)
{
	if (!m_settings.gratuitous_arps)
		return;
	for (const Port &port : m_ports)
		if (!port.addresses.empty())
			announce_address(port, port.addresses.front(), errors, first);
	for (const Port &port : m_ports)
		for (std::size_t i = 1; i < port.addresses.size(); ++i)
			announce_address(port, port.addresses[i], errors, first);
}

} // namespace systole::control
