// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Real time, real packets: two workers, each on an lcore of its own in the mode it would choose itself, over AF_PACKET
// on a veth pair. The process moves into a network namespace that vanishes with it. Needs root; exits 77 (skipped)
// without. The bounds are generous: a shared machine delays everybody.
#include "dataplane/device.h"
#include "dataplane/eal.h"
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace systole::dataplane::testing {
namespace {

using control::LinkVerdict;
using control::PeerLink;
using std::chrono::milliseconds;

constexpr int exit_skipped = 77;
constexpr Duration veth_interval = milliseconds{10};
constexpr std::uint8_t veth_threshold = 6;

struct Side {
	std::unique_ptr<Port> port;
	std::unique_ptr<control::WorkerChannel> channel = std::make_unique<control::WorkerChannel>();
	TscClock clock;
	std::unique_ptr<Worker> worker;
	unsigned lcore = 0;

	void open(const Device &device)
	{
		std::string error;
		port = Port::open(
			{.name = device.port_name, .ethdev = device.ethdev, .mbufs = device.mbufs(), .own_mac = {}},
			error);
		ASSERT_NE(port, nullptr) << error;
		const std::array<Port *, 1> ports{port.get()};
		worker = std::make_unique<Worker>(
			WorkerConfig{.interval = veth_interval, .lost_threshold = veth_threshold}, ports, *channel,
			clock);
	}
	static int run(void *side)
	{
		// Without the right to it, the test runs as an ordinary thread; the bounds allow for that.
		(void)prepare_poll_thread(PollMode::adaptive);
		static_cast<Side *>(side)->worker->run();
		return 0;
	}
	void stop()
	{
		channel->stop = true;
		rte_eal_wait_lcore(lcore);
	}
	[[nodiscard]] std::vector<control::WorkerEvent> events()
	{
		std::vector<control::WorkerEvent> found;
		channel->events.consume_all([&](const control::WorkerEvent &event) {
			found.push_back(event);
			if (const auto *inbound = std::get_if<control::ReleasedInbound>(&event))
				crypto::SaDeleter{}(inbound->sa);
			else if (const auto *outbound = std::get_if<control::ReleasedOutbound>(&event))
				crypto::SaDeleter{}(outbound->sa);
		});
		return found;
	}
	[[nodiscard]] const control::LinkCounters &link() const { return channel->counters.peers[peer_slot][0]; }
};

void introduce(Side &self, const Side &other, std::uint8_t direction, AddressPair addresses)
{
	const Key out = make_key(crypto::Suite::cbc_sha1, direction, 0, 1);
	const Key in = make_key(crypto::Suite::cbc_sha1, static_cast<std::uint8_t>(1 - direction), 0, 1);
	control::StartPeer start{peer_slot, 1, addresses.local, addresses.remote, 1, {}};
	start.macs[0] = other.port->mac();
	control::SetBeat beat{5, false, {}};
	for (const control::WorkerCommand &command : std::initializer_list<control::WorkerCommand>{
		     control::InstallInbound{crypto::make_inbound_sa(in.spec()).release(), peer_slot, 0, 1},
		     control::InstallOutbound{crypto::make_outbound_sa(out.spec()).release(), peer_slot, 0, 1}, start,
		     beat})
		ASSERT_TRUE(self.channel->commands.push(command));
}

TEST(Veth, beats_cross_af_packet_both_ways_and_a_dead_peer_is_found)
{
	ASSERT_GE(rte_lcore_count(), 3U);
	Side a;
	Side b;
	a.open(parse_device("hb0", ""));
	b.open(parse_device("hb1", "net_af_packet7,iface=hb1"));
	ASSERT_FALSE(HasFatalFailure());
	EXPECT_NE(a.port->mac(), core::MacAddress{}) << "the netdev's own address";
	EXPECT_NE(a.port->mac(), b.port->mac());
	introduce(a, b, 0, {address_of_a, address_of_b});
	introduce(b, a, 1, {address_of_b, address_of_a});
	a.lcore = rte_get_next_lcore(-1U, 1, 0);
	b.lcore = rte_get_next_lcore(a.lcore, 1, 0);
	ASSERT_EQ(rte_eal_remote_launch(&Side::run, &a, a.lcore), 0);
	ASSERT_EQ(rte_eal_remote_launch(&Side::run, &b, b.lcore), 0);

	std::this_thread::sleep_for(milliseconds{2000});
	// A few rounds can be missed where the machine was somewhere else; those that were sent have arrived.
	for (const Side *side : {&a, &b}) {
		EXPECT_GE(side->channel->counters.beats, 150U);
		EXPECT_LE(side->channel->counters.beats, 203U);
		EXPECT_GE(side->link().rx, 140U);
		EXPECT_EQ(side->link().lost, 0U);
		EXPECT_EQ(side->channel->counters.drops[static_cast<std::size_t>(control::Drop::esp_icv)], 0U);
		EXPECT_LT(side->link().rtt_us, 20'000U);
		std::printf("beats %llu, received %llu, rtt %u us, longest gap %llu us, latest round %llu us\n",
			    static_cast<unsigned long long>(side->channel->counters.beats),
			    static_cast<unsigned long long>(side->link().rx), side->link().rtt_us.load(),
			    static_cast<unsigned long long>(side->channel->counters.longest_gap_us),
			    static_cast<unsigned long long>(side->channel->counters.late_us_max));
	}
	(void)a.events();

	b.stop();
	const Time death = b.clock.now();
	PeerLink verdict{};
	for (int i = 0; i < 1000 && verdict.slot == 0; ++i) {
		std::this_thread::sleep_for(milliseconds{1});
		for (const PeerLink &event : only<PeerLink>(a.events()))
			if (event.verdict == LinkVerdict::lost)
				verdict = event;
	}
	a.stop();
	ASSERT_EQ(verdict.slot, peer_slot) << "the dead peer was not found within a second";
	const auto took = std::chrono::duration_cast<std::chrono::microseconds>(verdict.at - death).count();
	std::printf(
		"lost %lld us after the last turn, %lld us after the last beat\n", static_cast<long long>(took),
		static_cast<long long>(
			std::chrono::duration_cast<std::chrono::microseconds>(verdict.at - verdict.last_rx).count()));
	EXPECT_GE(verdict.at - verdict.last_rx, veth_interval * veth_threshold);
	EXPECT_LE(verdict.at - death, veth_interval * veth_threshold + milliseconds{150});
	(void)a.events();
	(void)b.events();
}

bool run_tool(const char *command)
{
	const int status = std::system(command);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace
} // namespace systole::dataplane::testing

int main(int argc, char **argv)
{
	using namespace systole::dataplane;
	::testing::InitGoogleTest(&argc, argv);
	if (GTEST_FLAG_GET(list_tests))
		return RUN_ALL_TESTS();
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
		std::puts("skipped: veth test needs root and network namespaces");
		return systole::dataplane::testing::exit_skipped;
	}
	if (!systole::dataplane::testing::run_tool(
		    "ip link add hb0 type veth peer name hb1 && ip link set hb0 up && ip link set hb1 up")) {
		std::puts("skipped: veth test needs iproute2 and veth");
		return systole::dataplane::testing::exit_skipped;
	}
	EalRequest request;
	request.instance = "veth-" + std::to_string(getpid());
	request.cpus = allowed_cpus();
	request.devices = {parse_device("hb0", ""), parse_device("hb1", "net_af_packet7,iface=hb1")};
	const std::string first = std::to_string(request.cpus.front());
	const std::string last = std::to_string(request.cpus.back());
	std::string all;
	for (const int cpu : request.cpus)
		all += (all.empty() ? "" : ",") + std::to_string(cpu);
	request.given = {"--lcores=0@(" + all + "),1@" + first + ",2@" + last,
			 "--no-huge",
			 "--no-shconf",
			 "--iova-mode=va",
			 "-m",
			 "64",
			 "--no-telemetry",
			 "--file-prefix=systole-" + request.instance,
			 "--log-level=*:error"};
	for (const Device &device : request.devices) {
		if (const auto obstacle = find_obstacle(device)) {
			std::fprintf(stderr, "%s\n", obstacle->c_str());
			return 1;
		}
	}
	std::string error;
	const auto eal = Eal::start(request, error);
	if (!eal) {
		std::fprintf(stderr, "%s\n", error.c_str());
		return 1;
	}
	return RUN_ALL_TESTS();
}
