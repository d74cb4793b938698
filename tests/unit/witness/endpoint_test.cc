// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/witness/base64.h"
#include "control/witness/endpoint.h"

#include <gtest/gtest.h>

#include <random>

using namespace systole::control;

TEST(Endpoint, isAnAddressWithAPort)
{
	struct Case {
		const char *url;
		bool tls;
		const char *host;
	};
	for (const Case &c : {
		     Case{"http://10.0.0.5:2380", false, "10.0.0.5:2380"},
		     Case{"http://10.0.0.5", false, "10.0.0.5:2379"},
		     Case{"https://10.0.0.5/", true, "10.0.0.5:2379"},
		     Case{"https://[fd00::5]:65535", true, "[fd00::5]:65535"},
		     Case{"http://[::1]", false, "[::1]:2379"},
	     }) {
		std::string error;
		const auto endpoint = parse_endpoint(c.url, error);
		ASSERT_TRUE(endpoint) << c.url << ": " << error;
		EXPECT_EQ(endpoint->tls, c.tls) << c.url;
		EXPECT_EQ(endpoint->host(), c.host);
		EXPECT_EQ(endpoint->url, c.url);
	}
}

TEST(Endpoint, isRefusedWithItsReasonWhenItIsNot)
{
	for (const char *url : {"", "10.0.0.5:2379", "ftp://10.0.0.5", "http://", "http://localhost:2379",
				"http://10.0.0.5:", "http://10.0.0.5:0", "http://10.0.0.5:65536", "http://10.0.0.5:23x",
				"http://10.0.0.5:2379/v3", "http://[fd00::5", "http://[10.0.0.5]", "http://fd00::5",
				"http://[fd00::5]2379", "http://:2379"}) {
		std::string error;
		EXPECT_FALSE(parse_endpoint(url, error)) << url;
		EXPECT_NE(error.find(std::string("\"") + url + "\""), std::string::npos) << error;
	}
}

TEST(Base64, reproducesTheVectorsOfTheRfc)
{
	struct Case {
		const char *bytes;
		const char *text;
	};
	for (const Case &c : {Case{"", ""}, Case{"f", "Zg=="}, Case{"fo", "Zm8="}, Case{"foo", "Zm9v"},
			      Case{"foob", "Zm9vYg=="}, Case{"fooba", "Zm9vYmE="}, Case{"foobar", "Zm9vYmFy"}}) {
		EXPECT_EQ(base64(c.bytes), c.text);
		EXPECT_EQ(from_base64(c.text), c.bytes);
	}
}

TEST(Base64, givesBackEveryByteAndRefusesNonsense)
{
	std::mt19937 random{7};
	for (std::size_t length = 0; length < 100; ++length) {
		std::string bytes;
		while (bytes.size() < length)
			bytes += static_cast<char>(random());
		EXPECT_EQ(from_base64(base64(bytes)), bytes);
	}
	for (const char *text : {"Z", "Zg", "Zg=", "====", "Z===", "Zm9v\n", "Zm 9v", "Zm9*", "=Zm9"})
		EXPECT_EQ(from_base64(text), std::nullopt) << text;
}
