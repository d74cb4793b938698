// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Ties a row of an option table to a member of Configuration. Values cross as words in their canonical form, already
// checked (option_value.h): assigning cannot fail, and assigning no words gives the empty value.
#pragma once

#include "control/config/configuration.h"

#include <cstddef>
#include <string>
#include <vector>

namespace systole::control::config {

struct Option;
using Words = std::vector<std::string>;

struct Binding {
	void (*assign)(void *object, const Option &option, const Words &words) = nullptr;
	Words (*words)(const void *object, const Option &option) = nullptr;
	SecretText *(*secret)(void *object) = nullptr; // only for SecretText; `words` then gives the hidden form
	[[nodiscard]] constexpr explicit operator bool() const { return words != nullptr; }
};

// How a section reaches its object(s) inside the parent's object.
struct Access {
	std::size_t (*count)(const void *parent) = nullptr;
	void *(*at)(void *parent, std::size_t index) = nullptr;
	void *(*append)(void *parent) = nullptr;
	Configuration::Kept *(*kept)(void *object) = nullptr; // empty: every option of the section is bound
	[[nodiscard]] const void *view(const void *parent, std::size_t index) const
	{
		return at(const_cast<void *>(parent), index);
	}
	[[nodiscard]] const Configuration::Kept *kept_of(const void *object) const
	{
		return kept ? kept(const_cast<void *>(object)) : nullptr;
	}
};

namespace detail {

void assign(bool &value, const Option &option, const Words &words);
void assign(std::string &value, const Option &option, const Words &words);
void assign(Configuration::Names &value, const Option &option, const Words &words);
void assign(std::vector<Configuration::HeartbeatPort> &value, const Option &option, const Words &words);
void assign(Ipv4Address &value, const Option &option, const Words &words);
void assign(Ipv6Address &value, const Option &option, const Words &words);
void assign(Ipv4Prefix &value, const Option &option, const Words &words);
void assign(Ipv6Prefix &value, const Option &option, const Words &words);
void assign(AddressPrefix &value, const Option &option, const Words &words);
void assign(MacPrefix &value, const Option &option, const Words &words);
void assign(Configuration::PortRange &value, const Option &option, const Words &words);

Words words_of(bool value, const Option &option);
Words words_of(const std::string &value, const Option &option);
Words words_of(const Configuration::Names &value, const Option &option);
Words words_of(const std::vector<Configuration::HeartbeatPort> &value, const Option &option);
Words words_of(const Ipv4Address &value, const Option &option);
Words words_of(const Ipv6Address &value, const Option &option);
Words words_of(const Ipv4Prefix &value, const Option &option);
Words words_of(const Ipv6Prefix &value, const Option &option);
Words words_of(const AddressPrefix &value, const Option &option);
Words words_of(const MacPrefix &value, const Option &option);
Words words_of(const Configuration::PortRange &value, const Option &option);

// Numbers, durations and enumerations go through one integer; how it is written follows from the option's kind.
std::int64_t number_from(const Option &option, const Words &words);
std::int64_t number_from_word(const Option &option, const std::string &word);
Words words_from(const Option &option, std::int64_t number);

template <typename T>
requires std::is_enum_v<T> ||(std::is_integral_v<T> &&
			      !std::is_same_v<T, bool>)void assign(T &value, const Option &option, const Words &words)
{
	value = static_cast<T>(number_from(option, words));
}
template <typename T>
requires std::is_enum_v<T> ||(std::is_integral_v<T> && !std::is_same_v<T, bool>)Words
	words_of(T value, const Option &option)
{
	return words_from(option, static_cast<std::int64_t>(value));
}

template <typename Rep, typename Period>
void assign(std::chrono::duration<Rep, Period> &value, const Option &option, const Words &words)
{
	value = std::chrono::duration<Rep, Period>(number_from(option, words));
}
template <typename Rep, typename Period>
Words words_of(const std::chrono::duration<Rep, Period> &value, const Option &option)
{
	return words_from(option, value.count());
}

template <typename T>
requires std::is_enum_v<T>
void assign(std::vector<T> &value, const Option &option, const Words &words)
{
	value.clear();
	for (const std::string &word : words)
		value.push_back(static_cast<T>(number_from_word(option, word)));
}
template <typename T>
requires std::is_enum_v<T> Words words_of(const std::vector<T> &value, const Option &option)
{
	Words words;
	for (const T item : value)
		words.push_back(words_from(option, static_cast<std::int64_t>(item)).front());
	return words;
}

template <typename T> void assign(std::optional<T> &value, const Option &option, const Words &words)
{
	value.reset();
	if (!words.empty())
		assign(value.emplace(), option, words);
}
template <typename T> Words words_of(const std::optional<T> &value, const Option &option)
{
	return value ? words_of(*value, option) : Words{};
}

template <auto Member> struct MemberOf;
template <typename Object, typename Value, Value Object::*Member> struct MemberOf<Member> {
	using Class = Object;
	using Type = Value;
	static Value &in(void *object) { return static_cast<Object *>(object)->*Member; }
	static const Value &in(const void *object) { return static_cast<const Object *>(object)->*Member; }
};

template <typename T> constexpr auto kept_access() -> Configuration::Kept *(*)(void *)
{
	if constexpr (requires(T & object) { object.kept; })
		return [](void *object) { return &static_cast<T *>(object)->kept; };
	else
		return nullptr;
}

} // namespace detail

// bind<&Configuration::Ha::priority>()
template <auto Member> [[nodiscard]] constexpr Binding bind()
{
	using At = detail::MemberOf<Member>;
	if constexpr (std::is_same_v<typename At::Type, SecretText>) {
		return {[](void *object, const Option &, const Words &) { At::in(object) = SecretText{}; },
			[](const void *object, const Option &) {
				return At::in(object).empty() ? Words{} : Words{"ENC", "*"};
			},
			[](void *object) { return &At::in(object); }};
	} else {
		return {[](void *object, const Option &option, const Words &words) {
				detail::assign(At::in(object), option, words);
			},
			[](const void *object, const Option &option) {
				return detail::words_of(At::in(object), option);
			},
			nullptr};
	}
}

// A section that is one object inside its parent: object<&Configuration::ha>()
template <auto Member> [[nodiscard]] constexpr Access object()
{
	using At = detail::MemberOf<Member>;
	return {[](const void *) { return std::size_t{1}; },
		[](void *parent, std::size_t) -> void * { return &At::in(parent); }, nullptr,
		detail::kept_access<typename At::Type>()};
}
// A section that is a table: a vector inside its parent.
template <auto Member> [[nodiscard]] constexpr Access table()
{
	using At = detail::MemberOf<Member>;
	using Entry = typename At::Type::value_type;
	return {[](const void *parent) { return At::in(parent).size(); },
		[](void *parent, std::size_t index) -> void * { return &At::in(parent)[index]; },
		[](void *parent) -> void * { return &At::in(parent).emplace_back(); }, detail::kept_access<Entry>()};
}

} // namespace systole::control::config
