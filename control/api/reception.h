// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Who does not hear whom, on which heartbeat link, as the others say it: their beats carry how each hears the others.
// Pairs that this member is part of are not here: it has seen those links itself.
#pragma once

#include "control/api/cluster_view.h"

#include <vector>

namespace systole::control {

struct Deafness {
	const MemberRow *listener = nullptr; // does not hear ...
	const MemberRow *speaker = nullptr;
	std::size_t link = 0;
	bool mutual = false; // ... nor the other way round
};

[[nodiscard]] std::vector<Deafness> deaf_pairs(const ClusterView &view);

} // namespace systole::control
