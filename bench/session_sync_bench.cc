// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What session synchronisation costs without link and crypto: a sender and a receiver in one thread, frames handed over as
// they are. IPv4 TCP with source NAT; every record is decoded, looked up, stored and told to a sink.
#include "control/core/session/sync_receiver.h"
#include "control/core/session/sync_sender.h"
#include "tests/unit/core/session/session_samples.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace systole::core;
using namespace systole::core::samples;

struct CountingSink : SyncSink {
	void stored(SlotNumber) override { ++calls; }
	void erased(SlotNumber, const SessionRecord &) override { ++calls; }
	std::uint64_t calls = 0;
};

struct Pair {
	explicit Pair(std::uint32_t its_count)
	    : count(its_count), source(its_count), copy(its_count),
	      sender_words(SyncSender::words_for(source->capacity())), flights(SyncSender::flight_bytes()),
	      receiver_words(SyncReceiver::words_for(copy->capacity())), sender(*source, {sender_words, flights}),
	      receiver(*copy, sink, receiver_words)
	{
	}
	// 32 frames there, whatever there is back, as the session thread does it, until nobody has anything to say.
	void exchange()
	{
		for (bool any = true; any;) {
			any = false;
			now += std::chrono::microseconds{10};
			for (int i = 0; i < 32; ++i) {
				const std::size_t bytes = sender.next_frame(now, frame);
				if (bytes == 0)
					break;
				wire_bytes += bytes;
				receiver.receive(std::span(frame).first(bytes), now);
				any = true;
			}
			while (const std::size_t bytes = receiver.next_frame(now, 4096, frame)) {
				sender.receive(std::span(frame).first(bytes), now);
				any = true;
			}
			if (!any && !sender.in_step()) { // an acknowledgement or a CHECK waits for its time
				now = std::max(now, std::min(sender.next_deadline(), receiver.next_deadline()));
				any = true;
			}
		}
	}

	std::uint32_t count;
	OwnedTable source, copy;
	std::vector<std::uint64_t> sender_words;
	std::vector<std::byte> flights;
	std::vector<std::uint64_t> receiver_words;
	CountingSink sink;
	SyncSender sender;
	SyncReceiver receiver;
	std::array<std::byte, max_sync_frame_bytes> frame{};
	std::uint64_t wire_bytes = 0;
	Time now{std::chrono::seconds{1}};
};

// Both halves; records/s and CPU of one core for all of it.
void report(benchmark::State &state, Pair &pair, std::uint64_t records)
{
	state.SetItemsProcessed(static_cast<std::int64_t>(records));
	state.counters["bytes/record"] = static_cast<double>(pair.wire_bytes) / static_cast<double>(records);
	if (pair.source->digest() != pair.copy->digest() || pair.sender.at_risk() != 0)
		state.SkipWithError("the copy is not equal");
}

void fill_a_new_standby(benchmark::State &state)
{
	Pair pair(static_cast<std::uint32_t>(state.range(0)));
	for (std::uint32_t i = 0; i < pair.count; ++i)
		(void)pair.source->put(numbered(i));
	std::uint64_t generation = 0;
	for (auto _ : state) {
		state.PauseTiming();
		pair.copy->clear();
		state.ResumeTiming();
		pair.sender.begin(++generation, pair.now);
		pair.exchange();
	}
	report(state, pair, generation * pair.count);
}
BENCHMARK(fill_a_new_standby)->Arg(1000)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMillisecond);

// A thousand of them become other ones at a time, in no order; two records each.
void live_changes(benchmark::State &state)
{
	Pair pair(static_cast<std::uint32_t>(state.range(0)));
	for (std::uint32_t i = 0; i < pair.count; ++i)
		(void)pair.source->put(numbered(i));
	pair.sender.begin(1, pair.now);
	pair.exchange();
	pair.wire_bytes = 0;
	std::mt19937_64 random(1);
	std::uint64_t records = 0;
	for (auto _ : state) {
		state.PauseTiming();
		for (int i = 0; i < 1000; ++i) {
			SessionRecord record = numbered(static_cast<std::uint32_t>(random() % pair.count));
			record.mark = static_cast<std::uint32_t>(random());
			pair.sender.changed(pair.source->put(record).slot);
		}
		const std::uint64_t before = pair.sender.counters().records;
		state.ResumeTiming();
		pair.exchange();
		records += pair.sender.counters().records - before;
	}
	report(state, pair, records);
}
BENCHMARK(live_changes)->Arg(1000)->Arg(100000)->Arg(1000000);

// A standby that is a copy already.
void begin_with_a_copy(benchmark::State &state)
{
	Pair pair(static_cast<std::uint32_t>(state.range(0)));
	for (std::uint32_t i = 0; i < pair.count; ++i)
		(void)pair.source->put(numbered(i));
	std::uint64_t generation = 1;
	pair.sender.begin(generation, pair.now);
	pair.exchange();
	const std::uint64_t told = pair.sender.counters().records;
	for (auto _ : state) {
		pair.sender.begin(++generation, pair.now);
		pair.exchange();
	}
	if (pair.sender.counters().records != told)
		state.SkipWithError("something was told again");
}
BENCHMARK(begin_with_a_copy)->Arg(1000000)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
