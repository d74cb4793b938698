// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/prompt.h"

#include "control/cli/command_tree.h"

#include <fmt/format.h>

#include <histedit.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

namespace systole::control::cli {

namespace {

constexpr int lines_remembered = 200;

struct Prompt {
	std::string text;
};

// ^C ends what is running (poll and el_gets come back with EINTR), not the prompt.
void on_interrupt(int) {}

// What is before the cursor: whole words, and the one being written.
struct Before {
	std::vector<std::string> words;
	std::string partial;
};

Before before_cursor(EditLine *editor)
{
	const LineInfo *line = el_line(editor);
	const std::string_view text(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer));
	Before before{split_words(text), {}};
	if (!text.empty() && text.back() != ' ' && !before.words.empty()) {
		before.partial = before.words.back();
		before.words.pop_back();
	}
	return before;
}

unsigned char print_help(EditLine *editor)
{
	const Before before = before_cursor(editor);
	fmt::print("\n{}", help_text(before.words, before.partial));
	std::fflush(stdout);
	return CC_REDISPLAY;
}

unsigned char show_help(EditLine *editor, int)
{
	return print_help(editor);
}

unsigned char complete(EditLine *editor, int)
{
	const Before before = before_cursor(editor);
	std::vector<Choice> found = choices(before.words, before.partial);
	std::erase_if(found, [](const Choice &choice) { return !choice.is_literal; });
	if (found.empty())
		return CC_REFRESH_BEEP;
	std::string common = found.front().word;
	for (const Choice &choice : found) {
		std::size_t same = 0;
		while (same < common.size() && same < choice.word.size() && common[same] == choice.word[same])
			++same;
		common.resize(same);
	}
	std::string insert = common.substr(std::min(before.partial.size(), common.size()));
	if (found.size() == 1)
		insert += ' ';
	if (!insert.empty()) {
		el_insertstr(editor, insert.c_str());
		return CC_REFRESH;
	}
	return print_help(editor);
}

char *prompt_text(EditLine *editor)
{
	void *data = nullptr;
	el_get(editor, EL_CLIENTDATA, &data);
	return static_cast<Prompt *>(data)->text.data();
}

} // namespace

Exit run_prompt(Runner &runner, const std::string &name)
{
	struct sigaction interrupt {};
	struct sigaction before_interrupt {};
	interrupt.sa_handler = on_interrupt; // without SA_RESTART
	sigaction(SIGINT, &interrupt, &before_interrupt);

	Prompt prompt{name + " # "};
	EditLine *editor = el_init("systolectl", stdin, stdout, stderr);
	History *lines = history_init();
	HistEvent event{};
	history(lines, &event, H_SETSIZE, lines_remembered);
	history(lines, &event, H_SETUNIQUE, 1);
	el_set(editor, EL_CLIENTDATA, &prompt);
	el_set(editor, EL_PROMPT, prompt_text);
	el_set(editor, EL_EDITOR, "emacs");
	el_set(editor, EL_HIST, history, lines);
	el_set(editor, EL_ADDFN, "systole-help", "What may come next", show_help);
	el_set(editor, EL_ADDFN, "systole-complete", "Complete the word", complete);
	el_set(editor, EL_BIND, "?", "systole-help", nullptr);
	el_set(editor, EL_BIND, "\t", "systole-complete", nullptr);

	Exit code = Exit::ok;
	for (;;) {
		int length = 0;
		errno = 0;
		const char *line = el_gets(editor, &length);
		if (line == nullptr || length <= 0) {
			if (errno != EINTR)
				break;
			el_reset(editor);
			fmt::print("\n");
			continue;
		}
		const auto words = split_words(line);
		if (words.empty())
			continue;
		if (words.size() == 1 && (words[0] == "exit" || words[0] == "quit" || words[0] == "end"))
			break;
		history(lines, &event, H_ENTER, line);
		code = runner.run(words);
	}
	history_end(lines);
	el_end(editor);
	sigaction(SIGINT, &before_interrupt, nullptr);
	fmt::print("\n");
	return code;
}

} // namespace systole::control::cli
