// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/show.h"

#include "control/config/option.h"
#include "control/config/sha256.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>

namespace systole::control {

namespace config {

namespace {

enum class Form : std::uint8_t { changed, full, synchronised };

bool is_quoted(Kind kind, std::size_t word)
{
	switch (kind) {
	case Kind::text:
	case Kind::text_list:
	case Kind::name:
	case Kind::name_list:
	case Kind::hostname:
	case Kind::serial:
	case Kind::endpoint_list:
	case Kind::path: return true;
	case Kind::heartbeat_ports: return word % 2 == 0;
	default: return false;
	}
}

std::string in_quotes(const std::string &word)
{
	std::string text = "\"";
	for (const char c : word) {
		if (c == '"' || c == '\\')
			text += '\\';
		text += c;
	}
	return text + "\"";
}

// Is this option printed, and with which words?
struct Shown {
	bool is_shown = false;
	Words words;
};
Shown shown(const Section &section, const void *object, const Option &option, Form form)
{
	if (form == Form::synchronised && !option.is_synchronised)
		return {};
	if (!option.binding && option.kind == Kind::secret)
		return {}; // never kept
	Words words = current_words(section, object, option);
	const bool is_changed = words != fallback_words(option);
	const bool is_wanted = is_changed || (form == Form::full && option.is_in_force);
	return {is_wanted, std::move(words)};
}

class Writer {
public:
	Writer(std::string &out, Form form) : m_out(out), m_form(form) {}

	void section(const Section &section, const void *parent, std::size_t depth)
	{
		line(depth, "config " + std::string(section.path));
		if (section.shape == Shape::object) {
			body(section, section.access.view(parent, 0), depth + 1);
		} else {
			for (std::size_t i = 0; i < section.access.count(parent); ++i) {
				const void *entry = section.access.view(parent, i);
				const Words key = current_words(section, entry, *section.key);
				line(depth + 1, "edit " + (key.empty()                       ? "\"\""
							   : is_quoted(section.key->kind, 0) ? in_quotes(key.front())
											     : key.front()));
				body(section, entry, depth + 2);
				line(depth + 1, "next");
			}
		}
		line(depth, "end");
	}

	// Nothing to say: an empty table, or an object with nothing but defaults.
	[[nodiscard]] bool is_empty(const Section &section, const void *parent) const
	{
		if (section.shape == Shape::ignored || (m_form == Form::synchronised && !section.is_synchronised))
			return true;
		if (section.shape == Shape::table)
			return section.access.count(parent) == 0;
		const void *object = section.access.view(parent, 0);
		return std::none_of(
			       section.options.begin(), section.options.end(),
			       [&](const Option &option) { return shown(section, object, option, m_form).is_shown; }) &&
		       std::all_of(section.nested.begin(), section.nested.end(),
				   [&](const Section *nested) { return is_empty(*nested, object); });
	}

private:
	void line(std::size_t depth, const std::string &text)
	{
		m_out.append(4 * depth, ' ');
		m_out += text;
		m_out += '\n';
	}

	void body(const Section &section, const void *object, std::size_t depth)
	{
		for (const Option &option : section.options) {
			write(section, object, option, depth);
			for (const Section *nested : section.nested)
				if (nested->follows == option.name && !is_empty(*nested, object))
					this->section(*nested, object, depth);
		}
		for (const Section *nested : section.nested)
			if (nested->follows.empty() && !is_empty(*nested, object))
				this->section(*nested, object, depth);
	}

	void write(const Section &section, const void *object, const Option &option, std::size_t depth)
	{
		const auto [is_shown, words] = shown(section, object, option, m_form);
		if (!is_shown)
			return;
		const std::string name(option.name);
		if (words.empty()) {
			// A text emptied on purpose is not the same as one left at its default.
			line(depth, fallback_words(option).empty() ? "unset " + name : "set " + name + " \"\"");
			return;
		}
		std::string text = "set " + name;
		for (std::size_t i = 0; i < words.size(); ++i)
			text += " " + (is_quoted(option.kind, i) ? in_quotes(words[i]) : words[i]);
		line(depth, text);
	}

	std::string &m_out;
	Form m_form;
};

boost::json::value json_word(const Option &option, const std::string &word)
{
	if (option.kind == Kind::integer || option.kind == Kind::numbers) {
		std::int64_t number = 0;
		std::from_chars(word.data(), word.data() + word.size(), number);
		return number;
	}
	if (option.kind == Kind::flag)
		return word == "enable";
	return boost::json::value(word);
}

boost::json::value json_value(const Option &option, const Words &words)
{
	boost::json::array list;
	switch (option.kind) {
	case Kind::heartbeat_ports:
		for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
			std::int64_t priority = 0;
			std::from_chars(words[i + 1].data(), words[i + 1].data() + words[i + 1].size(), priority);
			list.push_back({{"name", words[i]}, {"priority", priority}});
		}
		return list;
	case Kind::choice_list:
	case Kind::text_list:
	case Kind::name_list:
	case Kind::endpoint_list:
	case Kind::numbers:
		for (const std::string &word : words)
			list.push_back(json_word(option, word));
		return list;
	default: break;
	}
	if (words.empty())
		return nullptr;
	if (words.size() == 1)
		return json_word(option, words.front());
	return boost::json::value(words[0] + " " + words[1]); // address and mask, ENC and star
}

boost::json::object json_object(const Section &section, const void *object, Form form);

boost::json::value json_section(const Section &section, const void *parent, Form form)
{
	if (section.shape == Shape::object)
		return json_object(section, section.access.view(parent, 0), form);
	boost::json::array entries;
	for (std::size_t i = 0; i < section.access.count(parent); ++i)
		entries.push_back(json_object(section, section.access.view(parent, i), form));
	return entries;
}

boost::json::object json_object(const Section &section, const void *object, Form form)
{
	boost::json::object out;
	if (section.key != nullptr)
		out[section.key->name] = json_value(*section.key, current_words(section, object, *section.key));
	for (const Option &option : section.options)
		if (const auto [is_shown, words] = shown(section, object, option, form); is_shown)
			out[option.name] = json_value(option, words);
	std::string unused;
	for (const Section *nested : section.nested)
		if (!Writer(unused, form).is_empty(*nested, object))
			out[nested->path] = json_section(*nested, object, form);
	return out;
}

// Calls visit(section) for the one asked for, or for all; false when there is no such section.
template <typename Visit> bool for_sections(std::string_view path, Visit visit)
{
	bool found = false;
	for (const Section *section : root_section().nested) {
		if (section->shape == Shape::ignored || (!path.empty() && section->path != path))
			continue;
		visit(*section);
		found = true;
	}
	return found;
}

Form form_of(ShowForm form)
{
	return form == ShowForm::full ? Form::full : Form::changed;
}

} // namespace

} // namespace config

std::optional<std::string> show_configuration(const Configuration &configuration, std::string_view section,
					      ShowForm form)
{
	std::string text;
	config::Writer writer(text, config::form_of(form));
	const bool found = config::for_sections(section, [&](const config::Section &one) {
		if (!section.empty() || !writer.is_empty(one, &configuration))
			writer.section(one, &configuration, 0);
	});
	return found ? std::optional(text) : std::nullopt;
}

std::optional<boost::json::object> configuration_json(const Configuration &configuration, std::string_view section,
						      ShowForm form)
{
	boost::json::object out;
	const bool found = config::for_sections(section, [&](const config::Section &one) {
		out[one.path] = config::json_section(one, &configuration, config::form_of(form));
	});
	return found ? std::optional(out) : std::nullopt;
}

std::string synchronised_text(const Configuration &configuration)
{
	std::string text;
	config::Writer writer(text, config::Form::synchronised);
	static_cast<void>(config::for_sections({}, [&](const config::Section &one) {
		if (!writer.is_empty(one, &configuration))
			writer.section(one, &configuration, 0);
	}));
	return text;
}

ConfigurationChecksum configuration_checksum(const Configuration &configuration)
{
	const auto digest = config::sha256(synchronised_text(configuration));
	ConfigurationChecksum checksum;
	std::copy_n(digest.begin(), checksum.size(), checksum.begin());
	return checksum;
}

} // namespace systole::control
