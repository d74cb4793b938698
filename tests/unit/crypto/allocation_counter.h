// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// How often the program has called operator new. Link allocation_counter.cc, which replaces it.
#pragma once

#include <cstddef>

namespace systole::crypto::test {

[[nodiscard]] std::size_t allocations();

} // namespace systole::crypto::test
