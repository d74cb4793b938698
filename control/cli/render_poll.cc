// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/cli/fields.h"
#include "control/cli/render.h"

#include <fmt/format.h>

namespace systole::control::cli {

namespace {

std::string in_time(std::int64_t us)
{
	return us < 1000 ? fmt::format("{} us", us) : fmt::format("{:g} ms", static_cast<double>(us) / 1000);
}

} // namespace

std::string render_poll(const object &reply)
{
	std::string out = fmt::format("Poll mode: {}, {}\n", text(reply, "mode"), text(reply, "presence"));
	out += fmt::format("Turns: {}, longest gap between two: {}\n", number(reply, "turns"),
			   in_time(number(reply, "longest_gap_us")));
	out += fmt::format("Heartbeat rounds: {}, latest against the schedule: {}\n", number(reply, "rounds"),
			   in_time(number(reply, "late_us_max")));
	out += fmt::format("Silences (away for longer than the dead interval, or control hung): {}\n",
			   number(reply, "silences"));
	out += "Lateness of rounds:\n";
	std::int64_t from = 0;
	each(list(reply, "late"), [&](const object &entry) {
		const std::int64_t below = number(entry, "below_us");
		out += below != 0 ? fmt::format("    below {:>8}: {}\n", in_time(below), number(entry, "rounds"))
				  : fmt::format("    from  {:>8}: {}\n", in_time(from), number(entry, "rounds"));
		from = below;
	});
	return out;
}

} // namespace systole::control::cli
