// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A whole group on one wire, for tests of the key exchange: members by number, and what goes by.
#pragma once

#include "tests/scenario/cluster.h"
#include "tests/unit/core/node_harness.h"

#include <gtest/gtest.h>

#include <functional>

namespace systole::scenario {

class Group : public testing::Test {
protected:
	// Members SYS...1, SYS...2, ...; `change` has the last word on each one's configuration.
	void members(std::size_t how_many, const std::function<void(std::size_t, core::Config &)> &change = {})
	{
		cluster = Cluster();
		for (std::size_t i = 0; i < how_many; ++i) {
			MemberSettings settings;
			settings.config = config_of(serial_of(i + 1));
			settings.config.hb_lost_threshold = 20;
			if (change)
				change(i, settings.config);
			settings.name = settings.config.self.view();
			settings.clock_offset = std::chrono::seconds{100 * i};
			cluster.add(settings);
		}
	}
	void start_all()
	{
		for (std::size_t i = 0; i < cluster.size(); ++i)
			cluster.start(i);
	}
	// Of those that run.
	[[nodiscard]] bool everybody_hears_everybody() const
	{
		std::size_t running = 0;
		for (std::size_t i = 0; i < cluster.size(); ++i)
			running += cluster.running(i);
		for (std::size_t i = 0; i < cluster.size(); ++i)
			if (cluster.running(i) && cluster.node(i).alive_peers() + 1 != running)
				return false;
		return true;
	}
	// Until everybody hears everybody; the time it took.
	core::Duration form(core::Duration limit)
	{
		const core::Time begin = cluster.now();
		while (!everybody_hears_everybody() && cluster.now() - begin < limit)
			cluster.run_for(std::chrono::milliseconds{1});
		return cluster.now() - begin;
	}
	// Everybody hears everybody at every millisecond of it.
	void run_whole(core::Duration duration)
	{
		for (const core::Time end = cluster.now() + duration; cluster.now() < end;) {
			cluster.run_for(std::chrono::milliseconds{1});
			ASSERT_TRUE(everybody_hears_everybody())
				<< "with " << (end - cluster.now()).count() << " ns to go";
		}
	}
	void expect_nobody_lost() const
	{
		for (std::size_t i = 0; i < cluster.size(); ++i)
			EXPECT_TRUE(cluster.notices(i, core::NoticeKind::peer_lost).empty()) << i;
	}
	// What one member knows of another.
	[[nodiscard]] const core::Member &seen_by(std::size_t observer, std::size_t member) const
	{
		return *cluster.node(observer).member(cluster.settings(member).config.self);
	}
	[[nodiscard]] core::PeerSlot slot_of(std::size_t observer, std::size_t member) const
	{
		const core::Members &all = cluster.node(observer).members();
		core::PeerSlot slot = 1;
		while (all[slot].id != cluster.settings(member).config.self)
			++slot;
		return slot;
	}
	[[nodiscard]] std::uint64_t drops(std::size_t member, core::HakeDrop why) const
	{
		return cluster.node(member).handshake().drops()[static_cast<std::size_t>(why)];
	}
	static bool is(const Frame &frame, core::HakeType type)
	{
		return frame.hake.length != 0 && core::decode_header(frame.hake.span())->type == type;
	}
	static bool is_sealed(const Frame &frame, core::HakeType type) { return frame.secret != 0 && is(frame, type); }

	Cluster cluster;
};

} // namespace systole::scenario
