// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Could this member take over now, and lose nothing? `ha_ready` of status: yes, or everything that is in the way, by name;
// and what the election is told of that.
#pragma once

#include "control/config/configuration.h"
#include "control/core/node.h"

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>

namespace systole::control {

class SessionPickup;

struct ReadinessView {
	const core::Node &node;
	core::Time now;
	const Configuration &configuration;
	std::span<const std::string> takeover_blockers; // Takeovers::blockers()
	const SessionPickup &sessions;
};

// {"ready": bool, "blockers": [{"name": NAME, "text": WHY}, ...]}, NAME one of
//   config       the primary has another configuration
//   sessions     the primary has sessions that are not here yet
//   addresses    a cluster address could not be taken
//   virtual-mac  the virtual MAC could not be used
//   hooks        a role hook could not be run
//   key          there are members that we hear and have no keys with
// and "in_election": whether the others hear from us that we are ready.
[[nodiscard]] boost::json::object readiness_json(const ReadinessView &view);

// What the election is told (core::Readiness). A session that came a moment ago makes no difference there, nor does a
// stranger: everybody can play one. While the members choose a primary it is told nothing: none, if that is so.
[[nodiscard]] std::optional<bool> readiness_for_election(const ReadinessView &view);

} // namespace systole::control
