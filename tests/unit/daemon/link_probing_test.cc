// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A monitor is probed where the primary is that counts it, and each verdict reaches every primary.
#include "control/link_probing.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>

namespace systole::control {
namespace {

using std::chrono::seconds;

// The first virtual cluster counts monitors 1 and 2 (places 0 and 1 of those that count), the second only monitor 2.
// Monitor 0 counts nowhere.
core::Config two_vclusters()
{
	core::Config config;
	config.ping_priority.push_back(10);
	config.ping_priority.push_back(10);
	config.vclusters[0].ping_monitors = 0b11;
	core::VclusterConfig second;
	second.id = 2;
	second.ping_monitors = 0b10;
	config.vclusters.push_back(second);
	return config;
}

std::vector<bool> probed_by_primary_of(unsigned long long places)
{
	return monitors_to_probe(two_vclusters(), Primaries(places), 3, {1, 2});
}

TEST(MonitorsToProbe, are_none_on_a_member_that_is_primary_of_nothing)
{
	EXPECT_EQ(probed_by_primary_of(0b00), (std::vector{false, false, false}));
}

TEST(MonitorsToProbe, are_those_that_its_own_virtual_clusters_count)
{
	EXPECT_EQ(probed_by_primary_of(0b10), (std::vector{false, false, true}));
}

TEST(MonitorsToProbe, belong_to_the_first_virtual_cluster_where_none_counts_them)
{
	EXPECT_EQ(probed_by_primary_of(0b01), (std::vector{true, true, true}));
	EXPECT_EQ(probed_by_primary_of(0b11), (std::vector{true, true, true}));
}

TEST(LinkProbingEnd, without_monitors_there_is_no_thread_and_nothing_to_say)
{
	boost::asio::io_context io;
	LinkProbing probing(io, Configuration{}, [](const core::EventBody &) { FAIL(); });
	probing.start("test");
	core::Node node{two_vclusters()};
	probing.follow(node);
	EXPECT_TRUE(probing.status().empty());
	probing.stop();
	EXPECT_EQ(io.poll(), 0U);
}

// One that counts in no election is still probed, for the operator, by the primary of the first virtual cluster. Its
// server answers nobody, and the core hears nothing of it.
TEST(LinkProbingEnd, the_core_hears_a_verdict_of_a_monitor_that_counts_and_of_no_other)
{
	Configuration configuration;
	for (const char *name : {"idle", "counting"}) {
		Configuration::LinkMonitor monitor;
		monitor.name = name;
		monitor.srcintf = name;
		monitor.protocol = Configuration::Protocol::tcp_echo;
		monitor.servers = {"127.0.0.1"};
		monitor.port = 1; // refuses
		monitor.interval = std::chrono::milliseconds{20};
		monitor.probe_timeout = std::chrono::milliseconds{20};
		monitor.failtime = 1;
		configuration.link_monitors.push_back(monitor);
	}
	configuration.ha.pingserver_monitor_interface = {"counting"};
	core::Config config;
	config.self = core::MemberId::from("SYS0000000000001");
	config.ping_priority.push_back(10);
	config.vclusters[0].ping_monitors = 1;
	config.hello_holddown = seconds{5};
	core::Node node{config};
	core::Actions actions;
	core::Time now{seconds{100}};
	node.step({now, core::Started{}}, actions);
	actions.clear();
	node.step({now + seconds{6}, core::Tick{}}, actions);
	ASSERT_TRUE(node.primary());

	boost::asio::io_context io;
	std::vector<core::PingMonitorChanged> heard;
	LinkProbing probing(io, configuration, [&](const core::EventBody &event) {
		heard.push_back(std::get<core::PingMonitorChanged>(event));
	});
	probing.start("systole-test");
	probing.follow(node);
	const auto work = boost::asio::make_work_guard(io);
	const auto until = std::chrono::steady_clock::now() + seconds{20};
	while (heard.empty() && std::chrono::steady_clock::now() < until)
		io.run_one_for(std::chrono::milliseconds{50});
	ASSERT_EQ(heard.size(), 1U);
	EXPECT_EQ(heard[0].index, 0);
	EXPECT_FALSE(heard[0].alive);
	EXPECT_EQ(probing.status()[1].state, LinkMonitorState::dead);

	// Another virtual cluster gets its primary here: it presumes all alive, and must be told.
	heard.clear();
	probing.follow(node);
	while (heard.empty() && std::chrono::steady_clock::now() < until)
		io.run_one_for(std::chrono::milliseconds{50});
	ASSERT_EQ(heard.size(), 1U);
	EXPECT_FALSE(heard[0].alive);
	probing.stop();
}

} // namespace
} // namespace systole::control
