// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Every value of kat.json: key schedule, messages and ESP packets, for suites 1 to 3; and the capture made with
// it, from the handshake on the wire to the last packet.
//
// The vectors were written by an independent Python implementation of HAKE-1, with scapy sealing the packets.
#include "crypto/cpace.h"
#include "crypto/esp.h"
#include "crypto/kdf.h"
#include "crypto/ristretto.h"
#include "tests/unit/crypto/known_answers.h"

#include <gtest/gtest.h>

#include <map>

namespace systole::crypto {
namespace {

using test::KnownAnswers;
using test::KnownExchange;
using test::KnownSa;
using test::slice;
using test::to_hex;

class KnownAnswer : public testing::Test {
protected:
	KnownAnswers known = test::load_known_answers();
	std::string group_name = known.text("group_name");
	Secret<32> prs{known.bytes("PRS")};
	Secret<32> scalar_a{known.bytes("yA_le")}, scalar_b{known.bytes("yB_le")};
	Secret<32> old_resume_key{known.bytes("RKprev")};
};

TEST_F(KnownAnswer, K1_the_password_gives_this_PRS)
{
	const auto derived = derive_prs(known.text("password"), known.group_id(), group_name);
	ASSERT_TRUE(derived.has_value());
	EXPECT_EQ(to_hex(derived->bytes()), known.text("PRS"));
}

TEST_F(KnownAnswer, the_PRS_depends_on_password_group_id_and_group_name)
{
	for (const auto &other :
	     {derive_prs("correct hors", known.group_id(), group_name), derive_prs("correct horse", 104, group_name),
	      derive_prs("correct horse", known.group_id(), "remote-mo")}) {
		ASSERT_TRUE(other.has_value());
		EXPECT_NE(to_hex(other->bytes()), known.text("PRS"));
	}
}

TEST_F(KnownAnswer, K2_to_K7_the_exchange_gives_these_CI_sid_g_shares_K_ISK_PRK_and_confirmation_keys)
{
	ASSERT_EQ(known.exchanges.size(), 3u);
	for (const KnownExchange &exchange : known.exchanges) {
		const ExchangeContext context = test::context_of(exchange.ke1, group_name);
		std::array<std::byte, 2> group_id;
		store_be16(group_id.data(), context.group_id);
		const auto channel =
			cpace::lv_cat({bytes_of("HAKE-1"), group_id, bytes_of(group_name), context.id_a, context.id_b});
		EXPECT_EQ(to_hex(channel), known.text("CI"));
		const std::string session = to_hex(context.nonce_a) + to_hex(context.nonce_b) + to_hex(context.x);
		EXPECT_EQ(session, known.text("sid"));
		const Secret<32> generator = cpace::generator(prs.bytes(), channel, known.bytes("sid"));
		EXPECT_EQ(to_hex(generator.bytes()), exchange.text("g"));

		const OwnShare a = make_share_with(prs, context, scalar_a);
		const OwnShare b = make_share_with(prs, context, scalar_b);
		EXPECT_EQ(to_hex(a.share), exchange.text("YA"));
		EXPECT_EQ(to_hex(b.share), exchange.text("YB"));
		EXPECT_TRUE(equal_constant_time(a.scalar.bytes(), scalar_a.bytes()));

		const auto k = multiply(scalar_a, b.share);
		ASSERT_TRUE(k.has_value());
		EXPECT_EQ(to_hex(k->bytes()), exchange.text("K"));
		const Secret<64> isk =
			cpace::session_key(known.bytes("sid"), *k, a.share, Bytes(exchange.ke1).first(100), b.share,
					   Bytes(exchange.ke2).first(100));
		EXPECT_EQ(to_hex(isk.bytes()), exchange.text("ISK"));
		const Secret<32> prk = hkdf_extract(bytes_of("HAKE-1"), isk.bytes());
		EXPECT_EQ(to_hex(prk.bytes()), exchange.text("PRK"));
		Secret<32> confirm;
		hkdf_expand(prk, bytes_of("HAKE-1 confA"), confirm.span());
		EXPECT_EQ(to_hex(confirm.bytes()), exchange.text("kcA"));
		hkdf_expand(prk, bytes_of("HAKE-1 confB"), confirm.span());
		EXPECT_EQ(to_hex(confirm.bytes()), exchange.text("kcB"));
	}
}

TEST_F(KnownAnswer, K8_both_sides_derive_these_tags_tickets_resume_keys_and_SA_keys)
{
	for (const KnownExchange &exchange : known.exchanges) {
		const Bytes ke1 = exchange.ke1, ke2 = exchange.ke2, ke3 = exchange.ke3;
		const ExchangeContext context = test::context_of(ke1, group_name);
		for (const bool own_is_a : {true, false}) {
			const auto secrets =
				test::secrets_of(context, ke1, ke2, own_is_a ? scalar_a : scalar_b, own_is_a);
			ASSERT_TRUE(secrets.has_value());
			EXPECT_EQ(to_hex(secrets->confirm_b(ke1, ke2.first(132))), to_hex(ke2.subspan(132, 32)));
			EXPECT_EQ(to_hex(secrets->confirm_a(ke1, ke2, ke3.first(84))), to_hex(ke3.subspan(84, 32)));
			EXPECT_EQ(to_hex(secrets->resume_key().bytes()), exchange.text("RK"));
			ASSERT_EQ(exchange.sas.size(), 4u);
			for (const KnownSa &sa : exchange.sas) {
				std::array<std::byte, max_sa_key_bytes> key{};
				secrets->sa_key(sa.suite, sa.dir, sa.link, TrafficClass::heartbeat, sa.spi, key);
				EXPECT_EQ(to_hex(Bytes(key).first(sa.key.size())), to_hex(sa.key));
				EXPECT_EQ(sa.key.size(), shape_of(sa.suite).key_bytes);
			}
		}
		EXPECT_EQ(to_hex(ticket(old_resume_key, 1, ke1.first(132))), to_hex(ke1.subspan(132, 16)));
		EXPECT_EQ(to_hex(ticket(old_resume_key, 2, ke2.first(132))), to_hex(ke2.subspan(164, 16)));
	}
}

TEST_F(KnownAnswer, every_input_of_an_SA_key_changes_it)
{
	const KnownExchange &exchange = known.exchanges[1];
	const auto secrets = test::secrets_of(test::context_of(exchange.ke1, group_name), exchange.ke1, exchange.ke2,
					      scalar_a, true);
	ASSERT_TRUE(secrets.has_value());
	std::map<std::string, int> seen;
	const auto add = [&](Suite suite, std::uint8_t dir, std::uint8_t link, TrafficClass traffic_class,
			     std::uint32_t spi) {
		std::array<std::byte, max_sa_key_bytes> key{};
		secrets->sa_key(suite, dir, link, traffic_class, spi, key);
		++seen[to_hex(Bytes(key).first(16))];
	};
	add(Suite::cbc_sha1, 0, 0, TrafficClass::heartbeat, 0x01020304);
	add(Suite::gcm, 0, 0, TrafficClass::heartbeat, 0x01020304);
	add(Suite::cbc_sha1, 1, 0, TrafficClass::heartbeat, 0x01020304);
	add(Suite::cbc_sha1, 0, 1, TrafficClass::heartbeat, 0x01020304);
	add(Suite::cbc_sha1, 0, 0, TrafficClass::session, 0x01020304);
	add(Suite::cbc_sha1, 0, 0, TrafficClass::heartbeat, 0x01020305);
	EXPECT_EQ(seen.size(), 6u);
}

TEST_F(KnownAnswer, H13_H14_any_changed_byte_of_the_two_heads_changes_the_tags)
{
	const KnownExchange &exchange = known.exchanges[1];
	const ExchangeContext context = test::context_of(exchange.ke1, group_name);
	for (std::size_t i = 0; i < 100; ++i) {
		auto ke1 = exchange.ke1, ke2 = exchange.ke2;
		ke1[i] ^= std::byte{1};
		const auto altered_1 = test::secrets_of(context, ke1, exchange.ke2, scalar_b, false);
		ASSERT_TRUE(altered_1.has_value());
		// B saw an altered KE1 and answers for it; A checks against what it sent.
		EXPECT_NE(to_hex(altered_1->confirm_b(ke1, Bytes(ke2).first(132))), to_hex(Bytes(ke2).subspan(132, 32)))
			<< "KE1 byte " << i;
		ke2[i] ^= std::byte{1};
		const auto altered_2 = test::secrets_of(context, exchange.ke1, ke2, scalar_a, true);
		ASSERT_TRUE(altered_2.has_value());
		EXPECT_NE(to_hex(altered_2->confirm_b(exchange.ke1, Bytes(ke2).first(132))),
			  to_hex(Bytes(ke2).subspan(132, 32)))
			<< "KE2 byte " << i;
	}
}

TEST_F(KnownAnswer, H2_H3_a_bad_share_gives_no_secrets_and_a_reflected_one_no_confirmation)
{
	const KnownExchange &exchange = known.exchanges[1];
	const ExchangeContext context = test::context_of(exchange.ke1, group_name);
	auto ke2 = exchange.ke2;
	std::fill_n(ke2.begin() + 100, 32, std::byte{0});
	EXPECT_FALSE(test::secrets_of(context, exchange.ke1, ke2, scalar_a, true).has_value());

	std::copy_n(exchange.ke1.begin() + 100, 32, ke2.begin() + 100);
	const auto reflected = test::secrets_of(context, exchange.ke1, ke2, scalar_a, true);
	ASSERT_TRUE(reflected.has_value());
	EXPECT_NE(to_hex(reflected->confirm_b(exchange.ke1, Bytes(ke2).first(132))),
		  to_hex(Bytes(ke2).subspan(132, 32)));
}

TEST_F(KnownAnswer, fresh_shares_agree_and_a_wrong_password_does_not)
{
	const KnownExchange &exchange = known.exchanges[2];
	const ExchangeContext context = test::context_of(exchange.ke1, group_name);
	const Secret<32> wrong_prs(std::vector<std::byte>(32, std::byte{7}));
	const OwnShare a = make_share(prs, context), b = make_share(prs, context),
		       stranger = make_share(wrong_prs, context);
	EXPECT_NE(to_hex(a.share), to_hex(b.share));
	const auto with_share = [](std::vector<std::byte> message, const Share &share) {
		std::ranges::copy(share, message.begin() + 100);
		return message;
	};
	const auto ke1 = with_share(exchange.ke1, a.share);
	const auto tag = [&](const OwnShare &own, bool own_is_a, const std::vector<std::byte> &ke2) {
		const auto secrets = test::secrets_of(context, ke1, ke2, own.scalar, own_is_a);
		return secrets ? to_hex(secrets->confirm_b(ke1, Bytes(ke2).first(132))) : std::string("none");
	};
	const auto genuine = with_share(exchange.ke2, b.share), guessed = with_share(exchange.ke2, stranger.share);
	EXPECT_EQ(tag(a, true, genuine), tag(b, false, genuine));
	EXPECT_NE(tag(a, true, guessed), tag(stranger, false, guessed));
}

constexpr std::size_t ip_header_bytes = 20;

// Seals as a worker does: in the middle of a larger buffer, with exactly the room that suite.h promises is enough.
std::vector<std::byte> sealed(EspEngine &engine, OutboundSa &sa, Bytes inner)
{
	std::vector<std::byte> buffer(seal_headroom + inner.size() + seal_tailroom);
	std::ranges::copy(inner, buffer.begin() + seal_headroom);
	Seal packet{.sa = &sa,
		    .inner = buffer.data() + seal_headroom,
		    .inner_length = inner.size(),
		    .headroom = seal_headroom,
		    .tailroom = seal_tailroom};
	engine.seal({&packet, 1});
	EXPECT_EQ(packet.refusal, Refusal::none);
	return {packet.esp, packet.esp + packet.esp_length};
}

TEST_F(KnownAnswer, every_ESP_packet_opens_and_seals_again_byte_for_byte)
{
	EspEngine engine;
	int packets = 0;
	for (const KnownExchange &exchange : known.exchanges) {
		for (const KnownSa &sa : exchange.sas) {
			const InboundSaPtr in = make_inbound_sa(sa.spec());
			const OutboundSaPtr out = make_outbound_sa(sa.spec());
			ASSERT_TRUE(in && out);
			std::uint32_t sequence = 0;
			for (const auto &ip_packet : sa.packets) {
				std::vector<std::byte> esp(ip_packet.begin() + ip_header_bytes, ip_packet.end());
				const std::string genuine = to_hex(esp);
				Open open{.sa = in.get(), .esp = esp.data(), .esp_length = esp.size()};
				engine.open({&open, 1});
				ASSERT_EQ(open.refusal, Refusal::none);
				EXPECT_EQ(open.sequence, ++sequence);
				EXPECT_EQ(std::to_integer<int>(open.inner[0]), 0x45);
				EXPECT_EQ(load_be16(open.inner + 2), open.inner_length);
				EXPECT_EQ(std::string(reinterpret_cast<const char *>(open.inner) + 28, 4), "FGHB");
				EXPECT_EQ(to_hex(sealed(engine, *out, {open.inner, open.inner_length})), genuine);
				++packets;
			}
		}
	}
	EXPECT_EQ(packets, 24);
}

// ---------------------------------------------------------------- hake.pcap

std::vector<std::vector<std::byte>> frames_of_capture()
{
	const std::string file = test::read_vector("hake.pcap");
	const auto *const bytes = reinterpret_cast<const std::byte *>(file.data());
	const auto little32 = [&](std::size_t at) {
		return std::to_integer<std::uint32_t>(bytes[at]) | std::to_integer<std::uint32_t>(bytes[at + 1]) << 8 |
		       std::to_integer<std::uint32_t>(bytes[at + 2]) << 16 |
		       std::to_integer<std::uint32_t>(bytes[at + 3]) << 24;
	};
	std::vector<std::vector<std::byte>> frames;
	for (std::size_t at = 24; at + 16 <= file.size();) {
		const std::size_t length = little32(at + 8);
		at += 16;
		if (at + length > file.size())
			throw std::runtime_error("hake.pcap ends in the middle of a frame");
		frames.emplace_back(bytes + at, bytes + at + length);
		at += length;
	}
	return frames;
}

TEST_F(KnownAnswer, the_capture_can_be_followed_from_its_handshakes_to_its_last_packet)
{
	constexpr std::size_t ethernet_bytes = 14;
	EspEngine engine;
	std::vector<std::byte> ke1, ke2;
	std::map<std::uint32_t, InboundSaPtr> sas;
	int opened = 0, confirmed = 0;
	for (auto &frame : frames_of_capture()) {
		const std::span<std::byte> payload = std::span(frame).subspan(ethernet_bytes);
		if (payload[0] == std::byte{'H'}) {
			const int type = std::to_integer<int>(payload[5]);
			const std::vector<std::byte> message(payload.begin(),
							     payload.begin() + load_be16(payload.data() + 6));
			if (type == 2)
				ke1 = message;
			if (type == 3)
				ke2 = message;
			if (type != 4)
				continue;
			const auto secrets =
				test::secrets_of(test::context_of(ke1, group_name), ke1, ke2, scalar_b, false);
			ASSERT_TRUE(secrets.has_value());
			EXPECT_EQ(to_hex(secrets->confirm_a(ke1, ke2, Bytes(message).first(84))),
				  to_hex(Bytes(message).subspan(84)));
			++confirmed;
			const auto suite = static_cast<Suite>(ke2[98]);
			for (const std::uint8_t dir : {std::uint8_t{0}, std::uint8_t{1}}) {
				for (const std::uint8_t link : {std::uint8_t{0}, std::uint8_t{1}}) {
					// the receiver chose the SPI base: B (in KE2) for A -> B
					const std::uint32_t spi = load_be32((dir == 0 ? ke2 : ke1).data() + 92) |
								  static_cast<std::uint32_t>(link << 2);
					std::array<std::byte, max_sa_key_bytes> key;
					secrets->sa_key(suite, dir, link, TrafficClass::heartbeat, spi, key);
					sas[spi] = make_inbound_sa(
						{spi, suite, Bytes(key).first(shape_of(suite).key_bytes)});
					ASSERT_TRUE(sas[spi]);
				}
			}
			continue;
		}
		const std::size_t ip_bytes = load_be16(payload.data() + 2);
		Open open{.esp = payload.data() + ip_header_bytes, .esp_length = ip_bytes - ip_header_bytes};
		const auto found = sas.find(load_be32(open.esp));
		ASSERT_NE(found, sas.end());
		open.sa = found->second.get();
		engine.open({&open, 1});
		EXPECT_EQ(open.refusal, Refusal::none);
		++opened;
	}
	EXPECT_EQ(confirmed, 3);
	EXPECT_EQ(opened, 24);
}

} // namespace
} // namespace systole::crypto
