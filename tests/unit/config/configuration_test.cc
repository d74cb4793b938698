// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/configuration.h"

#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

namespace systole::control::config {

namespace {

core::Config core_of(const std::string &inside)
{
	const auto result = parse_configuration(in_cluster(inside), "f");
	EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
	return core_config(result.configuration);
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
	EXPECT_EQ(config.priority, 200);
	EXPECT_TRUE(config.override_enabled);
	EXPECT_EQ(config.uptime_margin, std::chrono::seconds{60});
	EXPECT_EQ(config.link_count, 2);
	EXPECT_EQ(config.monitor_count, 2);
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
	EXPECT_EQ(config.priority, own.priority);
	EXPECT_EQ(config.uptime_margin, own.uptime_margin);
	EXPECT_EQ(config.link_count, 1);
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
