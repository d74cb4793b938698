// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The ends of sessions that are not silence: a goodbye, whose it must be and where it must come from, and a member
// whose state was set back to an earlier moment. Ids are those of tests/hostile/cases.txt.
#include "tests/unit/core/group_fixture.h"
#include "tests/unit/core/one_handshake.h"

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Farewells : public Group {
protected:
	// Long enough for one of them to be primary.
	void form_two()
	{
		members(2);
		start_all();
		ASSERT_LE(form(seconds{5}), milliseconds{100});
		cluster.run_for(seconds{10});
		ASSERT_EQ(cluster.primaries().size(), 1U);
	}
	[[nodiscard]] BootNonce nonce(std::size_t member) const
	{
		return cluster.node(1 - member).handshake().nonce_of(seen_by(1 - member, member).pair);
	}
};

// ---------------------------------------------------------------- goodbye

TEST_F(Farewells, L7_a_goodbye_in_the_clear_is_refused)
{
	ASSERT_NO_FATAL_FAILURE(form_two());
	const std::size_t records = cluster.record().size();
	const std::uint64_t before = drops(0, HakeDrop::role);
	const IdealKeyAgent forger(cluster.settings(1).config, "guess", nonce(1),
				   1); // all that can be read off the wire
	for (int i = 0; i < 100; ++i) {
		Frame frame;
		frame.from = outside;
		frame.source = {2, 0, 0, 0, 2, 0};
		frame.destination = {2, 0, 0, 0, 1, 0};
		frame.hake = forger.bye(0, cluster.settings(0).config.self, nonce(0));
		cluster.send(frame);
		ASSERT_NO_FATAL_FAILURE(run_whole(milliseconds{5}));
	}
	EXPECT_EQ(drops(0, HakeDrop::role), before + 100);
	EXPECT_EQ(cluster.record().size(), records);
}

TEST_F(Farewells, L7_a_goodbye_of_the_peer_acts_at_once)
{
	for (const std::size_t leaving : {0U, 1U}) {
		SCOPED_TRACE(leaving);
		const std::size_t stays = 1 - leaving;
		ASSERT_NO_FATAL_FAILURE(form_two());
		std::vector<Frame> goodbyes;
		cluster.filter = [&](Frame &frame) {
			if (is(frame, HakeType::bye))
				goodbyes.push_back(frame);
			return true;
		};
		cluster.stop(leaving);
		cluster.run_for(milliseconds{1}); // 200 of silence would be needed
		ASSERT_EQ(goodbyes.size(), 1U);
		EXPECT_NE(goodbyes[0].secret, 0U) << "sealed";
		EXPECT_EQ(cluster.node(stays).alive_peers(), 0U);
		EXPECT_EQ(cluster.notices(stays, NoticeKind::peer_left).size(), 1U);
		EXPECT_EQ(cluster.notices(stays, NoticeKind::peer_lost).size(), 1U);
		EXPECT_EQ(cluster.primaries(), std::vector{stays});
		EXPECT_EQ(cluster.sessions(stays), 0U);

		// Back again, and the old goodbye with it: it is of a session that is no more.
		cluster.run_for(seconds{5});
		cluster.start(leaving);
		ASSERT_LE(form(seconds{5}), seconds{1});
		for (int i = 0; i < 100; ++i) {
			Frame replayed = goodbyes[0];
			replayed.from = outside;
			cluster.send(replayed);
			ASSERT_NO_FATAL_FAILURE(run_whole(milliseconds{5}));
		}
		EXPECT_EQ(cluster.notices(stays, NoticeKind::peer_left).size(), 1U);
	}
}

TEST(Farewell, L7_only_the_peers_own_goodbye_to_this_boot_counts)
{
	OneHandshake b(config_of(serial_of(2)));
	const MemberId self = MemberId::from(serial_of(2));
	IdealKeyAgent a(config_of(serial_of(1)), "secret", nonce_of(2), 2);
	const SessionUp up = b.answer(a);
	const auto drops = [&](HakeDrop why) { return b.handshake.drops()[static_cast<std::size_t>(why)]; };

	const IdealKeyAgent earlier(config_of(serial_of(1)), "secret", nonce_of(3), 3);
	EXPECT_FALSE(b.hear_sealed(up, earlier.bye(0, self, nonce_of(1)))) << "of an earlier boot of the peer";
	EXPECT_EQ(drops(HakeDrop::stale), 1U);
	EXPECT_FALSE(b.hear_sealed(up, a.bye(0, self, nonce_of(4)))) << "to an earlier boot of ours";
	EXPECT_FALSE(b.hear_sealed(up, a.bye(0, MemberId::from(serial_of(3)), nonce_of(1)))) << "to another member";
	const IdealKeyAgent other(config_of(serial_of(3)), "secret", nonce_of(2), 3);
	EXPECT_FALSE(b.hear_sealed(up, other.bye(0, self, nonce_of(1)))) << "in another member's name";
	EXPECT_FALSE(b.hear_sealed(up, a.bye(1, self, nonce_of(1)))) << "of another link";
	EXPECT_EQ(drops(HakeDrop::role), 4U);
	HakeBytes cut = a.bye(0, self, nonce_of(1));
	--cut.length;
	EXPECT_FALSE(b.hear_sealed(up, cut));
	EXPECT_EQ(drops(HakeDrop::malformed), 1U);

	const auto farewell = b.hear_sealed(up, a.bye(0, self, nonce_of(1)));
	ASSERT_TRUE(farewell);
	EXPECT_EQ(farewell->pair, up.pair);
}

// ---------------------------------------------------------------- set back

class SetBack : public Farewells {
protected:
	// Everybody is heard again, and there was never more than one primary.
	void expect_up_again(std::size_t member, const BootNonce &before)
	{
		const std::size_t other = 1 - member;
		EXPECT_EQ(cluster.notices(member, NoticeKind::rolled_back).size(), 1U);
		EXPECT_EQ(cluster.notices(member, NoticeKind::rolled_back).at(0).peer,
			  cluster.settings(other).config.self);
		const Time begin = cluster.now();
		const auto up = [&] { return nonce(member) != before && everybody_hears_everybody(); };
		while (!up() && cluster.now() - begin < seconds{5}) {
			cluster.run_for(milliseconds{1});
			ASSERT_LE(cluster.primaries().size(), 1U);
		}
		EXPECT_LE(cluster.now() - begin, seconds{1});
		for (int i = 0; i < 20000; ++i) {
			cluster.run_for(milliseconds{1});
			ASSERT_LE(cluster.primaries().size(), 1U) << i;
			ASSERT_TRUE(everybody_hears_everybody()) << i;
		}
		EXPECT_EQ(cluster.primaries().size(), 1U);
		EXPECT_EQ(cluster.notices(member, NoticeKind::rolled_back).size(), 1U) << "once";
		EXPECT_TRUE(cluster.notices(other, NoticeKind::rolled_back).empty());
		for (const std::size_t i : {0U, 1U})
			EXPECT_EQ(cluster.sessions(i), 1U);
	}
};

TEST_F(SetBack, L5_a_member_whose_state_was_set_back_begins_anew)
{
	for (const std::size_t member : {0U, 1U}) {
		SCOPED_TRACE(member);
		ASSERT_NO_FATAL_FAILURE(form_two());
		const BootNonce before = nonce(member);
		cluster.give(member,
			     PeerRolledBack{slot_of(member, 1 - member), seen_by(member, 1 - member).generation});
		EXPECT_FALSE(cluster.node(member).primary()) << "nothing of it may be used";
		ASSERT_NO_FATAL_FAILURE(expect_up_again(member, before));
	}
}

TEST_F(SetBack, L5_an_echo_of_a_beat_that_was_never_sent_is_how_it_is_found)
{
	for (const std::size_t member : {0U, 1U}) {
		SCOPED_TRACE(member);
		ASSERT_NO_FATAL_FAILURE(form_two());
		const BootNonce before = nonce(member);
		bool done = false;
		cluster.filter = [&](Frame &frame) {
			if (done || frame.hake.length != 0 || frame.from == member)
				return true;
			BeatStamp stamp = *decode_stamp(frame.body);
			stamp.echo += 1000;
			encode(stamp, std::span<std::byte, beat_stamp_bytes>(frame.body.data(), beat_stamp_bytes));
			done = true;
			return true;
		};
		for (int i = 0; i < 100 && cluster.notices(member, NoticeKind::rolled_back).empty(); ++i)
			cluster.run_for(milliseconds{1});
		ASSERT_TRUE(done);
		ASSERT_NO_FATAL_FAILURE(expect_up_again(member, before));
	}
}

TEST_F(SetBack, L5_what_is_said_of_an_earlier_boot_of_the_peer_does_nothing)
{
	ASSERT_NO_FATAL_FAILURE(form_two());
	const SessionId now = seen_by(0, 1).generation;
	for (const SessionId generation : {SessionId{0}, now + 1, now + 1000})
		cluster.give(0, PeerRolledBack{slot_of(0, 1), generation});
	cluster.give(0, PeerRolledBack{PeerSlot{0}, now});
	cluster.give(0, PeerRolledBack{PeerSlot{7}, now});
	ASSERT_NO_FATAL_FAILURE(run_whole(seconds{1}));
	EXPECT_TRUE(cluster.notices(0, NoticeKind::rolled_back).empty());
}

TEST_F(Farewells, WhoHasSaidGoodbyeIsNotFoundAgainWhileItsProcessEnds)
{
	for (const std::size_t leaving : {0U, 1U}) {
		const std::size_t stays = 1 - leaving;
		ASSERT_NO_FATAL_FAILURE(form_two());
		cluster.stop(leaving);
		cluster.run_for(milliseconds{1});
		for (int i = 0; i < 3000; ++i) {
			cluster.run_for(milliseconds{1});
			ASSERT_EQ(cluster.node(stays).alive_peers(), 0U) << i;
		}
		EXPECT_EQ(cluster.notices(stays, NoticeKind::peer_lost).size(), 1U);
	}
}

} // namespace
} // namespace systole::scenario
