// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/isolation.h"

#include <algorithm>

namespace systole::core {

Hearing hearing_of(const Config &config, const Members &members)
{
	Hearing hearing;
	std::size_t accounted = 1; // ourselves
	bool missing = false;
	for (std::size_t slot = 1; slot < max_members; ++slot) {
		const Member &other = members[slot];
		if (other.alive && !other.unheard && hears(other, config.self)) {
			hearing.anybody = true;
			++accounted;
		} else if (other.known) { // also one that said goodbye: it may have started again, out of our hearing
			missing = true;
		}
	}
	hearing.isolated = missing && !hearing.anybody;
	hearing.all_accounted = config.expected_members != 0 && !missing && accounted >= config.expected_members;
	return hearing;
}

std::optional<Duration> dual_primary_bound(const Config &config, const Members &members, bool acting_without_proof)
{
	switch (config.isolation) {
	case Isolation::fgcp: return std::nullopt;
	case Isolation::demote: {
		// Among three or more, one that still hears somebody goes on; and nobody stops for whom it does not know.
		const auto known =
			std::count_if(members.begin() + 1, members.end(), [](const Member &m) { return m.known; });
		return acting_without_proof && known == 1 && config.expected_members <= 2
			       ? std::optional(Duration::zero())
			       : std::nullopt;
	}
	case Isolation::witness: return config.witness_fallback_act ? std::nullopt : std::optional(Duration::zero());
	}
	return std::nullopt;
}

} // namespace systole::core
