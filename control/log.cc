// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <memory>

namespace systole::control {

namespace {

constexpr std::array<std::string_view, log_app_count> app_names{"hatalk",    "hasync", "takeover",
								"dataplane", "api",    "daemon"};
constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info", "warning", "error", "off"};
constexpr std::size_t queue_lines = 4096;
constexpr std::size_t max_reasons = 256;

struct LogState {
	std::array<std::atomic<LogLevel>, log_app_count> levels;
	std::shared_ptr<spdlog::details::thread_pool> pool;
	std::shared_ptr<spdlog::async_logger> logger;

	LogState()
	{
		for (auto &level : levels)
			level = LogLevel::info;
	}
};

LogState &state()
{
	static LogState instance;
	return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level)
{
	switch (level) {
	case LogLevel::trace: return spdlog::level::trace;
	case LogLevel::debug: return spdlog::level::debug;
	case LogLevel::info: return spdlog::level::info;
	case LogLevel::warning: return spdlog::level::warn;
	case LogLevel::error: return spdlog::level::err;
	case LogLevel::off: break;
	}
	return spdlog::level::off;
}

std::optional<LogLevel> level_from(std::string_view word)
{
	for (std::size_t i = 0; i < level_names.size(); ++i)
		if (level_names[i] == word)
			return static_cast<LogLevel>(i);
	int number = 0;
	const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
	if (failure != std::errc{} || end != word.data() + word.size() || number < -1)
		return std::nullopt;
	if (number == 0)
		return LogLevel::info;
	return number == 1 ? LogLevel::debug : LogLevel::trace;
}

} // namespace

std::string_view log_app_name(LogApp app)
{
	return app_names[static_cast<std::size_t>(app)];
}

void log_start()
{
	LogState &log = state();
	if (log.logger)
		return;
	log.pool = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
	log.logger =
		std::make_shared<spdlog::async_logger>("systole", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
						       log.pool, spdlog::async_overflow_policy::overrun_oldest);
	log.logger->set_level(spdlog::level::trace); // levels are judged per app, before a line is made
	log.logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
	log.logger->flush_on(spdlog::level::warn);
}

void log_stop()
{
	LogState &log = state();
	if (log.logger)
		log.logger->flush();
	log.logger.reset();
	log.pool.reset(); // joins: what waits is written first
}

bool log_enabled(LogApp app, LogLevel level)
{
	return level != LogLevel::off && level >= log_level(app);
}

void log_line(LogApp app, LogLevel level, std::string_view text)
{
	if (!log_enabled(app, level))
		return;
	if (const auto &logger = state().logger) {
		logger->log(to_spdlog(level), "{}: {}", log_app_name(app), text);
		return;
	}
	const std::string line = fmt::format("systoled: {}: {}: {}\n", log_app_name(app),
					     level_names[static_cast<std::size_t>(level)], text);
	std::fwrite(line.data(), 1, line.size(), stderr);
}

void log_set_level(LogApp app, LogLevel level)
{
	state().levels[static_cast<std::size_t>(app)].store(level, std::memory_order_relaxed);
}

LogLevel log_level(LogApp app)
{
	return state().levels[static_cast<std::size_t>(app)].load(std::memory_order_relaxed);
}

bool log_set_level(std::string_view app, std::string_view level, std::string &error)
{
	for (std::size_t i = 0; i < app_names.size(); ++i) {
		if (app_names[i] != app)
			continue;
		const auto wanted = level_from(level);
		if (!wanted) {
			error = fmt::format(
				"unknown level '{}': use {}, or a number (0 = info, 1 = debug, -1 = everything)", level,
				fmt::join(level_names, ", "));
			return false;
		}
		log_set_level(static_cast<LogApp>(i), *wanted);
		return true;
	}
	error = fmt::format("unknown app '{}': use {}", app, fmt::join(app_names, ", "));
	return false;
}

std::size_t log_dropped()
{
	return state().pool ? state().pool->overrun_counter() : 0;
}

std::optional<std::uint64_t> LogRateLimit::allow(std::string_view reason, Instant now)
{
	auto it = m_reasons.find(reason);
	if (it == m_reasons.end()) {
		const bool full = m_reasons.size() >= max_reasons;
		it = m_reasons
			     .try_emplace(full ? std::string("other") : std::string(reason),
					  Reason{now - std::chrono::seconds{1}, 0})
			     .first;
	}
	Reason &entry = it->second;
	if (now - entry.last < std::chrono::seconds{1}) {
		++entry.suppressed;
		return std::nullopt;
	}
	entry.last = now;
	return std::exchange(entry.suppressed, 0);
}

void LogRateLimit::line(LogApp app, LogLevel level, std::string_view reason, Instant now, std::string_view text)
{
	const auto suppressed = allow(reason, now);
	if (!suppressed)
		return;
	if (*suppressed == 0)
		log_line(app, level, text);
	else
		log_line(app, level, fmt::format("{} ({} more of this kind in the meantime)", text, *suppressed));
}

} // namespace systole::control
