// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What is wrong with a configuration, as data: where, how bad, and the sentence with the cure. All of a file's
// errors are collected and handed back together, in the order of the file.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control {

// 1-based; columns count characters, not bytes. Line 0: the file as a whole.
struct Position {
	std::uint32_t line = 0;
	std::uint32_t column = 0;
	friend auto operator<=>(const Position &, const Position &) = default;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
	Severity severity = Severity::error;
	std::string file;
	std::uint32_t line = 0;
	std::uint32_t column = 0;
	std::string message;
	friend bool operator==(const Diagnostic &, const Diagnostic &) = default;
};

// "FILE:LINE:COL: error: message"; "FILE: error: message" for the file as a whole.
[[nodiscard]] std::string to_text(const Diagnostic &diagnostic);
// One line each, newline at the end of each.
[[nodiscard]] std::string to_text(const std::vector<Diagnostic> &diagnostics);

// Collects. Keeps the first `kept` of each severity and counts the rest, so that a garbage file costs bounded memory.
class Diagnostics {
public:
	static constexpr std::size_t kept = 100;

	explicit Diagnostics(std::string_view file) : m_file(file) {}

	void error(Position at, std::string message) { add(Severity::error, at, std::move(message)); }
	void warning(Position at, std::string message) { add(Severity::warning, at, std::move(message)); }
	// False when an error would only be counted: then its message need not be made.
	[[nodiscard]] bool wants_errors() const { return m_errors < kept; }
	[[nodiscard]] bool has_errors() const { return m_errors > 0; }
	// Sorted by position; "and N more errors" last when there were too many. The collector is empty afterwards.
	[[nodiscard]] std::vector<Diagnostic> take();

private:
	void add(Severity severity, Position at, std::string message);

	std::string m_file;
	std::vector<Diagnostic> m_list;
	std::size_t m_errors = 0;
	std::size_t m_warnings = 0;
};

// A user's word inside a message: cut to a length that keeps the line readable, control characters as '?' (the
// message goes to a terminal). quoted() is the same between quotes.
[[nodiscard]] std::string shortened(std::string_view word);
[[nodiscard]] std::string quoted(std::string_view word);

} // namespace systole::control
