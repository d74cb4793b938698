// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/command_tree.h"

#include <gtest/gtest.h>

namespace systole::control::cli {
namespace {

std::string request(const std::string &line)
{
	const auto words = split_words(line);
	const auto understood = resolve(words);
	if (const auto *wrong = std::get_if<Misunderstood>(&understood))
		return "! " + wrong->message;
	return std::get<Resolved>(understood).request;
}

std::string offered(const std::string &before, const std::string &partial)
{
	std::string list;
	for (const Choice &choice : choices(split_words(before), partial))
		list += (list.empty() ? "" : " ") + choice.word;
	return list;
}

TEST(CommandTree, abbreviations_become_full_words)
{
	const struct {
		const char *line, *sent;
	} rows[] = {
		{"get system ha status", "get system ha status"},
		{"g s h s", "get system ha status"},
		{"  get\tsys   ha stat ", "get system ha status"},
		{"sh sys ha", "show system ha"},
		{"show full sys ha", "show full-configuration system ha"},
		{"sh sys sess", "show system session-filter"},
		{"sh full sys session-filter", "show full-configuration system session-filter"},
		{"diag sys ha stat", "diagnose sys ha status"},
		{"diagnose system ha status", "diagnose sys ha status"},
		{"d s h d g", "diagnose sys ha dump-by group"},
		{"d s h dump v", "diagnose sys ha dump-by vcluster"},
		{"d s h h r", "diagnose sys ha history read"},
		{"d s h reset", "diagnose sys ha reset-uptime"},
		{"d s h e", "diagnose sys ha explain"},
		{"diag sys link stat", "diagnose sys link-monitor status"},
		{"diag debug app hatalk -1", "diagnose debug app hatalk -1"},
		{"diag debug application hatalk -1", "diagnose debug app hatalk -1"},
		{"diag deb applic hatalk debug", "diagnose debug app hatalk debug"},
		{"exec ha fail set", "execute ha failover set"},
		{"exec ha fail set 1", "execute ha failover set 1"},
		{"exec ha fail unset 1", "execute ha failover unset 1"},
		{"exec ha fail stat", "execute ha failover status"},
		{"d s h e 2", "diagnose sys ha explain 2"},
		{"d s h w link port2 down", "diagnose sys ha what-if link port2 down"},
		{"diag sys ha what vcluster 2 member X lost override enable",
		 "diagnose sys ha what-if vcluster 2 member X lost override enable"},
		{"exec ha maint en", "execute ha maintenance enable"},
		{"exec ha ssd f", "execute ha ssd fail"},
		{"exec ha pri 200 2", "execute ha priority 200 2"},
		{"exec ha over dis", "execute ha override disable"},
		{"events", "events"},
		{"ev --fol", "events --follow"},
		// not offered, but known: the daemon says that it does not have them
		{"diag sys ha checksum cluster", "diagnose sys ha checksum cluster"},
		{"diag test application harelay 1", "diagnose test app harelay 1"},
		{"exec ha synchronize start", "execute ha synchronize start"},
		{"exec ha manage 1", "execute ha manage 1"},
	};
	for (const auto &row : rows)
		EXPECT_EQ(request(row.line), row.sent);
}

TEST(CommandTree, what_is_not_understood_is_named_with_what_could_stand_there)
{
	EXPECT_EQ(request("e"), "! ambiguous word 'e': could be execute, events");
	EXPECT_EQ(request("exec ha fail s"),
		  "! ambiguous word 's' after 'execute ha failover': could be set, switch, status");
	EXPECT_EQ(request("get system ha stat us"), "! too many words from 'us' on after 'get system ha status'");
	EXPECT_EQ(request("diag sys ha x"), "! unknown word 'x' after 'diagnose sys ha': expected status, dump-by, "
					    "history, reset-uptime, explain, what-if, poll");
	EXPECT_EQ(request("diag sys ha"), "! incomplete command after 'diagnose sys ha': expected status, dump-by, "
					  "history, reset-uptime, explain, what-if, poll");
	EXPECT_EQ(request("diag debug app hatalk"), "! incomplete command: expected LEVEL after 'diagnose debug app'");
	EXPECT_EQ(request("diag sys ha what-if"),
		  "! incomplete command: expected CHANGE after 'diagnose sys ha what-if'");
	EXPECT_EQ(request("exec ha priority"), "! incomplete command: expected N after 'execute ha priority'");
	EXPECT_EQ(request(""), "! incomplete command: expected get, show, diagnose, execute, events");
	EXPECT_EQ(request("events --all"), "! unknown word '--all': expected --follow after 'events'");
	EXPECT_EQ(request("events --"), "! unknown word '--': expected --follow after 'events'");
	EXPECT_EQ(request("\x1b[2J\xff"), "! unknown word '?[2J?': expected get, show, diagnose, execute, events");
}

TEST(CommandTree, what_this_version_does_not_have_is_never_offered)
{
	for (const char *before : {"", "diagnose", "diagnose sys", "diagnose sys ha", "execute ha"})
		for (const Choice &choice : choices(split_words(before), ""))
			for (const char *later : {"checksum", "test", "synchronize", "manage"})
				EXPECT_NE(choice.word, later) << "after '" << before << "'";
	EXPECT_EQ(offered("diag sys ha checksum", ""), "");
}

TEST(CommandTree, completion_offers_what_fits)
{
	EXPECT_EQ(offered("", ""), "get show diagnose execute events");
	EXPECT_EQ(offered("", "e"), "execute events");
	EXPECT_EQ(offered("d s h", "d"), "dump-by");
	EXPECT_EQ(offered("d s h d", ""), "group vcluster");
	EXPECT_EQ(offered("diag deb", "appl"), "application");
	EXPECT_EQ(offered("diag deb app", ""), "<NAME>");
	EXPECT_EQ(offered("diag deb app hatalk", ""), "<LEVEL>");
	EXPECT_EQ(offered("diag deb app hatalk 1", ""), "<Enter>");
	EXPECT_EQ(offered("exec ha fail set", ""), "<VCLUSTER> <Enter>");
	EXPECT_EQ(offered("diag sys ha what-if", ""), "<CHANGE>");
	EXPECT_EQ(offered("diag sys ha what-if link port2 down", ""), "<...> <Enter>");
	EXPECT_EQ(offered("exec ha", "m"), "maintenance");
	EXPECT_EQ(offered("events", "--"), "--follow");
	EXPECT_EQ(offered("nonsense", ""), "");
	EXPECT_EQ(offered("get system ha status", ""), "<Enter>");
}

TEST(CommandTree, every_word_that_is_offered_has_help)
{
	std::vector<std::string> paths{""};
	while (!paths.empty()) {
		const std::string path = paths.back();
		paths.pop_back();
		for (const Choice &choice : choices(split_words(path), "")) {
			EXPECT_FALSE(choice.help.empty()) << path << " " << choice.word;
			if (choice.is_literal && choice.word != "--follow")
				paths.push_back(path + " " + choice.word);
		}
	}
}

TEST(CommandTree, no_command_begins_another)
{
	for (const Command &one : commands())
		for (const Command &other : commands())
			if (&one != &other) {
				EXPECT_FALSE((std::string(other.words) + " ").starts_with(std::string(one.words) + " "))
					<< one.words;
			}
}

TEST(CommandTree, what_moves_the_role_on_purpose_asks_first)
{
	for (const Command &command : commands()) {
		const bool acts = command.words.starts_with("execute ha ") && !command.words.ends_with(" status") &&
				  command.words != "execute ha rekey";
		EXPECT_EQ(!command.confirmation.empty(), acts && command.offered) << command.words;
	}
}

} // namespace
} // namespace systole::control::cli
