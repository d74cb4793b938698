// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Where in the file everything stands: a shadow of Configuration, for errors that are about two places at once.
#pragma once

#include "control/config/diagnostic.h"
#include "control/config/option.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace systole::control::config {

struct WrittenOption {
	Position at;                  // the option's name
	std::vector<Position> values; // its words
};

struct Written;
struct WrittenSection {
	std::vector<Written> objects; // index-aligned with the vector in Configuration; one for an object section
	std::map<std::string, Position> keys; // of a table
};

// One object: `config system ha`, or one `edit`.
struct Written {
	Position at;                                       // of the opening statement
	std::map<std::string_view, WrittenOption> options; // by the option's present name
	std::map<const Section *, WrittenSection> nested;

	[[nodiscard]] const WrittenSection *section(const Section &which) const
	{
		const auto found = nested.find(&which);
		return found == nested.end() ? nullptr : &found->second;
	}
	// Where an option was set; where the object begins when it was not.
	[[nodiscard]] Position position_of(std::string_view name) const
	{
		const auto found = options.find(name);
		return found == options.end() ? at : found->second.at;
	}
	// Where word `index` of an option stands.
	[[nodiscard]] Position position_of(std::string_view name, std::size_t index) const
	{
		const auto found = options.find(name);
		if (found == options.end() || index >= found->second.values.size())
			return position_of(name);
		return found->second.values[index];
	}
};

// What must be true of the configuration as a whole; reports into `diagnostics`.
void check_whole(const Configuration &configuration, const Written &root, Diagnostics &diagnostics);

} // namespace systole::control::config
