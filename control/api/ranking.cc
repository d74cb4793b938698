// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/ranking.h"

namespace systole::control {

core::ElectionOptions election_options(const core::Node &node, std::size_t place)
{
	return {node.override_in_force(place), node.config().uptime_margin};
}

std::vector<core::Decision> rank(core::Candidates left, const core::ElectionOptions &options, core::Time now)
{
	std::vector<core::Decision> order;
	while (!left.empty()) {
		order.push_back(core::elect({left.begin(), left.size()}, options, now));
		core::Candidates others;
		for (const core::Candidate &candidate : left)
			if (candidate.id != order.back().winner)
				others.push_back(candidate);
		left = others;
	}
	return order;
}

} // namespace systole::control
