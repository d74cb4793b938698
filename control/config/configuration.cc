// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/configuration.h"

#include "control/config/sha256.h"

#include <algorithm>
#include <cassert>

namespace systole::control {

namespace {

bool holds(const Configuration::Names &names, std::string_view name)
{
	return std::find(names.begin(), names.end(), name) != names.end();
}

// A flip timeout may be written as up to 4000 years, more than the core's clock counts: so long is for ever.
core::Duration flip_timeout(std::chrono::minutes written, std::uint16_t test_timer_scale)
{
	constexpr auto longest = std::chrono::floor<std::chrono::minutes>(std::chrono::years{100});
	return core::Duration{std::min(written, longest)} / test_timer_scale;
}

core::VclusterConfig core_vcluster(const Configuration &configuration, const Configuration::Vcluster &vcluster)
{
	core::VclusterConfig core;
	core.id = vcluster.id;
	core.priority = vcluster.priority;
	core.override_enabled = vcluster.override_enabled;
	core.override_wait = vcluster.override_wait_time;
	const Configuration::Names interfaces = configuration.ha.monitored_interfaces();
	for (std::size_t i = 0; i < interfaces.size(); ++i)
		if (holds(vcluster.monitor, interfaces[i]))
			core.monitors |= std::uint64_t{1} << i;
	const std::vector<std::size_t> counting = configuration.counting_link_monitors();
	for (std::size_t i = 0; i < counting.size(); ++i)
		if (holds(vcluster.pingserver_monitor_interface, configuration.link_monitors[counting[i]].srcintf))
			core.ping_monitors |= std::uint64_t{1} << i;
	core.ping_threshold = vcluster.pingserver_failover_threshold;
	core.flip_timeout = flip_timeout(vcluster.pingserver_flip_timeout, configuration.ha.test_timer_scale);
	core.force_reset = vcluster.pingserver_secondary_force_reset;
	return core;
}

} // namespace

std::chrono::milliseconds Configuration::Ha::control_watchdog_interval() const
{
	if (control_watchdog.count() != 0)
		return control_watchdog;
	return std::max(3 * dead_interval(), std::chrono::milliseconds{200});
}

bool Configuration::Ha::is_heartbeat_port(std::string_view name) const
{
	return std::any_of(hbdev.begin(), hbdev.end(), [&](const HeartbeatPort &port) { return port.name == name; });
}

bool Configuration::Ha::proposes(Proposal proposal) const
{
	return std::find(proposals.begin(), proposals.end(), proposal) != proposals.end();
}

std::vector<Configuration::Vcluster> Configuration::Ha::effective_vclusters() const
{
	std::vector<Vcluster> all;
	if (vcluster_status)
		all = vclusters;
	if (std::none_of(all.begin(), all.end(), [](const Vcluster &one) { return one.id == 1; })) {
		Vcluster first;
		first.override_enabled = override_enabled;
		first.override_wait_time = override_wait_time;
		first.priority = priority;
		first.monitor = monitor;
		first.link_group_monitor = link_group_monitor;
		first.pingserver_monitor_interface = pingserver_monitor_interface;
		first.pingserver_failover_threshold = pingserver_failover_threshold;
		first.pingserver_flip_timeout = pingserver_flip_timeout;
		first.pingserver_secondary_force_reset = pingserver_secondary_force_reset;
		all.push_back(std::move(first));
	}
	std::sort(all.begin(), all.end(), [](const Vcluster &a, const Vcluster &b) { return a.id < b.id; });
	return all;
}

Configuration::Names Configuration::Ha::monitored_interfaces() const
{
	Names all;
	for (const Vcluster &vcluster : effective_vclusters())
		for (const std::string &name : vcluster.monitor)
			if (!holds(all, name))
				all.push_back(name);
	return all;
}

bool Configuration::Ha::uses_witness() const
{
	return isolation == core::Isolation::witness ||
	       (isolation == core::Isolation::demote && isolation_proof == IsolationProof::lease);
}

std::uint8_t Configuration::vcluster_of(const Interface &interface) const
{
	for (const Vcluster &vcluster : ha.effective_vclusters())
		if (holds(vcluster.vdoms, interface.vdom))
			return vcluster.id;
	return 1;
}

std::vector<std::size_t> Configuration::counting_link_monitors() const
{
	const std::vector<Vcluster> vclusters = ha.effective_vclusters();
	std::vector<std::size_t> counting;
	for (std::size_t i = 0; i < link_monitors.size(); ++i)
		if (link_monitors[i].status &&
		    std::any_of(vclusters.begin(), vclusters.end(), [&](const Vcluster &vcluster) {
			    return holds(vcluster.pingserver_monitor_interface, link_monitors[i].srcintf);
		    }))
			counting.push_back(i);
	return counting;
}

// A primary that nobody hears stops by itself; the others must not claim its role before. From the loss of the primary,
// as the waiting member sees it, that takes the primary at most:
//
//   one heartbeat interval   it was cut off just after a beat of ours, we just before one of its own
//   the dead interval, and half of it or 6 intervals, whichever is more
//                            until it, too, has lost every peer; beats that were delayed on their way count a while longer;
//                            or control-watchdog, if that is more: the addresses of a hung control go a dead interval
//                            after it, and the loss of the primary is seen a dead interval after its last beat
//   100 ms                   drift of the clocks, turns of the loops, taking the addresses away
//   with proof by links: until it sees that its proof of life is gone, which may break in the same moment; the longer of
//     250 ms                                 monitored interfaces: carrier is looked at every 100 ms, and the kernel's
//                                            answer may take as long
//     failtime x interval + probe-timeout    link monitors: the slowest that counts
//
// With a witness the lease takes the place of the proof: the claim waits for it besides this.
core::Duration isolation_wait(const Configuration &configuration)
{
	const Configuration::Ha &ha = configuration.ha;
	const core::Duration interval = ha.interval();
	const core::Duration dead = ha.dead_interval();
	const core::Duration until_isolated =
		interval +
		std::max<core::Duration>(dead + std::max(dead / 2, 6 * interval), ha.control_watchdog_interval()) +
		std::chrono::milliseconds{100};
	if (ha.isolation == core::Isolation::fgcp)
		return {};
	if (ha.uses_witness())
		return until_isolated;
	core::Duration until_seen{};
	if (!ha.monitored_interfaces().empty())
		until_seen = std::chrono::milliseconds{250};
	for (const std::size_t index : configuration.counting_link_monitors()) {
		const Configuration::LinkMonitor &monitor = configuration.link_monitors[index];
		until_seen = std::max<core::Duration>(until_seen,
						      monitor.failtime * monitor.interval + monitor.probe_timeout);
	}
	return until_isolated + until_seen;
}

core::Config core_config(const Configuration &configuration)
{
	const Configuration::Ha &ha = configuration.ha;
	core::Config config;
	config.self = core::MemberId::from(configuration.global.serial);
	config.group_id = ha.group_id;
	assert(ha.group_name.size() <= config.group_name.size());
	std::copy(ha.group_name.begin(), ha.group_name.end(), config.group_name.begin());

	config.policy = 0;
	if (ha.authentication)
		config.policy |= core::policy_authentication;
	if (ha.encryption)
		config.policy |= core::policy_encryption;
	// Clear heartbeats are a capability only of a member whose policy allows them: nobody can then be talked into them.
	config.capabilities = core::cap_null_sha1;
	if (!ha.authentication && !ha.encryption)
		config.capabilities |= core::cap_plain;
	if (ha.proposes(Configuration::Proposal::aes128_sha1))
		config.capabilities |= core::cap_cbc_sha1;
	if (ha.proposes(Configuration::Proposal::aes128gcm))
		config.capabilities |= core::cap_gcm;

	config.suite_policy_group = ha.suite_policy == Configuration::SuitePolicy::group;
	config.rekey_interval = ha.rekey_interval;
	config.password_indexes.clear();
	config.password_indexes.push_back(ha.password_index);
	if (!ha.password_next.empty())
		config.password_indexes.push_back(ha.password_next_index);

	config.hb_interval = ha.interval();
	config.hb_lost_threshold = ha.hb_lost_threshold;
	config.hello_holddown = ha.hello_holddown;
	config.carrier_loss_immediate = ha.carrier_loss == Configuration::CarrierLoss::immediate;
	config.expected_members = ha.expected_members;
	config.uptime_margin = ha.uptime_diff_margin;
	config.failover_hold = ha.failover_hold_time;
	config.session_sync_wait = ha.session_sync_wait;
	config.link_count = static_cast<std::uint8_t>(ha.hbdev.size());

	config.memory.enabled = ha.memory_based_failover;
	config.memory.threshold_percent = ha.memory_failover_threshold;
	config.memory.monitor_period = ha.memory_failover_monitor_period;
	config.memory.sample_interval = ha.memory_failover_sample_rate;
	config.memory.flip_timeout = flip_timeout(ha.memory_failover_flip_timeout, ha.test_timer_scale);
	config.memory.failback = ha.memory_failover_failback;
	config.ssd_failover = ha.ssd_failover;
	config.session_pickup = ha.session_pickup;

	// A lease for proof is a witness that never lets anybody act without it.
	config.isolation = ha.uses_witness() ? core::Isolation::witness : ha.isolation;
	config.isolation_wait = isolation_wait(configuration);
	config.witness_fallback_act =
		ha.isolation == core::Isolation::witness && ha.witness_fallback == Configuration::WitnessFallback::act;

	config.monitor_count = static_cast<std::uint8_t>(ha.monitored_interfaces().size());
	for (const std::size_t index : configuration.counting_link_monitors())
		config.ping_priority.push_back(configuration.link_monitors[index].ha_priority);
	config.vclusters.clear();
	for (const Configuration::Vcluster &vcluster : ha.effective_vclusters())
		config.vclusters.push_back(core_vcluster(configuration, vcluster));
	return config;
}

std::string default_serial(std::string_view machine_id, std::string_view instance)
{
	// machine-id(5) asks that the id itself is never shown: hash it with a word of our own in front.
	std::string input = "systole serial";
	input += '\0';
	while (!machine_id.empty() &&
	       (machine_id.back() == '\n' || machine_id.back() == '\r' || machine_id.back() == ' '))
		machine_id.remove_suffix(1);
	input += machine_id;
	input += '\0';
	input += instance;
	const auto digest = config::sha256(input);

	constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	std::string serial = "SYS";
	unsigned bits = 0;
	unsigned value = 0;
	for (std::size_t i = 0; serial.size() < 16; ++i) {
		value = value << 8 | static_cast<unsigned>(digest[i]);
		bits += 8;
		while (bits >= 5 && serial.size() < 16) {
			bits -= 5;
			serial += alphabet[value >> bits & 31];
		}
	}
	return serial;
}

} // namespace systole::control
