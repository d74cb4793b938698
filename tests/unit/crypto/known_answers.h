// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// tests/vectors/kat.json, as an independent Python implementation of HAKE-1 wrote it, in the words of crypto/hake.h.
#pragma once

#include "crypto/hake.h"
#include "tests/unit/crypto/hex.h"

#include <boost/json.hpp>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace systole::crypto::test {

struct KnownSa {
	Suite suite;
	std::uint8_t dir, link;
	std::uint32_t spi;
	std::vector<std::byte> key;
	std::vector<std::vector<std::byte>> packets; // outer IPv4 header and ESP, sequence numbers 1 and 2

	[[nodiscard]] SaSpec spec() const { return {spi, suite, key}; }
};

struct KnownExchange {
	Suite suite;
	boost::json::object values; // hexadecimal, by the names of kat.json
	std::vector<std::byte> ke1, ke2, ke3;
	std::vector<KnownSa> sas;

	[[nodiscard]] std::string text(std::string_view name) const { return std::string(values.at(name).as_string()); }
	[[nodiscard]] std::vector<std::byte> bytes(std::string_view name) const { return from_hex(text(name)); }
};

struct KnownAnswers {
	boost::json::object values;
	std::vector<KnownExchange> exchanges; // suites 1, 2, 3

	[[nodiscard]] std::string text(std::string_view name) const { return std::string(values.at(name).as_string()); }
	[[nodiscard]] std::vector<std::byte> bytes(std::string_view name) const { return from_hex(text(name)); }
	[[nodiscard]] std::uint16_t group_id() const { return values.at("group_id").to_number<std::uint16_t>(); }
};

[[nodiscard]] inline std::string read_vector(const std::string &name)
{
	std::ifstream file(std::string(SYSTOLE_TEST_VECTORS) + "/" + name, std::ios::binary);
	std::ostringstream text;
	if (!file || !(text << file.rdbuf()))
		throw std::runtime_error("cannot read test vector " + name);
	return text.str();
}

[[nodiscard]] inline KnownAnswers load_known_answers()
{
	KnownAnswers out;
	out.values = boost::json::parse(read_vector("kat.json")).as_object();
	for (const auto &suite : {Suite::null_sha1, Suite::cbc_sha1, Suite::gcm}) {
		KnownExchange exchange;
		exchange.suite = suite;
		exchange.values = out.values.at("suites").at(std::to_string(static_cast<int>(suite))).as_object();
		exchange.ke1 = exchange.bytes("ke1");
		exchange.ke2 = exchange.bytes("ke2");
		exchange.ke3 = exchange.bytes("ke3");
		for (const auto &[name, sa] : exchange.values.at("sa").as_object()) {
			// "dir0 link1 class0"
			KnownSa known{};
			known.suite = suite;
			known.dir = static_cast<std::uint8_t>(name[3] - '0');
			known.link = static_cast<std::uint8_t>(name[9] - '0');
			const auto field = [&sa_object = sa.as_object()](std::string_view key) {
				return from_hex(std::string(sa_object.at(key).as_string()));
			};
			known.spi = load_be32(field("spi").data());
			known.key = field("key");
			known.packets = {field("pkt1"), field("pkt2")};
			exchange.sas.push_back(std::move(known));
		}
		out.exchanges.push_back(std::move(exchange));
	}
	return out;
}

template <std::size_t N> [[nodiscard]] std::array<std::byte, N> slice(Bytes message, std::size_t offset)
{
	std::array<std::byte, N> out;
	std::copy_n(message.subspan(offset, N).begin(), N, out.begin());
	return out;
}

// The context of an exchange as its KE1 carries it (docs/PROTOCOL.md, layout of KE1).
[[nodiscard]] inline ExchangeContext context_of(Bytes ke1, std::string_view group_name)
{
	ExchangeContext context;
	context.group_id = load_be16(ke1.data() + 8);
	context.group_name = group_name;
	context.id_a = slice<16>(ke1, 12);
	context.nonce_a = slice<16>(ke1, 28);
	context.id_b = slice<16>(ke1, 44);
	context.nonce_b = slice<16>(ke1, 60);
	context.x = slice<8>(ke1, 76);
	return context;
}

// Session secrets from two complete messages and one side's scalar.
[[nodiscard]] inline std::optional<SessionSecrets> secrets_of(const ExchangeContext &context, Bytes ke1, Bytes ke2,
							      const Secret<32> &scalar, bool own_is_a)
{
	const Share share_a = slice<32>(ke1, 100), share_b = slice<32>(ke2, 100);
	return SessionSecrets::derive(context, scalar, own_is_a ? share_b : share_a, own_is_a, share_a, ke1.first(100),
				      share_b, ke2.first(100));
}

} // namespace systole::crypto::test
