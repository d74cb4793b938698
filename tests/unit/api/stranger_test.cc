// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who is heard and is no member is named, with what is in its way.
#include "control/api/status.h"
#include "control/cli/render.h"
#include "control/json_line.h"
#include "tests/unit/api/fake_backend.h"

#include <boost/json/array.hpp>

namespace systole::control::test {
namespace {

using boost::json::object;
using core::KeyOutcome;

const std::string stranger_serial = "FGVM02TM23001399"; // the larger one: this member begins, and judges its KE2

object reason_about(const object &status, const std::string &member)
{
	for (const auto &reason : status.at("health_reasons").as_array())
		if (reason.as_object().at("member").as_string() == member)
			return reason.as_object();
	return {};
}

class Strangers : public testing::Test {
protected:
	void hello(const std::string &serial, std::uint32_t policy_difference = 0, std::uint8_t boot = 7)
	{
		const core::Config config = core_config(backend.configuration());
		core::HakeHeader header{core::HakeType::hello, config.group_id, 0, core::MemberId::from(serial), {}};
		header.nonce.fill(boot);
		backend.step(core::HakeReceived{0,
						{2, 0, 0, 0, 0, 9},
						core::encode(core::Hello{header, config.group_name, config.capabilities,
									 config.policy ^ policy_difference})});
	}
	FakeBackend backend;
};

TEST_F(Strangers, there_are_none_in_a_cluster_that_is_well)
{
	backend.join_primary(seconds{900});
	const object status = ha_status(backend);
	EXPECT_EQ(json_line(status.at("strangers")), "[]");
	EXPECT_EQ(status.at("health"), "OK") << json_line(status.at("health_reasons"));
}

TEST_F(Strangers, K10_one_with_another_password_is_named_in_status_and_health_and_is_no_member)
{
	backend.join_primary(seconds{900});
	backend.session_with(stranger_serial, 9, KeyOutcome::confirm_bad);
	const double heard = backend.unix_now();
	backend.now += seconds{1};
	const object status = ha_status(backend);
	ASSERT_EQ(status.at("strangers").as_array().size(), 1U);
	const object &stranger = status.at("strangers").as_array().at(0).as_object();
	EXPECT_EQ(stranger.at("serial"), stranger_serial.c_str());
	EXPECT_EQ(stranger.at("obstacle"), "wrong-password");
	EXPECT_NEAR(stranger.at("heard_unix").as_double(), heard, 1e-3);
	EXPECT_EQ(json_line(reason_about(status, stranger_serial)),
		  R"({"level":"WARNING","cause":"wrong-password","member":")" + stranger_serial +
			  R"(","text":"is alive and refused: its password is another one"})");
	EXPECT_EQ(status.at("health"), "WARNING");
	EXPECT_EQ(status.at("members").as_array().size(), 2U);
	EXPECT_EQ(status.at("counters").as_object().at("drops").as_object().at("hake_confirm_bad").to_number<int>(), 1);
	EXPECT_NE(cli::render_status(status).find("    WARNING: " + stranger_serial +
						  " is alive and refused: its password is another one;\n"),
		  std::string::npos)
		<< cli::render_status(status);
}

TEST_F(Strangers, K10_one_that_has_mended_its_password_is_a_member)
{
	backend.start();
	backend.session_with(stranger_serial, 9, KeyOutcome::confirm_bad);
	ASSERT_EQ(ha_status(backend).at("strangers").as_array().size(), 1U);
	backend.pass(seconds{3}); // its back-off
	backend.session_with(stranger_serial, 10);
	backend.link(0, core::LinkHealth::up);
	backend.say(core::HaState::standby, seconds{1});
	const object status = ha_status(backend);
	EXPECT_EQ(json_line(status.at("strangers")), "[]");
	EXPECT_EQ(status.at("members").as_array().size(), 2U);
	EXPECT_EQ(json_line(reason_about(status, stranger_serial)), "{}");
}

TEST_F(Strangers, one_that_is_heard_no_more_is_forgotten)
{
	backend.start();
	backend.session_with(stranger_serial, 9, KeyOutcome::confirm_bad);
	backend.now += seconds{5};
	EXPECT_EQ(ha_status(backend).at("strangers").as_array().size(), 1U);
	backend.now += milliseconds{1};
	EXPECT_EQ(json_line(ha_status(backend).at("strangers")), "[]");
}

TEST_F(Strangers, a_policy_mismatch_is_named_as_such)
{
	backend.start();
	const std::uint32_t policy = core_config(backend.configuration()).policy;
	hello(peer_serial, policy ^ (policy + 1));
	const object status = ha_status(backend);
	ASSERT_EQ(status.at("strangers").as_array().size(), 1U);
	EXPECT_EQ(status.at("strangers").as_array().at(0).as_object().at("obstacle"), "mismatch");
	const object reason = reason_about(status, peer_serial);
	ASSERT_TRUE(reason.contains("text"));
	EXPECT_EQ(reason.at("cause"), "mismatch");
	EXPECT_NE(reason.at("text").as_string().find("MISMATCH of authentication, encryption"), std::string::npos);
}

TEST_F(Strangers, P11_a_serial_that_is_not_printable_is_escaped)
{
	backend.start();
	const std::string strange = "~\n\x1b[2J";
	backend.session_with(strange, 9, KeyOutcome::confirm_bad);
	const object status = ha_status(backend);
	ASSERT_EQ(status.at("strangers").as_array().size(), 1U);
	for (const std::string &text : {json_line(status), cli::render_status(status)})
		EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
	EXPECT_EQ(cli::render_status(status).find("~\n"), std::string::npos);
}

} // namespace
} // namespace systole::control::test
