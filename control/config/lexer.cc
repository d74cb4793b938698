// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/lexer.h"

#include "control/config/keyword.h"

#include <algorithm>
#include <cstdint>

namespace systole::control::config {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_base64(std::string_view word)
{
	return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
		       c == '/' || c == '=';
	});
}

} // namespace

std::string Token::text() const
{
	std::string text;
	text.reserve(raw.size());
	unescape([&](char c) { text += c; });
	return text;
}

Lexer::Lexer(std::string_view text, Diagnostics &diagnostics) : m_text(text), m_diagnostics(diagnostics)
{
	if (m_text.starts_with(byte_order_mark))
		m_offset = byte_order_mark.size();
}

bool Lexer::next(Statement &statement)
{
	statement.tokens.clear();
	statement.is_broken = false;
	while (m_offset < m_text.size()) {
		read_line(statement);
		if (!statement.tokens.empty() || statement.is_broken) {
			join_continuation(statement);
			return true;
		}
	}
	return false;
}

void Lexer::read_line(Statement &statement)
{
	while (m_offset < m_text.size() && !at_line_end()) {
		if (blank_size(m_offset) > 0) {
			advance();
		} else if (m_text[m_offset] == '#') {
			skip_rest();
		} else if (m_text[m_offset] == '"' || m_text[m_offset] == '\'') {
			read_quoted(statement);
		} else {
			read_word(statement);
		}
	}
	while (m_offset < m_text.size() && m_text[m_offset] != '\n')
		++m_offset; // the CR of CRLF
	if (m_offset < m_text.size())
		++m_offset;
	++m_position.line;
	m_position.column = 1;
}

void Lexer::read_quoted(Statement &statement)
{
	const Position start = m_position;
	const char quote = m_text[m_offset];
	advance();
	const std::size_t first = m_offset;
	while (!at_line_end() && m_text[m_offset] != quote) {
		if (m_text[m_offset] == '\\') {
			advance();
			if (at_line_end())
				break;
		}
		if (is_control(m_offset))
			fault(statement, m_position, "control character in a value: remove it");
		advance();
	}
	if (at_line_end()) {
		fault(statement, start,
		      std::string("this ") + quote + " is not closed on its line: add the closing " + quote);
		return;
	}
	statement.tokens.push_back({m_text.substr(first, m_offset - first), start, true});
	advance();
	if (!at_line_end() && blank_size(m_offset) == 0) {
		fault(statement, m_position,
		      "text directly after a closing quote: put a blank between, or a backslash before a quote that "
		      "belongs to the value");
		skip_rest(); // it cannot be trusted
	}
}

void Lexer::read_word(Statement &statement)
{
	const Position start = m_position;
	const std::size_t first = m_offset;
	while (!at_line_end() && blank_size(m_offset) == 0) {
		if (m_text[m_offset] == '"' || m_text[m_offset] == '\'') {
			fault(statement, m_position,
			      "quote inside a word: put the whole word in quotes, or a backslash before this quote");
			break;
		}
		if (m_text[m_offset] == '\\') {
			const Position at = m_position;
			advance();
			if (at_line_end()) {
				fault(statement, at, "backslash at the end of a line: a statement ends with its line");
				break;
			}
		}
		if (is_control(m_offset))
			fault(statement, m_position, "control character: remove it");
		advance();
	}
	statement.tokens.push_back({m_text.substr(first, m_offset - first), start, false});
	if (statement.is_broken)
		skip_rest(); // it cannot be trusted
}

// Looks at whole lines ahead; takes those that can only be the next piece of an ENC value.
void Lexer::join_continuation(Statement &statement)
{
	auto &tokens = statement.tokens;
	if (statement.is_broken || tokens.size() < 3 || tokens.size() > 4 || !tokens[0].is("set") ||
	    !tokens[2].is("ENC"))
		return;
	if (tokens.size() == 4 && (tokens[3].is_quoted || !is_base64(tokens[3].raw)))
		return;
	std::string *joined = nullptr;
	std::size_t offset = m_offset;
	std::uint32_t line = m_position.line;
	while (offset < m_text.size()) {
		std::uint32_t column = 1;
		for (std::size_t size = blank_size(offset); size > 0; size = blank_size(offset), ++column)
			offset += size;
		const std::size_t first = offset;
		const std::size_t end = std::min(m_text.find('\n', first), m_text.size());
		std::size_t last = end;
		while (last > first &&
		       (m_text[last - 1] == '\r' || m_text[last - 1] == ' ' || m_text[last - 1] == '\t'))
			--last;
		// A no-break space is two bytes; trailing ones are taken off from the end in pairs, mixed with plain blanks.
		while (last >= first + 2 && m_text.substr(last - 2, 2) == "\xc2\xa0") {
			last -= 2;
			while (last > first && (m_text[last - 1] == ' ' || m_text[last - 1] == '\t'))
				--last;
		}
		const std::string_view word = m_text.substr(first, last - first);
		if (!word.empty()) {
			if (!is_base64(word) || keyword_from(word) != Keyword::none)
				return;
			if (tokens.size() == 3)
				tokens.push_back({{}, {line, column}, false});
			if (joined == nullptr)
				joined = &m_joined.emplace_back(tokens[3].raw);
			*joined += word;
			tokens[3].raw = *joined;
		}
		offset = std::min(end + 1, m_text.size());
		++line;
		if (!word.empty()) { // blank lines are only consumed together with a piece after them
			m_offset = offset;
			m_position = {line, 1};
		}
	}
}

void Lexer::skip_rest()
{
	while (!at_line_end())
		advance();
}

void Lexer::fault(Statement &statement, Position at, std::string message)
{
	if (!statement.is_broken)
		m_diagnostics.error(at, std::move(message));
	statement.is_broken = true;
}

bool Lexer::at_line_end() const
{
	if (m_offset >= m_text.size() || m_text[m_offset] == '\n')
		return true;
	return m_text[m_offset] == '\r' && (m_offset + 1 == m_text.size() || m_text[m_offset + 1] == '\n');
}

std::size_t Lexer::blank_size(std::size_t at) const
{
	if (at >= m_text.size())
		return 0;
	if (m_text[at] == ' ' || m_text[at] == '\t')
		return 1;
	return m_text.substr(at, 2) == "\xc2\xa0" ? 2 : 0;
}

bool Lexer::is_control(std::size_t at) const
{
	const auto byte = static_cast<unsigned char>(m_text[at]);
	if (byte < 0x20)
		return byte != '\t';
	if (byte == 0xc2 && at + 1 < m_text.size()) // U+0080..U+009F: terminals may obey them
		return static_cast<unsigned char>(m_text[at + 1]) < 0xa0;
	return byte == 0x7f;
}

void Lexer::advance()
{
	if ((static_cast<unsigned char>(m_text[m_offset]) & 0xc0) != 0x80)
		++m_position.column;
	++m_offset;
	// A multi-byte character has one column; its tail is stepped over with its head.
	while (m_offset < m_text.size() && (static_cast<unsigned char>(m_text[m_offset]) & 0xc0) == 0x80)
		++m_offset;
}

std::size_t first_invalid_utf8(std::string_view text)
{
	std::size_t i = 0;
	while (i < text.size()) {
		const auto head = static_cast<unsigned char>(text[i]);
		std::size_t size = 0;
		std::uint32_t point = 0;
		if (head < 0x80) {
			++i;
			continue;
		}
		if (head >= 0xc2 && head <= 0xdf) {
			size = 2;
			point = head & 0x1fU;
		} else if (head >= 0xe0 && head <= 0xef) {
			size = 3;
			point = head & 0x0fU;
		} else if (head >= 0xf0 && head <= 0xf4) {
			size = 4;
			point = head & 0x07U;
		} else {
			return i;
		}
		for (std::size_t k = 1; k < size; ++k) {
			if (i + k >= text.size() || (static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80)
				return i;
			point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
		}
		const bool is_overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
		if (is_overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return i;
		i += size;
	}
	return std::string_view::npos;
}

} // namespace systole::control::config
