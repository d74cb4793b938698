// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A port that is taken from a running worker and given back: the worker goes on with its other links, touches nothing
// of the port meanwhile, and hears its peer again without a handshake.
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

namespace systole::dataplane::testing {
namespace {

using control::Drop;
using control::LinkVerdict;
using control::PeerLink;
using std::chrono::milliseconds;

std::vector<LinkVerdict> verdicts_on(core::LinkIndex link, const std::vector<control::WorkerEvent> &events)
{
	std::vector<LinkVerdict> found;
	for (const PeerLink &event : only<PeerLink>(events))
		if (event.link == link)
			found.push_back(event.verdict);
	return found;
}

TEST(PortHandOver, one_link_goes_and_comes_back_and_the_other_does_not_notice)
{
	Pair pair(2);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.a->events();
	(void)pair.b->events();

	PortGate &gate = pair.a->ports[0]->gate();
	gate.ask_to_close();
	EXPECT_FALSE(gate.is_closed());
	pair.run_for(tick);
	ASSERT_TRUE(gate.is_closed()) << "the worker lets go at its next turn";
	(void)pair.a_to_b[0]->take();
	(void)pair.b_to_a[0]->take();
	const auto taken_before = pair.a->channel->counters.ports[0].rx_packets.load();
	pair.run_for(dead * 4);
	EXPECT_TRUE(pair.a_to_b[0]->take().empty()) << "nothing leaves by the port";
	EXPECT_EQ(pair.a->channel->counters.ports[0].rx_packets, taken_before) << "and nothing is taken from it";
	EXPECT_GT(pair.b_to_a[0]->in_flight(), 5U);
	EXPECT_GT(pair.a->drops(Drop::tx_full), 5U) << "what could not be sent is counted";
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		const auto events = member->events();
		EXPECT_EQ(verdicts_on(0, events), (std::vector{LinkVerdict::lost}));
		EXPECT_TRUE(verdicts_on(1, events).empty());
	}

	(void)pair.b_to_a[0]->take(); // the device that comes back is an empty one
	gate.open();
	pair.run_for(dead * 2);
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		const auto events = member->events();
		ASSERT_FALSE(verdicts_on(0, events).empty());
		EXPECT_EQ(verdicts_on(0, events).back(), LinkVerdict::alive);
		EXPECT_TRUE(verdicts_on(1, events).empty());
	}
}

TEST(PortHandOver, a_port_that_is_away_when_the_worker_begins_is_taken_up_later)
{
	Pair pair(2);
	pair.a->ports[1]->gate().ask_to_close();
	pair.connect();
	pair.run_for(milliseconds{100});
	EXPECT_EQ(verdicts_on(0, pair.a->events()), (std::vector{LinkVerdict::alive}));
	EXPECT_TRUE(pair.a_to_b[1]->take().empty());
	ASSERT_TRUE(pair.a->ports[1]->gate().is_closed());
	pair.a->ports[1]->gate().open();
	pair.run_for(milliseconds{100});
	const auto found = verdicts_on(1, pair.a->events());
	ASSERT_FALSE(found.empty());
	EXPECT_EQ(found.back(), LinkVerdict::alive);
}

} // namespace
} // namespace systole::dataplane::testing
