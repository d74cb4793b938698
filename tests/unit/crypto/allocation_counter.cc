// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Every form of new without an alignment ends in the first of these. In a file of its own: inlined into a caller, the
// compiler would see malloc and delete and take them for a mistake.
#include "tests/unit/crypto/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0};

} // namespace

void *operator new(std::size_t bytes)
{
	++count;
	if (void *const memory = std::malloc(bytes))
		return memory;
	throw std::bad_alloc();
}
void operator delete(void *memory) noexcept
{
	std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

std::size_t systole::crypto::test::allocations()
{
	return count;
}
