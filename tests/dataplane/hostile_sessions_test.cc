// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What is hostile in the class of session frames: each is refused by name, and no beat suffers.
#include "tests/dataplane/session_wire.h"

#include <array>
#include <string>

namespace systole::dataplane::testing {
namespace {

using control::Drop;
using crypto::TrafficClass;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class HostileSessions : public SessionFrames {
protected:
	void SetUp() override { begin(2); }
	void refuses(const Bytes &frame, Drop reason, const std::string &what, core::LinkIndex link = 0)
	{
		const auto before = pair->b->drops(reason);
		const auto sum = pair->b->all_drops();
		pair->a_to_b[link]->put(frame);
		pair->b->turn(pair->now);
		EXPECT_EQ(pair->b->drops(reason), before + 1)
			<< what << " should be " << control::drop_names[static_cast<std::size_t>(reason)];
		EXPECT_EQ(pair->b->all_drops(), sum + 1) << what;
		EXPECT_TRUE(taken(*pair->b).empty()) << what;
	}
	void accepts(const Bytes &frame, const std::string &what)
	{
		pair->a_to_b[0]->put(frame);
		pair->b->turn(pair->now);
		EXPECT_EQ(taken(*pair->b).size(), 1U) << what;
	}
	Forger forger(TrafficClass traffic_class = TrafficClass::session) const
	{
		return Forger(make_key(GetParam(), 0, 0, 1, traffic_class), 1'000'000);
	}
	static Bytes good_packet() { return session_packet({address_of_a, address_of_b}, numbered(7, 200)); }
	std::uint64_t checks() const { return pair->b->channel->counters.integrity_checks; }
};
INSTANTIATE_TEST_SUITE_P(Suites, HostileSessions, ::testing::Values(crypto::Suite::cbc_sha1, crypto::Suite::gcm),
			 [](const ::testing::TestParamInfo<crypto::Suite> &suite) {
				 return test_name_of(suite.param);
			 });

TEST_P(HostileSessions, R1_a_replayed_frame_is_refused_before_anything_is_computed)
{
	Forger peer = forger();
	const Bytes frame = peer.frame(good_packet(), session_type);
	accepts(frame, "first");
	const auto checked = checks();
	for (int i = 0; i < 5; ++i)
		refuses(frame, Drop::esp_replay_pre, "copy");
	EXPECT_EQ(checks(), checked);
	refuses(frame, Drop::esp_link, "on another link", 1);
}

TEST_P(HostileSessions, E2_no_frame_with_a_flipped_bit_is_accepted)
{
	Forger peer = forger();
	const Bytes frame = peer.frame(good_packet(), session_type);
	for (std::size_t at = ethernet_bytes + ipv4_bytes + 8; at < frame.size(); at += 3) {
		Bytes twisted = frame;
		twisted[at] ^= static_cast<std::byte>(1U << at % 8);
		refuses(twisted, Drop::esp_icv, std::to_string(at));
		pair->now += microseconds{2};
	}
	accepts(frame, "the genuine one");
}

TEST_P(HostileSessions, S3_the_ether_type_and_the_class_of_the_sa_must_agree)
{
	Forger sessions = forger();
	Forger beats = forger(TrafficClass::heartbeat);
	const auto checked = checks();
	refuses(sessions.frame(good_packet(), heartbeat_type), Drop::esp_class, "session SPI among heartbeats");
	refuses(beats.frame(good_packet(), session_type), Drop::esp_class, "heartbeat SPI among session frames");
	EXPECT_EQ(checks(), checked);
	for (const TrafficClass other : {TrafficClass::config, TrafficClass::relay}) {
		const Key key = make_key(GetParam(), 0, 0, 9, other);
		crypto::InboundSa *sa = crypto::make_inbound_sa(key.spec()).release();
		sa->traffic_class = other;
		pair->b->command(control::InstallInbound{sa, peer_slot, 0, 1});
		for (const std::uint16_t type : {heartbeat_type, session_type})
			refuses(Forger(key, 1).frame(good_packet(), type), Drop::esp_class, "a class nobody takes");
	}
	Bytes hello(ethernet_bytes + 84);
	write_ethernet(std::span(hello).first<ethernet_bytes>(), core::broadcast_mac, {2, 2, 2, 2, 2, 2}, session_type);
	const std::array<unsigned, 8> header{'H', 'A', 'K', 'E', 1, 1, 0, 84};
	for (std::size_t i = 0; i < header.size(); ++i)
		hello[14 + i] = static_cast<std::byte>(header[i]);
	refuses(hello, Drop::rx_badip, "a handshake message among session frames");
}

TEST_P(HostileSessions, S1_S2_S6_a_member_with_the_keys_sends_what_belongs_to_its_sa_or_nothing)
{
	Forger peer = forger();
	const auto sealed = [&](const Bytes &packet) { return peer.frame(packet, session_type); };
	const Bytes body = numbered(7, 200);
	refuses(sealed(session_packet({0xa9fe0003, address_of_b}, body)), Drop::esp_policy, "another member's address");
	refuses(sealed(session_packet({address_of_a, 0xa9fe0003}, body)), Drop::esp_policy, "not to me");
	refuses(sealed(inner_packet({address_of_a, address_of_b}, body)), Drop::esp_policy, "the port of heartbeats");
	Bytes port = good_packet();
	port[23] ^= std::byte{1};
	refuses(sealed(port), Drop::esp_policy, "a wrong port");
	Bytes checksum = good_packet();
	checksum[10] ^= std::byte{0x10};
	refuses(sealed(checksum), Drop::inner_parse, "IPv4 checksum");
	refuses(sealed(session_packet({address_of_a, address_of_b}, {})), Drop::inner_parse, "nothing in it");
	const auto checked = checks();
	refuses(sealed(session_packet({address_of_a, address_of_b}, Bytes(control::max_session_payload + 20))),
		Drop::esp_size, "too long");
	EXPECT_EQ(checks(), checked) << "refused by its length";
	// What padding hides: within the longest packet, but not within the slot.
	constexpr std::size_t slack = 2;
	if (crypto::esp_length_of(GetParam(), ipv4_bytes + udp_bytes + control::max_session_payload + slack) ==
	    crypto::esp_length_of(GetParam(), ipv4_bytes + udp_bytes + control::max_session_payload))
		refuses(sealed(session_packet({address_of_a, address_of_b},
					      Bytes(control::max_session_payload + slack))),
			Drop::inner_parse, "two bytes too long");
	accepts(sealed(session_packet({address_of_a, address_of_b}, Bytes(control::max_session_payload))),
		"the longest");
	accepts(sealed(good_packet()), "good");
	pair->b->command(control::StopPeer{peer_slot});
	pair->b->turn(pair->now);
	pair->a_to_b[0]->put(sealed(good_packet()));
	pair->b->turn(pair->now);
	EXPECT_TRUE(taken(*pair->b).empty()) << "of a peer that was stopped";
}

TEST_P(HostileSessions, D3_a_flood_on_the_session_sa_is_bounded_and_costs_no_beat)
{
	Forger peer = forger();
	const Bytes frame = peer.frame(good_packet(), session_type);
	accepts(frame, "first");
	constexpr auto step = microseconds{64};
	constexpr std::uint32_t per_step = 200; // three million a second
	const std::uint64_t checked = checks();
	const std::array before{pair->b->link(0).rx.load(), pair->b->link(1).rx.load()};
	const Time start = pair->now;
	const Time end = start + milliseconds{500};
	std::uint64_t flood = 0;
	for (; pair->now < end; pair->now += step) {
		for (std::uint32_t i = 0; i < per_step; ++i) {
			Bytes forged = frame;
			crypto::store_be32(forged.data() + 38, 2'000'000 + i);
			crypto::store_be32(forged.data() + forged.size() - 4, i);
			pair->a_to_b[0]->put(forged);
			++flood;
		}
		++pair->a->channel->watchdog;
		++pair->b->channel->watchdog;
		pair->a->turn(pair->now);
		pair->b->turn(pair->now);
	}
	const double elapsed_us = std::chrono::duration<double, std::micro>(end - start).count();
	EXPECT_EQ(pair->b->drops(Drop::esp_icv) + pair->b->drops(Drop::esp_budget), flood);
	EXPECT_LE(static_cast<double>(checks() - checked), elapsed_us * 1.02 + crypto::Admission::full + 200);
	EXPECT_TRUE(taken(*pair->b).empty());
	for (core::LinkIndex link = 0; link < 2; ++link) {
		EXPECT_GE(pair->b->link(link).rx - before[link], 49U);
		EXPECT_EQ(pair->b->link(link).lost, 0U);
	}
}

} // namespace
} // namespace systole::dataplane::testing
