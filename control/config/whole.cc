// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What no single line can show: values that are missing, and values that contradict each other.
#include "control/config/written.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace systole::control::config {

namespace {

using Mode = Configuration::Mode;
using Proposal = Configuration::Proposal;

class Checker {
public:
	Checker(const Configuration &configuration, const Written &root, Diagnostics &diagnostics)
	    : m_configuration(configuration), m_ha(configuration.ha), m_root(root),
	      m_ha_written(object_of(root, ha_section)), m_diagnostics(diagnostics), m_elections(elections())
	{
	}

	void run()
	{
		check_mandatory(root_section(), m_root);
		check_addresses();
		check_link_monitors();
		check_protection();
		check_ether_types();
		check_ports();
		check_groups();
		check_sessions();
		check_session_filters();
		check_vclusters();
		check_elections();
		check_test_scale();
		if (m_ha.mode != Mode::standalone)
			check_cluster();
	}

private:
	// A virtual cluster as it is in force, and where its options stand.
	struct Election {
		Configuration::Vcluster options;
		const Written &written;
	};
	[[nodiscard]] std::vector<Election> elections() const;
	static const Written &object_of(const Written &parent, const Section &section)
	{
		static const Written nothing{{1, 1}, {}, {}};
		const WrittenSection *written = parent.section(section);
		return written == nullptr || written->objects.empty() ? nothing : written->objects.front();
	}
	[[nodiscard]] bool is_set(std::string_view option) const { return m_ha_written.options.contains(option); }
	// What nests in config system ha; nullptr when it is not written.
	[[nodiscard]] const WrittenSection *nested(std::string_view path) const
	{
		for (const auto &[section, found] : m_ha_written.nested)
			if (section->path == path)
				return &found;
		return nullptr;
	}
	void error(Position at, const std::string &message) { m_diagnostics.error(at, message); }
	void warning(Position at, const std::string &message) { m_diagnostics.warning(at, message); }

	void check_mandatory(const Section &section, const Written &written);
	void check_cluster();
	void check_protection();
	void check_ether_types();
	void check_ports();
	void check_groups();
	void check_sessions();
	void check_session_filters();
	void check_addresses();
	void check_link_monitors();
	void check_vclusters();
	void check_elections();
	void check_isolation();
	void check_proof_of_life();
	void check_test_scale();
	void warn_idle(std::initializer_list<std::string_view> options, const std::string &why);
	[[nodiscard]] static bool watches(const Configuration::Vcluster &vcluster, const std::string &interface);
	[[nodiscard]] bool watches_anywhere(const std::string &interface) const;

	const Configuration &m_configuration;
	const Configuration::Ha &m_ha;
	const Written &m_root;
	const Written &m_ha_written;
	Diagnostics &m_diagnostics;
	const std::vector<Election> m_elections;
};

void Checker::check_mandatory(const Section &section, const Written &written)
{
	for (const Option &option : section.options)
		if (option.is_mandatory && !written.options.contains(option.name))
			error(written.at, "set " + std::string(option.name) + " is missing in this entry of config " +
						  std::string(section.path));
	for (const auto &[nested, found] : written.nested)
		for (const Written &object : found.objects)
			check_mandatory(*nested, object);
}

void Checker::check_cluster()
{
	if (m_ha.hbdev.empty() && !is_set("hbdev"))
		error(m_ha_written.at,
		      "set hbdev is missing: a cluster needs at least one heartbeat port, as in set hbdev \"hb0\" 50");
	if (m_ha.password.empty() && !is_set("password"))
		error(m_ha_written.at,
		      "set password is missing: write the secret that all members share, 12 characters or more");
	if (m_ha.mode == Mode::active_active)
		warning(m_ha_written.position_of("mode", 0),
			"mode a-a is accepted and works as a-p: the secondary carries no traffic");
	if (m_ha.control_watchdog.count() != 0 && m_ha.control_watchdog < m_ha.dead_interval())
		warning(m_ha_written.position_of("control-watchdog", 0),
			"control-watchdog is shorter than the dead interval (" +
				std::to_string(m_ha.dead_interval().count()) +
				" ms): a short stall would silence this member");
	check_isolation();
}

void Checker::check_protection()
{
	if (m_ha.encryption && !m_ha.authentication)
		error(m_ha_written.position_of(is_set("encryption") ? "encryption" : "authentication", 0),
		      std::string("encryption without authentication protects nothing: set authentication enable, or "
				  "also set encryption disable") +
			      (is_set("encryption") ? "" : " (encryption is enabled by default)"));

	if (!m_ha.encryption && !m_ha.authentication)
		warning(m_ha_written.position_of(is_set("authentication") ? "authentication" : "encryption", 0),
			"heartbeats are neither authenticated nor encrypted: whoever reaches the heartbeat ports can "
			"forge them");
	if (!m_ha.password_next.empty() && m_ha.password_next_index == m_ha.password_index)
		error(m_ha_written.position_of(is_set("password-next-index") ? "password-next-index" : "password-next",
					       0),
		      "password and password-next have the same index (" + std::to_string(m_ha.password_index) +
			      "): set password-next-index to another number, the same on every member");

	std::string left_out;
	for (const Proposal proposal : m_ha.proposals)
		if (proposal != Proposal::aes128_sha1 && proposal != Proposal::aes128gcm)
			left_out += (left_out.empty() ? "" : ", ") +
				    std::string(ha_section.option("ipsec-phase2-proposal")
							->choices[static_cast<std::size_t>(proposal)]);
	if (left_out.empty())
		return;
	const Position at = m_ha_written.position_of("ipsec-phase2-proposal", 0);
	if (!m_ha.proposes(Proposal::aes128_sha1) && !m_ha.proposes(Proposal::aes128gcm))
		error(at, "none of " + left_out + " is supported here: add aes128-sha1 or aes128gcm");
	else
		warning(at, "not supported here and left out: " + left_out);
}

void Checker::check_ether_types()
{
	const std::array<std::pair<std::string_view, std::uint16_t>, 3> types{{{"ha-eth-type", m_ha.ha_eth_type},
									       {"hc-eth-type", m_ha.hc_eth_type},
									       {"l2ep-eth-type", m_ha.l2ep_eth_type}}};
	for (std::size_t i = 0; i < types.size(); ++i) {
		for (std::size_t k = 0; k < i; ++k) {
			if (types[i].second != types[k].second)
				continue;
			const std::string_view at = is_set(types[i].first) ? types[i].first : types[k].first;
			error(m_ha_written.position_of(at, 0), std::string(types[k].first) + " and " +
								       std::string(types[i].first) +
								       " are alike: give each a value of its own");
		}
	}
	for (const auto &[name, value] : types)
		if (value == 0x8892)
			error(m_ha_written.position_of(name, 0),
			      std::string(name) + " 8892 is taken by session synchronisation: choose another");
}

void Checker::check_ports()
{
	const WrittenSection *mgmt = nested("ha-mgmt-interfaces");
	for (std::size_t i = 0; i < m_ha.mgmt_interfaces.size(); ++i)
		if (m_ha.is_heartbeat_port(m_ha.mgmt_interfaces[i].interface))
			error(mgmt->objects[i].position_of("interface", 0),
			      quoted(m_ha.mgmt_interfaces[i].interface) +
				      " is a heartbeat port: it cannot be a management interface too");
}

void Checker::check_groups()
{
	if (m_ha.vclusters.size() > 2 && m_ha.group_id > 7)
		error(m_ha_written.position_of("group-id", 0),
		      "group-id " + std::to_string(m_ha.group_id) +
			      " is out of range: with more than two virtual clusters write a number from 0 to 7");
	const auto check = [&](const Configuration::Names &names, const Written &written) {
		for (std::size_t i = 0; i < names.size(); ++i)
			if (std::none_of(m_ha.link_groups.begin(), m_ha.link_groups.end(),
					 [&](const auto &group) { return group.name == names[i]; }))
				error(written.position_of("link-group-monitor", i),
				      "no link group " + quoted(names[i]) +
					      ": add it under config link-group, or remove it here");
	};
	check(m_ha.link_group_monitor, m_ha_written);
	for (std::size_t i = 0; i < m_ha.vclusters.size(); ++i)
		check(m_ha.vclusters[i].link_group_monitor, nested("vcluster")->objects[i]);
}

void Checker::check_sessions()
{
	if (m_ha.session_pickup) {
		// Their frames need the keys and the peers of a heartbeat port; another port would never carry one.
		for (std::size_t i = 0; m_ha.mode != Mode::standalone && i < m_ha.session_sync_dev.size(); ++i)
			if (!m_ha.hbdev.empty() && !m_ha.is_heartbeat_port(m_ha.session_sync_dev[i]))
				error(m_ha_written.position_of("session-sync-dev", i),
				      quoted(m_ha.session_sync_dev[i]) +
					      " is no heartbeat port, and sessions go over heartbeat ports: add it to "
					      "hbdev too, with priority 0 if it is to be the last choice for the rest");
		if (m_ha.session_pickup_expectation &&
		    m_ha.session_source == Configuration::SessionSource::shared_memory)
			warning(m_ha_written.position_of("session-pickup-expectation", 0),
				"session-pickup-expectation does nothing while session-source is shared-memory: only "
				"the kernel has helpers");
		return;
	}
	for (const auto &[name, is_on] :
	     {std::pair{"session-pickup-connectionless", m_ha.session_pickup_connectionless},
	      std::pair{"session-pickup-delay", m_ha.session_pickup_delay},
	      std::pair{"session-pickup-expectation", m_ha.session_pickup_expectation},
	      std::pair{"session-sync-dev", !m_ha.session_sync_dev.empty()}})
		if (is_on)
			warning(m_ha_written.position_of(name, 0),
				std::string(name) + " does nothing while session-pickup is disable");
}

void Checker::check_session_filters()
{
	const WrittenSection *written = m_root.section(session_filter_section);
	if (written == nullptr || written->objects.empty())
		return;
	if (!m_ha.session_pickup)
		warning(written->objects.front().at,
			"config system session-filter does nothing while session-pickup is disable");
	const Option &protocol_option = *session_filter_section.option("protocol");
	const Written *all = nullptr; // nothing comes past this entry
	for (std::size_t i = 0; i < m_configuration.session_filters.size(); ++i) {
		const Configuration::SessionFilter &filter = m_configuration.session_filters[i];
		const Written &here = written->objects[i];
		const bool has_ports =
			filter.protocol == 0 || filter.protocol == IPPROTO_TCP || filter.protocol == IPPROTO_UDP;
		const std::string protocol =
			"protocol " + protocol_option.binding.words(&filter, protocol_option).front();
		if (!filter.port.is_everything() && !has_ports)
			error(here.position_of("port", 0), protocol + " has no ports here: unset port, or set protocol "
								      "tcp, udp or any");
		const bool is_ipv6 = filter.address && std::holds_alternative<Ipv6Prefix>(*filter.address);
		const std::uint8_t foreign_icmp = is_ipv6 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
		if (filter.address && filter.protocol == foreign_icmp)
			error(here.position_of("protocol", 0),
			      protocol + " and an address of " + (is_ipv6 ? "IPv6" : "IPv4") +
				      " match nothing: set protocol " + (is_ipv6 ? "icmp6" : "icmp"));
		if (all != nullptr)
			warning(here.at, "session filter " + quoted(filter.name) + " is never asked: the one on line " +
						 std::to_string(all->at.line) + " matches everything");
		else if (filter.protocol == IPPROTO_SCTP || filter.protocol == IPPROTO_DCCP)
			warning(here.position_of("protocol", 0),
				protocol + " (SCTP and DCCP) is never synchronised: this entry does nothing");
		else if (m_ha.session_pickup && !m_ha.session_pickup_connectionless && filter.protocol != 0 &&
			 filter.protocol != IPPROTO_TCP)
			warning(here.position_of("protocol", 0),
				protocol + " is not synchronised while session-pickup-connectionless is disable: this "
					   "entry does nothing");
		// A value with an error is not there; it does not match everything for that.
		if (all == nullptr && filter.matches_everything() && !here.options.contains("address") &&
		    !here.options.contains("protocol") && !here.options.contains("port"))
			all = &here;
	}
}

void Checker::check_addresses()
{
	const WrittenSection *written = m_root.section(interface_section);
	std::map<Ipv4Address, Position> seen;
	std::map<Ipv6Address, Position> seen6;
	const auto check = [&](const Ipv4Prefix &prefix, Position at) {
		// Members talk over 169.254.0.0/26; the kernel must not answer for these addresses.
		if ((host_order(prefix.address) & 0xffffffc0) == 0xa9fe0000)
			error(at, to_text(prefix.address) +
					  " belongs to the heartbeat (169.254.0.0/26): choose another address");
		const auto [found, is_new] = seen.emplace(prefix.address, at);
		if (!is_new)
			error(at, to_text(prefix.address) + " stands twice (first on line " +
					  std::to_string(found->second.line) + "): keep one");
	};
	for (std::size_t i = 0; i < m_configuration.interfaces.size(); ++i) {
		const Configuration::Interface &interface = m_configuration.interfaces[i];
		const Written &here = written->objects[i];
		if (interface.ip)
			check(*interface.ip, here.position_of("ip", 0));
		for (const auto &[section, found] : here.nested) {
			if (section->path == "secondaryip") {
				for (std::size_t k = 0; k < interface.secondaries.size(); ++k)
					if (interface.secondaries[k].ip)
						check(*interface.secondaries[k].ip,
						      found.objects[k].position_of("ip", 0));
			} else if (interface.ipv6.address) {
				const Position at = found.objects.front().position_of("ip6-address", 0);
				const auto [earlier, is_new] = seen6.emplace(interface.ipv6.address->address, at);
				if (!is_new)
					error(at, to_text(interface.ipv6.address->address) +
							  " stands twice (first on line " +
							  std::to_string(earlier->second.line) + "): keep one");
			}
		}
		if (m_ha.is_heartbeat_port(interface.name) &&
		    (interface.ip || !interface.secondaries.empty() || interface.ipv6.address))
			warning(here.position_of("ip"),
				quoted(interface.name) + " is a heartbeat port: its cluster addresses are not used");
	}
}

void Checker::check_link_monitors()
{
	const WrittenSection *written = m_root.section(link_monitor_section);
	for (std::size_t i = 0; i < m_configuration.link_monitors.size(); ++i) {
		const Configuration::LinkMonitor &monitor = m_configuration.link_monitors[i];
		const Written &here = written->objects[i];
		const bool is_individual = monitor.server_config == Configuration::ServerConfig::individual;
		const bool has_list = std::any_of(here.nested.begin(), here.nested.end(),
						  [](const auto &one) { return !one.second.objects.empty(); });
		if (!is_individual && monitor.servers.empty() && !here.options.contains("server"))
			error(here.at, "set server is missing in link monitor " + quoted(monitor.name) +
					       ": write what is to be probed");
		if (is_individual && !has_list)
			error(here.at, "server-config individual, but config server-list is missing in link monitor " +
					       quoted(monitor.name));
		if (!is_individual && has_list)
			warning(here.at, "server-list of link monitor " + quoted(monitor.name) +
						 " does nothing while server-config is default");

		if (monitor.status && m_ha.mode != Mode::standalone && !watches_anywhere(monitor.srcintf))
			warning(here.position_of("srcintf", 0),
				"link monitor " + quoted(monitor.name) +
					" cannot cause a failover: its srcintf is not in pingserver-monitor-interface");
	}
	if (const auto counting = m_configuration.counting_link_monitors(); counting.size() > core::max_ping_monitors)
		error(written->objects[counting[core::max_ping_monitors]].at,
		      "too many link monitors count in the election: at most " +
			      std::to_string(core::max_ping_monitors) +
			      "; take interfaces out of pingserver-monitor-interface, or set status disable here");
}

bool Checker::watches_anywhere(const std::string &interface) const
{
	return std::any_of(m_elections.begin(), m_elections.end(),
			   [&](const Election &election) { return watches(election.options, interface); });
}

bool Checker::watches(const Configuration::Vcluster &vcluster, const std::string &interface)
{
	const auto &watched = vcluster.pingserver_monitor_interface;
	return std::find(watched.begin(), watched.end(), interface) != watched.end();
}

std::vector<Checker::Election> Checker::elections() const
{
	std::vector<Election> all;
	const WrittenSection *written = nested("vcluster");
	for (Configuration::Vcluster &vcluster : m_ha.effective_vclusters()) {
		const Written *place = &m_ha_written;
		for (std::size_t i = 0; m_ha.vcluster_status && i < m_ha.vclusters.size(); ++i)
			if (m_ha.vclusters[i].id == vcluster.id)
				place = &written->objects[i];
		all.push_back({std::move(vcluster), *place});
	}
	return all;
}

// What an entry says, and what says nothing beside it.
void Checker::check_vclusters()
{
	const WrittenSection *written = nested("vcluster");
	if (written == nullptr || written->objects.empty())
		return;
	std::map<std::string_view, Position> seen;
	for (std::size_t i = 0; i < m_ha.vclusters.size(); ++i) {
		const Configuration::Vcluster &vcluster = m_ha.vclusters[i];
		for (std::size_t k = 0; k < vcluster.vdoms.size(); ++k) {
			const Position at = written->objects[i].position_of("vdom", k);
			const auto [found, is_new] = seen.emplace(vcluster.vdoms[k], at);
			if (!is_new)
				error(at, "vdom " + quoted(vcluster.vdoms[k]) + " stands twice (first on line " +
						  std::to_string(found->second.line) +
						  "): it belongs to one virtual cluster");
		}
		// Virtual cluster 1 has what the others leave over.
		if (m_ha.vcluster_status && vcluster.id != 1 && vcluster.vdoms.empty() &&
		    !written->objects[i].options.contains("vdom"))
			warning(written->objects[i].at, "virtual cluster " + std::to_string(vcluster.id) +
								" has no vdom: no address follows its primary; write "
								"set vdom \"NAME\" here and "
								"in config system interface");
	}
	if (!m_ha.vcluster_status)
		return warning(written->objects.front().at,
			       "config vcluster does nothing while vcluster-status is disable");
	if (!written->keys.contains("1"))
		return;
	warn_idle({"override", "override-wait-time", "priority", "monitor", "link-group-monitor",
		   "pingserver-monitor-interface", "pingserver-failover-threshold", "pingserver-flip-timeout",
		   "pingserver-secondary-force-reset"},
		  "here: virtual cluster 1 has an entry in config vcluster (line " +
			  std::to_string(written->keys.at("1").line) + "), which alone counts");
}

// One warning for those of these options of config system ha that are set.
void Checker::warn_idle(std::initializer_list<std::string_view> options, const std::string &why)
{
	std::string list;
	Position first;
	bool are_many = false;
	for (const std::string_view name : options) {
		if (!is_set(name))
			continue;
		const Position at = m_ha_written.position_of(name);
		first = list.empty() ? at : std::min(first, at);
		are_many = !list.empty();
		list += (are_many ? ", " : "") + std::string(name);
	}
	if (!list.empty())
		warning(first, list + (are_many ? " do nothing " : " does nothing ") + why);
}

void Checker::check_elections()
{
	if (const auto all = m_ha.monitored_interfaces(); all.size() > core::max_monitors)
		error(m_elections.back().written.position_of("monitor"),
		      "the virtual clusters monitor " + std::to_string(all.size()) + " interfaces: at most " +
			      std::to_string(core::max_monitors) + " in all");
	for (const Election &election : m_elections) {
		const Configuration::Vcluster &options = election.options;
		if (options.override_wait_time.count() > 0 && !options.override_enabled)
			warning(election.written.position_of("override-wait-time", 0),
				"override-wait-time does nothing while override is disable");
		if (m_ha.mode == Mode::standalone)
			continue;
		// The published trap: the age of the primary is reset when the secondary reboots.
		for (std::size_t i = 0; i < options.monitor.size(); ++i)
			if (m_ha.is_heartbeat_port(options.monitor[i]))
				warning(election.written.position_of("monitor", i),
					quoted(options.monitor[i]) +
						" is a heartbeat port and monitored too: on a direct cable a reboot of "
						"the secondary takes its link down, resets the age of the primary and "
						"moves the role without need; do not monitor heartbeat ports");
		unsigned weight = 0;
		for (const std::size_t index : m_configuration.counting_link_monitors())
			if (watches(options, m_configuration.link_monitors[index].srcintf))
				weight += m_configuration.link_monitors[index].ha_priority;
		if (weight > 0 && weight < options.pingserver_failover_threshold)
			warning(election.written.position_of("pingserver-failover-threshold", 0),
				"never reached: the ha-priority of all link monitors together is only " +
					std::to_string(weight));
	}
}

void Checker::check_isolation()
{
	const bool is_demote = m_ha.isolation == core::Isolation::demote;
	const bool is_lease = m_ha.isolation_proof == Configuration::IsolationProof::lease;
	const std::string policy =
		"isolation is " + std::string(ha_section.option("isolation")->choices[std::size_t(m_ha.isolation)]);
	if (is_set("isolation-proof") && !is_demote)
		warning(m_ha_written.position_of("isolation-proof", 0),
			"isolation-proof does nothing while " + policy + ": it belongs to isolation demote");
	if (is_demote && !is_lease)
		check_proof_of_life();

	if (m_ha.uses_witness()) {
		if (m_ha.witness_endpoints.empty() && !is_set("witness-endpoint"))
			error(m_ha_written.position_of(is_demote ? "isolation-proof" : "isolation", 0),
			      std::string(is_demote ? "isolation-proof lease" : "isolation witness") +
				      " needs a witness: write the members of an etcd cluster, as in set "
				      "witness-endpoint \"http://10.0.0.5:2379\"");
		if (is_demote && m_ha.witness_fallback == Configuration::WitnessFallback::act)
			warning(m_ha_written.position_of("witness-fallback", 0),
				"witness-fallback act does nothing with isolation-proof lease: a primary that nobody "
				"hears and that has no lease stops");
	} else {
		warn_idle({"witness-endpoint", "witness-ttl", "witness-timeout", "witness-fallback", "witness-ca",
			   "witness-certificate", "witness-key"},
			  "while " + policy + (is_demote ? " with isolation-proof links" : ""));
	}
	if (m_ha.witness_certificate.empty() != m_ha.witness_key.empty()) {
		const bool has_key = m_ha.witness_certificate.empty();
		error(m_ha_written.position_of(has_key ? "witness-key" : "witness-certificate", 0),
		      has_key ? "witness-key without witness-certificate: set both or none"
			      : "witness-certificate without witness-key: set both or none");
	}
}

void Checker::check_proof_of_life()
{
	for (const Election &election : m_elections) {
		const auto &monitors = m_configuration.link_monitors;
		const bool is_probed = std::any_of(monitors.begin(), monitors.end(), [&](const auto &monitor) {
			return monitor.status && watches(election.options, monitor.srcintf);
		});
		if (election.options.monitor.empty() && !is_probed)
			warning(m_ha_written.position_of("isolation", 0),
				(m_elections.size() == 1
					 ? std::string("a primary")
					 : "the primary of virtual cluster " + std::to_string(election.options.id)) +
					" has no proof of life to lose: isolation demote does nothing; set monitor, or "
					"pingserver-monitor-interface and a link monitor, or isolation-proof lease");
	}
}

void Checker::check_test_scale()
{
	if (m_ha.test_timer_scale != 1)
		warning(m_ha_written.position_of("test-timer-scale", 0),
			"for tests only: flip timeouts last 1/" + std::to_string(m_ha.test_timer_scale) +
				" of what they say; take it out of a cluster that works");
}

} // namespace

void check_whole(const Configuration &configuration, const Written &root, Diagnostics &diagnostics)
{
	Checker(configuration, root, diagnostics).run();
}

} // namespace systole::control::config
