// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Frames of session synchronisation between two workers: from a lane over the wire into a lane, beside the beats and never
// in their way.
#include "tests/dataplane/session_wire.h"
#include "tests/unit/crypto/allocation_counter.h"

#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

namespace systole::dataplane::testing {
namespace {

using control::any_link;
using control::Drop;
using control::SessionFrame;
using control::SessionWorn;
using crypto::TrafficClass;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t burst = SessionTx::burst_frames;

INSTANTIATE_TEST_SUITE_P(Suites, SessionFrames, ::testing::Values(crypto::Suite::cbc_sha1, crypto::Suite::gcm),
			 [](const ::testing::TestParamInfo<crypto::Suite> &suite) {
				 return test_name_of(suite.param);
			 });

TEST_P(SessionFrames, come_out_of_the_other_lane_in_order_and_byte_for_byte)
{
	begin(1);
	std::mt19937 random(20261122);
	std::vector<Bytes> sent;
	std::uint64_t bytes = 0;
	std::vector<Arrived> arrived;
	for (std::uint32_t number = 0; number < 2000; ++number) {
		const std::size_t length = number % 3 == 0 ? control::max_session_payload
							   : 4 + random() % (control::max_session_payload - 3);
		sent.push_back(numbered(number, length));
		bytes += length;
		ASSERT_TRUE(put(*pair->a, sent.back()));
		if (number % 16 == 15) {
			pair->run_for(tick);
			for (Arrived &one : taken(*pair->b))
				arrived.push_back(std::move(one));
		}
	}
	pair->run_for(milliseconds{100});
	for (Arrived &one : taken(*pair->b))
		arrived.push_back(std::move(one));
	ASSERT_EQ(arrived.size(), sent.size());
	for (std::size_t i = 0; i < sent.size(); ++i) {
		ASSERT_EQ(arrived[i].payload, sent[i]) << i;
		EXPECT_EQ(arrived[i].slot, peer_slot);
		EXPECT_EQ(arrived[i].link, 0);
	}
	const auto &out = pair->a->channel->counters.ports[0];
	const auto &in = pair->b->channel->counters.ports[0];
	EXPECT_EQ(out.session_tx_packets, sent.size());
	EXPECT_EQ(in.session_rx_packets, sent.size());
	EXPECT_EQ(out.session_tx_bytes, bytes);
	EXPECT_EQ(in.session_rx_bytes, bytes);
	EXPECT_EQ(pair->a->all_drops() + pair->b->all_drops(), 0U);
	EXPECT_TRUE(taken(*pair->a).empty());
}

TEST_P(SessionFrames, have_an_ether_type_and_a_security_association_of_their_own)
{
	begin(1);
	ASSERT_TRUE(put(*pair->a, numbered(1, 100)));
	pair->a->turn(pair->now + microseconds{100}); // between two beats
	const auto frames = pair->a_to_b[0]->take();
	ASSERT_EQ(frames.size(), 1U);
	const Frame seen = classify(frames[0], 1, false, {});
	ASSERT_EQ(seen.kind, FrameKind::esp);
	EXPECT_EQ(seen.traffic_class, TrafficClass::session);
	EXPECT_EQ(type_of(frames[0]), session_type);
	EXPECT_EQ(crypto::load_be32(frames[0].data() + seen.offset),
		  make_key(GetParam(), 0, 0, 1, TrafficClass::session).spi);
	core::MacAddress destination{};
	std::memcpy(destination.data(), frames[0].data(), 6);
	EXPECT_EQ(destination, pair->b->ports[0]->mac());
	EXPECT_EQ(seen.length, crypto::esp_length_of(GetParam(), ipv4_bytes + udp_bytes + 100));
}

// The lanes of both are never empty. In every turn the beat that is due goes first, and no more than one burst follows.
TEST_P(SessionFrames, a_beat_never_waits_for_more_than_one_burst)
{
	begin(1);
	const auto rounds = pair->a->channel->counters.beats.load();
	std::uint32_t number = 0;
	std::uint64_t arrived = 0;
	std::uint64_t expected_rounds = 0;
	for (const Time end = pair->now + seconds{1}; pair->now < end; pair->now += microseconds{500}) {
		for (Member *member : {pair->a.get(), pair->b.get()})
			while (put(*member, numbered(number++, control::max_session_payload))) {}
		const bool due = pair->a->worker->next_wake() <= pair->now;
		expected_rounds += due ? 1 : 0;
		++pair->a->channel->watchdog;
		++pair->b->channel->watchdog;
		pair->a->turn(pair->now);
		const auto frames = pair->a_to_b[0]->take();
		ASSERT_FALSE(frames.empty());
		EXPECT_EQ(type_of(frames[0]), due ? heartbeat_type : session_type);
		const auto sessions = std::count_if(frames.begin(), frames.end(),
						    [](const Bytes &frame) { return type_of(frame) == session_type; });
		EXPECT_EQ(sessions, static_cast<std::ptrdiff_t>(burst));
		EXPECT_EQ(frames.size(), burst + (due ? 1 : 0));
		for (const Bytes &frame : frames)
			pair->a_to_b[0]->put(frame);
		pair->b->turn(pair->now);
		arrived += taken(*pair->b).size();
		(void)taken(*pair->a);
	}
	EXPECT_EQ(arrived, 2000 * burst);
	EXPECT_EQ(pair->a->channel->counters.beats - rounds, expected_rounds);
	EXPECT_GE(expected_rounds, 99U);
	for (Member *member : {pair->a.get(), pair->b.get()}) {
		EXPECT_EQ(member->link(0).lost, 0U);
		EXPECT_EQ(member->all_drops(), 0U);
		EXPECT_EQ(member->channel->counters.late_us_max, 0U);
		EXPECT_TRUE(only<control::PeerLink>(member->events()).empty());
	}
}

TEST_P(SessionFrames, a_turn_takes_its_share_from_a_port_and_leaves_the_rest_in_the_queue)
{
	begin(1);
	Forger peer(make_key(GetParam(), 0, 0, 1, TrafficClass::session), 1000);
	for (std::uint32_t i = 0; i < 1000; ++i)
		pair->a_to_b[0]->put(
			peer.frame(session_packet({address_of_a, address_of_b}, numbered(i, 1300)), session_type));
	std::size_t all = 0;
	for (int turns = 0; all < 1000; ++turns) {
		ASSERT_LT(turns, 10);
		pair->b->turn(pair->now);
		const std::size_t now_taken = taken(*pair->b).size();
		EXPECT_LE(now_taken, 128U + 31U);
		all += now_taken;
	}
	EXPECT_EQ(all, 1000U);
	EXPECT_EQ(pair->b->all_drops(), 0U);
}

TEST_P(SessionFrames, a_rekey_in_the_middle_loses_none)
{
	begin(2, 3);
	std::uint32_t number = 0;
	std::vector<Arrived> arrived;
	const auto stream = [&](Duration duration) {
		for (const Time end = pair->now + duration; pair->now < end;) {
			for (int i = 0; i < 20; ++i)
				ASSERT_TRUE(put(*pair->a, numbered(number++, 200)));
			pair->run_for(tick);
			for (Arrived &one : taken(*pair->b))
				arrived.push_back(std::move(one));
		}
	};
	stream(milliseconds{50});
	pair->install(2, 2);
	stream(milliseconds{50});
	for (Member *member : {pair->a.get(), pair->b.get()})
		member->command(control::RemoveSession{1});
	stream(milliseconds{50});
	pair->run_for(tick);
	for (Arrived &one : taken(*pair->b))
		arrived.push_back(std::move(one));
	ASSERT_EQ(arrived.size(), number);
	std::vector<bool> seen(number);
	for (const Arrived &one : arrived)
		seen[crypto::load_be32(one.payload.data())] = true;
	EXPECT_EQ(std::count(seen.begin(), seen.end(), false), 0);
	for (Member *member : {pair->a.get(), pair->b.get()}) {
		(void)member->events();
		EXPECT_EQ(member->released, 8U) << "two classes on two links, in and out";
		EXPECT_EQ(member->all_drops(), 0U);
	}
}

TEST_P(SessionFrames, a_session_thread_that_does_not_take_them_loses_them_by_name_and_no_beat)
{
	begin(1);
	const std::size_t room = pair->b->lanes->in.capacity();
	for (std::uint32_t i = 0; i < room + 100; ++i) {
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
		if (i % 30 == 0)
			pair->run_for(tick);
	}
	pair->run_for(milliseconds{50});
	EXPECT_EQ(pair->b->drops(Drop::session_ring_full), 100U);
	EXPECT_EQ(pair->b->all_drops(), 100U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
	const auto arrived = taken(*pair->b);
	ASSERT_EQ(arrived.size(), room);
	EXPECT_EQ(arrived.back().payload, numbered(static_cast<std::uint32_t>(room) - 1, 64));
}

TEST_P(SessionFrames, to_nobody_are_dropped_by_name)
{
	begin(2);
	ASSERT_TRUE(put(*pair->a, numbered(1, 64), any_link, 0));
	ASSERT_TRUE(put(*pair->a, numbered(1, 64), any_link, 2));
	ASSERT_TRUE(put(*pair->a, numbered(1, 64), any_link, core::max_members));
	ASSERT_TRUE(put(*pair->a, numbered(1, 64), 2)); // there is no such link
	pair->run_for(tick);
	EXPECT_EQ(pair->a->drops(Drop::session_unsent), 4U);
	pair->a->command(control::StopPeer{peer_slot});
	pair->run_for(tick);
	ASSERT_TRUE(put(*pair->a, numbered(1, 64)));
	pair->run_for(tick);
	EXPECT_EQ(pair->a->drops(Drop::session_unsent), 5U);
	EXPECT_EQ(pair->a->all_drops(), 5U);
	EXPECT_TRUE(taken(*pair->b).empty());
	EXPECT_EQ(pair->a->lanes->out.front(), nullptr);
}

TEST_P(SessionFrames, wait_for_a_port_that_is_full_and_none_is_lost)
{
	begin(1);
	// Nobody reads: 1023 places on the wire, some for beats, and then the lane fills.
	std::uint32_t number = 0;
	for (int i = 0; i < 200; ++i) {
		for (int k = 0; k < 40 && put(*pair->a, numbered(number, 500)); ++k)
			++number;
		pair->a->turn(pair->now);
		pair->now += microseconds{100};
	}
	EXPECT_FALSE(put(*pair->a, numbered(number, 500))) << "1023 and 1024 fit, and no more";
	EXPECT_GT(pair->a->channel->counters.session_retries, 0U);
	EXPECT_LT(pair->a->channel->counters.session_retries, 250U) << "no burst is sealed again and again";
	EXPECT_EQ(pair->a->drops(Drop::session_unsent), 0U);
	std::vector<Arrived> arrived;
	for (int i = 0; i < 200; ++i) {
		pair->now += microseconds{100};
		pair->b->turn(pair->now);
		pair->a->turn(pair->now);
		for (Arrived &one : taken(*pair->b))
			arrived.push_back(std::move(one));
	}
	ASSERT_EQ(arrived.size(), number);
	for (std::uint32_t i = 0; i < number; ++i)
		ASSERT_EQ(arrived[i].payload, numbered(i, 500)) << i;
	// More than a pool holds went through: no mbuf leaked.
	for (int round = 0; round < 150; ++round) {
		for (std::size_t k = 0; k < burst; ++k)
			ASSERT_TRUE(put(*pair->a, numbered(1, 64)));
		pair->now += microseconds{100};
		pair->a->turn(pair->now);
		pair->b->turn(pair->now);
		EXPECT_EQ(taken(*pair->b).size(), burst);
	}
}

TEST_P(SessionFrames, take_the_links_of_session_sync_dev_in_turn_and_the_others_when_these_are_dead)
{
	begin(3, 0b110);
	const auto sent_on = [&] {
		std::vector<std::uint64_t> counts;
		for (const auto &port : pair->a->channel->counters.ports)
			counts.push_back(port.session_tx_packets);
		counts.resize(3);
		return counts;
	};
	const auto send = [&](std::uint32_t count) {
		for (std::uint32_t i = 0; i < count; ++i)
			ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
		pair->run_for(milliseconds{5});
	};
	// As a cable is cut: what a turn has sent is gone before the other turns.
	const auto run_cut = [&](const std::vector<std::size_t> &links, Duration duration) {
		for (const Time end = pair->now + duration; pair->now < end; pair->now += tick) {
			pair->a->turn(pair->now);
			for (const std::size_t link : links)
				(void)pair->a_to_b[link]->take();
			pair->b->turn(pair->now);
			for (const std::size_t link : links)
				(void)pair->b_to_a[link]->take();
		}
	};
	send(100);
	EXPECT_EQ(sent_on(), (std::vector<std::uint64_t>{0, 50, 50}));
	EXPECT_EQ(taken(*pair->b).size(), 100U);
	run_cut({1}, dead + milliseconds{20});
	for (std::uint32_t i = 0; i < 10; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	run_cut({1}, milliseconds{5});
	EXPECT_EQ(sent_on(), (std::vector<std::uint64_t>{0, 50, 60}));
	run_cut({1, 2}, dead + milliseconds{20});
	for (std::uint32_t i = 0; i < 10; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	ASSERT_TRUE(put(*pair->a, numbered(0, 64), 2)); // who names a link gets it
	run_cut({1, 2}, milliseconds{5});
	EXPECT_EQ(sent_on(), (std::vector<std::uint64_t>{10, 50, 61}));
	run_cut({0, 1, 2}, dead + milliseconds{20});
	ASSERT_TRUE(put(*pair->a, numbered(0, 64)));
	run_cut({0, 1, 2}, milliseconds{5});
	EXPECT_EQ(sent_on(), (std::vector<std::uint64_t>{10, 50, 61}));
	EXPECT_EQ(pair->a->drops(Drop::session_unsent), 1U);
}

TEST_P(SessionFrames, wait_while_the_worker_is_silent)
{
	begin(1);
	(void)pair->a_to_b[0]->take();
	pair->now += dead + milliseconds{50};
	ASSERT_TRUE(put(*pair->a, numbered(1, 64)));
	pair->a->turn(pair->now);
	EXPECT_EQ(pair->a_to_b[0]->in_flight(), 0U) << "a frame of before the freeze";
	pair->b->channel->commands.push(control::EndSilence{1});
	pair->a->channel->commands.push(control::EndSilence{1});
	pair->run_for(milliseconds{50});
	EXPECT_EQ(taken(*pair->b).size(), 1U);
}

TEST_P(SessionFrames, a_candidates_are_not_handed_up_until_it_is_bound)
{
	pair = std::make_unique<Pair>(1, GetParam(), true);
	pair->install(1, 1, 0);
	pair->start_peers(1);
	pair->say(*pair->a, "a");
	pair->run_for(milliseconds{50});
	Forger peer(make_key(GetParam(), 0, 0, 1, TrafficClass::session), 1);
	const Bytes frame = peer.frame(session_packet({address_of_a, address_of_b}, numbered(1, 64)), session_type);
	pair->a_to_b[0]->put(frame);
	pair->run_for(tick);
	EXPECT_TRUE(taken(*pair->b).empty());
	pair->b->command(control::BindSession{1, peer_slot});
	pair->a_to_b[0]->put(peer.frame(session_packet({address_of_a, address_of_b}, numbered(2, 64)), session_type));
	pair->run_for(tick);
	EXPECT_EQ(taken(*pair->b).size(), 1U);
}

TEST_P(SessionFrames, worn_numbers_ask_for_new_keys_once_and_used_up_ones_are_not_used_again)
{
	begin(1);
	const Key key = make_key(GetParam(), 0, 0, 1, TrafficClass::session);
	const auto install_at = [&](std::uint32_t next) {
		crypto::OutboundSa *sa = crypto::make_outbound_sa(key.spec()).release();
		sa->traffic_class = TrafficClass::session;
		sa->set_next_sequence(next);
		pair->a->command(control::InstallOutbound{sa, peer_slot, 0, 1});
	};
	install_at((1U << 31) - 2);
	for (std::uint32_t i = 0; i < 2; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	pair->run_for(tick);
	EXPECT_TRUE(only<SessionWorn>(pair->a->events()).empty());
	for (std::uint32_t i = 0; i < 100; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	pair->run_for(milliseconds{5});
	const auto worn = only<SessionWorn>(pair->a->events());
	ASSERT_EQ(worn.size(), 1U);
	EXPECT_EQ(worn[0].session, 1U);
	EXPECT_EQ(taken(*pair->b).size(), 102U);

	install_at(0xfffffffe); // two numbers are left
	for (std::uint32_t i = 0; i < 10; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	pair->run_for(milliseconds{5});
	EXPECT_EQ(taken(*pair->b).size(), 2U);
	EXPECT_EQ(pair->a->drops(Drop::tx_exhausted), 8U);
	EXPECT_EQ(pair->a->lanes->out.front(), nullptr);
	EXPECT_EQ(pair->b->all_drops(), 0U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

TEST_P(SessionFrames, cost_no_allocation)
{
	begin(2, 3);
	const auto before = crypto::test::allocations();
	ASSERT_GT(before, 0U);
	for (int i = 0; i < 500; ++i) {
		while (SessionFrame *frame = pair->a->lanes->out.reserve()) {
			frame->slot = peer_slot;
			frame->link = any_link;
			frame->length = 1312;
			pair->a->lanes->out.commit();
		}
		pair->now += tick;
		pair->a->turn(pair->now);
		pair->b->turn(pair->now);
		while (pair->b->lanes->in.front() != nullptr)
			pair->b->lanes->in.pop();
	}
	EXPECT_EQ(crypto::test::allocations(), before);
}

TEST_P(SessionFrames, the_session_thread_is_woken_only_when_it_sleeps)
{
	begin(1);
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_GE(fd, 0);
	pair->b->lanes->bell.fd = fd;
	std::uint64_t rings = 0;
	ASSERT_TRUE(put(*pair->a, numbered(1, 64)));
	pair->run_for(tick);
	EXPECT_LT(read(fd, &rings, sizeof(rings)), 0) << "it was awake";
	pair->b->lanes->bell.sleeping = true;
	pair->run_for(milliseconds{30});
	EXPECT_LT(read(fd, &rings, sizeof(rings)), 0) << "for beats nobody rings here";
	for (std::uint32_t i = 0; i < 20; ++i)
		ASSERT_TRUE(put(*pair->a, numbered(i, 64)));
	pair->run_for(tick);
	EXPECT_EQ(read(fd, &rings, sizeof(rings)), 8);
	EXPECT_EQ(rings, 1U);
	EXPECT_FALSE(pair->b->lanes->bell.sleeping);
	close(fd);
}

// Real threads: the workers nap, are rung up, and nothing is lost on the way.
TEST_P(SessionFrames, flow_between_threads_through_workers_that_nap)
{
	pair = std::make_unique<Pair>(1, GetParam(), true);
	pair->connect();
	for (Member *member : {pair->a.get(), pair->b.get()})
		member->channel->work_bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	constexpr std::uint32_t count = 5000;
	std::uint32_t arrived = 0;
	bool in_order = true;
	{
		const std::jthread first([&] { pair->a->worker->run(); });
		const std::jthread second([&] { pair->b->worker->run(); });
		const std::jthread control_of_both([&](const std::stop_token &stop) {
			while (!stop.stop_requested()) {
				++pair->a->channel->watchdog;
				++pair->b->channel->watchdog;
				for (Member *member : {pair->a.get(), pair->b.get()})
					for (const auto &event : only<control::WorkerReturned>(member->events()))
						(void)member->channel->commands.push(control::EndSilence{event.number});
				std::this_thread::sleep_for(milliseconds{1});
			}
		});
		const auto give_up = std::chrono::steady_clock::now() + seconds{20};
		while (pair->a->link(0).rx == 0 || pair->b->link(0).rx == 0)
			std::this_thread::sleep_for(milliseconds{1});
		const std::jthread writer([&] {
			for (std::uint32_t number = 0; number < count;) {
				if (number % 500 == 0) // long enough for a nap
					std::this_thread::sleep_for(milliseconds{5});
				// Not more than the wire holds: a member that was away loses nothing then.
				if (number - std::atomic_ref(arrived).load() < 500 &&
				    put(*pair->a, numbered(number, 1000), 0))
					++number;
				else
					std::this_thread::yield();
				pair->a->channel->work_bell.ring();
			}
		});
		while (arrived < count && std::chrono::steady_clock::now() < give_up) {
			for (const Arrived &one : taken(*pair->b)) {
				in_order = in_order && one.payload == numbered(arrived, 1000);
				std::atomic_ref(arrived).fetch_add(1);
			}
			std::this_thread::yield();
		}
		if (arrived < count) // lets the writer end
			std::atomic_ref(arrived).store(count);
		pair->a->channel->stop = true;
		pair->b->channel->stop = true;
	}
	EXPECT_TRUE(in_order);
	EXPECT_EQ(pair->b->channel->counters.ports[0].session_rx_packets, count);
	for (Member *member : {pair->a.get(), pair->b.get()})
		close(member->channel->work_bell.fd);
}

} // namespace
} // namespace systole::dataplane::testing
