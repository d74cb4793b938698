// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What the session thread has to know of the cluster, whole: the latest one is all that counts.
#pragma once

#include "control/core/types.h"

#include <array>
#include <cstdint>

namespace systole::control {

struct SessionSituation {
	bool source = false;     // we hold the role: the sessions of this machine are the cluster's
	std::uint32_t epoch = 0; // of the claim, when we do
	// By slot: the boot of each member that is alive, 0 = nobody is.
	std::array<core::SessionId, core::max_members> peers{};
	core::PeerSlot followed = 0; // who holds the role, when we do not; 0: nobody we hear
	// A planned change. While we hold the role: whom it is to go to. Afterwards: who has it from us, and hears the rest.
	core::PeerSlot successor = 0;
	std::uint32_t hand_over = 0; // core::HandOver::number, if there is a successor
	// While we hold the role: who had it before us, and tells us the rest; 0: nobody does.
	core::PeerSlot predecessor = 0;
	std::uint32_t number = 0; // the engine's own: how many there were
	friend bool operator==(const SessionSituation &, const SessionSituation &) = default;
};

} // namespace systole::control
