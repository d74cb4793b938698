// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/configuration.h"

#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

namespace systole::control::config {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Configuration good(const std::string &inside, const std::string &after = "")
{
	const auto result = parse_configuration(in_cluster(inside) + after, "f");
	EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
	return result.configuration;
}

core::Config core_of(const std::string &inside)
{
	return core_config(good(inside));
}

TEST(CoreConfig, takes_over_what_the_core_decides_by)
{
	const auto result = parse_configuration(read_source("tests/vectors/config/member.conf"), "member.conf");
	const core::Config config = core_config(result.configuration);
	EXPECT_EQ(config.self.view(), "SYS0000000000001");
	EXPECT_EQ(config.group_id, 103);
	EXPECT_EQ(std::string_view(config.group_name.data()), "lab");
	EXPECT_EQ(config.hb_interval, std::chrono::milliseconds{10});
	EXPECT_EQ(config.dead_interval(), std::chrono::milliseconds{30});
	EXPECT_EQ(config.hello_holddown, std::chrono::seconds{5});
	EXPECT_EQ(config.expected_members, 3);
	EXPECT_EQ(config.uptime_margin, seconds{60});
	EXPECT_EQ(config.failover_hold, seconds{2});
	EXPECT_EQ(config.link_count, 2);
	EXPECT_TRUE(config.memory.enabled);
	EXPECT_EQ(config.memory.threshold_percent, 70);
	EXPECT_EQ(config.memory.monitor_period, seconds{30});
	EXPECT_EQ(config.memory.sample_interval, seconds{2});
	EXPECT_EQ(config.memory.flip_timeout, seconds{12}) << "12 min / 60";
	EXPECT_FALSE(config.memory.failback);
	EXPECT_TRUE(config.ssd_failover);
	EXPECT_EQ(config.isolation, core::Isolation::witness);
	EXPECT_TRUE(config.witness_fallback_act);

	// "isp6" is disabled.
	ASSERT_EQ(config.ping_priority.size(), 1U);
	EXPECT_EQ(config.ping_priority[0], 5);
	EXPECT_EQ(config.monitor_count, 2);
	ASSERT_EQ(config.vclusters.size(), 2U);
	const core::VclusterConfig &first = config.vclusters[0];
	EXPECT_EQ(first.id, 1);
	EXPECT_EQ(first.priority, 200);
	EXPECT_TRUE(first.override_enabled);
	EXPECT_EQ(first.override_wait, seconds{30});
	EXPECT_EQ(first.monitors, 0b11U);
	EXPECT_EQ(first.ping_monitors, 0b1U);
	EXPECT_EQ(first.ping_threshold, 4);
	EXPECT_EQ(first.flip_timeout, seconds{6}) << "6 min / 60";
	EXPECT_FALSE(first.force_reset);
	const core::VclusterConfig &second = config.vclusters[1];
	EXPECT_EQ(second.id, 2);
	EXPECT_EQ(second.priority, 120);
	EXPECT_TRUE(second.override_enabled);
	EXPECT_EQ(second.override_wait, seconds{5});
	EXPECT_EQ(second.monitors, 0b1U);
	EXPECT_EQ(second.ping_monitors, 0b1U);
	EXPECT_EQ(second.ping_threshold, 5);
	EXPECT_EQ(second.flip_timeout, seconds{7});
	EXPECT_FALSE(second.force_reset);
}

TEST(CoreConfig, defaults_are_the_cores_own)
{
	const core::Config config = core_of("");
	const core::Config own;
	EXPECT_EQ(config.capabilities, own.capabilities);
	EXPECT_EQ(config.policy, own.policy);
	EXPECT_EQ(config.hb_interval, own.hb_interval);
	EXPECT_EQ(config.hb_lost_threshold, own.hb_lost_threshold);
	EXPECT_EQ(config.hello_holddown, own.hello_holddown);
	EXPECT_EQ(config.uptime_margin, own.uptime_margin);
	EXPECT_EQ(config.failover_hold, own.failover_hold);
	EXPECT_EQ(config.memory.enabled, own.memory.enabled);
	EXPECT_EQ(config.memory.threshold_percent, own.memory.threshold_percent);
	EXPECT_EQ(config.memory.monitor_period, own.memory.monitor_period);
	EXPECT_EQ(config.memory.sample_interval, own.memory.sample_interval);
	EXPECT_EQ(config.memory.flip_timeout, own.memory.flip_timeout);
	EXPECT_EQ(config.memory.failback, own.memory.failback);
	EXPECT_EQ(config.ssd_failover, own.ssd_failover);
	EXPECT_EQ(config.isolation, own.isolation);
	EXPECT_EQ(config.isolation_wait, own.isolation_wait);
	EXPECT_EQ(config.witness_fallback_act, own.witness_fallback_act);
	EXPECT_EQ(config.monitor_count, own.monitor_count);
	EXPECT_EQ(config.ping_priority, own.ping_priority);
	EXPECT_EQ(config.link_count, 1);
	// The only virtual cluster, and one that an entry without any option makes.
	const core::Config two = core_of("set vcluster-status enable\nconfig vcluster\nedit 2\nnext\nend");
	ASSERT_EQ(config.vclusters.size(), 1U);
	ASSERT_EQ(two.vclusters.size(), 2U);
	for (const core::VclusterConfig &vcluster : {config.vclusters[0], two.vclusters[0], two.vclusters[1]}) {
		const core::VclusterConfig &defaults = own.vclusters[0];
		EXPECT_EQ(vcluster.priority, defaults.priority);
		EXPECT_EQ(vcluster.override_enabled, defaults.override_enabled);
		EXPECT_EQ(vcluster.override_wait, defaults.override_wait);
		EXPECT_EQ(vcluster.monitors, defaults.monitors);
		EXPECT_EQ(vcluster.ping_monitors, defaults.ping_monitors);
		EXPECT_EQ(vcluster.ping_threshold, defaults.ping_threshold);
		EXPECT_EQ(vcluster.flip_timeout, defaults.flip_timeout);
		EXPECT_EQ(vcluster.force_reset, defaults.force_reset);
	}
}

TEST(CoreConfig, without_vcluster_status_the_entries_of_config_vcluster_do_not_count)
{
	const Configuration configuration =
		good("set priority 9\nset monitor a b\nconfig vcluster\nedit 1\nset priority 7\nset monitor c\nnext\n"
		     "edit 2\nset vdom v\nset monitor d\nnext\nend",
		     "config system interface\nedit p\nset vdom v\nnext\nend\n");
	const core::Config config = core_config(configuration);
	ASSERT_EQ(config.vclusters.size(), 1U);
	EXPECT_EQ(config.vclusters[0].id, 1);
	EXPECT_EQ(config.vclusters[0].priority, 9);
	EXPECT_EQ(config.monitor_count, 2);
	EXPECT_EQ(configuration.ha.monitored_interfaces(), (Configuration::Names{"a", "b"}));
	EXPECT_EQ(configuration.vcluster_of(configuration.interfaces.at(0)), 1);
}

TEST(CoreConfig, virtual_clusters_come_by_number_and_the_first_one_always_exists)
{
	const core::Config config = core_of("set priority 9\nset vcluster-status enable\nconfig vcluster\n"
					    "edit 30\nset priority 3\nset vdom z\nnext\n"
					    "edit 5\nset priority 5\nset vdom v\nnext\nend");
	ASSERT_EQ(config.vclusters.size(), 3U);
	EXPECT_EQ(config.vclusters[0].id, 1);
	EXPECT_EQ(config.vclusters[0].priority, 9) << "no entry 1: the options of config system ha";
	EXPECT_EQ(config.vclusters[1].id, 5);
	EXPECT_EQ(config.vclusters[1].priority, 5);
	EXPECT_EQ(config.vclusters[2].id, 30);
	EXPECT_EQ(config.vclusters[2].priority, 3);
	const core::Config with_entry = core_of("set priority 9\nset vcluster-status enable\nconfig vcluster\nedit 1\n"
						"set override enable\nnext\nend");
	ASSERT_EQ(with_entry.vclusters.size(), 1U);
	EXPECT_EQ(with_entry.vclusters[0].priority, 128) << "what an entry does not say has the option's default";
	EXPECT_TRUE(with_entry.vclusters[0].override_enabled);
}

TEST(CoreConfig, bits_of_monitored_interfaces_follow_their_first_mention)
{
	const Configuration configuration =
		good("set monitor b a\nset vcluster-status enable\nconfig vcluster\n"
		     "edit 3\nset vdom w\nset monitor d b\nnext\nedit 2\nset vdom v\nset monitor a c\nnext\nend");
	EXPECT_EQ(configuration.ha.monitored_interfaces(), (Configuration::Names{"b", "a", "c", "d"}));
	const core::Config config = core_config(configuration);
	EXPECT_EQ(config.monitor_count, 4);
	EXPECT_EQ(config.vclusters[0].monitors, 0b0011U);
	EXPECT_EQ(config.vclusters[1].monitors, 0b0110U);
	EXPECT_EQ(config.vclusters[2].monitors, 0b1001U);
	std::string names;
	for (int i = 0; i < 64; ++i)
		names += " p" + std::to_string(i);
	EXPECT_EQ(core_of("set monitor" + names).vclusters[0].monitors, ~std::uint64_t{0});
}

TEST(CoreConfig, bits_of_link_monitors_are_those_of_the_ones_that_count)
{
	const auto monitor = [](const std::string &name, const std::string &port, int priority,
				const std::string &more) {
		return "edit " + name + "\nset srcintf " + port + "\nset server 192.0.2.1\nset ha-priority " +
		       std::to_string(priority) + "\n" + more + "next\n";
	};
	const Configuration configuration =
		good("set pingserver-monitor-interface b\nset vcluster-status enable\nconfig vcluster\n"
		     "edit 2\nset vdom v\nset pingserver-monitor-interface c b\nnext\nend",
		     "config system link-monitor\n" + monitor("m0", "a", 1, "") + monitor("m1", "b", 2, "") +
			     monitor("m2", "b", 3, "set status disable\n") + monitor("m3", "c", 4, "") +
			     monitor("m4", "b", 5, "") + "end\n");
	EXPECT_EQ(configuration.counting_link_monitors(), (std::vector<std::size_t>{1, 3, 4}));
	const core::Config config = core_config(configuration);
	ASSERT_EQ(config.ping_priority.size(), 3U);
	EXPECT_EQ(config.ping_priority[0], 2);
	EXPECT_EQ(config.ping_priority[1], 4);
	EXPECT_EQ(config.ping_priority[2], 5);
	EXPECT_EQ(config.vclusters[0].ping_monitors, 0b101U);
	EXPECT_EQ(config.vclusters[1].ping_monitors, 0b111U);
}

TEST(CoreConfig, addresses_follow_the_virtual_cluster_of_their_vdom)
{
	const Configuration configuration = good(
		"set vcluster-status enable\nconfig vcluster\nedit 1\nset vdom a\nnext\nedit 4\nset vdom b c\nnext\n"
		"end",
		"config system interface\nedit p0\nnext\nedit p1\nset vdom a\nnext\nedit p2\nset vdom b\nnext\n"
		"edit p3\nset vdom c\nnext\nedit p4\nset vdom d\nnext\nend\n");
	std::vector<int> ids;
	for (const Configuration::Interface &interface : configuration.interfaces)
		ids.push_back(configuration.vcluster_of(interface));
	EXPECT_EQ(ids, (std::vector<int>{1, 1, 4, 4, 1}));
	const Configuration root = good("set vcluster-status enable\nconfig vcluster\nedit 2\nset vdom root\nnext\nend",
					"config system interface\nedit p\nnext\nend\n");
	EXPECT_EQ(root.vcluster_of(root.interfaces.at(0)), 2) << "the default is the vdom root";
}

TEST(CoreConfig, the_test_scale_divides_flip_timeouts_and_nothing_else)
{
	const std::string text = "set pingserver-flip-timeout 6\nset memory-failover-flip-timeout 10\n"
				 "set override enable\nset override-wait-time 30\nset failover-hold-time 20\n";
	const core::Config plain = core_of(text);
	EXPECT_EQ(plain.vclusters[0].flip_timeout, std::chrono::minutes{6});
	EXPECT_EQ(plain.memory.flip_timeout, std::chrono::minutes{10});
	const core::Config scaled = core_of(text + "set test-timer-scale 3600");
	EXPECT_EQ(scaled.vclusters[0].flip_timeout, milliseconds{100});
	EXPECT_EQ(scaled.memory.flip_timeout, core::Duration{std::chrono::minutes{10}} / 3600);
	EXPECT_EQ(scaled.vclusters[0].override_wait, plain.vclusters[0].override_wait);
	EXPECT_EQ(scaled.failover_hold, plain.failover_hold);
	EXPECT_EQ(scaled.memory.monitor_period, plain.memory.monitor_period);
	EXPECT_EQ(scaled.uptime_margin, plain.uptime_margin);
}

TEST(CoreConfig, the_longest_flip_timeout_does_not_overflow_the_clock_of_the_core)
{
	const core::Config config =
		core_of("set pingserver-flip-timeout 2147483647\nset memory-failover-flip-timeout 2147483647");
	for (const core::Duration timeout : {config.vclusters[0].flip_timeout, config.memory.flip_timeout}) {
		EXPECT_GE(timeout, std::chrono::years{99});
		EXPECT_LT(timeout, std::chrono::years{101});
	}
}

TEST(CoreConfig, a_lease_for_proof_is_a_witness_without_which_nobody_acts)
{
	const std::string endpoint = "set witness-endpoint \"http://10.0.0.5:2379\"\n";
	const auto links = core_of("set isolation demote\nset monitor a");
	EXPECT_EQ(links.isolation, core::Isolation::demote);
	EXPECT_FALSE(links.witness_fallback_act);
	const auto lease =
		core_of(endpoint + "set isolation demote\nset isolation-proof lease\nset witness-fallback act");
	EXPECT_EQ(lease.isolation, core::Isolation::witness);
	EXPECT_FALSE(lease.witness_fallback_act);
	EXPECT_FALSE(core_of(endpoint + "set isolation witness").witness_fallback_act);
	EXPECT_TRUE(core_of(endpoint + "set isolation witness\nset witness-fallback act").witness_fallback_act);
	EXPECT_EQ(core_of("set isolation-proof lease").isolation, core::Isolation::fgcp);
	EXPECT_FALSE(good("set isolation-proof lease").ha.uses_witness());
	EXPECT_TRUE(good(endpoint + "set isolation witness").ha.uses_witness());
}

TEST(IsolationWait, covers_the_time_until_a_primary_has_noticed_that_it_is_alone_and_cut_off)
{
	// 10 ms beats, dead after 30 ms: 10 + 200 (control-watchdog) + 100 ms.
	const std::string timing = "set hb-interval 1\nset hb-interval-in-milliseconds 10\nset hb-lost-threshold 3\n";
	const std::string endpoint = "set witness-endpoint \"http://10.0.0.5:2379\"\n";
	const auto wait = [&](const std::string &inside, const std::string &after = "") {
		const Configuration configuration = good(timing + inside, after);
		EXPECT_EQ(core_config(configuration).isolation_wait, isolation_wait(configuration));
		return isolation_wait(configuration);
	};
	EXPECT_EQ(wait("set monitor a"), core::Duration::zero()) << "fgcp waits for nothing";
	EXPECT_EQ(wait("set isolation demote"), milliseconds{310});
	EXPECT_EQ(wait("set isolation demote\nset monitor a"), milliseconds{560});
	EXPECT_EQ(wait("set isolation witness\nset monitor a\n" + endpoint), milliseconds{310});
	EXPECT_EQ(wait("set isolation demote\nset isolation-proof lease\nset monitor a\n" + endpoint),
		  milliseconds{310});
	EXPECT_EQ(wait("set isolation demote\nset vcluster-status enable\nconfig vcluster\nedit 2\nset vdom v\n"
		       "set monitor a\nnext\nend"),
		  milliseconds{560})
		<< "monitored by any virtual cluster";

	const std::string monitors =
		"config system link-monitor\n"
		"edit quick\nset srcintf p\nset server 192.0.2.1\nset interval 20\nset failtime 2\n"
		"set probe-timeout 30\nnext\n"
		"edit slow\nset srcintf q\nset server 192.0.2.1\nset interval 1000\nset failtime 2\n"
		"set probe-timeout 300\nnext\nend\n";
	const auto watching = [&](const std::string &ports) {
		return "set isolation demote\nset pingserver-monitor-interface " + ports;
	};
	EXPECT_EQ(wait(watching("p"), monitors), milliseconds{310 + 70});
	EXPECT_EQ(wait(watching("p") + "\nset monitor a", monitors), milliseconds{310 + 250})
		<< "the larger of the two";
	EXPECT_EQ(wait(watching("p q") + "\nset monitor a", monitors), milliseconds{310 + 2300}) << "the slowest";
	EXPECT_EQ(wait("set isolation demote", monitors), milliseconds{310}) << "those that do not count do not count";
}

TEST(CoreConfig, protection_follows_the_two_switches_and_the_proposals)
{
	using namespace core;
	EXPECT_EQ(core_of("set ipsec-phase2-proposal aes128-sha1").capabilities,
		  std::uint32_t{cap_null_sha1 | cap_cbc_sha1});
	EXPECT_EQ(core_of("set ipsec-phase2-proposal aes128gcm aes256gcm").capabilities,
		  std::uint32_t{cap_null_sha1 | cap_gcm});
	EXPECT_EQ(core_of("set encryption disable").policy, std::uint32_t{policy_authentication});
	EXPECT_EQ(core_of("set encryption disable").capabilities & cap_plain, 0U);
	const core::Config clear = core_of("set encryption disable\nset authentication disable");
	EXPECT_EQ(clear.policy, 0U);
	EXPECT_NE(clear.capabilities & cap_plain, 0U) << "clear heartbeats only where the policy allows them";
}

TEST(CoreConfig, a_group_name_of_full_length_fits)
{
	const core::Config config = core_of("set group-name " + std::string(32, 'g'));
	EXPECT_EQ(std::string(config.group_name.begin(), config.group_name.end()), std::string(32, 'g'));
}

TEST(Serial, is_made_of_machine_id_and_instance)
{
	const std::string id = "0123456789abcdef0123456789abcdef";
	const std::string serial = default_serial(id, "default");
	EXPECT_EQ(serial.size(), 16U);
	EXPECT_TRUE(serial.starts_with("SYS"));
	EXPECT_EQ(serial.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), std::string::npos);
	EXPECT_EQ(default_serial(id + "\n", "default"), serial) << "the newline of /etc/machine-id does not count";
	EXPECT_NE(default_serial(id, "m1"), serial);
	EXPECT_NE(default_serial("1123456789abcdef0123456789abcdef", "default"), serial);
	// printf 'systole serial\0%s\0%s' 0123456789abcdef0123456789abcdef default | openssl dgst -sha256 -binary | base32
	EXPECT_EQ(serial, "SYSEIEUB3QZYFPZB");
	EXPECT_TRUE(parse_configuration("config system global\nset serial " + serial + "\nend\n", "f").ok());
}

} // namespace

} // namespace systole::control::config
