// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

namespace systole::control::config {

namespace {

constexpr std::size_t longest = 64; // no name of ours is longer; bounds the work for garbage

// Optimal string alignment distance, three rows.
std::size_t distance(std::string_view a, std::string_view b)
{
	std::array<std::size_t, longest + 1> before{}, previous{}, current{};
	std::iota(previous.begin(), previous.end(), std::size_t{0});
	for (std::size_t i = 1; i <= a.size(); ++i) {
		current[0] = i;
		for (std::size_t j = 1; j <= b.size(); ++j) {
			const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
			current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + differs});
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				current[j] = std::min(current[j], before[j - 2] + 1);
		}
		before = previous;
		previous = current;
	}
	return previous[b.size()];
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> names)
{
	if (word.empty() || word.size() > longest)
		return {};
	std::string_view best;
	std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
	for (const std::string_view name : names) {
		const std::size_t difference =
			name.size() > word.size() ? name.size() - word.size() : word.size() - name.size();
		if (name.size() > longest || difference >= best_distance)
			continue; // the lengths alone are too far apart
		const std::size_t d = distance(word, name);
		if (d < best_distance) {
			best_distance = d;
			best = name;
		}
	}
	return best;
}

} // namespace systole::control::config
