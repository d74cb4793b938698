// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A network namespace with connection tracking of its own, and what the kernel has there.
#pragma once

#include "control/sessions/conntrack_sink.h"
#include "control/sessions/conntrack_source.h"
#include "tests/lab/takeover/network.h"
#include "tests/unit/sessions/records.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace systole::control::test {

inline Sessions sessions_in(const lab::NetworkNamespace &space, bool expectations = false)
{
	return space.run([&] {
		ConntrackSource source({.expectations = expectations});
		Model model;
		std::string error;
		EXPECT_TRUE(source.start(error)) << error;
		while (source.poll(model, 1000))
			;
		EXPECT_EQ(source.counters().unreadable, 0U);
		EXPECT_EQ(model.story.back(), ']');
		return model.sessions;
	});
}

inline std::unique_ptr<ConntrackSource> source_in(const lab::NetworkNamespace &space,
						  ConntrackSourceSettings settings = {})
{
	return space.run([&] {
		auto source = std::make_unique<ConntrackSource>(settings);
		std::string error;
		EXPECT_TRUE(source->start(error)) << error;
		return source;
	});
}

inline std::unique_ptr<ConntrackSink> sink_in(const lab::NetworkNamespace &space, ConntrackSinkSettings settings = {})
{
	return space.run([&] {
		auto sink = std::make_unique<ConntrackSink>(settings);
		std::string error;
		EXPECT_TRUE(sink->start(error)) << error;
		return sink;
	});
}

// Until nothing waits.
inline void drain(ConntrackSource &source, Model &model, std::size_t most = 1000)
{
	while (source.poll(model, most))
		;
}

// Expectations last.
inline std::vector<SessionRecord> list(const Sessions &sessions)
{
	std::vector<SessionRecord> records;
	for (const auto &[key, record] : sessions)
		records.push_back(record);
	std::ranges::stable_partition(records, [](const SessionRecord &record) { return !record.is_expectation(); });
	return records;
}

} // namespace systole::control::test
