// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Replaces the array allocator of the test program, to look into one block at the last moment: when it is given back.
// The replacement stands in a file of its own, or the compiler would see through it and complain.
#pragma once

#include <cstddef>

namespace systole {

struct ArrayWatch {
	const void *block = nullptr;
	std::size_t size = 0;
	bool was_freed = false;
	bool was_wiped = false; // every byte was zero
};
extern ArrayWatch array_watch;

} // namespace systole
