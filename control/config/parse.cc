// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The grammar, a stack of open blocks:
//
//   top      config SECTION
//   object   set | unset | config | end
//   table    edit | end
//   entry    set | unset | config | next
//   skipped  a block we cannot read: passed over to its end, so that one mistake is one error
#include "control/config/parse.h"

#include "control/config/keyword.h"
#include "control/config/lexer.h"
#include "control/config/nearest.h"
#include "control/config/option.h"
#include "control/config/option_value.h"
#include "control/config/written.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace systole::control {

namespace config {

namespace {

enum class Block : std::uint8_t { top, object, table, entry, skipped };

struct Frame {
	Block block = Block::top;
	const Section *section = nullptr;
	void *object = nullptr;     // of a table: the parent's object
	Written *written = nullptr; // of a table: the parent's
	Position at;
	std::string name;      // what the user opened, for messages
	std::size_t depth = 0; // skipped: `config`s open inside it
	bool is_entry = false; // skipped: opened by edit, not by config
};

class Parser {
public:
	Parser(std::string_view text, Diagnostics &diagnostics, Configuration &configuration)
	    : m_lexer(text, diagnostics), m_diagnostics(diagnostics)
	{
		m_frames.push_back({Block::top, &root_section(), &configuration, &m_root, {1, 1}, {}, 0, false});
	}

	void run();
	[[nodiscard]] const Written &written() const { return m_root; }

private:
	void statement(const Statement &statement);
	void skip(const Statement &statement);
	void open_config(const Statement &statement);
	void open_entry(const Statement &statement);
	void set(const Statement &statement);
	void set_secret(const Option &option, const Statement &statement);
	void unset(const Statement &statement);
	void close_entry(const Statement &statement);
	void close_config(const Statement &statement);

	[[nodiscard]] const Option *known_option(const Statement &statement);
	[[nodiscard]] bool must_be_object(const Token &keyword);
	void store(const Option &option, const Words &words);
	void push(Frame frame);
	void skip_block(Position at, std::string name, bool is_entry = false);
	[[nodiscard]] std::size_t depth() const;
	[[nodiscard]] bool has_no_more(const Statement &statement, std::size_t words);
	void note_without_effect(const Section &section, std::string_view name, Position at);
	void report_without_effect();
	void error(Position at, const std::string &message) { m_diagnostics.error(at, message); }
	[[nodiscard]] Frame &top() { return m_frames.back(); }
	[[nodiscard]] std::string place() const;

	struct WithoutEffect {
		std::string section;
		std::vector<std::string_view> names;
	};

	Lexer m_lexer;
	Diagnostics &m_diagnostics;
	Written m_root;
	std::vector<Frame> m_frames;
	std::vector<WithoutEffect> m_without_effect;
	Position m_first_without_effect;
};

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
			 std::string_view otherwise)
{
	const std::string_view near = nearest(word, candidates);
	return near.empty() ? std::string(otherwise) : "did you mean " + quoted(near) + "?";
}

void Parser::run()
{
	Statement line;
	while (m_lexer.next(line)) {
		if (line.tokens.empty())
			continue; // nothing readable; the lexer has reported it
		statement(line);
	}
	for (std::size_t i = m_frames.size(); i-- > 1;) {
		const Frame &frame = m_frames[i];
		error(frame.at, frame.name + " is never closed: write " +
					(frame.block == Block::entry || frame.is_entry ? "next" : "end"));
	}
	report_without_effect();
}

void Parser::statement(const Statement &line)
{
	if (top().block == Block::skipped) {
		skip(line);
		return;
	}
	const Token &first = line.tokens.front();
	switch (first.is_quoted ? Keyword::none : keyword_from(first.raw)) {
	case Keyword::config: return open_config(line);
	case Keyword::edit: return open_entry(line);
	case Keyword::set: return set(line);
	case Keyword::unset: return unset(line);
	case Keyword::next: return close_entry(line);
	case Keyword::end: return close_config(line);
	case Keyword::none: break;
	}
	if (!m_diagnostics.wants_errors())
		return error(first.at, "not a statement");
	error(first.at, quoted(first.raw) + " does not begin a statement: " +
				did_you_mean(first.raw, keyword_names, "write config, edit, set, unset, next or end"));
}

void Parser::skip(const Statement &line)
{
	const Token &first = line.tokens.front();
	const Keyword keyword = first.is_quoted ? Keyword::none : keyword_from(first.raw);
	Frame &frame = top();
	if (keyword == Keyword::config) {
		++frame.depth;
		if (depth() == max_configuration_depth + 1)
			error(first.at,
			      "blocks are nested more than " + std::to_string(max_configuration_depth) + " deep");
	} else if (keyword == Keyword::end && frame.depth > 0) {
		--frame.depth;
	} else if (keyword == Keyword::end && !frame.is_entry) {
		m_frames.pop_back();
	} else if (frame.depth == 0 && frame.is_entry) {
		if (keyword == Keyword::next) {
			m_frames.pop_back();
		} else if (keyword == Keyword::end || keyword == Keyword::edit) {
			m_frames.pop_back(); // its `next` is missing; the table goes on or ends here
			statement(line);
		}
	}
}

// "config system ha", "edit "hb0" in config system interface": where the parser stands.
std::string Parser::place() const
{
	const Frame &frame = m_frames.back();
	if (frame.block == Block::top)
		return "the top of the file";
	if (frame.block == Block::entry)
		return frame.name + " of config " + std::string(frame.section->path);
	return frame.name;
}

bool Parser::has_no_more(const Statement &line, std::size_t words)
{
	if (line.tokens.size() <= words)
		return true;
	if (!line.is_broken)
		error(line.tokens[words].at,
		      "nothing may follow here on the line: begin a new line, or a comment with #");
	return false;
}

void Parser::push(Frame frame)
{
	m_frames.push_back(std::move(frame));
}

void Parser::skip_block(Position at, std::string name, bool is_entry)
{
	push({Block::skipped, nullptr, nullptr, nullptr, at, std::move(name), 0, is_entry});
}

// How many `config`s are open.
std::size_t Parser::depth() const
{
	std::size_t open = 0;
	for (const Frame &frame : m_frames)
		if (frame.block == Block::object || frame.block == Block::table ||
		    (frame.block == Block::skipped && !frame.is_entry))
			++open;
	return open + m_frames.back().depth;
}

void Parser::open_config(const Statement &line)
{
	const Token &keyword = line.tokens.front();
	std::string path;
	for (std::size_t i = 1; i < line.tokens.size(); ++i) {
		if (i > 1)
			path += ' ';
		path += line.tokens[i].text();
		if (path.size() > 256)
			break;
	}
	const std::string name = "config " + shortened(path);

	// A top section where none can be: the block before it was not closed. Close it and go on from the top.
	if (top().block != Block::top && root_section().child(path) != nullptr &&
	    (top().section == nullptr || top().section->child(path) == nullptr)) {
		for (std::size_t i = m_frames.size(); i-- > 1;)
			if (m_frames[i].block != Block::entry)
				error(keyword.at, quoted(name) + " cannot stand inside " + m_frames[i].name +
							  " (line " + std::to_string(m_frames[i].at.line) +
							  "): close that with end first");
		m_frames.resize(1);
	}

	if (top().block == Block::table) {
		error(keyword.at, "config cannot stand directly in " + place() + ": write edit NAME first");
		return skip_block(keyword.at, name);
	}
	const Section *section = top().section->child(path);
	if (section == nullptr || line.is_broken) {
		if (!line.is_broken) {
			std::vector<std::string_view> known;
			for (const Section *candidate : top().section->nested)
				known.push_back(candidate->path);
			error(line.tokens.size() > 1 ? line.tokens[1].at : keyword.at,
			      "unknown section " + quoted(path) + (top().block == Block::top ? "" : " in " + place()) +
				      ": " + did_you_mean(path, known, "remove it, from config to its end"));
		}
		return skip_block(keyword.at, name);
	}
	if (section->shape == Shape::ignored) {
		m_diagnostics.warning(keyword.at, name + " is accepted but has no effect here (" +
							  std::string(section->help) + ")");
		return skip_block(keyword.at, name);
	}
	const Frame parent = top();
	if (!section->is_in_force)
		note_without_effect(*parent.section, section->path, keyword.at);
	if (section->shape == Shape::table) {
		static_cast<void>(parent.written->nested[section]);
		return push({Block::table, section, parent.object, parent.written, keyword.at, name, 0, false});
	}
	auto &objects = parent.written->nested[section].objects;
	if (objects.empty())
		objects.push_back({keyword.at, {}, {}});
	push({Block::object, section, section->access.at(parent.object, 0), &objects.front(), keyword.at, name, 0,
	      false});
}

void Parser::open_entry(const Statement &line)
{
	const Token &keyword = line.tokens.front();
	if (top().block == Block::entry) {
		error(keyword.at, "edit inside " + place() + " (line " + std::to_string(top().at.line) +
					  "): close that with next first");
		m_frames.pop_back();
	}
	if (top().block != Block::table) {
		error(keyword.at,
		      "edit cannot stand in " + place() + ": it belongs into a table, as config system interface");
		return;
	}
	const Frame table = top();
	const Section &section = *table.section;
	if (line.tokens.size() < 2) {
		if (!line.is_broken)
			error(keyword.at, "edit needs the " + std::string(section.key->name) + " of the entry");
		return skip_block(keyword.at, "edit", true);
	}
	static_cast<void>(has_no_more(line, 2));

	const Token &token = line.tokens[1];
	std::string key = token.text();
	const std::string name = "edit " + quoted(key);
	Judgement judgement = judge(*section.key, {key});
	if (!judgement.error.empty()) {
		error(token.at, std::string(section.key->name) + " of config " + std::string(section.path) + ": " +
					judgement.error);
		judgement.words.clear();
	} else if (judgement.words.empty()) {
		error(token.at, "edit needs the " + std::string(section.key->name) + " of the entry: it is empty");
	}
	WrittenSection &written = table.written->nested[&section];
	if (written.objects.size() >= section.most_entries) {
		error(keyword.at, "too many entries in config " + std::string(section.path) + ": at most " +
					  std::to_string(section.most_entries));
		return skip_block(keyword.at, name, true);
	}
	if (!judgement.words.empty()) {
		const auto [found, is_new] = written.keys.emplace(judgement.words.front(), token.at);
		if (!is_new)
			error(token.at, name + " stands twice in config " + std::string(section.path) +
						" (first on line " + std::to_string(found->second.line) +
						"): join the two");
	}
	void *object = section.access.append(table.object);
	section.key->binding.assign(object, *section.key, judgement.words);
	written.objects.push_back({keyword.at, {}, {}});
	push({Block::entry, &section, object, &written.objects.back(), keyword.at, name, 0, false});
}

bool Parser::must_be_object(const Token &keyword)
{
	if (top().block == Block::object || top().block == Block::entry)
		return true;
	error(keyword.at,
	      keyword.text() + " cannot stand in " + place() + ": " +
		      (top().block == Block::table ? "write edit NAME first" : "write config SECTION first"));
	return false;
}

const Option *Parser::known_option(const Statement &line)
{
	const Token &keyword = line.tokens.front();
	if (!must_be_object(keyword))
		return nullptr;
	if (line.tokens.size() < 2) {
		if (!line.is_broken)
			error(keyword.at, keyword.text() + " needs the name of an option");
		return nullptr;
	}
	const Token &token = line.tokens[1];
	const std::string name = token.text();
	const Option *option = top().section->option(name);
	if (option != nullptr)
		return option;
	if (!m_diagnostics.wants_errors()) {
		error(token.at, "unknown option");
		return nullptr;
	}
	std::vector<std::string_view> known;
	for (const Option &candidate : top().section->options)
		known.push_back(candidate.name);
	error(token.at, "unknown option " + quoted(name) + " in config " + std::string(top().section->path) + ": " +
				did_you_mean(name, known, "remove the line (docs/CONFIGURATION.md lists the options)"));
	return nullptr;
}

void Parser::store(const Option &option, const Words &words)
{
	if (option.binding) {
		option.binding.assign(top().object, option, words);
		return;
	}
	Configuration::Kept *kept = top().section->access.kept(top().object);
	if (words == fallback_words(option))
		kept->erase(std::string(option.name));
	else
		kept->insert_or_assign(std::string(option.name), words);
}

void Parser::set(const Statement &line)
{
	const Option *option = known_option(line);
	if (option == nullptr)
		return;
	const Token &name = line.tokens[1];
	WrittenOption written{name.at, {}};
	for (std::size_t i = 2; i < line.tokens.size(); ++i)
		written.values.push_back(line.tokens[i].at);
	const auto [found, is_new] = top().written->options.emplace(option->name, std::move(written));
	if (!is_new) {
		error(name.at, std::string(option->name) + " is set twice (first on line " +
				       std::to_string(found->second.at.line) + "): keep one of the two lines");
		return;
	}
	if (line.is_broken)
		return;
	if (!option->is_in_force && top().section->is_in_force)
		note_without_effect(*top().section, option->name, name.at);
	if (line.tokens.size() < 3) {
		error(name.at, std::string(option->name) + " has no value: write " + describe_values(*option) +
				       ", or unset " + std::string(option->name));
		return;
	}
	if (option->kind == Kind::secret) {
		set_secret(*option, line);
		return;
	}
	Words words;
	for (std::size_t i = 2; i < line.tokens.size(); ++i)
		words.push_back(line.tokens[i].text());
	const Judgement judgement = judge(*option, words);
	if (!judgement.error.empty()) {
		error(line.tokens[2 + judgement.word].at, std::string(option->name) + ": " + judgement.error);
		return;
	}
	store(*option, judgement.words);
}

// No message here may repeat any word of the line.
void Parser::set_secret(const Option &option, const Statement &line)
{
	const std::string name(option.name);
	const Token &value = line.tokens[2];
	if (value.is("ENC")) {
		const std::string cure = "write set " + name + " \"...\" with the " + name + " in clear";
		if (line.tokens.size() == 4 && line.tokens[3].is("*"))
			return error(value.at, name + " ENC * is what show prints in place of the real one: " + cure);
		return error(value.at,
			     "this ENC " + name + " was made by another product, which alone can read it: " + cure);
	}
	if (line.tokens.size() > 3)
		return error(line.tokens[3].at, name + " takes one value: put it in quotes if it holds blanks");
	SecretText secret = SecretText::with_capacity(value.raw.size());
	value.unescape([&](char c) { secret.append(c); });
	if (secret.empty())
		return error(value.at, name + " is empty: write set " + name + " \"...\" with at least 12 characters");
	if (static_cast<std::int64_t>(secret.size()) > option.high)
		return error(value.at, name + " is too long: at most " + std::to_string(option.high) + " bytes");
	const auto characters = std::count_if(secret.view().begin(), secret.view().end(),
					      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
	if (!option.binding)
		return;
	if (characters < 12)
		m_diagnostics.warning(value.at, name + " has only " + std::to_string(characters) +
							" characters: it can be guessed on the wire; use 12 or more");
	*option.binding.secret(top().object) = std::move(secret);
}

void Parser::unset(const Statement &line)
{
	const Option *option = known_option(line);
	if (option == nullptr || !has_no_more(line, 2))
		return;
	top().written->options.erase(option->name);
	store(*option, fallback_words(*option));
}

void Parser::close_entry(const Statement &line)
{
	const Token &keyword = line.tokens.front();
	static_cast<void>(has_no_more(line, 1));
	if (top().block == Block::entry)
		m_frames.pop_back();
	else if (top().block == Block::top)
		error(keyword.at, "next without edit: remove it");
	else
		error(keyword.at, "next without edit in " + place() + ": " +
					  (top().block == Block::table ? "remove it" : "a config is closed with end"));
}

void Parser::close_config(const Statement &line)
{
	const Token &keyword = line.tokens.front();
	static_cast<void>(has_no_more(line, 1));
	if (top().block == Block::entry) {
		error(keyword.at, "end, but " + place() + " (line " + std::to_string(top().at.line) +
					  ") is still open: write next first");
		m_frames.pop_back();
	}
	if (top().block == Block::top)
		error(keyword.at, "end without config: remove it");
	else
		m_frames.pop_back();
}

void Parser::note_without_effect(const Section &section, std::string_view name, Position at)
{
	if (m_without_effect.empty())
		m_first_without_effect = at;
	auto found = std::find_if(m_without_effect.begin(), m_without_effect.end(),
				  [&](const WithoutEffect &one) { return one.section == section.path; });
	if (found == m_without_effect.end())
		found = m_without_effect.insert(found, {std::string(section.path), {}});
	if (std::find(found->names.begin(), found->names.end(), name) == found->names.end())
		found->names.push_back(name);
}

void Parser::report_without_effect()
{
	if (m_without_effect.empty())
		return;
	std::string message = "accepted but without effect here: ";
	for (const WithoutEffect &one : m_without_effect) {
		for (const std::string_view name : one.names)
			message += std::string(name) + (name == one.names.back() ? "" : ", ");
		message += " (config " + one.section + ")";
		if (&one != &m_without_effect.back())
			message += "; ";
	}
	m_diagnostics.warning(m_first_without_effect, message);
}

Position position_at(std::string_view text, std::size_t offset)
{
	Position at{1, 1};
	for (std::size_t i = 0; i < offset; ++i) {
		if (text[i] == '\n')
			at = {at.line + 1, 1};
		else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
			++at.column;
	}
	return at;
}

} // namespace

} // namespace config

bool ParseResult::ok() const
{
	return std::none_of(diagnostics.begin(), diagnostics.end(),
			    [](const Diagnostic &diagnostic) { return diagnostic.severity == Severity::error; });
}

ParseResult parse_configuration(std::string_view text, std::string_view file_name)
{
	Diagnostics diagnostics(file_name);
	ParseResult result;
	if (text.size() > max_configuration_bytes) {
		diagnostics.error({}, "larger than " + std::to_string(max_configuration_bytes) +
					      " bytes: this is no configuration file");
	} else if (const std::size_t bad = config::first_invalid_utf8(text); bad != std::string_view::npos) {
		diagnostics.error(config::position_at(text, bad), "not UTF-8 text: save the file as UTF-8");
	} else {
		config::Parser parser(text, diagnostics, result.configuration);
		parser.run();
		config::check_whole(result.configuration, parser.written(), diagnostics);
	}
	result.diagnostics = diagnostics.take();
	return result;
}

} // namespace systole::control
