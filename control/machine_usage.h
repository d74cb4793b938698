// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What status prints of the machine itself: interface counters and speed, CPU shares, memory, sessions.
// Reads /sys and /proc when asked; what cannot be read is left out.
#pragma once

#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace systole::control {

// {"speed":"10000full","rx_bytes":..,"rx_packets":..,"rx_dropped":..,"rx_errors":..,"tx_bytes":..,...}; empty if there is no
// such interface.
[[nodiscard]] boost::json::object interface_usage(const std::string &name);

// In use, in percent of what there is; empty if the kernel does not say.
[[nodiscard]] std::optional<std::uint8_t> memory_used_percent();

class MachineUsage {
public:
	// {"sessions":2,"cpu_user":0,"cpu_nice":0,"cpu_system":1,"cpu_idle":98,"memory":70}; CPU shares in percent since the last call.
	[[nodiscard]] boost::json::object read();

private:
	std::array<std::uint64_t, 8> m_cpu{};
};

} // namespace systole::control
