// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `config system ha` and what nests in it. Rows that are not bound to a member exist so that a pasted vendor file
// loads: their values are checked and kept, and one warning names them.
#include "control/config/option.h"

#include "control/core/types.h"

namespace systole::control::config {

namespace {

using C = Configuration;
using Ha = Configuration::Ha;

constexpr std::string_view modes[] = {"standalone", "a-p", "a-a"};
constexpr std::string_view carrier_losses[] = {"timer", "immediate"};
constexpr std::string_view session_commits[] = {"hot", "on-takeover"};
constexpr std::string_view session_sources[] = {"conntrack", "shared-memory"};
constexpr std::string_view poll_modes[] = {"auto", "busy", "adaptive"};
constexpr std::string_view proposals[] = {"aes128-sha1",   "aes128gcm",   "aes128-sha256",   "aes128-sha384",
					  "aes128-sha512", "aes192-sha1", "aes192-sha256",   "aes192-sha384",
					  "aes192-sha512", "aes256-sha1", "aes256-sha256",   "aes256-sha384",
					  "aes256-sha512", "aes256gcm",   "chacha20poly1305"};
constexpr std::string_view schedules[] = {"none", "leastconnection", "round-robin", "weight-round-robin", "random",
					  "ip",   "ipport",          "hub"};
constexpr std::string_view suite_policies[] = {"pairwise", "group"};
constexpr std::string_view isolations[] = {"fgcp", "demote", "witness"};
constexpr std::string_view isolation_proofs[] = {"links", "lease"};
constexpr std::string_view witness_fallbacks[] = {"stop", "act"};
constexpr std::string_view upgrade_modes[] = {"simultaneous", "uninterruptible", "local-only", "secondary-only"};

constexpr std::int64_t most_minutes = 2147483647;

// ---------------------------------------------------------------- nested tables

constexpr Option mgmt_key =
	integer("id", 1, 4294967295, "", "number of the entry").bound(bind<&C::MgmtInterface::id>());
constexpr Option mgmt_options[] = {
	row("interface", Kind::name, 1, 15, "", "the reserved management interface")
		.bound(bind<&C::MgmtInterface::interface>())
		.local()
		.mandatory(),
	row("dst", Kind::ipv4_net, 0, 0, "0.0.0.0 0.0.0.0", "destination reached through the gateway")
		.bound(bind<&C::MgmtInterface::dst>())
		.local(),
	row("gateway", Kind::ipv4, 0, 0, "0.0.0.0", "its IPv4 gateway")
		.bound(bind<&C::MgmtInterface::gateway>())
		.local(),
	row("dst6", Kind::ipv6_net, 0, 0, "::/0", "IPv6 destination reached through the gateway")
		.bound(bind<&C::MgmtInterface::dst6>())
		.local(),
	row("gateway6", Kind::ipv6, 0, 0, "::", "its IPv6 gateway").bound(bind<&C::MgmtInterface::gateway6>()).local(),
};
constexpr Section mgmt_section{.path = "ha-mgmt-interfaces",
			       .shape = Shape::table,
			       .options = mgmt_options,
			       .nested = {},
			       .key = &mgmt_key,
			       .most_entries = 16,
			       .access = table<&Ha::mgmt_interfaces>(),
			       .follows = "ha-mgmt-status",
			       .help = "interfaces that stay with the member: no cluster address, no virtual MAC",
			       .is_synchronised = false};

constexpr Option peer_key = integer("id", 1, 4294967295, "", "number of the entry").bound(bind<&C::UnicastPeer::id>());
constexpr Option peer_options[] = {
	row("peer-ip", Kind::ipv4, 0, 0, "", "address of the peer")
		.bound(bind<&C::UnicastPeer::peer_ip>())
		.without_effect()
		.local()
		.mandatory(),
};
constexpr Section peer_section{.path = "unicast-peers",
			       .shape = Shape::table,
			       .options = peer_options,
			       .nested = {},
			       .key = &peer_key,
			       .most_entries = 16,
			       .access = table<&Ha::unicast_peers>(),
			       .follows = {},
			       .help = "peers of the vendor's unicast heartbeat",
			       .is_in_force = false,
			       .is_synchronised = false};

constexpr Option group_key = row("name", Kind::text, 1, 35, "", "name of the group").bound(bind<&C::LinkGroup::name>());
constexpr Option group_options[] = {
	names("member", 64, "the interfaces of the group")
		.bound(bind<&C::LinkGroup::members>())
		.without_effect()
		.mandatory(),
	integer("min-members", 1, 64, "1", "the group has failed when fewer than this are up")
		.bound(bind<&C::LinkGroup::min_members>())
		.without_effect(),
};
constexpr Section group_section{.path = "link-group",
				.shape = Shape::table,
				.options = group_options,
				.nested = {},
				.key = &group_key,
				.most_entries = 64,
				.access = table<&Ha::link_groups>(),
				.follows = "monitor",
				.help = "interfaces that are monitored as one",
				.is_in_force = false};

constexpr Option vcluster_key =
	integer("id", 1, 30, "", "number of the virtual cluster").bound(bind<&C::Vcluster::id>());
constexpr Option vcluster_options[] = {
	flag("override", "disable", "the higher priority wins before the age")
		.bound(bind<&C::Vcluster::override_enabled>())
		.local(),
	integer("override-wait-time", 0, 3600, "0", "delay before a unit that has booted takes its role back")
		.bound(bind<&C::Vcluster::override_wait_time>())
		.unit("s"),
	integer("priority", 0, 255, "128", "higher wins").bound(bind<&C::Vcluster::priority>()).local(),
	list("vdom", Kind::text_list, 31, 500, "virtual domains of the virtual cluster")
		.bound(bind<&C::Vcluster::vdoms>()),
	names("monitor", 64, "interfaces whose failure counts in the election").bound(bind<&C::Vcluster::monitor>()),
	list("link-group-monitor", Kind::text_list, 35, 64, "link groups whose failure counts")
		.bound(bind<&C::Vcluster::link_group_monitor>())
		.without_effect(),
	names("pingserver-monitor-interface", 64, "link monitors on these interfaces count")
		.bound(bind<&C::Vcluster::pingserver_monitor_interface>()),
	integer("pingserver-failover-threshold", 0, 50, "0",
		"sum of ha-priority of failed link monitors that causes a failover; 0 = any failure")
		.bound(bind<&C::Vcluster::pingserver_failover_threshold>()),
	integer("pingserver-flip-timeout", 6, most_minutes, "60", "no second failover by link monitors for so long")
		.bound(bind<&C::Vcluster::pingserver_flip_timeout>())
		.unit("min"),
	flag("pingserver-secondary-force-reset", "enable", "renegotiate when the flip timeout ends")
		.bound(bind<&C::Vcluster::pingserver_secondary_force_reset>())
		.once("pingserver-slave-force-reset"),
};
constexpr Section vcluster_section{.path = "vcluster",
				   .shape = Shape::table,
				   .options = vcluster_options,
				   .nested = {},
				   .key = &vcluster_key,
				   .most_entries = 30,
				   .access = table<&Ha::vclusters>(),
				   .follows = "vcluster-status",
				   .help = "virtual clusters with elections of their own; where entry 1 is missing, "
					   "virtual cluster 1 has the options of config system ha"};

constexpr Section secondary_vcluster_section{.path = "secondary-vcluster",
					     .shape = Shape::ignored,
					     .options = {},
					     .nested = {},
					     .access = {},
					     .follows = {},
					     .help = "the second virtual cluster of releases before 7.2",
					     .is_in_force = false};

// ---------------------------------------------------------------- system ha

constexpr Option ha_options[] = {
	// who belongs together
	integer("group-id", 0, 1023, "0", "number of the cluster; also in every virtual MAC")
		.bound(bind<&Ha::group_id>())
		.cure("with more than two virtual clusters 0 to 7"),
	row("group-name", Kind::text, 0, 32, "", "name of the cluster").bound(bind<&Ha::group_name>()),
	choice("mode", modes, "standalone", "a-p is active-passive; a-a is accepted and works as a-p")
		.bound(bind<&Ha::mode>()),
	row("password", Kind::secret, 1, 128, "",
	    "the secret all members share; mandatory unless standalone; never shown, never in a checksum")
		.bound(bind<&Ha::password>())
		.local(),
	integer("password-index", 0, 255, "0",
		"number of the password, the same on every member; never made from the password")
		.bound(bind<&Ha::password_index>())
		.local()
		.from("EXT"),
	row("password-next", Kind::secret, 1, 128, "",
	    "a second password this member takes, for changing the first without losing a member")
		.bound(bind<&Ha::password_next>())
		.local()
		.from("EXT"),
	integer("password-next-index", 0, 255, "1", "its number; execute ha rekey N begins to use it")
		.bound(bind<&Ha::password_next_index>())
		.local()
		.from("EXT"),
	integer("expected-members", 0, core::max_members, "0", "hello ends when so many members have met; 0 = unknown")
		.bound(bind<&Ha::expected_members>())
		.from("EXT"),

	// heartbeat
	list("hbdev", Kind::heartbeat_ports, 512, core::max_links,
	     "heartbeat ports; beats go out on all of them, the higher priority carries the bulk traffic")
		.bound(bind<&Ha::hbdev>()),
	names("session-sync-dev", core::max_links,
	      "heartbeat ports for session synchronisation, used in turn while one of them is alive; else, and unset = "
	      "the best heartbeat port that is")
		.bound(bind<&Ha::session_sync_dev>()),
	integer("hb-interval", 1, 20, "2", "time between two heartbeats, in units of hb-interval-in-milliseconds")
		.bound(bind<&Ha::hb_interval>())
		.from("ADM-HB"),
	row("hb-interval-in-milliseconds", Kind::heartbeat_unit, 0, 0, "100ms",
	    "the unit of hb-interval; 1ms is an extension")
		.bound(bind<&Ha::hb_unit>())
		.from("ADM-HB"),
	integer("hb-lost-threshold", 1, 60, "20", "so many heartbeats lost in a row mean that the peer is dead")
		.bound(bind<&Ha::hb_lost_threshold>())
		.from("ADM-HB"),
	integer("hello-holddown", 5, 300, "20", "longest time in the hello state before work")
		.bound(bind<&Ha::hello_holddown>())
		.unit("s")
		.once("helo-holddown")
		.from("ADM-HB"),
	choice("poll-mode", poll_modes, "auto",
	       "how a poll core waits: spin always (busy), or sleep until something is due (adaptive)")
		.bound(bind<&Ha::poll_mode>())
		.local()
		.from("EXT"),
	integer("control-watchdog", 0, 60000, "0",
		"the worker stops beating when control was silent for so long; 0 = the larger of 3 x the dead interval "
		"and 200 ms")
		.bound(bind<&Ha::control_watchdog>())
		.unit("ms")
		.from("EXT"),
	choice("hb-carrier-loss", carrier_losses, "timer",
	       "when no heartbeat port has carrier: wait for the dead interval (timer), or take every peer for lost at "
	       "once (immediate, for direct cables)")
		.bound(bind<&Ha::carrier_loss>())
		.from("EXT"),

	// protection
	flag("authentication", "enable", "authenticate heartbeats (the vendor's default is disable)")
		.bound(bind<&Ha::authentication>())
		.from("ADM-HB"),
	flag("encryption", "enable", "encrypt heartbeats; needs authentication (the vendor's default is disable)")
		.bound(bind<&Ha::encryption>())
		.from("ADM-HB"),
	choice_list("ipsec-phase2-proposal", proposals, "aes128-sha1 aes128gcm",
		    "suites this member speaks: aes128-sha1, aes128gcm; the others are the vendor's and left out with "
		    "a warning")
		.bound(bind<&Ha::proposals>()),
	choice("suite-policy", suite_policies, "pairwise",
	       "each pair of members uses the best suite both speak, or all the best that every live member speaks")
		.bound(bind<&Ha::suite_policy>())
		.from("EXT"),
	integer("rekey-interval", 60, 86400, "3600", "age at which a session gets new keys, give or take a tenth")
		.bound(bind<&Ha::rekey_interval>())
		.unit("s")
		.from("EXT"),
	row("ha-eth-type", Kind::ether_type, 0, 0, "8890", "EtherType of heartbeats").bound(bind<&Ha::ha_eth_type>()),
	row("hc-eth-type", Kind::ether_type, 0, 0, "8891", "EtherType the vendor uses in a-a mode; reserved")
		.bound(bind<&Ha::hc_eth_type>())
		.without_effect(),
	row("l2ep-eth-type", Kind::ether_type, 0, 0, "8893", "EtherType of configuration and relay traffic")
		.bound(bind<&Ha::l2ep_eth_type>())
		.without_effect(),

	// sessions and configuration
	flag("session-pickup", "disable", "keep TCP sessions ready on the secondary")
		.bound(bind<&Ha::session_pickup>()),
	flag("session-pickup-connectionless", "disable", "UDP and ICMP too; needs session-pickup")
		.bound(bind<&Ha::session_pickup_connectionless>()),
	flag("session-pickup-delay", "disable", "only sessions older than 30 s; needs session-pickup")
		.bound(bind<&Ha::session_pickup_delay>()),
	flag("session-pickup-expectation", "disable",
	     "what helpers expect, too (FTP, TFTP, SIP, IRC, Amanda, SANE, NetBIOS names); needs session-pickup")
		.bound(bind<&Ha::session_pickup_expectation>()),
	choice("session-commit", session_commits, "hot",
	       "when the secondary's kernel gets the sessions: all the time, or before it takes the addresses")
		.bound(bind<&Ha::session_commit>())
		.from("EXT"),
	integer("session-sync-wait", 0, 3600, "30",
		"a member that is not ready (ha_ready) leaves the role to one that is, for so long at most; 0 = never")
		.bound(bind<&Ha::session_sync_wait>())
		.unit("s")
		.from("EXT"),
	choice("session-source", session_sources, "conntrack",
	       "whose sessions: the kernel's, or those of a data plane at the session ring (docs/SESSION_RING.md)")
		.bound(bind<&Ha::session_source>())
		.from("EXT"),
	flag("sync-config", "enable", "keep the members' configurations in step")
		.bound(bind<&Ha::sync_config>())
		.without_effect(),

	// taking over
	integer("arps", 1, 60, "5", "gratuitous ARPs per address after becoming primary").bound(bind<&Ha::arps>()),
	integer("arps-interval", 1, 20, "8", "time between them").bound(bind<&Ha::arps_interval>()).unit("s"),
	flag("gratuitous-arps", "enable", "send them at all").bound(bind<&Ha::gratuitous_arps>()),
	flag("link-failed-signal", "disable",
	     "the old primary shuts its interfaces for a second, so that switches forget them")
		.bound(bind<&Ha::link_failed_signal>())
		.without_effect(),
	row("virtual-mac-prefix", Kind::mac_prefix, 0, 0, "",
	    "first four bytes of the virtual MACs; unset = the vendor's for this group-id")
		.bound(bind<&Ha::virtual_mac_prefix>())
		.from("EXT"),
	row("hook-primary", Kind::path, 0, 255, "", "program run after becoming primary")
		.bound(bind<&Ha::hook_primary>())
		.local()
		.from("EXT"),
	row("hook-secondary", Kind::path, 0, 255, "", "program run after becoming secondary")
		.bound(bind<&Ha::hook_secondary>())
		.local()
		.from("EXT"),
	integer("hook-timeout", 1, 300, "10", "a hook is ended after so long")
		.bound(bind<&Ha::hook_timeout>())
		.unit("s")
		.local()
		.from("EXT"),

	// management
	flag("ha-mgmt-status", "disable", "reserve management interfaces (config ha-mgmt-interfaces)")
		.bound(bind<&Ha::ha_mgmt_status>())
		.local(),

	// election
	integer("ha-uptime-diff-margin", 1, 65535, "300", "ages that differ by no more than this count as equal")
		.bound(bind<&Ha::uptime_diff_margin>())
		.unit("s"),
	integer("failover-hold-time", 0, 300, "0", "wait so long after the last change of a monitored interface")
		.bound(bind<&Ha::failover_hold_time>())
		.unit("s"),
	flag("override", "disable", "the higher priority wins before the age")
		.bound(bind<&Ha::override_enabled>())
		.local(),
	integer("override-wait-time", 0, 3600, "0",
		"delay before a member that has booted takes its role back; needs override")
		.bound(bind<&Ha::override_wait_time>())
		.unit("s"),
	integer("priority", 0, 255, "128", "higher wins").bound(bind<&Ha::priority>()).local(),
	names("monitor", core::max_monitors, "interfaces whose failure counts in the election")
		.bound(bind<&Ha::monitor>()),
	list("link-group-monitor", Kind::text_list, 35, 64, "link groups whose failure counts")
		.bound(bind<&Ha::link_group_monitor>())
		.without_effect(),
	names("pingserver-monitor-interface", 64, "link monitors on these interfaces count in the election")
		.bound(bind<&Ha::pingserver_monitor_interface>()),
	integer("pingserver-failover-threshold", 0, 50, "0",
		"sum of ha-priority of failed link monitors that causes a failover; 0 = any failure")
		.bound(bind<&Ha::pingserver_failover_threshold>()),
	integer("pingserver-flip-timeout", 6, most_minutes, "60", "no second failover by link monitors for so long")
		.bound(bind<&Ha::pingserver_flip_timeout>())
		.unit("min"),
	flag("pingserver-secondary-force-reset", "enable", "renegotiate when the flip timeout ends")
		.bound(bind<&Ha::pingserver_secondary_force_reset>())
		.once("pingserver-slave-force-reset"),
	flag("vcluster-status", "disable", "virtual clusters (config vcluster)").bound(bind<&Ha::vcluster_status>()),

	// a member that is not well
	flag("memory-based-failover", "disable", "fail over when memory runs short")
		.bound(bind<&Ha::memory_based_failover>()),
	integer("memory-failover-threshold", 0, 95, "0",
		"memory use that counts as short; 0 = the threshold of conserve mode, 88")
		.bound(bind<&Ha::memory_failover_threshold>())
		.unit("%"),
	integer("memory-failover-monitor-period", 1, 300, "60", "every sample of this period must be above")
		.bound(bind<&Ha::memory_failover_monitor_period>())
		.unit("s"),
	integer("memory-failover-sample-rate", 1, 60, "1", "time between samples")
		.bound(bind<&Ha::memory_failover_sample_rate>())
		.unit("s"),
	integer("memory-failover-flip-timeout", 6, most_minutes, "6",
		"no second memory failover of the same member for so long")
		.bound(bind<&Ha::memory_failover_flip_timeout>())
		.unit("min"),
	flag("memory-failover-failback", "enable",
	     "a member whose memory has recovered may be elected again (the vendor's way since 7.2.1)")
		.bound(bind<&Ha::memory_failover_failback>())
		.from("EXT"),
	flag("ssd-failover", "disable", "fail over when a disk fails").bound(bind<&Ha::ssd_failover>()),

	// two primaries at once
	choice("isolation", isolations, "fgcp",
	       "members that cannot hear each other: each may be primary (fgcp, the vendor's way); a primary that "
	       "nobody hears and that lost its proof of life stops before another starts (demote); a lease of etcd "
	       "decides "
	       "(witness)")
		.bound(bind<&Ha::isolation>())
		.from("EXT"),
	choice("isolation-proof", isolation_proofs, "links",
	       "what isolation demote takes for proof of life: every monitored interface up and no ping server dead "
	       "(links), or a lease of etcd (lease)")
		.bound(bind<&Ha::isolation_proof>())
		.from("EXT"),
	list("witness-endpoint", Kind::endpoint_list, 255, 8, "the members of one etcd cluster")
		.bound(bind<&Ha::witness_endpoints>())
		.local()
		.from("EXT"),
	integer("witness-ttl", 1, 60, "2", "how long a lease lasts that is not renewed; etcd grants no less than 2")
		.bound(bind<&Ha::witness_ttl>())
		.unit("s")
		.from("EXT"),
	integer("witness-timeout", 50, 5000, "500", "a request to etcd that takes longer has failed")
		.bound(bind<&Ha::witness_timeout>())
		.unit("ms")
		.from("EXT"),
	choice("witness-fallback", witness_fallbacks, "stop",
	       "no etcd in reach, with isolation witness: a primary that nobody hears stops, or acts as with isolation "
	       "fgcp")
		.bound(bind<&Ha::witness_fallback>())
		.from("EXT"),
	row("witness-ca", Kind::path, 0, 255, "", "certificates of who signs etcd's; unset = the machine's own store")
		.bound(bind<&Ha::witness_ca>())
		.local()
		.from("EXT"),
	row("witness-certificate", Kind::path, 0, 255, "", "certificate of this member, for etcd; needs witness-key")
		.bound(bind<&Ha::witness_certificate>())
		.local()
		.from("EXT"),
	row("witness-key", Kind::path, 0, 255, "", "private key of witness-certificate")
		.bound(bind<&Ha::witness_key>())
		.local()
		.from("EXT"),
	integer("test-timer-scale", 1, 3600, "1",
		"for tests only: pingserver-flip-timeout and memory-failover-flip-timeout are divided by this")
		.bound(bind<&Ha::test_timer_scale>())
		.from("EXT"),

	// accepted so that a pasted file loads
	names("auto-virtual-mac-interface", 64, "interfaces with an automatic virtual MAC"),
	names("backup-hbdev", 8, "ports that beat only when the main ones are lost"),
	flag("bounce-intf-upon-failover", "disable", "monitored interfaces down and up at a failover"),
	flag("check-secondary-dev-health", "disable", "a-a only"),
	row("cpu-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("memory-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("http-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("ftp-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("imap-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("nntp-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("pop3-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	row("smtp-proxy-threshold", Kind::numbers, 3, 3, "", "a-a load balancing weight").local(),
	integer("evpn-ttl", 5, 3600, "60", "lifetime of EVPN entries after a failover").unit("s"),
	flag("ha-direct", "disable", "own traffic through the reserved management interface"),
	row("key", Kind::secret, 1, 128, "", "a second secret; not kept").local(),
	flag("load-balance-all", "disable", "a-a balancing of all TCP traffic"),
	flag("logical-sn", "disable", "logical serial number"),
	flag("memory-compatible-mode", "disable", "members with different memory"),
	integer("multicast-ttl", 5, 3600, "600", "lifetime of multicast routes after a failover").unit("s"),
	integer("route-hold", 0, 3600, "10", "time between route updates to secondaries").unit("s"),
	integer("route-ttl", 5, 3600, "10", "lifetime of synchronised routes after a failover").unit("s"),
	integer("route-wait", 0, 3600, "0", "delay before new routes are sent").unit("s"),
	choice("schedule", schedules, "round-robin", "a-a load balancing"),
	flag("session-pickup-nat", "disable", "sessions with NAT; here they are always synchronised"),
	flag("standalone-config-sync", "disable", "configuration synchronisation without a cluster"),
	flag("standalone-mgmt-vdom", "disable", "management domain of its own"),
	flag("sync-packet-balance", "disable", "spread HA packets over several cores"),
	flag("unicast-hb", "disable", "heartbeats over IP").local(),
	row("unicast-hb-peerip", Kind::ipv4, 0, 0, "0.0.0.0", "address of the peer").local(),
	row("unicast-hb-netmask", Kind::ipv4, 0, 0, "0.0.0.0", "netmask towards the peer").local(),
	row("unicast-gateway", Kind::ipv4, 0, 0, "0.0.0.0", "gateway towards the peer").local(),
	flag("unicast-status", "disable", "heartbeats over IP to several peers").local(),
	integer("uninterruptible-primary-wait", 15, 300, "30", "wait of the primary during an upgrade").unit("min"),
	choice("upgrade-mode", upgrade_modes, "uninterruptible", "how firmware is upgraded"),
	flag("uninterruptible-upgrade", "enable", "older form of upgrade-mode").from("OLD"),
	row("weight", Kind::numbers, 2, 2, "0 40", "a-a load balancing weight").local(),
	text("update-all-session-timer", 63, "older releases").from("OLD"),
	text("session-sync-daemon-number", 63, "older releases").from("OLD"),
	text("vcluster2", 63, "older releases").from("OLD"),
	text("vcluster-id", 63, "older releases").from("OLD"),
	text("inter-cluster-session-sync", 63, "older releases").from("OLD"),
	text("frup", 63, "older releases").from("OLD"),
	text("minimum-worker-threshold", 63, "older releases").from("OLD"),
	integer("hw-session-hold-time", 0, 180, "10", "hyperscale models").unit("s").from("OLD"),
	integer("hw-session-sync-delay", 0, 3600, "150", "hyperscale models").unit("s").from("OLD"),
};
constexpr const Section *ha_nested[] = {&mgmt_section, &group_section, &vcluster_section, &peer_section,
					&secondary_vcluster_section};

} // namespace

constinit const Section ha_section{.path = "system ha",
				   .shape = Shape::object,
				   .options = ha_options,
				   .nested = ha_nested,
				   .access = object<&C::ha>(),
				   .follows = {},
				   .help = "the cluster"};

} // namespace systole::control::config
