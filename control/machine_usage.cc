// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/machine_usage.h"

#include <fstream>
#include <numeric>
#include <string_view>

namespace systole::control {

namespace {

std::optional<std::int64_t> number_in(const std::string &file)
{
	std::int64_t value = 0;
	std::ifstream in(file);
	return in >> value ? std::optional(value) : std::nullopt;
}

std::string word_in(const std::string &file)
{
	std::string word;
	std::ifstream(file) >> word;
	return word;
}

} // namespace

boost::json::object interface_usage(const std::string &name)
{
	boost::json::object usage;
	if (name.empty() || name.find('/') != std::string::npos)
		return usage;
	const std::string base = "/sys/class/net/" + name + "/";
	for (const std::string_view direction : {"rx", "tx"}) {
		for (const std::string_view what : {"bytes", "packets", "dropped", "errors"}) {
			const std::string counter = std::string(direction) + "_" + std::string(what);
			if (const auto value = number_in(base + "statistics/" + counter))
				usage[counter] = *value;
		}
	}
	if (usage.empty())
		return usage;
	const auto speed = number_in(base + "speed");
	const std::string duplex = word_in(base + "duplex");
	if (speed && *speed > 0)
		usage["speed"] = std::to_string(*speed) + (duplex.empty() || duplex == "unknown" ? "auto" : duplex);
	return usage;
}

std::optional<std::uint8_t> memory_used_percent()
{
	std::int64_t total = 0;
	std::int64_t available = 0;
	std::string key;
	std::string unit;
	std::int64_t value = 0;
	for (std::ifstream in("/proc/meminfo"); in >> key >> value && std::getline(in, unit);) {
		if (key == "MemTotal:")
			total = value;
		else if (key == "MemAvailable:")
			available = value;
	}
	if (total <= 0 || available > total)
		return std::nullopt;
	return static_cast<std::uint8_t>((total - available) * 100 / total);
}

boost::json::object MachineUsage::read()
{
	boost::json::object usage;
	// user nice system idle iowait irq softirq steal
	std::array<std::uint64_t, 8> now{};
	std::string label;
	if (std::ifstream in("/proc/stat"); in >> label) {
		for (std::uint64_t &ticks : now)
			in >> ticks;
		const auto total = [](const auto &ticks) {
			return std::accumulate(ticks.begin(), ticks.end(), std::uint64_t{0});
		};
		if (const std::uint64_t passed = total(now) - total(m_cpu); passed != 0) {
			const auto share = [&](std::uint64_t ticks) { return ticks * 100 / passed; };
			usage["cpu_user"] = share(now[0] - m_cpu[0]);
			usage["cpu_nice"] = share(now[1] - m_cpu[1]);
			usage["cpu_system"] = share(now[2] - m_cpu[2] + now[5] - m_cpu[5] + now[6] - m_cpu[6]);
			usage["cpu_idle"] = share(now[3] - m_cpu[3] + now[4] - m_cpu[4]);
		}
		m_cpu = now;
	}
	if (const auto memory = memory_used_percent())
		usage["memory"] = *memory;
	usage["sessions"] = number_in("/proc/sys/net/netfilter/nf_conntrack_count").value_or(0);
	return usage;
}

} // namespace systole::control
