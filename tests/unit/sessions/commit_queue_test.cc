// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What becomes of sessions that a data plane refuses.
#include "control/sessions/commit_queue.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <vector>

namespace systole::control::test {
namespace {

using core::SlotNumber;
using core::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Has room for so many, and will not have some at all.
class SmallPlane final : public SessionSink {
public:
	bool start(std::string &) override { return true; }
	void stop() override {}
	std::size_t put(std::span<const SessionRecord> records) override
	{
		m_refused.clear();
		tries += records.size();
		for (std::size_t i = 0; i < records.size(); ++i) {
			const SessionKey &key = records[i].key;
			const bool room = sessions.contains(key) || sessions.size() < most;
			if (room && !unwanted.contains(key.original.source_port))
				sessions[key] = records[i];
			else
				m_refused.push_back(i);
		}
		return note();
	}
	std::size_t remove(std::span<const SessionKey> keys) override
	{
		m_refused.clear();
		for (std::size_t i = 0; i < keys.size(); ++i)
			if (keeps)
				m_refused.push_back(i);
			else
				sessions.erase(keys[i]);
		return note();
	}
	std::size_t trim(std::span<const SessionRecord>) override { return 0; }
	std::span<const std::size_t> refused() const override { return m_refused; }
	const SinkCounters &counters() const override { return m_counters; }

	Sessions sessions;
	std::size_t most = 1'000'000;
	std::set<std::uint16_t> unwanted; // by source port
	bool keeps = false;               // what has ended
	std::size_t tries = 0;

private:
	std::size_t note()
	{
		m_counters.refused += m_refused.size();
		m_counters.last_errno = m_refused.empty() ? m_counters.last_errno : ENOMEM;
		return m_refused.size();
	}

	std::vector<std::size_t> m_refused;
	SinkCounters m_counters;
};

class CommitQueues : public testing::Test {
protected:
	static constexpr std::size_t capacity = 4096;
	struct alignas(64) Line {
		std::byte bytes[64];
	};

	// Told by the primary.
	SlotNumber told(std::uint16_t port)
	{
		const SessionRecord record = session(IPPROTO_TCP, "10.1.1.1", port, "203.0.113.9", 443);
		const SlotNumber slot = table.put(record).slot;
		queue.stored(slot);
		return slot;
	}
	void end(SlotNumber slot)
	{
		const SessionRecord record = *table.at(slot);
		table.erase(slot);
		queue.erased(slot, record);
	}
	// As a session thread turns, for so long.
	void run(core::Duration time)
	{
		for (const Time until = now + time; now < until; now += milliseconds{50})
			while (queue.commit(now, 1024))
				continue;
	}

	std::vector<Line> memory{core::SessionTable::bytes_for(capacity) / sizeof(Line) + 1};
	core::SessionTable table{std::as_writable_bytes(std::span(memory)), capacity, 1};
	std::vector<std::uint64_t> words{std::vector<std::uint64_t>(CommitQueue::words_for(capacity))};
	SmallPlane plane;
	CommitQueue queue{table, plane, words, true};
	Time now{seconds{1000}};
};

TEST_F(CommitQueues, what_was_refused_is_tried_again_until_it_is_there)
{
	plane.most = 600;
	for (std::uint16_t port = 1; port <= 1000; ++port)
		told(port);
	run(milliseconds{500});
	EXPECT_EQ(plane.sessions.size(), 600U);
	EXPECT_EQ(queue.refused(), 400U);
	EXPECT_EQ(queue.pending(), 0U);

	plane.most = 2000; // the operator has given it room
	run(seconds{61});
	EXPECT_EQ(plane.sessions.size(), 1000U);
	EXPECT_EQ(queue.refused(), 0U);
}

TEST_F(CommitQueues, a_data_plane_that_stays_full_is_asked_less_and_less)
{
	plane.most = 0;
	for (std::uint16_t port = 1; port <= 3000; ++port)
		told(port);
	run(milliseconds{500});
	EXPECT_EQ(plane.tries, 3000U);
	run(seconds{600});
	EXPECT_LE(plane.tries, 3000U + 26 * 256) << "1, 2, 4, 8, 16, then every 30 s";
	EXPECT_GE(plane.tries, 3000U + 15 * 256);
	EXPECT_EQ(queue.refused(), 3000U);
}

TEST_F(CommitQueues, one_that_is_never_taken_does_not_hold_up_the_others)
{
	plane.most = 0;
	for (std::uint16_t port = 1; port <= 1000; ++port)
		told(port);
	run(milliseconds{100});
	plane.most = 2000;
	plane.unwanted = {7, 8, 900};
	run(seconds{5});
	EXPECT_EQ(plane.sessions.size(), 997U);
	EXPECT_EQ(queue.refused(), 3U);
	const std::size_t tries = plane.tries;
	told(2001); // goes in at once
	run(milliseconds{50});
	EXPECT_EQ(plane.sessions.size(), 998U);
	EXPECT_LE(plane.tries, tries + 1 + 3);
}

TEST_F(CommitQueues, what_has_ended_or_changed_meanwhile_is_refused_no_more)
{
	plane.unwanted = {1, 2, 3};
	const SlotNumber first = told(1);
	const SlotNumber second = told(2);
	told(3);
	run(milliseconds{100});
	ASSERT_EQ(queue.refused(), 3U);
	end(first);
	EXPECT_EQ(queue.refused(), 2U);
	plane.unwanted = {3};
	queue.stored(second); // told anew
	EXPECT_EQ(queue.refused(), 1U);
	run(milliseconds{50});
	EXPECT_EQ(plane.sessions.size(), 1U);
	EXPECT_EQ(queue.refused(), 1U);
	queue.commit_again();
	EXPECT_EQ(queue.refused(), 0U);
	EXPECT_EQ(queue.pending(), 2U);
	queue.commit_all(true);
	queue.give_up_refused();
	EXPECT_EQ(queue.refused(), 0U);
}

TEST_F(CommitQueues, a_takeover_tries_what_was_refused_at_once_and_not_for_ever)
{
	plane.most = 600;
	for (std::uint16_t port = 1; port <= 1000; ++port)
		told(port);
	run(milliseconds{500});
	const std::size_t tries = plane.tries;
	queue.commit_all(true);
	EXPECT_EQ(plane.tries, tries + 400 + 400);
	EXPECT_EQ(queue.refused(), 400U);

	plane.most = 900;
	queue.commit_all(true);
	EXPECT_EQ(plane.sessions.size(), 900U);
	EXPECT_EQ(queue.refused(), 100U);
}

TEST_F(CommitQueues, what_was_tried_for_the_claim_is_not_tried_once_more)
{
	plane.most = 600;
	for (std::uint16_t port = 1; port <= 1000; ++port)
		told(port);
	run(milliseconds{500});
	queue.commit_all(true);
	const std::size_t tries = plane.tries;
	told(2001);
	queue.commit_all(false);
	EXPECT_EQ(plane.tries, tries + 1);
}

TEST_F(CommitQueues, a_fence_is_not_passed_where_many_are_refused)
{
	plane.most = 900;
	for (std::uint16_t port = 1; port <= 1000; ++port)
		told(port);
	const std::uint64_t mark = queue.mark();
	run(seconds{1});
	EXPECT_FALSE(queue.reached(mark));
	plane.most = 1000 - CommitQueue::few_refused;
	run(seconds{61});
	EXPECT_EQ(queue.refused(), CommitQueue::few_refused);
	EXPECT_TRUE(queue.reached(mark));
}

TEST_F(CommitQueues, an_expectation_without_a_master_waits_no_longer_than_the_role)
{
	SessionRecord expected = session(IPPROTO_TCP, "10.1.1.1", 0, "203.0.113.9", 20000);
	expected.key.kind = core::SessionKind::expectation;
	expected.reply = {};
	expected.helper = core::SessionHelper::ftp;
	expected.expectation.master = session(IPPROTO_TCP, "10.1.1.1", 40000, "203.0.113.9", 21).key.original;
	const auto stored = table.put(expected);
	ASSERT_NE(stored.slot, core::no_slot);
	queue.stored(stored.slot);
	run(seconds{1});
	EXPECT_EQ(queue.pending(), 1U);
	EXPECT_TRUE(plane.sessions.empty());
	queue.give_up_refused();
	EXPECT_EQ(queue.pending(), 0U);
	queue.commit_again();
	EXPECT_EQ(queue.pending(), 1U);
	table.erase(stored.slot);
	queue.commit_again();
	EXPECT_EQ(queue.pending(), 0U);
}

TEST_F(CommitQueues, the_end_of_a_session_is_told_until_the_data_plane_believes_it)
{
	const SlotNumber slot = told(1);
	run(milliseconds{50});
	ASSERT_EQ(plane.sessions.size(), 1U);
	plane.keeps = true;
	end(slot);
	run(milliseconds{500});
	EXPECT_EQ(plane.sessions.size(), 1U);
	plane.keeps = false;
	run(seconds{3});
	EXPECT_TRUE(plane.sessions.empty());
}

TEST_F(CommitQueues, a_session_that_ended_unbelieved_and_began_again_stays)
{
	const SlotNumber slot = told(1);
	run(milliseconds{50});
	plane.keeps = true;
	end(slot);
	run(milliseconds{500});
	told(1);
	plane.keeps = false;
	run(seconds{3});
	EXPECT_EQ(plane.sessions.size(), 1U);
}

} // namespace
} // namespace systole::control::test
