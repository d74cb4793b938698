// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// docs/CONFIGURATION.md: its tables are generated from the option tables, its examples are read by the parser.
// SYSTOLE_REWRITE=1 in the environment writes the tables anew.
#include "control/config/option.h"
#include "control/config/option_value.h"
#include "tests/unit/config/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace systole::control::config {

namespace {

constexpr std::string_view document = "docs/CONFIGURATION.md";
constexpr std::string_view begin_mark = "<!-- options: generated from control/config/options_*.cc -->\n";
constexpr std::string_view end_mark = "<!-- options: end -->\n";

std::string escaped(std::string text)
{
	for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
		text.insert(at, "\\");
	return text;
}

void describe(std::string &out, const Section &section, const std::string &parents, const std::string &heading)
{
	const std::string path = parents + "config " + std::string(section.path);
	out += heading + " `" + path + "`\n\n" + std::string(section.help) + ".";
	if (section.shape == Shape::ignored) {
		out += " Accepted with one warning; what is inside is not read.\n\n";
		return;
	}
	if (section.shape == Shape::table)
		out += " Entries: `edit " + std::string(section.key->name) + "`, " + describe_values(*section.key) +
		       ", at most " + std::to_string(section.most_entries) + ".";
	if (!section.is_in_force)
		out += " Accepted, no effect here.";
	if (!section.is_synchronised)
		out += " Not synchronised.";
	out += "\n\n| option | values | default | in force | synchronised | meaning | source "
	       "|\n|---|---|---|---|---|---|---|\n";
	for (const Option &option : section.options) {
		std::string fallback = option.is_mandatory       ? "mandatory"
				       : option.fallback.empty() ? "-"
								 : "`" + std::string(option.fallback) + "`";
		std::string help = std::string(option.help);
		if (!option.old_name.empty())
			help += "; older spelling `" + std::string(option.old_name) + "`";
		out += "| `" + std::string(option.name) + "` | " + escaped(describe_values(option)) + " | " + fallback +
		       " | " + (option.is_in_force && section.is_in_force ? "yes" : "no") + " | " +
		       (option.is_synchronised && section.is_synchronised ? "yes" : "no") + " | " + escaped(help) +
		       " | " + std::string(option.source) + " |\n";
	}
	out += "\n";
	for (const Section *nested : section.nested)
		describe(out, *nested, path + " / ", heading + "#");
}

std::string option_reference()
{
	std::string out = "\n";
	for (const Section *section : root_section().nested)
		describe(out, *section, "", "###");
	return out;
}

TEST(Reference, the_tables_in_the_document_are_those_of_the_code)
{
	const std::string text = read_source(std::string(document));
	const auto begin = text.find(begin_mark);
	const auto end = text.find(end_mark);
	ASSERT_NE(begin, std::string::npos);
	ASSERT_NE(end, std::string::npos);
	const auto first = begin + begin_mark.size();
	const std::string wanted = option_reference();
	if (std::getenv("SYSTOLE_REWRITE") != nullptr) {
		std::ofstream(source_path(std::string(document)), std::ios::binary)
			<< text.substr(0, first) << wanted << text.substr(end);
		return;
	}
	EXPECT_EQ(text.substr(first, end - first), wanted)
		<< "run this test once with SYSTOLE_REWRITE=1 in the environment";
}

TEST(Reference, every_example_of_the_document_loads)
{
	const std::string text = read_source(std::string(document));
	constexpr std::string_view open = "```fortios\n";
	std::size_t examples = 0;
	for (auto at = text.find(open); at != std::string::npos; at = text.find(open, at + 1)) {
		const auto first = at + open.size();
		const auto last = text.find("```", first);
		ASSERT_NE(last, std::string::npos);
		const auto line = static_cast<std::size_t>(
			std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(first), '\n'));
		const auto result = parse_configuration(text.substr(first, last - first), std::string(document));
		EXPECT_TRUE(result.ok()) << "example after line " << line << ":\n" << to_text(result.diagnostics);
		++examples;
	}
	EXPECT_GE(examples, 2U);
}

TEST(Reference, every_source_named_in_the_tables_is_explained_in_the_document)
{
	const std::string text = read_source(std::string(document));
	const std::string_view sources[] = {"CLI80", "CLI701",   "ADM-HB", "ADM700", "ADM701",
					    "ANS",   "KB197504", "OLD",    "OWN",    "EXT"};
	for (const Section *section : root_section().nested)
		for (const Option &option : section->options)
			EXPECT_NE(std::find(std::begin(sources), std::end(sources), option.source), std::end(sources))
				<< option.name;
	for (const std::string_view source : sources)
		EXPECT_NE(text.find("| " + std::string(source) + " | "), std::string::npos) << source;
}

} // namespace

} // namespace systole::control::config
