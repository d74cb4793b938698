// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// HAKE-1's state machine against an ideal key agent: who answers what, what never causes a frame, what an attacker on
// the wire can and cannot do. The names H4, R18, K11, ... are those of the test list in docs/SECURITY.md.
#include "tests/scenario/cluster.h"
#include "tests/scenario/trace.h"
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char *small_id = "SYS0000000000001";
constexpr const char *large_id = "SYS0000000000002";

// One Handshake; the test is everybody else.
class Alone {
public:
	explicit Alone(const Config &config, std::uint64_t seed = 5) : own(config, "secret", nonce_of(1), seed)
	{
		Started started;
		started.nonce = nonce_of(1);
		started.seed = seed;
		handshake.start(config, started, now);
	}
	const Actions &hear(const HakeBytes &bytes, LinkIndex link = 0)
	{
		m_actions->clear();
		handshake.on_frame(now, {link, OneNode::mac, bytes}, *m_actions);
		return *m_actions;
	}
	const Actions &result(SessionId session, KeyStep step, KeyOutcome outcome)
	{
		m_actions->clear();
		up = handshake.on_key_result(now, {session, step, outcome}, *m_actions);
		return *m_actions;
	}
	const Actions &tick()
	{
		m_actions->clear();
		handshake.on_tick(now, *m_actions);
		return *m_actions;
	}

	Time now{seconds{1000}};
	Handshake handshake;
	IdealKeyAgent own; // what the node's agent would do
	std::optional<SessionUp> up;

private:
	std::unique_ptr<Actions> m_actions = std::make_unique<Actions>();
};

IdealKeyAgent agent_of(const char *serial, std::uint64_t boot, const std::string &password = "secret")
{
	return {config_of(serial), password, nonce_of(boot), boot};
}

BeginExchange towards(const char *serial, const BootNonce &nonce, SessionId session = 1)
{
	BeginExchange begin;
	begin.session = session;
	begin.peer = MemberId::from(serial);
	begin.peer_nonce = nonce;
	begin.destination = OneNode::mac;
	return begin;
}

// ---------------------------------------------------------------- frames that must do nothing

TEST(Handshake, H4Ke2BeforeAnyKe1DoesNothing)
{
	Alone a(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	(void)b.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, a.own.begin(towards(large_id, nonce_of(2))).ke1});
	EXPECT_TRUE(a.hear(b.find(1)->ke2).empty());
	(void)a.hear(b.hello(0)); // even once B is known: this KE2 is of an exchange that was never begun
	EXPECT_EQ(sends(a.hear(b.find(1)->ke2)), 0U);
}

TEST(Handshake, H4Ke3BeforeKe2DoesNothing)
{
	Alone b(config_of(large_id));
	Ke3 ke3;
	ke3.header = {HakeType::ke3, 103, 0, MemberId::from(small_id), nonce_of(2)};
	ke3.destination = MemberId::from(large_id);
	ke3.destination_nonce = nonce_of(1);
	EXPECT_TRUE(b.hear(encode(ke3)).empty());
	// Nor while KE1 is still being evaluated.
	IdealKeyAgent a = agent_of(small_id, 2);
	EXPECT_EQ(count<EvaluateKe1>(b.hear(a.begin(towards(large_id, nonce_of(1))).ke1)), 1U);
	EXPECT_TRUE(b.hear(encode(ke3)).empty());
}

TEST(Handshake, H5OurOwnHelloLoopedBackIsSilentlyIgnored)
{
	Alone a(config_of(small_id));
	EXPECT_TRUE(a.hear(a.own.hello(0)).empty());
	EXPECT_TRUE(a.hear(a.own.hello(0), 1).empty()) << "on another link too";
}

TEST(Handshake, H6OurSerialWithAnotherNonceIsADuplicateToldOnceASecond)
{
	Alone a(config_of(small_id));
	IdealKeyAgent twin = agent_of(small_id, 99);
	std::size_t told = 0;
	for (int i = 0; i < 300; ++i) {
		const Actions &actions = a.hear(twin.hello(0));
		told += notices(actions, NoticeKind::duplicate_member);
		EXPECT_EQ(sends(actions), 0U);
		a.now += milliseconds{10};
	}
	EXPECT_EQ(told, 3U);
}

TEST(Handshake, H7CrossedCablesNameBothPortsAndDoNothingElse)
{
	Config config = config_of(small_id);
	config.link_count = 2;
	Alone a(config);
	IdealKeyAgent b = agent_of(large_id, 2);
	const Actions &actions = a.hear(b.hello(1), 0);
	ASSERT_EQ(actions.size(), 1U);
	const Notice notice = std::get<Notice>(actions[0]);
	EXPECT_EQ(notice.kind, NoticeKind::cross_cabled);
	EXPECT_EQ(notice.link, 0);
	EXPECT_EQ(notice.value, 1);
	EXPECT_EQ(notice.peer, MemberId::from(large_id));
}

TEST(Handshake, H8OnlyTheSmallerIdMayStart)
{
	Alone a(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	EXPECT_TRUE(a.hear(b.begin(towards(small_id, nonce_of(1))).ke1).empty());
	// And the larger never does.
	Alone larger(config_of(large_id));
	IdealKeyAgent smaller = agent_of(small_id, 2);
	EXPECT_EQ(count<BeginExchange>(larger.hear(smaller.hello(0))), 0U);
	EXPECT_EQ(count<BeginExchange>(a.hear(b.hello(0))), 1U);
}

TEST(Handshake, H12AKe1RelayedToAnotherMemberIsDropped)
{
	Alone c(config_of("SYS0000000000003"));
	IdealKeyAgent a = agent_of(small_id, 2);
	EXPECT_TRUE(c.hear(a.begin(towards(large_id, nonce_of(9))).ke1).empty()) << "another destination";
	EXPECT_TRUE(c.hear(a.begin(towards("SYS0000000000003", nonce_of(9))).ke1).empty()) << "another boot of ours";
}

TEST(Handshake, H12ARewrittenDestinationDoesNotConfirm)
{
	// A talks to B; the attacker rewrites KE1 so that C answers, and hands C's answer to A as if from B.
	IdealKeyAgent a = agent_of(small_id, 1);
	IdealKeyAgent c = agent_of("SYS0000000000003", 3);
	HakeBytes ke1 = a.begin(towards(large_id, nonce_of(2))).ke1;
	auto changed = decode_ke1(ke1.span());
	changed->head.destination = MemberId::from("SYS0000000000003");
	changed->head.destination_nonce = nonce_of(3);
	ASSERT_EQ(c.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, encode(*changed)}), KeyOutcome::ok);
	auto answer = decode_ke2(c.find(1)->ke2.span());
	EXPECT_EQ(a.evaluate_ke2({1, encode(*answer)}), KeyOutcome::confirm_bad);
	answer->head.header.sender = MemberId::from(large_id);
	answer->head.header.nonce = nonce_of(2);
	EXPECT_EQ(a.evaluate_ke2({1, encode(*answer)}), KeyOutcome::confirm_bad);

	// And C's own words reach no exchange of A at all.
	Alone node(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	ASSERT_EQ(count<BeginExchange>(node.hear(b.hello(0))), 1U);
	EXPECT_TRUE(node.hear(c.find(1)->ke2).empty());
}

TEST(Handshake, FramesOfOtherGroupsAreNotOurs)
{
	Alone a(config_of(small_id));
	Config other = config_of(large_id);
	other.group_id = 104;
	EXPECT_TRUE(a.hear(IdealKeyAgent(other, "secret", nonce_of(2), 2).hello(0)).empty());
	other.group_id = 103;
	other.group_name = {'x'};
	EXPECT_TRUE(a.hear(IdealKeyAgent(other, "secret", nonce_of(2), 2).hello(0)).empty());
}

TEST(Handshake, AKe1WithAnImpossibleSpiBaseIsDropped)
{
	Alone b(config_of(large_id));
	IdealKeyAgent a = agent_of(small_id, 2);
	auto ke1 = decode_ke1(a.begin(towards(large_id, nonce_of(1))).ke1.span());
	for (const std::uint32_t base : {0U, 32U, 224U, 0x10001U, 0x10010U}) {
		ke1->head.spi_base = base;
		EXPECT_TRUE(b.hear(encode(*ke1)).empty()) << base;
	}
	ke1->head.spi_base = 256;
	EXPECT_EQ(count<EvaluateKe1>(b.hear(encode(*ke1))), 1U);
}

// ---------------------------------------------------------------- candidates, retries, budgets

TEST(Handshake, H10ACandidateThatStaysSilentIsForgottenAfterThreeSeconds)
{
	Alone b(config_of(large_id));
	IdealKeyAgent forger = agent_of(small_id, 2, "guess");
	(void)b.tick();
	const auto asked = all<EvaluateKe1>(b.hear(forger.begin(towards(large_id, nonce_of(1))).ke1));
	ASSERT_EQ(asked.size(), 1U);
	const Actions &answer = b.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok);
	EXPECT_LT(place_of<InstallInboundKeys>(answer), place_of<SendKe2>(answer))
		<< "ready before the peer can use it";
	EXPECT_EQ(all<InstallInboundKeys>(answer)[0].slot, 0) << "a candidate";
	const Time heard = b.now;
	std::size_t dropped = 0;
	std::size_t told = 0;
	while (b.now < heard + seconds{5}) {
		b.now = std::max(b.handshake.deadline(), b.now);
		const Actions &actions = b.tick();
		for (const DropSession &drop : all<DropSession>(actions)) {
			EXPECT_EQ(drop.session, asked[0].session);
			EXPECT_EQ(b.now, heard + seconds{3});
			++dropped;
		}
		told += notices(actions, NoticeKind::unconfirmed);
	}
	EXPECT_EQ(dropped, 1U);
	EXPECT_EQ(told, 1U);
}

TEST(Handshake, Ke1IsRepeatedWithGrowingPausesThenGivenUpUntilTheNextHello)
{
	Alone a(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	const auto begun = all<BeginExchange>(a.hear(b.hello(0)));
	ASSERT_EQ(begun.size(), 1U);
	std::vector<Duration> gaps;
	Time last = a.now;
	bool given_up = false;
	for (const Time end = a.now + seconds{10}; a.now < end && !given_up;) {
		a.now = a.handshake.deadline();
		const Actions &actions = a.tick();
		if (count<ResendKe1>(actions) != 0) {
			gaps.push_back(a.now - last);
			last = a.now;
		}
		given_up = count<DropSession>(actions) != 0;
	}
	EXPECT_TRUE(given_up);
	ASSERT_EQ(gaps.size(), 3U);
	for (std::size_t i = 0; i < gaps.size(); ++i) {
		const Duration base = milliseconds{50} * (1 << i);
		EXPECT_GE(gaps[i], base * 3 / 4);
		EXPECT_LE(gaps[i], base * 5 / 4);
	}
	const auto again = all<BeginExchange>(a.hear(b.hello(0)));
	ASSERT_EQ(again.size(), 1U);
	EXPECT_NE(again[0].session, begun[0].session) << "a new X and scalar";
}

TEST(Handshake, TheNextExchangeTakesTheNextLink)
{
	Config config = config_of(small_id);
	config.link_count = 3;
	Alone a(config);
	IdealKeyAgent b = agent_of(large_id, 2);
	std::vector<int> links;
	(void)a.hear(b.hello(0), 0);
	(void)a.hear(b.hello(2), 2); // nothing is heard on link 1
	for (int i = 0; i < 6; ++i) {
		for (bool given_up = false; !given_up;) {
			a.now = a.handshake.deadline();
			given_up = count<DropSession>(a.tick()) != 0;
		}
		for (const BeginExchange &begin : all<BeginExchange>(a.hear(b.hello(0), 0)))
			links.push_back(begin.link);
	}
	EXPECT_EQ(links, (std::vector<int>{2, 0, 2, 0, 2, 0}));
}

TEST(Handshake, K11TenThousandGuessesGetSixteenAnswersAndOneASecond)
{
	Alone b(config_of(large_id));
	std::mt19937 random(1);
	const auto guess = [&] {
		IdealKeyAgent forger = agent_of(small_id, 2 + random(), "guess");
		return forger.begin(towards(large_id, nonce_of(1))).ke1;
	};
	std::size_t evaluated = 0;
	const auto attack = [&](int guesses, Duration over) {
		for (int i = 0; i < guesses; ++i) {
			for (const EvaluateKe1 &asked : all<EvaluateKe1>(b.hear(guess()))) {
				++evaluated;
				(void)b.result(asked.session, KeyStep::ke1, KeyOutcome::ok);
			}
			b.now += over / guesses;
		}
	};
	attack(10000, milliseconds{100});
	EXPECT_EQ(evaluated, 16U);
	attack(10000, seconds{10});
	EXPECT_GE(evaluated, 25U);
	EXPECT_LE(evaluated, 16U + 11U);
}

TEST(Handshake, AFloodOfKe2NeverCausesAFrameAndIsEvaluatedEightTimesAtMost)
{
	Alone a(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	const auto begun = all<BeginExchange>(a.hear(b.hello(0)));
	ASSERT_EQ(begun.size(), 1U);
	const HakeBytes ke1 = a.own.begin(begun[0]).ke1;
	std::size_t evaluated = 0;
	for (std::uint64_t i = 0; i < 10000; ++i) {
		IdealKeyAgent forger(config_of(large_id), "guess", nonce_of(2), 1000 + i);
		(void)forger.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, ke1});
		const Actions &actions = a.hear(forger.find(1)->ke2);
		EXPECT_EQ(sends(actions), 0U);
		for (const EvaluateKe2 &asked : all<EvaluateKe2>(actions)) {
			++evaluated;
			const KeyOutcome outcome = a.own.evaluate_ke2(asked);
			EXPECT_EQ(outcome, KeyOutcome::confirm_bad);
			EXPECT_EQ(sends(a.result(asked.session, KeyStep::ke2, outcome)), 0U);
			EXPECT_FALSE(a.up);
		}
	}
	EXPECT_EQ(evaluated, 8U);
}

TEST(Handshake, H14TheGenuineKe2StillCountsAfterForgedOnes)
{
	Alone a(config_of(small_id));
	IdealKeyAgent b = agent_of(large_id, 2);
	const BeginExchange begin = all<BeginExchange>(a.hear(b.hello(0))).at(0);
	const HakeBytes ke1 = a.own.begin(begin).ke1;
	(void)b.evaluate_ke1({1, 0, OneNode::mac, Suite::gcm, ke1});
	for (int i = 0; i < 3; ++i) {
		HakeBytes forged = b.find(1)->ke2;
		forged.bytes[140] ^= std::byte{1};
		const auto asked = all<EvaluateKe2>(a.hear(forged));
		ASSERT_EQ(asked.size(), 1U);
		(void)a.result(begin.session, KeyStep::ke2, a.own.evaluate_ke2(asked[0]));
		EXPECT_FALSE(a.up);
	}
	const auto asked = all<EvaluateKe2>(a.hear(b.find(1)->ke2));
	ASSERT_EQ(asked.size(), 1U);
	const Actions &actions = a.result(begin.session, KeyStep::ke2, a.own.evaluate_ke2(asked[0]));
	ASSERT_TRUE(a.up);
	EXPECT_EQ(count<SendKe3>(actions), 1U);
	EXPECT_LT(place_of<InstallInboundKeys>(actions), place_of<SendKe3>(actions));
}

TEST(Handshake, C8AnAuthenticKe2WithASuiteWeDidNotOfferIsAMismatch)
{
	for (const int suite : {0, 1, 4, 7, 255}) { // 1 is NULL encryption, and we demand encryption
		Alone a(config_of(small_id));
		IdealKeyAgent b = agent_of(large_id, 2);
		const BeginExchange begin = all<BeginExchange>(a.hear(b.hello(0))).at(0);
		(void)b.evaluate_ke1({1, 0, OneNode::mac, static_cast<Suite>(suite), a.own.begin(begin).ke1});
		ASSERT_EQ(count<EvaluateKe2>(a.hear(b.find(1)->ke2)), 1U);
		const Actions &actions = a.result(begin.session, KeyStep::ke2, KeyOutcome::ok);
		EXPECT_FALSE(a.up) << suite;
		EXPECT_EQ(sends(actions), 0U);
		EXPECT_EQ(notices(actions, NoticeKind::policy_mismatch), 1U) << suite;
	}
}

TEST(Handshake, TheBestCommonSuiteIsChosen)
{
	struct Row {
		std::uint32_t a, b, policy;
		Suite suite;
	};
	const std::uint32_t every = cap_null_sha1 | cap_cbc_sha1 | cap_gcm;
	const std::uint32_t encrypt = policy_authentication | policy_encryption;
	for (const Row row :
	     {Row{every, every, encrypt, Suite::gcm},
	      Row{every, cap_null_sha1 | cap_cbc_sha1, encrypt, Suite::cbc_sha1},
	      Row{cap_cbc_sha1, every, encrypt, Suite::cbc_sha1}, Row{cap_null_sha1, every, encrypt, Suite::none},
	      Row{cap_gcm, cap_cbc_sha1, encrypt, Suite::none},
	      Row{every, every, policy_authentication, Suite::null_sha1},
	      Row{cap_gcm, every, policy_authentication, Suite::none}}) {
		Config mine = config_of(large_id);
		mine.capabilities = row.b;
		mine.policy = row.policy;
		Config theirs = config_of(small_id);
		theirs.capabilities = row.a;
		theirs.policy = row.policy;
		Alone b(mine);
		IdealKeyAgent a(theirs, "secret", nonce_of(2), 2);
		const auto asked = all<EvaluateKe1>(b.hear(a.begin(towards(large_id, nonce_of(1))).ke1));
		ASSERT_EQ(asked.size(), 1U);
		EXPECT_EQ(asked[0].suite, row.suite);
		// Without a common suite no key is installed, and nothing the peer says can make the session live.
		EXPECT_EQ(count<InstallInboundKeys>(b.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok)),
			  row.suite == Suite::none ? 0U : 1U);
		(void)b.result(asked[0].session, KeyStep::ke3, KeyOutcome::ok);
		EXPECT_EQ(b.up.has_value(), row.suite != Suite::none);
	}
}

TEST(Handshake, H1H2AShareThatIsNoPointEndsTheCandidateWithoutAWord)
{
	Alone b(config_of(large_id));
	IdealKeyAgent a = agent_of(small_id, 2);
	auto ke1 = decode_ke1(a.begin(towards(large_id, nonce_of(1))).ke1.span());
	ke1->share = {};
	const auto asked = all<EvaluateKe1>(b.hear(encode(*ke1)));
	ASSERT_EQ(asked.size(), 1U);
	const KeyOutcome outcome = b.own.evaluate_ke1(asked[0]);
	EXPECT_EQ(outcome, KeyOutcome::point);
	const Actions &actions = b.result(asked[0].session, KeyStep::ke1, outcome);
	EXPECT_EQ(sends(actions), 0U);
	EXPECT_EQ(count<DropSession>(actions), 1U);
}

TEST(Handshake, R18AReplayedKe1GetsItsKe2AgainAtALimitedRateAndNoNewCandidate)
{
	Alone b(config_of(large_id));
	IdealKeyAgent a = agent_of(small_id, 2);
	const HakeBytes ke1 = a.begin(towards(large_id, nonce_of(1))).ke1;
	const auto asked = all<EvaluateKe1>(b.hear(ke1));
	ASSERT_EQ(asked.size(), 1U);
	EXPECT_TRUE(b.hear(ke1).empty()) << "still being evaluated";
	(void)b.result(asked[0].session, KeyStep::ke1, KeyOutcome::ok);
	std::size_t answers = 0;
	for (int i = 0; i < 1000; ++i) {
		b.now += milliseconds{1};
		const Actions &actions = b.hear(ke1);
		EXPECT_EQ(count<EvaluateKe1>(actions), 0U);
		answers += count<SendKe2>(actions);
	}
	EXPECT_GE(answers, 1U) << "an honest retry is answered";
	EXPECT_LE(answers, 40U);
}

TEST(Handshake, D5AFloodOfHellosFromNowhereDoesNotForgetAMemberThatWasProven)
{
	Alone b(config_of(large_id));
	IdealKeyAgent a = agent_of(small_id, 2);
	const auto asked = all<EvaluateKe1>(b.hear(a.begin(towards(large_id, nonce_of(1))).ke1));
	(void)b.result(asked.at(0).session, KeyStep::ke1, KeyOutcome::ok);
	(void)b.result(asked.at(0).session, KeyStep::ke3, KeyOutcome::ok);
	ASSERT_TRUE(b.up);
	b.handshake.set_heard(b.up->pair, true, core::PeerSlot{1}, b.now);

	std::size_t hellos = 0;
	std::size_t begun = 0;
	std::mt19937 random(3);
	for (int i = 0; i < 100000; ++i) {
		const std::string id = serial_of(1000000000 + random() % 1000000000);
		const Actions &actions = b.hear(agent_of(id.c_str(), random()).hello(0));
		hellos += count<SendHello>(actions);
		begun += count<BeginExchange>(actions);
		b.now += std::chrono::microseconds{10};
	}
	EXPECT_LE(hellos, 21U) << "20 answers a second";
	EXPECT_LE(begun, max_pairs) << "the table bounds what is in flight";
	// A is still known: its HELLO wants nothing.
	EXPECT_TRUE(b.hear(a.hello(0)).empty());
}

TEST(Handshake, AForgedPolicyInHellosIsToldOnceASecond)
{
	Alone a(config_of(small_id));
	Config other = config_of(large_id);
	other.policy = policy_authentication;
	std::size_t told = 0;
	for (std::uint64_t i = 0; i < 1000; ++i) {
		told += notices(a.hear(IdealKeyAgent(other, "secret", nonce_of(100 + i), i).hello(0)),
				NoticeKind::policy_mismatch);
		a.now += milliseconds{1};
	}
	EXPECT_EQ(told, 1U);
}

// ---------------------------------------------------------------- whole clusters on a hostile wire

class Wire : public testing::Test {
protected:
	// Members SYS...1, SYS...2, ... in one group.
	void members(std::size_t how_many, std::size_t expected = 0)
	{
		for (std::size_t i = 0; i < how_many; ++i) {
			MemberSettings settings;
			settings.config = config_of(serial_of(i + 1));
			settings.config.hb_lost_threshold = 20;
			settings.config.expected_members = static_cast<std::uint8_t>(expected);
			settings.name = settings.config.self.view();
			settings.clock_offset = seconds{100 * i};
			cluster.add(settings);
		}
	}
	void start_all()
	{
		for (std::size_t i = 0; i < cluster.size(); ++i)
			cluster.start(i);
	}
	[[nodiscard]] bool everybody_hears_everybody() const
	{
		for (std::size_t i = 0; i < cluster.size(); ++i)
			if (!cluster.running(i) || cluster.node(i).alive_peers() + 1 != cluster.size())
				return false;
		return true;
	}
	// Until everybody hears everybody; the time it took.
	Duration form(Duration limit)
	{
		const Time begin = cluster.now();
		while (!everybody_hears_everybody() && cluster.now() - begin < limit)
			cluster.run_for(milliseconds{1});
		return cluster.now() - begin;
	}
	// Copies of all HAKE frames as they go by.
	void record()
	{
		cluster.filter = [this](Frame &frame) {
			if (frame.hake.length != 0 && frame.from != outside)
				recorded.push_back(frame);
			return true;
		};
	}
	void replay(Frame frame)
	{
		frame.from = outside;
		cluster.send(frame);
	}
	static HakeType type_of(const Frame &frame) { return decode_header(frame.hake.span())->type; }

	Cluster cluster;
	std::vector<Frame> recorded;
};

TEST_F(Wire, TwoMembersFormWithinMilliseconds)
{
	members(2);
	start_all();
	EXPECT_LE(form(seconds{10}), milliseconds{20});
}

TEST_F(Wire, SixteenMembersFormWithOnePrimary)
{
	for (std::size_t i = 0; i < max_members; ++i) {
		MemberSettings settings;
		settings.config = config_of(serial_of(10 + i));
		settings.config.expected_members = max_members;
		settings.name = settings.config.self.view();
		cluster.add(settings);
	}
	start_all();
	EXPECT_LE(form(seconds{20}), seconds{20});
	cluster.run_for(seconds{1});
	EXPECT_EQ(cluster.primaries(), std::vector<std::size_t>{15}) << "the highest serial";
}

TEST_F(Wire, H9ForgedHellosWithNewNoncesDoNotDisturbALiveSession)
{
	members(2);
	start_all();
	ASSERT_LE(form(seconds{5}), milliseconds{20});
	cluster.run_for(seconds{10});
	const std::size_t before = cluster.record().size();
	std::size_t begun = 0;
	cluster.filter = [&](Frame &frame) {
		begun += frame.hake.length != 0 && frame.from != outside && type_of(frame) == HakeType::ke1;
		return true;
	};
	std::size_t most_sessions = 0;
	for (std::uint64_t i = 0; i < 1000; ++i) {
		for (const std::size_t victim : {0U, 1U}) {
			IdealKeyAgent forger(cluster.settings(1 - victim).config, "guess", nonce_of(1000 + i), i);
			Frame frame;
			frame.source = {6, 6, 6, 6, 6, 6};
			frame.destination = {2, 0, 0, 0, static_cast<std::uint8_t>(victim + 1),
					     0}; // not the one it claims to be
			frame.hake = forger.hello(0);
			replay(frame);
		}
		cluster.run_for(milliseconds{1});
		for (const std::size_t member : {0U, 1U})
			most_sessions = std::max(most_sessions, cluster.sessions(member));
	}
	for (std::size_t i = before; i < cluster.record().size(); ++i)
		ADD_FAILURE() << *describe(cluster, cluster.record()[i], {});
	EXPECT_TRUE(everybody_hears_everybody());
	EXPECT_LE(most_sessions, 2U) << "the live one and at most one exchange";
	EXPECT_LE(begun, 2 * 1000U / 50U + 2U) << "an exchange every 50 ms, each with one retry";
	cluster.filter = nullptr;
	cluster.run_for(seconds{10});
	EXPECT_TRUE(everybody_hears_everybody());
	EXPECT_EQ(cluster.record().size(), before);
}

TEST_F(Wire, H13AKe1ChangedInAnyByteGivesNoSessionAndTheRetryDoes)
{
	for (std::size_t byte = 0; byte < 148; ++byte) {
		SCOPED_TRACE(byte);
		cluster = Cluster();
		members(2);
		bool done = false;
		cluster.filter = [&](Frame &frame) {
			if (!done && frame.hake.length != 0 && type_of(frame) == HakeType::ke1) {
				frame.hake.bytes[byte] ^= std::byte{1};
				done = true;
				return true;
			}
			return true;
		};
		start_all();
		cluster.run_for(milliseconds{30});
		EXPECT_TRUE(done);
		EXPECT_FALSE(cluster.node(0).alive_peers() != 0 || cluster.node(1).alive_peers() != 0);
		EXPECT_LE(form(seconds{5}), seconds{2});
		cluster.run_for(seconds{6});
		EXPECT_TRUE(everybody_hears_everybody());
		EXPECT_EQ(cluster.sessions(0), 1U) << "what was left over has expired";
		EXPECT_EQ(cluster.sessions(1), 1U);
	}
}

TEST_F(Wire, H14AKe2ChangedInAnyByteGivesNoSessionAndTheNextOneDoes)
{
	for (std::size_t byte = 0; byte < 164; ++byte) {
		SCOPED_TRACE(byte);
		cluster = Cluster();
		members(2);
		bool done = false;
		cluster.filter = [&](Frame &frame) {
			if (!done && frame.hake.length != 0 && type_of(frame) == HakeType::ke2) {
				frame.hake.bytes[byte] ^= std::byte{1};
				done = true;
			}
			return true;
		};
		start_all();
		cluster.run_for(milliseconds{30});
		EXPECT_TRUE(done);
		EXPECT_EQ(cluster.node(0).alive_peers() + cluster.node(1).alive_peers(), 0U);
		EXPECT_LE(form(seconds{5}), seconds{2});
	}
}

TEST_F(Wire, H15WithEveryKe3LostTheFirstEspPacketConfirms)
{
	members(2);
	std::size_t lost = 0;
	cluster.filter = [&](Frame &frame) {
		const bool ke3 = frame.hake.length != 0 && type_of(frame) == HakeType::ke3;
		lost += ke3;
		return !ke3;
	};
	start_all();
	EXPECT_LE(form(seconds{5}), milliseconds{100});
	EXPECT_GT(lost, 0U);
}

TEST_F(Wire, H16ThirtyPercentLossOnlyDelays)
{
	std::mt19937 random(11);
	members(4);
	cluster.filter = [&](Frame &frame) { return frame.hake.length == 0 || random() % 10 >= 3; };
	start_all();
	EXPECT_LE(form(seconds{20}), seconds{10});
}

TEST_F(Wire, R16FramesOfEarlierBootsDoNotDelayAJoin)
{
	members(2);
	record();
	for (int boot = 0; boot < 4; ++boot) {
		start_all();
		ASSERT_LE(form(seconds{5}), seconds{1});
		cluster.run_for(seconds{1});
		cluster.crash(0);
		cluster.crash(1);
		cluster.run_for(seconds{1});
	}
	const std::vector<Frame> old = std::move(recorded);
	ASSERT_GT(old.size(), 20U);
	start_all();
	std::size_t next = 0;
	const Time begin = cluster.now();
	while (!everybody_hears_everybody() && cluster.now() - begin < seconds{5}) {
		for (int i = 0; i < 5; ++i)
			replay(old[next++ % old.size()]);
		cluster.run_for(milliseconds{1});
	}
	EXPECT_LE(cluster.now() - begin, seconds{1});
}

TEST_F(Wire, R17AnOldExchangeInOrderGetsNoAnswer)
{
	members(2);
	record();
	start_all();
	ASSERT_LE(form(seconds{5}), seconds{1});
	const std::vector<Frame> old = std::move(recorded);
	cluster.crash(0);
	cluster.crash(1);
	cluster.cut(0, 1, 0); // the new boots do not hear each other, only the attacker
	cluster.cut(1, 0, 0);
	start_all();
	cluster.run_for(milliseconds{50});
	recorded.clear();
	std::map<HakeType, std::size_t> replayed;
	for (const Frame &frame : old) {
		if (type_of(frame) == HakeType::hello)
			continue;
		++replayed[type_of(frame)];
		replay(frame);
		cluster.run_for(milliseconds{2});
	}
	EXPECT_GE(replayed.size(), 3U);
	for (const Frame &frame : recorded)
		EXPECT_EQ(type_of(frame), HakeType::hello) << "only its own timer speaks";
	EXPECT_EQ(cluster.sessions(0) + cluster.sessions(1), 0U);
}

TEST_F(Wire, R19AReplayedKe3IsIgnored)
{
	members(2);
	record();
	start_all();
	ASSERT_LE(form(seconds{5}), seconds{1});
	cluster.run_for(seconds{10});
	const std::vector<Frame> old = std::move(recorded);
	recorded.clear();
	const std::size_t before = cluster.record().size();
	for (int i = 0; i < 100; ++i)
		for (const Frame &frame : old)
			if (type_of(frame) == HakeType::ke3)
				replay(frame);
	cluster.run_for(milliseconds{900});
	for (const Frame &frame : recorded)
		EXPECT_EQ(type_of(frame), HakeType::hello);
	EXPECT_EQ(cluster.record().size(), before);
	EXPECT_EQ(cluster.sessions(1), 1U);
}

TEST_F(Wire, ARestartReplacesTheSessionAsSoonAsTheBootBeforeIsNotHeard)
{
	members(2);
	start_all();
	ASSERT_LE(form(seconds{5}), seconds{1});
	cluster.run_for(seconds{10});
	cluster.crash(1);
	cluster.run_for(milliseconds{50});
	cluster.start(1);
	cluster.run_for(milliseconds{600}); // until it is sure that the boot before is not heard any more
	EXPECT_EQ(cluster.notices(0, NoticeKind::peer_lost).size(), 1U);
	EXPECT_TRUE(everybody_hears_everybody());
	EXPECT_EQ(cluster.sessions(0), 1U) << "the old session is gone";
}

TEST_F(Wire, ALinkThatComesBackNeedsNoHandshake)
{
	members(2);
	start_all();
	ASSERT_LE(form(seconds{5}), seconds{1});
	cluster.run_for(seconds{10});
	cluster.cut(0, 1, 0);
	cluster.cut(1, 0, 0);
	cluster.run_for(seconds{2});
	ASSERT_EQ(cluster.node(0).alive_peers(), 0U);
	cluster.heal(0, 1, 0);
	cluster.heal(1, 0, 0);
	std::size_t exchanges = 0;
	cluster.filter = [&](Frame &frame) {
		exchanges += frame.hake.length != 0 && type_of(frame) != HakeType::hello;
		return true;
	};
	cluster.run_for(milliseconds{30});
	EXPECT_TRUE(everybody_hears_everybody());
	EXPECT_EQ(exchanges, 0U);
}

TEST_F(Wire, AHalfLostSessionIsNegotiatedAgain)
{
	// Nothing but KE frames pass from A to B's confirmation: A is up, B forgets its candidate after 3 s.
	members(2);
	bool deaf = true;
	cluster.filter = [&](Frame &frame) {
		const bool ke3_or_esp = frame.hake.length == 0 || type_of(frame) == HakeType::ke3;
		return !(deaf && frame.from == 0 && ke3_or_esp);
	};
	start_all();
	cluster.run_for(seconds{4});
	EXPECT_EQ(cluster.node(0).alive_peers() + cluster.node(1).alive_peers(), 0U);
	deaf = false;
	EXPECT_LE(form(seconds{10}), seconds{5});
}

TEST_F(Wire, K10AWrongPasswordIsNamedAndBacksOffAndDisturbsNobodyElse)
{
	members(2, 2);
	MemberSettings stranger;
	stranger.config = config_of("SYS0000000000009");
	stranger.name = "m9";
	stranger.password = "other";
	cluster.add(stranger);
	std::size_t attempts = 0;
	cluster.filter = [&](Frame &frame) {
		attempts += frame.hake.length != 0 && type_of(frame) == HakeType::ke1 && frame.from == 0 &&
			    decode_ke1(frame.hake.span())->head.destination == MemberId::from("SYS0000000000009");
		return true;
	};
	start_all();
	cluster.run_for(seconds{600});
	for (const std::size_t honest : {0U, 1U}) {
		EXPECT_EQ(cluster.node(honest).alive_peers(), 1U);
		EXPECT_TRUE(cluster.notices(honest, NoticeKind::peer_lost).empty());
		const auto told = cluster.notices(honest, NoticeKind::wrong_password);
		ASSERT_GE(told.size(), 5U);
		EXPECT_LE(told.size(), 40U);
		for (std::size_t i = 0; i < told.size(); ++i)
			EXPECT_EQ(told[i].peer, stranger.config.self);
		EXPECT_LE(told[1].at - told[0].at, seconds{2});
		for (std::size_t i = 10; i < told.size(); ++i)
			EXPECT_GE(told[i].at - told[i - 1].at, milliseconds{22500}) << "30 s less a quarter";
	}
	EXPECT_FALSE(cluster.notices(2, NoticeKind::unconfirmed).empty()) << "the other side says something too";
	EXPECT_LE(attempts, 4U * 40U);
	EXPECT_EQ(cluster.node(2).alive_peers(), 0U);
}

} // namespace
} // namespace systole::scenario
