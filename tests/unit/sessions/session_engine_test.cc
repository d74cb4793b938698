// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Two session threads, joined by their lanes as two workers would join them, between data planes that are lists.
#include "control/sessions/session_engine.h"

#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace systole::control {
namespace {

using core::SessionKey;
using core::SessionRecord;
using std::chrono::milliseconds;
using std::chrono::seconds;

SessionRecord session(std::uint32_t number)
{
	SessionRecord record;
	record.key.original.source = {std::byte{10}, std::byte{1}, std::byte(number >> 8), std::byte(number)};
	record.key.original.destination = {std::byte{10}, std::byte{2}, std::byte{0}, std::byte{9}};
	record.key.original.source_port = static_cast<std::uint16_t>(1024 + number % 50000);
	record.key.original.destination_port = 443;
	record.reply.source = record.key.original.destination;
	record.reply.destination = {std::byte{10}, std::byte{2}, std::byte{0}, std::byte{254}};
	record.reply.source_port = 443;
	record.reply.destination_port = static_cast<std::uint16_t>(2000 + number % 60000);
	record.seen_reply = record.assured = true;
	record.tcp_state = core::TcpState::established;
	record.timeout_s = 300;
	return record;
}

// Of FTP's client: it will connect to another port of the same server.
SessionRecord expectation(const SessionRecord &control)
{
	SessionRecord record;
	record.key = control.key;
	record.key.kind = core::SessionKind::expectation;
	record.key.original.source_port = 0;
	record.key.original.destination_port = 50000;
	record.expectation.master = control.key.original;
	record.helper = core::SessionHelper::ftp;
	record.timeout_s = 300;
	return record;
}

using Sessions = std::map<std::pair<std::uint32_t, std::uint16_t>, SessionRecord>;
// Expectations after all sessions, as a dump tells them.
std::pair<std::uint32_t, std::uint16_t> name_of(const SessionKey &key)
{
	return {static_cast<std::uint32_t>(key.kind) << 16 |
			std::to_integer<std::uint32_t>(key.original.source[2]) << 8 |
			std::to_integer<std::uint32_t>(key.original.source[3]),
		key.original.source_port};
}

// A kernel: what it has, who listens.
class DataPlane {
public:
	std::atomic<unsigned> forgotten{0}; // times its sink was told that it may be otherwise
	DataPlane() : m_event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
	~DataPlane() { close(m_event); }

	void open(const SessionRecord &record)
	{
		const std::lock_guard guard(m_mutex);
		m_sessions[name_of(record.key)] = record;
		tell([record](SessionListener &listener) { listener.seen(record); });
	}
	void end(const SessionRecord &record)
	{
		const std::lock_guard guard(m_mutex);
		m_sessions.erase(name_of(record.key));
		tell([key = record.key](SessionListener &listener) { listener.ended(key); });
	}
	[[nodiscard]] Sessions sessions()
	{
		const std::lock_guard guard(m_mutex);
		return m_sessions;
	}

	// ---- the engine's
	void listen(bool on)
	{
		const std::lock_guard guard(m_mutex);
		m_listening = on;
		m_events.clear();
		if (!on)
			return;
		tell([](SessionListener &listener) { listener.dump_began(); });
		for (const auto &[name, record] : m_sessions)
			tell([record = record](SessionListener &listener) { listener.seen(record); });
		tell([](SessionListener &listener) { listener.dump_ended(); });
	}
	bool poll(SessionListener &listener, std::size_t most)
	{
		std::deque<std::function<void(SessionListener &)>> events;
		{
			const std::lock_guard guard(m_mutex);
			std::uint64_t rung = 0;
			(void)!read(m_event, &rung, sizeof(rung));
			events.swap(m_events);
		}
		(void)most;
		for (const auto &event : events)
			event(listener);
		return false;
	}
	void put(std::span<const SessionRecord> records)
	{
		const std::lock_guard guard(m_mutex);
		for (const SessionRecord &record : records) {
			if (record.is_expectation() && !m_sessions.contains(name_of(record.master())))
				++m_orphans; // as a kernel would: refused
			else
				m_sessions[name_of(record.key)] = record;
		}
	}
	[[nodiscard]] std::size_t orphans()
	{
		const std::lock_guard guard(m_mutex);
		return m_orphans;
	}
	void remove(std::span<const SessionKey> keys)
	{
		const std::lock_guard guard(m_mutex);
		for (const SessionKey &key : keys)
			m_sessions.erase(name_of(key));
	}
	[[nodiscard]] int event() const { return m_event; }
	[[nodiscard]] bool full() const { return m_full.load(); }
	void set_full(bool full) { m_full.store(full); }

private:
	void tell(std::function<void(SessionListener &)> event)
	{
		if (!m_listening)
			return;
		m_events.push_back(std::move(event));
		const std::uint64_t one = 1;
		(void)!write(m_event, &one, sizeof(one));
	}

	std::atomic<bool> m_full{false};
	std::mutex m_mutex;
	Sessions m_sessions;
	std::deque<std::function<void(SessionListener &)>> m_events;
	bool m_listening = false;
	std::size_t m_orphans = 0;
	int m_event;
};

class FakeSource final : public SessionSource {
public:
	explicit FakeSource(DataPlane &plane) : m_plane(plane) {}
	bool start(std::string &) override
	{
		m_plane.listen(true);
		return true;
	}
	void stop() override { m_plane.listen(false); }
	bool poll(SessionListener &listener, std::size_t most) override { return m_plane.poll(listener, most); }
	int descriptor() const override { return m_plane.event(); }
	const SourceCounters &counters() const override { return m_counters; }

private:
	DataPlane &m_plane;
	SourceCounters m_counters;
};

class FakeSink final : public SessionSink {
public:
	explicit FakeSink(DataPlane &plane) : m_plane(plane) {}
	bool start(std::string &) override { return true; }
	void stop() override {}
	std::size_t put(std::span<const SessionRecord> records) override
	{
		m_refused.clear();
		if (m_plane.full()) {
			for (std::size_t i = 0; i < records.size(); ++i)
				m_refused.push_back(i);
			m_counters.refused += records.size();
			m_counters.last_errno = ENOMEM;
			return records.size();
		}
		m_plane.put(records);
		m_counters.put += records.size();
		return 0;
	}
	std::size_t remove(std::span<const SessionKey> keys) override
	{
		m_refused.clear();
		m_plane.remove(keys);
		m_counters.removed += keys.size();
		return 0;
	}
	std::size_t trim(std::span<const SessionRecord>) override { return 0; }
	void forget() override { ++m_plane.forgotten; }
	std::span<const std::size_t> refused() const override { return m_refused; }
	const SinkCounters &counters() const override { return m_counters; }

private:
	DataPlane &m_plane;
	std::vector<std::size_t> m_refused;
	SinkCounters m_counters;
};

class SessionEngines : public testing::Test {
protected:
	struct Member {
		DataPlane plane;
		SessionLanes lanes;
		Doorbell work_bell;
		std::unique_ptr<SessionEngine> engine;

		~Member()
		{
			engine.reset();
			if (lanes.bell.fd >= 0)
				close(lanes.bell.fd);
		}
	};

	void make(core::Duration delay = {}, bool hot = true)
	{
		for (std::size_t i = 0; i < 2; ++i) {
			Member &member = members[i];
			member.lanes.bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
			SessionSettings settings;
			settings.self = core::MemberId::from(i == 0 ? "m1" : "m2");
			settings.delay = delay;
			settings.hot = hot;
			settings.capacity = 4000; // no whole blocks
			settings.filter.connectionless = true;
			settings.filter.rules = rules;
			member.engine = std::make_unique<SessionEngine>(
				std::move(settings), member.lanes, member.work_bell,
				std::make_unique<FakeSource>(member.plane), std::make_unique<FakeSink>(member.plane));
			std::string error;
			ASSERT_TRUE(member.engine->start(error)) << error;
		}
		m_wire = std::thread([this] {
			while (!m_ending.load()) {
				const bool any = carry(0, 1);
				if (!carry(1, 0) && !any)
					std::this_thread::sleep_for(milliseconds{1});
			}
		});
	}
	void TearDown() override
	{
		m_ending.store(true);
		if (m_wire.joinable())
			m_wire.join();
	}
	// Who is primary by which epoch; everybody sees everybody unless the wire is cut.
	void situation(std::size_t primary, std::uint32_t epoch, bool together = true)
	{
		for (std::size_t i = 0; i < 2; ++i) {
			SessionSituation now;
			now.source = i == primary;
			now.epoch = now.source ? epoch : 0;
			now.peers[1] = together ? 7 : 0;
			now.followed = together && !now.source ? 1 : 0;
			members[i].engine->set(now);
		}
	}
	// The first gives its role to the second as planned: what each is told, and when is up to the test.
	void name_successor(std::uint32_t hand_over)
	{
		members[0].engine->set(
			{.source = true, .epoch = 1, .peers = {0, 7}, .successor = 1, .hand_over = hand_over});
	}
	void second_claims() // epoch 2
	{
		(void)members[1].engine->commit(seconds{20});
		members[1].engine->set({.source = true, .epoch = 2, .peers = {0, 7}, .predecessor = 1});
	}
	void first_gives_way(std::uint32_t hand_over)
	{
		members[0].engine->set({.peers = {0, 7}, .followed = 1, .successor = 1, .hand_over = hand_over});
	}
	void first_releases()
	{
		members[0].engine->hold();
		members[0].engine->renew();
	}
	[[nodiscard]] static bool within(core::Duration patience, const std::function<bool()> &holds)
	{
		const auto end = std::chrono::steady_clock::now() + patience;
		while (!holds()) {
			if (std::chrono::steady_clock::now() > end)
				return false;
			std::this_thread::sleep_for(milliseconds{2});
		}
		return true;
	}
	[[nodiscard]] bool alike() { return members[0].plane.sessions() == members[1].plane.sessions(); }

	std::array<Member, 2> members;
	std::vector<SessionFilterRule> rules; // of both
	std::atomic<int> lose_one_in{0};      // frames; 0: none

private:
	bool carry(std::size_t from, std::size_t to)
	{
		SessionFrame *frame = members[from].lanes.out.front();
		if (frame == nullptr)
			return false;
		const bool unlucky = lose_one_in != 0 && ++m_carried % static_cast<std::size_t>(lose_one_in) == 0;
		const bool lost = unlucky || frame->slot != 1; // there is nobody else
		if (SessionFrame *place = lost ? nullptr : members[to].lanes.in.reserve(); place != nullptr) {
			*place = *frame;
			place->slot = 1;
			members[to].lanes.in.commit();
			members[to].lanes.bell.ring();
		}
		members[from].lanes.out.pop();
		return true;
	}

	std::size_t m_carried = 0;
	std::atomic<bool> m_ending{false};
	std::thread m_wire;
};

TEST_F(SessionEngines, a_hot_standby_has_what_the_primary_has)
{
	ASSERT_NO_FATAL_FAILURE(make());
	for (std::uint32_t i = 0; i < 500; ++i) // before anybody listens: the dump tells these
		members[0].plane.open(session(i));
	situation(0, 1);
	for (std::uint32_t i = 500; i < 1000; ++i)
		members[0].plane.open(session(i));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 1000 && alike(); }));

	for (std::uint32_t i = 0; i < 1000; i += 2)
		members[0].plane.end(session(i));
	SessionRecord other = session(1);
	other.tcp_state = core::TcpState::fin_wait;
	members[0].plane.open(other);
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 500 && alike(); }));
	EXPECT_TRUE(within(seconds{20},
			   [&] { return members[0].engine->status().in_step && members[1].engine->status().in_step; }));
	EXPECT_EQ(members[0].engine->status().at_risk, 0U);
	EXPECT_EQ(members[1].engine->status().role, SessionRole::copy);
}

TEST_F(SessionEngines, lost_frames_lose_no_session)
{
	ASSERT_NO_FATAL_FAILURE(make());
	lose_one_in = 4;
	situation(0, 1);
	for (std::uint32_t i = 0; i < 2000; ++i)
		members[0].plane.open(session(i));
	EXPECT_TRUE(within(seconds{30}, [&] { return members[1].plane.sessions().size() == 2000 && alike(); }));
	EXPECT_GT(members[0].engine->status().frames_lost, 0U);
}

TEST_F(SessionEngines, on_takeover_the_kernel_gets_everything_at_once_and_nothing_before)
{
	ASSERT_NO_FATAL_FAILURE(make({}, false));
	situation(0, 1);
	for (std::uint32_t i = 0; i < 1000; ++i)
		members[0].plane.open(session(i));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().commit_pending == 1000; }));
	EXPECT_TRUE(members[1].plane.sessions().empty());
	const CommitReport report = members[1].engine->commit(seconds{20});
	EXPECT_EQ(report.waited_for, 1000U);
	EXPECT_EQ(report.left, 0U);
	EXPECT_TRUE(alike());
}

TEST_F(SessionEngines, what_the_kernel_refuses_is_counted_and_gets_in_later)
{
	ASSERT_NO_FATAL_FAILURE(make());
	members[1].plane.set_full(true);
	situation(0, 1);
	for (std::uint32_t i = 0; i < 700; ++i)
		members[0].plane.open(session(i));
	const SessionStatus &status = members[1].engine->status();
	EXPECT_TRUE(within(seconds{20}, [&] { return status.kernel_refused == 700; }));
	EXPECT_EQ(status.commit_pending, 0U);
	EXPECT_EQ(status.commit_errno, ENOMEM);
	EXPECT_TRUE(members[1].plane.sessions().empty());
	members[1].plane.set_full(false);
	EXPECT_TRUE(within(seconds{20}, [&] { return status.kernel_refused == 0 && alike(); }));
}

TEST_F(SessionEngines, the_newer_claim_is_right_after_a_split)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	for (std::uint32_t i = 0; i < 300; ++i)
		members[0].plane.open(session(i));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 300; }));

	// Cut: the second takes over, and each sees sessions the other does not.
	SessionSituation alone;
	alone.source = true;
	alone.epoch = 1;
	members[0].engine->set(alone);
	alone.epoch = 2;
	(void)members[1].engine->commit(seconds{20});
	members[1].engine->set(alone);
	members[0].plane.open(session(1000));
	members[1].plane.open(session(2000));
	members[1].plane.end(session(5));

	situation(1, 2);
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].plane.sessions().size() == 300 && alike(); }));
	EXPECT_EQ(members[0].plane.sessions().count(name_of(session(1000).key)), 0U);
	EXPECT_EQ(members[0].plane.sessions().count(name_of(session(2000).key)), 1U);
}

TEST_F(SessionEngines, a_copy_of_the_claim_before_is_told_the_difference_only)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	for (std::uint32_t i = 0; i < 3000; ++i)
		members[0].plane.open(session(i));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().in_step && alike(); }));
	ASSERT_EQ(members[1].plane.sessions().size(), 3000U);
	const std::uint64_t received = members[0].engine->status().records_received;

	(void)members[1].engine->commit(seconds{20});
	situation(1, 2);
	members[1].plane.open(session(3500));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].plane.sessions().size() == 3001 && alike(); }));
	// A block or two, not three thousand.
	EXPECT_LT(members[0].engine->status().records_received - received, 2100U);
}

// Sessions without end, as a busy cluster has them, until the test is over.
class Busy {
public:
	Busy(DataPlane &plane, std::uint32_t first)
	    : m_thread([this, &plane, first] {
		      for (std::uint32_t i = first; !m_ending.load(); ++i) {
			      plane.open(session(i));
			      m_opened.store(i + 1 - first);
			      std::this_thread::sleep_for(std::chrono::microseconds{200});
		      }
	      })
	{
	}
	~Busy() { end(); }
	void end()
	{
		m_ending.store(true);
		if (m_thread.joinable())
			m_thread.join();
	}
	[[nodiscard]] std::uint32_t opened() const { return m_opened.load(); }

private:
	std::atomic<bool> m_ending{false};
	std::atomic<std::uint32_t> m_opened{0};
	std::thread m_thread;
};

bool has_all(const Sessions &there, const Sessions &wanted)
{
	return std::ranges::all_of(wanted, [&](const auto &one) { return there.contains(one.first); });
}

TEST_F(SessionEngines, a_fence_is_passed_although_sessions_begin_all_the_time)
{
	ASSERT_NO_FATAL_FAILURE(make());
	lose_one_in = 10;
	situation(0, 1);
	Busy busy(members[0].plane, 0);
	ASSERT_TRUE(within(seconds{20}, [&] { return busy.opened() > 200; }));
	for (std::uint32_t number = 1; number <= 5; ++number) {
		const Sessions before = members[0].plane.sessions();
		name_successor(number);
		ASSERT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().fence_passed == number; }));
		EXPECT_TRUE(has_all(members[1].plane.sessions(), before)) << number;
	}
}

TEST_F(SessionEngines, a_fence_is_for_the_successor_alone)
{
	ASSERT_NO_FATAL_FAILURE(make());
	// There is a third member, which never answers.
	members[0].engine->set({.source = true, .epoch = 1, .peers = {0, 7, 8}});
	members[1].engine->set({.peers = {0, 7}, .followed = 1});
	members[0].plane.open(session(1));
	members[0].engine->set({.source = true, .epoch = 1, .peers = {0, 7, 8}, .successor = 1, .hand_over = 1});
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().fence_passed == 1; }));
	members[0].engine->set({.source = true, .epoch = 1, .peers = {0, 7, 8}, .successor = 2, .hand_over = 2});
	EXPECT_FALSE(within(seconds{1}, [&] { return members[0].engine->status().fence_passed == 2; }));
}

class PlannedChange : public SessionEngines, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(hot_or_not, PlannedChange, testing::Bool());

TEST_P(PlannedChange, loses_no_session_that_the_old_primary_saw_while_both_forwarded)
{
	ASSERT_NO_FATAL_FAILURE(make({}, GetParam()));
	lose_one_in = 10;
	situation(0, 1);
	Busy busy(members[0].plane, 0);
	ASSERT_TRUE(within(seconds{20}, [&] { return busy.opened() > 200; }));
	name_successor(1);
	ASSERT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().fence_passed == 1; }));
	second_claims();
	const std::uint32_t opened = busy.opened();
	ASSERT_TRUE(within(seconds{20}, [&] { return busy.opened() > opened + 20; }));
	first_gives_way(1);
	ASSERT_TRUE(within(seconds{20}, [&] { return busy.opened() > opened + 40; }));
	busy.end();
	first_releases();
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().rest_told == 1; }));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().role == SessionRole::source; }));
	EXPECT_TRUE(has_all(members[1].plane.sessions(), members[0].plane.sessions()));
	EXPECT_EQ(members[0].engine->status().rest_lost, 0U);
	EXPECT_EQ(members[1].engine->status().rest_missed, 0U);
	EXPECT_GT(members[1].engine->status().told_late, 0U);
	// And the old primary goes on as a copy of the new one.
	members[1].plane.open(session(40'000));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().in_step.load(); }));
	EXPECT_EQ(members[0].engine->status().sessions, members[1].engine->status().sessions);
}

TEST_F(SessionEngines, what_the_kernel_ends_with_the_addresses_is_not_told_and_comes_back)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	for (std::uint32_t i = 0; i < 100; ++i)
		members[0].plane.open(session(i));
	name_successor(1);
	ASSERT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().fence_passed == 1; }));
	second_claims();
	first_gives_way(1);
	members[0].plane.end(session(99)); // before the release: it has ended
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 99; }));
	members[0].engine->hold();
	for (std::uint32_t i = 0; i < 50; ++i)
		members[0].plane.end(session(i));
	SessionRecord moved = session(60); // the kernel has found another address for it
	moved.reply.destination[3] = std::byte{1};
	members[0].plane.open(moved);
	SessionRecord closing = session(61);
	closing.tcp_state = core::TcpState::fin_wait;
	members[0].plane.open(closing);
	members[0].engine->renew();
	ASSERT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().rest_told == 1; }));
	EXPECT_EQ(members[0].plane.forgotten, 1U);
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().role == SessionRole::source; }));
	const Sessions there = members[1].plane.sessions();
	EXPECT_EQ(there.size(), 99U);
	EXPECT_EQ(there.at(name_of(moved.key)), session(60));
	EXPECT_EQ(there.at(name_of(closing.key)).tcp_state, core::TcpState::fin_wait);
	EXPECT_TRUE(within(seconds{20}, [&] { return alike(); })) << "what ended with the addresses is put again";
}

TEST_F(SessionEngines, without_a_plan_a_hold_keeps_what_ends_from_being_told)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	for (std::uint32_t i = 0; i < 100; ++i)
		members[0].plane.open(session(i));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().in_step && alike(); }));
	members[0].engine->hold();
	for (std::uint32_t i = 0; i < 100; ++i)
		members[0].plane.end(session(i));
	std::this_thread::sleep_for(milliseconds{50});
	EXPECT_EQ(members[1].plane.sessions().size(), 100U);
	members[0].engine->renew();
	(void)members[1].engine->commit(seconds{20});
	situation(1, 2);
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].plane.sessions().size() == 100U; }));
	EXPECT_EQ(members[1].plane.sessions().size(), 100U);
}

TEST_F(SessionEngines, an_heir_does_not_wait_for_a_predecessor_that_is_gone)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	members[0].plane.open(session(1));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().in_step && alike(); }));
	second_claims();
	members[1].engine->set({.source = true, .epoch = 2, .predecessor = 1});
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().role == SessionRole::source; }));
	EXPECT_EQ(members[1].engine->status().rest_missed, 1U);
}

TEST_F(SessionEngines, an_heir_waits_for_a_predecessor_no_longer_than_its_patience)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	members[0].plane.open(session(1));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().in_step && alike(); }));
	second_claims();
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().role == SessionRole::source; }));
	EXPECT_EQ(members[1].engine->status().rest_missed, 1U);
	EXPECT_TRUE(alike());
}

TEST_F(SessionEngines, whoever_gives_the_role_away_waits_for_its_successor_no_longer_than_its_patience)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	members[0].plane.open(session(1));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().in_step && alike(); }));
	lose_one_in = 1; // all
	members[0].plane.open(session(2));
	first_gives_way(1);
	first_releases();
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().rest_told == 1; }));
	EXPECT_EQ(members[0].engine->status().rest_lost, 1U);
	EXPECT_TRUE(within(seconds{20}, [&] { return members[0].engine->status().role == SessionRole::copy; }));
}

TEST_F(SessionEngines, a_role_that_comes_back_at_once_finds_its_sessions)
{
	ASSERT_NO_FATAL_FAILURE(make());
	situation(0, 1);
	members[0].plane.open(session(1));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().in_step && alike(); }));
	first_gives_way(1);
	members[0].engine->hold();
	members[0].plane.end(session(1));
	situation(0, 3);
	members[0].plane.open(session(2));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 2 && alike(); }));
}

TEST_F(SessionEngines, what_a_filter_skips_is_never_told)
{
	rules = {{.take = false, .prefix = IpPrefix::parse("10.1.1.0/24")}}; // 256 to 511
	ASSERT_NO_FATAL_FAILURE(make());
	for (std::uint32_t i = 0; i < 300; ++i) // read
		members[0].plane.open(session(i));
	situation(0, 1);
	for (std::uint32_t i = 300; i < 600; ++i) // told as they come
		members[0].plane.open(session(i));
	EXPECT_TRUE(within(seconds{20}, [&] {
		return members[1].plane.sessions().size() == 344 && members[1].engine->status().in_step;
	}));
	for (const auto &[name, record] : members[1].plane.sessions())
		EXPECT_NE(record.key.original.source[2], std::byte{1}) << name.first;
	EXPECT_EQ(members[0].engine->status().sessions, 344U);
	EXPECT_GE(members[0].engine->status().filtered, 256U);
	EXPECT_EQ(members[0].plane.sessions().size(), 600U) << "they live on where they are";
}

TEST_F(SessionEngines, with_pickup_delay_short_sessions_are_never_told)
{
	ASSERT_NO_FATAL_FAILURE(make(milliseconds{400}));
	situation(0, 1);
	for (std::uint32_t i = 0; i < 100; ++i)
		members[0].plane.open(session(i));
	for (std::uint32_t i = 0; i < 50; ++i)
		members[0].plane.end(session(i));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 50 && alike(); }));
	EXPECT_TRUE(within(seconds{5}, [&] { return members[1].engine->status().records_received == 50; }));
}

TEST_F(SessionEngines, an_expectation_follows_its_master_into_the_kernel_whatever_is_lost)
{
	rules = {{.take = false, .prefix = IpPrefix::parse("10.1.1.0/24")}}; // 256 to 511
	ASSERT_NO_FATAL_FAILURE(make());
	lose_one_in = 4;
	situation(0, 1);
	// Its slot is that of one that has ended: lower than its master's.
	for (std::uint32_t i = 0; i < 200; ++i)
		members[0].plane.open(session(i));
	ASSERT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 200; }));
	for (std::uint32_t i = 0; i < 200; i += 2)
		members[0].plane.end(session(i));
	for (std::uint32_t i = 600; i < 1600; ++i)
		members[0].plane.open(session(i));
	for (std::uint32_t i = 600; i < 1600; i += 4)
		members[0].plane.open(expectation(session(i)));
	EXPECT_TRUE(
		within(seconds{20}, [&] { return members[1].plane.sessions().size() == 100 + 1000 + 250 && alike(); }));
	EXPECT_EQ(members[1].plane.orphans(), 0U);
	EXPECT_TRUE(within(seconds{20}, [&] {
		return members[0].engine->status().in_step && members[1].engine->status().commit_pending == 0;
	}));
	for (const Member &member : members) {
		EXPECT_EQ(member.engine->status().expectations, 250U);
		EXPECT_EQ(member.engine->status().sessions, 1100U);
	}

	const std::uint64_t filtered = members[0].engine->status().filtered;
	members[0].plane.open(session(300));
	members[0].plane.open(expectation(session(300)));
	members[0].plane.open(expectation(session(3000))); // of nobody
	members[0].plane.end(expectation(session(600)));
	members[0].plane.open(session(3001));
	EXPECT_TRUE(
		within(seconds{20}, [&] { return members[1].plane.sessions().contains(name_of(session(3001).key)); }));
	EXPECT_EQ(members[0].engine->status().filtered, filtered + 3);
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].engine->status().expectations == 249; }));
	EXPECT_EQ(members[1].plane.sessions().size(), 1350U);
}

TEST_F(SessionEngines, on_takeover_masters_come_before_what_is_expected_of_them)
{
	ASSERT_NO_FATAL_FAILURE(make({}, false));
	situation(0, 1);
	for (std::uint32_t i = 0; i < 300; ++i)
		members[0].plane.open(session(i));
	for (std::uint32_t i = 0; i < 300; ++i) { // changes with their slots: first what is expected, then its master
		members[0].plane.open(expectation(session(i)));
		members[0].plane.end(session(i));
		members[0].plane.end(expectation(session(i)));
		members[0].plane.open(session(i));
		members[0].plane.open(expectation(session(i)));
	}
	ASSERT_TRUE(within(seconds{20}, [&] {
		return members[0].engine->status().in_step && members[1].engine->status().commit_pending == 600;
	}));
	(void)members[1].engine->commit(seconds{20});
	EXPECT_TRUE(alike());
	EXPECT_EQ(members[1].plane.sessions().size(), 600U);
	EXPECT_EQ(members[1].plane.orphans(), 0U);
}

TEST_F(SessionEngines, with_pickup_delay_an_expectation_is_told_when_its_master_is)
{
	ASSERT_NO_FATAL_FAILURE(make(milliseconds{400}));
	situation(0, 1);
	for (std::uint32_t i = 0; i < 20; ++i) {
		members[0].plane.open(session(i));
		members[0].plane.open(expectation(session(i)));
	}
	members[0].plane.end(expectation(session(3)));
	EXPECT_TRUE(within(seconds{20}, [&] { return members[1].plane.sessions().size() == 39 && alike(); }));
	EXPECT_EQ(members[1].plane.orphans(), 0U);
	members[0].plane.open(expectation(session(3))); // its master is old enough
	EXPECT_TRUE(within(milliseconds{350}, [&] { return alike(); }));
	EXPECT_EQ(members[0].engine->status().filtered, 0U);
}

} // namespace
} // namespace systole::control
