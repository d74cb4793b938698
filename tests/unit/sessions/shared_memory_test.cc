// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A data plane at the other end of a session ring, as session_ring.h has it: what it tells, what it is told, and what it
// cannot bring about however it writes into the file.
#include "control/sessions/shared_memory_plane.h"
#include "tests/unit/sessions/records.h"

#include "control/sessions/ring_record.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string_view>
#include <thread>

namespace systole::control::test {
namespace {

constexpr std::uint32_t records = 64;

class SessionRings : public testing::Test {
protected:
	void SetUp() override
	{
		std::string name = testing::TempDir() + "session-ring-XXXXXX";
		ASSERT_NE(mkdtemp(name.data()), nullptr);
		directory = name;
		path = directory + "/session-ring";
		plane = std::make_shared<SharedMemoryPlane>(path, records);
		source = std::make_unique<SharedMemorySource>(plane);
		sink = std::make_unique<SharedMemorySink>(plane);
		std::string error;
		ASSERT_TRUE(sink->start(error)) << error;
		ring.file = -1;
		ASSERT_STREQ(systole_session_attach(&ring, path.c_str()), nullptr);
	}
	void TearDown() override
	{
		systole_session_detach(&ring);
		source.reset();
		sink.reset();
		plane.reset();
		std::filesystem::remove_all(directory);
	}
	void listen()
	{
		std::string error;
		ASSERT_TRUE(source->start(error)) << error;
		poll();
	}
	// To the end of what waits.
	void poll()
	{
		for (int turn = 0; source->poll(model, 16); ++turn)
			ASSERT_LT(turn, 10'000) << "poll() never comes to an end";
	}
	// What Systole says next that is no session; 0: nothing.
	[[nodiscard]] systole_session_record told()
	{
		systole_session_record record{};
		return systole_session_pop(&ring, &record) != 0 ? record : systole_session_record{};
	}
	void say(std::uint8_t type, std::uint32_t number = 0)
	{
		systole_session_record record{};
		record.type = type;
		record.number = number;
		systole_session_push(&ring, &record);
	}
	void say(std::uint8_t type, const SessionRecord &session)
	{
		const systole_session_record record = ring_record(type, session);
		systole_session_push(&ring, &record);
	}
	void dump(std::uint32_t number, std::initializer_list<SessionRecord> sessions)
	{
		say(SYSTOLE_DUMP_BEGIN, number);
		for (const SessionRecord &session : sessions)
			say(SYSTOLE_SESSION_SEEN, session);
		say(SYSTOLE_DUMP_END, number);
	}

	std::string directory;
	std::string path;
	std::shared_ptr<SharedMemoryPlane> plane;
	std::unique_ptr<SharedMemorySource> source;
	std::unique_ptr<SharedMemorySink> sink;
	systole_session_ring ring{};
	Model model;
};

SessionRecord numbered(unsigned number)
{
	return session(IPPROTO_TCP, "10.0." + std::to_string(number / 200) + "." + std::to_string(number % 200 + 1),
		       4000, "192.0.2.1", 443);
}

SessionRecord everything()
{
	SessionRecord record = session(IPPROTO_TCP, "2001:db8::1", 4000, "2001:db8::2", 21);
	record.key.zone = 7;
	record.reply.destination = address("2001:db8:ffff::9");
	record.reply.destination_port = 61000;
	record.mark = 0xdeadbeef;
	record.tcp_state = TcpState::syn_sent2;
	record.tcp_flags = {3, 255};
	record.tcp_window_scale = {14, 0};
	record.adjustment = {core::SequenceAdjustment{4'000'000'000, -5, 6}, core::SequenceAdjustment{1, 2, -3}};
	record.helper = core::SessionHelper::sane;
	return record;
}

TEST_F(SessionRings, a_session_goes_up_and_down_as_it_is)
{
	for (const SessionRecord &record : {everything(), numbered(1), ping("10.0.0.1", "192.0.2.1", 7),
					    session(IPPROTO_UDP, "10.0.0.1", 53, "192.0.2.1", 53)}) {
		EXPECT_EQ(sink->put({&record, 1}), 0U);
		const systole_session_record put = told();
		ASSERT_EQ(put.type, SYSTOLE_SESSION_PUT);
		EXPECT_EQ(session_in(put), record);
		EXPECT_EQ(sink->remove({&record.key, 1}), 0U);
		const systole_session_record removed = told();
		ASSERT_EQ(removed.type, SYSTOLE_SESSION_REMOVE);
		EXPECT_EQ(key_in(removed), record.key);
	}
	EXPECT_EQ(sink->counters().put, 4U);
	EXPECT_EQ(sink->counters().removed, 4U);
}

TEST_F(SessionRings, a_dump_is_asked_for_and_then_changes_are_told)
{
	say(SYSTOLE_SESSION_SEEN, numbered(99)); // before anybody listened
	ASSERT_NO_FATAL_FAILURE(listen());
	const systole_session_record request = told();
	ASSERT_EQ(request.type, SYSTOLE_DUMP_REQUEST);
	dump(request.number, {numbered(1), everything()});
	say(SYSTOLE_SESSION_SEEN, numbered(2));
	say(SYSTOLE_SESSION_ENDED, numbered(1));
	poll();
	EXPECT_EQ(model.story, "[++]+-");
	EXPECT_EQ(model.sessions.size(), 2U);
	EXPECT_EQ(model.sessions[everything().key], everything());
	EXPECT_EQ(source->counters().dumps, 1U);
	EXPECT_EQ(source->counters().dumped, 2U);
	EXPECT_EQ(source->counters().events, 2U);
	EXPECT_EQ(source->counters().unreadable, 0U);
	EXPECT_EQ(told().type, 0);

	source->stop();
	EXPECT_EQ(told().type, SYSTOLE_QUIET);
}

TEST_F(SessionRings, a_full_ring_is_an_overrun_and_a_dump_tells_what_holds)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	dump(told().number, {});
	poll();
	for (unsigned i = 0; i < records + 5; ++i)
		say(SYSTOLE_SESSION_SEEN, numbered(i));
	poll();
	EXPECT_EQ(model.sessions.size(), records);
	EXPECT_EQ(source->counters().overruns, 1U);
	const systole_session_record request = told();
	ASSERT_EQ(request.type, SYSTOLE_DUMP_REQUEST);
	dump(request.number, {numbered(3), numbered(records + 4)});
	poll();
	EXPECT_EQ(model.sessions.size(), 2U);
	EXPECT_TRUE(model.sessions.contains(numbered(records + 4).key));
	EXPECT_EQ(told().type, 0);
}

TEST_F(SessionRings, a_dump_that_lost_something_ends_nothing)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	dump(told().number, {numbered(1)});
	for (unsigned i = 0; i < records; ++i) // some of them are lost, and with them the end of the dump's meaning
		say(SYSTOLE_SESSION_SEEN, numbered(i));
	poll();
	EXPECT_EQ(model.story.find(']'), std::string::npos) << model.story;
	const systole_session_record request = told();
	ASSERT_EQ(request.type, SYSTOLE_DUMP_REQUEST);
	dump(request.number - 1, {numbered(7)}); // an answer to the earlier one
	poll();
	EXPECT_EQ(model.story.find(']'), std::string::npos) << model.story;
	dump(request.number, {numbered(7)});
	poll();
	EXPECT_EQ(model.sessions.size(), 1U);
}

TEST_F(SessionRings, a_data_plane_that_begins_anew_is_asked_and_gets_everything)
{
	EXPECT_TRUE(sink->wants_everything());
	EXPECT_FALSE(sink->wants_everything());
	ASSERT_NO_FATAL_FAILURE(listen());
	dump(told().number, {numbered(1)});
	poll();
	systole_session_ring second{};
	EXPECT_STREQ(systole_session_attach(&second, path.c_str()), "another data plane is attached");
	systole_session_detach(&ring);
	ASSERT_STREQ(systole_session_attach(&ring, path.c_str()), nullptr);
	poll();
	EXPECT_EQ(told().type, SYSTOLE_DUMP_REQUEST);
	EXPECT_FALSE(sink->wants_everything()) << "not so soon after the other";
	bool wants = false;
	for (int i = 0; i < 50 && !wants; ++i) {
		std::this_thread::sleep_for(std::chrono::milliseconds{100});
		wants = sink->wants_everything();
	}
	EXPECT_TRUE(wants);
}

TEST_F(SessionRings, a_ring_that_nobody_empties_refuses_and_holds_up_once)
{
	std::vector<SessionRecord> many;
	for (unsigned i = 0; i < 10 * records; ++i)
		many.push_back(numbered(i));
	const auto begun = std::chrono::steady_clock::now();
	EXPECT_EQ(sink->put(many), 9 * records);
	EXPECT_EQ(sink->put(many), 10 * records);
	EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{2});
	EXPECT_EQ(sink->counters().refused, 19 * records);
	EXPECT_EQ(sink->counters().last_errno, ENOBUFS);
	for (unsigned i = 0; i < records; ++i)
		EXPECT_EQ(key_in(told()), many[i].key);

	// One that takes gets more than the ring holds.
	std::jthread other([this](const std::stop_token &stop) {
		while (!stop.stop_requested())
			if (told().type == 0)
				std::this_thread::yield();
	});
	EXPECT_EQ(sink->put(many), 0U);
}

TEST_F(SessionRings, quiet_is_said_even_if_there_was_no_room_for_it)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	EXPECT_EQ(told().type, SYSTOLE_DUMP_REQUEST);
	for (unsigned i = 0; i < records; ++i) {
		const SessionRecord record = numbered(i);
		ASSERT_EQ(sink->put({&record, 1}), 0U);
	}
	source->stop();
	for (unsigned i = 0; i < records; ++i)
		EXPECT_EQ(told().type, SYSTOLE_SESSION_PUT);
	const SessionRecord next = numbered(500);
	EXPECT_EQ(sink->put({&next, 1}), 0U);
	EXPECT_EQ(told().type, SYSTOLE_QUIET);
	EXPECT_EQ(told().type, SYSTOLE_SESSION_PUT);
}

TEST_F(SessionRings, a_file_of_another_kind_is_refused_with_the_reason)
{
	struct Case {
		std::size_t offset;
		std::uint32_t value;
		std::string_view why;
	};
	const Case cases[] = {
		{offsetof(systole_ring_head, magic), 1, "not a session ring"},
		{offsetof(systole_ring_head, version), 2, "of another version"},
		{offsetof(systole_ring_head, record_bytes), 256, "sizes that cannot be"},
		{offsetof(systole_ring_head, head_bytes), 64, "sizes that cannot be"},
		{offsetof(systole_ring_head, head_bytes), 4000, "sizes that cannot be"},
		{offsetof(systole_ring_head, ring_records), 0, "sizes that cannot be"},
		{offsetof(systole_ring_head, ring_records), 63, "sizes that cannot be"},
		{offsetof(systole_ring_head, ring_records), 128, "not as long as it says"},
		{offsetof(systole_ring_head, file_bytes), 4096, "not as long as it says"},
		{offsetof(systole_ring_head, closed), 1, "systoled has just ended"},
	};
	systole_session_detach(&ring);
	const std::string copy = directory + "/copy";
	for (const Case &wrong : cases) {
		std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
		std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
		file.seekp(static_cast<std::streamoff>(wrong.offset));
		file.write(reinterpret_cast<const char *>(&wrong.value), sizeof(wrong.value));
		file.close();
		systole_session_ring other{};
		const char *const why = systole_session_attach(&other, copy.c_str());
		ASSERT_NE(why, nullptr) << wrong.why;
		EXPECT_NE(std::string_view(why).find(wrong.why), std::string_view::npos) << why;
		EXPECT_EQ(other.file, -1);
	}
	std::filesystem::resize_file(copy, 100);
	EXPECT_STREQ(systole_session_attach(&ring, copy.c_str()), "not a session ring: too short");
	EXPECT_NE(std::string_view(systole_session_attach(&ring, (directory + "/none").c_str())).find("no file"),
		  std::string_view::npos);
}

TEST_F(SessionRings, the_file_is_for_owner_and_group_and_goes_with_its_maker)
{
	struct stat info {};
	ASSERT_EQ(stat(path.c_str(), &info), 0);
	EXPECT_EQ(info.st_mode & 07777U, 0660U);
	EXPECT_TRUE(systole_session_is_current(&ring, path.c_str()));
	const systole_session_ring none{};
	EXPECT_FALSE(systole_session_is_current(&none, path.c_str()));
	sink->stop();
	EXPECT_FALSE(systole_session_is_current(&ring, path.c_str()));
	EXPECT_FALSE(std::filesystem::exists(path));
	std::string error;
	EXPECT_TRUE(sink->start(error)) << error;
	EXPECT_FALSE(systole_session_is_current(&ring, path.c_str())) << "another file of the same name";

	SharedMemoryPlane nowhere(directory + "/none/session-ring");
	EXPECT_FALSE(nowhere.open(error));
	EXPECT_EQ(error, "cannot make " + directory + "/none/session-ring.new: No such file or directory");
}

// ---------------------------------------------------------------- what the other side may not bring about

TEST_F(SessionRings, every_byte_of_a_record_may_be_anything)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	std::mt19937_64 random(20261122);
	std::uint64_t accepted = 0;
	for (int round = 0; round < 200'000; ++round) {
		// Of a good one, one byte; or all.
		systole_session_record record =
			ring_record(SYSTOLE_SESSION_SEEN, round % 2 == 0 ? everything() : numbered(1));
		std::array<std::uint8_t, sizeof(record)> bytes{};
		std::memcpy(bytes.data(), &record, sizeof(record));
		if (round % 5 != 0)
			bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
		else
			for (std::uint8_t &byte : bytes)
				byte = static_cast<std::uint8_t>(random());
		std::memcpy(&record, bytes.data(), sizeof(record));
		ASSERT_EQ(systole_session_push(&ring, &record), 1);
		const std::size_t before = model.story.size();
		source->poll(model, 16);
		accepted += model.story.size() - before;
		(void)told();
		if (const auto session =
			    session_in(record)) { // what is taken can be told to others, and means the same there
			std::array<std::byte, core::max_record_bytes> room{};
			SessionRecord same_time = *session;
			same_time.timeout_s = 0;
			const std::size_t length = encode(same_time, room);
			const auto again = core::decode_record(std::span(room).first(length));
			ASSERT_TRUE(again) << *session;
			ASSERT_EQ(again->record, same_time);
		}
	}
	EXPECT_GT(accepted, 50'000U);
	EXPECT_GT(source->counters().unreadable, 30'000U);
}

TEST_F(SessionRings, every_byte_of_the_head_may_be_anything)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	std::mt19937_64 random(6);
	const SessionRecord session = numbered(1);
	for (int round = 0; round < 20'000; ++round) {
		auto *const bytes = reinterpret_cast<std::uint8_t *>(ring.head);
		if (round % 7 == 0)
			for (std::size_t i = 0; i < ring.bytes; ++i)
				bytes[i] = static_cast<std::uint8_t>(random());
		else
			for (int i = 0; i < 3; ++i)
				bytes[random() % sizeof(*ring.head)] = static_cast<std::uint8_t>(random());
		for (int turn = 0; source->poll(model, 16); ++turn)
			ASSERT_LT(turn, 100);
		if (round % 1000 == 0) // a full ring costs time, and that is bounded elsewhere
			(void)sink->put({&session, 1});
		(void)sink->wants_everything();
	}
	EXPECT_GT(source->counters().overruns, 1000U);
	EXPECT_GT(source->counters().unreadable, 1000U);
	source->stop();
}

TEST_F(SessionRings, one_that_never_stops_talking_cannot_keep_the_caller)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	std::jthread other([this](const std::stop_token &stop) {
		while (!stop.stop_requested()) // always a full ring, of whatever is in it
			__atomic_store_n(&ring.head->up_head.value,
					 __atomic_load_n(&ring.head->up_tail.value, __ATOMIC_RELAXED) + records,
					 __ATOMIC_RELEASE);
	});
	for (int i = 0; i < 100; ++i) {
		int turns = 0;
		while (source->poll(model, 16))
			ASSERT_LT(++turns, 10);
	}
}

TEST_F(SessionRings, a_file_made_shorter_by_the_other_side_ends_nobody)
{
	ASSERT_NO_FATAL_FAILURE(listen());
	dump(told().number, {numbered(1)});
	ASSERT_EQ(ftruncate(ring.file, 0), 0);
	EXPECT_FALSE(source->poll(model, 16));
	EXPECT_TRUE(plane->torn());
	const SessionRecord record = numbered(1);
	(void)sink->put({&record, 1});
	EXPECT_TRUE(model.sessions.empty());
	source->stop();
	sink->stop();
	EXPECT_FALSE(plane->is_open());
}

} // namespace
} // namespace systole::control::test
