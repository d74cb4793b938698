// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/binding.h"

#include "control/config/option.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>

namespace systole::control::config {

namespace detail {

std::int64_t number_from_word(const Option &option, const std::string &word)
{
	if (option.kind == Kind::choice || option.kind == Kind::choice_list) {
		const auto found = std::find(option.choices.begin(), option.choices.end(), word);
		assert(found != option.choices.end());
		return found - option.choices.begin();
	}
	if (option.kind == Kind::protocol)
		for (std::size_t i = 0; i < option.choices.size(); ++i)
			if (option.choices[i] == word)
				return protocol_numbers[i];
	std::int64_t number = 0;
	const int base = option.kind == Kind::ether_type ? 16 : 10;
	const auto result = std::from_chars(word.data(), word.data() + word.size(), number, base);
	assert(result.ec == std::errc{});
	static_cast<void>(result);
	return number;
}

std::int64_t number_from(const Option &option, const Words &words)
{
	return words.empty() ? 0 : number_from_word(option, words.front());
}

Words words_from(const Option &option, std::int64_t number)
{
	switch (option.kind) {
	case Kind::choice:
	case Kind::choice_list: return {std::string(option.choices[static_cast<std::size_t>(number)])};
	case Kind::protocol:
		for (std::size_t i = 0; i < option.choices.size(); ++i)
			if (protocol_numbers[i] == number)
				return {std::string(option.choices[i])};
		return {std::to_string(number)};
	case Kind::heartbeat_unit: return {std::to_string(number) + "ms"};
	case Kind::ether_type: {
		char buffer[17];
		std::snprintf(buffer, sizeof(buffer), "%04llx", static_cast<unsigned long long>(number));
		return {buffer};
	}
	default: return {std::to_string(number)};
	}
}

void assign(bool &value, const Option &, const Words &words)
{
	value = !words.empty() && words.front() == "enable";
}
void assign(std::string &value, const Option &, const Words &words)
{
	value = words.empty() ? std::string{} : words.front();
}
void assign(Configuration::Names &value, const Option &, const Words &words)
{
	value = words;
}
void assign(std::vector<Configuration::HeartbeatPort> &value, const Option &option, const Words &words)
{
	value.clear();
	for (std::size_t i = 0; i + 1 < words.size(); i += 2)
		value.push_back({words[i], static_cast<std::uint16_t>(number_from_word(option, words[i + 1]))});
}
void assign(Ipv4Address &value, const Option &, const Words &words)
{
	value = words.empty() ? Ipv4Address{} : parse_ipv4(words.front()).value_or(Ipv4Address{});
}
void assign(Ipv6Address &value, const Option &, const Words &words)
{
	value = words.empty() ? Ipv6Address{} : parse_ipv6(words.front()).value_or(Ipv6Address{});
}
void assign(Ipv4Prefix &value, const Option &, const Words &words)
{
	value = {};
	if (words.size() == 2)
		value = {parse_ipv4(words[0]).value_or(Ipv4Address{}), parse_netmask(words[1]).value_or(0)};
}
void assign(Ipv6Prefix &value, const Option &, const Words &words)
{
	value = words.empty() ? Ipv6Prefix{} : parse_ipv6_prefix(words.front()).value_or(Ipv6Prefix{});
}
void assign(AddressPrefix &value, const Option &option, const Words &words)
{
	if (words.size() == 1)
		assign(value.emplace<Ipv6Prefix>(), option, words);
	else
		assign(value.emplace<Ipv4Prefix>(), option, words);
}
void assign(MacPrefix &value, const Option &, const Words &words)
{
	value = words.empty() ? MacPrefix{} : parse_mac_prefix(words.front()).value_or(MacPrefix{});
}
void assign(Configuration::PortRange &value, const Option &option, const Words &words)
{
	value = {};
	if (words.empty())
		return;
	const std::string &word = words.front();
	const auto dash = word.find('-');
	value.first = static_cast<std::uint16_t>(number_from_word(option, word.substr(0, dash)));
	value.last = dash == std::string::npos
			     ? value.first
			     : static_cast<std::uint16_t>(number_from_word(option, word.substr(dash + 1)));
}

Words words_of(bool value, const Option &)
{
	return {value ? "enable" : "disable"};
}
Words words_of(const std::string &value, const Option &)
{
	return value.empty() ? Words{} : Words{value};
}
Words words_of(const Configuration::Names &value, const Option &)
{
	return value;
}
Words words_of(const std::vector<Configuration::HeartbeatPort> &value, const Option &)
{
	Words words;
	for (const auto &port : value) {
		words.push_back(port.name);
		words.push_back(std::to_string(port.priority));
	}
	return words;
}
Words words_of(const Ipv4Address &value, const Option &)
{
	return {to_text(value)};
}
Words words_of(const Ipv6Address &value, const Option &)
{
	return {to_text(value)};
}
Words words_of(const Ipv4Prefix &value, const Option &)
{
	return {to_text(value.address), netmask_text(value.length)};
}
Words words_of(const Ipv6Prefix &value, const Option &)
{
	return {to_text(value)};
}
Words words_of(const AddressPrefix &value, const Option &option)
{
	return std::visit([&option](const auto &prefix) { return words_of(prefix, option); }, value);
}
Words words_of(const MacPrefix &value, const Option &)
{
	return {to_text(value)};
}
Words words_of(const Configuration::PortRange &value, const Option &)
{
	if (value.is_everything())
		return {};
	const std::string first = std::to_string(value.first);
	return {value.first == value.last ? first : first + "-" + std::to_string(value.last)};
}

} // namespace detail

Words fallback_words(const Option &option)
{
	Words words;
	std::string_view rest = option.fallback;
	if (option.kind == Kind::text && !rest.empty())
		return {std::string(rest)}; // a text may hold blanks
	while (!rest.empty()) {
		const auto end = std::min(rest.find(' '), rest.size());
		words.emplace_back(rest.substr(0, end));
		rest.remove_prefix(std::min(end + 1, rest.size()));
	}
	return words;
}

Words current_words(const Section &section, const void *object, const Option &option)
{
	if (option.binding)
		return option.binding.words(object, option);
	if (const Configuration::Kept *kept = section.access.kept_of(object)) {
		const auto found = kept->find(option.name);
		if (found != kept->end())
			return found->second;
	}
	return fallback_words(option);
}

} // namespace systole::control::config
