// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Which interface follows which virtual cluster, and with which virtual MAC.
#include "control/traffic.h"

#include "control/takeover/virtual_mac.h"

#include <gtest/gtest.h>

namespace systole::control {
namespace {

Configuration::Interface interface_of(const std::string &name, const std::string &vdom, std::uint8_t last = 0)
{
	Configuration::Interface interface;
	interface.name = name;
	interface.vdom = vdom;
	if (last != 0)
		interface.ip = Ipv4Prefix{{10, 0, 0, last}, 24};
	return interface;
}

Configuration three_vclusters()
{
	Configuration configuration;
	configuration.interfaces = {interface_of("hb0", "root"), interface_of("port1", "blue", 1),
				    interface_of("port2", "green", 2), interface_of("port3", "red", 3),
				    interface_of("port4", "nobody's", 4)};
	configuration.ha.group_id = 103;
	configuration.ha.hbdev = {{"hb0", 50}};
	configuration.ha.vcluster_status = true;
	const std::array<const char *, 3> vdoms{"blue", "green", "red"};
	for (std::uint8_t id = 1; id <= 3; ++id) {
		Configuration::Vcluster vcluster;
		vcluster.id = id;
		vcluster.vdoms = {vdoms[id - 1]};
		configuration.ha.vclusters.push_back(vcluster);
	}
	return configuration;
}

TEST(Traffic, an_interface_follows_the_virtual_cluster_of_its_vdom_and_else_the_first)
{
	std::string problem;
	const TakeoverSettings settings = takeover_settings(three_vclusters(), "m1", problem);
	EXPECT_EQ(problem, "");
	EXPECT_EQ(settings.vclusters, (std::vector<std::uint8_t>{1, 2, 3}));
	ASSERT_EQ(settings.interfaces.size(), 4U);
	std::vector<std::string> seen;
	for (const TrafficInterface &interface : settings.interfaces)
		seen.push_back(interface.base + " " + std::to_string(interface.vcluster) + " " +
			       mac_text(interface.virtual_mac));
	EXPECT_EQ(seen, (std::vector<std::string>{"port1 1 00:09:0f:09:67:00", "port2 2 00:09:0f:09:67:81",
						  "port3 3 02:09:0f:67:03:02", "port4 1 00:09:0f:09:67:03"}));
}

TEST(Traffic, without_virtual_clusters_all_belongs_to_the_first)
{
	Configuration configuration = three_vclusters();
	configuration.ha.vcluster_status = false;
	std::string problem;
	const TakeoverSettings settings = takeover_settings(configuration, "m1", problem);
	EXPECT_EQ(settings.vclusters, std::vector<std::uint8_t>{1});
	for (const TrafficInterface &interface : settings.interfaces)
		EXPECT_EQ(interface.vcluster, 1) << interface.base;
}

TEST(Traffic, an_interface_beyond_the_formula_is_named_and_left_out)
{
	Configuration configuration;
	configuration.ha.group_id = 1;
	for (int i = 0; i < 129; ++i)
		configuration.interfaces.push_back(interface_of("p" + std::to_string(i), "root", 9));
	std::string problem;
	const TakeoverSettings settings = takeover_settings(configuration, "m1", problem);
	EXPECT_EQ(settings.interfaces.size(), 128U);
	EXPECT_EQ(problem,
		  "p128: no virtual MAC left (place 129 in the configuration; virtual cluster 1 has room for 128)");
}

} // namespace
} // namespace systole::control
