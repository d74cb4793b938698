// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The readable timeline of one seed: one line an event, seconds since the start, then who, then what.
#pragma once

#include "control/core/action.h"
#include "tests/sim/sim_time.h"

#include <cstdarg>
#include <cstdio>
#include <string>

namespace systole::sim {

[[nodiscard]] inline std::string member_name(std::size_t member)
{
	std::string name(1, 'm');
	name += std::to_string(member + 1);
	return name;
}
[[nodiscard]] const char *name_of(core::HaState state);
[[nodiscard]] const char *name_of(core::Rule rule);
[[nodiscard]] const char *name_of(core::NoticeKind kind);

class Trace {
public:
	void enable() { m_enabled = true; }
	[[nodiscard]] bool enabled() const { return m_enabled; }
	__attribute__((format(printf, 4, 5))) void line(SimTime at, const std::string &who, const char *format,
							...) const
	{
		if (!m_enabled)
			return;
		std::printf("%11.6f %-4s ", seconds_of(at), who.c_str());
		std::va_list arguments;
		va_start(arguments, format);
		std::vprintf(format, arguments);
		va_end(arguments);
		std::printf("\n");
	}

private:
	bool m_enabled = false;
};

} // namespace systole::sim
