// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Under valgrind, tags are marked as undefined memory; a branch or an address that depends on them is an error.
//
//   constant_time_test equal     compares with equal_constant_time(): valgrind must stay silent
//   constant_time_test memcmp    compares like a careless program: valgrind must complain, or the check checks nothing
//
// covers: E10 as "tags are compared in constant time"
#include "crypto/bytes.h"

#include <valgrind/memcheck.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace {

using systole::crypto::Bytes;

// Byte by byte with an early end, in a form the compiler cannot turn into something else.
bool careless_equal(Bytes a, Bytes b)
{
	const volatile std::byte *const left = a.data();
	const volatile std::byte *const right = b.data();
	for (std::size_t i = 0; i < a.size(); ++i)
		if (left[i] != right[i])
			return false;
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 2 || RUNNING_ON_VALGRIND == 0) {
		std::fprintf(stderr, "usage: valgrind --error-exitcode=1 constant_time_test equal|memcmp\n");
		return 2;
	}
	const bool careless = std::string_view(argv[1]) == "memcmp";
	for (const std::size_t length : {12, 16, 32}) { // HMAC-SHA1-96, GCM, HAKE-1 confirmation tags
		for (const std::size_t different : {std::size_t{0}, length / 2, length - 1, length}) {
			std::array<std::byte, 32> received{}, expected{};
			if (different < length)
				received[different] = std::byte{0x40};
			(void)VALGRIND_MAKE_MEM_UNDEFINED(received.data(), length);
			(void)VALGRIND_MAKE_MEM_UNDEFINED(expected.data(), length);
			const Bytes a = Bytes(received).first(length), b = Bytes(expected).first(length);
			bool equal = careless ? careless_equal(a, b) : systole::crypto::equal_constant_time(a, b);
			(void)VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal); // the verdict itself is public
			if (equal != (different == length)) {
				std::fprintf(stderr, "wrong result for length %zu\n", length);
				return 3;
			}
		}
	}
}
