// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The log: one line an event on stderr, written by a thread of its own. When that thread does not keep up (a blocked
// terminal, a full pipe) the oldest waiting lines are dropped; the control thread never waits. Nothing secret is
// ever handed to it. Worker threads do not log.
//
// `diagnose debug app NAME LEVEL` sets the level of one part of the program.
#pragma once

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace systole::control {

// Parts of the program, by the names that the product's users know where there is one.
enum class LogApp : std::uint8_t {
	hatalk,    // membership, election, heartbeats
	hasync,    // configuration and sessions
	takeover,  // addresses, virtual MAC, hooks
	dataplane, // ports and workers
	api,       // control socket
	daemon,    // start, stop, everything else
	count_
};
inline constexpr std::size_t log_app_count = static_cast<std::size_t>(LogApp::count_);
[[nodiscard]] std::string_view log_app_name(LogApp app);

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, off };

// Starts the writer thread. Before it, and after log_stop(), lines go straight to stderr.
void log_start();
// Writes what waits, then ends the thread.
void log_stop();

[[nodiscard]] bool log_enabled(LogApp app, LogLevel level);
void log_line(LogApp app, LogLevel level, std::string_view text);

template <typename... Args> void log(LogApp app, LogLevel level, fmt::format_string<Args...> format, Args &&...args)
{
	if (log_enabled(app, level))
		log_line(app, level, fmt::format(format, std::forward<Args>(args)...));
}

void log_set_level(LogApp app, LogLevel level);
[[nodiscard]] LogLevel log_level(LogApp app);
// LEVEL as the operator writes it: off, error, warning, info, debug, trace, or the product's numbers: 0 (the normal
// info), 1 (debug), -1 and everything above 1 (trace). False: unknown; `error` names what is known.
[[nodiscard]] bool log_set_level(std::string_view app, std::string_view level, std::string &error);
// Lines dropped because the writer did not keep up.
[[nodiscard]] std::size_t log_dropped();

// At most one line a second for each reason, so that an attacker or a flapping cable cannot fill the log.
class LogRateLimit {
public:
	using Instant = std::chrono::nanoseconds; // of any monotonic clock

	// Whether to write now; if so, how many were kept back since the last one.
	[[nodiscard]] std::optional<std::uint64_t> allow(std::string_view reason, Instant now);
	// allow() and log_line() in one; says how many lines were kept back.
	void line(LogApp app, LogLevel level, std::string_view reason, Instant now, std::string_view text);

private:
	struct Reason {
		Instant last{};
		std::uint64_t suppressed = 0;
	};
	std::map<std::string, Reason, std::less<>> m_reasons; // bounded; what does not fit shares one entry
};

} // namespace systole::control
