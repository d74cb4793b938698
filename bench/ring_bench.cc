// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The rings between a worker and control: what one event or command costs to put in and take out, on one thread (the
// work itself) and on two (the work and the caches talking), and how long a command and its answer are under way.
#include "control/ring.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <memory>
#include <thread>

namespace {

using namespace systole::control;

WorkerEvent beat_event()
{
	PeerBeat beat{};
	beat.slot = 1;
	beat.length = 420;
	return beat;
}

void push_and_pop_on_one_thread(benchmark::State &state)
{
	const auto ring = std::make_unique<EventRing>();
	const WorkerEvent event = beat_event();
	WorkerEvent out{WorkerLate{}};
	for (auto _ : state) {
		benchmark::DoNotOptimize(ring->push(event));
		benchmark::DoNotOptimize(ring->pop(out));
	}
	state.counters["event_bytes"] = sizeof(WorkerEvent);
}
BENCHMARK(push_and_pop_on_one_thread);

void command_push_and_pop_on_one_thread(benchmark::State &state)
{
	const auto ring = std::make_unique<CommandRing>();
	SetBeat beat{};
	beat.length = 420;
	const WorkerCommand command = beat;
	for (auto _ : state) {
		benchmark::DoNotOptimize(ring->push(command));
		ring->consume_one([](const WorkerCommand &taken) { benchmark::DoNotOptimize(taken.index()); });
	}
	state.counters["command_bytes"] = sizeof(WorkerCommand);
}
BENCHMARK(command_push_and_pop_on_one_thread);

// A command to a spinning worker and its event back.
void there_and_back_between_threads(benchmark::State &state)
{
	const auto commands = std::make_unique<CommandRing>();
	const auto events = std::make_unique<EventRing>();
	std::atomic<bool> stop{false};
	std::thread worker([&] {
		const WorkerEvent event = beat_event();
		while (!stop.load(std::memory_order_relaxed))
			commands->consume_one([&](const WorkerCommand &) { events->push(event); });
	});
	const WorkerCommand command = RemoveSession{1};
	for (auto _ : state) {
		commands->push(command);
		while (events->consume_one([](const WorkerEvent &event) { benchmark::DoNotOptimize(event.index()); }) ==
		       0) {}
	}
	stop = true;
	worker.join();
}
BENCHMARK(there_and_back_between_threads)->UseRealTime();

void push_to_another_thread(benchmark::State &state)
{
	const auto ring = std::make_unique<EventRing>();
	std::atomic<bool> stop{false};
	std::uint64_t taken = 0;
	std::thread control([&] {
		while (!stop.load(std::memory_order_relaxed))
			taken += ring->consume_all(
				[](const WorkerEvent &event) { benchmark::DoNotOptimize(event.index()); });
	});
	const WorkerEvent event = beat_event();
	for (auto _ : state)
		while (!ring->push(event)) { // only here: a worker drops, counts and goes on
		}
	stop = true;
	control.join();
}
BENCHMARK(push_to_another_thread)->UseRealTime();

void full_ring_refuses(benchmark::State &state)
{
	const auto ring = std::make_unique<EventRing>();
	const WorkerEvent event = beat_event();
	while (ring->push(event)) {}
	for (auto _ : state)
		benchmark::DoNotOptimize(ring->push(event));
}
BENCHMARK(full_ring_refuses);

} // namespace

BENCHMARK_MAIN();
