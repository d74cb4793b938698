// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Reading replies: a missing field, or one of another type, is empty or zero. A newer daemon must not break an older
// systolectl, nor the other way round.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace systole::control::cli {

using boost::json::array;
using boost::json::object;

[[nodiscard]] inline const boost::json::value *field(const object &from, std::string_view key)
{
	return from.if_contains(key);
}
[[nodiscard]] inline std::string text(const object &from, std::string_view key, std::string_view otherwise = {})
{
	const auto *value = field(from, key);
	return std::string(value != nullptr && value->is_string() ? std::string_view(value->get_string()) : otherwise);
}
[[nodiscard]] inline double real(const object &from, std::string_view key)
{
	const auto *value = field(from, key);
	return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}
// To the nearest that a whole number can hold: a double outside of it has no conversion.
[[nodiscard]] inline std::int64_t whole(double value)
{
	constexpr double end = 9.2e18; // a little less than 2^63
	return std::isnan(value) ? 0 : static_cast<std::int64_t>(std::clamp(value, -end, end));
}
[[nodiscard]] inline std::int64_t number(const object &from, std::string_view key)
{
	const auto *value = field(from, key);
	if (value == nullptr)
		return 0;
	if (const auto *integer = value->if_int64())
		return *integer;
	if (const auto *large = value->if_uint64())
		return static_cast<std::int64_t>(*large);
	return whole(real(from, key));
}
[[nodiscard]] inline bool flag(const object &from, std::string_view key)
{
	const auto *value = field(from, key);
	return value != nullptr && value->is_bool() && value->get_bool();
}
[[nodiscard]] inline const object &part(const object &from, std::string_view key)
{
	static const object nothing;
	const auto *value = field(from, key);
	return value != nullptr && value->is_object() ? value->get_object() : nothing;
}
// The objects of a list; whatever else is in it is skipped by the caller's if_object().
[[nodiscard]] inline const array &list(const object &from, std::string_view key)
{
	static const array nothing;
	const auto *value = field(from, key);
	return value != nullptr && value->is_array() ? value->get_array() : nothing;
}
template <typename Visit> void each(const array &from, Visit &&visit)
{
	for (const boost::json::value &value : from)
		if (const object *entry = value.if_object())
			visit(*entry);
}

// In the time zone of whoever reads. Half a millisecond more: a sum of doubles may lie a hair below its second.
[[nodiscard]] inline std::string local_time(double unix_s, const char *format)
{
	const std::time_t at = whole(unix_s + 0.0005);
	std::tm parts{};
	localtime_r(&at, &parts);
	char buffer[64];
	return {buffer, std::strftime(buffer, sizeof buffer, format, &parts)};
}

} // namespace systole::control::cli
