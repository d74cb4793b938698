// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/api/poll_core.h"

#include <boost/json/array.hpp>

namespace systole::control {

namespace {

std::string_view presence_word(core::Presence presence)
{
	switch (presence) {
	case core::Presence::present: return "present";
	case core::Presence::absent: return "absent";
	case core::Presence::returning: return "returning";
	}
	return "unknown";
}

} // namespace

boost::json::object poll_status(const ApiBackend &backend)
{
	const WorkerCounters &counters = backend.counters();
	const auto read = [](const Counter &counter) { return counter.load(std::memory_order_relaxed); };
	boost::json::array late;
	for (std::size_t i = 0; i < late_class_us.size(); ++i) {
		boost::json::object entry{{"rounds", read(counters.late[i])}};
		if (late_class_us[i] != 0)
			entry["below_us"] = late_class_us[i];
		late.push_back(std::move(entry));
	}
	return {{"mode", backend.poll_mode()},
		{"presence", presence_word(backend.node().presence())},
		{"turns", read(counters.turns)},
		{"rounds", read(counters.beats)},
		{"longest_gap_us", read(counters.longest_gap_us)},
		{"late_us_max", read(counters.late_us_max)},
		{"silences", read(counters.silences)},
		{"late", std::move(late)}};
}

} // namespace systole::control
