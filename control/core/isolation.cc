// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/isolation.h"

namespace systole::core {

Hearing hearing_of(const Config &config, const Members &members)
{
	Hearing hearing;
	std::size_t accounted = 1; // ourselves
	bool missing = false;
	for (std::size_t slot = 1; slot < max_members; ++slot) {
		const Member &other = members[slot];
		if (other.alive && hears(other, config.self)) {
			hearing.anybody = true;
			++accounted;
		} else if (other.leaving) {
			++accounted; // it starts again as a member that knows nobody
		} else if (other.known) {
			missing = true;
		}
	}
	hearing.isolated = missing && !hearing.anybody;
	const std::size_t expected = config.expected_members != 0 ? config.expected_members : 2;
	hearing.all_accounted = !missing && accounted >= expected;
	return hearing;
}

std::optional<Duration> dual_primary_bound(const Config &config, bool proof_lost)
{
	switch (config.isolation) {
	case Isolation::fgcp: return std::nullopt;
	case Isolation::demote: return proof_lost ? std::optional(Duration::zero()) : std::nullopt;
	case Isolation::witness: return config.witness_fallback_act ? std::nullopt : std::optional(Duration::zero());
	}
	return std::nullopt;
}

} // namespace systole::core
