// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/command_tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace systole::control::cli {

namespace {

constexpr std::string_view may_fail_over = "Caution: This command may trigger an HA failover.\n"
					   "It is intended for testing purposes.\n"
					   "Do you want to continue? (y/n)";
constexpr std::string_view will_fail_over = "Caution: This command will trigger an HA failover.\n"
					    "It is intended for testing purposes.\n"
					    "Do you want to continue? (y/n)";

constexpr std::string_view may_move_the_role = "Caution: This command may trigger an HA failover.\n"
					       "Do you want to continue? (y/n)";

// No command's words begin another's.
constexpr std::array<Command, 34> table{{
	{"get system ha status", "", "Health, members, links, who is primary and why", View::status},
	{"show system ha", "", "The HA configuration, as far as it differs from the defaults", View::configuration},
	{"show full-configuration system ha", "", "The HA configuration with every default", View::configuration},
	{"show system session-filter", "", "Which sessions session pickup keeps ready", View::configuration},
	{"show full-configuration system session-filter", "",
	 "Which sessions session pickup keeps ready, with every default", View::configuration},
	{"diagnose sys/system ha status", "", "Members and roles, short", View::diagnosis},
	{"diagnose sys/system ha dump-by group", "", "Every number of the group and its virtual clusters", View::dump},
	{"diagnose sys/system ha dump-by vcluster", "", "Every number of the virtual clusters", View::dump},
	{"diagnose sys/system ha history read", "", "What happened, newest first", View::history},
	{"diagnose sys/system ha reset-uptime", "", "Set this member's HA uptime to zero; may trigger a failover",
	 View::quiet},
	{"diagnose sys/system ha explain", "[VCLUSTER]",
	 "Who would win an election now, criterion by criterion, with every member's values", View::explanation},
	{"diagnose sys/system ha what-if", "CHANGE [...]",
	 "Who would be primary then: link port2 down, member SERIAL lost, ... (a wrong change lists all)",
	 View::what_if},
	{"diagnose sys/system ha poll", "", "How punctual the poll core is: mode, gaps, lateness", View::poll},
	{"diagnose sys/system link-monitor status", "", "What the link monitors have found", View::link_monitors},
	{"diagnose debug app/application", "NAME LEVEL", "Set the log level of one part of the daemon", View::quiet},
	{"execute ha failover set", "[VCLUSTER]", "Make this member lose the election until unset", View::quiet,
	 will_fail_over},
	{"execute ha failover unset", "[VCLUSTER]", "Take the failover flag back", View::quiet, may_fail_over},
	{"execute ha failover switch", "[VCLUSTER]",
	 "Hand the role over to the best of the others without a gap, or stay as it is, and say which", View::words,
	 will_fail_over},
	{"execute ha failover status", "[VCLUSTER]", "Whether the failover flag is set", View::failover_status},
	{"execute ha maintenance enable", "", "Give every role away and take none, until disabled or started again",
	 View::words, may_move_the_role},
	{"execute ha maintenance disable", "", "Take part in elections again", View::words, may_move_the_role},
	{"execute ha maintenance status", "", "Whether this member is in maintenance", View::words},
	{"execute ha ssd fail", "", "Count this member's disk as failed (ssd-failover)", View::words,
	 may_move_the_role},
	{"execute ha ssd ok", "", "Count this member's disk as good", View::words, may_move_the_role},
	{"execute ha ssd status", "", "Whether this member's disk counts as failed", View::words},
	{"execute ha priority", "N [VCLUSTER]", "This member's priority until systoled starts again", View::words,
	 may_move_the_role},
	{"execute ha override enable", "[VCLUSTER]", "Enable override here until systoled starts again", View::words,
	 may_move_the_role},
	{"execute ha override disable", "[VCLUSTER]", "Disable override here until systoled starts again", View::words,
	 may_move_the_role},
	{"execute ha rekey", "[INDEX]", "Read the passwords again and agree on new keys with every member",
	 View::words},
	{"events", "[--follow]", "What happened, oldest first; --follow goes on with what happens", View::events},
	{"diagnose sys/system ha checksum", "[...]", "", View::quiet, {}, false},
	{"diagnose test app/application harelay", "[...]", "", View::quiet, {}, false},
	{"execute ha synchronize", "[...]", "", View::quiet, {}, false},
	{"execute ha manage", "[...]", "", View::quiet, {}, false},
}};

struct WordHelp {
	std::string_view path;
	std::string_view help;
};
// For words that lead to several commands.
constexpr std::array<WordHelp, 20> word_help{{
	{"get", "Show how things are"},
	{"get system", "System"},
	{"get system ha", "High availability"},
	{"show", "Show the configuration"},
	{"show system", "System"},
	{"show full-configuration", "With every default"},
	{"show full-configuration system", "System"},
	{"diagnose", "Look inside"},
	{"diagnose sys", "System"},
	{"diagnose sys ha", "High availability"},
	{"diagnose sys ha dump-by", "Every number, by group or by virtual cluster"},
	{"diagnose sys ha history", "What happened"},
	{"diagnose sys link-monitor", "Probes of remote addresses"},
	{"diagnose debug", "Log levels"},
	{"execute", "Do something"},
	{"execute ha", "High availability"},
	{"execute ha failover", "The failover flag of this member"},
	{"execute ha maintenance", "Whether this member may be a primary"},
	{"execute ha ssd", "The state of this member's disk"},
	{"execute ha override", "Whether the priority goes before the uptime"},
}};

constexpr std::string_view any_arguments = "[...]";

std::vector<std::string_view> split(std::string_view text, std::string_view separators)
{
	std::vector<std::string_view> parts;
	for (;;) {
		const std::size_t begin = text.find_first_not_of(separators);
		if (begin == std::string_view::npos)
			return parts;
		const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
		parts.push_back(text.substr(begin, end - begin));
		text.remove_prefix(end);
	}
}

// The canonical spelling of a word of the table.
std::string_view canonical(std::string_view spellings)
{
	return spellings.substr(0, spellings.find('/'));
}

bool is_exactly(std::string_view spellings, std::string_view word)
{
	const auto all = split(spellings, "/");
	return std::find(all.begin(), all.end(), word) != all.end();
}

bool begins(std::string_view spellings, std::string_view start)
{
	const auto all = split(spellings, "/");
	return std::any_of(all.begin(), all.end(),
			   [&](std::string_view spelling) { return spelling.starts_with(start); });
}

// The commands that are still possible, and what has been understood so far.
struct Walk {
	std::vector<const Command *> left;
	std::vector<std::string_view> path;    // canonical words
	std::size_t taken = 0;                 // words of the input that were literals
	std::vector<std::string_view> several; // not empty: the next word fits all of these
	bool unknown = false;                  // the next word fits none

	[[nodiscard]] bool arguments_begin() const
	{
		return left.size() == 1 && split(left.front()->words, " ").size() == path.size();
	}
};

std::vector<std::string_view> next_words(const Walk &walk, bool offered_only)
{
	std::vector<std::string_view> words;
	for (const Command *command : walk.left) {
		const auto literals = split(command->words, " ");
		if (literals.size() <= walk.path.size() || (offered_only && !command->offered))
			continue;
		const std::string_view word = literals[walk.path.size()];
		if (std::find(words.begin(), words.end(), word) == words.end())
			words.push_back(word);
	}
	return words;
}

void take(Walk &walk, std::string_view spellings)
{
	std::erase_if(walk.left, [&](const Command *command) {
		const auto literals = split(command->words, " ");
		return literals.size() <= walk.path.size() || literals[walk.path.size()] != spellings;
	});
	walk.path.push_back(canonical(spellings));
	++walk.taken;
}

Walk walk_words(std::span<const std::string> words)
{
	Walk walk;
	for (const Command &command : table)
		walk.left.push_back(&command);
	for (const std::string &word : words) {
		if (walk.arguments_begin())
			break;
		// An exact word wins; then what is offered goes before what is only known.
		std::vector<std::string_view> fits;
		for (const std::string_view candidate : next_words(walk, false))
			if (is_exactly(candidate, word))
				fits.push_back(candidate);
		for (const bool offered : {true, false})
			if (fits.empty())
				for (const std::string_view candidate : next_words(walk, offered))
					if (begins(candidate, word))
						fits.push_back(candidate);
		if (fits.size() == 1) {
			take(walk, fits.front());
			continue;
		}
		walk.unknown = fits.empty();
		walk.several = fits;
		break;
	}
	return walk;
}

std::string_view help_of(const Walk &walk, std::string_view word)
{
	const std::string path = fmt::format("{}{}{}", fmt::join(walk.path, " "), walk.path.empty() ? "" : " ", word);
	for (const Command &command : table) {
		std::vector<std::string_view> literals = split(command.words, " ");
		std::transform(literals.begin(), literals.end(), literals.begin(), canonical);
		if (fmt::format("{}", fmt::join(literals, " ")) == path)
			return command.help;
	}
	const auto it = std::find_if(word_help.begin(), word_help.end(),
				     [&](const WordHelp &entry) { return entry.path == path; });
	return it == word_help.end() ? std::string_view{} : it->help;
}

std::string in_quotes(std::string_view word)
{
	constexpr std::size_t readable = 40;
	std::string text = "'";
	for (const char c : word.substr(0, readable))
		text += c < ' ' || c > '~' ? '?' : c;
	return text + (word.size() > readable ? "...'" : "'");
}

// Empty: the arguments fit. Long options may be shortened; `arguments` then holds them in full.
std::string check_arguments(const Command &command, std::vector<std::string> &arguments)
{
	auto wanted = split(command.arguments, " ");
	const bool any_number = !wanted.empty() && wanted.back() == any_arguments;
	if (any_number)
		wanted.pop_back();
	const auto least = static_cast<std::size_t>(std::count_if(
		wanted.begin(), wanted.end(), [](std::string_view name) { return !name.starts_with('['); }));
	for (std::size_t i = 0; i < std::min(wanted.size(), arguments.size()); ++i) {
		if (!wanted[i].starts_with("[--"))
			continue;
		const std::string_view option = wanted[i].substr(1, wanted[i].size() - 2);
		if (arguments[i].size() < 3 || !option.starts_with(arguments[i]))
			return fmt::format("unknown word {}: expected {}", in_quotes(arguments[i]), option);
		arguments[i] = option;
	}
	if (arguments.size() > wanted.size() && !any_number)
		return fmt::format("too many words from {} on", in_quotes(arguments[wanted.size()]));
	if (arguments.size() < least)
		return fmt::format("incomplete command: expected {}", wanted[arguments.size()]);
	return {};
}

} // namespace

std::span<const Command> commands()
{
	return table;
}

std::vector<std::string> split_words(std::string_view line)
{
	const auto parts = split(line, " \t\r\n");
	return {parts.begin(), parts.end()};
}

std::variant<Resolved, Misunderstood> resolve(std::span<const std::string> words)
{
	const Walk walk = walk_words(words);
	const std::string after = walk.path.empty() ? "" : fmt::format(" after '{}'", fmt::join(walk.path, " "));
	const auto list = [](std::vector<std::string_view> spellings) {
		std::transform(spellings.begin(), spellings.end(), spellings.begin(), canonical);
		return fmt::format("{}", fmt::join(spellings, ", "));
	};
	if (walk.unknown)
		return Misunderstood{fmt::format("unknown word {}{}: expected {}", in_quotes(words[walk.taken]), after,
						 list(next_words(walk, true)))};
	if (!walk.several.empty())
		return Misunderstood{fmt::format("ambiguous word {}{}: could be {}", in_quotes(words[walk.taken]),
						 after, list(walk.several))};
	if (!walk.arguments_begin())
		return Misunderstood{
			fmt::format("incomplete command{}: expected {}", after, list(next_words(walk, true)))};

	const Command &command = *walk.left.front();
	std::vector<std::string> arguments(words.begin() + static_cast<std::ptrdiff_t>(walk.taken), words.end());
	if (const std::string wrong = check_arguments(command, arguments); !wrong.empty())
		return Misunderstood{wrong + after};
	Resolved resolved{&command, fmt::format("{}", fmt::join(walk.path, " "))};
	for (const std::string &argument : arguments)
		resolved.request += " " + argument;
	return resolved;
}

std::vector<Choice> choices(std::span<const std::string> before, std::string_view partial)
{
	const Walk walk = walk_words(before);
	std::vector<Choice> found;
	if (walk.unknown || !walk.several.empty())
		return found;
	if (!walk.arguments_begin()) {
		for (const std::string_view word : next_words(walk, true))
			if (begins(word, partial))
				found.push_back({std::string(canonical(word).starts_with(partial)
								     ? canonical(word)
								     : word.substr(word.find('/') + 1)),
						 std::string(help_of(walk, canonical(word))), true});
		return found;
	}
	const Command &command = *walk.left.front();
	if (!command.offered)
		return found;
	const auto wanted = split(command.arguments, " ");
	const std::size_t last = wanted.empty() ? 0 : wanted.size() - 1; // a last [...] stands there for ever
	const bool any_number = !wanted.empty() && wanted.back() == any_arguments;
	const std::size_t given = any_number ? std::min(before.size() - walk.taken, last) : before.size() - walk.taken;
	const bool has_next = given < wanted.size();
	if (has_next && wanted[given].starts_with("[--")) {
		const std::string_view option = wanted[given].substr(1, wanted[given].size() - 2);
		if (option.starts_with(partial))
			found.push_back({std::string(option), std::string(command.help), true});
	} else if (has_next) {
		std::string name(wanted[given]);
		std::erase_if(name, [](char c) { return c == '[' || c == ']'; });
		found.push_back({"<" + name + ">", std::string(command.help), false});
	}
	if (partial.empty() && (!has_next || wanted[given].starts_with('[')) && given <= wanted.size())
		found.push_back({"<Enter>", std::string(command.help), false});
	return found;
}

std::string help_text(std::span<const std::string> before, std::string_view partial)
{
	const std::vector<Choice> found = choices(before, partial);
	if (found.empty())
		return "nothing known fits here\n";
	std::size_t width = 0;
	for (const Choice &choice : found)
		width = std::max(width, choice.word.size());
	std::string text;
	for (const Choice &choice : found)
		text += fmt::format("{:<{}}  {}\n", choice.word, width, choice.help);
	return text;
}

} // namespace systole::control::cli
