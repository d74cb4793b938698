// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A configuration that has been read and found good: typed values, every range already checked.
// The initial values here are the defaults of the option tables (options_*.cc); a test holds the two together.
#pragma once

#include "control/config/address.h"
#include "control/config/secret_text.h"
#include "control/core/config.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

struct Configuration {
	// Options that are accepted for compatibility and have no effect: name -> values as `show` prints them.
	using Kept = std::map<std::string, std::vector<std::string>, std::less<>>;
	using Names = std::vector<std::string>;

	// The enumerators stand in the order of the choices in the option tables.
	enum class Mode : std::uint8_t { standalone, active_passive, active_active };
	enum class SessionCommit : std::uint8_t { hot, on_takeover };
	enum class SessionSource : std::uint8_t { conntrack, shared_memory };
	enum class PollMode : std::uint8_t { automatic, busy, adaptive };
	enum class CarrierLoss : std::uint8_t { timer, immediate };
	enum class SuitePolicy : std::uint8_t { pairwise, group };
	enum class Proposal : std::uint8_t {
		aes128_sha1,
		aes128gcm, // these two exist here; the others are the vendor's
		aes128_sha256,
		aes128_sha384,
		aes128_sha512,
		aes192_sha1,
		aes192_sha256,
		aes192_sha384,
		aes192_sha512,
		aes256_sha1,
		aes256_sha256,
		aes256_sha384,
		aes256_sha512,
		aes256gcm,
		chacha20poly1305
	};
	enum class AddressMode : std::uint8_t { ipv4, ipv6 };
	enum class ServerConfig : std::uint8_t { all_alike, individual };
	enum class IsolationProof : std::uint8_t { links, lease };
	enum class WitnessFallback : std::uint8_t { stop, act };
	enum class FilterAction : std::uint8_t { sync, skip };
	enum class Protocol : std::uint8_t { ping, tcp_echo, udp_echo, http, https, twamp, ping6 };

	// ------------------------------------------------------------ config system global
	struct Global {
		std::string hostname; // empty: the caller asks the machine
		std::string serial;   // empty: the caller uses default_serial()
		Kept kept;
		friend bool operator==(const Global &, const Global &) = default;
	};

	// ------------------------------------------------------------ config system interface
	struct SecondaryIp {
		std::uint32_t id = 0;
		std::optional<Ipv4Prefix> ip;
		Kept kept;
		friend bool operator==(const SecondaryIp &, const SecondaryIp &) = default;
	};
	struct Ipv6 {
		std::optional<Ipv6Prefix> address;
		Kept kept;
		friend bool operator==(const Ipv6 &, const Ipv6 &) = default;
	};
	struct Interface {
		std::string name;
		std::string device;           // devargs or PCI address; empty: the kernel netdev of that name
		std::optional<Ipv4Prefix> ip; // a cluster address: it follows the primary
		std::vector<SecondaryIp> secondaries;
		Ipv6 ipv6;
		std::string vdom = "root"; // says which virtual cluster the addresses follow: vcluster_of()
		Kept kept;
		friend bool operator==(const Interface &, const Interface &) = default;
	};

	// ------------------------------------------------------------ config system ha
	struct HeartbeatPort {
		std::string name;
		std::uint16_t priority = 0; // 0 .. 512, higher carries the bulk traffic
		friend bool operator==(const HeartbeatPort &, const HeartbeatPort &) = default;
	};
	struct MgmtInterface {
		std::uint32_t id = 0;
		std::string interface;
		Ipv4Prefix dst;
		Ipv4Address gateway{};
		Ipv6Prefix dst6;
		Ipv6Address gateway6{};
		friend bool operator==(const MgmtInterface &, const MgmtInterface &) = default;
	};
	struct UnicastPeer {
		std::uint32_t id = 0;
		Ipv4Address peer_ip{};
		friend bool operator==(const UnicastPeer &, const UnicastPeer &) = default;
	};
	struct LinkGroup {
		std::string name;
		Names members;
		std::uint8_t min_members = 1;
		friend bool operator==(const LinkGroup &, const LinkGroup &) = default;
	};
	struct Vcluster {
		std::uint8_t id = 1;
		bool override_enabled = false;
		std::chrono::seconds override_wait_time{0};
		std::uint8_t priority = 128;
		Names vdoms;
		Names monitor;
		Names link_group_monitor;
		Names pingserver_monitor_interface;
		std::uint8_t pingserver_failover_threshold = 0;
		std::chrono::minutes pingserver_flip_timeout{60};
		bool pingserver_secondary_force_reset = true;
		friend bool operator==(const Vcluster &, const Vcluster &) = default;
	};
	struct Ha {
		std::uint16_t group_id = 0;
		std::string group_name;
		Mode mode = Mode::standalone;
		SecretText password;
		std::uint8_t password_index = 0;
		SecretText password_next;
		std::uint8_t password_next_index = 1;
		std::vector<HeartbeatPort> hbdev; // LinkIndex = position
		Names session_sync_dev;

		std::uint8_t hb_interval = 2;
		std::chrono::milliseconds hb_unit{100};
		std::uint8_t hb_lost_threshold = 20;
		std::chrono::seconds hello_holddown{20};
		PollMode poll_mode = PollMode::automatic;
		CarrierLoss carrier_loss = CarrierLoss::timer;
		std::chrono::milliseconds control_watchdog{0}; // 0: see control_watchdog_interval()
		std::uint8_t expected_members = 0;             // 0 = unknown

		bool authentication = true;
		bool encryption = true;
		std::vector<Proposal> proposals{Proposal::aes128_sha1, Proposal::aes128gcm};
		SuitePolicy suite_policy = SuitePolicy::pairwise;
		std::chrono::seconds rekey_interval{3600};
		std::uint16_t ha_eth_type = 0x8890;
		std::uint16_t hc_eth_type = 0x8891;
		std::uint16_t l2ep_eth_type = 0x8893;

		bool session_pickup = false;
		bool session_pickup_connectionless = false;
		bool session_pickup_delay = false;
		bool session_pickup_expectation = false;
		SessionCommit session_commit = SessionCommit::hot;
		std::chrono::seconds session_sync_wait{30};
		SessionSource session_source = SessionSource::conntrack;
		bool sync_config = true;

		std::uint8_t arps = 5;
		std::chrono::seconds arps_interval{8};
		bool gratuitous_arps = true;
		bool link_failed_signal = false;
		std::optional<MacPrefix> virtual_mac_prefix; // empty: the prefix of the group-id
		std::string hook_primary;                    // absolute path; empty: none
		std::string hook_secondary;
		std::chrono::seconds hook_timeout{10};

		bool ha_mgmt_status = false;
		std::vector<MgmtInterface> mgmt_interfaces;
		std::vector<UnicastPeer> unicast_peers;

		std::chrono::seconds uptime_diff_margin{300};
		std::chrono::seconds failover_hold_time{0};
		bool override_enabled = false;
		std::chrono::seconds override_wait_time{0};
		std::uint8_t priority = 128;
		Names monitor;
		Names link_group_monitor;
		std::vector<LinkGroup> link_groups;
		Names pingserver_monitor_interface;
		std::uint8_t pingserver_failover_threshold = 0;
		std::chrono::minutes pingserver_flip_timeout{60};
		bool pingserver_secondary_force_reset = true;

		bool vcluster_status = false;
		std::vector<Vcluster> vclusters; // as written: see effective_vclusters()

		bool memory_based_failover = false;
		std::uint8_t memory_failover_threshold = 0; // percent; 0 = core::default_memory_threshold
		std::chrono::seconds memory_failover_monitor_period{60};
		std::chrono::seconds memory_failover_sample_rate{1};
		std::chrono::minutes memory_failover_flip_timeout{6};
		bool memory_failover_failback = true;
		bool ssd_failover = false;

		core::Isolation isolation = core::Isolation::fgcp;
		IsolationProof isolation_proof = IsolationProof::links; // of isolation demote
		Names witness_endpoints;                                // URLs
		std::chrono::seconds witness_ttl{2};
		std::chrono::milliseconds witness_timeout{500};
		WitnessFallback witness_fallback = WitnessFallback::stop;
		std::string witness_ca; // absolute paths; empty: none
		std::string witness_certificate;
		std::string witness_key;
		std::uint16_t test_timer_scale = 1; // flip timeouts are divided by it
		Kept kept;
		friend bool operator==(const Ha &, const Ha &) = default;

		[[nodiscard]] std::chrono::milliseconds interval() const { return hb_interval * hb_unit; }
		[[nodiscard]] std::chrono::milliseconds dead_interval() const { return interval() * hb_lost_threshold; }
		// How long control may be silent before the worker stops beating; the default is max(3 x dead, 200 ms).
		[[nodiscard]] std::chrono::milliseconds control_watchdog_interval() const;
		[[nodiscard]] bool is_heartbeat_port(std::string_view name) const;
		[[nodiscard]] bool proposes(Proposal proposal) const;
		// The elections that are held, ascending ids, at least one. Virtual cluster 1 always exists; it has the
		// options of `config system ha` where `config vcluster` is not in force or has no entry 1.
		[[nodiscard]] std::vector<Vcluster> effective_vclusters() const;
		// Of all virtual clusters, each once, in order of first mention: core::MonitorChanged counts by it.
		[[nodiscard]] Names monitored_interfaces() const;
		// A lease of etcd decides: isolation witness, or demote with a lease for proof.
		[[nodiscard]] bool uses_witness() const;
	};

	// ------------------------------------------------------------ config system link-monitor
	struct LinkMonitorServer {
		std::uint32_t id = 0;
		std::string dst;
		Protocol protocol = Protocol::ping;
		std::uint16_t port = 0;
		std::uint8_t weight = 0;
		friend bool operator==(const LinkMonitorServer &, const LinkMonitorServer &) = default;
	};
	struct LinkMonitor {
		std::string name;
		AddressMode addr_mode = AddressMode::ipv4;
		std::string srcintf;
		ServerConfig server_config = ServerConfig::all_alike;
		Names servers;
		Protocol protocol = Protocol::ping;
		std::uint16_t port = 0; // 0: the protocol's own
		Ipv4Address gateway_ip{};
		Ipv6Address gateway_ip6{};
		Ipv4Address source_ip{};
		Ipv6Address source_ip6{};
		std::string http_get = "/";
		std::string http_agent = "Chrome/ Safari/";
		std::string http_match;
		std::chrono::milliseconds interval{500};
		std::chrono::milliseconds probe_timeout{500};
		std::uint16_t failtime = 5;
		std::uint16_t recoverytime = 5;
		std::uint8_t probe_count = 30;
		std::uint8_t ha_priority = 1;
		std::uint8_t fail_weight = 0;
		std::uint16_t packet_size = 124; // twamp: octets of UDP payload
		bool status = true;
		std::vector<LinkMonitorServer> server_list;
		Kept kept;
		friend bool operator==(const LinkMonitor &, const LinkMonitor &) = default;
	};

	// ------------------------------------------------------------ config system session-filter
	struct PortRange {
		std::uint16_t first = 0;
		std::uint16_t last = 65535; // all of them: no matter whether there are ports
		[[nodiscard]] bool is_everything() const { return first == 0 && last == 65535; }
		friend bool operator==(const PortRange &, const PortRange &) = default;
	};
	struct SessionFilter {
		std::string name;
		FilterAction action = FilterAction::sync;
		std::optional<AddressPrefix> address; // empty: any
		std::uint8_t protocol = 0;            // 0: any
		PortRange port;
		friend bool operator==(const SessionFilter &, const SessionFilter &) = default;

		[[nodiscard]] bool matches_everything() const
		{
			return !address && protocol == 0 && port.is_everything();
		}
	};

	Global global;
	std::vector<Interface> interfaces; // virtual MAC index = position, heartbeat ports not counted
	Ha ha;
	std::vector<LinkMonitor> link_monitors;
	std::vector<SessionFilter> session_filters; // the first that matches decides

	// The virtual cluster whose primary has the addresses of this interface.
	[[nodiscard]] std::uint8_t vcluster_of(const Interface &interface) const;
	// Those that count in an election, as places in link_monitors: enabled, and srcintf is watched by a virtual
	// cluster's pingserver-monitor-interface. core::PingMonitorChanged counts by it.
	[[nodiscard]] std::vector<std::size_t> counting_link_monitors() const;
	friend bool operator==(const Configuration &, const Configuration &) = default;
};

// What the core needs of it. `self` is the serial; empty when the configuration names none.
[[nodiscard]] core::Config core_config(const Configuration &configuration);

// How long a member that lost its primary waits before it claims the role (core::Config::isolation_wait).
[[nodiscard]] core::Duration isolation_wait(const Configuration &configuration);

// The serial of a member that was given none: "SYS" and 13 characters A-Z 2-7. The same machine id and instance
// always give the same serial; the machine id cannot be read back from it.
[[nodiscard]] std::string default_serial(std::string_view machine_id, std::string_view instance);

} // namespace systole::control
