// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Files of the source tree that tests read; meson sets SYSTOLE_SOURCE_ROOT.
#pragma once

#include "control/config/parse.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace systole::control::config {

inline std::string source_path(const std::string &path)
{
	const char *root = std::getenv("SYSTOLE_SOURCE_ROOT");
	if (root == nullptr)
		throw std::runtime_error("set SYSTOLE_SOURCE_ROOT to the top of the source tree (meson test does)");
	return std::string(root) + "/" + path;
}

inline std::string read_source(const std::string &path)
{
	std::ifstream file(source_path(path), std::ios::binary);
	if (!file)
		throw std::runtime_error("cannot read " + source_path(path));
	std::ostringstream text;
	text << file.rdbuf();
	return text.str();
}

// All diagnostics of a text, one a line, under the file name "f", but for the line that names what has no effect: a
// test of its own looks at that one, and the list shrinks with every version.
inline std::string complaints(std::string_view text)
{
	std::vector<Diagnostic> diagnostics = parse_configuration(text, "f").diagnostics;
	std::erase_if(diagnostics, [](const Diagnostic &diagnostic) {
		return diagnostic.message.starts_with("accepted but without effect here");
	});
	return to_text(diagnostics);
}

inline std::size_t count_errors(const ParseResult &result)
{
	std::size_t errors = 0;
	for (const Diagnostic &diagnostic : result.diagnostics)
		errors += diagnostic.severity == Severity::error ? 1 : 0;
	return errors;
}

// `inside` as the body of a complete, good `config system ha`.
inline std::string in_cluster(const std::string &inside)
{
	return "config system ha\nset mode a-p\nset password \"correct horse battery\"\nset hbdev \"hb0\" 50\n" +
	       inside + "\nend\n";
}

inline std::string replaced(std::string text, const std::string &what, const std::string &by)
{
	const auto at = text.find(what);
	if (at == std::string::npos)
		throw std::runtime_error("text to replace is not there: " + what);
	return text.replace(at, what.size(), by);
}

} // namespace systole::control::config
