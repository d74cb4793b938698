// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systolectl against a real control socket: what is printed where, and the exit codes.
#include "control/api/server.h"
#include "control/cli/command_tree.h"
#include "control/cli/runner.h"
#include "tests/unit/api/fake_backend.h"
#include "tests/unit/api/temporary_directory.h"

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

namespace systole::control::test {
namespace {

using cli::Exit;

struct Output {
	Exit code = Exit::ok;
	std::string out, err;
};

class Systolectl : public testing::Test {
protected:
	void SetUp() override
	{
		setenv("TZ", "UTC", 1);
		tzset();
		backend.start();
		backend.pass(seconds{20});
		std::string error;
		ASSERT_TRUE(server.start(path, error)) << error;
		thread = std::thread([this] { io.run(); });
	}
	void TearDown() override
	{
		boost::asio::post(io, [this] { server.stop(); });
		thread.join();
	}
	template <typename Run> static Output capture(Run &&run)
	{
		testing::internal::CaptureStdout();
		testing::internal::CaptureStderr();
		Output output;
		output.code = run();
		output.out = testing::internal::GetCapturedStdout();
		output.err = testing::internal::GetCapturedStderr();
		return output;
	}
	[[nodiscard]] Output run(const std::string &line, bool json = false, const std::string &socket = {}) const
	{
		cli::Runner runner({socket.empty() ? path : socket, "m1", json});
		const auto words = cli::split_words(line);
		return capture([&] { return runner.run(words); });
	}

	TemporaryDirectory directory;
	std::string path = directory / "control.sock";
	FakeBackend backend;
	boost::asio::io_context io;
	ApiServer server{io, backend};
	std::thread thread;
};

TEST_F(Systolectl, prints_text_or_the_json_of_the_daemon)
{
	const Output text = run("get sys ha stat");
	EXPECT_EQ(text.code, Exit::ok);
	EXPECT_TRUE(text.out.starts_with("HA Health Status: OK\n")) << text.out;
	const Output json = run("get sys ha stat", true);
	EXPECT_EQ(boost::json::parse(json.out).as_object().at("serial"), self_serial.c_str());
	EXPECT_EQ(json.out.find('\n'), json.out.size() - 1) << "one line";
	EXPECT_TRUE(run("show sys ha").out.starts_with("config system ha\n"));
	EXPECT_EQ(boost::json::parse(run("show sys ha", true).out).kind(), boost::json::kind::object);
	EXPECT_EQ(run("exec ha failover status").out, "failover status: unset\n");
}

TEST_F(Systolectl, history_and_events_are_one_object_a_line_and_run_in_opposite_directions)
{
	const Output history = run("diag sys ha history read", true);
	ASSERT_EQ(std::count(history.out.begin(), history.out.end(), '\n'), 2);
	EXPECT_EQ(boost::json::parse(history.out.substr(0, history.out.find('\n'))).as_object().at("event"), "role");
	const Output events = run("events", true);
	EXPECT_EQ(boost::json::parse(events.out.substr(0, events.out.find('\n'))).as_object().at("event"), "start");
	EXPECT_EQ(run("events").out,
		  "<2025-11-21 21:36:40> hatalk started\n"
		  "<2025-11-21 21:37:00> FGVM02TM23001318 is elected as the cluster primary of 1 member\n");
}

TEST_F(Systolectl, an_error_of_the_daemon_is_one)
{
	const Output later = run("diag sys ha checksum cluster");
	EXPECT_EQ(later.code, Exit::refused);
	EXPECT_EQ(later.out, "");
	EXPECT_NE(later.err.find("not available in this version"), std::string::npos) << later.err;
	const Output json = run("diag sys ha checksum cluster", true);
	EXPECT_EQ(json.code, Exit::refused);
	EXPECT_EQ(boost::json::parse(json.out).as_object().at("error").as_object().at("code"), "not-available");
}

TEST_F(Systolectl, what_is_not_understood_is_two_and_is_not_sent)
{
	const Output wrong = run("diag sys ha nonsense");
	EXPECT_EQ(wrong.code, Exit::usage);
	EXPECT_NE(wrong.err.find("expected status"), std::string::npos);
}

TEST_F(Systolectl, without_a_daemon_it_is_three_and_says_what_to_do)
{
	const Output gone = run("get sys ha stat", false, directory / "missing.sock");
	EXPECT_EQ(gone.code, Exit::no_daemon);
	EXPECT_NE(gone.err.find("systoled -n m1"), std::string::npos) << gone.err;
	EXPECT_EQ(run("events --follow", true, directory / "missing.sock").code, Exit::no_daemon);
}

TEST_F(Systolectl, a_hung_daemon_is_not_waited_for_forever)
{
	const std::string hung = directory / "hung.sock";
	const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	std::strncpy(address.sun_path, hung.c_str(), sizeof address.sun_path - 1);
	ASSERT_EQ(bind(listening, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
	ASSERT_EQ(listen(listening, 1), 0);
	const cli::Client client(hung, "m1", milliseconds{50});
	std::string error;
	EXPECT_FALSE(client.ask("get system ha status", error));
	EXPECT_NE(error.find("does not answer"), std::string::npos) << error;
	close(listening);
}

TEST_F(Systolectl, a_batch_runs_in_order_skips_comments_and_stops_at_the_first_failure)
{
	std::string text = "# a comment\n\nexec ha failover status\nexec ha failover set 1\n  exec ha failover "
			   "status\nnonsense\nexec ha failover status\n";
	std::FILE *input = fmemopen(text.data(), text.size(), "r");
	cli::Runner runner({path, "m1", false});
	const Output output = capture([&] { return runner.run_batch(input, "batch"); });
	std::fclose(input);
	EXPECT_EQ(output.code, Exit::usage);
	EXPECT_EQ(output.out, "failover status: unset\nfailover status: set\n");
	EXPECT_NE(output.err.find("batch:6: stopped here"), std::string::npos) << output.err;
}

TEST_F(Systolectl, a_question_mark_asks_for_help_without_a_daemon)
{
	const Output help = run("diag sys ha dump-by ?", false, directory / "missing.sock");
	EXPECT_EQ(help.code, Exit::ok);
	EXPECT_EQ(help.out, "group     Every number of the group and its virtual clusters\nvcluster  Every number of "
			    "the virtual clusters\n");
}

} // namespace
} // namespace systole::control::test
