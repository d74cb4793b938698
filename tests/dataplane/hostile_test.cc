// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What an attacker on the heartbeat segment, a broken NIC and a member with the keys can put on the wire. Each refused
// frame raises exactly one counter by one, and nothing else changes: the session goes on as if it had not been there.
#include "crypto/bytes.h"
#include "tests/dataplane/wire.h"

#include <gtest/gtest.h>

#include <random>

namespace systole::dataplane::testing {
namespace {

using control::Drop;
using control::PeerBeat;
using control::PeerLink;
using std::chrono::milliseconds;

// Of the beats of these tests.
constexpr std::size_t usual_inner = BeatSize::of_content(std::string_view("a says this").size());

std::string name_of(Drop drop)
{
	return std::string(control::drop_names[static_cast<std::size_t>(drop)]);
}

class Hostile : public ::testing::TestWithParam<crypto::Suite> {
protected:
	void SetUp() override
	{
		pair = std::make_unique<Pair>(2, GetParam());
		pair->connect();
		pair->run_for(milliseconds{100});
		(void)pair->a->events();
		(void)pair->b->events();
		ASSERT_EQ(pair->b->all_drops(), 0U);
	}
	// One genuine frame that b has not seen, on link 0.
	Bytes genuine()
	{
		pair->say(*pair->a, "a says this", true);
		pair->a->turn(pair->now);
		auto frames = pair->a_to_b[0]->take();
		(void)pair->a_to_b[1]->take();
		EXPECT_EQ(frames.size(), 1U);
		return frames.at(0);
	}
	// b gets this and refuses it for this reason and no other; accepts nothing; says nothing.
	void refuses(std::span<const std::byte> frame, Drop reason, const std::string &what, unsigned segments = 1,
		     core::LinkIndex link = 0)
	{
		const auto before = pair->b->drops(reason);
		const auto sum = pair->b->all_drops();
		const auto accepted = pair->b->link(link).rx.load();
		const auto sent = pair->b->channel->counters.ports[0].tx_packets.load();
		pair->a_to_b[link]->put(frame, segments);
		pair->b->turn(pair->now);
		EXPECT_EQ(pair->b->drops(reason), before + 1) << what << " should be " << name_of(reason);
		EXPECT_EQ(pair->b->all_drops(), sum + 1) << what;
		EXPECT_EQ(pair->b->link(link).rx, accepted) << what;
		EXPECT_EQ(pair->b->channel->counters.ports[0].tx_packets, sent) << what;
		EXPECT_TRUE(pair->b->events().empty()) << what;
	}
	// The same for a frame that comes in pieces.
	void refuses_cut(std::span<const std::byte> frame, std::span<const std::size_t> cuts, const std::string &what)
	{
		const auto before = pair->b->drops(Drop::rx_multiseg);
		const auto sum = pair->b->all_drops();
		pair->a_to_b[0]->put(frame, cuts);
		pair->b->turn(pair->now);
		EXPECT_EQ(pair->b->drops(Drop::rx_multiseg), before + 1) << what;
		EXPECT_EQ(pair->b->all_drops(), sum + 1) << what;
	}
	void accepts(std::span<const std::byte> frame, const std::string &what)
	{
		const auto sum = pair->b->all_drops();
		const auto accepted = pair->b->link(0).rx.load();
		pair->a_to_b[0]->put(frame);
		pair->b->turn(pair->now);
		EXPECT_EQ(pair->b->all_drops(), sum) << what;
		EXPECT_EQ(pair->b->link(0).rx, accepted + 1) << what;
		(void)pair->b->events();
	}
	// Somebody with a's keys, far ahead in the sequence.
	Forger forger() const { return Forger(make_key(GetParam(), 0, 0, 1), 1'000'000); }
	std::uint64_t checks() const { return pair->b->channel->counters.integrity_checks; }
	// A frame that nobody with the keys has made: a genuine one with another number and a changed tag.
	static Bytes forged(const Bytes &genuine, std::uint32_t sequence, std::uint32_t tag)
	{
		Bytes frame = genuine;
		crypto::store_be32(frame.data() + 38, sequence);
		crypto::store_be32(frame.data() + frame.size() - 4, tag);
		return frame;
	}

	std::unique_ptr<Pair> pair;
};
INSTANTIATE_TEST_SUITE_P(Suites, Hostile,
			 ::testing::Values(crypto::Suite::null_sha1, crypto::Suite::cbc_sha1, crypto::Suite::gcm),
			 [](const ::testing::TestParamInfo<crypto::Suite> &suite) {
				 return test_name_of(suite.param);
			 });

TEST_P(Hostile, R1_a_duplicate_is_refused_once_for_each_copy)
{
	const Bytes frame = genuine();
	accepts(frame, "first");
	for (int i = 0; i < 5; ++i)
		refuses(frame, Drop::esp_replay_pre, "copy");
}

TEST_P(Hostile, copies_within_one_burst_count_once)
{
	const Bytes frame = genuine();
	const auto accepted = pair->b->link(0).rx.load();
	for (int i = 0; i < 20; ++i)
		pair->a_to_b[0]->put(frame);
	pair->b->turn(pair->now);
	EXPECT_EQ(pair->b->link(0).rx, accepted + 1);
	EXPECT_EQ(pair->b->drops(Drop::esp_replay_pre), 19U);
}

TEST_P(Hostile, E5_a_frame_sent_back_to_its_sender_is_unknown_to_it)
{
	const Bytes frame = genuine();
	pair->b_to_a[0]->put(frame);
	pair->a->turn(pair->now);
	EXPECT_EQ(pair->a->drops(Drop::esp_nosa), 1U);
	EXPECT_EQ(pair->a->all_drops(), 1U);
}

TEST_P(Hostile, E6_a_frame_of_one_link_on_another_is_refused)
{
	const Bytes frame = genuine();
	refuses(frame, Drop::esp_link, "link 0 on link 1", 1, 1);
	accepts(frame, "the window did not move");
}

TEST_P(Hostile, E7_a_spi_changed_to_another_live_sa_fails_the_check)
{
	pair->install(2, 2); // a second session beside the first
	pair->b->turn(pair->now);
	(void)pair->b->events();
	Bytes frame = genuine(); // a has not turned since: still the first session or already the second
	const std::uint32_t first = make_key(GetParam(), 0, 0, 1).spi;
	const std::uint32_t second = make_key(GetParam(), 0, 0, 2).spi;
	std::uint32_t spi = 0;
	for (int i = 0; i < 4; ++i)
		spi = spi << 8 | std::to_integer<std::uint32_t>(frame[34 + static_cast<std::size_t>(i)]);
	ASSERT_TRUE(spi == first || spi == second);
	const std::uint32_t other = spi == first ? second : first;
	for (std::size_t i = 0; i < 4; ++i)
		frame[34 + i] = static_cast<std::byte>(other >> (24 - 8 * i));
	// Far right of the other SA's window, so that it is the check that fails and not the number.
	frame[40] = std::byte{0x70};
	refuses(frame, Drop::esp_icv, "other SPI");
}

TEST_P(Hostile, E2_no_frame_with_one_bit_of_its_esp_packet_flipped_is_accepted)
{
	const Bytes frame = genuine();
	const auto accepted = pair->b->link(0).rx.load();
	std::uint64_t flipped = 0;
	for (std::size_t at = ethernet_bytes + ipv4_bytes; at < frame.size(); ++at) {
		for (unsigned bit = 0; bit < 8; ++bit) {
			Bytes twisted = frame;
			twisted[at] ^= static_cast<std::byte>(1U << bit);
			pair->a_to_b[0]->put(twisted);
			pair->now += std::chrono::microseconds{2}; // half of what the budget of failures takes
			pair->b->turn(pair->now);
			++flipped;
		}
	}
	EXPECT_EQ(pair->b->link(0).rx, accepted);
	EXPECT_EQ(pair->b->drops(Drop::esp_nosa) + pair->b->drops(Drop::esp_link) +
			  pair->b->drops(Drop::esp_replay_pre) + pair->b->drops(Drop::esp_icv),
		  flipped);
	EXPECT_EQ(pair->b->all_drops(), flipped);
	accepts(frame, "the genuine one afterwards");
}

TEST_P(Hostile, E3_E4_no_frame_with_another_or_a_shorter_icv_is_accepted)
{
	const Bytes frame = genuine();
	const std::size_t icv = crypto::shape_of(GetParam()).icv_bytes;
	for (const std::byte value : {std::byte{0}, std::byte{0xff}}) {
		Bytes twisted = frame;
		std::fill(twisted.end() - static_cast<std::ptrdiff_t>(icv), twisted.end(), value);
		refuses(twisted, Drop::esp_icv, "constant ICV");
	}
	for (std::size_t less = 1; less <= icv; ++less) {
		Bytes twisted = frame;
		const std::size_t total = twisted.size() - ethernet_bytes - less;
		twisted[16] = static_cast<std::byte>(total >> 8);
		twisted[17] = static_cast<std::byte>(total);
		refuses(twisted, Drop::esp_size, "ICV shorter by " + std::to_string(less));
	}
	accepts(frame, "the genuine one afterwards");
}

TEST_P(Hostile, R8_R9_a_forged_high_sequence_number_does_not_move_the_window)
{
	const Bytes frame = genuine();
	Bytes twisted = frame;
	for (std::size_t i = 38; i < 41; ++i)
		twisted[i] = std::byte{0xff};
	refuses(twisted, Drop::esp_icv, "forged sequence");
	accepts(frame, "the genuine next one");
}

TEST_P(Hostile, P1_to_P9_P18_L7_malformed_frames_are_refused_each_for_its_own_reason)
{
	const Bytes frame = genuine();
	const auto changed = [&](std::size_t at, unsigned value) {
		Bytes bytes = frame;
		bytes[at] = static_cast<std::byte>(value);
		return bytes;
	};
	const auto cut = [&](std::size_t size) {
		return Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
	};
	for (const std::size_t size : {0, 1, 13, 14, 15, 33, 63})
		refuses(cut(size), Drop::rx_short, "P1 " + std::to_string(size) + " bytes");
	for (const unsigned first : {0x44U, 0x46U, 0x4fU, 0x65U})
		refuses(changed(14, first), Drop::rx_badip, "P2 first byte " + std::to_string(first));
	refuses(changed(14, 'H'), Drop::rx_badip, "P2 ihl 8 is HAKE's letter but not HAKE");
	refuses(changed(16, 0xff), Drop::rx_badip, "P3 longer than the frame");
	Bytes total = changed(16, 0);
	total[17] = std::byte{20};
	refuses(total, Drop::rx_badip, "P3 header alone");
	total[17] = std::byte{19};
	refuses(total, Drop::rx_badip, "P3 shorter than its header");
	refuses(changed(20, 0x20), Drop::rx_frag, "P5 more fragments");
	refuses(changed(21, 0x01), Drop::rx_frag, "P5 offset");
	refuses(changed(23, 17), Drop::rx_badip, "UDP that is no heartbeat");
	for (const unsigned segments : {2U, 3U, 60U})
		refuses(frame, Drop::rx_multiseg, "P6", segments);
	// In front of each header, inside it and behind it: Ethernet, IPv4, ESP, IV, payload, ICV.
	for (const std::size_t at : {1, 12, 13, 14, 15, 20, 33, 34, 35, 38, 41, 42, 43, 50, 58, 100})
		refuses_cut(frame, std::array{at}, "P6 cut at " + std::to_string(at));
	refuses_cut(frame, std::array{std::size_t{7}, std::size_t{24}}, "P6 cut in Ethernet and in IPv4");
	refuses_cut(frame, std::array{std::size_t{36}, frame.size() - 5}, "P6 cut in the SPI and in the ICV");
	Bytes tagged = changed(12, 0x81);
	tagged[13] = std::byte{0};
	refuses(tagged, Drop::rx_vlan, "P7 802.1Q");
	tagged = changed(12, 0x88);
	tagged[13] = std::byte{0xa8};
	refuses(tagged, Drop::rx_vlan, "P7 QinQ");
	refuses(changed(12, 0x08), Drop::rx_ethertype, "P7 another EtherType");
	Bytes length_field = changed(12, 0);
	length_field[13] = std::byte{100};
	refuses(length_field, Drop::rx_ethertype, "P7 LLC");
	Bytes large = frame;
	large.resize(1515);
	refuses(large, Drop::rx_oversize, "P18 beyond the MTU");
	large.resize(9000);
	refuses(large, Drop::rx_multiseg, "P18 jumbo, as a NIC would give it", 5);

	Bytes hello(ethernet_bytes + 84);
	std::copy_n(frame.begin(), ethernet_bytes, hello.begin());
	const std::array<unsigned, 8> header{'H', 'A', 'K', 'E', 1, 1, 0, 84};
	for (std::size_t i = 0; i < header.size(); ++i)
		hello[14 + i] = static_cast<std::byte>(header[i]);
	const auto hello_with = [&](std::size_t at, unsigned value) {
		Bytes bytes = hello;
		bytes[14 + at] = static_cast<std::byte>(value);
		return bytes;
	};
	for (const unsigned length : {0U, 43U, 83U, 85U})
		refuses(hello_with(7, length), Drop::hake_len, "P8 length " + std::to_string(length));
	for (const unsigned version : {0U, 2U, 255U})
		refuses(hello_with(4, version), Drop::hake_ver, "P9 version " + std::to_string(version));
	for (const unsigned type : {0U, 5U, 255U})
		refuses(hello_with(5, type), Drop::hake_type, "P9 type " + std::to_string(type));
	Bytes bye = hello_with(5, 5);
	bye[14 + 7] = std::byte{76};
	refuses(bye, Drop::hake_type, "L7 P9 a farewell outside ESP");

	Bytes padded = frame;
	padded.resize(frame.size() + 46);
	accepts(padded, "P4 Ethernet padding");
}

TEST_P(Hostile, S1_S2_S3_S6_a_member_with_the_keys_cannot_speak_for_another)
{
	Forger with_keys = forger();
	constexpr std::size_t usual_body = usual_inner - ipv4_bytes - udp_bytes;
	core::BeatStamp stamp{.tx = 1000, .echo = 8};
	const Bytes body = beat_body(stamp, "forged", usual_body);
	const auto sealed = [&](AddressPair from_to, const Bytes &payload) {
		return with_keys.frame(inner_packet(from_to, payload));
	};
	// A member may say at any time how long its packets will be.
	const auto announced = [&](const Bytes &payload) {
		++stamp.tx;
		stamp.inner_length = static_cast<std::uint16_t>(ipv4_bytes + udp_bytes + payload.size());
		accepts(sealed({address_of_a, address_of_b}, beat_body(stamp, "announced", usual_body)), "announced");
		return payload;
	};
	refuses(sealed({0xa9fe0003, address_of_b}, body), Drop::esp_policy, "S1 another member's address");
	refuses(sealed({address_of_a, 0xa9fe0003}, body), Drop::esp_policy, "S2 not to me");
	refuses(sealed({address_of_b, address_of_a}, body), Drop::esp_policy, "S1 S2 the wrong way round");
	Bytes tcp = inner_packet({address_of_a, address_of_b}, body);
	tcp[9] = std::byte{6};
	tcp[11] = static_cast<std::byte>(std::to_integer<unsigned>(tcp[11]) + 11); // checksum: 17 became 6
	refuses(with_keys.frame(tcp), Drop::esp_policy, "S3 TCP");
	Bytes options = inner_packet({address_of_a, address_of_b}, body);
	options[0] = std::byte{0x46};
	refuses(with_keys.frame(options), Drop::inner_parse, "S6 options");
	Bytes checksum = inner_packet({address_of_a, address_of_b}, body);
	checksum[10] ^= std::byte{0x10};
	refuses(with_keys.frame(checksum), Drop::inner_parse, "S6 checksum");
	refuses(sealed({address_of_a, address_of_b}, Bytes(core::beat_stamp_bytes - 1)), Drop::esp_size,
		"no whole stamp, and not the length of a beat");
	refuses(sealed({address_of_a, address_of_b}, announced(Bytes(core::beat_stamp_bytes - 1))), Drop::inner_parse,
		"no whole stamp");
	Bytes version = body;
	version[0] = std::byte{2};
	refuses(sealed({address_of_a, address_of_b}, version), Drop::inner_parse, "stamp of another version");
	Bytes longer = body;
	longer[3] = std::byte{usual_body - core::beat_stamp_bytes + 1}; // content_length: one more than there is
	refuses(sealed({address_of_a, address_of_b}, longer), Drop::inner_parse, "content longer than the packet");
	refuses(sealed({address_of_a, address_of_b},
		       Bytes(BeatSize::fit(BeatSize::handshake) - ipv4_bytes - udp_bytes)),
		Drop::inner_parse, "the length of a handshake message passes, what is none does not");
	const Bytes too_much = beat_body({.tx = 9000}, std::string(control::max_beat_content + 1, 'x'));
	refuses(sealed({address_of_a, address_of_b}, announced(too_much)), Drop::inner_parse,
		"content longer than allowed");

	// The same hand, everything right: it is accepted, so each row above was refused for what it says.
	const auto accepted = pair->b->link(0).rx.load();
	++stamp.tx;
	pair->a_to_b[0]->put(sealed({address_of_a, address_of_b}, beat_body(stamp, "good", usual_body)));
	pair->b->turn(pair->now);
	EXPECT_EQ(pair->b->link(0).rx, accepted + 1);
}

// There is no relay yet, so whatever a relay SA asks for is refused before it is opened.
TEST_P(Hostile, D3_S3_S5_a_flood_on_an_sa_of_another_class_is_refused_unopened_and_delays_no_beat)
{
	Key key = make_key(GetParam(), 0, 0, 7);
	crypto::InboundSa *sa = crypto::make_inbound_sa(key.spec()).release();
	sa->traffic_class = crypto::TrafficClass::relay;
	sa->confirmed = true;
	pair->b->command(control::InstallInbound{sa, peer_slot, 0, 7});
	Forger relay(key, 1);
	refuses(relay.frame(inner_packet({address_of_a, address_of_b}, beat_body({.tx = 1000}, "x"))), Drop::esp_class,
		"S3 relay class");
	// Nor is there anybody here who takes sessions.
	Key session_key = make_key(GetParam(), 0, 0, 7, crypto::TrafficClass::session);
	crypto::InboundSa *session_sa = crypto::make_inbound_sa(session_key.spec()).release();
	session_sa->traffic_class = crypto::TrafficClass::session;
	session_sa->confirmed = true;
	pair->b->command(control::InstallInbound{session_sa, peer_slot, 0, 7});
	refuses(Forger(session_key, 1).frame(session_packet({address_of_a, address_of_b}, Bytes(100)), 0x8892),
		Drop::esp_class, "S3 session class");

	const Bytes genuine_relay = relay.frame(inner_packet({address_of_a, address_of_b}, Bytes(400)));
	const std::uint64_t checked = checks();
	const std::uint64_t beats = pair->b->link(0).rx + pair->b->link(1).rx;
	for (std::uint32_t i = 0; i < 20'000; ++i) {
		pair->a_to_b[0]->put(forged(genuine_relay, 100 + i, i));
		if (i % 200 == 199)
			pair->run_for(tick);
	}
	EXPECT_EQ(pair->b->drops(Drop::esp_class), 20'002U);
	const std::uint64_t heard = pair->b->link(0).rx + pair->b->link(1).rx - beats;
	EXPECT_EQ(checks() - checked, heard) << "what was checked is the beats";
	EXPECT_GE(heard, 2 * 8U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

TEST_P(Hostile, D2_a_flood_of_random_spis_costs_no_integrity_check)
{
	const Bytes frame = genuine();
	accepts(frame, "first");
	std::mt19937 random(20261123);
	const std::uint64_t checked = checks();
	const std::uint64_t beats = pair->b->link(0).rx + pair->b->link(1).rx;
	for (std::uint32_t i = 0; i < 20'000; ++i) {
		Bytes noise = forged(frame, static_cast<std::uint32_t>(random()), i);
		crypto::store_be32(noise.data() + 34,
				   static_cast<std::uint32_t>(random()) | 0x8000'0000U); // ours are below
		pair->a_to_b[0]->put(noise);
		if (i % 200 == 199)
			pair->run_for(tick);
	}
	EXPECT_EQ(pair->b->drops(Drop::esp_nosa), 20'000U);
	EXPECT_EQ(checks() - checked, pair->b->link(0).rx + pair->b->link(1).rx - beats);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
}

TEST_P(Hostile, a_packet_of_any_other_length_costs_no_integrity_check)
{
	const Bytes frame = genuine();
	const std::uint64_t checked = checks();
	constexpr std::size_t front = ethernet_bytes + ipv4_bytes;
	for (std::size_t length = min_frame_bytes - front; length <= 1480; ++length) {
		if (front + length == frame.size() ||
		    length == crypto::esp_length_of(GetParam(), BeatSize::fit(BeatSize::handshake)))
			continue;
		Bytes other = forged(frame, 2'000'000, 1);
		other.resize(front + length);
		write_outer(std::span(other).subspan<ethernet_bytes, ipv4_bytes>(), {1, 2}, length);
		refuses(other, Drop::esp_size, std::to_string(length));
	}
	EXPECT_EQ(checks(), checked);
	accepts(frame, "the genuine one afterwards");
}

// 100,000 a second with a sniffed SPI, the exact length and numbers that may come: each is checked, and no beat is lost.
TEST_P(Hostile, D4_a_flood_on_the_heartbeat_sa_within_the_budget_costs_no_beat)
{
	const Bytes frame = genuine();
	accepts(frame, "first");
	for (std::uint32_t millisecond = 0; millisecond < 300; ++millisecond) {
		for (std::uint32_t i = 0; i < 100; ++i)
			pair->a_to_b[0]->put(forged(frame, 500 + (millisecond + i) % 400, i));
		pair->run_for(tick);
	}
	EXPECT_EQ(pair->b->drops(Drop::esp_icv), 30'000U);
	EXPECT_EQ(pair->b->all_drops(), 30'000U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
	for (const PeerLink &event : only<PeerLink>(pair->b->events()))
		EXPECT_EQ(event.verdict, control::LinkVerdict::alive);
}

// Four million a second: a quarter of them is checked, the genuine beats of this SA have that chance too, and those of
// another SA lose nothing.
TEST_P(Hostile, D4_a_flood_beyond_the_budget_is_checked_by_chance_and_starves_no_other_sa)
{
	const Bytes frame = genuine();
	accepts(frame, "first");
	constexpr auto step = std::chrono::microseconds{64};
	constexpr std::uint32_t per_step = 248; // the beats fit into the same turn
	const std::uint64_t checked = checks();
	const std::array before{pair->b->link(0).rx.load(), pair->b->link(1).rx.load()};
	const Time start = pair->now;
	const Time end = start + std::chrono::seconds{1};
	std::uint64_t flood = 0;
	for (; pair->now < end; pair->now += step) {
		for (std::uint32_t i = 0; i < per_step; ++i) {
			if (i == per_step / 2)
				pair->a->turn(pair->now);
			pair->a_to_b[0]->put(forged(frame, 3'000'000 + i, i));
			++flood;
		}
		++pair->a->channel->watchdog;
		++pair->b->channel->watchdog;
		pair->b->turn(pair->now);
		(void)pair->b_to_a[0]->take();
		(void)pair->a->events();
		(void)pair->b->events();
	}
	const double elapsed_us = std::chrono::duration<double, std::micro>(end - start).count();
	const std::uint64_t heard = pair->b->link(0).rx - before[0];
	EXPECT_GE(pair->b->drops(Drop::esp_icv) + pair->b->drops(Drop::esp_budget), flood);
	EXPECT_LE(static_cast<double>(checks() - checked), elapsed_us * 1.02 + crypto::Admission::full);
	EXPECT_GE(static_cast<double>(checks() - checked), elapsed_us * 0.9);
	EXPECT_GE(pair->b->link(1).rx - before[1], 99U) << "the other link";
	EXPECT_GT(heard, 5U) << "25 of 100 are to be expected";
	EXPECT_LT(heard, 50U);
}

TEST_P(Hostile, C6_a_clear_heartbeat_is_not_one)
{
	Bytes frame(ethernet_bytes);
	write_ethernet(std::span(frame).first<ethernet_bytes>(), core::broadcast_mac, {2, 2, 2, 2, 2, 2}, 0x8890);
	const Bytes packet = inner_packet({address_of_a, address_of_b}, beat_body({.tx = 1000}, "clear"));
	frame.insert(frame.end(), packet.begin(), packet.end());
	refuses(frame, Drop::plain_drop, "C6");
}

TEST_P(Hostile, C6_a_packet_of_the_plain_suite_is_nothing_to_an_authenticated_sa)
{
	const std::size_t esp_length = genuine().size() - ethernet_bytes - ipv4_bytes;
	Key key = make_key(GetParam(), 0, 0, 1);
	key.suite = crypto::Suite::plain;
	Forger plain(key, 1'000'000);
	const auto sealed = [&](std::size_t inner) {
		return plain.frame(inner_packet({address_of_a, address_of_b},
						beat_body({.tx = 1000}, "x", inner - ipv4_bytes - udp_bytes)));
	};
	refuses(sealed(usual_inner), Drop::esp_size, "the length of a plain beat");
	refuses(sealed(esp_length - crypto::esp_header_bytes - crypto::esp_trailer_bytes), Drop::esp_icv,
		"the length of a beat of this SA");
}

TEST_P(Hostile, random_frames_are_counted_each_once_and_disturb_nobody)
{
	constexpr unsigned seed = 20261122;
	constexpr unsigned rounds = 200;
	constexpr unsigned per_round = 100;
	std::mt19937 random(seed);
	const std::uint32_t live_spi = make_key(GetParam(), 0, 0, 1).spi;
	for (unsigned round = 0; round < rounds; ++round) {
		for (unsigned i = 0; i < per_round; ++i) {
			Bytes frame(random() % 400);
			for (std::byte &byte : frame)
				byte = static_cast<std::byte>(random());
			// The further a frame gets, the more it tests: step by step more of it is plausible.
			const auto plausible = random() % 5;
			if (plausible >= 1 && frame.size() >= 14) {
				frame[12] = std::byte{0x88};
				frame[13] = std::byte{0x90};
			}
			if (plausible >= 2 && frame.size() >= 42) {
				write_outer(std::span(frame).subspan<ethernet_bytes, ipv4_bytes>(), {1, 2},
					    frame.size() - ethernet_bytes - ipv4_bytes);
				if (plausible >= 3)
					for (std::size_t k = 0; k < 4; ++k)
						frame[34 + k] = static_cast<std::byte>(live_spi >> (24 - 8 * k));
				if (plausible == 4)
					frame[38] = frame[39] = std::byte{0};
			}
			pair->a_to_b[0]->put(frame);
		}
		pair->run_for(tick);
	}
	EXPECT_EQ(pair->b->all_drops(), rounds * per_round) << "seed " << seed;
	EXPECT_GT(pair->b->drops(Drop::esp_icv), 0U);
	EXPECT_GT(pair->b->drops(Drop::esp_nosa), 0U);
	EXPECT_EQ(pair->b->link(0).lost, 0U);
	for (const auto &event : pair->b->events())
		EXPECT_FALSE(std::holds_alternative<PeerLink>(event));
}

TEST_P(Hostile, beats_that_wait_behind_a_flood_are_not_missed)
{
	// Every turn finds the queue full of noise, with the genuine beats at its end; only part of it is taken per turn.
	Bytes noise(100);
	noise[12] = std::byte{0x88};
	noise[13] = std::byte{0x90};
	const Time end = pair->now + milliseconds{300};
	for (; pair->now < end; pair->now += tick) {
		while (pair->a_to_b[0]->in_flight() < 900)
			pair->a_to_b[0]->put(noise);
		pair->a->turn(pair->now);
		pair->b->turn(pair->now);
	}
	EXPECT_GT(pair->b->drops(Drop::rx_badip), 50'000U);
	for (const PeerLink &event : only<PeerLink>(pair->b->events()))
		EXPECT_NE(event.verdict, control::LinkVerdict::lost);
	// And a peer that dies under the flood is found.
	const Time death = pair->now;
	Time found = core::never;
	for (; pair->now < death + milliseconds{200} && found == core::never; pair->now += tick) {
		while (pair->a_to_b[0]->in_flight() < 900)
			pair->a_to_b[0]->put(noise);
		pair->b->turn(pair->now);
		for (const PeerLink &event : only<PeerLink>(pair->b->events()))
			if (event.verdict == control::LinkVerdict::lost && event.link == 0)
				found = event.at;
	}
	ASSERT_NE(found, core::never);
	EXPECT_LE(found - death, dead + milliseconds{20}); // the queue is heard out every few turns
}

} // namespace
} // namespace systole::dataplane::testing
