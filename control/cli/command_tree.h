// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Every command of systolectl, once: its words, arguments, help, rendering and confirmation. One-shot, batch, prompt,
// `?` and TAB all read this table. A word may be shortened as long as it stays unique at its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace systole::control::cli {

// How a reply becomes text.
enum class View : std::uint8_t {
	status,
	configuration,
	diagnosis,
	dump,
	history,
	explanation,
	what_if,
	poll,
	link_monitors,
	failover_status,
	words, // the daemon's own
	events,
	quiet, // nothing to say when it worked
};

struct Command {
	std::string_view words; // "app/application": the word, and another spelling of it
	// "NAME LEVEL", "[VCLUSTER]", "[--follow]"; a last "[...]" = any number more. For people and for the check
	std::string_view arguments;
	std::string_view help;
	View view = View::quiet;
	std::string_view confirmation{}; // asked on a terminal before it is sent
	bool offered = true;             // false: known, answered with an error, and never suggested
};
[[nodiscard]] std::span<const Command> commands();

struct Resolved {
	const Command *command = nullptr;
	std::string request; // canonical words and the arguments
};
struct Misunderstood {
	std::string message; // one line or more, with what could stand there instead
};
[[nodiscard]] std::variant<Resolved, Misunderstood> resolve(std::span<const std::string> words);

// What may come next after `before` (words, perhaps shortened) and begins with `partial`.
struct Choice {
	std::string word; // of arguments: "<NAME>"; "<Enter>" when the command is complete
	std::string help;
	bool is_literal = true; // may be completed
};
[[nodiscard]] std::vector<Choice> choices(std::span<const std::string> before, std::string_view partial);
// The same as aligned lines; says so when nothing fits.
[[nodiscard]] std::string help_text(std::span<const std::string> before, std::string_view partial);

// Words between blanks.
[[nodiscard]] std::vector<std::string> split_words(std::string_view line);

} // namespace systole::control::cli
