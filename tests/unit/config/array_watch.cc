// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "tests/unit/config/array_watch.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace systole {

ArrayWatch array_watch;

} // namespace systole

void *operator new[](std::size_t size)
{
	void *block = std::malloc(size == 0 ? 1 : size);
	if (block == nullptr)
		throw std::bad_alloc();
	return block;
}

void operator delete[](void *block) noexcept
{
	using systole::array_watch;
	if (block != nullptr && block == array_watch.block) {
		const char *bytes = static_cast<const char *>(block);
		array_watch.was_freed = true;
		array_watch.was_wiped = std::all_of(bytes, bytes + array_watch.size, [](char c) { return c == 0; });
		array_watch.block = nullptr;
	}
	std::free(block);
}

void operator delete[](void *block, std::size_t) noexcept
{
	operator delete[](block);
}
