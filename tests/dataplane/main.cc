// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// EAL starts once per process, through our own code, without huge pages and without a NIC.
#include "dataplane/eal.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>

int main(int argc, char **argv)
{
	::testing::InitGoogleTest(&argc, argv);
	if (GTEST_FLAG_GET(list_tests))
		return RUN_ALL_TESTS();
	systole::dataplane::EalRequest request;
	request.instance = "test-" + std::to_string(getpid());
	request.cpus = systole::dataplane::allowed_cpus();
	// One lcore list of our own: these tests assign the time and need room for many small pools.
	request.given = {"--lcores=0@(" + std::to_string(request.cpus.front()) + "),1@" +
				 std::to_string(request.cpus.back()),
			 "--no-huge",
			 "--no-shconf",
			 "--iova-mode=va",
			 "-m",
			 "128",
			 "--no-telemetry",
			 "--file-prefix=systole-" + request.instance,
			 "--log-level=*:error"};
	std::string error;
	const auto eal = systole::dataplane::Eal::start(request, error);
	if (!eal) {
		std::fprintf(stderr, "%s\n", error.c_str());
		return 1;
	}
	return RUN_ALL_TESTS();
}
