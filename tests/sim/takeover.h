// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The cluster's addresses on one machine, as control/takeover and systole-keeper share them: what the daemon believes,
// what the kernel holds (it outlives the daemon), and the keeper that takes it away. When it does is the real
// control::KeeperWatch's decision.
#pragma once

#include "control/keeper/watch.h"
#include "tests/sim/sim_time.h"

#include <optional>

namespace systole::sim {

struct Takeover {
	enum class Role : std::uint8_t { standby, primary, suspended };
	Role role = Role::standby;
	SimTime role_since = long_ago;
	bool owns = false; // the kernel has the addresses
	SimTime owns_since = long_ago;
	core::Time armed{};
	SimTime armed_at = long_ago;
	bool held = false; // the keeper is to look after them

	[[nodiscard]] bool claims() const { return role != Role::standby; }
	void own(SimTime now, bool yes)
	{
		if (owns != yes)
			owns_since = now;
		owns = yes;
	}
	void arm(SimTime now, core::Time local)
	{
		armed = local;
		armed_at = now;
		held = true;
		own(now, true);
	}
	void set_role(SimTime now, Role next)
	{
		if (claims() != (next != Role::standby))
			role_since = now;
		role = next;
	}
};

} // namespace systole::sim
