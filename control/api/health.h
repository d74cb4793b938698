// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Is the cluster well? OK, WARNING (it works, and something needs a look) or ERROR (redundancy is gone), and every
// reason by name.
#pragma once

#include "control/api/cluster_view.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace systole::control {

enum class Health : std::uint8_t { ok, warning, error };
[[nodiscard]] std::string_view health_word(Health health); // OK, WARNING, ERROR
// wrong-password, unconfirmed, mismatch, unknown-password-index
[[nodiscard]] std::string_view obstacle_word(core::Obstacle obstacle);

struct HealthReason {
	Health level = Health::warning;
	std::string_view cause; // one word per cause, for programs
	std::string member;     // serial it is about
	std::string text;       // "is lost", to be read after the serial
	double since_unix = 0;  // member-lost: when; 0 = not known
};

struct HealthReport {
	Health health = Health::ok;
	std::vector<HealthReason> reasons; // errors first
	[[nodiscard]] boost::json::array json() const;
};

// `extra` is ApiBackend::extra_status().
[[nodiscard]] HealthReport judge_health(const ApiBackend &backend, const ClusterView &view,
					const boost::json::object &extra);

} // namespace systole::control
