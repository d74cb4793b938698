// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The two published dumps, character for character: once from their facts as JSON, once from a core that has lived
// through the same. Every value comes out of the core, with two exceptions:
//
//   hb_packet_version of the local unit   counts changes of what it announces; how many there were in the article before
//                                         the dump is not told: the test makes harmless ones until the number is reached
//   last_hb_jiffies of the peer           the worker's counter, set to the published moment
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

double seconds_of(core::Time at)
{
	return std::chrono::duration<double>(at.time_since_epoch()).count();
}

// Changes that no dump shows, until the beat has the number of the dump.
void announce_until(FakeBackend &backend, std::uint32_t packet_version)
{
	const std::uint8_t priority = backend.node().vcluster().priority;
	std::uint8_t other = priority;
	while (backend.node().beat().packet_version < packet_version) {
		other = other == priority ? priority - 1 : priority;
		backend.step(core::SetPriority{other});
	}
	ASSERT_EQ(backend.node().beat().packet_version, packet_version);
}

void expect_lines(FakeBackend &backend, const std::string &name)
{
	const auto printed = lines_of(cli::render_dump(dump_group(backend)));
	const auto expected = lines_of(read_vector(name));
	ASSERT_EQ(printed.size(), expected.size());
	for (std::size_t i = 0; i < expected.size(); ++i)
		EXPECT_EQ(printed[i], expected[i]) << "line " << i + 1;
}

// Override disabled: the ping server dies for the primary, the other takes the role, and the flip timer counts down.
TEST_F(Dump, a_core_that_lived_through_the_first_scenario_prints_its_dump)
{
	FakeBackend backend;
	backend.now = core::Time{seconds{91540}};
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
	backend.step(core::PingMonitorChanged{0, false}); // failtime 2 is over: ha-priority 5 reaches the threshold 4
	ASSERT_FALSE(backend.node().primary());
	const core::Time changed = backend.now;
	backend.say(core::HaState::work, seconds{792}, 1);

	// 97 s later, at the dump: 263 s of the six minutes are left
	backend.now = changed + seconds{97};
	backend.unix_at_zero = 1748958892 - seconds_of(changed);
	backend.say(core::HaState::work, seconds{97 + 792}, 1);
	backend.words.packet_version = 4;
	backend.beat();
	announce_until(backend, 38);
	backend.worker.peers[backend.slot()][0].last_rx_ns = 9225072LL * 10'000'000;
	expect_lines(backend, "dump_group_1.txt");
}

// Override enabled: the member of higher priority, whose ping server had died, has the role back when its flip timer
// has ended; that started the timer once more, and by the time of the dump it has ended, too. No interface is monitored.
TEST_F(Dump, a_core_that_lived_through_the_second_scenario_prints_its_dump)
{
	Configuration configuration = seed_configuration();
	configuration.ha.override_enabled = true;
	configuration.ha.monitor = {};
	FakeBackend backend(configuration);
	const auto at = [&](std::int64_t unix_s) {
		backend.now = core::Time{seconds{unix_s - 1748866738}};
		backend.unix_at_zero = 1748866738;
	};
	const FakeBackend::Edit preferred = [](core::VclusterBeat &words) {
		words.priority = 200;
		words.override_enabled = true;
	};
	const FakeBackend::Edit pingserver_dead = [&](core::VclusterBeat &words) {
		preferred(words);
		words.pingserver_failure = 5;
		words.epoch = 2;
		words.flip_epoch = 3; // of the claim that follows
		words.flip_until_tenths = static_cast<std::uint32_t>(
			(backend.now.time_since_epoch() + std::chrono::minutes{6}) / milliseconds{100});
	};
	at(1748976600);
	backend.start();
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::work, seconds{900}, 1, preferred);
	backend.link(0, core::LinkHealth::down); // linkfails=1
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::work, seconds{900}, 1, preferred);
	at(1748976732);
	for (int i = 0; i < 7; ++i)
		backend.step(core::ResetUptime{});
	ASSERT_FALSE(backend.node().primary()) << "the priority decides";

	at(1749042985); // the primary's ping server dies: it resets its age and yields
	backend.say(core::HaState::standby, seconds{0}, 2, pingserver_dead);
	ASSERT_TRUE(backend.node().primary());
	at(1749043349); // its record is cleared after the flip timer, and its priority counts again
	backend.say(core::HaState::standby, seconds{364}, 2, preferred);
	ASSERT_FALSE(backend.node().primary());
	backend.say(core::HaState::work, seconds{364}, 2, preferred);

	at(1749043747);
	backend.say(core::HaState::work, seconds{762}, 2, preferred);
	backend.words.packet_version = 10;
	backend.beat();
	announce_until(backend, 90);
	backend.worker.peers[backend.slot()][0].last_rx_ns = 17700913LL * 10'000'000;
	expect_lines(backend, "dump_group_2.txt");
}

TEST_F(Dump, the_flip_timer_counts_down_in_seconds_to_zero)
{
	FakeBackend backend;
	backend.start();
	backend.pass(seconds{20});
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::standby, seconds{10});
	const auto line = [&] {
		const std::string text = cli::render_dump(dump_vclusters(backend));
		const auto at = text.find("pingsvr_flip_timeout");
		return text.substr(at, text.find('\n', at) - at);
	};
	EXPECT_EQ(line(), "pingsvr_flip_timeout/expire=360s/0s");
	backend.step(core::PingMonitorChanged{0, false});
	ASSERT_FALSE(backend.node().primary());
	backend.say(core::HaState::work, seconds{10});
	EXPECT_EQ(line(), "pingsvr_flip_timeout/expire=360s/360s");
	backend.pass(milliseconds{500});
	EXPECT_EQ(line(), "pingsvr_flip_timeout/expire=360s/360s") << "a second that has begun";
	backend.pass(milliseconds{500});
	EXPECT_EQ(line(), "pingsvr_flip_timeout/expire=360s/359s");
	backend.pass(seconds{359});
	EXPECT_EQ(line(), "pingsvr_flip_timeout/expire=360s/0s");
}

TEST_F(Dump, every_virtual_cluster_has_its_own_part)
{
	FakeBackend backend(two_vclusters());
	backend.unix_at_zero = 1748958892;
	backend.now = core::Time{seconds{1000}};
	backend.start();
	backend.session_with(peer_serial);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::work, seconds{0}, 0, [](core::VclusterBeat &words) {
		words.state = words.id == 1 ? core::HaState::standby : core::HaState::work;
		words.priority = words.id == 1 ? 100 : 200;
		words.override_enabled = true;
	});
	backend.pass(seconds{20});
	backend.step(core::MonitorChanged{0, false}); // port1: of virtual cluster 1 only
	EXPECT_EQ(cli::render_dump(dump_vclusters(backend)),
		  "vcluster_nr=2\n"
		  "vcluster-1: start_time=1748959912(2025-06-04 02:11:52), "
		  "state/o/chg_time=3(standby)/2(work)/1748959912(2025-06-04 02:11:52)\n"
		  "mondev: port1(prio=50,is_aggr=0,status=0)\n"
		  "'FGVM02TM23001313': ha_prio/o=0/0, link_failure=0, pingsvr_failure=0, flag=0x00000000, "
		  "mem_failover=0, "
		  "uptime/reset_cnt=20/0\n"
		  "'FGVM02TM23001318': ha_prio/o=1/1, link_failure=50, pingsvr_failure=0, flag=0x00000000, "
		  "mem_failover=0, uptime/reset_cnt=0/1\n"
		  "vcluster-2: start_time=1748959892(2025-06-04 02:11:32), "
		  "state/o/chg_time=3(standby)/1(hello)/1748959892(2025-06-04 02:11:32)\n"
		  "pingsvr_flip_timeout/expire=360s/0s\n"
		  "mondev: port2(prio=50,is_aggr=0,status=1)\n"
		  "'FGVM02TM23001313': ha_prio/o=0/0, link_failure=0, pingsvr_failure=0, flag=0x00000001, "
		  "mem_failover=0, "
		  "uptime/reset_cnt=0/0\n"
		  "'FGVM02TM23001318': ha_prio/o=1/1, link_failure=0, pingsvr_failure=0, flag=0x00000000, "
		  "mem_failover=0, "
		  "uptime/reset_cnt=0/0\n");
	const std::string group = cli::render_dump(dump_group(backend));
	EXPECT_NE(group.find("\nvcluster_nr=2\nvcluster-1: "), std::string::npos) << group;
	EXPECT_NE(group.find("\nvcluster-2: "), std::string::npos);
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
