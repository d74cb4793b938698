// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// New keys for a live session: its messages lost, late or blocked for a day, both ends at once, a restart in the
// middle, and `suite-policy group`. Nobody may be lost because of a rekey. Ids are those of tests/hostile/cases.txt.
#include "tests/unit/core/group_fixture.h"

#include <algorithm>
#include <set>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class RekeyOf : public Group {
protected:
	void form_two(const std::function<void(std::size_t, Config &)> &change = {})
	{
		members(2, change);
		start_all();
		ASSERT_LE(form(seconds{5}), 2 * cluster.settings(0).config.hb_interval + milliseconds{100});
		cluster.run_for(seconds{10});
	}
	void expect_rekeyed(std::size_t times)
	{
		for (const std::size_t member : {0U, 1U})
			EXPECT_EQ(cluster.notices(member, NoticeKind::rekeyed).size(), times) << member;
	}
	// The first packet of an SA proves its session also when its packets count already. The worker tells so; this
	// ideal one only of SAs whose packets do not count yet.
	void confirm_on_the_first_packet()
	{
		for (SessionId session = 1; session <= 8; ++session)
			cluster.give(1, SessionConfirmed{session});
	}
};

TEST_F(RekeyOf, TheOldKeysServeUntilTheNewOnesDo)
{
	form_two();
	cluster.give(0, Rekey{});
	ASSERT_NO_FATAL_FAILURE(run_whole(seconds{5}));
	expect_rekeyed(1);
	expect_nobody_lost();
	EXPECT_EQ(cluster.sessions(0), 1U);
	EXPECT_EQ(cluster.sessions(1), 1U);
}

TEST_F(RekeyOf, Q2_a_message_lost_once_or_for_a_second_only_delays_the_new_keys)
{
	for (const HakeType victim : {HakeType::ke1, HakeType::ke2, HakeType::ke3}) {
		for (const Duration how_long : {Duration{1}, Duration{seconds{1}}}) {
			SCOPED_TRACE(testing::Message()
				     << static_cast<int>(victim) << " lost for " << how_long.count());
			ASSERT_NO_FATAL_FAILURE(form_two());
			std::size_t lost = 0;
			Time first_lost = never;
			bool packet_awaited = false;
			bool packet_arrived = false;
			cluster.filter = [&](Frame &frame) {
				if (frame.hake.length == 0 && frame.from == 0 && packet_awaited)
					packet_arrived = true;
				if (!is_sealed(frame, victim) ||
				    cluster.now() - std::min(first_lost, cluster.now()) >= how_long)
					return true;
				first_lost = std::min(first_lost, cluster.now());
				++lost;
				packet_awaited = victim == HakeType::ke3;
				return false;
			};
			cluster.give(0, Rekey{});
			for (const Time end = cluster.now() + seconds{10}; cluster.now() < end;) {
				cluster.run_for(milliseconds{1});
				ASSERT_TRUE(everybody_hears_everybody())
					<< (end - cluster.now()).count() << " ns to go";
				if (packet_arrived)
					confirm_on_the_first_packet();
				packet_arrived = false;
			}
			EXPECT_GE(lost, 1U);
			if (how_long > milliseconds{1} && victim != HakeType::ke3) {
				EXPECT_EQ(lost, 4U) << "every try of one exchange";
			}
			expect_rekeyed(1);
			expect_nobody_lost();
			for (const std::size_t member : {0U, 1U})
				EXPECT_EQ(cluster.sessions(member), 1U) << "what was left over has ended";
		}
	}
}

TEST_F(RekeyOf, Q3_the_old_session_ends_when_nothing_of_it_can_be_under_way)
{
	// max(1 s, 2 x dead interval)
	for (const auto &[interval, drain] :
	     {std::pair{milliseconds{10}, milliseconds{1000}}, {milliseconds{50}, milliseconds{2000}}}) {
		SCOPED_TRACE(drain.count());
		ASSERT_NO_FATAL_FAILURE(form_two([&](std::size_t, Config &config) { config.hb_interval = interval; }));
		cluster.give(0, Rekey{});
		cluster.run_for(milliseconds{10});
		expect_rekeyed(1);
		const Time switched = cluster.notices(0, NoticeKind::rekeyed).at(0).at; // its clock is the fabric's
		while (cluster.now() < switched + drain - milliseconds{5}) {
			for (const std::size_t member : {0U, 1U})
				ASSERT_EQ(cluster.sessions(member), 2U);
			cluster.run_for(milliseconds{1});
		}
		cluster.run_for(milliseconds{15});
		for (const std::size_t member : {0U, 1U})
			EXPECT_EQ(cluster.sessions(member), 1U);
	}
}

// One node that starts the rekey; the test is the peer.
class RekeyOfOne : public testing::Test {
protected:
	explicit RekeyOfOne() : node(config_of(serial_of(1))), peer(node.make_peer(serial_of(2)))
	{
		(void)node.start();
		(void)node.join(peer);
	}
	// The peer's answer, and what the node does when its key agent has found it good.
	const Actions &answer(const BeginExchange &begin, SessionId sealed_by)
	{
		IdealKeyAgent own(config_of(serial_of(1)), "secret", nonce_of(1), begin.session);
		EvaluateKe1 evaluate;
		evaluate.session = begin.session;
		evaluate.suite = Suite::gcm;
		evaluate.ke1 = own.begin(begin).ke1;
		evaluate.continues = true;
		(void)peer.keys->evaluate_ke1(evaluate);
		(void)node.step(
			HakeReceived{0, OneNode::mac, peer.keys->find(begin.session)->ke2, peer.slot, sealed_by});
		return node.step(KeyResult{begin.session, KeyStep::ke2, KeyOutcome::ok});
	}
	// Whether a beat of this session is taken.
	bool say(SessionId session, std::uint8_t priority)
	{
		peer.session = session;
		peer.words.priority = priority;
		(void)node.beat(peer);
		return node.node().member(MemberId::from(serial_of(2)))->content.vclusters[0].priority == priority;
	}
	void pass_until(Time end, const std::function<void(const Actions &)> &look)
	{
		while (node.node().next_deadline() <= end) {
			node.now = std::max(node.now, node.node().next_deadline());
			look(node.step(Tick{}));
		}
		node.now = end;
	}

	OneNode node;
	OneNode::Peer peer;
};

TEST_F(RekeyOfOne, Q3_a_beat_of_the_old_session_counts_after_900_ms_and_no_more_after_1100_ms)
{
	const SessionId old = peer.session;
	(void)node.step(Rekey{});
	const auto begun = all<BeginExchange>(node.step(Tick{}));
	ASSERT_EQ(begun.size(), 1U);
	EXPECT_EQ(begun[0].slot, peer.slot) << "inside the heartbeat SA";
	const Actions &up = answer(begun[0], old);
	EXPECT_EQ(notices(up, NoticeKind::rekeyed), 1U);
	EXPECT_EQ(count<DropSession>(up), 0U);
	EXPECT_EQ(count<StartPeerBeats>(up), 0U) << "numbers go on";

	const Time switched = node.now;
	std::vector<Time> dropped;
	const auto look = [&](const Actions &actions) {
		for (const DropSession &drop : all<DropSession>(actions)) {
			EXPECT_EQ(drop.session, old);
			dropped.push_back(node.now);
		}
	};
	pass_until(switched + milliseconds{900}, look);
	EXPECT_TRUE(say(old, 91));
	EXPECT_TRUE(say(begun[0].session, 92));
	pass_until(switched + milliseconds{1100}, look);
	EXPECT_EQ(dropped, std::vector{switched + seconds{1}});
	EXPECT_FALSE(say(old, 93));
	EXPECT_TRUE(say(begun[0].session, 94));
	EXPECT_EQ(node.node().alive_peers(), 1U);
}

TEST_F(RekeyOfOne, Q4_a_rekey_blocked_for_24_hours_is_told_every_hour_and_the_old_keys_serve_on)
{
	const SessionId old = peer.session;
	const Time begin = node.now;
	std::size_t told = 0;
	std::size_t tries = 0;
	BeginExchange last;
	pass_until(begin + hours{24}, [&](const Actions &actions) {
		told += notices(actions, NoticeKind::rekey_overdue);
		for (const BeginExchange &begun : all<BeginExchange>(actions)) {
			EXPECT_EQ(begun.slot, peer.slot) << "never in the clear";
			last = begun;
			++tries;
		}
		for (const DropSession &drop : all<DropSession>(actions))
			EXPECT_NE(drop.session, old);
	});
	EXPECT_GE(told, 22U);
	EXPECT_LE(told, 23U) << "once an hour, first after two";
	EXPECT_GT(tries, 1000U) << "it goes on trying";
	EXPECT_EQ(node.node().alive_peers(), 1U);
	EXPECT_TRUE(say(old, 91));

	// And then an answer comes through.
	last.session = 0;
	for (int i = 0; i < 1000 && last.session == 0; ++i)
		pass_until(node.node().next_deadline(), [&](const Actions &actions) {
			for (const BeginExchange &begun : all<BeginExchange>(actions))
				last = begun;
		});
	ASSERT_NE(last.session, 0U);
	EXPECT_EQ(notices(answer(last, old), NoticeKind::rekeyed), 1U);
	EXPECT_TRUE(say(last.session, 92));
}

TEST_F(RekeyOf, Q4_a_blocked_rekey_is_told_and_splits_nothing)
{
	form_two([](std::size_t, Config &config) {
		config.hb_interval = seconds{1};
		config.rekey_interval = minutes{10};
	});
	std::size_t lost = 0;
	cluster.filter = [&](Frame &frame) {
		const bool blocked = frame.secret != 0 && frame.hake.length != 0;
		lost += blocked;
		return !blocked;
	};
	for (int i = 0; i < 120; ++i) {
		cluster.run_for(minutes{1});
		ASSERT_TRUE(everybody_hears_everybody()) << "after " << i << " minutes";
	}
	EXPECT_GT(lost, 1000U) << "it goes on trying";
	expect_rekeyed(0);
	expect_nobody_lost();
	for (const std::size_t member : {0U, 1U}) {
		const auto told = cluster.notices(member, NoticeKind::rekey_overdue);
		EXPECT_GE(told.size(), 10U) << member;
		EXPECT_LE(told.size(), 12U) << "once an interval";
		ASSERT_FALSE(told.empty());
		EXPECT_EQ(told[0].peer, cluster.settings(1 - member).config.self);
	}
	cluster.filter = nullptr;
	cluster.run_for(seconds{10});
	expect_rekeyed(1);
	EXPECT_TRUE(everybody_hears_everybody());
}

TEST_F(RekeyOf, Q5_both_ends_due_at_once_have_one_exchange)
{
	for (const bool worn : {false, true}) {
		for (const bool late : {false, true}) {
			SCOPED_TRACE(testing::Message() << (worn ? "worn" : "ordered") << (late ? ", asked late" : ""));
			ASSERT_NO_FATAL_FAILURE(form_two());
			std::set<ExchangeNonce> exchanges;
			std::vector<Frame> asked;
			cluster.filter = [&](Frame &frame) {
				if (is_sealed(frame, HakeType::ke1))
					exchanges.insert(decode_ke1(frame.hake.span())->head.x);
				if (!is_sealed(frame, HakeType::hello) || frame.from == outside)
					return true;
				asked.push_back(frame);
				return !late;
			};
			for (const std::size_t member : {1U, 0U}) {
				if (worn)
					cluster.give(member, SessionWorn{seen_by(member, 1 - member).session});
				else
					cluster.give(member, Rekey{});
			}
			cluster.run_for(milliseconds{50});
			EXPECT_EQ(asked.size(), 1U) << "who may not begin asks";
			for (Frame &frame : asked) { // it was held back on the way
				frame.from = outside;
				if (late)
					cluster.send(frame);
			}
			ASSERT_NO_FATAL_FAILURE(run_whole(seconds{10}));
			EXPECT_EQ(exchanges.size(), 1U);
			expect_rekeyed(1);
			expect_nobody_lost();
		}
	}
}

TEST_F(RekeyOf, TheOneWhoMayNotBeginGetsNewKeysByAsking)
{
	form_two();
	cluster.give(1, Rekey{});
	ASSERT_NO_FATAL_FAILURE(run_whole(seconds{5}));
	expect_rekeyed(1);
}

TEST_F(RekeyOf, Q6_a_restart_during_a_rekey_is_up_on_the_new_nonce)
{
	for (const std::size_t victim : {0U, 1U}) {
		for (const HakeType moment : {HakeType::ke1, HakeType::ke2, HakeType::ke3}) {
			SCOPED_TRACE(testing::Message()
				     << "member " << victim << " at message " << static_cast<int>(moment));
			ASSERT_NO_FATAL_FAILURE(form_two());
			const std::size_t other = 1 - victim;
			const BootNonce before = cluster.node(other).handshake().nonce_of(seen_by(other, victim).pair);
			bool reached = false;
			BootNonce said{};
			cluster.filter = [&](Frame &frame) {
				reached = reached || is_sealed(frame, moment);
				if (is(frame, HakeType::hello) && frame.from == victim)
					said = decode_header(frame.hake.span())->nonce;
				return true;
			};
			cluster.give(0, Rekey{});
			for (int i = 0; i < 1000 && !reached; ++i)
				cluster.run_for(microseconds{10});
			ASSERT_TRUE(reached);
			cluster.crash(victim);
			cluster.run_for(milliseconds{20});
			cluster.start(victim);
			const auto up = [&] {
				return cluster.node(other).handshake().nonce_of(seen_by(other, victim).pair) !=
					       before &&
				       everybody_hears_everybody();
			};
			const Time started = cluster.now();
			while (!up() && cluster.now() - started < seconds{5})
				cluster.run_for(milliseconds{1});
			// What the boot before has asked for inside the session is let go after three seconds.
			EXPECT_LE(cluster.now() - started, milliseconds{victim == 0 ? 3500 : 1500});
			EXPECT_NE(said, before);
			EXPECT_EQ(cluster.node(other).handshake().nonce_of(seen_by(other, victim).pair), said);
			ASSERT_NO_FATAL_FAILURE(run_whole(seconds{10}));
			for (const std::size_t member : {0U, 1U})
				EXPECT_EQ(cluster.sessions(member), 1U) << "what was left over has ended";
		}
	}
}

// ---------------------------------------------------------------- suite-policy group

class SuitePolicyGroup : public Group {
protected:
	static constexpr std::size_t without_gcm = 1;

	void form_three()
	{
		members(3, [](std::size_t member, Config &config) {
			config.suite_policy_group = true;
			if (member == without_gcm)
				config.capabilities &= ~cap_gcm;
		});
		start_all();
		ASSERT_LE(form(seconds{5}), seconds{1});
		ASSERT_NO_FATAL_FAILURE(run_whole(seconds{10}));
	}
	void expect_all_use(Suite suite)
	{
		for (std::size_t observer = 0; observer < cluster.size(); ++observer) {
			if (!cluster.running(observer))
				continue;
			EXPECT_EQ(cluster.node(observer).lacks_gcm(), suite != Suite::gcm) << observer;
			for (std::size_t member = 0; member < cluster.size(); ++member)
				if (member != observer && cluster.running(member)) {
					EXPECT_EQ(seen_by(observer, member).suite, suite)
						<< observer << " sees " << member;
				}
		}
	}
};

TEST_F(SuitePolicyGroup, C3_one_member_without_gcm_takes_it_from_all_pairs)
{
	ASSERT_NO_FATAL_FAILURE(form_three());
	expect_all_use(Suite::cbc_sha1);
	for (const std::size_t member : {0U, 2U})
		EXPECT_EQ(cluster.notices(member, NoticeKind::rekeyed).size(), 1U) << "the pair that had GCM, once";
	expect_nobody_lost();
}

TEST_F(SuitePolicyGroup, C4_when_that_member_is_gone_all_use_gcm_and_when_it_comes_back_cbc)
{
	for (const bool goodbye : {false, true}) {
		SCOPED_TRACE(goodbye ? "it says goodbye" : "it is silent");
		ASSERT_NO_FATAL_FAILURE(form_three());
		if (goodbye)
			cluster.stop(without_gcm);
		else
			cluster.crash(without_gcm);
		for (const Time end = cluster.now() + seconds{10}; cluster.now() < end;) {
			cluster.run_for(milliseconds{1});
			ASSERT_TRUE(seen_by(0, 2).alive);
			ASSERT_TRUE(seen_by(2, 0).alive);
		}
		expect_all_use(Suite::gcm);
		cluster.start(without_gcm);
		EXPECT_LE(form(seconds{5}), seconds{1});
		ASSERT_NO_FATAL_FAILURE(run_whole(seconds{10}));
		expect_all_use(Suite::cbc_sha1);
	}
}

TEST_F(SuitePolicyGroup, C3_a_hello_without_the_gcm_bit_from_a_stranger_changes_nothing)
{
	members(2, [](std::size_t, Config &config) { config.suite_policy_group = true; });
	start_all();
	ASSERT_LE(form(seconds{5}), seconds{1});
	Config weak = config_of(serial_of(9));
	weak.capabilities &= ~cap_gcm;
	for (std::uint64_t i = 0; i < 100; ++i) {
		Frame frame;
		frame.from = outside;
		frame.source = {6, 6, 6, 6, 6, 6};
		frame.destination = broadcast_mac;
		frame.hake = IdealKeyAgent(weak, "guess", nonce_of(9), i).hello(0);
		cluster.send(frame);
		ASSERT_NO_FATAL_FAILURE(run_whole(milliseconds{100}));
	}
	expect_all_use(Suite::gcm);
	for (const std::size_t member : {0U, 1U})
		EXPECT_TRUE(cluster.notices(member, NoticeKind::rekeyed).empty());
}

} // namespace
} // namespace systole::scenario
