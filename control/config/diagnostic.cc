// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace systole::control {

std::string to_text(const Diagnostic &diagnostic)
{
	std::string text = diagnostic.file;
	if (diagnostic.line != 0)
		text += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
	text += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
	return text + diagnostic.message;
}

std::string to_text(const std::vector<Diagnostic> &diagnostics)
{
	std::string text;
	for (const Diagnostic &diagnostic : diagnostics)
		text += to_text(diagnostic) + "\n";
	return text;
}

void Diagnostics::add(Severity severity, Position at, std::string message)
{
	std::size_t &count = severity == Severity::error ? m_errors : m_warnings;
	if (count++ < kept)
		m_list.push_back({severity, m_file, at.line, at.column, std::move(message)});
}

std::vector<Diagnostic> Diagnostics::take()
{
	std::stable_sort(m_list.begin(), m_list.end(), [](const Diagnostic &a, const Diagnostic &b) {
		return std::tie(a.line, a.column) < std::tie(b.line, b.column);
	});
	if (m_errors > kept)
		m_list.push_back(
			{Severity::error, m_file, 0, 0, "and " + std::to_string(m_errors - kept) + " more errors"});
	if (m_warnings > kept)
		m_list.push_back({Severity::warning, m_file, 0, 0,
				  "and " + std::to_string(m_warnings - kept) + " more warnings"});
	m_errors = 0;
	m_warnings = 0;
	return std::exchange(m_list, {});
}

std::string shortened(std::string_view word)
{
	constexpr std::size_t longest = 48;
	std::size_t end = std::min(word.size(), longest);
	while (end < word.size() && end > 0 && (static_cast<unsigned char>(word[end]) & 0xc0) == 0x80)
		--end; // do not cut a UTF-8 character
	std::string text;
	for (std::size_t i = 0; i < end; ++i) {
		const auto byte = static_cast<unsigned char>(word[i]);
		const bool is_c1 = byte == 0xc2 && i + 1 < end && static_cast<unsigned char>(word[i + 1]) < 0xa0;
		if (is_c1)
			++i;
		text += byte < 0x20 || byte == 0x7f || is_c1 ? '?' : word[i];
	}
	return end < word.size() ? text + "..." : text;
}

std::string quoted(std::string_view word)
{
	return "\"" + shortened(word) + "\"";
}

} // namespace systole::control
