// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// DPDK for a benchmark: no huge pages, no NIC, no root.
#pragma once

#include <string>
#include <vector>

namespace systole::bench {

// `megabytes` of packet memory. Ends the program with a message if EAL does not come up.
void start_eal(const std::string &program, unsigned megabytes, const std::vector<std::string> &virtual_devices);

} // namespace systole::bench
