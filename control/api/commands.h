// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// One request line -> one reply. Words are full and canonical (systolectl expands abbreviations before it sends).
#pragma once

#include "control/api/access.h"
#include "control/api/backend.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace systole::control {

struct ApiReply {
	enum class Kind : std::uint8_t {
		object, // one line
		events, // one line for each event kept, then the end of the connection
		follow, // the same, and every event from now on
		later,  // one line, when there is an outcome
	};
	Kind kind = Kind::object;
	boost::json::object body; // of Kind::object
	bool denied = false;      // the caller may not
	// Of Kind::later: asked again and again until it has one.
	std::function<std::optional<boost::json::object>()> outcome{};
};

// {"error":{"code":"unknown-command","message":"...","hint":"..."}}
[[nodiscard]] boost::json::object api_error(std::string_view code, std::string_view message, std::string_view hint);

// `access`: of who asks; never Access::none.
[[nodiscard]] ApiReply answer(ApiBackend &backend, std::string_view request, Access access = Access::change);

} // namespace systole::control
