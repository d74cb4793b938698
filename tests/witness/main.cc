// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// These tests run etcd; without it they are skipped by name (exit code 77).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv)
{
	testing::InitGoogleTest(&argc, argv);
	if (std::getenv("ETCD") == nullptr && !GTEST_FLAG_GET(list_tests)) {
		std::puts("SKIPPED: the witness with a real etcd needs the program in ETCD, Debian's etcd-server "
			  "(scripts/setup)");
		return 77;
	}
	return RUN_ALL_TESTS();
}
