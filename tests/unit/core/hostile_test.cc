// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Whole clusters on a wire that somebody else owns: bits cleared on the way, frames late, doubled and lost, a second
// member with a serial that is taken. Ids are those of tests/hostile/cases.txt.
#include "tests/unit/core/group_fixture.h"
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace systole::scenario {
namespace {

using namespace core;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t hello_capabilities_at = 76; // four bytes each
constexpr std::size_t head_capabilities_at = 84;
constexpr std::size_t head_suite_at = 98;

class HostileWire : public Group {
protected:
	[[nodiscard]] std::size_t who_hears_anybody() const
	{
		std::size_t found = 0;
		for (std::size_t i = 0; i < cluster.size(); ++i)
			found += cluster.node(i).alive_peers() != 0;
		return found;
	}
	// Until everybody hears everybody; the time it took.
	Duration form(Duration limit)
	{
		const Time begin = cluster.now();
		while (!everybody_hears_everybody() && cluster.now() - begin < limit)
			run_for(milliseconds{1});
		return cluster.now() - begin;
	}
	void run_for(Duration duration)
	{
		for (const Time end = cluster.now() + duration; cluster.now() < end;) {
			cluster.run_for(milliseconds{1});
			release();
		}
	}

	// Loses, doubles and delays what `chosen` picks, each copy by a time of its own: so also out of order.
	struct Weather {
		unsigned lost_percent = 0;
		unsigned doubled_percent = 0;
		Duration longest_delay{};
	};
	void let_it_rain(const Weather &weather, const std::function<bool(const Frame &)> &chosen)
	{
		cluster.filter = [this, weather, chosen](Frame &frame) {
			if (m_releasing || !chosen(frame))
				return true;
			const unsigned copies = m_random() % 100 < weather.doubled_percent ? 2 : 1;
			for (unsigned i = 0; i < copies; ++i) {
				if (m_random() % 100 < weather.lost_percent)
					continue;
				const auto span = static_cast<std::uint64_t>(weather.longest_delay.count()) + 1;
				const auto delay = static_cast<std::int64_t>(m_random() % span);
				m_late.emplace(cluster.now() + Duration{delay}, frame);
			}
			return false;
		};
	}
	static HakeType type_of(const Frame &frame) { return decode_header(frame.hake.span())->type; }
	static void clear_gcm(Frame &frame, std::size_t capabilities_at)
	{
		frame.hake.bytes[capabilities_at + 3] &= ~static_cast<std::byte>(cap_gcm);
	}
	// What each KE2 chose, in order.
	void note_suites(const Frame &frame)
	{
		if (is(frame, HakeType::ke2))
			suites.push_back(std::to_integer<int>(frame.hake.bytes[head_suite_at]));
	}

	std::vector<int> suites;

private:
	void release()
	{
		m_releasing = true;
		while (!m_late.empty() && m_late.begin()->first <= cluster.now())
			cluster.send(m_late.extract(m_late.begin()).mapped());
		m_releasing = false;
	}

	std::mt19937_64 m_random{20261122};
	std::multimap<Time, Frame> m_late;
	bool m_releasing = false;
};

constexpr int gcm = static_cast<int>(Suite::gcm);
constexpr int cbc = static_cast<int>(Suite::cbc_sha1);

TEST_F(HostileWire, C1_a_gcm_bit_cleared_once_gives_no_session_and_the_retry_gives_gcm)
{
	for (const HakeType victim : {HakeType::ke1, HakeType::ke2}) {
		SCOPED_TRACE(static_cast<int>(victim));
		members(2);
		suites.clear();
		bool done = false;
		cluster.filter = [&](Frame &frame) {
			if (!done && is(frame, victim)) {
				clear_gcm(frame, head_capabilities_at);
				done = true;
			}
			note_suites(frame);
			return true;
		};
		start_all();
		run_for(milliseconds{30});
		EXPECT_TRUE(done);
		EXPECT_EQ(who_hears_anybody(), 0U);
		EXPECT_LE(form(seconds{5}), seconds{2});
		ASSERT_GE(suites.size(), 2U);
		EXPECT_EQ(suites.front(), victim == HakeType::ke1 ? cbc : gcm);
		EXPECT_EQ(suites.back(), gcm);
	}
}

TEST_F(HostileWire, C1_whoever_always_clears_the_gcm_bit_can_prevent_a_session_and_never_weaken_one)
{
	for (const HakeType victim : {HakeType::ke1, HakeType::ke2}) {
		SCOPED_TRACE(static_cast<int>(victim));
		members(2);
		std::size_t cleared = 0;
		cluster.filter = [&](Frame &frame) {
			if (is(frame, victim)) {
				clear_gcm(frame, head_capabilities_at);
				++cleared;
			}
			return true;
		};
		start_all();
		for (int i = 0; i < 300; ++i) {
			run_for(milliseconds{100});
			ASSERT_EQ(who_hears_anybody(), 0U) << i;
		}
		EXPECT_GT(cleared, 5U);
	}
}

TEST_F(HostileWire, C2_a_gcm_bit_cleared_in_hello_changes_nothing)
{
	members(2);
	std::size_t cleared = 0;
	cluster.filter = [&](Frame &frame) {
		if (is(frame, HakeType::hello)) {
			clear_gcm(frame, hello_capabilities_at);
			++cleared;
		}
		note_suites(frame);
		return true;
	};
	start_all();
	EXPECT_LE(form(seconds{5}), milliseconds{100});
	run_for(seconds{10});
	EXPECT_GT(cleared, 2U);
	EXPECT_EQ(suites, std::vector{gcm});
	for (const std::size_t member : {0U, 1U})
		EXPECT_TRUE(cluster.notices(member, NoticeKind::policy_mismatch).empty());
}

TEST_F(HostileWire, C3_one_member_without_gcm_takes_it_from_its_own_pairs_only)
{
	members(3, [](std::size_t member, Config &config) {
		if (member == 1)
			config.capabilities &= ~cap_gcm;
	});
	std::map<std::pair<std::string, std::string>, int> chosen; // KE2 from, to
	cluster.filter = [&](Frame &frame) {
		if (is(frame, HakeType::ke2)) {
			const auto ke2 = decode_ke2(frame.hake.span());
			chosen[{std::string(ke2->head.header.sender.view()),
				std::string(ke2->head.destination.view())}] = ke2->head.suite;
		}
		return true;
	};
	start_all();
	EXPECT_LE(form(seconds{5}), seconds{1});
	const std::string m1 = serial_of(1);
	const std::string m2 = serial_of(2);
	const std::string m3 = serial_of(3);
	EXPECT_EQ(chosen, (std::map<std::pair<std::string, std::string>, int>{
				  {{m2, m1}, cbc}, {{m3, m1}, gcm}, {{m3, m2}, cbc}}));
}

TEST_F(HostileWire, C5_encryption_on_one_side_only_is_named_on_both_and_gives_no_session)
{
	members(2, [](std::size_t member, Config &config) {
		if (member == 1)
			config.policy = policy_authentication;
	});
	start_all();
	for (int i = 0; i < 600; ++i) {
		run_for(milliseconds{100});
		ASSERT_EQ(who_hears_anybody(), 0U) << i;
	}
	for (const std::size_t member : {0U, 1U}) {
		const auto told = cluster.notices(member, NoticeKind::policy_mismatch);
		ASSERT_FALSE(told.empty()) << member;
		EXPECT_EQ(told[0].peer, cluster.settings(1 - member).config.self);
		EXPECT_TRUE(cluster.notices(member, NoticeKind::peer_found).empty());
		EXPECT_TRUE(cluster.notices(member, NoticeKind::peer_lost).empty());
	}
}

TEST_F(HostileWire, H16_members_form_through_loss_copies_and_disorder)
{
	for (const std::size_t how_many : {std::size_t{4}, max_members}) {
		SCOPED_TRACE(how_many);
		members(how_many);
		let_it_rain({30, 5, milliseconds{50}}, [](const Frame &) { return true; });
		start_all();
		// Hearing is an ESP packet that opens: both sides of each pair have the same keys.
		EXPECT_LE(form(seconds{20}), seconds{10});
	}
}

TEST_F(HostileWire, L4_late_lost_and_doubled_beats_make_nobody_dead)
{
	members(2);
	start_all();
	ASSERT_LE(form(seconds{5}), milliseconds{100});
	let_it_rain({5, 5, milliseconds{150}}, [](const Frame &frame) { return frame.hake.length == 0; });
	for (int i = 0; i < 1200; ++i) {
		run_for(milliseconds{100});
		ASSERT_TRUE(everybody_hears_everybody()) << "after " << i << " tenths of a second";
	}
	for (const std::size_t member : {0U, 1U})
		EXPECT_TRUE(cluster.notices(member, NoticeKind::peer_lost).empty());
	// The same wire with a peer that is dead: it is found, so the test above could have failed.
	cluster.crash(1);
	const Time death = cluster.now();
	while (cluster.node(0).alive_peers() != 0 && cluster.now() < death + seconds{2})
		run_for(milliseconds{1});
	EXPECT_LE(cluster.now() - death, milliseconds{200 + 150 + 10});
}

TEST_F(HostileWire, H11_a_second_member_with_our_serial_is_told_to_all_and_the_first_session_stays)
{
	members(3, [](std::size_t member, Config &config) {
		if (member == 2) // the twin of SYS...2
			config.self = MemberId::from(serial_of(2));
	});
	cluster.start(0);
	cluster.start(1);
	run_for(seconds{10});
	ASSERT_EQ(cluster.node(0).alive_peers(), 1U);
	ASSERT_EQ(cluster.node(1).alive_peers(), 1U);
	cluster.start(2);
	for (int i = 0; i < 600; ++i) {
		run_for(milliseconds{100});
		ASSERT_EQ(cluster.node(0).alive_peers(), 1U) << i;
		ASSERT_EQ(cluster.node(1).alive_peers(), 1U)
			<< "the first of the two, after " << i << " tenths of a second";
	}
	for (const std::size_t member : {0U, 1U, 2U})
		EXPECT_FALSE(cluster.notices(member, NoticeKind::duplicate_member).empty()) << member;
	for (const std::size_t member : {0U, 1U}) {
		EXPECT_TRUE(cluster.notices(member, NoticeKind::peer_lost).empty()) << member;
		EXPECT_TRUE(cluster.notices(member, NoticeKind::peer_restarted).empty()) << member;
	}
}

} // namespace
} // namespace systole::scenario
