// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The core hears of the witness from the start, also when it cannot be used at all.
#include "control/witness_link.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>

#include <chrono>
#include <vector>

namespace systole::control {
namespace {

Configuration configuration_of(std::string endpoint)
{
	Configuration configuration;
	configuration.global.serial = "SYS0000000000001";
	configuration.ha.group_name = "lab";
	configuration.ha.group_id = 103;
	configuration.ha.isolation = core::Isolation::witness;
	configuration.ha.witness_endpoints = {std::move(endpoint)};
	return configuration;
}

class WitnessLinkTest : public testing::Test {
protected:
	void hear_one()
	{
		const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
		while (heard.empty() && std::chrono::steady_clock::now() < until)
			io.run_one_for(std::chrono::milliseconds{50});
		ASSERT_FALSE(heard.empty());
	}

	boost::asio::io_context io;
	boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work =
		boost::asio::make_work_guard(io);
	std::vector<core::WitnessChanged> heard;
	WitnessLink::Feed feed = [this](const core::EventBody &event) {
		heard.push_back(std::get<core::WitnessChanged>(event));
	};
};

TEST_F(WitnessLinkTest, the_key_names_the_group_so_that_two_clusters_share_an_etcd)
{
	const WitnessSettings settings = witness_settings(configuration_of("http://127.0.0.1:2379"));
	EXPECT_EQ(settings.key_prefix, "/systole/lab-103");
	EXPECT_EQ(settings.serial, "SYS0000000000001");
	EXPECT_EQ(settings.ttl, std::chrono::seconds{2});
}

TEST_F(WitnessLinkTest, an_etcd_that_does_not_answer_is_told_to_the_core_before_anybody_wants_a_lease)
{
	WitnessLink link(io, configuration_of("http://127.0.0.1:1"), feed);
	link.start();
	hear_one();
	EXPECT_EQ(heard[0].vcluster, 1);
	EXPECT_FALSE(heard[0].reachable);
	EXPECT_EQ(heard[0].held_until, core::Time{});
	const boost::json::object status = link.status();
	EXPECT_FALSE(status.at("vclusters").as_array().at(0).at("wanted").as_bool());
	EXPECT_EQ(status.at("endpoints").as_array().size(), 1U);
	link.seek({1, true});
	EXPECT_TRUE(link.status().at("vclusters").as_array().at(0).at("wanted").as_bool());
	link.seek({1, false});
	link.stop();
}

TEST_F(WitnessLinkTest, settings_that_cannot_work_make_the_witness_unreachable_and_say_why)
{
	Configuration configuration = configuration_of("https://127.0.0.1:1");
	configuration.ha.witness_ca = "/nonexistent/ca.pem";
	WitnessLink link(io, configuration, feed);
	link.start();
	hear_one();
	EXPECT_FALSE(heard[0].reachable);
	const boost::json::object status = link.status();
	EXPECT_NE(std::string(status.at("error").as_string()).find("/nonexistent/ca.pem"), std::string::npos);
	link.seek({1, true});
	link.stop();
}

} // namespace
} // namespace systole::control
