// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Fuzz target: the configuration file. Input: its text.
// Every complaint names a place in the file, and a good configuration survives being shown and read again.
#include "control/config/parse.h"
#include "control/config/show.h"
#include "tests/fuzz/require.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <string>

namespace systole::fuzz {

namespace {

using namespace control;

constexpr std::string_view password_line = "\n    set password ENC *\n";

void judge_diagnostics(std::string_view text, const ParseResult &result)
{
	const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
	Position before;
	bool has_error = false;
	for (const Diagnostic &diagnostic : result.diagnostics) {
		require(!diagnostic.message.empty(), "a complaint says something");
		require(diagnostic.line <= lines, "a complaint names a line of the file");
		require(std::none_of(diagnostic.message.begin(), diagnostic.message.end(),
				     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }),
			"a complaint may be shown on a terminal");
		const Position at{diagnostic.line, diagnostic.column};
		require(at.line == 0 || at >= before, "complaints stand in the order of the file");
		before = std::max(before, at);
		has_error = has_error || diagnostic.severity == Severity::error;
	}
	require(result.ok() == !has_error, "a file without an error is good");
	(void)to_text(result.diagnostics);
}

Configuration without_password(Configuration configuration)
{
	configuration.ha.password = SecretText{};
	return configuration;
}

void judge_shown(const Configuration &configuration, ShowForm form)
{
	std::string shown = *show_configuration(configuration, {}, form);
	// The password is never shown; put one in, in the section where it stands.
	const std::size_t section = shown.starts_with("config system ha\n") ? 0 : shown.find("\nconfig system ha\n");
	if (section != std::string::npos)
		if (const std::size_t at = shown.find(password_line, section); at != std::string::npos)
			shown.replace(at, password_line.size(), "\n    set password \"correct horse battery\"\n");

	const ParseResult again = parse_configuration(shown, "shown");
	if (!again.ok())
		std::fputs((to_text(again.diagnostics) + shown).c_str(), stderr);
	require(again.ok(), "what is shown is a good configuration");
	require(without_password(again.configuration) == without_password(configuration), "and the one that was read");
	require(configuration_checksum(again.configuration) == configuration_checksum(configuration),
		"with the same checksum");
	(void)boost::json::serialize(*configuration_json(configuration, {}, form));
}

} // namespace

} // namespace systole::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	using namespace systole::fuzz;
	const std::string_view text = text_of(data, size);
	const ParseResult result = parse_configuration(text, "fuzzed");
	judge_diagnostics(text, result);
	// Shown in any case: an operator may ask after a reload that failed.
	(void)show_configuration(result.configuration);
	if (!result.ok())
		return 0;
	(void)core_config(result.configuration);
	judge_shown(result.configuration, ShowForm::changed);
	judge_shown(result.configuration, ShowForm::full);
	return 0;
}
