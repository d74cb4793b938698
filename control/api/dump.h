// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// `diagnose sys ha dump-by group|vcluster` as data: the numbers of the product's dump, in its units. Live members
// only, in role order, as the product lists them.
#pragma once

#include "control/api/backend.h"

#include <boost/json/object.hpp>

namespace systole::control {

[[nodiscard]] boost::json::object dump_group(const ApiBackend &backend); // group and vclusters
[[nodiscard]] boost::json::object dump_vclusters(const ApiBackend &backend);

} // namespace systole::control
