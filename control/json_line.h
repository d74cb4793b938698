// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A JSON value as one line that people can read too: fractions in plain decimals with at most six digits
// (1763760000.123, where Boost.JSON writes 1.763760000123E9). Reading it back and writing it again gives the same line.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace systole::control {

[[nodiscard]] std::string json_line(const boost::json::value &value);

} // namespace systole::control
