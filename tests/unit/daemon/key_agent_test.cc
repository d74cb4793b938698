// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The crypto half of the handshake, two of them against each other: what they put on the wire, and that no key is ever
// used twice. Ids are those of tests/hostile/cases.txt.
#include "control/key_agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace systole::control {
namespace {

using core::HakeBytes;
using core::KeyOutcome;
using core::MacAddress;

constexpr core::SessionId session = 1;
constexpr core::Suite suite = core::Suite::gcm; // the one that a repeated pair of key and IV would ruin

crypto::Secret<32> prs_of(char password)
{
	const std::vector<std::byte> bytes(32, static_cast<std::byte>(password));
	return crypto::Secret<32>(bytes);
}

core::BootNonce random_nonce()
{
	core::BootNonce nonce{};
	crypto::random_bytes(std::as_writable_bytes(std::span(nonce)));
	return nonce;
}

// One boot of one member, whose worker is nobody: what it would send is picked out of the ring.
class Boot {
public:
	Boot(const char *serial, char password, const core::BootNonce &boot_nonce) : nonce(boot_nonce)
	{
		config.self = core::MemberId::from(serial);
		config.group_id = 103;
		config.link_count = 2;
		agent.emplace(prs_of(password), config, nonce, worker,
			      [this](std::uint32_t spi, crypto::Suite, crypto::Bytes key) {
				      std::string text(key.size(), '\0');
				      std::transform(key.begin(), key.end(), text.begin(),
						     [](std::byte b) { return static_cast<char>(b); });
				      keys[spi] = text;
			      });
	}
	// The newest message for the wire.
	HakeBytes sent()
	{
		worker.flush();
		HakeBytes message;
		for (WorkerCommand command; channel->commands.pop(command);)
			if (const auto *frame = std::get_if<SendFrame>(&command)) {
				message.length = static_cast<decltype(message.length)>(frame->length);
				std::copy_n(frame->payload.begin(), frame->length, message.bytes.begin());
			}
		return message;
	}

	core::Config config;
	core::BootNonce nonce;
	std::map<std::uint32_t, std::string> keys; // by SPI, AES key and salt
	std::unique_ptr<WorkerChannel> channel = std::make_unique<WorkerChannel>();
	WorkerPort worker{*channel};
	std::optional<KeyAgent> agent;
};

constexpr MacAddress mac{2, 0, 0, 0, 0, 1};
constexpr const char *small_id = "SYS0000000000001";
constexpr const char *large_id = "SYS0000000000002";

HakeBytes ke1_of(Boot &a, const Boot &b)
{
	core::BeginExchange begin;
	begin.session = session;
	begin.peer = b.config.self;
	begin.peer_nonce = b.nonce;
	begin.destination = mac;
	a.agent->begin(begin);
	return a.sent();
}

HakeBytes ke2_of(Boot &b, const HakeBytes &ke1)
{
	core::EvaluateKe1 evaluate;
	evaluate.session = session;
	evaluate.source = mac;
	evaluate.suite = suite;
	evaluate.ke1 = ke1;
	EXPECT_EQ(b.agent->evaluate(evaluate).outcome, KeyOutcome::ok);
	b.agent->send_ke2({session});
	return b.sent();
}

// A whole exchange, and the keys of both sides installed.
void connect(Boot &a, Boot &b)
{
	const HakeBytes ke2 = ke2_of(b, ke1_of(a, b));
	core::EvaluateKe2 evaluate;
	evaluate.session = session;
	evaluate.ke2 = ke2;
	ASSERT_EQ(a.agent->evaluate(evaluate).outcome, KeyOutcome::ok);
	core::InstallInboundKeys inbound;
	inbound.session = session;
	inbound.slot = 1;
	inbound.link_bitmap = 3;
	inbound.suite = suite;
	core::InstallOutboundKeys outbound;
	outbound.session = session;
	outbound.slot = 1;
	outbound.link_bitmap = 3;
	outbound.suite = suite;
	for (Boot *member : {&a, &b}) {
		member->agent->install(inbound);
		member->agent->install(outbound);
	}
}

// Members that start again a thousand times; the nonces of their boots are `nonce`'s.
void thousand_boots(const std::function<core::BootNonce()> &nonce)
{
	std::set<std::string> seen;
	std::size_t made = 0;
	for (int boot = 0; boot < 1000; ++boot) {
		Boot a(small_id, 'p', nonce());
		Boot b(large_id, 'p', nonce());
		connect(a, b);
		ASSERT_EQ(a.keys, b.keys) << "both sides of one exchange";
		ASSERT_EQ(a.keys.size(), 8U) << "two links, two directions, two classes";
		for (const auto &[spi, key] : a.keys)
			seen.insert(key);
		made += a.keys.size();
	}
	// Within an SA the IV is the sequence number, which never comes again: the key decides.
	EXPECT_EQ(seen.size(), made);
}

TEST(KeyAgent, R20_a_thousand_boots_never_use_a_key_twice)
{
	thousand_boots(random_nonce);
}

TEST(KeyAgent, R20_not_even_when_a_clone_boots_with_the_same_nonce_each_time)
{
	thousand_boots([] { return core::BootNonce{}; });
}

// The SAs that one side of an exchange gives its worker, by SPI: "inbound heartbeat 0 gcm" and so on.
std::map<std::uint32_t, std::string> associations(Boot &member)
{
	std::map<std::uint32_t, std::string> all;
	const auto name = [](const auto &sa, const char *direction, unsigned link) {
		return std::string(direction) +
		       (sa.traffic_class == crypto::TrafficClass::session ? " session " : " heartbeat ") +
		       std::to_string(link) + " " + std::string(crypto::name_of(sa.suite()));
	};
	member.worker.flush();
	for (WorkerCommand command; member.channel->commands.pop(command);) {
		if (const auto *in = std::get_if<InstallInbound>(&command))
			all[in->sa->spi()] = name(*in->sa, "inbound", in->link);
		else if (const auto *out = std::get_if<InstallOutbound>(&command))
			all[out->sa->spi()] = name(*out->sa, "outbound", out->link);
	}
	return all;
}

std::vector<std::string> associations_of(core::Suite heartbeats, std::uint32_t capabilities_a,
					 std::uint32_t capabilities_b)
{
	Boot a(small_id, 'p', random_nonce());
	Boot b(large_id, 'p', random_nonce());
	core::BeginExchange begin;
	begin.session = session;
	begin.peer = b.config.self;
	begin.peer_nonce = b.nonce;
	begin.destination = mac;
	begin.capabilities = capabilities_a;
	a.agent->begin(begin);
	core::EvaluateKe1 first;
	first.session = session;
	first.source = mac;
	first.suite = heartbeats;
	first.capabilities = capabilities_b;
	first.ke1 = a.sent();
	EXPECT_EQ(b.agent->evaluate(first).outcome, KeyOutcome::ok);
	b.agent->send_ke2({session});
	core::EvaluateKe2 second;
	second.session = session;
	second.ke2 = b.sent();
	EXPECT_EQ(a.agent->evaluate(second).outcome, KeyOutcome::ok);
	for (Boot *member : {&a, &b}) {
		member->agent->install(core::InstallInboundKeys{session, 1, 3, heartbeats});
		member->agent->install(core::InstallOutboundKeys{session, 1, 3, heartbeats});
	}
	const auto of_a = associations(a);
	std::vector<std::string> names;
	for (const auto &[spi, what] : associations(b)) {
		const auto same = of_a.find(spi);
		EXPECT_NE(same, of_a.end()) << what;
		const bool session_class = what.find("session") != std::string::npos;
		EXPECT_EQ(spi & 3, session_class ? 1U : 0U) << "the class is in the SPI";
		EXPECT_EQ(spi >> 2 & 7, what.find(" 1 ") != std::string::npos ? 1U : 0U) << "so is the link";
		names.push_back(what);
	}
	EXPECT_EQ(of_a.size(), names.size());
	EXPECT_EQ(a.keys, b.keys);
	std::sort(names.begin(), names.end());
	return names;
}

std::vector<std::string> both_classes(const std::string &heartbeats, const std::string &sessions)
{
	std::vector<std::string> names;
	for (const std::string direction : {"inbound", "outbound"})
		for (const std::string link : {" 0 ", " 1 "}) {
			names.push_back(direction + " heartbeat" + link + heartbeats);
			names.push_back(direction + " session" + link + sessions);
		}
	std::sort(names.begin(), names.end());
	return names;
}

constexpr std::uint32_t all_ciphers = core::cap_null_sha1 | core::cap_cbc_sha1 | core::cap_gcm | core::cap_plain;
constexpr std::uint32_t no_gcm = all_ciphers & ~std::uint32_t{core::cap_gcm};

TEST(KeyAgent, a_session_has_associations_of_both_classes_on_every_link)
{
	EXPECT_EQ(associations_of(core::Suite::gcm, all_ciphers, all_ciphers),
		  both_classes("aes128-gcm", "aes128-gcm"));
	EXPECT_EQ(associations_of(core::Suite::cbc_sha1, all_ciphers, all_ciphers),
		  both_classes("aes128-cbc-sha1", "aes128-cbc-sha1"));
}

TEST(KeyAgent, session_frames_are_ciphered_where_heartbeats_are_not)
{
	for (const auto &[heartbeats, name] :
	     {std::pair{core::Suite::null_sha1, "null-sha1"}, std::pair{core::Suite::plain, "plain"}}) {
		EXPECT_EQ(associations_of(heartbeats, all_ciphers, all_ciphers), both_classes(name, "aes128-gcm"));
		EXPECT_EQ(associations_of(heartbeats, no_gcm, all_ciphers), both_classes(name, "aes128-cbc-sha1"));
		EXPECT_EQ(associations_of(heartbeats, all_ciphers, no_gcm), both_classes(name, "aes128-cbc-sha1"));
	}
}

// Offsets of what is random or proven in a message: SPI base, X, share, tags.
std::set<std::size_t> differences(const HakeBytes &one, const HakeBytes &other)
{
	EXPECT_EQ(one.length, other.length);
	std::set<std::size_t> found;
	for (std::size_t i = 0; i < one.length; ++i)
		if (one.bytes[i] != other.bytes[i])
			found.insert(i);
	return found;
}

void expect_only(const std::set<std::size_t> &found, const std::vector<std::pair<std::size_t, std::size_t>> &fields)
{
	for (const std::size_t at : found)
		EXPECT_TRUE(std::any_of(fields.begin(), fields.end(),
					[at](const auto &field) { return at >= field.first && at < field.second; }))
			<< "byte " << at << " tells the passwords apart";
}

TEST(KeyAgent, K12_messages_under_two_passwords_differ_in_random_fields_and_tags_only)
{
	const core::BootNonce nonce_a = random_nonce();
	const core::BootNonce nonce_b = random_nonce();
	std::array<HakeBytes, 4> ke1;
	std::array<HakeBytes, 4> ke2;
	const std::string passwords = "ppqq"; // one password twice: what differs there is random
	for (std::size_t i = 0; i < passwords.size(); ++i) {
		Boot a(small_id, passwords[i], nonce_a);
		Boot b(large_id, passwords[i], nonce_b);
		ke1[i] = ke1_of(a, b);
		ke2[i] = ke2_of(b, ke1[i]);
	}
	const std::vector<std::pair<std::size_t, std::size_t>> random_of_ke1{{76, 84}, {92, 96}, {100, 148}};
	const std::vector<std::pair<std::size_t, std::size_t>> random_of_ke2{{76, 84}, {92, 96}, {100, 180}};
	for (std::size_t i = 1; i < passwords.size(); ++i) {
		expect_only(differences(ke1[0], ke1[i]), random_of_ke1);
		expect_only(differences(ke2[0], ke2[i]), random_of_ke2);
	}
	EXPECT_GT(differences(ke1[0], ke1[1]).size(), 20U) << "shares are fresh, whatever the password";
}

// ---------------------------------------------------------------- tickets and passwords

// A member that keeps resume keys, in memory.
class Acquainted : public Boot {
public:
	explicit Acquainted(const char *serial, char password = 'p') : Boot(serial, password, random_nonce())
	{
		agent->use(resume);
	}

	ResumeKeys resume;
};

core::BeginExchange begin_with(const Boot &b)
{
	core::BeginExchange begin;
	begin.session = session;
	begin.peer = b.config.self;
	begin.peer_nonce = b.nonce;
	begin.destination = mac;
	return begin;
}

HakeBytes ke1_of(Boot &a, const core::BeginExchange &begin)
{
	a.agent->begin(begin);
	return a.sent();
}

KeyOutcome evaluated(Boot &a, const HakeBytes &ke2)
{
	core::EvaluateKe2 evaluate;
	evaluate.session = session;
	evaluate.ke2 = ke2;
	return a.agent->evaluate(evaluate).outcome;
}

struct Messages {
	HakeBytes ke1, ke2;
};

// A whole exchange in the clear, after which both sides keep the resume key, in the order of the core's actions.
Messages acquaint(Boot &a, Boot &b, bool older_ticket = false)
{
	core::BeginExchange begin = begin_with(b);
	begin.older_ticket = older_ticket;
	Messages messages;
	messages.ke1 = ke1_of(a, begin);
	messages.ke2 = ke2_of(b, messages.ke1);
	EXPECT_EQ(evaluated(a, messages.ke2), KeyOutcome::ok);
	for (Boot *member : {&a, &b}) {
		member->agent->install(core::InstallInboundKeys{session, 1, 3, suite});
		member->agent->keep({session});
		member->agent->install(core::InstallOutboundKeys{session, 1, 3, suite});
		member->agent->drop({session});
	}
	return messages;
}

bool same(const ResumeKeys::Key *one, const ResumeKeys::Key *other)
{
	return one != nullptr && other != nullptr && crypto::equal_constant_time(one->bytes(), other->bytes());
}

HakeBytes with_bit_flipped(HakeBytes message, std::size_t bit)
{
	message.bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
	return message;
}

class Tickets : public testing::Test {
protected:
	Acquainted a{small_id};
	Acquainted b{large_id};
};

TEST_F(Tickets, the_first_session_has_none_and_leaves_one_key_on_both_sides)
{
	const Messages first = acquaint(a, b);
	EXPECT_FALSE(b.agent->ticketed(first.ke1));
	EXPECT_FALSE(a.agent->ticketed(first.ke2));
	const auto ke1 = core::decode_ke1(first.ke1.span());
	const auto ke2 = core::decode_ke2(first.ke2.span());
	ASSERT_TRUE(ke1 && ke2);
	EXPECT_EQ(ke1->ticket, core::Ticket{});
	EXPECT_EQ(ke2->ticket, core::Ticket{});
	EXPECT_TRUE(same(a.resume.newest(b.config.self), b.resume.newest(a.config.self)));
	EXPECT_EQ(a.resume.older(b.config.self), nullptr);
	EXPECT_EQ(b.resume.older(a.config.self), nullptr);
}

TEST_F(Tickets, every_later_session_has_them_and_another_key)
{
	acquaint(a, b);
	for (int i = 0; i < 3; ++i) {
		const ResumeKeys::Key before(a.resume.newest(b.config.self)->bytes());
		const Messages next = acquaint(a, b);
		EXPECT_TRUE(b.agent->ticketed(next.ke1));
		EXPECT_TRUE(a.agent->ticketed(next.ke2));
		EXPECT_TRUE(same(a.resume.newest(b.config.self), b.resume.newest(a.config.self)));
		EXPECT_TRUE(same(a.resume.older(b.config.self), b.resume.older(a.config.self)));
		EXPECT_FALSE(same(a.resume.newest(b.config.self), &before));
		EXPECT_TRUE(same(a.resume.older(b.config.self), &before));
	}
}

TEST_F(Tickets, hold_for_the_next_boot_of_either_side)
{
	acquaint(a, b);
	Acquainted again(small_id); // with what a had on disk
	again.resume.keep(b.config.self, ResumeKeys::Key(a.resume.newest(b.config.self)->bytes()));
	const Messages next = acquaint(again, b);
	EXPECT_TRUE(b.agent->ticketed(next.ke1));
	EXPECT_TRUE(again.agent->ticketed(next.ke2));
}

TEST_F(Tickets, one_flipped_bit_makes_it_none)
{
	acquaint(a, b);
	const HakeBytes ke1 = ke1_of(a, begin_with(b));
	const HakeBytes ke2 = ke2_of(b, ke1);
	ASSERT_TRUE(b.agent->ticketed(ke1));
	ASSERT_TRUE(a.agent->ticketed(ke2));
	for (std::size_t bit = 0; bit < 8 * ke1.length; ++bit)
		EXPECT_FALSE(b.agent->ticketed(with_bit_flipped(ke1, bit))) << "KE1, bit " << bit;
	for (std::size_t bit = 0; bit < 8 * ke2.length; ++bit) {
		if (bit / 8 >= 132 && bit / 8 < 164) // T_B, which proves itself
			continue;
		EXPECT_FALSE(a.agent->ticketed(with_bit_flipped(ke2, bit))) << "KE2, bit " << bit;
	}
}

TEST_F(Tickets, of_one_message_are_none_for_another)
{
	acquaint(a, b);
	const HakeBytes ke1 = ke1_of(a, begin_with(b));
	HakeBytes other = ke1_of(a, begin_with(b));
	ASSERT_TRUE(b.agent->ticketed(other));
	std::copy_n(ke1.bytes.begin() + 132, 16, other.bytes.begin() + 132);
	EXPECT_FALSE(b.agent->ticketed(other));
	EXPECT_FALSE(a.agent->ticketed(ke1)) << "sent back to who made it";
}

TEST_F(Tickets, of_another_peer_are_none)
{
	Acquainted third("SYS0000000000000");
	acquaint(a, b);
	acquaint(third, b);
	HakeBytes ke1 = ke1_of(third, begin_with(b));
	ASSERT_TRUE(b.agent->ticketed(ke1));
	// What the third one signs in the name of `a` is none of `a`.
	auto forged = core::decode_ke1(ke1.span());
	ASSERT_TRUE(forged);
	forged->head.header.sender = a.config.self;
	forged->head.header.nonce = a.nonce;
	forged->ticket = {};
	const HakeBytes unsigned_ke1 = core::encode(*forged);
	const auto signature = crypto::ticket(*third.resume.newest(b.config.self), 1, unsigned_ke1.span().first(132));
	std::memcpy(forged->ticket.data(), signature.data(), forged->ticket.size());
	ke1 = core::encode(*forged);
	EXPECT_FALSE(b.agent->ticketed(ke1));
	const auto genuine = crypto::ticket(*a.resume.newest(b.config.self), 1, unsigned_ke1.span().first(132));
	std::memcpy(forged->ticket.data(), genuine.data(), forged->ticket.size());
	EXPECT_TRUE(b.agent->ticketed(core::encode(*forged))) << "only the key was wrong";
}

TEST_F(Tickets, by_the_key_before_are_taken_and_answered_with_the_same_key)
{
	acquaint(a, b);
	const ResumeKeys::Key first(a.resume.newest(b.config.self)->bytes());
	acquaint(a, b);
	// `b` lost the second key in a crash.
	Acquainted poor(large_id);
	poor.resume.keep(a.config.self, ResumeKeys::Key(first.bytes()));
	EXPECT_FALSE(poor.agent->ticketed(ke1_of(a, begin_with(poor))));
	core::BeginExchange begin = begin_with(poor);
	begin.older_ticket = true;
	const HakeBytes ke1 = ke1_of(a, begin);
	EXPECT_TRUE(poor.agent->ticketed(ke1));
	const HakeBytes ke2 = ke2_of(poor, ke1);
	EXPECT_TRUE(a.agent->ticketed(ke2));
	const auto answer = core::decode_ke2(ke2.span());
	ASSERT_TRUE(answer);
	EXPECT_EQ(evaluated(a, ke2), KeyOutcome::ok);
	// Who has both answers with the one that it was asked with.
	begin.peer_nonce = b.nonce;
	const HakeBytes older = ke2_of(b, ke1_of(a, begin));
	const auto expected = crypto::ticket(first, 2, older.span().first(132));
	EXPECT_TRUE(std::equal(expected.begin(), expected.end(), older.bytes.begin() + 164));
}

TEST_F(Tickets, asked_for_the_key_before_there_may_be_only_one)
{
	acquaint(a, b);
	const Messages next = acquaint(a, b, true);
	EXPECT_TRUE(b.agent->ticketed(next.ke1));
	EXPECT_TRUE(a.agent->ticketed(next.ke2));
}

TEST_F(Tickets, by_the_third_last_key_are_none)
{
	acquaint(a, b);
	const HakeBytes by_first = ke1_of(a, begin_with(b));
	acquaint(a, b);
	const HakeBytes by_second = ke1_of(a, begin_with(b));
	EXPECT_TRUE(b.agent->ticketed(by_first)) << "the key before";
	acquaint(a, b);
	EXPECT_FALSE(b.agent->ticketed(by_first));
	EXPECT_TRUE(b.agent->ticketed(by_second));
}

TEST_F(Tickets, are_not_needed_inside_a_session)
{
	acquaint(a, b);
	core::BeginExchange begin = begin_with(b);
	begin.slot = 1;
	a.agent->begin(begin);
	a.worker.flush();
	bool sealed = false;
	for (WorkerCommand command; a.channel->commands.pop(command);) {
		EXPECT_FALSE(std::holds_alternative<SendFrame>(command));
		if (const auto *message = std::get_if<SendSealed>(&command)) {
			sealed = true;
			EXPECT_EQ(message->slot, 1);
			const auto bytes = std::as_bytes(std::span(message->payload)).first(message->length);
			const auto ke1 = core::decode_ke1(bytes);
			ASSERT_TRUE(ke1);
			EXPECT_EQ(ke1->ticket, core::Ticket{});
		}
	}
	EXPECT_TRUE(sealed);
}

TEST_F(Tickets, who_keeps_no_keys_makes_and_takes_none)
{
	acquaint(a, b);
	Boot plain(large_id, 'p', random_nonce());
	const HakeBytes ke1 = ke1_of(a, begin_with(plain));
	EXPECT_FALSE(plain.agent->ticketed(ke1));
	const HakeBytes ke2 = ke2_of(plain, ke1);
	EXPECT_FALSE(a.agent->ticketed(ke2));
	EXPECT_EQ(evaluated(a, ke2), KeyOutcome::ok) << "it joins all the same";
	plain.agent->keep({session});
	Boot stranger(small_id, 'p', random_nonce());
	const auto untold = core::decode_ke1(ke1_of(stranger, begin_with(b)).span());
	ASSERT_TRUE(untold);
	EXPECT_EQ(untold->ticket, core::Ticket{});
}

TEST_F(Tickets, messages_of_other_kinds_have_none)
{
	acquaint(a, b);
	HakeBytes ke1 = ke1_of(a, begin_with(b));
	for (const std::size_t length : {std::size_t{0}, std::size_t{43}, std::size_t{131}, std::size_t{147}}) {
		HakeBytes cut = ke1;
		cut.length = static_cast<decltype(cut.length)>(length);
		EXPECT_FALSE(b.agent->ticketed(cut)) << length;
	}
	core::Hello hello;
	hello.header = {core::HakeType::hello, 103, 0, a.config.self, a.nonce};
	EXPECT_FALSE(b.agent->ticketed(core::encode(hello)));
	core::Bye bye;
	bye.header = {core::HakeType::bye, 103, 0, a.config.self, a.nonce};
	EXPECT_FALSE(b.agent->ticketed(core::encode(bye)));
}

TEST(KeyAgent, each_password_has_its_index)
{
	Acquainted a(small_id, 'p');
	Acquainted b(large_id, 'p');
	a.agent->add_password(7, prs_of('q'));
	b.agent->add_password(7, prs_of('q'));
	b.agent->add_password(8, prs_of('x'));
	const auto outcome = [&](std::uint8_t index) {
		core::BeginExchange begin = begin_with(b);
		begin.password_index = index;
		const HakeBytes ke1 = ke1_of(a, begin);
		const auto sent = core::decode_ke1(ke1.span());
		EXPECT_TRUE(sent && sent->head.password_index == index);
		return evaluated(a, ke2_of(b, ke1));
	};
	EXPECT_EQ(outcome(0), KeyOutcome::ok);
	EXPECT_EQ(outcome(7), KeyOutcome::ok);
	a.agent->add_password(7, prs_of('p')); // the right word under the wrong number
	EXPECT_EQ(outcome(7), KeyOutcome::confirm_bad);
	a.agent->add_password(8, prs_of('y'));
	EXPECT_EQ(outcome(8), KeyOutcome::confirm_bad);
	EXPECT_EQ(outcome(0), KeyOutcome::ok) << "the others are as they were";
}

TEST(KeyAgent, an_index_without_a_password_begins_and_answers_nothing)
{
	Acquainted a(small_id, 'p');
	Acquainted b(large_id, 'p');
	core::BeginExchange begin = begin_with(b);
	begin.password_index = 9;
	EXPECT_EQ(ke1_of(a, begin).length, 0);
	a.agent->add_password(9, prs_of('q'));
	core::EvaluateKe1 evaluate;
	evaluate.session = session;
	evaluate.source = mac;
	evaluate.suite = suite;
	evaluate.ke1 = ke1_of(a, begin);
	ASSERT_NE(evaluate.ke1.length, 0);
	EXPECT_EQ(b.agent->evaluate(evaluate).outcome, KeyOutcome::failed);
	b.agent->send_ke2({session});
	EXPECT_EQ(b.sent().length, 0);
}

TEST(KeyAgent, new_passwords_replace_the_old_ones_and_what_has_begun_ends_as_it_began)
{
	Acquainted a(small_id, 'p');
	Acquainted b(large_id, 'p');
	const HakeBytes ke1 = ke1_of(a, begin_with(b));
	KeyAgent::Passwords passwords;
	passwords.emplace(std::uint8_t{1}, prs_of('q'));
	a.agent->set_passwords(std::move(passwords));
	EXPECT_FALSE(a.agent->knows(0));
	EXPECT_TRUE(a.agent->knows(1));
	EXPECT_EQ(evaluated(a, ke2_of(b, ke1)), KeyOutcome::ok);
	EXPECT_EQ(ke1_of(a, begin_with(b)).length, 0) << "the old password is gone";
}

} // namespace
} // namespace systole::control
