// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Cuts configuration text into statements of words, one statement a line:
//
//     set group-name "lab"   # comment          ->  set | group-name | lab
//
// * Blanks: space, tab and the no-break space of text copied out of a web page. Lines end in LF or CRLF.
// * '#' where a word could begin starts a comment.
// * "..." and '...' on one line; inside and outside of them a backslash takes the next character as it is.
// * `set NAME ENC VALUE`: following lines that are a lone base64 word and no keyword belong to VALUE, because the
//   vendor's pages break these values over several lines.
//
// Words point into the text: a password is never copied here.
#pragma once

#include "control/config/diagnostic.h"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control::config {

struct Token {
	std::string_view raw; // without the quotes, backslashes still in
	Position at;
	bool is_quoted = false;

	// Calls put(char) for each byte of the word as it is meant.
	template <typename Put> void unescape(Put put) const
	{
		for (std::size_t i = 0; i < raw.size(); ++i) {
			if (raw[i] == '\\' && i + 1 < raw.size())
				++i;
			put(raw[i]);
		}
	}
	[[nodiscard]] std::string text() const;
	[[nodiscard]] bool is(std::string_view word) const { return !is_quoted && raw == word; }
};

struct Statement {
	std::vector<Token> tokens;
	bool is_broken = false; // an error in it was already reported; the tokens are what could be read
};

class Lexer {
public:
	// `text` must be valid UTF-8 and outlive the lexer and its tokens.
	Lexer(std::string_view text, Diagnostics &diagnostics);

	// The next statement that holds something; false at the end of the text.
	[[nodiscard]] bool next(Statement &statement);
	[[nodiscard]] Position position() const { return m_position; }

private:
	void read_line(Statement &statement);
	void read_quoted(Statement &statement);
	void read_word(Statement &statement);
	void join_continuation(Statement &statement);
	void skip_rest(); // of the line
	void fault(Statement &statement, Position at, std::string message);

	[[nodiscard]] bool at_line_end() const;
	[[nodiscard]] std::size_t blank_size(std::size_t at) const; // bytes of the blank at this offset, 0 if none
	[[nodiscard]] bool is_control(std::size_t at) const;
	void advance(); // over one byte

	std::string_view m_text;
	Diagnostics &m_diagnostics;
	std::size_t m_offset = 0;
	Position m_position{1, 1};
	std::deque<std::string> m_joined; // values put together from several lines
};

// Offset of the first byte that is not UTF-8 (RFC 3629), or npos.
[[nodiscard]] std::size_t first_invalid_utf8(std::string_view text);

} // namespace systole::control::config
