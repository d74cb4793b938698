// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What bytes need from outside: the C library's memset that stays, OpenSSL's comparison, which is assembler and
// therefore constant in time whatever the optimiser thinks, and the kernel's random numbers.
#include "crypto/bytes.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace systole::crypto {

void wipe(std::span<std::byte> bytes)
{
	if (!bytes.empty())
		explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(Bytes a, Bytes b)
{
	if (a.size() != b.size())
		return false;
	return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void random_bytes(std::span<std::byte> out)
{
	while (!out.empty()) {
		const ssize_t got = getrandom(out.data(), out.size(), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			// Going on with predictable keys would be worse than any failover.
			std::perror("systole: getrandom");
			std::abort();
		}
		out = out.subspan(static_cast<std::size_t>(got));
	}
}

} // namespace systole::crypto
