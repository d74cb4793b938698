// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Heartbeats between two workers: they flow, they stop, one of us was away, somebody starts anew.
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace systole::dataplane::testing {
namespace {

using control::Drop;
using control::EndSilence;
using control::LinkVerdict;
using control::PeerBeat;
using control::PeerLink;
using control::SessionConfirmed;
using control::WorkerLate;
using control::WorkerReturned;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<LinkVerdict> verdicts(const std::vector<control::WorkerEvent> &events)
{
	std::vector<LinkVerdict> list;
	for (const PeerLink &event : only<PeerLink>(events))
		list.push_back(event.verdict);
	return list;
}

class EverySuite : public ::testing::TestWithParam<crypto::Suite> {};
INSTANTIATE_TEST_SUITE_P(Suites, EverySuite,
			 ::testing::Values(crypto::Suite::null_sha1, crypto::Suite::cbc_sha1, crypto::Suite::gcm),
			 [](const ::testing::TestParamInfo<crypto::Suite> &suite) {
				 return test_name_of(suite.param);
			 });

TEST_P(EverySuite, beats_flow_on_both_links_both_ways_and_nothing_is_refused)
{
	Pair pair(2, GetParam());
	pair.connect();
	pair.run_for(seconds{2});
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		EXPECT_EQ(member->all_drops(), 0U);
		EXPECT_EQ(member->channel->counters.beats, 201U); // one at once, then every 10 ms
		for (core::LinkIndex link = 0; link < 2; ++link) {
			EXPECT_GE(member->link(link).rx, 200U);
			EXPECT_EQ(member->link(link).lost, 0U);
			EXPECT_EQ(member->link(link).stale, 0U);
		}
		const auto events = member->events();
		ASSERT_EQ(only<SessionConfirmed>(events).size(), 1U); // once per session, not once per link
		EXPECT_EQ(only<SessionConfirmed>(events)[0].session, 1U);
		EXPECT_EQ(verdicts(events), (std::vector{LinkVerdict::alive, LinkVerdict::alive}));
		EXPECT_TRUE(only<WorkerLate>(events).empty());
		const auto beats = only<PeerBeat>(events);
		ASSERT_FALSE(beats.empty());
		const std::string_view expected = member == pair.a.get() ? "b says that" : "a says this";
		EXPECT_EQ(std::string_view(reinterpret_cast<const char *>(beats[0].content.data()), beats[0].length),
			  expected);
		// The content never changed: one at the start, then one each 100 ms, links counted together.
		EXPECT_LE(beats.size(), 21U);
		EXPECT_GE(beats.size(), 19U);
	}
}

TEST(Beats, the_wire_shows_the_form_that_the_document_describes)
{
	Pair pair(1);
	pair.connect();
	pair.a->turn(pair.now);
	const auto frames = pair.a_to_b[0]->take();
	ASSERT_EQ(frames.size(), 1U);
	const Bytes &frame = frames[0];
	core::MacAddress destination{};
	std::memcpy(destination.data(), frame.data(), 6);
	EXPECT_EQ(destination, pair.b->ports[0]->mac());
	const Frame seen = classify(frame, 1, false, {});
	ASSERT_EQ(seen.kind, FrameKind::esp);
	EXPECT_EQ(seen.source, pair.a->ports[0]->mac());
	EXPECT_EQ(frame[20], std::byte{0x40}); // DF
	EXPECT_EQ(frame[22], std::byte{64});   // TTL
	EXPECT_EQ(frame[23], std::byte{50});   // ESP
	EXPECT_EQ(frame.size(), ethernet_bytes + ipv4_bytes + seen.length);
}

TEST(Beats, a_silent_peer_is_lost_exactly_at_the_dead_interval_and_not_before)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{500});
	(void)pair.b->events();
	pair.b->turn(pair.now);
	const Time last = Time(Duration(pair.b->link(0).last_rx_ns.load()));
	// b goes on alone, in steps fine enough to see the edge.
	Time at = last;
	for (; at < last + dead; at += microseconds{500})
		pair.b->turn(at);
	EXPECT_TRUE(verdicts(pair.b->events()).empty());
	pair.b->turn(last + dead);
	const auto events = only<PeerLink>(pair.b->events());
	ASSERT_EQ(events.size(), 1U);
	EXPECT_EQ(events[0].verdict, LinkVerdict::lost);
	EXPECT_EQ(events[0].at, last + dead);
	EXPECT_EQ(events[0].last_rx, last);
	EXPECT_EQ(events[0].generation, 1U);
}

TEST(Beats, a_peer_that_comes_back_on_the_same_sas_is_alive_again_without_a_handshake)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	std::vector<Bytes> gone;
	for (const Time end = pair.now + milliseconds{300}; pair.now < end; pair.now += tick) {
		pair.a->turn(pair.now);
		for (auto &frame : pair.a_to_b[0]->take())
			gone.push_back(std::move(frame));
		pair.b->turn(pair.now);
		(void)pair.b_to_a[0]->take();
	}
	ASSERT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::alive, LinkVerdict::lost}));
	pair.run_for(milliseconds{500});
	const auto after = verdicts(pair.b->events());
	ASSERT_FALSE(after.empty());
	EXPECT_EQ(after.back(), LinkVerdict::alive);
	EXPECT_EQ(pair.b->link(0).lost, gone.size()); // by the peer's own count
	EXPECT_GE(gone.size(), 29U);
}

TEST(Beats, each_link_is_judged_by_itself)
{
	Pair pair(2);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.b->events();
	for (const Time end = pair.now + milliseconds{200}; pair.now < end; pair.now += tick) {
		pair.a->turn(pair.now);
		(void)pair.a_to_b[1]->take();
		pair.b->turn(pair.now);
	}
	const auto events = only<PeerLink>(pair.b->events());
	ASSERT_EQ(events.size(), 1U);
	EXPECT_EQ(events[0].link, 1);
	EXPECT_EQ(events[0].verdict, LinkVerdict::lost);
}

// ---------------------------------------------------------------- own absence

TEST(Absence, a_worker_that_was_away_looks_before_it_judges)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.b->events();
	pair.run_alone(*pair.a, milliseconds{150}); // b stands still, its beats wait in the queue
	pair.b->turn(pair.now);
	const auto events = pair.b->events();
	EXPECT_TRUE(verdicts(events).empty());
	ASSERT_EQ(only<WorkerLate>(events).size(), 1U);
	EXPECT_EQ(only<WorkerLate>(events)[0].gap, milliseconds{150});
	EXPECT_EQ(pair.b->link(0).lost, 0U);
	EXPECT_GE(pair.b->channel->counters.longest_gap_us, 149'000U);
}

TEST(Absence, a_whole_host_that_freezes_loses_nobody_and_a_death_after_it_is_still_found)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	pair.now += seconds{30}; // nobody turned
	pair.run_for(dead);      // both are silent, each waits for the other
	for (Member *member : {pair.a.get(), pair.b.get()})
		member->channel->commands.push(EndSilence{1});
	pair.run_for(milliseconds{300});
	for (Member *member : {pair.a.get(), pair.b.get()})
		EXPECT_EQ(verdicts(member->events()), (std::vector{LinkVerdict::alive}));
	pair.run_alone(*pair.b, dead + tick);
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost}));
}

TEST(Absence, a_peer_is_granted_exactly_the_time_we_were_away)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.b->events();
	const Time last = Time(Duration(pair.b->link(0).last_rx_ns.load()));
	// a dies now; b hears nothing for 12 ms of its own turns, is away for 25 ms, and then needs the rest of dead.
	pair.b->turn(last + milliseconds{12});
	pair.b->turn(last + milliseconds{37});
	Time at = last + milliseconds{37};
	// The 12 ms step was longer than one interval, so it counts as an absence too.
	for (; at < last + dead + milliseconds{37}; at += milliseconds{1})
		pair.b->turn(at);
	EXPECT_TRUE(verdicts(pair.b->events()).empty());
	pair.b->turn(at);
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost}));
}

TEST(Absence, who_may_have_been_frozen_with_us_has_time_to_enter_again)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.b->events();
	Time at = pair.now + milliseconds{100};
	const Time back = at;
	for (; at < back + dead * 5 / 2; at += milliseconds{1})
		pair.b->turn(at);
	EXPECT_TRUE(verdicts(pair.b->events()).empty());
	pair.b->turn(at);
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost}));
}

TEST(Absence, a_worker_that_is_away_again_and_again_still_finds_the_dead)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	(void)pair.b->events();
	const Time last = Time(Duration(pair.b->link(0).last_rx_ns.load()));
	Time at = pair.now;
	bool found = false;
	while (!found && at < last + seconds{2}) {
		at += milliseconds{25}; // every single turn is an absence
		pair.b->turn(at);
		found = verdicts(pair.b->events()) == std::vector{LinkVerdict::lost};
	}
	EXPECT_TRUE(found);
	EXPECT_LE(at - last, dead * (2 + AwayBudget::cap_in_dead_intervals));
}

TEST(Absence, lateness_is_confessed_in_the_next_beat)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{200});
	// The next round is due 10 ms after the last; a comes 27 ms later than that, but within its dead interval.
	const Time due = pair.now - (pair.now.time_since_epoch() % interval) + interval;
	pair.now = due + milliseconds{17};
	pair.a->turn(pair.now);
	pair.b->turn(pair.now);
	EXPECT_EQ(pair.b->link(0).peer_late_us, 17'000U);
	EXPECT_EQ(pair.a->channel->counters.late_us_max, 17'000U);
	pair.run_for(milliseconds{30});
	EXPECT_EQ(pair.b->link(0).peer_late_us, 0U);
}

TEST(Absence, after_a_stall_one_beat_goes_out_and_the_grid_stands)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{100});
	(void)pair.a_to_b[0]->take();
	const Time grid = pair.now; // run_for ends on the grid: start + 100 ms
	pair.a->turn(grid + milliseconds{27});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 1U);
	pair.a->turn(grid + milliseconds{29});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U);
	pair.a->turn(grid + milliseconds{30});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 1U);
}

TEST(Absence, a_thawed_member_is_silent_until_control_ends_this_very_silence)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{100});
	(void)pair.a_to_b[0]->take();
	pair.now += dead + milliseconds{50};
	pair.a->turn(pair.now);
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U) << "it said again what it had said before the freeze";
	const auto returns = only<WorkerReturned>(pair.a->events());
	ASSERT_EQ(returns.size(), 1U);
	EXPECT_EQ(returns[0].number, 1U);
	EXPECT_EQ(returns[0].gap, dead + milliseconds{50});
	EXPECT_EQ(pair.a->channel->silence, 1U);
	pair.say(*pair.a, "I claim nothing"); // perhaps queued before the freeze
	pair.a->turn(pair.now + microseconds{200});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U) << "a new content is no permission";
	pair.a->channel->commands.push(EndSilence{1});
	pair.a->turn(pair.now + microseconds{400});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 1U);
	EXPECT_EQ(pair.a->channel->silence, 0U);

	// The end of an earlier silence is not the end of the next.
	pair.now += seconds{1};
	pair.a->channel->commands.push(EndSilence{1});
	pair.a->turn(pair.now);
	pair.a->turn(pair.now + dead);
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U);
	pair.a->channel->commands.push(EndSilence{2});
	pair.a->turn(pair.now + dead + microseconds{100});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 1U);
}

TEST(Absence, control_that_stands_still_silences_the_worker_and_is_told_when_it_moves_again)
{
	Pair pair(1);
	pair.connect();
	auto &watchdog = pair.a->channel->watchdog;
	watchdog = 1;
	pair.run_for(control_watchdog + milliseconds{5});
	EXPECT_EQ(pair.a->channel->silence, 1U);
	EXPECT_EQ(pair.a->channel->counters.silences, 1U);
	(void)pair.a_to_b[0]->take();
	(void)pair.b->events();
	pair.run_for(dead + milliseconds{50});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U);
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost})) << "a hung control looks dead";
	EXPECT_TRUE(only<WorkerReturned>(pair.a->events()).empty());
	watchdog = 2;
	pair.a->turn(pair.now);
	const auto returns = only<WorkerReturned>(pair.a->events());
	ASSERT_EQ(returns.size(), 1U);
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 0U);
	pair.a->channel->commands.push(EndSilence{returns[0].number});
	pair.a->turn(pair.now + microseconds{100});
	EXPECT_EQ(pair.a_to_b[0]->take().size(), 1U);
}

TEST(Absence, what_a_peer_sent_after_our_return_is_told_apart_from_what_had_waited)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{300});
	(void)pair.a->events();
	// a is frozen; b goes on, and its beats wait in a's queue.
	for (const Time end = pair.now + dead + milliseconds{50}; pair.now < end; pair.now += tick)
		pair.b->turn(pair.now);
	pair.a->turn(pair.now);
	const auto waited = only<PeerBeat>(pair.a->events());
	ASSERT_FALSE(waited.empty());
	for (const PeerBeat &beat : waited)
		EXPECT_FALSE(beat.since_return);
	for (const Time end = pair.now + 2 * interval; pair.now < end; pair.now += tick) {
		pair.b->turn(pair.now);
		pair.a->turn(pair.now);
	}
	const auto since = only<PeerBeat>(pair.a->events());
	ASSERT_EQ(since.size(), 1U);
	EXPECT_TRUE(since[0].since_return);
}

// ---------------------------------------------------------------- freshness

TEST(Freshness, L2_a_peer_that_does_not_hear_us_is_one_way_and_we_are_lost_to_it)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{300});
	(void)pair.a->events();
	(void)pair.b->events();
	for (const Time end = pair.now + milliseconds{300}; pair.now < end; pair.now += tick) {
		pair.a->turn(pair.now);
		(void)pair.a_to_b[0]->take(); // this direction of the cable is cut
		pair.b->turn(pair.now);
	}
	const auto of_a = verdicts(pair.a->events());
	EXPECT_EQ(of_a, (std::vector{LinkVerdict::one_way}));
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost}));
	EXPECT_EQ(pair.a->drops(Drop::hb_stale_echo), 0U) << "they are life: they prove when they were sent";
	EXPECT_GT(pair.a->link(0).stale, 0U);
	pair.run_for(milliseconds{100});
	EXPECT_EQ(verdicts(pair.a->events()).back(), LinkVerdict::alive);
	EXPECT_EQ(verdicts(pair.b->events()).back(), LinkVerdict::alive);
}

TEST(Freshness, L1_frames_held_back_and_released_slowly_keep_nobody_alive)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{300});
	(void)pair.b->events();
	std::vector<Bytes> held;
	for (const Time end = pair.now + milliseconds{200}; pair.now < end; pair.now += tick) {
		pair.a->turn(pair.now);
		for (auto &frame : pair.a_to_b[0]->take())
			held.push_back(std::move(frame));
		pair.b->turn(pair.now);
		(void)pair.b_to_a[0]->take();
		// From here on b hears a only through the attacker, one frame each 20 ms.
		if (held.size() >= 2 && (pair.now.time_since_epoch() % milliseconds{20}) == Duration::zero()) {
			pair.a_to_b[0]->put(held.front());
			held.erase(held.begin());
			pair.b->turn(pair.now);
		}
	}
	// a is dead now; the attacker goes on.
	const Time death = pair.now;
	Time last_alive = death;
	for (const Time end = pair.now + seconds{2}; pair.now < end; pair.now += tick) {
		if (!held.empty() && (pair.now.time_since_epoch() % milliseconds{20}) == Duration::zero()) {
			pair.a_to_b[0]->put(held.front());
			held.erase(held.begin());
		}
		pair.b->turn(pair.now);
		(void)pair.b_to_a[0]->take();
		for (const PeerLink &event : only<PeerLink>(pair.b->events()))
			if (event.verdict == LinkVerdict::alive)
				last_alive = event.at;
	}
	EXPECT_LE(last_alive - death, (2 * lost_threshold + 5) * interval);
}

TEST(Freshness, L5_an_echo_of_what_we_never_sent_means_that_we_were_rolled_back)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{300});
	(void)pair.a->events();
	// a as it was when it began: its numbers start again, b remembers more.
	const auto bitmap = std::uint8_t{1};
	control::StartPeer again{peer_slot, 9, address_of_a, address_of_b, bitmap, {}};
	again.macs[0] = pair.b->ports[0]->mac();
	pair.a->command(again);
	pair.run_for(milliseconds{50});
	EXPECT_GE(pair.a->drops(Drop::hb_rollback), 4U);
	const auto events = only<PeerLink>(pair.a->events());
	ASSERT_EQ(events.size(), 1U) << "told once, not with every beat";
	EXPECT_EQ(events[0].verdict, LinkVerdict::rollback);
	EXPECT_EQ(events[0].generation, 9U);
}

TEST(Freshness, the_round_trip_is_measured_without_the_time_the_peer_held_it)
{
	Pair pair(1);
	pair.connect();
	// One way takes 3 ms: the wire holds each frame for three turns.
	std::deque<std::pair<Time, Bytes>> to_b, to_a;
	for (const Time end = pair.now + milliseconds{400}; pair.now < end; pair.now += tick) {
		pair.a->turn(pair.now);
		for (auto &frame : pair.a_to_b[0]->take())
			to_b.emplace_back(pair.now + milliseconds{3}, std::move(frame));
		for (; !to_b.empty() && to_b.front().first <= pair.now; to_b.pop_front())
			pair.a_to_b[0]->put(to_b.front().second);
		pair.b->turn(pair.now);
		for (auto &frame : pair.b_to_a[0]->take())
			to_a.emplace_back(pair.now + milliseconds{3}, std::move(frame));
		for (; !to_a.empty() && to_a.front().first <= pair.now; to_a.pop_front())
			pair.b_to_a[0]->put(to_a.front().second);
	}
	EXPECT_NEAR(pair.a->link(0).rtt_us, 6000, 1000);
	EXPECT_NEAR(pair.b->link(0).rtt_us, 6000, 1000);
}

// ---------------------------------------------------------------- sessions

TEST(Sessions, a_candidates_packets_confirm_it_and_do_nothing_else_until_it_is_bound)
{
	Pair pair(1);
	pair.install(1, 1, 0); // b holds the session for a candidate
	pair.start_peers(1);
	pair.say(*pair.a, "a");
	pair.run_for(milliseconds{50});
	auto events = pair.b->events();
	ASSERT_EQ(only<SessionConfirmed>(events).size(), 1U);
	EXPECT_EQ(only<SessionConfirmed>(events)[0].slot, 0);
	EXPECT_TRUE(only<PeerBeat>(events).empty());
	EXPECT_TRUE(verdicts(events).empty());
	EXPECT_EQ(pair.b->link(0).rx, 0U);
	EXPECT_EQ(pair.b->all_drops(), 0U);
	pair.b->command(control::BindSession{1, peer_slot});
	pair.run_for(milliseconds{50});
	events = pair.b->events();
	EXPECT_TRUE(only<SessionConfirmed>(events).empty());
	EXPECT_EQ(verdicts(events), (std::vector{LinkVerdict::alive}));
	EXPECT_GT(pair.b->link(0).rx, 0U);
}

TEST(Sessions, a_rekey_loses_no_beat_and_the_old_sas_come_back_to_be_wiped)
{
	Pair pair(2);
	pair.connect(1, 1);
	pair.run_for(milliseconds{200});
	pair.install(2, 2);
	pair.run_for(milliseconds{100});
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		(void)member->events();
		EXPECT_EQ(member->released, 2U); // the two outbound SAs that were replaced
		member->command(control::RemoveSession{1});
	}
	pair.run_for(milliseconds{200});
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		EXPECT_EQ(verdicts(member->events()), (std::vector<LinkVerdict>{}));
		EXPECT_EQ(member->released, 4U);
		EXPECT_EQ(member->link(0).lost, 0U);
		EXPECT_EQ(member->all_drops(), 0U);
	}
}

TEST(Sessions, a_removed_session_takes_no_packet_and_sends_none)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{100});
	pair.b->command(control::RemoveSession{1});
	pair.b->command(control::RemoveSession{77}); // unknown: ignored
	pair.run_for(milliseconds{50});
	(void)pair.b->events();
	EXPECT_EQ(pair.b->released, 2U);
	EXPECT_GE(pair.b->drops(Drop::esp_nosa), 5U);
	const auto beats = pair.a->link(0).rx.load();
	pair.run_for(milliseconds{50});
	EXPECT_EQ(pair.a->link(0).rx, beats);
}

TEST(Sessions, a_stopped_peer_gets_no_beats_and_is_not_judged)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{100});
	(void)pair.b->events();
	pair.b->command(control::StopPeer{peer_slot});
	pair.run_for(milliseconds{1});
	(void)pair.b_to_a[0]->take();
	pair.run_alone(*pair.b, milliseconds{200});
	EXPECT_TRUE(pair.b_to_a[0]->take().empty());
	EXPECT_TRUE(verdicts(pair.b->events()).empty());
}

TEST(Sessions, a_used_up_sa_is_not_used_once_more)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{50});
	crypto::OutboundSa *last = crypto::make_outbound_sa(make_key(pair.suite, 0, 0, 1).spec()).release();
	last->set_next_sequence(0xffffffff);
	pair.a->command(control::InstallOutbound{last, peer_slot, 0, 1});
	const auto before = pair.b->link(0).rx.load();
	pair.run_for(milliseconds{100});
	EXPECT_EQ(pair.b->link(0).rx, before + 1);
	EXPECT_EQ(pair.b->all_drops(), 0U);
}

TEST(Sessions, when_the_worker_ends_every_sa_goes_back_to_control)
{
	Pair pair(2);
	pair.connect();
	pair.run_for(milliseconds{50});
	(void)pair.a->events();
	pair.a->channel->stop.store(true);
	pair.a->worker->run();
	(void)pair.a->events();
	EXPECT_EQ(pair.a->released, 4U);
}

// ---------------------------------------------------------------- what goes up, what goes down

TEST(HandingUp, changed_content_goes_up_at_once_and_an_immediate_beat_does_not_wait_for_the_grid)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{105});
	(void)pair.b->events();
	const auto rounds = pair.a->channel->counters.beats.load();
	pair.say(*pair.a, "I am primary", true);
	pair.a->turn(pair.now);
	pair.b->turn(pair.now);
	EXPECT_EQ(pair.a->channel->counters.beats, rounds + 1);
	const auto beats = only<PeerBeat>(pair.b->events());
	ASSERT_EQ(beats.size(), 1U);
	EXPECT_EQ(beats[0].length, 12U);
	EXPECT_EQ(beats[0].at, pair.now);
	EXPECT_EQ(beats[0].verdict, LinkVerdict::alive);
	EXPECT_TRUE(beats[0].since_return);
	// The next one comes where the grid has it.
	(void)pair.a_to_b[0]->take();
	pair.run_alone(*pair.a, milliseconds{4});
	EXPECT_EQ(pair.a_to_b[0]->in_flight(), 0U);
	pair.run_alone(*pair.a, milliseconds{1});
	EXPECT_EQ(pair.a_to_b[0]->in_flight(), 1U);
}

TEST(HandingUp, while_control_hangs_beats_are_dropped_and_verdicts_wait)
{
	Pair pair(1);
	pair.connect();
	pair.run_for(milliseconds{100});
	(void)pair.b->events();
	while (pair.b->channel->events.push(control::HakeFrame{})) {}
	for (int i = 0; i < 30; ++i) {
		pair.say(*pair.a, "news " + std::to_string(i));
		pair.run_for(interval);
	}
	EXPECT_GE(pair.b->drops(Drop::ring_full), 25U);
	pair.run_alone(*pair.b, milliseconds{100}); // and now the peer dies
	(void)pair.a_to_b[0]->take();
	(void)pair.b->events();
	pair.run_alone(*pair.b, milliseconds{1});
	EXPECT_EQ(verdicts(pair.b->events()), (std::vector{LinkVerdict::lost}));
}

TEST(HandingUp, the_bell_rings_only_when_control_sleeps)
{
	Pair pair(1);
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_GE(fd, 0);
	pair.b->channel->bell.fd = fd;
	std::uint64_t rings = 0;
	pair.connect();
	pair.run_for(milliseconds{20});
	EXPECT_LT(read(fd, &rings, sizeof(rings)), 0) << "control was awake";
	pair.b->channel->bell.sleeping = true;
	pair.run_for(milliseconds{200});
	EXPECT_EQ(read(fd, &rings, sizeof(rings)), 8);
	EXPECT_EQ(rings, 1U);
	EXPECT_FALSE(pair.b->channel->bell.sleeping);
	close(fd);
	pair.b->channel->bell.fd = -1;
}

TEST(HandingUp, handshake_frames_go_up_whole_with_their_sender_but_not_more_than_64_a_turn)
{
	Pair pair(1);
	control::SendFrame frame{0, core::broadcast_mac, 84, {}};
	const std::array<char, 8> header{'H', 'A', 'K', 'E', 1, 1, 0, 84};
	std::transform(header.begin(), header.end(), frame.payload.begin(),
		       [](char c) { return static_cast<std::byte>(c); });
	frame.payload[83] = std::byte{0x77};
	for (int i = 0; i < 100; ++i)
		pair.a->command(frame);
	pair.a->turn(pair.now);
	pair.a->turn(pair.now + tick); // 64 commands a turn
	EXPECT_EQ(pair.a_to_b[0]->in_flight(), 100U);
	pair.b->turn(pair.now);
	const auto frames = only<control::HakeFrame>(pair.b->events());
	ASSERT_EQ(frames.size(), 64U);
	EXPECT_EQ(pair.b->drops(Drop::ring_full), 36U);
	EXPECT_EQ(frames[0].source, pair.a->ports[0]->mac());
	EXPECT_EQ(frames[0].length, 84U);
	EXPECT_EQ(frames[0].payload, frame.payload);
}

TEST(Sending, a_port_that_takes_nothing_more_is_counted_and_leaks_nothing)
{
	Pair pair(1);
	pair.connect();
	// b does not read: 1023 places, then tx_full. More rounds than a has mbufs, so a leak would show.
	pair.run_alone(*pair.a, interval * 4000);
	EXPECT_EQ(pair.a_to_b[0]->in_flight(), 1023U);
	EXPECT_EQ(pair.a->drops(Drop::tx_full), 4001U - 1023U);
	EXPECT_EQ(pair.a->channel->counters.ports[0].tx_packets, 1023U);
	(void)pair.a_to_b[0]->take();
	pair.run_for(milliseconds{50});
	EXPECT_GE(pair.b->link(0).rx, 4U);
}

TEST(Waking, the_worker_knows_when_it_has_something_to_do)
{
	Pair pair(1);
	pair.a->turn(pair.now);
	EXPECT_EQ(pair.a->worker->next_wake(), core::never);
	pair.connect();
	pair.run_for(milliseconds{100});
	EXPECT_EQ(pair.a->worker->next_wake(), pair.now + interval);
	pair.a->command(control::StopPeer{peer_slot});
	pair.a->turn(pair.now + milliseconds{1});
	EXPECT_EQ(pair.a->worker->next_wake(), pair.now + interval);
}

TEST(Running, two_workers_on_their_own_threads_keep_each_other_alive)
{
	Pair pair(1, crypto::Suite::gcm);
	pair.connect();
	{
		const std::jthread first([&] { pair.a->worker->run(); });
		const std::jthread second([&] { pair.b->worker->run(); });
		std::this_thread::sleep_for(milliseconds{300});
		pair.a->channel->stop = true;
		pair.b->channel->stop = true;
	}
	for (Member *member : {pair.a.get(), pair.b.get()}) {
		EXPECT_GE(member->link(0).rx, 10U);
		const auto list = verdicts(member->events());
		ASSERT_FALSE(list.empty());
		EXPECT_EQ(list[0], LinkVerdict::alive);
	}
}

} // namespace
} // namespace systole::dataplane::testing
