// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/runner.h"

#include "control/cli/command_tree.h"
#include "control/cli/fields.h"
#include "control/cli/render.h"
#include "control/json_line.h"

#include <boost/json/parse.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <cstring>

namespace systole::control::cli {

namespace {

void say(std::string_view text)
{
	std::fwrite(text.data(), 1, text.size(), stdout);
	std::fflush(stdout);
}

Exit complain(Exit code, std::string_view text)
{
	std::fflush(stdout);
	fmt::print(stderr, "systolectl: {}\n", text);
	return code;
}

// Only a person at a terminal is asked; a script has made up its mind.
bool confirmed(std::string_view question)
{
	if (question.empty() || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return true;
	say(question);
	std::array<char, 64> line{};
	if (std::fgets(line.data(), static_cast<int>(line.size()), stdin) == nullptr)
		return false;
	return line[0] == 'y' || line[0] == 'Y';
}

Exit refused(const object &error, bool json, std::string_view line)
{
	if (json) {
		say(fmt::format("{}\n", line));
		return Exit::refused;
	}
	const std::string hint = text(error, "hint");
	return complain(Exit::refused, text(error, "message") + (hint.empty() ? "" : "\n  " + hint));
}

} // namespace

Exit Runner::run(std::span<const std::string> words)
{
	if (!words.empty() && words.back() == "?") {
		say(help_text(words.first(words.size() - 1), {}));
		return Exit::ok;
	}
	const auto understood = resolve(words);
	if (const auto *not_understood = std::get_if<Misunderstood>(&understood))
		return complain(Exit::usage, not_understood->message);
	const auto &[command, words_sent] = std::get<Resolved>(understood);
	if (!confirmed(command->confirmation))
		return Exit::ok;
	std::string request = words_sent;
	if (command->view == View::configuration && !m_options.json)
		request += " --text";

	std::string error;
	const auto parse = [&](std::string_view line) {
		boost::system::error_code failed;
		return boost::json::parse(boost::json::string_view(line.data(), line.size()), failed);
	};
	if (command->view == View::events) {
		Exit code = Exit::ok;
		const bool forever = request.find("--follow") != std::string::npos;
		const bool heard = m_client.stream(
			request, forever,
			[&](std::string_view line) {
				const boost::json::value event = parse(line);
				if (event.is_object() && event.get_object().contains("error")) {
					code = refused(part(event.get_object(), "error"), m_options.json, line);
					return false;
				}
				if (m_options.json)
					say(fmt::format("{}\n", line));
				else if (event.is_object())
					say(render_event(event.get_object()));
				return std::ferror(stdout) == 0;
			},
			error);
		return heard ? code : complain(Exit::no_daemon, error);
	}
	const auto line = m_client.ask(request, error);
	if (!line)
		return complain(Exit::no_daemon, error);
	const boost::json::value reply = parse(*line);
	if (!reply.is_object())
		return complain(Exit::refused,
				"the daemon's answer is no JSON object; is it a systoled of this version?");
	const object &body = reply.get_object();
	if (body.contains("error"))
		return refused(part(body, "error"), m_options.json, *line);
	if (!m_options.json)
		say(render(command->view, body));
	else if (command->view == View::history)
		each(list(body, "entries"), [](const object &entry) { say(json_line(entry) + "\n"); });
	else
		say(*line + "\n");
	return Exit::ok;
}

Exit Runner::run_batch(std::FILE *input, const std::string &name)
{
	std::array<char, 4096> buffer{};
	for (std::size_t number = 1; std::fgets(buffer.data(), static_cast<int>(buffer.size()), input) != nullptr;
	     ++number) {
		if (std::strchr(buffer.data(), '\n') == nullptr && std::feof(input) == 0)
			return complain(Exit::usage, fmt::format("{}:{}: the line is too long", name, number));
		const auto words = split_words(buffer.data());
		if (words.empty() || words.front().starts_with('#'))
			continue;
		if (const Exit code = run(words); code != Exit::ok)
			return complain(code, fmt::format("{}:{}: stopped here", name, number));
	}
	return Exit::ok;
}

} // namespace systole::control::cli
