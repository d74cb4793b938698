// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// LeaseKeeper by hand: each test is the etcd that answers.
#include "control/witness/lease_keeper.h"

#include <gtest/gtest.h>

#include <vector>

using namespace systole;
using namespace systole::control;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t cluster = 9;
constexpr LeaseId lease = 1001;

class Bench {
public:
	explicit Bench(std::size_t endpoints = 1)
	    : keeper({.endpoints = endpoints, .serial = "SYS1", .ttl = 4s, .timeout = 1s, .jitter_seed = 3})
	{
	}

	// The request that is out.
	const LeaseRequest &out() const { return request.value(); }
	void step(const LeaseEvent &event)
	{
		if (auto next = keeper.step(now, event))
			request = next;
	}
	void want(bool wanted) { step(LeaseWanted{wanted}); }
	void wait(core::Duration duration)
	{
		now += duration;
		step(LeaseTick{});
	}
	// On to where it acts next.
	void wait_for_next()
	{
		const std::uint64_t before = request ? request->id : 0;
		for (int i = 0; i < 10 && (!request || request->id == before); ++i) {
			now = std::max(now, keeper.next_due());
			step(LeaseTick{});
		}
		ASSERT_NE(request ? request->id : 0, before);
	}
	LeaseAnswer reply() const
	{
		return {.request = out().id, .outcome = LeaseOutcome::answered, .cluster = cluster, .term = 1};
	}
	void no_key() { step(reply()); }
	void key(LeaseId of, const std::string &holder)
	{
		LeaseAnswer answer = reply();
		answer.key_exists = true;
		answer.lease = of;
		answer.holder = holder;
		step(answer);
	}
	void grant(std::chrono::seconds ttl = 4s, LeaseId number = lease)
	{
		LeaseAnswer answer = reply();
		answer.lease = number;
		answer.ttl = ttl;
		step(answer);
	}
	void created()
	{
		LeaseAnswer answer = reply();
		answer.created = true;
		step(answer);
	}
	LeaseAnswer renewed(std::chrono::seconds ttl = 4s) const
	{
		LeaseAnswer answer = reply();
		answer.ttl = ttl;
		return answer;
	}
	void gone() { step(LeaseAnswer{.request = out().id, .outcome = LeaseOutcome::lease_gone}); }
	void fail() { step(LeaseAnswer{.request = out().id, .outcome = LeaseOutcome::failed, .error = "refused"}); }
	void acquire()
	{
		want(true);
		no_key();
		grant();
		created();
		ASSERT_TRUE(view().holding);
	}
	LeaseView view() const { return keeper.view(now); }

	LeaseKeeper keeper;
	core::Time now = core::Time{100s};
	std::optional<LeaseRequest> request;
};

constexpr core::Duration full = 4s - LeaseKeeper::allowance(4s);

} // namespace

TEST(LeaseKeeper, acquiresByLookGrantAndCreation)
{
	Bench b;
	b.want(true);
	EXPECT_EQ(b.out().ask, Ask::look);
	b.no_key();
	EXPECT_EQ(b.out().ask, Ask::grant);
	EXPECT_EQ(b.out().ttl, 4s);
	const core::Time sent = b.now;
	b.now += 20ms;
	b.grant();
	EXPECT_EQ(b.out().ask, Ask::acquire);
	EXPECT_EQ(b.out().lease, lease);
	b.now += 30ms;
	EXPECT_FALSE(b.view().holding);
	b.created();
	EXPECT_TRUE(b.view().holding);
	EXPECT_TRUE(b.view().reachable);
	EXPECT_EQ(b.view().holder, "SYS1");
	EXPECT_EQ(b.view().held_until, sent + full) << "from before the grant was sent, not from its answer";
}

TEST(LeaseKeeper, allowsForClocksThatRunApart)
{
	EXPECT_EQ(LeaseKeeper::allowance(4s), 14ms);
	EXPECT_EQ(LeaseKeeper::allowance(10s), 20ms);
}

TEST(LeaseKeeper, takesTheTtlThatTheServerGrants)
{
	Bench b;
	b.want(true);
	b.no_key();
	const core::Time sent = b.now;
	b.grant(9s);
	b.created();
	EXPECT_EQ(b.keeper.granted(), 9s);
	EXPECT_EQ(b.view().held_until, sent + 9s - LeaseKeeper::allowance(9s));
	EXPECT_EQ(b.keeper.next_due(), sent + 2250ms);
}

TEST(LeaseKeeper, renewsAtAQuarterAndCountsFromBeforeTheKeepAliveWasSent)
{
	Bench b;
	b.acquire();
	const core::Time first = b.view().held_until;
	EXPECT_EQ(b.keeper.next_due(), b.now + 1s);
	b.wait(1s);
	EXPECT_EQ(b.out().ask, Ask::keep_alive);
	const core::Time sent = b.now;
	b.now += 100ms;
	b.step(b.renewed());
	EXPECT_EQ(b.out().ask, Ask::look);
	EXPECT_EQ(b.view().held_until, first) << "not confirmed yet";
	b.now += 100ms;
	b.key(lease, "SYS1");
	EXPECT_EQ(b.view().held_until, sent + full);
	EXPECT_EQ(b.keeper.next_due(), sent + 1s);
}

TEST(LeaseKeeper, doesNotCountARenewalWhoseTermIsOver)
{
	Bench b;
	b.acquire();
	const core::Time first = b.view().held_until;
	b.wait(1s);
	LeaseAnswer stale = b.renewed();
	stale.term = 1;
	b.step(stale);
	LeaseAnswer confirmed = b.reply();
	confirmed.term = 2;
	confirmed.key_exists = true;
	confirmed.lease = lease;
	b.step(confirmed);
	EXPECT_EQ(b.view().held_until, first);
	b.wait_for_next();
	EXPECT_EQ(b.out().ask, Ask::keep_alive) << "once more";
	EXPECT_LT(b.now, first);
}

TEST(LeaseKeeper, anUnansweredKeepAliveExtendsNothing)
{
	Bench b;
	b.acquire();
	const core::Time until = b.view().held_until;
	while (b.now < until) {
		EXPECT_TRUE(b.view().holding);
		EXPECT_EQ(b.view().held_until, until);
		b.wait(1ms);
	}
	EXPECT_FALSE(b.view().holding);
	EXPECT_FALSE(b.view().reachable);
	EXPECT_EQ(b.view().holder, "");
	b.wait(60s);
	EXPECT_FALSE(b.view().holding);
}

TEST(LeaseKeeper, isCalledAtTheMomentItCeasesToHold)
{
	Bench b;
	b.acquire();
	const core::Time until = b.view().held_until;
	bool called_then = false;
	for (int i = 0; i < 1000 && b.now <= until; ++i) {
		ASSERT_TRUE(i == 0 || b.keeper.next_due() > b.now) << "it would spin";
		b.now = std::max(b.now, b.keeper.next_due());
		called_then = called_then || b.now == until;
		b.step(LeaseTick{});
	}
	EXPECT_TRUE(called_then);
	for (int i = 0; i < 100; ++i) {
		EXPECT_GT(b.keeper.next_due(), b.now) << "it would spin after the lapse";
		b.now = b.keeper.next_due();
		b.step(LeaseTick{});
	}
}

TEST(LeaseKeeper, ignoresALateAnswerToAnEarlierKeepAlive)
{
	Bench b{2};
	b.acquire();
	const core::Time first = b.view().held_until;
	b.wait(1s);
	const LeaseAnswer late = b.renewed(4s);
	b.wait_for_next(); // the first endpoint hangs
	EXPECT_EQ(b.out().ask, Ask::keep_alive);
	EXPECT_EQ(b.out().endpoint, 1U);
	b.step(late);
	EXPECT_EQ(b.out().ask, Ask::keep_alive) << "the late one was taken for the present one";
	EXPECT_EQ(b.view().held_until, first);
	const core::Time sent = b.now;
	b.step(b.renewed());
	b.key(lease, "SYS1");
	EXPECT_EQ(b.view().held_until, sent + full);
}

TEST(LeaseKeeper, ignoresAKeepAliveAnsweredAfterTheLeaseWasDropped)
{
	Bench b;
	b.acquire();
	b.wait(1s);
	const LeaseAnswer late = b.renewed();
	b.want(false);
	EXPECT_EQ(b.out().ask, Ask::revoke);
	b.step(late);
	EXPECT_FALSE(b.view().holding);
	EXPECT_EQ(b.out().ask, Ask::revoke);
	b.step(b.reply());
	b.step(late);
	EXPECT_FALSE(b.view().holding);
	EXPECT_TRUE(b.keeper.at_rest());
}

TEST(LeaseKeeper, losesAtOnceALeaseThatTheServerSaysIsGone)
{
	Bench b;
	b.acquire();
	b.wait(1s);
	b.gone();
	EXPECT_FALSE(b.view().holding);
	EXPECT_EQ(b.out().ask, Ask::look) << "and begins anew";
	b.key(5, "SYS2");
	EXPECT_EQ(b.view().holder, "SYS2");
}

TEST(LeaseKeeper, losesAtOnceAKeyThatWasDeletedByHand)
{
	for (const LeaseId now_of : {LeaseId{0}, LeaseId{5}}) {
		Bench b;
		b.acquire();
		b.wait(1s);
		b.step(b.renewed());
		if (now_of == 0)
			b.no_key();
		else
			b.key(now_of, "SYS2");
		EXPECT_FALSE(b.view().holding);
		EXPECT_NE(b.view().error, "");
		EXPECT_EQ(b.out().ask, Ask::revoke);
	}
}

TEST(LeaseKeeper, findsOutWhetherALostCreationHappened)
{
	{
		Bench b;
		b.want(true);
		b.no_key();
		const core::Time sent = b.now;
		b.grant();
		b.wait_for_next(); // the answer is lost
		EXPECT_EQ(b.out().ask, Ask::acquire);
		EXPECT_EQ(b.out().lease, lease) << "with the same lease";
		EXPECT_FALSE(b.view().holding);
		b.key(lease, "SYS1");
		EXPECT_TRUE(b.view().holding);
		EXPECT_EQ(b.view().held_until, sent + full) << "from the grant, not from the second creation";
	}
	{
		Bench b;
		b.want(true);
		b.no_key();
		b.grant();
		b.wait_for_next();
		b.key(5, "SYS1"); // our name, not our lease
		EXPECT_FALSE(b.view().holding);
		EXPECT_EQ(b.out().ask, Ask::revoke) << "the lost creation could still arrive";
		EXPECT_EQ(b.out().lease, lease);
	}
}

TEST(LeaseKeeper, waitsForTheLeaseOfAnEarlierProcessOfItsOwn)
{
	Bench b;
	b.want(true);
	for (int i = 0; i < 50; ++i) {
		EXPECT_EQ(b.out().ask, Ask::look);
		b.key(5, "SYS1");
		EXPECT_FALSE(b.view().holding);
		EXPECT_EQ(b.view().holder, "SYS1");
		EXPECT_NE(b.view().error.find("earlier process"), std::string::npos);
		b.wait_for_next();
	}
	b.no_key();
	EXPECT_EQ(b.out().ask, Ask::grant);
}

TEST(LeaseKeeper, looksOftenWhileAnotherHolds)
{
	Bench b;
	b.want(true);
	for (int i = 0; i < 200; ++i) {
		const core::Time before = b.now;
		b.key(5, "SYS2");
		b.wait_for_next();
		EXPECT_EQ(b.out().ask, Ask::look);
		EXPECT_GE(b.now - before, 50ms);
		EXPECT_LE(b.now - before, 150ms);
	}
}

TEST(LeaseKeeper, namesAKeyWithoutALease)
{
	Bench b;
	b.want(true);
	b.key(0, "by hand");
	EXPECT_NE(b.view().error.find("no lease"), std::string::npos);
}

TEST(LeaseKeeper, asksEveryEndpointBeforeHalfTheTtlIsOverWhenAllButOneHang)
{
	for (const std::size_t endpoints : {std::size_t{2}, std::size_t{3}, std::size_t{5}}) {
		Bench b{endpoints};
		b.acquire();
		const core::Time until = b.view().held_until;
		b.wait(1s);
		for (std::size_t i = 1; i < endpoints; ++i) {
			EXPECT_EQ(b.out().endpoint, i - 1);
			b.wait_for_next();
			EXPECT_TRUE(b.view().reachable) << "one of them has not been asked yet";
		}
		EXPECT_EQ(b.out().endpoint, endpoints - 1);
		EXPECT_LT(b.now, until - 500ms);
		b.step(b.renewed());
		b.key(lease, "SYS1");
		EXPECT_GT(b.view().held_until, until);
		b.wait_for_next();
		EXPECT_EQ(b.out().endpoint, endpoints - 1) << "it stays with the one that answers";
	}
}

TEST(LeaseKeeper, pausesAfterARoundOfRefusalsAndSpreadsThePauses)
{
	Bench b{3};
	b.want(true);
	core::Duration shortest = 1h;
	core::Duration longest{};
	for (int round = 0; round < 100; ++round) {
		for (int i = 0; i < 3; ++i)
			b.fail(); // the second and the third are asked at once
		EXPECT_FALSE(b.view().reachable);
		EXPECT_EQ(b.view().error, "refused");
		const core::Duration pause = b.keeper.next_due() - b.now;
		shortest = std::min(shortest, pause);
		longest = std::max(longest, pause);
		b.wait_for_next();
	}
	EXPECT_GE(shortest, 125ms);
	EXPECT_LE(longest, 375ms);
	EXPECT_GT(longest - shortest, 150ms);
}

TEST(LeaseKeeper, ceasesToHoldWhenTheClockJumpsForward)
{
	Bench b;
	b.acquire();
	b.wait(1s);
	const LeaseAnswer answered_long_ago = b.renewed();
	b.now += 30s;
	EXPECT_FALSE(b.view().holding) << "even before anything is processed";
	b.step(answered_long_ago);
	EXPECT_FALSE(b.view().holding);
	// The lease may have survived after all: nobody else can have had the key meanwhile, it carries our lease.
	b.key(lease, "SYS1");
	EXPECT_FALSE(b.view().holding) << "renewed for a time that is over";
	EXPECT_EQ(b.out().ask, Ask::keep_alive);
	const core::Time sent = b.now;
	b.step(b.renewed());
	b.key(lease, "SYS1");
	EXPECT_TRUE(b.view().holding);
	EXPECT_EQ(b.view().held_until, sent + full);
}

TEST(LeaseKeeper, givesTheKeyAwayAtOnce)
{
	Bench b;
	b.acquire();
	b.want(false);
	EXPECT_FALSE(b.view().holding);
	EXPECT_LT(b.view().held_until, b.now);
	EXPECT_EQ(b.out().ask, Ask::revoke);
	EXPECT_EQ(b.out().lease, lease);
	EXPECT_FALSE(b.keeper.at_rest());
	b.step(b.reply());
	EXPECT_TRUE(b.keeper.at_rest());
}

TEST(LeaseKeeper, insistsOnTheRevocationUntilTheLeaseMustBeOver)
{
	Bench b;
	b.acquire();
	b.want(false);
	const core::Time began = b.now;
	int asked = 0;
	while (!b.keeper.at_rest() && b.now < began + 1min) {
		EXPECT_EQ(b.out().ask, Ask::revoke);
		b.wait_for_next();
		++asked;
	}
	EXPECT_GT(asked, 4);
	EXPECT_GE(b.now, began + 8s);
	EXPECT_LT(b.now, began + 11s);
}

TEST(LeaseKeeper, aHangingKeepAliveDoesNotDelayTheRevocation)
{
	Bench b;
	b.acquire();
	b.wait(1s);
	EXPECT_EQ(b.out().ask, Ask::keep_alive);
	b.want(false);
	EXPECT_EQ(b.out().ask, Ask::revoke);
}

TEST(LeaseKeeper, survivesWantAndUnwantInQuickSuccession)
{
	Bench b;
	b.want(true);
	b.want(false);
	EXPECT_TRUE(b.keeper.at_rest());
	b.want(true);
	EXPECT_EQ(b.out().ask, Ask::look);
	b.no_key();
	b.want(false); // the grant is out
	EXPECT_TRUE(b.keeper.at_rest());
	b.grant();
	EXPECT_TRUE(b.keeper.at_rest()) << "a lease nobody waits for ends by itself";

	b.want(true);
	b.no_key();
	b.grant(4s, 1002);
	const LeaseAnswer created_late = [&] {
		LeaseAnswer answer = b.reply();
		answer.created = true;
		return answer;
	}();
	b.want(false); // the creation is out
	EXPECT_EQ(b.out().ask, Ask::revoke);
	EXPECT_EQ(b.out().lease, 1002);
	b.want(true);
	b.step(created_late);
	EXPECT_FALSE(b.view().holding) << "its lease is being revoked";
	EXPECT_EQ(b.out().ask, Ask::revoke);
	b.step(b.reply());
	EXPECT_EQ(b.out().ask, Ask::look);
	b.no_key();
	b.grant(4s, 1003);
	b.created();
	EXPECT_TRUE(b.view().holding);
}

TEST(LeaseKeeper, looksNowAndThenWhileNothingIsWanted)
{
	Bench b{3};
	b.want(false);
	std::vector<std::size_t> asked;
	for (int i = 0; i < 4; ++i) {
		EXPECT_EQ(b.out().ask, Ask::look);
		asked.push_back(b.out().endpoint);
		b.key(5, "SYS2");
		EXPECT_EQ(b.view().holder, "SYS2");
		EXPECT_TRUE(b.view().reachable);
		EXPECT_GE(b.keeper.next_due() - b.now, 2500ms);
		b.wait_for_next();
	}
	EXPECT_EQ(asked, (std::vector<std::size_t>{0, 1, 2, 0})) << "the endpoints by turns";
}

TEST(LeaseKeeper, refusesAnEndpointOfAnotherCluster)
{
	Bench b{2};
	b.acquire();
	const core::Time until = b.view().held_until;
	b.wait(1s);
	b.fail();
	EXPECT_EQ(b.out().endpoint, 1U);
	LeaseAnswer foreign = b.renewed();
	foreign.cluster = cluster + 1;
	b.step(foreign);
	EXPECT_EQ(b.view().held_until, until);
	EXPECT_FALSE(b.view().reachable);
	EXPECT_NE(b.view().error.find("another etcd cluster"), std::string::npos);
}
