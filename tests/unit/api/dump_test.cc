// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The two published dumps, character for character: once from their facts as JSON, once from a core that has lived
// through the same (first dump only).
#include "control/api/dump.h"
#include "control/cli/render.h"
#include "tests/unit/api/fake_backend.h"

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <ctime>
#include <sstream>

namespace systole::control::test {
namespace {

class Dump : public testing::Test {
protected:
	void SetUp() override
	{
		setenv("TZ", "UTC-12", 1); // the published units' clock
		tzset();
	}
};

std::vector<std::string> lines_of(const std::string &text)
{
	std::vector<std::string> lines;
	std::istringstream stream(text);
	for (std::string line; std::getline(stream, line);)
		lines.push_back(line);
	return lines;
}

TEST_F(Dump, the_first_published_dump_is_rendered_to_the_letter)
{
	EXPECT_EQ(cli::render_dump(boost::json::parse(read_vector("dump_group_1.json")).as_object()),
		  read_vector("dump_group_1.txt"));
}

TEST_F(Dump, the_second_published_dump_is_rendered_to_the_letter)
{
	std::string expected = read_vector("dump_group_2.txt");
	EXPECT_EQ(cli::render_dump(boost::json::parse(read_vector("dump_group_2.json")).as_object()), expected);
}

TEST_F(Dump, by_vcluster_is_the_second_half_of_by_group)
{
	auto reply = boost::json::parse(read_vector("dump_group_1.json")).as_object();
	reply.erase("group");
	const std::string whole = read_vector("dump_group_1.txt");
	EXPECT_EQ(cli::render_dump(reply), whole.substr(whole.find("vcluster_nr=")));
}

// Not to be had from a core that does not probe links: pingsvr_failure=5 of the local unit. Not the same, because it
// counts what our own beat announces: hb_packet_version of the local unit (38 in the dump).
TEST_F(Dump, a_core_that_lived_through_the_first_dump_prints_its_lines)
{
	FakeBackend backend;
	backend.extra["pingserver_flip_expire_s"] = 263;
	backend.now = core::Time{seconds{92249}};
	backend.start();
	backend.pass(seconds{20}); // alone: primary after the holddown
	ASSERT_TRUE(backend.node().primary());
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::standby, seconds{200}, 1);
	for (int i = 0; i < 3; ++i)
		backend.step(core::ResetUptime{});
	ASSERT_TRUE(backend.node().primary()) << "resets inside the margin do not move the role";
	backend.link(0, core::LinkHealth::down); // linkfails=1
	backend.link(0, core::LinkHealth::up);
	backend.now += seconds{592};
	backend.say(core::HaState::standby, seconds{792}, 1);
	backend.step(core::ResetUptime{}); // the failure's reset: now the peer is older by more than the margin
	ASSERT_FALSE(backend.node().primary());
	const core::Time changed = backend.now;
	backend.say(core::HaState::work, seconds{792}, 1);

	// 97 s later, at the dump: flip timer 263 s, the peer's last beat in jiffy 9225072
	backend.now = changed + seconds{97};
	backend.unix_at_zero = 1748958892 - std::chrono::duration<double>(changed.time_since_epoch()).count();
	backend.say(core::HaState::work, seconds{97 + 792}, 1);
	backend.words.packet_version = 4;
	backend.beat();
	backend.worker.peers[backend.slot()][0].last_rx_ns = 9225072LL * 10'000'000;

	auto printed = lines_of(cli::render_dump(dump_group(backend)));
	auto expected = lines_of(read_vector("dump_group_1.txt"));
	ASSERT_EQ(printed.size(), expected.size());
	const auto replace = [](std::string &line, const std::string &from, const std::string &to) {
		ASSERT_NE(line.find(from), std::string::npos) << line;
		line.replace(line.find(from), from.size(), to);
	};
	replace(expected[7], "hb_packet_version=38",
		"hb_packet_version=" + std::to_string(backend.node().beat().packet_version));
	replace(expected.back(), "pingsvr_failure=5", "pingsvr_failure=0");
	for (std::size_t i = 0; i < expected.size(); ++i)
		EXPECT_EQ(printed[i], expected[i]) << "line " << i + 1;
}

TEST_F(Dump, flags_are_one_for_the_primary_and_two_for_the_failover_flag)
{
	FakeBackend backend;
	backend.start();
	backend.pass(seconds{20});
	backend.step(core::SetFailover{true});
	ASSERT_TRUE(backend.node().primary());
	EXPECT_NE(cli::render_dump(dump_vclusters(backend)).find("flag=0x00000003"), std::string::npos);
}

TEST_F(Dump, a_lost_member_is_not_listed)
{
	FakeBackend backend;
	backend.join_primary(seconds{900});
	backend.link(0, core::LinkHealth::down);
	const std::string text = cli::render_dump(dump_group(backend));
	EXPECT_NE(text.find("gmember_nr=1\n"), std::string::npos) << text;
	EXPECT_EQ(text.find(peer_serial), std::string::npos);
}

} // namespace
} // namespace systole::control::test
