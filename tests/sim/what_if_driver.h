// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Does what happens equal what `what-if` said? In a settled cluster all members are asked about one or two changes; then
// these really happen, and when everything has settled again the primary must be the one that was named. Over and over,
// each case beginning where the last one ended.
//
// Not asked: what nobody can know (who is not primary has good paths to its ping servers), what isolation decides (with
// `demote` the last of two), what hangs on an age difference within a few seconds of the margin, on a flip timer that
// ends meanwhile, or on which of two changes the primary hears of first. So two come one after the other, and the first
// is one that with override off moves no role: a priority, or override itself.
#pragma once

#include "control/core/what_if.h"
#include "tests/sim/random.h"
#include "tests/sim/sim_time.h"

#include <optional>
#include <string>
#include <vector>

namespace systole::sim {

class World;

class WhatIfDriver {
public:
	WhatIfDriver(World &world, Random random) : m_world(world), m_random(random) {}
	// Looks whether it is time to ask or to compare.
	void turn();

private:
	struct Suggestion {
		std::vector<core::Change> changes;
		std::vector<std::size_t> members; // of each change
		std::string text;
	};
	void ask();
	void compare();
	[[nodiscard]] bool quiet(std::size_t vcluster) const;
	[[nodiscard]] std::optional<Suggestion> suggest();
	[[nodiscard]] bool add(Suggestion &suggestion);
	[[nodiscard]] bool add_links(core::Change &change, std::size_t who, std::string &text);
	[[nodiscard]] bool add_pings(core::Change &change, std::size_t who, std::string &text);
	[[nodiscard]] bool ages_clear(const Suggestion &suggestion) const;
	void carry_out_next();
	void carry_out(const core::Change &change, std::size_t who);
	[[nodiscard]] std::optional<std::size_t> primary() const;

	World &m_world;
	Random m_random;
	std::size_t m_vcluster = 0;
	std::vector<std::size_t> m_links; // that the change in hand names, or link monitors
	std::optional<Suggestion> m_rest; // what is still to happen
	SimTime m_next_at = sim_never;
	core::Outlook m_outlook;
	std::optional<std::size_t> m_former;
	std::string m_text;
	std::optional<std::size_t> m_lost;
};

} // namespace systole::sim
