// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The mark on our macvlans: what was raised on the base port survives the process in it, and only ours are recognised.
#include "control/takeover/interface_settings.h"
#include "control/takeover/leftovers.h"
#include "control/takeover/takeover_error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace systole::control {
namespace {

TEST(OwnershipAlias, keeps_the_original_settings)
{
	const std::vector<SavedSetting> saved{{"arp_ignore", 0}, {"arp_announce", 1}};
	const std::string alias = ownership_alias("m1", saved);
	EXPECT_EQ(alias, "systole m1 arp_ignore=0 arp_announce=1");
	EXPECT_EQ(parse_ownership_alias(alias, "m1"), saved);
	EXPECT_EQ(parse_ownership_alias("systole m1", "m1"), std::vector<SavedSetting>{});
}

TEST(OwnershipAlias, of_others_is_not_ours)
{
	for (const char *alias :
	     {"", "systole", "systole m10", "systole m2 arp_ignore=0", "m1", "my systole m1", "uplink"})
		EXPECT_FALSE(parse_ownership_alias(alias, "m1")) << alias;
}

// The alias can be written by anyone with the right; what it names must not lead anywhere else below /proc/sys.
TEST(OwnershipAlias, restores_only_settings_this_program_raises)
{
	const std::vector<SavedSetting> expected{{"arp_announce", 1}};
	EXPECT_EQ(parse_ownership_alias("systole m1 ../../../kernel/panic=1 arp_ignore=x arp_ignore=1x arp_announce=1",
					"m1"),
		  expected);
}

TEST(OwnMacvlan, is_known_by_alias_or_by_name_and_mac_together)
{
	TakeoverSettings settings;
	settings.instance = "m1";
	settings.interfaces = {{"port1", {2, 0, 0, 0, 0, 1}, {}}};
	LinkInfo link;
	link.kind = "macvlan";
	link.name = "renamed";
	link.alias = "systole m1 arp_ignore=0";
	EXPECT_TRUE(is_own_macvlan(link, settings));
	link.alias = "systole m2";
	EXPECT_FALSE(is_own_macvlan(link, settings));
	link.alias.clear();
	link.name = "port1-vmac";
	EXPECT_FALSE(is_own_macvlan(link, settings)) << "the name alone says nothing";
	link.mac = {2, 0, 0, 0, 0, 1};
	EXPECT_TRUE(is_own_macvlan(link, settings));
	link.kind = "dummy";
	EXPECT_FALSE(is_own_macvlan(link, settings));
}

TEST(TakeoverError, names_interface_fault_reason_and_detail)
{
	const TakeoverError error{TakeoverFault::address_add, "port1", ENODEV, "10.1.1.254/24"};
	EXPECT_EQ(error.text(), "port1: address-add: No such device (10.1.1.254/24)");
	const TakeoverError whole{TakeoverFault::netlink, "", ENOBUFS, ""};
	EXPECT_EQ(whole.text(), "takeover: netlink: No buffer space available");
}

} // namespace
} // namespace systole::control
