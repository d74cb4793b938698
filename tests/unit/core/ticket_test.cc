// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What forged messages of the key exchange may cost, and that they cannot keep out a member that was here before: its
// ticket has a budget of its own. Ids are those of tests/hostile/cases.txt.
#include "tests/unit/core/one_handshake.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string small()
{
	return serial_of(1);
}
std::string large()
{
	return serial_of(2000000000);
}
IdealKeyAgent member(const std::string &serial, std::uint64_t boot)
{
	return {config_of(serial), "secret", nonce_of(boot), boot};
}
std::uint64_t drops(const OneHandshake &node, HakeDrop why)
{
	return node.handshake.drops()[static_cast<std::size_t>(why)];
}

// The larger id, which answers, under a flood of KE1 with random shares and fresh X: in the name of the member it
// knows, of its present boot and of others, and in names nobody has.
class FloodOfKe1 : public testing::Test {
protected:
	static constexpr std::uint64_t boot = 2; // of the member that was here before

	FloodOfKe1() : node(config_of(large()), {small()}), peer(member(small(), boot)) {}

	// All of it is on the wire but the password: the nonce of a boot, if need be that of the present one.
	HakeBytes forged(const std::string &name, std::uint64_t of_boot)
	{
		IdealKeyAgent forger(config_of(name), "guess", nonce_of(of_boot), 1000 + m_random() / 2);
		return node.ke1_of(forger);
	}
	HakeBytes forged()
	{
		const std::uint64_t dice = m_random();
		return forged(dice % 2 == 0 ? small() : serial_of(10 + dice / 2 % 1000000000),
			      dice % 4 == 0 ? boot : dice);
	}
	void one_more()
	{
		for (const EvaluateKe1 &asked : all<EvaluateKe1>(node.hear(forged()))) {
			++evaluated;
			(void)node.result(asked.session, KeyStep::ke1, KeyOutcome::ok);
		}
	}
	void flood(int frames, Duration over)
	{
		for (int i = 0; i < frames; ++i) {
			if (node.now >= node.handshake.deadline())
				(void)node.tick();
			one_more();
			node.now += over / frames;
		}
	}

	OneHandshake node;
	IdealKeyAgent peer;
	std::size_t evaluated = 0;

private:
	std::mt19937_64 m_random{7};
};

TEST_F(FloodOfKe1, D6_at_most_17_are_evaluated_in_the_first_second_and_then_one_a_second)
{
	flood(100000, seconds{1});
	EXPECT_GE(evaluated, 16U) << "the burst";
	EXPECT_LE(evaluated, 17U);
	for (int second = 2; second <= 12; ++second) {
		flood(5000, seconds{1});
		EXPECT_LE(evaluated, 16U + static_cast<std::size_t>(second)) << second;
	}
	EXPECT_GE(evaluated, 25U) << "one a second is left";
	EXPECT_EQ(node.handshake.evaluations(), evaluated);
	EXPECT_GT(drops(node, HakeDrop::budget), 100000U);
}

TEST_F(FloodOfKe1, D7_whoever_has_a_ticket_is_evaluated_at_once_and_not_pushed_aside)
{
	flood(100000, seconds{10});
	const auto asked = all<EvaluateKe1>(node.hear(node.ke1_of(peer), true));
	ASSERT_EQ(asked.size(), 1U);
	flood(1000, milliseconds{1}); // while it is being evaluated
	EXPECT_EQ(count<SendKe2>(node.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok)), 1U);
	flood(20000, seconds{2}); // and while its KE3 is on the way
	(void)node.result(asked[0].session, KeyStep::ke3, KeyOutcome::ok);
	ASSERT_TRUE(node.up);
	EXPECT_EQ(node.up->session, asked[0].session);
	EXPECT_EQ(node.up->peer, MemberId::from(small()));
}

TEST_F(FloodOfKe1, D7_a_candidate_with_a_ticket_stays_although_there_are_tokens_for_others)
{
	const auto asked = all<EvaluateKe1>(node.hear(node.ke1_of(peer), true));
	ASSERT_EQ(asked.size(), 1U);
	(void)node.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok);
	for (std::uint64_t i = 0; i < 100; ++i) {
		EXPECT_TRUE(node.hear(forged(small(), i % 2 == 0 ? boot : 100 + i)).empty()) << i;
		node.now += milliseconds{20};
	}
	EXPECT_EQ(drops(node, HakeDrop::crowded), 100U);
	// The member itself, restarted once more, takes its place.
	IdealKeyAgent again = member(small(), 3);
	const Actions &actions = node.hear(node.ke1_of(again), true);
	EXPECT_EQ(count<EvaluateKe1>(actions), 1U);
	ASSERT_EQ(count<DropSession>(actions), 1U);
	EXPECT_EQ(all<DropSession>(actions)[0].session, asked[0].session);
}

TEST_F(FloodOfKe1, D7_a_ticket_takes_the_place_of_a_candidate_without_one)
{
	const auto first = all<EvaluateKe1>(node.hear(forged(small(), boot)));
	ASSERT_EQ(first.size(), 1U);
	(void)node.result(first[0].session, KeyStep::ke1, KeyOutcome::ok);
	const Actions &actions = node.hear(node.ke1_of(peer), true);
	EXPECT_EQ(count<EvaluateKe1>(actions), 1U);
	EXPECT_EQ(count<DropSession>(actions), 1U);
}

TEST_F(FloodOfKe1, D7_a_stolen_ticket_has_a_budget_of_its_own_and_leaves_the_common_one_alone)
{
	for (std::uint64_t i = 0; i < 10000; ++i) {
		for (const EvaluateKe1 &asked : all<EvaluateKe1>(node.hear(forged(small(), 100 + i), true))) {
			++evaluated;
			(void)node.result(asked.session, KeyStep::ke1, KeyOutcome::ok);
		}
		node.now += microseconds{100};
	}
	EXPECT_LE(evaluated, 17U);
	IdealKeyAgent other = member(serial_of(3), 2);
	EXPECT_EQ(count<EvaluateKe1>(node.hear(node.ke1_of(other))), 1U);
}

TEST_F(FloodOfKe1, R18_a_ke1_replayed_after_the_session_is_up_is_not_evaluated_again)
{
	for (const bool ticketed : {false, true}) {
		SCOPED_TRACE(ticketed ? "with its ticket" : "without a ticket");
		OneHandshake quiet(config_of(large()), {small()});
		const HakeBytes ke1 = quiet.ke1_of(peer);
		const auto asked = all<EvaluateKe1>(quiet.hear(ke1, ticketed));
		ASSERT_EQ(asked.size(), 1U);
		(void)quiet.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok);
		(void)quiet.result(asked[0].session, KeyStep::ke3, KeyOutcome::ok);
		ASSERT_TRUE(quiet.up);
		for (int i = 0; i < 1000; ++i) {
			EXPECT_TRUE(quiet.hear(ke1, ticketed).empty());
			quiet.now += milliseconds{10};
		}
		EXPECT_EQ(quiet.handshake.evaluations(), 1U);
		EXPECT_EQ(drops(quiet, HakeDrop::repeated), 1000U);
	}
}

TEST_F(FloodOfKe1, R18_the_same_x_is_evaluated_once_even_if_the_rest_is_changed)
{
	auto ke1 = *decode_ke1(node.ke1_of(peer).span());
	ASSERT_EQ(count<EvaluateKe1>(node.hear(encode(ke1), true)), 1U);
	for (std::uint8_t i = 1; i < 200; ++i) {
		ke1.share[0] = static_cast<std::uint8_t>(ke1.share[0] + 1);
		EXPECT_TRUE(node.hear(encode(ke1), i % 2 == 0).empty());
	}
	EXPECT_EQ(node.handshake.evaluations(), 1U);
}

TEST_F(FloodOfKe1, R19_a_ke3_replayed_after_the_session_is_up_is_ignored)
{
	const HakeBytes ke1 = node.ke1_of(peer);
	const auto asked = all<EvaluateKe1>(node.hear(ke1, true));
	ASSERT_EQ(asked.size(), 1U);
	ASSERT_EQ(node.own.evaluate_ke1(asked[0]), KeyOutcome::ok);
	(void)node.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok);
	ASSERT_EQ(peer.evaluate_ke2({1, node.own.find(asked[0].session)->ke2}), KeyOutcome::ok);
	const HakeBytes ke3 = peer.find(1)->ke3;
	const auto check = all<CheckKe3>(node.hear(ke3));
	ASSERT_EQ(check.size(), 1U);
	ASSERT_EQ(node.own.check_ke3(check[0]), KeyOutcome::ok);
	(void)node.result(check[0].session, KeyStep::ke3, KeyOutcome::ok);
	ASSERT_TRUE(node.up);
	for (int i = 0; i < 1000; ++i)
		EXPECT_TRUE(node.hear(ke3).empty());
	EXPECT_EQ(drops(node, HakeDrop::stale), 1000U);
}

// ---------------------------------------------------------------- as the one who begins

// The smaller id, its peer's answers, and 20 forged KE2 for each of its KE1.
class FloodOfKe2 : public testing::Test {
protected:
	static constexpr int forged_per_ke1 = 20;
	static constexpr Duration step = microseconds{50};
	static constexpr Duration key_delay = microseconds{200};

	FloodOfKe2() : node(config_of(small()), {large()}), peer(member(large(), 2)) {}

	HakeBytes forged()
	{
		IdealKeyAgent forger(config_of(large()), "guess", nonce_of(2), ++m_forgers);
		(void)forger.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, m_ke1});
		return forger.find(1)->ke2;
	}
	void take(const Actions &actions)
	{
		for (const BeginExchange &begin : all<BeginExchange>(actions)) {
			m_ke1 = node.own.begin(begin).ke1;
			EvaluateKe1 evaluate;
			evaluate.session = begin.session;
			evaluate.suite = Suite::gcm;
			evaluate.ke1 = m_ke1;
			(void)peer.evaluate_ke1(evaluate);
			m_ke2 = peer.find(begin.session)->ke2;
			++begun;
			evaluated_here = 0;
			answer();
		}
		for (std::size_t i = 0; i < count<ResendKe1>(actions); ++i) {
			++resent;
			answer();
		}
		for (const EvaluateKe2 &asked : all<EvaluateKe2>(actions)) {
			most_evaluated = std::max(most_evaluated, ++evaluated_here);
			m_evaluating = asked;
			m_evaluated_at = node.now + key_delay;
		}
	}
	// One frame every 50 us: the forged ones come first.
	void answer()
	{
		m_arriving.insert(m_arriving.end(), forged_per_ke1, false);
		if (answers)
			m_arriving.push_back(true);
	}
	// Until a session is up.
	Duration run(Duration limit, bool ticketed)
	{
		const Time begin = node.now;
		Time next_hello = begin;
		while (!node.up && node.now - begin < limit) {
			if (node.now >= next_hello) {
				take(node.hear(peer.hello(0)));
				next_hello = node.now + milliseconds{200};
			}
			if (node.now >= node.handshake.deadline())
				take(node.tick());
			if (node.now >= m_evaluated_at) {
				m_evaluated_at = never;
				const Actions &actions = node.result(m_evaluating.session, KeyStep::ke2,
								     node.own.evaluate_ke2(m_evaluating));
				if (!node.up) {
					EXPECT_EQ(sends(actions), 0U) << "nothing is sent because of a bad KE2";
				}
			}
			if (!m_arriving.empty()) {
				const bool real = m_arriving.front();
				m_arriving.pop_front();
				const Actions &actions = node.hear(real ? m_ke2 : forged(), real && ticketed);
				EXPECT_EQ(sends(actions), 0U);
				take(actions);
			}
			node.now += step;
		}
		return node.now - begin;
	}

	OneHandshake node;
	IdealKeyAgent peer;
	bool answers = true;
	std::size_t begun = 0;
	std::size_t resent = 0;
	std::size_t evaluated_here = 0; // for this exchange
	std::size_t most_evaluated = 0;

private:
	HakeBytes m_ke1;
	HakeBytes m_ke2;
	std::deque<bool> m_arriving; // real?
	EvaluateKe2 m_evaluating;
	Time m_evaluated_at = never;
	std::uint64_t m_forgers = 1000;
};

TEST_F(FloodOfKe2, D8_eight_forged_ones_are_evaluated_and_the_real_one_with_its_ticket_is_still_taken)
{
	const BeginExchange begin = all<BeginExchange>(node.hear(peer.hello(0))).at(0);
	const HakeBytes ke1 = node.own.begin(begin).ke1;
	std::size_t evaluated = 0;
	for (std::uint64_t i = 0; i < forged_per_ke1; ++i) {
		IdealKeyAgent forger(config_of(large()), "guess", nonce_of(2), 1000 + i);
		(void)forger.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, ke1});
		const auto asked = all<EvaluateKe2>(node.hear(forger.find(1)->ke2));
		evaluated += asked.size();
		for (const EvaluateKe2 &one : asked) {
			const Actions &actions = node.result(begin.session, KeyStep::ke2, node.own.evaluate_ke2(one));
			EXPECT_EQ(sends(actions), 0U);
			EXPECT_EQ(count<DropSession>(actions), 0U) << "the exchange goes on";
		}
	}
	EXPECT_EQ(evaluated, 8U);
	(void)peer.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, ke1});
	EXPECT_TRUE(node.hear(peer.find(1)->ke2).empty()) << "without a ticket it is one more";
	const auto asked = all<EvaluateKe2>(node.hear(peer.find(1)->ke2, true));
	ASSERT_EQ(asked.size(), 1U);
	(void)node.result(begin.session, KeyStep::ke2, node.own.evaluate_ke2(asked[0]));
	ASSERT_TRUE(node.up);
	EXPECT_EQ(node.up->session, begin.session);
}

TEST_F(FloodOfKe2, D8_a_member_with_a_resume_key_is_up_within_a_second_behind_20_forged_answers)
{
	EXPECT_LE(run(seconds{10}, true), seconds{1});
	EXPECT_TRUE(node.up);
	EXPECT_LE(most_evaluated, 9U) << "eight forged ones and the real one";
}

TEST_F(FloodOfKe2, D8_forged_answers_never_make_more_ke1_than_the_timer)
{
	answers = false;
	(void)run(seconds{20}, false);
	EXPECT_FALSE(node.up);
	EXPECT_GE(begun, 2U);
	// One exchange lasts at least 3/4 of 50 + 100 + 200 + 400 ms.
	EXPECT_LE(begun, 20000U / 562U + 1U);
	EXPECT_LE(resent, 3 * begun);
	EXPECT_LE(most_evaluated, 8U);
	EXPECT_LE(node.handshake.evaluations(), 16U + 20U) << "and the common budget";
}

TEST(ForgedAnswer, D8_one_under_an_invented_nonce_does_not_keep_an_acquainted_member_away)
{
	OneHandshake node(config_of(small()), {large()});
	IdealKeyAgent invented(config_of(large()), "guess", nonce_of(7), 7);
	const BeginExchange begin = all<BeginExchange>(node.hear(invented.hello(0))).at(0);
	(void)invented.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, node.own.begin(begin).ke1});
	const auto asked = all<EvaluateKe2>(node.hear(invented.find(1)->ke2));
	ASSERT_EQ(asked.size(), 1U);
	const Actions &refused = node.result(begin.session, KeyStep::ke2, node.own.evaluate_ke2(asked[0]));
	EXPECT_EQ(count<Notice>(refused), 0U) << "it says nothing about the member's password";
	node.now += milliseconds{60};
	IdealKeyAgent peer(config_of(large()), "secret", nonce_of(2), 2);
	EXPECT_EQ(count<BeginExchange>(node.hear(peer.hello(0))), 1U) << "no back-off for what anybody can forge";
}

TEST(FloodOfHellos, D5_exchanges_with_names_nobody_has_proven_begin_at_four_a_second)
{
	OneHandshake node(config_of(small()), {serial_of(5)});
	std::mt19937_64 random(9);
	std::size_t begun = 0;
	std::size_t known = 0;
	const auto count_in = [&](const Actions &actions) {
		for (const BeginExchange &begin : all<BeginExchange>(actions)) {
			begun += begin.peer != MemberId::from(serial_of(5));
			known += begin.peer == MemberId::from(serial_of(5));
		}
	};
	const auto flood = [&](int frames, Duration over) {
		for (int i = 0; i < frames; ++i) {
			if (node.now >= node.handshake.deadline())
				count_in(node.tick());
			count_in(node.hear(member(serial_of(10 + random() % 1000000000), random()).hello(0)));
			node.now += over / frames;
		}
	};
	flood(20000, seconds{1});
	EXPECT_GE(begun, 16U);
	EXPECT_LE(begun, 16U + 4U);
	flood(20000, seconds{9});
	EXPECT_LE(begun, 16U + 40U);
	EXPECT_EQ(known, 0U);
	// The member we know is not kept waiting by them.
	count_in(node.hear(member(serial_of(5), 2).hello(0)));
	EXPECT_EQ(known, 1U);
}

TEST(TicketedRestart, Q6_a_restart_with_a_ticket_does_not_wait_for_what_the_boot_before_has_begun)
{
	OneHandshake node(config_of(serial_of(2)), {serial_of(1)});
	IdealKeyAgent a(config_of(serial_of(1)), "secret", nonce_of(2), 2);
	const SessionUp up = node.answer(a, true);
	EXPECT_FALSE(node.hear_sealed(up, node.ke1_of(a)));
	IdealKeyAgent again(config_of(serial_of(1)), "secret", nonce_of(3), 3);
	EXPECT_EQ(count<EvaluateKe1>(node.hear(node.ke1_of(again), true)), 1U);
}

TEST(Forgotten, a_pair_has_neither_a_session_nor_the_next_one)
{
	OneHandshake node(config_of(serial_of(2)), {serial_of(1)});
	IdealKeyAgent a(config_of(serial_of(1)), "secret", nonce_of(2), 2);
	const SessionUp up = node.answer(a, true);
	(void)node.hear_sealed(up, node.ke1_of(a));
	Actions actions;
	node.handshake.forget(up.pair, node.now, actions);
	EXPECT_EQ(count<DropSession>(actions), 2U);
}

} // namespace
} // namespace systole::scenario
