// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What one decision costs: steps of a Node with fifteen live peers, an election of sixteen, and the two codecs.
#include "control/core/election.h"
#include "control/core/heartbeat.h"
#include "control/core/message.h"
#include "tests/unit/core/node_harness.h"

#include <benchmark/benchmark.h>

namespace {

using namespace systole::core;
using namespace systole::scenario;

// A primary that hears fifteen standbys.
struct FullCluster {
	FullCluster() : one(config_of(serial_of(1)))
	{
		(void)one.start();
		one.pass(std::chrono::seconds{6});
		for (std::size_t i = 0; i < 15; ++i) {
			peers.push_back(one.make_peer(serial_of(10 + i)));
			peers.back().words.state = HaState::standby;
			peers.back().words.choice = member_hash(one.node().config().self);
			(void)one.join(peers.back());
			beats.emplace_back(one.beat_of(peers.back()));
		}
	}
	// Else the figure would be that of something else.
	[[nodiscard]] bool stands() const { return one.node().primary() && one.node().alive_peers() == peers.size(); }
	OneNode one;
	std::vector<OneNode::Peer> peers;
	std::vector<EventBody> beats;
};

void node_step_beat(benchmark::State &state)
{
	FullCluster cluster;
	std::size_t next = 0;
	for (auto _ : state) {
		cluster.one.now += std::chrono::microseconds{666}; // 15 peers, a beat each 10 ms
		benchmark::DoNotOptimize(cluster.one.step(cluster.beats[next]).size());
		next = (next + 1) % cluster.beats.size();
	}
	if (!cluster.stands())
		state.SkipWithError("the cluster fell apart");
}
BENCHMARK(node_step_beat);

// The same with something new in every beat.
void node_step_beat_with_news(benchmark::State &state)
{
	FullCluster cluster;
	std::size_t next = 0;
	std::uint32_t news = 0;
	for (auto _ : state) {
		cluster.one.now += std::chrono::microseconds{666};
		std::get<BeatReceived>(cluster.beats[next]).content.packet_version = ++news;
		benchmark::DoNotOptimize(cluster.one.step(cluster.beats[next]).size());
		next = (next + 1) % cluster.beats.size();
	}
	if (!cluster.stands())
		state.SkipWithError("the cluster fell apart");
}
BENCHMARK(node_step_beat_with_news);

void node_step_tick(benchmark::State &state)
{
	FullCluster cluster;
	for (auto _ : state) {
		cluster.one.now = std::max(cluster.one.now, cluster.one.node().next_deadline());
		benchmark::DoNotOptimize(cluster.one.step(Tick{}).size());
	}
	if (!cluster.stands())
		state.SkipWithError("the cluster fell apart");
}
BENCHMARK(node_step_tick);

void node_step_forged_hello(benchmark::State &state)
{
	FullCluster cluster;
	HakeBytes hello = cluster.peers[0].keys->hello(0);
	hello.bytes[20] = std::byte{'x'}; // nobody we know
	std::uint64_t counter = 0;
	for (auto _ : state) {
		++counter;
		std::memcpy(hello.bytes.data() + 21, &counter, sizeof(counter));
		benchmark::DoNotOptimize(cluster.one.step(HakeReceived{0, OneNode::mac, hello}).size());
	}
}
BENCHMARK(node_step_forged_hello);

void election(benchmark::State &state)
{
	std::vector<Candidate> members(static_cast<std::size_t>(state.range(0)));
	const Time now{std::chrono::seconds{100000}};
	for (std::size_t i = 0; i < members.size(); ++i) {
		members[i].id = MemberId::from(serial_of(i + 1));
		members[i].age_origin = now - std::chrono::seconds{i};
	}
	for (auto _ : state) {
		benchmark::DoNotOptimize(elect(members, {false, std::chrono::seconds{300}}, now));
		benchmark::ClobberMemory();
	}
}
BENCHMARK(election)->Arg(2)->Arg(4)->Arg(16);

HeartbeatContent content_of(std::size_t peers)
{
	HeartbeatContent content;
	content.hostname = Hostname::from("appliance-1");
	content.vclusters.push_back({});
	content.macs.push_back({});
	content.macs.push_back({});
	for (std::size_t i = 0; i < peers * 2 && !content.reception.full(); ++i)
		content.reception.push_back({static_cast<std::uint32_t>(i), 0, LinkHealth::up});
	return content;
}

void heartbeat_encode(benchmark::State &state)
{
	const HeartbeatContent content = content_of(static_cast<std::size_t>(state.range(0)));
	std::array<std::byte, 640> out{};
	std::size_t bytes = 0;
	for (auto _ : state)
		benchmark::DoNotOptimize(bytes = encode(content, out));
	state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(heartbeat_encode)->Arg(1)->Arg(15);

void heartbeat_decode(benchmark::State &state)
{
	std::array<std::byte, 640> bytes{};
	const std::size_t length = encode(content_of(static_cast<std::size_t>(state.range(0))), bytes);
	for (auto _ : state) {
		benchmark::DoNotOptimize(decode_content(std::span(bytes).first(length)));
		benchmark::ClobberMemory();
	}
}
BENCHMARK(heartbeat_decode)->Arg(1)->Arg(15);

void stamp_encode(benchmark::State &state)
{
	BeatStamp stamp;
	std::array<std::byte, beat_stamp_bytes> body{};
	for (auto _ : state) {
		++stamp.tx;
		encode(stamp, body);
		benchmark::ClobberMemory();
	}
}
BENCHMARK(stamp_encode);

void stamp_decode(benchmark::State &state)
{
	BeatStamp stamp;
	stamp.tx = 1;
	std::array<std::byte, beat_stamp_bytes> body{};
	encode(stamp, body);
	if (!decode_stamp(body))
		return state.SkipWithError("refused");
	for (auto _ : state) {
		benchmark::DoNotOptimize(body.data());
		benchmark::ClobberMemory();
		benchmark::DoNotOptimize(decode_stamp(body));
	}
}
BENCHMARK(stamp_decode);

template <typename Message, typename Decode>
void hake_decode_and_encode(benchmark::State &state, HakeType type, Message message, Decode decode)
{
	if constexpr (requires { message.head; })
		message.head.header.type = type;
	else
		message.header.type = type;
	const HakeBytes bytes = encode(message);
	if (!decode(bytes.span()))
		return state.SkipWithError("refused");
	for (auto _ : state) {
		benchmark::DoNotOptimize(bytes.bytes.data());
		benchmark::ClobberMemory();
		benchmark::DoNotOptimize(encode(*decode(bytes.span())));
	}
	state.counters["bytes"] = static_cast<double>(bytes.length);
}
BENCHMARK_CAPTURE(hake_decode_and_encode, hello, HakeType::hello, Hello{}, decode_hello);
BENCHMARK_CAPTURE(hake_decode_and_encode, ke1, HakeType::ke1, Ke1{}, decode_ke1);
BENCHMARK_CAPTURE(hake_decode_and_encode, ke2, HakeType::ke2, Ke2{}, decode_ke2);
BENCHMARK_CAPTURE(hake_decode_and_encode, ke3, HakeType::ke3, Ke3{}, decode_ke3);

void hake_refuse_garbage(benchmark::State &state)
{
	std::array<std::byte, 148> garbage{};
	for (auto _ : state) {
		benchmark::DoNotOptimize(decode_header(garbage));
		benchmark::ClobberMemory();
	}
}
BENCHMARK(hake_refuse_garbage);

} // namespace

BENCHMARK_MAIN();
