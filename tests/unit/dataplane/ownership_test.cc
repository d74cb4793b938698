// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// An SA has one owner at a time: it crosses the rings as a pointer, and who does not hold it cannot open its packets.
// Two worker threads get every packet twice over, as a NIC with two queues might deliver them, while control moves the
// SA from one to the other and back. With ThreadSanitizer this also shows that nothing of the SA is shared.
#include "control/ring.h"
#include "crypto/esp.h"
#include "dataplane/sa_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

namespace systole::dataplane {
namespace {

using crypto::Suite;

static_assert(!std::is_copy_constructible_v<crypto::InboundSa> && !std::is_copy_assignable_v<crypto::InboundSa>);
static_assert(!std::is_copy_constructible_v<crypto::OutboundSa> && !std::is_copy_assignable_v<crypto::OutboundSa>);

constexpr std::uint32_t spi = 0x12340040;
constexpr std::size_t packets = 600;
constexpr std::size_t inner_bytes = 64;
using Packet = std::vector<std::byte>;

std::vector<std::byte> key_of(Suite suite)
{
	return std::vector<std::byte>(crypto::shape_of(suite).key_bytes, std::byte{0x3c});
}

std::vector<Packet> sealed(Suite suite)
{
	const auto key = key_of(suite);
	const crypto::OutboundSaPtr sa = crypto::make_outbound_sa({spi, suite, key});
	crypto::EspEngine engine;
	std::vector<Packet> all;
	for (std::size_t i = 0; i < packets; ++i) {
		Packet memory(crypto::seal_headroom + inner_bytes + crypto::seal_tailroom, std::byte{0x45});
		crypto::Seal seal{.sa = sa.get(),
				  .inner = memory.data() + crypto::seal_headroom,
				  .inner_length = inner_bytes,
				  .headroom = crypto::seal_headroom,
				  .tailroom = crypto::seal_tailroom};
		engine.seal({&seal, 1});
		all.emplace_back(seal.esp, seal.esp + seal.esp_length);
	}
	return all;
}

// What a worker does with its rings and its table, without a port.
struct Core {
	void run(const std::vector<Packet> &wire)
	{
		crypto::EspEngine engine;
		SaTable table(4);
		std::size_t at = 0;
		while (!channel.stop) {
			channel.commands.consume_all([&](const control::WorkerCommand &command) {
				if (const auto *install = std::get_if<control::InstallInbound>(&command))
					(void)table.install(install->sa);
				else if (const auto *remove = std::get_if<control::RemoveSession>(&command))
					table.remove_if([&](const auto &sa) { return sa.session == remove->session; },
							[&](crypto::InboundSa *sa) {
								channel.events.push(control::ReleasedInbound{sa});
							});
			});
			Packet copy = wire[at];
			at = (at + 1) % wire.size();
			seen.fetch_add(1, std::memory_order_relaxed);
			crypto::InboundSa *sa = table.find(spi);
			if (sa == nullptr)
				continue;
			crypto::Open open{.sa = sa, .esp = copy.data(), .esp_length = copy.size()};
			engine.open({&open, 1});
			if (open.refusal == crypto::Refusal::none)
				accepted.push_back(open.sequence);
		}
		table.remove_if([](const auto &) { return true; },
				[&](crypto::InboundSa *sa) { channel.events.push(control::ReleasedInbound{sa}); });
	}

	control::WorkerChannel channel;
	std::atomic<std::size_t> seen{0};
	std::vector<std::uint32_t> accepted; // read when the thread has ended
};

crypto::InboundSa *returned(Core &core)
{
	crypto::InboundSa *back = nullptr;
	while (back == nullptr)
		core.channel.events.consume_all([&](const control::WorkerEvent &event) {
			back = std::get<control::ReleasedInbound>(event).sa;
		});
	return back;
}

class Ownership : public ::testing::TestWithParam<Suite> {};
INSTANTIATE_TEST_SUITE_P(, Ownership, ::testing::Values(Suite::null_sha1, Suite::cbc_sha1, Suite::gcm));

TEST_P(Ownership, R11_of_packets_that_reach_two_cores_each_is_accepted_once)
{
	const std::vector<Packet> wire = sealed(GetParam());
	const auto key = key_of(GetParam());
	crypto::InboundSaPtr made = crypto::make_inbound_sa({spi, GetParam(), key});
	ASSERT_NE(made, nullptr);
	made->session = 1;
	crypto::InboundSa *sa = made.release();

	std::array<Core, 2> cores;
	std::array<std::thread, 2> threads;
	for (std::size_t i = 0; i < cores.size(); ++i)
		threads[i] = std::thread([&, i] { cores[i].run(wire); });
	constexpr std::size_t hand_overs = 20;
	for (std::size_t turn = 0; turn < hand_overs; ++turn) {
		Core &core = cores[turn % 2];
		const std::size_t before = core.seen.load(std::memory_order_relaxed);
		ASSERT_TRUE(core.channel.commands.push(control::InstallInbound{sa, 1, 0, 1}));
		while (core.seen.load(std::memory_order_relaxed) < before + packets / 8)
			std::this_thread::yield();
		ASSERT_TRUE(core.channel.commands.push(control::RemoveSession{1}));
		sa = returned(core);
		EXPECT_LE(sa->packets, packets); // ours to read now
	}
	ASSERT_TRUE(cores[0].channel.commands.push(control::InstallInbound{sa, 1, 0, 1}));
	const std::size_t before = cores[0].seen.load(std::memory_order_relaxed);
	while (cores[0].seen.load(std::memory_order_relaxed) < before + 2 * packets) // the rest, and all of them again
		std::this_thread::yield();
	for (std::size_t i = 0; i < cores.size(); ++i) {
		cores[i].channel.stop = true;
		threads[i].join();
	}
	crypto::InboundSaPtr owned(returned(cores[0]));

	std::multiset<std::uint32_t> accepted;
	for (const Core &core : cores)
		accepted.insert(core.accepted.begin(), core.accepted.end());
	EXPECT_EQ(accepted.size(), owned->packets);
	EXPECT_EQ(std::set<std::uint32_t>(accepted.begin(), accepted.end()).size(), accepted.size())
		<< "a sequence number was accepted twice";
	EXPECT_EQ(accepted.size(), packets);
}

} // namespace
} // namespace systole::dataplane
