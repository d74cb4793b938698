// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sessions/conntrack_message.h"
#include "control/sessions/known_entries.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace systole::control::test {
namespace {

using Buffer = std::array<char, max_conntrack_message>;

const nlmsghdr &header_of(const Buffer &buffer)
{
	return *reinterpret_cast<const nlmsghdr *>(buffer.data());
}

TEST(ConntrackMessage, what_is_written_is_read)
{
	SessionRecord all = session(IPPROTO_TCP, "2001:db8::1", 40000, "2001:db8::2", 443);
	all.key.zone = 7;
	all.mark = 0xcafe;
	all.helper = core::SessionHelper::netbios;
	all.adjustment = {{{1, -2, 3}, {4, 5, -6}}};
	SessionRecord young = session(IPPROTO_UDP, "10.1.1.1", 5000, "10.2.2.2", 53);
	young.seen_reply = young.assured = false;
	for (const SessionRecord &record :
	     {all, young, ping("10.1.1.1", "10.2.2.2", 77), ping("2001:db8::1", "2001:db8::2", 5),
	      session(IPPROTO_GRE, "10.1.1.1", 17, "10.2.2.2", 18),
	      session(IPPROTO_ESP, "10.1.1.1", 0, "10.2.2.2", 0)}) {
		alignas(nlmsghdr) Buffer buffer{};
		EXPECT_EQ(write_create(buffer.data(), record, record.timeout_s, WithHelper::yes),
			  header_of(buffer).nlmsg_len);
		SessionRecord read;
		// There are adjustments only where the status says so, and that bit is the kernel's to set.
		EXPECT_EQ(read_conntrack(header_of(buffer), read), ConntrackReading::whole);
		EXPECT_EQ(read, record);
	}
}

TEST(ConntrackMessage, an_update_and_a_removal_name_the_key)
{
	const SessionRecord record = session(IPPROTO_TCP, "10.1.1.1", 40000, "10.2.2.2", 443);
	alignas(nlmsghdr) Buffer buffer{};
	for (const bool remove : {false, true}) {
		const std::size_t length = remove ? write_remove(buffer.data(), record.key)
						  : write_update(buffer.data(), record, 10, WithHelper::yes);
		EXPECT_GT(length, 60U);
		SessionRecord read; // neither has a reply tuple
		EXPECT_EQ(read_conntrack(header_of(buffer), read), ConntrackReading::unreadable);
	}
}

// The only helper whose name is written is SIP's; what becomes of the others only a kernel can say (conntrack_lab_test.cc).
TEST(ConntrackMessage, an_expectation_that_is_written_is_read)
{
	for (const bool v6 : {false, true}) {
		SessionRecord call = v6 ? session(IPPROTO_UDP, "2001:db8::1", 5060, "2001:db8::2", 5060)
					: session(IPPROTO_UDP, "10.1.1.1", 5060, "10.2.2.2", 5060);
		call.key.zone = 7;
		SessionRecord record = passive_ftp(call, 40000);
		record.helper = core::SessionHelper::sip;
		record.expectation.policy = 2;
		for (const bool everything : {false, true}) {
			if (everything) {
				record.key.original.source = {};
				record.expectation.nat = core::ExpectedNat::sip;
				record.expectation.nat_address = address(v6 ? "2001:db8::9" : "10.1.1.9");
				record.expectation.nat_port = 40002;
				record.expectation.of_reply = true;
				record.expectation.permanent = record.expectation.inactive = true;
			}
			alignas(nlmsghdr) Buffer buffer{};
			EXPECT_EQ(write_expectation(buffer.data(), record, record.timeout_s, Create::yes),
				  header_of(buffer).nlmsg_len);
			EXPECT_TRUE(is_about_expectations(header_of(buffer)));
			SessionRecord read;
			EXPECT_EQ(read_expectation(header_of(buffer), read), ConntrackReading::whole);
			EXPECT_EQ(read, record) << read << "\n" << record;
			EXPECT_EQ(read_conntrack(header_of(buffer), read), ConntrackReading::unreadable);
		}
		record.helper = core::SessionHelper::pptp;
		alignas(nlmsghdr) Buffer buffer{};
		write_expectation(buffer.data(), record, 10, Create::yes);
		SessionRecord read;
		EXPECT_EQ(read_expectation(header_of(buffer), read), ConntrackReading::passed);
	}
}

TEST(ConntrackMessage, the_longest_expectation_has_room)
{
	SessionRecord record = active_ftp(session(IPPROTO_TCP, "2001:db8::1", 40000, "2001:db8::2", 21), 1, 2);
	record.key.zone = 1;
	record.helper = core::SessionHelper::sip;
	record.expectation.nat_address = address("2001:db8::9");
	alignas(nlmsghdr) Buffer buffer{};
	EXPECT_LE(write_expectation(buffer.data(), record, 1, Create::yes), max_conntrack_message);
}

// Whatever is cut off or changed: it reads or it does not, and never beyond the end (the sanitizers look).
TEST(ConntrackMessage, damaged_messages_do_no_harm)
{
	SessionRecord record = session(IPPROTO_TCP, "2001:db8::1", 40000, "2001:db8::2", 443);
	record.helper = core::SessionHelper::sip;
	record.adjustment = {{{1, 2, 3}, {4, 5, 6}}};
	alignas(nlmsghdr) Buffer buffer{};
	const std::size_t length = write_create(buffer.data(), record, 10, WithHelper::yes);
	for (std::size_t end = sizeof(nlmsghdr); end <= length; ++end) {
		std::vector<char> cut(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(end));
		reinterpret_cast<nlmsghdr *>(cut.data())->nlmsg_len = static_cast<std::uint32_t>(end);
		SessionRecord read;
		static_cast<void>(read_conntrack(*reinterpret_cast<nlmsghdr *>(cut.data()), read));
	}
	std::size_t unreadable = 0;
	for (std::size_t at = sizeof(nlmsghdr); at < length; ++at)
		for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
			std::vector<char> changed(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length));
			changed[at] = value;
			SessionRecord read;
			const auto *header = reinterpret_cast<nlmsghdr *>(changed.data());
			unreadable += read_conntrack(*header, read) == ConntrackReading::unreadable ? 1U : 0U;
		}
	EXPECT_GT(unreadable, 50U);
}

TEST(ConntrackMessage, damaged_expectations_do_no_harm)
{
	SessionRecord record = active_ftp(session(IPPROTO_TCP, "2001:db8::1", 40000, "2001:db8::2", 21), 50000, 40001);
	record.helper = core::SessionHelper::sip;
	record.expectation.nat_address = address("2001:db8::9");
	alignas(nlmsghdr) Buffer buffer{};
	const std::size_t length = write_expectation(buffer.data(), record, 10, Create::yes);
	std::size_t whole = 0;
	std::size_t refused = 0;
	const auto judge = [&](const std::vector<char> &bytes) {
		SessionRecord read;
		const auto reading = read_expectation(*reinterpret_cast<const nlmsghdr *>(bytes.data()), read);
		++(reading == ConntrackReading::whole ? whole : refused);
		if (reading == ConntrackReading::whole) {
			std::array<std::byte, core::max_record_bytes> compact;
			const auto written = std::span<const std::byte>(compact).first(core::encode(read, compact));
			EXPECT_TRUE(core::decode_record(written)) << read;
		}
	};
	for (std::size_t end = sizeof(nlmsghdr); end <= length; ++end) {
		std::vector<char> cut(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(end));
		reinterpret_cast<nlmsghdr *>(cut.data())->nlmsg_len = static_cast<std::uint32_t>(end);
		judge(cut);
	}
	for (std::size_t at = sizeof(nlmsghdr); at < length; ++at)
		for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
			std::vector<char> changed(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length));
			changed[at] = value;
			judge(changed);
		}
	EXPECT_GT(whole, 50U);
	EXPECT_GT(refused, 50U);
}

TEST(KnownEntries, knows_a_session_with_the_nat_it_was_told_and_no_other)
{
	KnownEntries known(1000);
	SessionRecord record = session(IPPROTO_TCP, "10.1.1.1", 40000, "10.2.2.2", 443);
	EXPECT_FALSE(known.has(known.mark(record)));
	known.remember(known.mark(record));
	EXPECT_TRUE(known.has(known.mark(record)));
	SessionRecord translated = record;
	translated.reply.destination_port = 1024;
	EXPECT_FALSE(known.has(known.mark(translated)));
	known.remember(known.mark(translated));
	EXPECT_TRUE(known.has(known.mark(translated)));
	EXPECT_FALSE(known.has(known.mark(record)));
	known.forget(record.key);
	EXPECT_FALSE(known.has(known.mark(translated)));
}

TEST(KnownEntries, keeps_nearly_all_of_its_capacity)
{
	KnownEntries known(10'000);
	EXPECT_LE(known.bytes(), 10'000 * 8U);
	std::vector<SessionRecord> records;
	for (std::uint32_t i = 0; i < 10'000; ++i)
		records.push_back(session(IPPROTO_UDP, "10.1." + std::to_string(i % 250) + ".1",
					  static_cast<std::uint16_t>(i), "10.2.2.2", 53));
	for (const SessionRecord &record : records)
		known.remember(known.mark(record));
	const auto kept = std::ranges::count_if(
		records, [&](const SessionRecord &record) { return known.has(known.mark(record)); });
	EXPECT_GT(kept, 9'000);
}

} // namespace
} // namespace systole::control::test
