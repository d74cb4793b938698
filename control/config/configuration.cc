// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/configuration.h"

#include "control/config/sha256.h"

#include <algorithm>
#include <cassert>

namespace systole::control {

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

	config.hb_interval = ha.interval();
	config.hb_lost_threshold = ha.hb_lost_threshold;
	config.hello_holddown = ha.hello_holddown;
	config.carrier_loss_immediate = ha.carrier_loss == Configuration::CarrierLoss::immediate;
	config.expected_members = ha.expected_members;
	config.priority = ha.priority;
	config.override_enabled = ha.override_enabled;
	config.uptime_margin = ha.uptime_diff_margin;
	config.link_count = static_cast<std::uint8_t>(ha.hbdev.size());
	config.monitor_count = static_cast<std::uint8_t>(ha.monitor.size());
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
