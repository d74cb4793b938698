// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// These tests make network namespaces, which needs root; without it they are skipped by name (exit code 77).
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>

int main(int argc, char **argv)
{
	testing::InitGoogleTest(&argc, argv);
	if (geteuid() != 0 && !GTEST_FLAG_GET(list_tests)) {
		std::puts("SKIPPED: sessions-lab needs root (it makes network namespaces)");
		return 77;
	}
	return RUN_ALL_TESTS();
}
