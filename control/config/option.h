// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The option tables: everything that may be written in a configuration, one row each. Parser, value check, printers,
// checksum and docs/CONFIGURATION.md all read these rows; nothing about an option is said twice.
//
//   Section "system ha" -- options --> Option "priority"  integer 0..255, default 128, Ha::priority, local
//                       -- nested ---> Section "ha-mgmt-interfaces" (a table: edit ID ... next)
#pragma once

#include "control/config/binding.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace systole::control::config {

enum class Kind : std::uint8_t {
	flag,            // enable | disable
	integer,         // low .. high
	choice,          // one of choices
	choice_list,     // some of choices, each once
	text,            // one word of low .. high bytes
	text_list,       // up to count_high words of 1 .. high bytes
	name,            // an interface name: 1 .. 15 bytes
	name_list,       // up to count_high of them, each once
	hostname,        // letters, digits, '-', '.', '_'; up to high
	serial,          // exactly 16 letters, digits, '_' or '-'
	path,            // absolute path of a file
	endpoint_list,   // up to count_high URLs of etcd servers of up to high bytes, each once
	secret,          // never kept as plain text, never shown
	heartbeat_ports, // NAME PRIORITY pairs, priority low .. high
	heartbeat_unit,  // 1, 10 or 100, with or without "ms"
	ether_type,      // four hexadecimal digits
	numbers,         // low .. high non-negative numbers, as words or in one pair of quotes
	ipv4,
	ipv6,
	ipv4_host,  // A.B.C.D MASK or A.B.C.D/LEN, a usable host address
	ipv6_host,  // X/LEN, a usable host address
	ipv4_net,   // A.B.C.D MASK or A.B.C.D/LEN
	ipv6_net,   // X/LEN
	ip_net,     // either, without bits beyond its length
	protocol,   // of IP: one of choices, which have protocol_numbers, or a number
	port_range, // FIRST or FIRST-LAST, low .. high
	mac_prefix, // aa:bb:cc:dd
};

inline constexpr std::string_view protocol_names[] = {"any", "tcp", "udp", "icmp", "icmp6"};
inline constexpr std::uint8_t protocol_numbers[] = {0, 6, 17, 1, 58};

struct Option {
	std::string_view name;
	Kind kind = Kind::flag;
	std::int64_t low = 0;
	std::int64_t high = 0;
	std::size_t count_high = 1; // most words of a list
	std::span<const std::string_view> choices;
	std::string_view fallback; // default, words separated by blanks
	std::string_view help;
	std::string_view source; // key of docs/CONFIGURATION.md "Sources"
	Binding binding;         // empty: accepted for compatibility, kept as text
	std::string_view unit_name;
	std::string_view old_name;  // an older spelling, accepted too
	std::string_view cure_text; // appended to errors about the value
	bool is_in_force = false;
	bool is_synchronised = true;
	bool is_mandatory = false;

	template <typename T> [[nodiscard]] constexpr Option with(T Option::*member, T value) const
	{
		Option option = *this;
		option.*member = value;
		return option;
	}
	// A row is written as a sentence: integer("priority", 0, 255, "128", ...).bound(...).local()
	[[nodiscard]] constexpr Option bound(Binding to) const
	{
		Option option = *this;
		option.binding = to;
		option.is_in_force = true;
		return option;
	}
	[[nodiscard]] constexpr Option without_effect() const { return with(&Option::is_in_force, false); }
	[[nodiscard]] constexpr Option local() const { return with(&Option::is_synchronised, false); }
	[[nodiscard]] constexpr Option mandatory() const { return with(&Option::is_mandatory, true); }
	[[nodiscard]] constexpr Option unit(std::string_view text) const { return with(&Option::unit_name, text); }
	[[nodiscard]] constexpr Option once(std::string_view text) const { return with(&Option::old_name, text); }
	[[nodiscard]] constexpr Option cure(std::string_view text) const { return with(&Option::cure_text, text); }
	[[nodiscard]] constexpr Option from(std::string_view text) const { return with(&Option::source, text); }
};

using Choices = std::span<const std::string_view>;

[[nodiscard]] constexpr Option row(std::string_view name, Kind kind, std::int64_t low, std::int64_t high,
				   std::string_view fallback, std::string_view help)
{
	Option option;
	option.name = name;
	option.kind = kind;
	option.low = low;
	option.high = high;
	option.fallback = fallback;
	option.help = help;
	option.source = "CLI80";
	return option;
}
[[nodiscard]] constexpr Option flag(std::string_view name, std::string_view fallback, std::string_view help)
{
	return row(name, Kind::flag, 0, 0, fallback, help);
}
[[nodiscard]] constexpr Option integer(std::string_view name, std::int64_t low, std::int64_t high,
				       std::string_view fallback, std::string_view help)
{
	return row(name, Kind::integer, low, high, fallback, help);
}
[[nodiscard]] constexpr Option choice(std::string_view name, Choices choices, std::string_view fallback,
				      std::string_view help)
{
	Option option = row(name, Kind::choice, 0, 0, fallback, help);
	option.choices = choices;
	return option;
}
[[nodiscard]] constexpr Option choice_list(std::string_view name, Choices choices, std::string_view fallback,
					   std::string_view help)
{
	Option option = choice(name, choices, fallback, help);
	option.kind = Kind::choice_list;
	option.count_high = choices.size();
	return option;
}
[[nodiscard]] constexpr Option text(std::string_view name, std::int64_t high, std::string_view help)
{
	return row(name, Kind::text, 0, high, "", help);
}
[[nodiscard]] constexpr Option list(std::string_view name, Kind kind, std::int64_t high, std::size_t count_high,
				    std::string_view help)
{
	Option option = row(name, kind, kind == Kind::heartbeat_ports ? 0 : 1, high, "", help);
	option.count_high = count_high;
	return option;
}
[[nodiscard]] constexpr Option names(std::string_view name, std::size_t count_high, std::string_view help)
{
	return list(name, Kind::name_list, 15, count_high, help);
}

enum class Shape : std::uint8_t {
	object,  // set, unset, nested config
	table,   // edit KEY ... next
	ignored, // known to the vendor, read over with one warning
};

struct Section {
	std::string_view path; // the words after `config`
	Shape shape = Shape::object;
	std::span<const Option> options;
	std::span<const Section *const> nested;
	const Option *key = nullptr;  // of a table
	std::size_t most_entries = 1; // of a table
	Access access;
	std::string_view follows; // the option of the parent after which it is printed
	std::string_view help;
	bool is_in_force = true;
	bool is_synchronised = true;

	[[nodiscard]] const Option *option(std::string_view name) const
	{
		for (const Option &candidate : options)
			if (candidate.name == name || (!candidate.old_name.empty() && candidate.old_name == name))
				return &candidate;
		return nullptr;
	}
	[[nodiscard]] const Section *child(std::string_view child_path) const
	{
		for (const Section *candidate : nested)
			if (candidate->path == child_path)
				return candidate;
		return nullptr;
	}
};

// The file as a whole: its nested sections are what may stand at the top; its object is a Configuration.
[[nodiscard]] const Section &root_section();

// The default, as words.
[[nodiscard]] Words fallback_words(const Option &option);
// The value an object has now, as words; the default when nothing was set.
[[nodiscard]] Words current_words(const Section &section, const void *object, const Option &option);

extern const Section global_section;
extern const Section interface_section;
extern const Section ha_section;
extern const Section link_monitor_section;
extern const Section session_filter_section;

} // namespace systole::control::config
