// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A million steps of a full cluster, and not one allocation. operator new is replaced by one that counts.
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {
std::size_t allocations = 0;
}

[[gnu::noinline]] void *operator new(std::size_t bytes)
{
	++allocations;
	if (void *memory = std::malloc(bytes != 0 ? bytes : 1))
		return memory;
	throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void *memory) noexcept
{
	std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

namespace systole::scenario {
namespace {

using namespace core;

TEST(Allocation, TheCountingOperatorCounts)
{
	const std::size_t before = allocations;
	::operator delete(::operator new(1)); // a new-expression may be optimised away
	EXPECT_EQ(allocations, before + 1);
}

TEST(Allocation, AMillionStepsOfAFullClusterAllocateNothing)
{
	Config config = config_of("SYS0000000000001");
	config.monitor_everywhere(2);
	OneNode one(config);
	(void)one.start();
	std::vector<OneNode::Peer> peers;
	for (std::size_t i = 0; i < 15; ++i) {
		peers.push_back(one.make_peer(serial_of(10 + i)));
		peers.back().words.state = HaState::standby;
		(void)one.join(peers.back());
	}
	ASSERT_EQ(one.node().alive_peers(), 15U);

	// Every kind of event, made beforehand.
	std::vector<EventBody> events;
	for (OneNode::Peer &peer : peers) {
		events.push_back(one.beat_of(peer));
		peer.words.link_failure = static_cast<std::uint16_t>(peer.slot % 3 * 50);
		peer.words.state = peer.slot == 15 ? HaState::work : HaState::standby;
		events.push_back(one.beat_of(peer));
		events.push_back(PeerLinkChanged{peer.slot, peer.generation, 0, LinkHealth::down, false, one.now});
		events.push_back(PeerLinkChanged{peer.slot, peer.generation, 0, LinkHealth::up, true, one.now});
		events.push_back(HakeReceived{0, OneNode::mac, peer.keys->hello(0)});
	}
	OneNode::Peer stranger = one.make_peer("SYS0000000000000", 7); // the smaller id: it would start
	BeginExchange begin;
	begin.session = 1;
	begin.peer = config.self;
	begin.peer_nonce = nonce_of(1);
	events.push_back(HakeReceived{0, OneNode::mac, stranger.keys->begin(begin).ke1});
	events.push_back(MonitorChanged{0, false});
	events.push_back(MonitorChanged{0, true});
	events.push_back(CarrierChanged{0, false});
	events.push_back(CarrierChanged{0, true});
	events.push_back(SetFailover{true});
	events.push_back(SetFailover{false});
	events.push_back(ResetUptime{});
	events.push_back(PeerRolledBack{3});
	events.push_back(Tick{});

	std::size_t roles = 0;
	const std::size_t before = allocations;
	for (std::size_t i = 0; i < 1000000; ++i) {
		one.now += std::chrono::microseconds{137};
		const Actions &actions = one.step(events[i % events.size()]);
		for (const Action &action : actions)
			roles += std::holds_alternative<BecomePrimary>(action);
	}
	EXPECT_EQ(allocations, before);
	EXPECT_GT(roles, 1000U) << "the steps did something";
}

} // namespace
} // namespace systole::scenario
