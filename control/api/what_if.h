// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys ha what-if [vcluster N] CHANGE...`: words into core::Change, the outlook into an answer. One of
//
//   link PORT down|up              a monitored interface of this member
//   link SERIAL PORT down|up       of another member; what counts is its weight
//   ping SERIAL dead|alive         all link monitors that count, as that member sees them
//   member SERIAL lost
//   priority SERIAL N
//   override [SERIAL] enable|disable    without a serial: on every member
//   failover SERIAL set|unset      the EXE_FAIL_OVER flag
//   maintenance SERIAL set|unset
//   uptime SERIAL reset
//
// and any number of them together.
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace systole::control {

struct NotUnderstood {
	std::string message;
	std::string hint;
};

[[nodiscard]] std::variant<boost::json::object, NotUnderstood> what_if(const ApiBackend &backend,
								       std::span<const std::string_view> words);

// Empty: there is no virtual cluster of that number.
[[nodiscard]] std::optional<std::size_t> place_of_vcluster(const core::Node &node, std::string_view number);
[[nodiscard]] NotUnderstood no_vcluster(const core::Node &node, std::string_view number);

} // namespace systole::control
