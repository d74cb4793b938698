// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: the request line of the control socket, and the same line typed at systolectl.
// Input: lines. Every answer is one line of JSON that systolectl can show; both sides know the same commands.
#include "control/api/commands.h"
#include "control/cli/command_tree.h"
#include "control/cli/render.h"
#include "control/json_line.h"
#include "tests/fuzz/require.h"
#include "tests/unit/api/fake_backend.h"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace systole::fuzz {

namespace {

using namespace control;

test::FakeBackend &backend()
{
	static test::FakeBackend &joined = []() -> test::FakeBackend & {
		static test::FakeBackend made;
		made.join_primary(std::chrono::seconds{600});
		return made;
	}();
	return joined;
}

bool is_printable(std::string_view text)
{
	return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string error_code(const ApiReply &reply)
{
	const auto *error = reply.body.if_contains("error");
	return error == nullptr ? "" : std::string(error->at("code").as_string());
}

ApiReply ask(std::string_view line)
{
	ApiReply reply = answer(backend(), line);
	const std::string text = json_line(reply.body);
	require(text.find('\n') == std::string::npos, "an answer is one line");
	boost::system::error_code failed;
	const auto parsed = boost::json::parse(text, failed);
	require(!failed && parsed.is_object(), "an answer is a JSON object");
	if (const auto *error = reply.body.if_contains("error"))
		require(is_printable(std::string_view(error->at("message").as_string())), "an error is printable");
	// History and state must not grow without end from one input to the next.
	backend().commanded.clear();
	return reply;
}

void type(std::string_view line)
{
	const std::vector<std::string> words = cli::split_words(line);
	for (std::size_t known = 0; known <= std::min(words.size(), std::size_t{6}); ++known) {
		const auto before = std::span(words).first(known);
		require(!cli::help_text(before, known < words.size() ? words[known] : "").empty(),
			"there is always an answer");
	}
	const auto understood = cli::resolve(words);
	if (const auto *no = std::get_if<cli::Misunderstood>(&understood)) {
		require(is_printable(no->message) && !no->message.empty(), "a misunderstanding can be read");
		return;
	}
	const auto &[command, request] = std::get<cli::Resolved>(understood);
	const auto again = cli::resolve(cli::split_words(request));
	require(std::holds_alternative<cli::Resolved>(again) && std::get<cli::Resolved>(again).request == request,
		"full words mean themselves");
	const ApiReply reply = ask(request);
	require(error_code(reply) != "unknown-command", "the daemon knows every command of systolectl");
	require((error_code(reply) == "not-available") == !command->offered, "what is offered is available");
	if (reply.kind == ApiReply::Kind::object && error_code(reply).empty())
		(void)cli::render(command->view, reply.body);
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	std::string_view left = text_of(data, size);
	for (int lines = 0; lines < 4 && !left.empty(); ++lines) {
		const std::size_t end = std::min(left.find('\n'), left.size());
		const std::string_view line = left.substr(0, end);
		(void)ask(line);
		type(line);
		left.remove_prefix(std::min(end + 1, left.size()));
	}
	return 0;
}
