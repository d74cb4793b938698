// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "bench/bench_eal.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <cstdio>
#include <cstdlib>

namespace systole::bench {

void start_eal(const std::string &program, unsigned megabytes, const std::vector<std::string> &virtual_devices)
{
	std::vector<std::string> words{
		program,       "--no-huge", "--no-shconf",     "--no-pci", "--no-telemetry",
		"--iova-mode", "va",        "--log-level=*:4", "-m",       std::to_string(megabytes)};
	for (const std::string &device : virtual_devices)
		words.insert(words.end(), {"--vdev", device});
	std::vector<char *> arguments;
	for (std::string &word : words)
		arguments.push_back(word.data());
	if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0)
		return;
	std::fprintf(stderr, "%s: EAL does not start: %s\n", program.c_str(), rte_strerror(rte_errno));
	std::exit(1);
}

} // namespace systole::bench
