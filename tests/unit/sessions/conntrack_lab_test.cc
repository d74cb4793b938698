// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Source and sink against the kernel's connection tracking in namespaces of their own; conntrack(8) is the outside witness.
#include "tests/unit/sessions/tracker.h"

#include <gmock/gmock.h>

namespace systole::control::test {
namespace {

using lab::NetworkNamespace;
using testing::HasSubstr;

SessionRecord translated(SessionRecord record, const std::string &reply_source, const std::string &reply_destination,
			 std::uint16_t shift)
{
	if (!reply_source.empty())
		record.reply.source = address(reply_source);
	if (!reply_destination.empty())
		record.reply.destination = address(reply_destination);
	if (record.key.protocol == IPPROTO_ICMP || record.key.protocol == IPPROTO_ICMPV6) {
		if (!reply_destination.empty())
			record.reply.source_port = static_cast<std::uint16_t>(record.reply.source_port + shift);
		return record;
	}
	if (!reply_source.empty())
		record.reply.source_port = static_cast<std::uint16_t>(record.reply.source_port + shift);
	if (!reply_destination.empty())
		record.reply.destination_port = static_cast<std::uint16_t>(record.reply.destination_port + shift);
	return record;
}

// Every protocol and family with every NAT, and every field with a value of its own somewhere.
std::vector<SessionRecord> one_of_each()
{
	std::vector<SessionRecord> records;
	for (const bool v6 : {false, true}) {
		const std::string a = v6 ? "2001:db8:1::5" : "10.1.1.5";
		const std::string b = v6 ? "2001:db8:2::7" : "198.51.100.7";
		const std::string outside = v6 ? "2001:db8:ff::1" : "203.0.113.1";
		const std::string inside = v6 ? "2001:db8:aa::1" : "192.168.7.7";
		std::uint16_t port = 1000;
		for (const auto &[source, destination] :
		     {std::pair<std::string, std::string>{"", ""}, {"", outside}, {inside, ""}, {inside, outside}}) {
			records.push_back(translated(session(IPPROTO_TCP, a, ++port, b, 443), source, destination, 77));
			records.push_back(translated(session(IPPROTO_UDP, a, ++port, b, 53), source, destination, 78));
			records.push_back(translated(ping(a, b, ++port), source, destination, 79));
		}
		records.push_back(session(IPPROTO_ESP, a, 0, b, 0));
	}
	records.push_back(session(IPPROTO_UDPLITE, "10.1.1.5", 7, "198.51.100.7", 8));
	SessionRecord one = session(IPPROTO_TCP, "10.1.1.6", 2000, "198.51.100.7", 443);
	one.key.zone = 17;
	one.mark = 0xdeadbeef;
	one.tcp_flags = {1, 1};
	one.tcp_window_scale = {0, 14};
	records.push_back(one);
	one.key.zone = 18; // the same in another zone is another
	one.reply.destination_port = 2001;
	one.tcp_flags = {0, 2};
	one.tcp_window_scale = {0, 0}; // the kernel keeps them only where both sides scale
	one.adjustment = {{{1000, -5, 9}, {2000, 0, -7}}};
	records.push_back(one);
	for (const TcpState state : {TcpState::syn_sent, TcpState::syn_recv, TcpState::fin_wait, TcpState::close_wait,
				     TcpState::last_ack, TcpState::time_wait, TcpState::close, TcpState::syn_sent2}) {
		one = session(IPPROTO_TCP, "10.1.1.7", static_cast<std::uint16_t>(state), "198.51.100.7", 443);
		one.tcp_state = state;
		one.assured = state > TcpState::syn_recv;
		one.seen_reply = state != TcpState::syn_sent;
		records.push_back(one);
	}
	one = session(IPPROTO_UDP, "10.1.1.7", 99, "198.51.100.7", 53);
	one.seen_reply = false;
	records.push_back(one);
	one = session(IPPROTO_TCP, "10.1.1.8", 3000, "198.51.100.7", 21);
	one.helper = core::SessionHelper::ftp;
	records.push_back(one);
	one = session(IPPROTO_UDP, "10.1.1.8", 3000, "198.51.100.7", 5060);
	one.assured = true;
	one.helper = core::SessionHelper::sip;
	records.push_back(one);
	return records;
}

std::vector<SessionRecord> many(std::size_t count)
{
	std::vector<SessionRecord> records;
	for (std::size_t i = 0; i < count; ++i)
		records.push_back(translated(session(IPPROTO_TCP, "10.1." + std::to_string(i / 250) + ".5",
						     static_cast<std::uint16_t>(2000 + i % 250), "198.51.100.7", 443),
					     "", "203.0.113.1", static_cast<std::uint16_t>(i)));
	for (std::size_t i = 0; i < count; ++i) // else two would share a reply tuple
		records[i].reply.destination_port = static_cast<std::uint16_t>(1024 + i);
	return records;
}

class ConntrackLab : public testing::Test {
protected:
	NetworkNamespace one, two;
};

TEST_F(ConntrackLab, a_dump_tells_what_was_injected)
{
	one.sh("conntrack -I -p tcp -s 10.1.1.5 -d 198.51.100.7 --sport 1000 --dport 443 --state FIN_WAIT -t 100 "
	       "-u SEEN_REPLY,ASSURED --mark 7 --zone 5 2>/dev/null");
	one.sh("conntrack -I -p udp -s 10.1.1.5 -d 198.51.100.7 --sport 1001 --dport 53 -t 50 -n 203.0.113.1:7001 "
	       "-u SEEN_REPLY 2>/dev/null");
	one.sh("conntrack -I -p tcp -s 198.51.100.9 -d 203.0.113.1 --sport 1002 --dport 80 --state ESTABLISHED -t 60 "
	       "-g 10.1.1.9:8080 2>/dev/null");
	one.sh("conntrack -I -p icmpv6 -s 2001:db8::1 -d 2001:db8::2 --icmpv6-type 128 --icmpv6-code 0 "
	       "--icmpv6-id 77 -t 20 2>/dev/null");
	const Sessions found = sessions_in(one);
	ASSERT_EQ(found.size(), 4U);
	const auto take = [&](const SessionRecord &like) {
		const auto entry = found.find(like.key);
		return entry == found.end() ? SessionRecord{} : entry->second;
	};

	SessionRecord wanted = session(IPPROTO_TCP, "10.1.1.5", 1000, "198.51.100.7", 443);
	wanted.key.zone = 5;
	wanted.mark = 7;
	wanted.tcp_state = TcpState::fin_wait;
	wanted.tcp_flags = {2, 2}; // its choice
	wanted.tcp_window_scale = {};
	SessionRecord got = take(wanted);
	EXPECT_NEAR(got.timeout_s, 100, 2);
	EXPECT_TRUE(got.same_state(wanted)) << got << "\n" << wanted;

	wanted = translated(session(IPPROTO_UDP, "10.1.1.5", 1001, "198.51.100.7", 53), "", "203.0.113.1", 6000);
	got = take(wanted);
	EXPECT_NEAR(got.timeout_s, 50, 2);
	EXPECT_TRUE(got.same_state(wanted)) << got << "\n" << wanted;
	EXPECT_TRUE(got.source_nat());
	EXPECT_FALSE(got.destination_nat());

	wanted = session(IPPROTO_TCP, "198.51.100.9", 1002, "203.0.113.1", 80);
	wanted.reply.source = address("10.1.1.9");
	wanted.reply.source_port = 8080;
	wanted.seen_reply = wanted.assured = false;
	wanted.tcp_flags = {2, 2}; // its choice
	wanted.tcp_window_scale = {};
	got = take(wanted);
	EXPECT_TRUE(got.same_state(wanted)) << got << "\n" << wanted;
	EXPECT_TRUE(got.destination_nat());
	EXPECT_FALSE(got.source_nat());

	wanted = ping("2001:db8::1", "2001:db8::2", 77);
	wanted.seen_reply = false;
	got = take(wanted);
	EXPECT_TRUE(got.same_state(wanted)) << got << "\n" << wanted;
}

TEST_F(ConntrackLab, what_is_put_is_there_field_by_field_and_goes_on_to_another_namespace)
{
	const std::vector<SessionRecord> records = one_of_each();
	EXPECT_EQ(sink_in(one)->put(records), 0U);
	const Sessions first = sessions_in(one);
	EXPECT_EQ(first.size(), records.size());
	for (const SessionRecord &record : records) {
		ASSERT_TRUE(first.contains(record.key)) << record;
		const SessionRecord &got = first.at(record.key);
		EXPECT_TRUE(got.same_state(record)) << "got    " << got << "\nwanted " << record;
		EXPECT_NEAR(got.timeout_s, std::max(record.timeout_s, 3600U), 2) << record;
	}
	const auto sink = sink_in(two);
	EXPECT_EQ(sink->put(list(first)), 0U);
	EXPECT_EQ(sink->counters().put, records.size());
	EXPECT_TRUE(same(sessions_in(two), first));
	// The same in the words of a program that knows nothing of us.
	const std::string words = "(for f in ipv4 ipv6; do conntrack -L -f $f -o extended 2>/dev/null; done) |"
				  "sed -E 's/ (use=[0-9]+|[0-9]+ (src|[A-Z]))/ \\2/g' | sort";
	EXPECT_EQ(one.output_of(words), two.output_of(words));
	EXPECT_THAT(two.output_of("conntrack -L -p tcp --src 10.1.1.8 2>/dev/null"), HasSubstr("helper=ftp"));
	EXPECT_EQ(two.output_of("conntrack -L -p tcp --src-nat 2>/dev/null | wc -l"), "5\n");
}

TEST_F(ConntrackLab, events_come_in_order)
{
	one.sh("conntrack -I -p tcp -s 10.1.1.5 -d 198.51.100.7 --sport 1000 --dport 443 --state ESTABLISHED -t 100 "
	       "-u SEEN_REPLY,ASSURED 2>/dev/null");
	const auto source = source_in(one);
	Model model;
	drain(*source, model);
	EXPECT_EQ(model.story, "[+]");
	EXPECT_FALSE(source->poll(model, 10));
	one.sh("conntrack -I -p tcp -s 10.1.1.5 -d 198.51.100.7 --sport 1001 --dport 443 --state ESTABLISHED -t 100 "
	       "-u SEEN_REPLY 2>/dev/null");
	drain(*source, model);
	EXPECT_EQ(model.story, "[+]+");
	one.sh("conntrack -U -p tcp -s 10.1.1.5 -d 198.51.100.7 --sport 1001 --dport 443 --mark 9 >/dev/null 2>&1");
	drain(*source, model);
	EXPECT_EQ(model.story, "[+]++");
	const SessionRecord like = session(IPPROTO_TCP, "10.1.1.5", 1001, "198.51.100.7", 443);
	EXPECT_EQ(model.sessions.at(like.key).mark, 9U);
	EXPECT_EQ(model.sessions.at(like.key).tcp_state, TcpState::established);
	one.sh("conntrack -D -p tcp --sport 1001 >/dev/null 2>&1");
	drain(*source, model);
	EXPECT_EQ(model.story, "[+]++-");
	EXPECT_EQ(source->counters().events, 3U);
	EXPECT_EQ(source->counters().overruns, 0U);
}

// An entry made while nobody listens anywhere would never tell of its end; those a standby puts must, after a takeover.
TEST_F(ConntrackLab, an_entry_that_was_put_tells_a_source_that_starts_later)
{
	const auto sink = sink_in(one);
	const SessionRecord record = session(IPPROTO_TCP, "10.1.1.5", 1000, "198.51.100.7", 443);
	EXPECT_EQ(sink->put({&record, 1}), 0U);
	const auto source = source_in(one);
	Model model;
	drain(*source, model);
	one.sh("conntrack -D -p tcp >/dev/null 2>&1");
	drain(*source, model);
	EXPECT_EQ(model.story, "[+]-");
}

TEST_F(ConntrackLab, the_audit_finds_what_never_told_its_end)
{
	const auto source = source_in(one, {.audit = std::chrono::milliseconds{50}});
	Model model;
	drain(*source, model);
	const SessionRecord ghost = session(IPPROTO_TCP, "10.1.1.5", 1000, "198.51.100.7", 443);
	model.seen(ghost);
	EXPECT_TRUE(lab::eventually(std::chrono::seconds{2}, [&] {
		drain(*source, model);
		return model.sessions.empty();
	}));
}

TEST_F(ConntrackLab, lost_events_are_counted_and_made_up_for_by_a_dump)
{
	for (const bool reliable : {false, true}) {
		const auto sink = sink_in(one);
		const std::vector<SessionRecord> records = many(3000);
		EXPECT_EQ(sink->put(std::span(records).first(2000)), 0U);
		const auto source = source_in(one, {.receive_bytes = 16384, .reliable = reliable});
		Model model;
		drain(*source, model);
		EXPECT_EQ(model.sessions.size(), 2000U);
		EXPECT_EQ(source->counters().overruns, 0U);
		EXPECT_EQ(sink->put(std::span(records).last(1000)), 0U);
		std::vector<SessionKey> ended;
		for (const SessionRecord &record : std::span(records).first(500))
			ended.push_back(record.key);
		EXPECT_EQ(sink->remove(ended), 0U);
		drain(*source, model, 50);
		EXPECT_GE(source->counters().overruns, 1U);
		EXPECT_GE(source->counters().dumps, 2U);
		EXPECT_EQ(model.sessions.size(), 2500U);
		EXPECT_TRUE(same(model.sessions, sessions_in(one)));
		one.sh("conntrack -F 2>/dev/null");
	}
}

// The kernel stops to send after the first event that does not fit, until the queue was empty: what is lost then is lost
// without another word.
TEST_F(ConntrackLab, what_is_lost_while_the_queue_is_emptied_is_made_up_for_too)
{
	const auto sink = sink_in(one);
	const std::vector<SessionRecord> records = many(2000);
	const auto source = source_in(one, {.receive_bytes = 65536});
	Model model;
	drain(*source, model);
	for (std::size_t at = 0; at < records.size(); at += 100) {
		EXPECT_EQ(sink->put(std::span(records).subspan(at, 100)), 0U);
		source->poll(model, 5);
	}
	drain(*source, model, 5);
	EXPECT_GE(source->counters().overruns, 1U);
	EXPECT_EQ(model.sessions.size(), 2000U);
}

TEST_F(ConntrackLab, sessions_that_end_or_change_during_a_dump_stay_so)
{
	const auto sink = sink_in(one);
	std::vector<SessionRecord> records = many(4000);
	EXPECT_EQ(sink->put(records), 0U);
	const auto source = source_in(one);
	Model model;
	std::size_t at = 0;
	// Each poll() takes one answer of the dump; before it, some of all sessions end, change, or are replaced.
	while (source->poll(model, 1) || at < records.size()) {
		for (std::size_t i = 0; i < 25 && at < records.size(); ++i, ++at) {
			SessionRecord &record = records[(at * 1999) % records.size()];
			if (at % 3 == 0) {
				EXPECT_EQ(sink->remove({&record.key, 1}), 0U);
			} else {
				record.tcp_state = TcpState::close_wait;
				if (at % 3 == 1)
					record.reply.destination = address("203.0.113.2"); // removed and made anew
				EXPECT_EQ(sink->put({&record, 1}), 0U);
			}
		}
		while (source->poll(model, 30)) // events first, and one answer of the dump
			if (at < records.size())
				break;
	}
	drain(*source, model);
	EXPECT_EQ(source->counters().overruns, 0U);
	EXPECT_EQ(source->counters().dumps, 1U);
	const Sessions there = sessions_in(one);
	EXPECT_EQ(there.size(), 2666U);
	EXPECT_TRUE(same(model.sessions, there));
}

TEST_F(ConntrackLab, a_session_is_put_whatever_the_kernel_had)
{
	SessionRecord record =
		translated(session(IPPROTO_TCP, "10.1.1.5", 1000, "198.51.100.7", 443), "", "203.0.113.1", 5);
	for (const bool known : {true, false}) {
		auto sink = sink_in(one);
		const auto put = [&](const SessionRecord &wanted) {
			if (!known)
				sink = sink_in(one); // has nothing in mind
			EXPECT_EQ(sink->put({&wanted, 1}), 0U)
				<< strerror(sink->counters().last_errno) << " " << wanted;
			const Sessions there = sessions_in(one);
			EXPECT_EQ(there.size(), 1U);
			ASSERT_TRUE(there.contains(wanted.key));
			EXPECT_TRUE(there.at(wanted.key).same_state(wanted)) << there.at(wanted.key) << "\n" << wanted;
		};
		put(record);
		put(record); // the same again
		SessionRecord next = record;
		next.tcp_state = TcpState::close_wait;
		next.mark = 5;
		put(next);
		next.mark = 0;
		put(next);
		next.reply.destination_port = 9999; // another NAT
		put(next);
		next.reply.destination = record.key.original.source; // none
		next.reply.destination_port = record.key.original.source_port;
		put(next);
		put(record);
		next = record; // the same key begins anew
		next.tcp_state = TcpState::syn_sent;
		next.seen_reply = next.assured = false;
		put(next);
		next.key.original.source_port = 1001; // another session has got its reply tuple
		put(next);
		one.sh("conntrack -F 2>/dev/null");
		put(record); // what was in mind is gone
		one.sh("conntrack -F 2>/dev/null");
	}
}

TEST_F(ConntrackLab, one_that_is_refused_is_counted_and_the_others_are_put)
{
	const auto sink = sink_in(one);
	std::vector<SessionRecord> records = many(40);
	records[7].key.original.source = records[7].reply.source = {};
	records[7].key.protocol = IPPROTO_ICMP; // of type 1, which has no reply
	records[7].key.original.destination_port = 1 << 8;
	records[9].adjustment[0].offset_after = 3;
	EXPECT_EQ(sink->put(records), 1U);
	EXPECT_EQ(sink->counters().refused, 1U);
	EXPECT_NE(sink->counters().last_errno, 0);
	EXPECT_EQ(sink->counters().put, 39U);
	EXPECT_EQ(sessions_in(one).size(), 39U);
}

TEST_F(ConntrackLab, what_is_not_there_is_removed_and_nothing_else)
{
	const auto sink = sink_in(one);
	const std::vector<SessionRecord> records = many(100);
	EXPECT_EQ(sink->put(records), 0U);
	std::vector<SessionKey> keys;
	for (const SessionRecord &record : std::span(records).first(50))
		keys.push_back(record.key);
	SessionKey stranger = records[70].key;
	stranger.zone = 3;
	keys.push_back(stranger);
	EXPECT_EQ(sink->remove(keys), 0U);
	EXPECT_EQ(sink->remove(keys), 0U);
	EXPECT_EQ(sink->counters().removed, 102U);
	EXPECT_EQ(sessions_in(one).size(), 50U);
}

TEST_F(ConntrackLab, entries_outlive_what_the_record_says_until_they_are_trimmed_to_what_is_usual)
{
	one.sh("echo 77 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait");
	const auto sink = sink_in(one);
	std::vector<SessionRecord> records{session(IPPROTO_TCP, "10.1.1.5", 1, "198.51.100.7", 443),
					   session(IPPROTO_TCP, "10.1.1.5", 2, "198.51.100.7", 443),
					   session(IPPROTO_UDP, "10.1.1.5", 3, "198.51.100.7", 53),
					   session(IPPROTO_UDP, "10.1.1.5", 4, "198.51.100.7", 53),
					   ping("10.1.1.5", "198.51.100.7", 5)};
	records[1].tcp_state = TcpState::close_wait;
	records[3].assured = true;
	for (SessionRecord &record : records)
		record.timeout_s = 3;
	records[0].timeout_s = 400000;
	EXPECT_EQ(sink->put(records), 0U);
	one.sh("conntrack -U -p udp -s 10.1.1.5 -d 198.51.100.7 --sport 4 --dport 53 -t 20 >/dev/null 2>&1");
	const auto timeouts = [&] {
		const Sessions there = sessions_in(one);
		std::vector<int> result;
		for (const SessionRecord &record : records)
			result.push_back(static_cast<int>((there.at(record.key).timeout_s + 4) / 10 * 10));
		return result;
	};
	EXPECT_THAT(timeouts(), testing::ElementsAre(400000, 3600, 3600, 20, 3600));
	EXPECT_EQ(sink->trim(records), 3U);
	EXPECT_THAT(timeouts(), testing::ElementsAre(400000, 80, 30, 20, 30));
	EXPECT_EQ(sink->trim(records), 0U);
}

// Both families, with and without NAT, one master each; the master before its expectation.
std::vector<SessionRecord> expected_of_each()
{
	std::vector<SessionRecord> records;
	for (const bool v6 : {false, true}) {
		const std::string client = v6 ? "2001:db8:1::5" : "10.1.1.5";
		const std::string server = v6 ? "2001:db8:2::7" : "198.51.100.7";
		const std::string outside = v6 ? "2001:db8:ff::1" : "203.0.113.1";
		SessionRecord plain = session(IPPROTO_TCP, client, 4001, server, 21);
		SessionRecord hidden = translated(session(IPPROTO_TCP, client, 4002, server, 21), "", outside, 50);
		plain.helper = hidden.helper = core::SessionHelper::ftp;
		hidden.adjustment[0] = {1000, 0, 3};
		SessionRecord file = session(IPPROTO_UDP, client, 4003, server, 69);
		file.helper = core::SessionHelper::tftp;
		SessionRecord call = session(IPPROTO_UDP, client, 5060, server, 5060);
		call.helper = core::SessionHelper::sip;
		records.insert(records.end(), {plain, hidden, file, call});
		records.push_back(passive_ftp(plain, 50001));
		records.push_back(active_ftp(hidden, 50002, 4444));
		SessionRecord blocks = passive_ftp(file, 4003);
		std::swap(blocks.key.original.source, blocks.key.original.destination);
		blocks.helper = core::SessionHelper::tftp;
		records.push_back(blocks);
		SessionRecord media = passive_ftp(call, 40000);
		media.helper = core::SessionHelper::sip;
		media.key.original.source = {};
		media.expectation.policy = 1;
		media.expectation.inactive = true;
		records.push_back(media);
	}
	return records;
}

TEST_F(ConntrackLab, expectations_are_put_with_their_masters_and_go_on_to_another_namespace)
{
	const std::vector<SessionRecord> records = expected_of_each();
	EXPECT_EQ(sink_in(one)->put(records), 0U);
	const Sessions first = sessions_in(one, true);
	EXPECT_EQ(first.size(), records.size());
	for (const SessionRecord &record : records) {
		ASSERT_TRUE(first.contains(record.key)) << record;
		const SessionRecord &got = first.at(record.key);
		EXPECT_TRUE(got.same_state(record)) << "got    " << got << "\nwanted " << record;
		EXPECT_NEAR(got.timeout_s, std::max(record.timeout_s, 3600U), 2) << record;
	}
	EXPECT_EQ(sessions_in(one).size(), records.size() / 2) << "without the option they are not read";
	EXPECT_EQ(sink_in(two)->put(list(first)), 0U);
	EXPECT_TRUE(same(sessions_in(two, true), first));
	// The same in the words of a program that knows nothing of us.
	const std::string words = "(for f in ipv4 ipv6; do conntrack -L expect -f $f 2>/dev/null; done) | "
				  "sed -E 's/^ *[0-9]+ //' | sort";
	EXPECT_EQ(one.output_of(words), two.output_of(words));
	EXPECT_THAT(two.output_of(words), HasSubstr("src=198.51.100.7 dst=203.0.113.1 sport=0 dport=50002"));
	EXPECT_EQ(two.output_of(words + " | wc -l"), "8\n");
}

TEST_F(ConntrackLab, an_expectation_is_put_whatever_the_kernel_had)
{
	const auto sink = sink_in(one);
	SessionRecord control = session(IPPROTO_TCP, "10.1.1.5", 4001, "198.51.100.7", 21);
	control.helper = core::SessionHelper::ftp;
	SessionRecord wanted = passive_ftp(control, 50001);
	EXPECT_EQ(sink->put({&wanted, 1}), 1U) << "nobody expects anything without a master";
	EXPECT_EQ(sink->counters().last_errno, ENOENT);
	EXPECT_EQ(sink->counters().refused, 1U);
	EXPECT_EQ(sink->put({&control, 1}), 0U);
	const auto has = [&](const SessionRecord &record) {
		const Sessions there = sessions_in(one, true);
		ASSERT_EQ(there.size(), 2U);
		ASSERT_TRUE(there.contains(record.key)) << record;
		EXPECT_TRUE(there.at(record.key).same_state(record)) << there.at(record.key) << "\n" << record;
	};
	for (int again = 0; again < 2; ++again) {
		EXPECT_EQ(sink->put({&wanted, 1}), 0U) << strerror(sink->counters().last_errno);
		has(wanted);
	}
	wanted.expectation.nat = core::ExpectedNat::follow_master;
	wanted.expectation.nat_port = 77;
	EXPECT_EQ(sink->put({&wanted, 1}), 0U) << strerror(sink->counters().last_errno);
	has(wanted);
	EXPECT_EQ(sink->put({&control, 1}), 0U) << "its master is put again, with its helper";
	has(wanted);

	EXPECT_EQ(sink->trim({&wanted, 1}), 1U);
	EXPECT_NEAR(sessions_in(one, true).at(wanted.key).timeout_s, 300, 2);
	EXPECT_EQ(sink->remove({&wanted.key, 1}), 0U);
	EXPECT_EQ(sink->remove({&wanted.key, 1}), 0U);
	EXPECT_EQ(sessions_in(one, true).size(), 1U);
	EXPECT_EQ(sink->trim({&wanted, 1}), 0U);
}

TEST_F(ConntrackLab, expectations_tell_their_beginning_and_their_end_and_what_cannot_be_told_is_counted)
{
	const auto sink = sink_in(one);
	const auto source = source_in(one, {.expectations = true});
	Model model;
	drain(*source, model);
	EXPECT_EQ(model.story, "[]");
	const std::vector<SessionRecord> records = expected_of_each();
	EXPECT_EQ(sink->put(records), 0U);
	drain(*source, model);
	EXPECT_EQ(model.sessions.size(), records.size());
	EXPECT_TRUE(same(model.sessions, sessions_in(one, true)));
	EXPECT_EQ(sink->remove({&records[5].key, 1}), 0U);
	drain(*source, model);
	EXPECT_EQ(model.sessions.size(), records.size() - 1);
	one.sh("conntrack -D -p tcp -s 10.1.1.5 --sport 4001 >/dev/null 2>&1"); // a master takes its expectations with it
	drain(*source, model);
	EXPECT_EQ(model.sessions.size(), records.size() - 3);
	EXPECT_TRUE(same(model.sessions, sessions_in(one, true)));
	EXPECT_EQ(source->counters().left_out, 0U);

	SessionRecord control = session(IPPROTO_TCP, "10.1.1.5", 4009, "198.51.100.7", 1723);
	control.helper = core::SessionHelper::pptp;
	const SessionRecord tunnel = passive_ftp(control, 9);
	const std::vector<SessionRecord> foreign{control, tunnel};
	EXPECT_EQ(sink->put(foreign), 0U);
	drain(*source, model);
	EXPECT_EQ(source->counters().left_out, 1U);
	EXPECT_TRUE(model.sessions.contains(control.key));
	EXPECT_FALSE(model.sessions.contains(tunnel.key));
	EXPECT_EQ(source->counters().unreadable, 0U);
	EXPECT_EQ(source->counters().dumps, 1U);
}

} // namespace
} // namespace systole::control::test
