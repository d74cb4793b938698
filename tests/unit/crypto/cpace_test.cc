// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// CPace against the vectors of draft-irtf-cfrg-cpace (CPACE-RISTR255-SHA512), and the points it must refuse.
#include "crypto/cpace.h"
#include "crypto/kdf.h"
#include "crypto/ristretto.h"
#include "tests/unit/crypto/hex.h"

#include <gtest/gtest.h>

namespace systole::crypto {
namespace {

using test::from_hex;
using test::to_hex;

TEST(Cpace, reproduces_the_vectors_of_the_draft)
{
	const auto channel = from_hex("6f630b425f726573706f6e6465720b415f696e69746961746f72");
	const auto session = from_hex("7e4b4791d6a8ef019b936c79fb7f2c57");
	const Secret<32> scalar_a(from_hex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"));
	const Secret<32> scalar_b(from_hex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"));

	const Secret<32> generator = cpace::generator(bytes_of("Password"), channel, session);
	EXPECT_EQ(to_hex(generator.bytes()), "a6fc82c3b8968fbb2e06fee81ca858586dea50d248f0c7ca6a18b0902a30b36b");
	const auto share_a = multiply(scalar_a, generator.bytes());
	const auto share_b = multiply(scalar_b, generator.bytes());
	ASSERT_TRUE(share_a && share_b);
	EXPECT_EQ(to_hex(share_a->bytes()), "d40fb265a7abeaee7939d91a585fe59f7053f982c296ec413c624c669308f87a");
	EXPECT_EQ(to_hex(share_b->bytes()), "08bcf6e9777a9c313a3db6daa510f2d398403319c2341bd506a92e672eb7e307");
	const auto k = multiply(scalar_a, share_b->bytes());
	const auto k_of_b = multiply(scalar_b, share_a->bytes());
	ASSERT_TRUE(k && k_of_b);
	EXPECT_EQ(to_hex(k->bytes()), "e22b1ef7788f661478f3cddd4c600774fc0f41e6b711569190ff88fa0e607e09");
	EXPECT_TRUE(equal_constant_time(k->bytes(), k_of_b->bytes()));
	const Secret<64> isk =
		cpace::session_key(session, *k, share_a->bytes(), bytes_of("ADa"), share_b->bytes(), bytes_of("ADb"));
	EXPECT_EQ(to_hex(isk.bytes()).substr(0, 64),
		  "4c5469a16b2364c4b944ebc1a79e51d1674ad47db26e8718154f59faebfaa52d");
}

TEST(Cpace, prefixes_lengths_in_leb128)
{
	const std::vector<std::byte> long_value(300, std::byte{0xaa});
	const auto out = cpace::lv_cat({bytes_of(""), bytes_of("ab"), long_value});
	EXPECT_EQ(to_hex(Bytes(out).first(7)), "00026162ac02aa");
	EXPECT_EQ(out.size(), 1u + 3u + 2u + 300u);
}

TEST(Ristretto, H1_H2_refuses_points_that_do_not_decode_and_the_identity)
{
	const Secret<32> scalar = random_scalar();
	const struct {
		const char *what;
		std::string point;
	} refused[] = {
		{"identity", std::string(64, '0')},
		{"all ones", std::string(64, 'f')},
		{"odd s", "01" + std::string(62, '0')},
		{"s >= p (p itself)", "ed" + std::string(60, 'f') + "7f"},
		{"s >= p (p + 1)", "ee" + std::string(60, 'f') + "7f"},
		{"not on the curve (RFC 9496 A.2)", "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"},
		{"negative x y (RFC 9496 A.2)", "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e"},
		{"31 bytes", std::string(62, '0')},
		{"empty", ""},
	};
	for (const auto &[what, point] : refused)
		EXPECT_FALSE(multiply(scalar, from_hex(point)).has_value()) << what;
	// the base point of RFC 9496 decodes
	EXPECT_TRUE(multiply(scalar, from_hex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))
			    .has_value());
}

TEST(Ristretto, draws_another_scalar_every_time)
{
	EXPECT_FALSE(equal_constant_time(random_scalar().bytes(), random_scalar().bytes()));
}

TEST(Kdf, reproduces_rfc_5869_case_1)
{
	const auto prk =
		hkdf_extract(from_hex("000102030405060708090a0b0c"), std::vector<std::byte>(22, std::byte{0x0b}));
	EXPECT_EQ(to_hex(prk.bytes()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
	std::array<std::byte, 42> okm;
	hkdf_expand(prk, from_hex("f0f1f2f3f4f5f6f7f8f9"), okm);
	EXPECT_EQ(to_hex(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Kdf, reproduces_rfc_4231_case_2_for_any_split_of_the_message)
{
	const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
	EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"), {bytes_of("what do ya want for nothing?")}).bytes()), expected);
	EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"),
				     {bytes_of("what do ya "), bytes_of(""), bytes_of("want for nothing?")})
				 .bytes()),
		  expected);
}

TEST(Kdf, reproduces_rfc_7914_and_reports_a_memory_limit_that_is_too_low)
{
	const auto out = scrypt(bytes_of("pleaseletmein"), bytes_of("SodiumChloride"), {16384, 8, 1, 64ull << 20});
	ASSERT_TRUE(out.has_value());
	EXPECT_EQ(to_hex(out->bytes()), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
	EXPECT_FALSE(scrypt(bytes_of("pleaseletmein"), bytes_of("SodiumChloride"), {16384, 8, 1, 1 << 20}).has_value());
}

TEST(Kdf, hashes_pieces_like_the_whole)
{
	Sha512 hash;
	hash.update(bytes_of("a"));
	hash.update(bytes_of("bc"));
	EXPECT_EQ(to_hex(hash.finish().bytes()), "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a21929"
						 "92a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

} // namespace
} // namespace systole::crypto
