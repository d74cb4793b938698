// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Inbound SAs by SPI, and events that must not be lost while control does not listen.
#include "dataplane/outbox.h"
#include "dataplane/sa_table.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

namespace systole::dataplane {
namespace {

using control::LinkVerdict;
using control::PeerLink;

crypto::InboundSaPtr make_sa(std::uint32_t spi, std::uint32_t session)
{
	static constexpr std::array<std::byte, 20> key{std::byte{1}};
	auto sa = crypto::make_inbound_sa({spi, crypto::Suite::null_sha1, key});
	sa->session = session;
	return sa;
}

TEST(SaTable, all_32_bits_of_the_spi_decide)
{
	SaTable table;
	const auto sa = make_sa(0xabcd0064, 1);
	EXPECT_EQ(table.install(sa.get()), nullptr);
	EXPECT_EQ(table.find(0xabcd0064), sa.get());
	EXPECT_EQ(table.find(0xabce0064), nullptr); // the same place, another boot
	EXPECT_EQ(table.find(0xabcd0065), nullptr);
	EXPECT_EQ(table.find(0), nullptr);
}

TEST(SaTable, a_newcomer_in_the_same_place_sends_the_old_one_back)
{
	SaTable table;
	const auto old_sa = make_sa(0x11110064, 1);
	const auto new_sa = make_sa(0x22220064, 2);
	EXPECT_EQ(table.install(old_sa.get()), nullptr);
	EXPECT_EQ(table.install(new_sa.get()), old_sa.get());
	EXPECT_EQ(table.find(0x11110064), nullptr);
	EXPECT_EQ(table.find(0x22220064), new_sa.get());
	EXPECT_EQ(table.size(), 1U);
	EXPECT_EQ(table.install(new_sa.get()), nullptr); // twice is once
	EXPECT_EQ(table.size(), 1U);
}

TEST(SaTable, a_session_leaves_as_a_whole_and_nothing_else_does)
{
	SaTable table;
	std::vector<crypto::InboundSaPtr> sas;
	for (std::uint32_t i = 0; i < 30; ++i) {
		sas.push_back(make_sa(0x10000 + i, i % 3));
		ASSERT_EQ(table.install(sas.back().get()), nullptr);
	}
	unsigned visited = 0;
	table.each_of(1, [&](crypto::InboundSa &sa) { visited += sa.session == 1 ? 1 : 100; });
	EXPECT_EQ(visited, 10U);
	unsigned released = 0;
	table.remove_if([](const crypto::InboundSa &sa) { return sa.session == 1; },
			[&](crypto::InboundSa *) { ++released; });
	EXPECT_EQ(released, 10U);
	EXPECT_EQ(table.size(), 20U);
	for (std::uint32_t i = 0; i < 30; ++i)
		EXPECT_EQ(table.find(0x10000 + i), i % 3 == 1 ? nullptr : sas[i].get());
}

TEST(SaTable, a_full_table_sends_the_newcomer_back)
{
	SaTable table;
	std::vector<crypto::InboundSaPtr> sas;
	for (std::uint32_t i = 0; i < SaTable::usual_capacity; ++i) {
		sas.push_back(make_sa(0x10000 + i, 1));
		ASSERT_EQ(table.install(sas.back().get()), nullptr);
	}
	const auto surplus = make_sa(0x1ffff, 2);
	EXPECT_EQ(table.install(surplus.get()), surplus.get());
	EXPECT_EQ(table.find(0x1ffff), nullptr);
}

// ----------------------------------------------------------------

struct FullRing {
	FullRing() : channel(std::make_unique<control::WorkerChannel>()), outbox(std::make_unique<Outbox>(*channel))
	{
		while (channel->events.push(control::HakeFrame{})) {}
	}
	// What control finds, the fillers left out.
	std::vector<control::WorkerEvent> drain()
	{
		std::vector<control::WorkerEvent> events;
		channel->events.consume_all([&](const control::WorkerEvent &event) {
			if (!std::holds_alternative<control::HakeFrame>(event))
				events.push_back(event);
		});
		return events;
	}
	[[nodiscard]] std::uint64_t ring_full() const
	{
		return channel->counters.drops[static_cast<std::size_t>(control::Drop::ring_full)];
	}

	std::unique_ptr<control::WorkerChannel> channel;
	std::unique_ptr<Outbox> outbox;
};

PeerLink verdict(core::PeerSlot slot, LinkVerdict what, core::SessionId generation = 1)
{
	return {.at = {}, .last_rx = {}, .slot = slot, .generation = generation, .link = 0, .verdict = what};
}

TEST(Outbox, a_full_ring_drops_beats_and_counts_them)
{
	FullRing ring;
	EXPECT_FALSE(ring.outbox->offer(control::PeerBeat{}));
	EXPECT_FALSE(ring.outbox->offer(control::HakeFrame{}));
	EXPECT_EQ(ring.ring_full(), 2U);
	EXPECT_FALSE(ring.outbox->take_pushed());
}

TEST(Outbox, what_must_arrive_arrives_later_and_in_order)
{
	FullRing ring;
	ring.outbox->deliver(verdict(1, LinkVerdict::lost));
	ring.outbox->deliver(control::SessionConfirmed{{}, 2, 77});
	ring.outbox->deliver(control::ReleasedInbound{nullptr});
	EXPECT_EQ(ring.outbox->waiting(), 3U);
	EXPECT_TRUE(ring.drain().empty());
	// A beat must not overtake them even though there is room now.
	EXPECT_FALSE(ring.outbox->offer(control::PeerBeat{}));
	ring.outbox->retry();
	EXPECT_EQ(ring.outbox->waiting(), 0U);
	EXPECT_TRUE(ring.outbox->take_pushed());
	const auto events = ring.drain();
	ASSERT_EQ(events.size(), 3U);
	EXPECT_TRUE(std::holds_alternative<PeerLink>(events[0]));
	EXPECT_TRUE(std::holds_alternative<control::SessionConfirmed>(events[1]));
	EXPECT_TRUE(std::holds_alternative<control::ReleasedInbound>(events[2]));
	EXPECT_TRUE(ring.outbox->offer(control::PeerBeat{}));
}

TEST(Outbox, only_the_newest_verdict_on_a_link_waits_but_an_alarm_is_never_hidden)
{
	FullRing ring;
	for (int i = 0; i < 10'000; ++i) {
		ring.outbox->deliver(verdict(1, LinkVerdict::lost));
		ring.outbox->deliver(verdict(1, LinkVerdict::alive, 5));
		ring.outbox->deliver(verdict(2, LinkVerdict::one_way));
		ring.outbox->deliver(verdict(1, LinkVerdict::rollback));
		ring.outbox->deliver(control::WorkerLate{{}, std::chrono::milliseconds{i}});
	}
	EXPECT_EQ(ring.outbox->waiting(), 4U);
	(void)ring.drain();
	ring.outbox->retry();
	const auto events = ring.drain();
	ASSERT_EQ(events.size(), 4U);
	EXPECT_EQ(std::get<PeerLink>(events[0]).verdict, LinkVerdict::alive);
	EXPECT_EQ(std::get<PeerLink>(events[0]).generation, 5U);
	EXPECT_EQ(std::get<PeerLink>(events[1]).verdict, LinkVerdict::one_way);
	EXPECT_EQ(std::get<PeerLink>(events[2]).verdict, LinkVerdict::rollback);
	EXPECT_EQ(std::get<control::WorkerLate>(events[3]).gap, std::chrono::milliseconds{9999});
}

} // namespace
} // namespace systole::dataplane
