// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/json_line.h"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <cmath>

namespace systole::control {

namespace {

constexpr double plain_below = 1e15; // above it a double has no six decimals to lose

void write(const boost::json::value &value, std::string &out);

void write_number(double number, std::string &out)
{
	if (!std::isfinite(number)) {
		out += "null"; // JSON has no infinity
		return;
	}
	if (std::fabs(number) >= plain_below) {
		out += fmt::format("{}", number);
		return;
	}
	std::string text = fmt::format("{:.6f}", number);
	text.erase(text.find_last_not_of('0') + 1);
	if (text.back() == '.')
		text += '0'; // stays a fraction, so that its type does not change with its value
	out += text;
}

void write(const boost::json::value &value, std::string &out)
{
	if (const auto *object = value.if_object()) {
		char before = '{';
		for (const auto &member : *object) {
			out += before;
			out += boost::json::serialize(member.key());
			out += ':';
			write(member.value(), out);
			before = ',';
		}
		out += object->empty() ? "{}" : "}";
	} else if (const auto *array = value.if_array()) {
		char before = '[';
		for (const auto &element : *array) {
			out += before;
			write(element, out);
			before = ',';
		}
		out += array->empty() ? "[]" : "]";
	} else if (const auto *number = value.if_double()) {
		write_number(*number, out);
	} else {
		out += boost::json::serialize(value);
	}
}

} // namespace

std::string json_line(const boost::json::value &value)
{
	std::string out;
	write(value, out);
	return out;
}

} // namespace systole::control
